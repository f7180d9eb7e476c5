"""How well the reader points at answers and tells when there is none: SQuAD 2.0 dev and PolicyQA dev.

    python benchmarks/reader.py [--reader FOLDER] [--onnx FILE] [--limit N] [--held-out FILE]

Passages are cut as documents are; the answer is the best span of all passages of the paragraph. F1 and EM are those of
Rajpurkar et al., 2018 ("Know What You Don't Know"). Two thresholds for "no answer" are shown: the one fitted on
held-out training groups (`--held-out`, as `training/collect.py` writes them), which is what is reported, and the best
one on the very data, which published figures use.
"""

import argparse
import gzip
import json
import random
import re
import string
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import BENCH
from numpy.typing import NDArray

from ingest.chunk import chunks
from ingest.types import Document, Page
from rag.models.catalogue import EMBEDDING, sha256, verify
from rag.models.reader import Reader, load_reader, onnx_reader
from rag.models.wordpiece import WordPiece
from training.calibrate import area, logistic
from training.groups import HELD_OUT, read

WHOLE = 230  # tokens; a paragraph up to here is read as it is


@dataclass(frozen=True, slots=True)
class Case:
    """A question on a paragraph. No `answers`: it does not say."""

    question: str
    context: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Guess:
    """The reader's best span, and two logits for "there is an answer"."""

    text: str
    margin: float
    answerable: float


def main() -> None:
    """Print a table of both data sets."""
    arguments = _arguments()
    onnx = arguments.onnx
    reader = onnx_reader(onnx, onnx.name, sha256(onnx)) if onnx else load_reader(arguments.reader)
    tokenizer = WordPiece(verify(EMBEDDING, "tokenizer.json"), 256)
    weights, threshold = np.array([0.0, 1.0, 0.0]), 0.0
    if arguments.held_out:
        cases = [
            Case(
                g.question,
                g.candidates[0].text,
                tuple(g.candidates[0].text[slice(*s)] for s in [g.candidates[0].span] if s),
            )
            for g in read(arguments.held_out)
            if g.fold >= HELD_OUT and g.candidates[0].answerable >= 0
        ]
        cases = _sample(cases, arguments.limit)
        guesses = answer(cases, reader, tokenizer)
        weights = logistic(
            np.array([[guess.margin, guess.answerable] for guess in guesses]),
            np.array([bool(case.answers) for case in cases]),
        )
        threshold = _show("held-out training groups", cases, guesses, weights, 0.0, 0.0)
    for name, everything in (
        ("SQuAD 2.0 dev", rows(BENCH / "squad2/dev.jsonl.gz")),
        ("PolicyQA dev", squad(BENCH / "policyqa/dev.json")),
    ):
        cases = _sample(everything, arguments.limit)
        started = time.perf_counter()
        guesses = answer(cases, reader, tokenizer)
        _show(name, cases, guesses, weights, threshold, time.perf_counter() - started)


def rows(path: Path) -> list[Case]:
    """The cases of gzip JSON Lines, one a question."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [
            Case(row["question"], row["context"], tuple(answer["text"] for answer in row["answers"]))
            for row in map(json.loads, lines)
        ]


def squad(path: Path) -> list[Case]:
    """The cases of a file in SQuAD's form."""
    return [
        Case(qa["question"], paragraph["context"], tuple(answer["text"] for answer in qa["answers"]))
        for article in json.loads(path.read_text(encoding="utf-8"))["data"]
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]


def answer(cases: Sequence[Case], reader: Reader, tokenizer: WordPiece) -> list[Guess]:
    """The best span of all passages of each case's paragraph."""
    known: dict[str, list[str]] = {}
    guesses = []
    for case in cases:
        if case.context not in known:
            known[case.context] = _passages(case.context, tokenizer)
        passages = known[case.context]
        readings = reader.read(case.question, [("", passage) for passage in passages])
        found = []
        for passage, reading in zip(passages, readings, strict=True):
            if reading.spans is None:
                raise SystemExit("This reader only ranks; it points at no answers.")
            found.append(Guess(passage[slice(*reading.spans.best())], reading.spans.margin, reading.answerable))
        guesses.append(max(found, key=lambda guess: guess.margin))
    return guesses


def _passages(context: str, tokenizer: WordPiece) -> list[str]:
    if len(tokenizer.offsets(context)) <= WHOLE:
        return [context]
    return [chunk.text for chunk in chunks(Document("", None, (Page("", None, context),)), tokenizer)]


def _show(
    name: str,
    cases: Sequence[Case],
    guesses: Sequence[Guess],
    weights: NDArray[np.float64],
    threshold: float,
    seconds: float,
) -> float:
    """Print one data set's figures; returns the threshold that is best for it."""
    scores = np.array([weights @ (1.0, guess.margin, guess.answerable) for guess in guesses])
    pairs = list(zip(cases, guesses, strict=True))
    exact = np.array([max((_normal(g.text) == _normal(a) for a in case.answers), default=False) for case, g in pairs])
    f1 = np.array([max((_f1(guess.text, a) for a in case.answers), default=0.0) for case, guess in pairs])
    has = np.array([bool(case.answers) for case in cases])
    took = f", {seconds / len(cases) * 1000:.1f} ms each" if seconds else ""
    print(f"\n{name}: {len(cases)} questions, {has.sum()} answerable{took}")
    print(f"  spans of answerable ones, always answering: F1 {f1[has].mean():.3f}  EM {exact[has].mean():.3f}")
    if has.all():
        return threshold
    order = np.argsort(-scores)
    gains = np.concatenate([[0.0], np.where(has, f1, -1.0)[order].cumsum()])  # of answering the first n
    best = float((~has).sum() + gains.max()) / len(cases)
    given = scores > threshold
    whole_f1 = np.where(given, f1 * has, ~has).mean()
    whole_em = np.where(given, exact * has, ~has).mean()
    margin = area(np.array([guess.margin for guess in guesses]), has)
    head = area(np.array([guess.answerable for guess in guesses]), has)
    print(f"  with no-answer: F1 {whole_f1:.3f}  EM {whole_em:.3f}; at its own best threshold F1 {best:.3f}")
    print(f"  answerable or not: AUROC {area(scores, has):.3f} (margin alone {margin:.3f}, head alone {head:.3f})")
    at = int(gains.argmax())
    return float(scores[order[at - 1]]) - 1e-9 if at else float(scores.max())


def _normal(text: str) -> str:
    text = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def _f1(guess: str, gold: str) -> float:
    said, wanted = _normal(guess).split(), _normal(gold).split()
    same = sum((Counter(said) & Counter(wanted)).values())
    return 2 * same / (len(said) + len(wanted)) if same else float(said == wanted)


def _sample(cases: list[Case], limit: int | None) -> list[Case]:
    return random.Random(5).sample(cases, limit) if limit and limit < len(cases) else cases


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", type=Path, help="a folder with another model")
    parser.add_argument("--onnx", type=Path, help="a file that training/export.py wrote")
    parser.add_argument("--limit", type=int, help="questions of each data set, drawn at random")
    parser.add_argument("--held-out", type=Path, help="groups whose fold is 95 or more fit the threshold")
    return parser.parse_args()


if __name__ == "__main__":
    main()
