"""Fits the weights of `rag/answerable.py` and prints them, with what they do on data they were not fitted on.

    python benchmarks/fit_answerable.py

Fitted on: the dev questions of the sample office (answerable against near misses), and as many questions about
entirely other things (SQuAD training questions of ../shared/train), asked of the same office. Reported on: the office's
report questions, and SQuAD questions of held-out folds.
"""

import argparse
import gzip
import json
import random
import tempfile
from pathlib import Path

import numpy as np
from answers import Row, auroc
from numpy.typing import NDArray

from ingest.pipeline import ingest
from rag.answer import HITS
from rag.answerable import features
from rag.config import Settings
from rag.evidence import select
from rag.models.embed import load_embedder
from rag.retrieve import Retriever
from rag.store.catalog import Catalog
from rag.store.vectors import VectorIndex, catch_up

ROOT = Path(__file__).parents[1]
OTHER = 150  # off-topic questions for fitting, and as many for the report
FIRST_HELD_OUT_FOLD = 95  # of ../shared/train

Labelled = tuple[NDArray[np.float64], NDArray[np.float64]]


class _Quiet:
    """An `ingest.pipeline.Watcher` that says nothing."""

    def found(self, files: int, size: int) -> None: ...
    def reading(self, path: str) -> None: ...
    def embedded(self, chunks: int) -> None: ...
    def finished(self, report: object, size: int) -> None: ...


def main() -> None:
    """Fit, print, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, default=ROOT / "../shared/train/qa.jsonl.gz")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        retriever = _office(Path(scratch))
        office = [json.loads(line) for line in (ROOT / "data/questions.jsonl").read_text().splitlines()]
        dev, report = ([row for row in office if row["split"] == split] for split in ("dev", "report"))
        other, other_held = _other(options.train)
        fitted = _weights(_table(retriever, dev), _table(retriever, other))
        print("WEIGHTS = (" + ", ".join(f"{weight:.2f}" for weight in fitted) + ")")
        print("\n| questions | n | refused at 0.5 | AUROC against answerable |\n|---|---|---|---|")
        known = [row for row in report if row["kind"] != "unanswerable"]
        near = [row for row in report if row["kind"] == "unanswerable"]
        answerable = _scores(fitted, retriever, known)
        for name, rows in (("answerable", known), ("near miss", near), ("off topic", other_held)):
            scores = _scores(fitted, retriever, rows)
            area = f"{auroc(answerable, scores):.2f}" if rows is not known else ""
            print(f"| {name} | {len(rows)} | {np.mean(np.array(scores) < 0.5):.0%} | {area} |")


def _office(scratch: Path) -> Retriever:
    settings = Settings(scratch)
    settings.index.mkdir(parents=True)
    embedder = load_embedder(settings.models, None, print)
    catalog = Catalog(settings.index / "catalog.sqlite", create=True)
    ingest([ROOT / "data/office"], catalog, embedder, embedder.tokenizer, _Quiet())
    index = VectorIndex(settings.index)
    catch_up(catalog, index)
    return Retriever(catalog, index, embedder)


def _other(path: Path) -> tuple[list[Row], list[Row]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["source"].startswith("squad")]
    seen = random.Random(1).sample([row for row in rows if row["fold"] < FIRST_HELD_OUT_FOLD], OTHER)
    held = random.Random(2).sample([row for row in rows if row["fold"] >= FIRST_HELD_OUT_FOLD], OTHER)
    return [row | {"kind": "unanswerable"} for row in seen], [row | {"kind": "unanswerable"} for row in held]


def _table(retriever: Retriever, rows: list[Row]) -> Labelled:
    """Features `(n, 2)` and labels `(n,)`, 1 answerable."""
    table = []
    for row in rows:
        hits = retriever.search(row["question"], HITS)
        table.append(features(hits, select(row["question"], hits, retriever.catalog, retriever.embedder)))
    return np.array(table), np.array([float(row["kind"] != "unanswerable") for row in rows])


def _weights(office: Labelled, other: Labelled) -> NDArray[np.float64]:
    """Logistic regression by gradient descent, a little L2; answerable and not weigh the same in all."""
    table = np.vstack([office[0], other[0]])
    labels = np.concatenate([office[1], other[1]])
    share = np.where(labels == 1, 0.5 / (labels == 1).sum(), 0.5 / (labels == 0).sum())
    inputs = np.hstack([np.ones((len(table), 1)), table])
    weights = np.zeros(inputs.shape[1])
    for _ in range(50_000):
        chance = 1 / (1 + np.exp(-inputs @ weights))
        weights -= 2.0 * (inputs.T @ (share * (chance - labels)) + 1e-4 * weights * (np.arange(len(weights)) > 0))
    return weights


def _scores(weights: NDArray[np.float64], retriever: Retriever, rows: list[Row]) -> list[float]:
    table, _ = _table(retriever, rows)
    return (1 / (1 + np.exp(-(weights[0] + table @ weights[1:])))).tolist()


if __name__ == "__main__":
    main()
