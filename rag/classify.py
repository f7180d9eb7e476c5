"""Texts sorted by labels: what speaks for each label, how sure the best one is, or that none of them fits.

A sentence's likeness to a label says little by itself, since some labels are near to everything; so it is measured
against a background of sentences. Words in common count beside meaning. With examples, a multinomial logistic
regression on the sentences' vectors (a head) has a say as well, and how much each counts is fitted on examples that
the head had not seen. The reader of `rag ask` was tried and left out: asked for the five best labels of each page it
changed the macro-F1 by -.03 to 0 on one half of the pages and by -.08 to 0 on the other, and took 0.3 s a page.

"None of these" is an alternative beside the labels, with what would speak for a label that is nothing special: so a
text far from all of them goes to none, however few they are.

Knows nothing about files.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.sentences import sentences
from rag.labels import Label
from rag.stems import stems

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
Values = NDArray[np.float64]

WEIGHTS = np.array([1.0, 1.0, 1.0])
"""Of what speaks for a label: likeness of all sentences, likeness of the nearest, words. Conditional logit on the dev
half of `benchmarks/families.py` gives .82, 1.07 and 1.09, with a likelihood that differs in the third place."""
NARROW = np.array([0.0, 0.8, 1.7])
"""The same where neutral sentences are the background, fitted on the same pages, one procedure at a time."""

NONE, NONE_NARROW = 1.0, 2.0
"""What speaks for "none of these", in standard deviations: a label that a text is no nearer to does not fit. With LEAST
chosen on half of the families of `benchmarks/families.py`, so that about a tenth of what was sorted rightly is lost.
Thresholds from the examples of each label (conformal) were tried and tell less: examples are shorter than pages."""
LEAST = 0.3  # confidence below which no label is given
UNSURE = 0.5  # confidence below which a person should look
DECIDING = 3  # sentences shown for a label
_TELLING = 4  # words from which on a sentence is shown to a person
_NEAREST = 4  # sentences whose likeness counts as that of the nearest: about a paragraph
_BATCH = 20  # texts from which on their own sentences are the background; of fewer, the neutral ones
_FOLDS = 5
_STEPS, _RATE, _RIDGE = 300, 2.0, 0.1  # of the head's gradient descent on unit vectors; more steps change nothing
_HOLD = 4.0  # how strongly the fitted weights are held to those without examples, in examples

_NEUTRAL = (
    "This document describes how we work.",
    "The following sections explain the details.",
    "Please contact the responsible person if you have questions.",
    "The management is responsible for this subject.",
    "All employees must follow these rules.",
    "This procedure applies to the whole organisation.",
    "Changes must be documented and approved.",
    "The table below shows the values.",
    "Records are kept for the required period.",
    "The responsible manager decides in each case.",
    "Further information can be found in the related documents.",
    "The process is reviewed once a year.",
    "A report is sent to the committee every quarter.",
    "Terms are explained in the last section.",
    "Exceptions need the approval of the head of the department.",
    "The purpose of this text is to set requirements.",
    "Roles and responsibilities are listed below.",
    "The version and the date stand on the first page.",
    "Staff receive training when they begin and every two years.",
    "The form has to be filled in completely and signed.",
    "Suppliers are informed about these requirements.",
    "This clause does not affect other agreements.",
    "The company informs its customers in time.",
    "Costs are borne by the department concerned.",
)
"""What stands in any business document: the background where too few texts are sorted to be one."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """What became of one text."""

    label: str | None  # None: none of these
    confidence: float  # 0..1, of the best label
    shares: tuple[tuple[str, float], ...]  # every label with its probability, best first; with `none` they add up to 1
    none: float  # 0..1, that none of them fits
    deciding: tuple[int, ...]  # indices of the sentences that speak most for the best label

    @property
    def unsure(self) -> bool:
        """Whether a person should look at it."""
        return self.confidence < UNSURE


@dataclass(frozen=True, slots=True)
class Trained:
    """How well a head sorted examples that it had not seen, in five parts one after the other."""

    examples: int
    accuracy: float  # 0..1
    macro_f1: float  # 0..1
    described: float  # macro-F1 of the same examples by descriptions alone


@dataclass(frozen=True, slots=True)
class Outcome:
    """All texts in their order, and the head where one was trained."""

    texts: tuple[Sorted, ...]
    trained: Trained | None


def classify(texts: Sequence[Sequence[str]], labels: Sequence[Label], embed: Embed, *, train: bool = False) -> Outcome:
    """Sort texts, each a list of its sentences, by labels.

    Args:
        train: whether a head is trained on the labels' examples; every label has enough of them then.
    """
    examples = [(number, text) for number, label in enumerate(labels) for text in label.examples] if train else []
    bench = _Bench([*texts, *(_cut(text) for _, text in examples)], labels, embed, len(texts))
    marks, weights, trained = bench.marks, bench.weights, None
    if train:
        wanted = np.array([number for number, _ in examples])
        head, weights, trained = _fit(bench.means[len(texts) :], marks[len(texts) :], wanted, bench.weights)
        marks = np.concatenate([marks, _log_shares(bench.means, *head)[:, :, None]], axis=2)
    # To the head, none of these is as likely as each label by chance.
    none = np.array([bench.none] * 3 + [-math.log(len(labels))] * train) @ weights
    shares = _softmax(np.column_stack([marks[: len(texts)] @ weights, np.full(len(texts), none)]))
    return Outcome(tuple(bench.verdict(place, row, labels) for place, row in enumerate(shares)), trained)


def _cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


class _Bench:
    """Texts and labels as numbers."""

    def __init__(self, texts: Sequence[Sequence[str]], labels: Sequence[Label], embed: Embed, batch: int) -> None:
        owners = [place for place, text in enumerate(texts) for _ in text]
        cut = [sentence for text in texts for sentence in text]
        vectors = embed([*cut, *_NEUTRAL, *(label.text for label in labels)]).astype(np.float64)
        own, neutral = vectors[: len(cut)], vectors[len(cut) : len(cut) + len(_NEUTRAL)]
        wide = batch >= max(_BATCH, 2 * len(labels))
        ground = own if wide else neutral
        self.weights, self.none = (WEIGHTS, NONE) if wide else (NARROW, NONE_NARROW)
        cosines = own @ vectors[-len(labels) :].T
        behind = ground @ vectors[-len(labels) :].T
        self._likeness = (cosines - behind.mean(axis=0)) / (behind.std(axis=0) + 1e-6)
        self._owners = np.array(owners, dtype=int)
        self._long = np.array([len(sentence.split()) >= _TELLING for sentence in cut])  # a heading alone shows nothing
        centred = own - ground.mean(axis=0)
        rows = [np.flatnonzero(self._owners == place) for place in range(len(texts))]
        self._rows = rows
        self.means = np.array(
            [_unit(centred[row].mean(axis=0)) if len(row) else np.zeros(own.shape[1]) for row in rows]
        )
        self.marks = np.stack([self._mean(), self._nearest(), self._words(texts, labels, wide)], axis=2)

    def _mean(self) -> Values:
        """(texts, labels): likeness of all sentences of a text, in standard deviations of the background."""
        blank = np.zeros(self._likeness.shape[1])
        return np.array([self._likeness[row].mean(axis=0) if len(row) else blank for row in self._rows])

    def _nearest(self) -> Values:
        """The same of the nearest sentences alone."""
        blank = np.zeros(self._likeness.shape[1])
        return np.array(
            [np.sort(self._likeness[row], axis=0)[-_NEAREST:].mean(axis=0) if len(row) else blank for row in self._rows]
        )

    def _words(self, texts: Sequence[Sequence[str]], labels: Sequence[Label], wide: bool) -> Values:
        """Words in common (BM25, Robertson and Walker 1994), in standard deviations over the texts if they are many."""
        bags = [Counter(stems(" ".join(text))) for text in texts]
        ground = bags if wide else [Counter(stems(text)) for text in _NEUTRAL] + bags
        frequency = Counter(word for bag in ground for word in bag)
        length = sum(sum(bag.values()) for bag in bags) / max(len(bags), 1) or 1.0
        wanted = [set(stems(label.text)) for label in labels]

        def score(bag: Counter[str], words: set[str]) -> float:
            norm = 1.2 * (0.25 + 0.75 * sum(bag.values()) / length)
            return sum(
                _rarity(frequency[word], len(ground)) * bag[word] * 2.2 / (bag[word] + norm)
                for word in words & bag.keys()
            )

        table = np.array([[score(bag, words) for words in wanted] for bag in bags]).reshape(len(bags), len(labels))
        if wide:
            return np.asarray((table - table.mean(axis=0)) / (table.std(axis=0) + 1e-6))
        best = np.array([sum(_rarity(frequency[word], len(ground)) for word in words) for words in wanted])
        return np.asarray(
            5.0 * table / (best + 1e-6)
        )  # a fifth of a label's words is one standard deviation, about as above

    def verdict(self, place: int, shares: Values, labels: Sequence[Label]) -> Sorted:
        """What a text's shares, of the labels and last of none of them, mean."""
        row = self._rows[place]
        if not len(row):
            shares = np.eye(len(shares))[-1]  # where nothing stands, nothing fits
        order = np.argsort(-shares[:-1], kind="stable")
        best = int(order[0])
        nearest = np.argsort(-self._likeness[row, best] * self._long[row], kind="stable")[:DECIDING]
        sure = float(shares[best])
        return Sorted(
            label=labels[best].name if sure >= LEAST else None,
            confidence=sure,
            shares=tuple((labels[index].name, float(shares[index])) for index in order.tolist()),
            none=float(shares[-1]),
            deciding=tuple(sorted(int(index) for index in nearest)),
        )


def _rarity(count: int, total: int) -> float:
    return math.log(1 + (total - count + 0.5) / (count + 0.5))


def _unit(vector: Values) -> Values:
    return np.asarray(vector / (float(np.linalg.norm(vector)) + 1e-12))


def _softmax(table: Values) -> Values:
    powers = np.exp(table - table.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


# --- the head ---------------------------------------------------------------------------------------------------------


def _fit(
    vectors: Values, marks: Values, wanted: NDArray[np.int64], described: Values
) -> tuple[tuple[Values, Values], Values, Trained]:
    """A head on all examples; how much it counts, and how well it does, on those that it has not seen."""
    folds, labels = _folds(wanted), marks.shape[1]
    unseen = np.zeros((len(wanted), labels))
    for fold in range(_FOLDS):
        rest = folds != fold
        unseen[~rest] = _log_shares(vectors[~rest], *_regression(vectors[rest], wanted[rest], labels))
    joined = np.concatenate([marks, unseen[:, :, None]], axis=2)
    found = np.zeros(len(wanted), dtype=int)
    for fold in range(_FOLDS):  # the weights, too, are judged on what they were not fitted on
        rest = folds != fold
        found[~rest] = (joined[~rest] @ _weigh(joined[rest], wanted[rest], described)).argmax(axis=1)
    trained = Trained(
        examples=len(wanted),
        accuracy=float((found == wanted).mean()),
        macro_f1=macro_f1(found, wanted, labels),
        described=macro_f1((marks @ described).argmax(axis=1), wanted, labels),
    )
    return _regression(vectors, wanted, labels), _weigh(joined, wanted, described), trained


def _folds(wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """The part of each example: every label is spread over all parts."""
    folds = np.zeros(len(wanted), dtype=int)
    for label in np.unique(wanted):
        places = np.flatnonzero(wanted == label)
        folds[places] = np.arange(len(places)) % _FOLDS
    return folds


def _regression(vectors: Values, wanted: NDArray[np.int64], labels: int) -> tuple[Values, Values]:
    """Multinomial logistic regression with a ridge, by gradient descent with momentum: weights and biases."""
    goal = np.eye(labels)[wanted]
    weights, bias = np.zeros((vectors.shape[1], labels)), np.zeros(labels)
    push, lift = np.zeros_like(weights), np.zeros_like(bias)
    for _ in range(_STEPS):
        error = (_softmax(vectors @ weights + bias) - goal) / len(wanted)
        push = 0.9 * push - _RATE * (vectors.T @ error + _RIDGE * weights / len(wanted))
        lift = 0.9 * lift - _RATE * error.sum(axis=0)
        weights, bias = weights + push, bias + lift
    return weights, bias


def _log_shares(vectors: Values, weights: Values, bias: Values) -> Values:
    return np.asarray(np.log(_softmax(vectors @ weights + bias) + 1e-12))


def _weigh(marks: Values, wanted: NDArray[np.int64], described: Values) -> Values:
    """How much each mark counts: conditional logit (McFadden 1974), held to the weights without examples."""
    prior = np.array([*described, 1.0])
    weights = prior.copy()
    picked = marks[np.arange(len(wanted)), wanted]
    for _ in range(_STEPS):
        expected = np.einsum("nk,nkf->nf", _softmax(marks @ weights), marks)
        slope = (picked - expected).sum(axis=0) - _HOLD * (weights - prior)
        weights = weights + 0.3 * slope / (len(wanted) + _HOLD)
    return np.asarray(np.maximum(weights, 0.0))


def macro_f1(found: NDArray[np.int64], wanted: NDArray[np.int64], labels: int) -> float:
    """The mean over labels of F1, 0 for a label that is never given."""
    scores = []
    for label in range(labels):
        both = int(((found == label) & (wanted == label)).sum())
        either = int((found == label).sum() + (wanted == label).sum())
        scores.append(2 * both / either if either else 0.0)
    return float(np.mean(scores))
