"""Fits the weights that the program uses, on documents that the reader was not trained on.

    python -m training.calibrate compliance.jsonl HOMES [--onnx FILE]

The held-out documents are dealt into OFFICES folders, as an office may have them, and each folder is ingested into a
home of its own under HOMES. Each office is asked the questions of its documents, near misses among them, and some of
another office's documents: what users ask is often of another matter altogether. Prints weights for `rag/rank.py`,
`rag/evidence.py` and `rag/answerable.py`, each with what it does in cross-validation by office, beside what single
marks do.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag import answerable, evidence, rank
from rag.cli.opening import open_catalog, open_retriever
from rag.config import resolve
from rag.evaluate import auroc
from rag.models.catalogue import sha256
from rag.models.reader import Reader, load_reader, onnx_reader
from rag.retrieve import Retriever
from training.compliance import documents
from training.groups import HELD_OUT

OFFICES = 5
QUOTING = tuple(dict.fromkeys([*evidence.READ, *evidence.PLAIN]))
FOREIGN = 6  # questions of each document that another office is asked; about as many as its own near misses


@dataclass(frozen=True, slots=True)
class Choice:
    """Things to choose from: their marks `(n, m)`, and which are right `(n,)`."""

    marks: NDArray[np.float64]
    good: NDArray[np.bool_]
    fold: int


@dataclass(slots=True)
class Data:
    """What is learnt from."""

    ranking: list[Choice] = field(default_factory=list)
    quoting: list[Choice] = field(default_factory=list)
    deciding: list[tuple[Sequence[float], bool, int]] = field(default_factory=list)  # features, answerable, fold


def main() -> None:
    """Ask, fit, print."""
    arguments = _arguments()
    onnx = arguments.onnx
    reader = onnx_reader(onnx, onnx.name, sha256(onnx)) if onnx else load_reader(None)
    held_out = [document for document in documents(arguments.documents) if document["fold"] >= HELD_OUT]
    together: dict[str, list[dict[str, Any]]] = {}  # documents of one office stay together
    for document in held_out:
        together.setdefault(document.get("office", document["doc"]), []).append(document)
    units = list(together.values())
    offices = [[document for unit in units[number::OFFICES] for document in unit] for number in range(OFFICES)]
    data = Data()
    for number, docs in enumerate(offices):
        home = arguments.homes / f"office-{number}"
        if not home.exists():
            _ingest(home, docs)
        settings = resolve(home)
        retriever = open_retriever(settings, open_catalog(settings), read=False)
        for document in docs:
            for asked in document["questions"]:
                _ask(document, asked, number, retriever, reader, data)
        for document in offices[(number + 1) % OFFICES]:
            for asked in document["questions"][:FOREIGN]:
                data.deciding.append((_features(asked["q"], retriever, reader)[0], False, number))
    _choose("rag/rank.py", rank.MARKS, data.ranking)
    for name, weights in (("READ", evidence.READ), ("PLAIN", evidence.PLAIN)):
        columns = [QUOTING.index(mark) for mark in weights]
        choices = [replace(choice, marks=choice.marks[:, columns]) for choice in data.quoting]
        _choose(f"rag/evidence.py, {name}", tuple(weights), choices)
    _decide(data.deciding)


def _ask(
    document: dict[str, Any], asked: dict[str, Any], fold: int, retriever: Retriever, reader: Reader, data: Data
) -> None:
    question, path, answered = asked["q"], f"{document['doc']}.md", asked["p"] is not None
    if answered:
        hits = rank.with_readings(question, retriever.first_stage(question, rank.READ), reader)
        good = [hit.stored.chunk.path == path and asked["answer"] in hit.stored.chunk.text for hit in hits]
        _note(data.ranking, [rank.marks(hit) for hit in hits], good, fold)
    found_features, found = _features(question, retriever, reader)
    data.deciding.append((found_features, answered, fold))
    if answered:
        good = [
            place.hit.stored.chunk.path == path
            and asked["answer"] in place.hit.stored.chunk.text[place.start : place.end]
            for place in found
        ]
        _note(data.quoting, [[place.marks[name] for name in QUOTING] for place in found], good, fold)


def _features(question: str, retriever: Retriever, reader: Reader) -> tuple[tuple[float, ...], list[evidence.Place]]:
    """What the decision sees, and what could be quoted."""
    hits = rank.rerank(question, retriever.first_stage(question, rank.READ), reader)
    found = evidence.places(question, hits, retriever.catalog, retriever.embedder)
    return answerable.features(hits, found), found


def _note(choices: list[Choice], marks: Sequence[Sequence[float]], good: Sequence[bool], fold: int) -> None:
    """Keep a choice that can be right and can be wrong."""
    if any(good) and not all(good):
        choices.append(Choice(np.array(marks, dtype=float), np.array(good), fold))


def _choose(name: str, marks: Sequence[str], choices: Sequence[Choice]) -> None:
    """Print the weights of the best choice, and how often the first one is right."""

    def first(choice: Choice, weights: NDArray[np.float64]) -> bool:
        return bool(choice.good[np.argmax(choice.marks @ weights)])

    right = []
    for fold in range(OFFICES):
        weights = _listwise([choice for choice in choices if choice.fold != fold])
        right += [first(choice, weights) for choice in choices if choice.fold == fold]
    alone = {mark: np.mean([first(c, np.eye(len(marks))[i]) for c in choices]) for i, mark in enumerate(marks)}
    print(f"\n{name}: {len(choices)} choices, first is right {np.mean(right):.3f}")
    print("  each alone: " + ", ".join(f"{mark} {share:.3f}" for mark, share in alone.items()))
    fitted = _listwise(choices)
    print("  weights: " + ", ".join(f"{mark} {weight:.3f}" for mark, weight in zip(marks, fitted, strict=True)))


def _listwise(choices: Sequence[Choice]) -> NDArray[np.float64]:
    """Weights that maximise the probability of right things in each softmax; by gradient ascent on scaled marks."""
    scale = np.concatenate([choice.marks for choice in choices]).std(axis=0) + 1e-9
    weights = np.zeros(len(scale))
    for _ in range(400):
        gradient = -1e-3 * weights
        for choice in choices:
            x = choice.marks / scale
            p = _softmax(x @ weights)
            q = p * choice.good
            gradient += x.T @ (q / max(q.sum(), 1e-12) - p) / len(choices)
        weights += 0.5 * gradient
    fitted: NDArray[np.float64] = weights / scale
    return fitted


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    raised: NDArray[np.float64] = np.exp(values - values.max())
    shares: NDArray[np.float64] = raised / raised.sum()
    return shares


def _decide(rows: Sequence[tuple[Sequence[float], bool, int]]) -> None:
    """Print the weights of "is it answered", and how well it tells, near misses against answerable ones."""
    x = np.array([row[0] for row in rows], dtype=float)
    y = np.array([row[1] for row in rows])
    folds = np.array([row[2] for row in rows])
    scores = np.zeros(len(y))
    for fold in range(OFFICES):
        held = folds == fold
        weights = logistic(x[~held], y[~held])
        scores[held] = weights[0] + x[held] @ weights[1:]
    print(f"\nrag/answerable.py: {y.sum()} answerable, {(~y).sum()} near misses, AUROC {area(scores, y):.3f}")
    print("  weights: " + ", ".join(f"{weight:.3f}" for weight in logistic(x, y)))


def area(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """AUROC of scores `(n,)`."""
    return auroc(scores[positive].tolist(), scores[~positive].tolist())


def logistic(x: NDArray[np.float64], y: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Bias and weights of a logistic regression by Newton's method, for the mix of questions that there is."""
    inputs = np.hstack([np.ones((len(x), 1)), x])
    weights = np.zeros(inputs.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        ridge = 1e-3 * (np.arange(len(weights)) > 0)
        hessian = (inputs * (p * (1 - p))[:, None]).T @ inputs / len(x) + np.diag(ridge) + 1e-9 * np.eye(len(weights))
        weights += np.linalg.solve(hessian, inputs.T @ (y - p) / len(x) - ridge * weights)
    found: NDArray[np.float64] = weights
    return found


def _ingest(home: Path, docs: Sequence[dict[str, Any]]) -> None:
    folder = home / "documents"
    folder.mkdir(parents=True, exist_ok=True)
    for document in docs:
        parts = [f"# {document['title']}"]
        parts += [f"## {passage['section']}\n\n{passage['text']}" for passage in document["passages"]]
        (folder / f"{document['doc']}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    command = [sys.executable, "-c", "from rag.cli import main; main()", "--home", str(home), "ingest", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path)
    parser.add_argument("homes", type=Path)
    parser.add_argument("--onnx", type=Path, help="a file that training/export.py wrote, instead of the shipped one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
