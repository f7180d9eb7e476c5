"""The search, tuned on the user's own questions: how their vectors are moved, and what the reader's marks weigh.

Passages keep their vectors, so nothing is embedded anew. Two convex problems: a linear map of the questions' vectors
that tells evidence from what our own search finds instead (softmax over both), pulled towards the identity; and the
weights of `rank.MARKS`, pulled towards those that ship. Each question is judged by what was learnt without the
questions that share a page with it. Knows nothing about files or people.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.bootstrap import LEVEL, Difference, difference
from rag.evaluate import ndcg, recall, reciprocal_rank
from rag.judge import Question, groups_at
from rag.models.reader import Reader, Reading
from rag.rank import MARKS, READ, WEIGHTS, marks, ordered, with_readings
from rag.retrieve import Retriever
from rag.store import seal
from rag.tune.journal import Journal
from rag.tune.questions import FOLDS, Usable
from rag.tuned import Tuned
from rag.types import Hit

VERSION = 1  # of what is learnt and written down: raised, and no run goes on from an older one
DEPTH = 10  # passages by which a question is judged, as in `rag eval`
CANDIDATES = 25  # passages of our own first stage that are learnt from, beside the evidence of other questions
OTHERS = 40  # questions whose evidence is wrong for this one
SHARPNESS = 20.0  # what cosines are multiplied by in the softmax
STEPS = 60  # of gradient descent with momentum; the loss then moves by less than a thousandth
# How strongly what is learnt is pulled back, in questions: so many have to agree before it moves far. Learnt from 700
# questions of ObliQA with 210, 70 and 21, the vectors alone came from a Recall@10 of .667 to .704, .705 and .699 on 400
# others.
PULL_MAP = 200.0
PULL_WEIGHTS = 20.0
MEASURED = 4  # questions whose time tells that of all
LEARNING = 0.03  # seconds a question and part take on one core; a tenth of what the searching takes
MEASURES = ("recall@1", "recall@3", "recall@10", "MRR", "nDCG@10")
DECIDING = "nDCG@10"

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Mined:
    """What our own search found for a question, before anything was learnt."""

    found: tuple[int, ...]  # chunks, best first by the first stage
    marks: tuple[tuple[float, ...], ...]  # of the first of them, as in rank.MARKS
    before: Mapping[str, float]  # by MEASURES

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Mined":
        """From what `first_search` gives, be it read back from a journal."""
        return cls(tuple(row["found"]), tuple(map(tuple, row["marks"])), row["before"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was learnt, and what it is worth."""

    tuned: Tuned  # from all questions
    before: Mapping[str, float]  # by MEASURES; means over the questions
    after: Mapping[str, float]  # of each question by what was learnt without its part
    difference: Difference  # of DECIDING
    questions: int

    @property
    def won(self) -> bool:
        """Whether it is better than chance would have it."""
        return self.difference.value > 0 and self.difference.p < 1 - LEVEL


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long it will take, from the first questions' times."""

    questions: int
    seconds: float


def fingerprint(retriever: Retriever, usable: Sequence[Usable], index: Path) -> str:
    """What a run depends on, as a name: another index, reader or set of questions is another run."""
    assert retriever.reader is not None  # the caller's duty
    parts = [retriever.embedder.sha256, retriever.reader.sha256, str(seal.fingerprint(index)), str(VERSION)]
    parts += [f"{one.question.question}\n{one.right}\n{one.fold}" for one in usable]
    return f"search-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"


class Remembering:
    """A reader that reads each pair once. Satisfies `Reader`."""

    def __init__(self, reader: Reader) -> None:
        self.name, self.sha256, self._reader = reader.name, reader.sha256, reader
        self._known: dict[tuple[str, str, str], Reading] = {}

    def read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[Reading]:
        """See `Reader`."""
        new = [passage for passage in passages if (question, *passage) not in self._known]
        for passage, reading in zip(new, self._reader.read(question, new), strict=True):
            self._known[question, *passage] = reading
        return [self._known[question, *passage] for passage in passages]


def tune(
    retriever: Retriever,
    usable: Sequence[Usable],
    name: str,
    journal: Journal,
    on_estimate: Callable[[Estimate], None] = lambda _: None,
    on_step: Callable[[str, int, int], None] = lambda *_: None,
) -> Outcome:
    """Learn from the questions and judge what was learnt.

    Args:
        retriever: untuned, with its reader.
        name: of what is learnt.
        on_estimate: told how long it will take, once a few questions have been searched.
        on_step: told what is done, and how many of how many.
    """
    assert retriever.reader is not None  # the caller's duty
    retriever = replace(retriever, reader=Remembering(retriever.reader))
    pace = _Pace(journal, len(usable), on_estimate)
    mined = []
    for place, one in enumerate(usable):
        row = pace.once(journal, f"mined {place}", partial(first_search, retriever, one))
        mined.append(Mined.of(row))
        on_step("Searching", place + 1, len(usable))
    material = Material.of(retriever, usable, mined, name)
    folds = np.array([one.fold for one in usable])
    after: list[Mapping[str, float]] = [{} for _ in usable]
    done = 0
    for fold in range(FOLDS):
        on_step("Learning", fold, FOLDS + 1)
        changed = replace(retriever, tuned=material.learn(np.flatnonzero(folds != fold)))
        for place in np.flatnonzero(folds == fold).tolist():
            after[place] = pace.once(journal, f"judged {place}", partial(_judged, changed, usable[place].question))
            done += 1
            on_step("Judging", done, len(usable))
    on_step("Learning", FOLDS, FOLDS + 1)
    before = [one.before for one in mined]
    untuned, learnt = (np.array([row[DECIDING] for row in rows]) for rows in (before, after))
    return Outcome(
        tuned=material.learn(np.arange(len(usable))),
        before=_means(before),
        after=_means(after),
        difference=difference(untuned, learnt),
        questions=len(usable),
    )


class _Pace:
    """Tells how long it will take as soon as a few questions have been timed."""

    def __init__(self, journal: Journal, count: int, tell: Callable[[Estimate], None]) -> None:
        steps = [f"{step} {place}" for step in ("mined", "judged") for place in range(count)]
        self._left = sum(step not in journal for step in steps)
        self._count, self._tell, self._new, self._seconds = count, tell, 0, 0.0

    def once(self, journal: Journal, key: str, make: Callable[[], Any]) -> Any:
        """As `Journal.once`."""
        if key in journal:
            return journal.once(key, make)
        began = time.monotonic()
        made = journal.once(key, make)
        self._seconds += time.monotonic() - began
        self._new, self._left = self._new + 1, self._left - 1
        if self._new == MEASURED:
            learning = (FOLDS + 1) * self._count * LEARNING
            self._tell(Estimate(self._count, self._left * self._seconds / self._new + learning))
        return made


def first_search(retriever: Retriever, one: Usable) -> dict[str, Any]:
    """What an untuned search finds for a question, as JSON has it; see `Mined`."""
    assert retriever.reader is not None  # as above
    question = one.question
    hits = retriever.first_stage(question.question, CANDIDATES)
    read = with_readings(question.question, hits[:READ], retriever.reader)
    return {
        "found": [hit.stored.id for hit in hits],
        "marks": [marks(hit) for hit in read],
        "before": judge(question, ordered(read, hits[READ:])),
    }


def _judged(retriever: Retriever, question: Question) -> dict[str, float]:
    return judge(question, retriever.search(question.question, DEPTH))


def judge(question: Question, hits: Sequence[Hit]) -> dict[str, float]:
    """What a ranking is worth for a question, by MEASURES."""
    reached = [
        groups_at(question, hit.stored.chunk.path, hit.stored.chunk.page, hit.stored.chunk.record, hit.stored.also)
        for hit in hits[:DEPTH]
    ]
    ranks = [
        next((rank for rank, groups in enumerate(reached, start=1) if group in groups), None)
        for group in question.groups
    ]
    return {f"recall@{k}": recall(ranks, k) for k in (1, 3, 10)} | {
        "MRR": reciprocal_rank(ranks),
        "nDCG@10": ndcg(ranks, question),
    }


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([row[name] for row in rows])) for name in MEASURES}


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that is learnt from, for n questions."""

    questions: Matrix  # (n, dim)
    passages: Matrix  # (m, dim), each once
    candidates: tuple[NDArray[np.int64], ...]  # n times rows of `passages`, the right ones first
    right: NDArray[np.int64]  # (n,) how many of a question's candidates are right
    marks: tuple[NDArray[np.float64], ...]  # n times (k, len(MARKS)), of the passages that were read
    good: tuple[NDArray[np.bool_], ...]  # n times (k,): those that are right
    name: str  # of what is learnt
    reader_sha256: str

    @classmethod
    def of(cls, retriever: Retriever, usable: Sequence[Usable], mined: Sequence[Mined], name: str) -> "Material":
        """Collect it: vectors of questions are embedded, those of passages read from the catalog."""
        assert retriever.reader is not None  # as above
        random = np.random.default_rng(3)
        chosen: list[list[int]] = []
        for place, (one, found) in enumerate(zip(usable, mined, strict=True)):
            others = random.permutation(len(usable))[: OTHERS + 1]
            foreign = [usable[other].right[0] for other in others.tolist() if other != place]
            wrong = dict.fromkeys([*found.found, *foreign])
            chosen.append([*one.right, *(chunk for chunk in wrong if chunk not in one.right)])
        known = retriever.catalog.vectors(sorted({chunk for chunks in chosen for chunk in chunks}))
        rows = {chunk: row for row, chunk in enumerate(known)}
        return cls(
            questions=np.stack([retriever.vector(one.question.question) for one in usable]),
            passages=np.stack(list(known.values())),
            candidates=tuple(np.array([rows[chunk] for chunk in chunks if chunk in rows]) for chunks in chosen),
            right=np.array([sum(chunk in rows for chunk in one.right) for one in usable]),
            marks=tuple(np.array(found.marks, dtype=np.float64).reshape(-1, len(MARKS)) for found in mined),
            good=tuple(
                np.array([chunk in one.right for chunk in found.found[: len(found.marks)]])
                for one, found in zip(usable, mined, strict=True)
            ),
            name=name,
            reader_sha256=retriever.reader.sha256,
        )

    def learn(self, chosen: NDArray[np.int64]) -> Tuned:
        """The map and the weights that fit the chosen questions."""
        return Tuned(self.name, "", self.reader_sha256, self._map(chosen), self._weights(chosen))

    def _map(self, chosen: NDArray[np.int64]) -> Matrix:
        """The residual `(dim, dim)`: multinomial logistic regression with a Gaussian prior, by gradient descent."""
        usable = [place for place in chosen.tolist() if 0 < self.right[place] < len(self.candidates[place])]
        dim = self.questions.shape[1]
        residual, speed = np.zeros((dim, dim), np.float32), np.zeros((dim, dim), np.float32)
        if not usable:
            return residual
        asked = self.questions[usable]
        pull = PULL_MAP / len(usable)
        for _ in range(STEPS):
            moved = asked + asked @ residual.T
            errors = np.stack([self._error(place, vector) for place, vector in zip(usable, moved, strict=True)])
            gradient = (SHARPNESS * errors.T @ asked / len(usable) + pull * residual).astype(np.float32)
            # The curvature is at most SHARPNESS² / 2 + pull; in the directions that there are it is a tenth of that.
            speed = 0.9 * speed - gradient / (3 * SHARPNESS + pull)
            residual = residual + speed
        return residual

    def _error(self, place: int, moved: Matrix) -> Matrix:
        """Mean candidate `(dim,)` as it is believed, less that of the right ones."""
        vectors = self.passages[self.candidates[place]]
        logits = SHARPNESS * (vectors @ moved)
        believed = np.exp(logits - logits.max())
        believed /= believed.sum()
        believed[: self.right[place]] -= 1 / self.right[place]
        return np.asarray(believed @ vectors, dtype=np.float32)

    def _weights(self, chosen: NDArray[np.int64]) -> tuple[float, ...]:
        """Weights of rank.MARKS: the right passages' share of a softmax as large as it gets, with the same prior."""
        lists = [
            (self.marks[place], self.good[place])
            for place in chosen.tolist()
            if self.good[place].any() and not self.good[place].all()
        ]
        first = np.array(WEIGHTS)
        if not lists:
            return WEIGHTS
        scale = np.concatenate([values for values, _ in lists]).std(axis=0) + 1e-9
        weights = first * scale
        speed = np.zeros_like(weights)
        for _ in range(4 * STEPS):
            gradient = PULL_WEIGHTS / len(lists) * (weights - first * scale)
            for values, good in lists:
                scaled = values / scale
                logits = scaled @ weights
                believed = np.exp(logits - logits.max())
                believed /= believed.sum()
                wanted = believed * good
                gradient += scaled.T @ (believed - wanted / wanted.sum()) / len(lists)
            speed = 0.9 * speed - 0.05 * gradient
            weights = weights + speed
        return tuple((weights / scale).tolist())
