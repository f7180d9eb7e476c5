"""How well passages are found, beside published figures: ObliQA, FinanceBench, and two corpora of Chroma's evaluation.

    python benchmarks/retrieval.py [obliqa financebench chunking] [--home FOLDER] [--no-reader] [--limit N]

Everything is ingested by the real pipeline and searched through the real retriever. Questions are split by a hash of
their text: `--split tune` was looked at while building, `--split report` was not. EPA and the sample office:
`rag eval`. With `--home`, indexes are kept and used again.

- obliqa: passages as records; Recall@10 and MAP@10 over (document, passage), as the data set's authors count.
- financebench: all filings in one collection; a hit is a passage on a page of evidence.
- chunking: both corpora in one collection; the share of the reference spans' characters that the first 5 passages
  hold (recall), and intersection over union, as Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval",
  2024, define them.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from measure import BENCH

from rag.cli.opening import open_catalog, open_retriever
from rag.config import resolve
from rag.models.catalogue import sha256 as file_hash
from rag.models.reader import onnx_reader
from rag.retrieve import Retriever
from rag.types import Hit

DEPTH = 30  # hits looked at, so that ten different records are among them
RAG = [sys.executable, "-c", "from rag.cli import main; main()"]
Row = dict[str, Any]


def main() -> None:
    """Print one table for each data set named."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.sets:
            home = (arguments.home or Path(scratch)).resolve() / name
            prepare, measure, header = SETS[name]
            documents = home / "documents"
            if not (home / "collections").exists():
                documents.mkdir(parents=True)
                source = prepare(documents)
                subprocess.run([*RAG, "--home", home, "ingest", source], check=False, stdout=subprocess.DEVNULL)
            settings = resolve(home)
            retriever = open_retriever(settings, open_catalog(settings), read=not arguments.no_reader)
            if arguments.onnx:
                reader = onnx_reader(arguments.onnx, arguments.onnx.name, file_hash(arguments.onnx))
                retriever = replace(retriever, reader=reader)
            started = time.perf_counter()
            rows = list(measure(retriever, arguments))
            seconds = time.perf_counter() - started
            means = np.mean(np.array(rows, dtype=float), axis=0)
            print(f"\n{name}: {len(rows)} questions, {seconds / len(rows) * 1000:.0f} ms each")
            print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
            print("| " + " | ".join(f"{mean:.3f}" for mean in means) + " |", flush=True)


def _chosen(questions: Sequence[Row], arguments: argparse.Namespace) -> list[Row]:
    """The questions of the split that was asked for."""
    found = [row for row in questions if arguments.split in ("all", split_of(row["question"]))]
    if arguments.limit and arguments.limit < len(found):
        found = random.Random(3).sample(found, arguments.limit)
    return found


def split_of(question: str) -> str:
    """ "tune" or "report", half of the questions each."""
    return "tune" if sha256(question.encode()).digest()[0] % 2 else "report"


def obliqa_documents(folder: Path) -> Path:
    """Write the passages as records into `folder`."""
    for path in sorted((BENCH / "obliqa/passages").glob("*.json"), key=lambda path: int(path.stem)):
        seen: Counter[str] = Counter()
        with (folder / f"{path.stem}.jsonl").open("w", encoding="utf-8") as file:
            for row in json.loads(path.read_text(encoding="utf-8")):
                if row["Passage"].strip():
                    name = f"{row['DocumentID']}|{row['PassageID']}"
                    seen[name] += 1  # a few passages share an id; records may not
                    record = {"id": f"{name}#{seen[name]}", "text": row["Passage"]}
                    file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return folder


def _measure_obliqa(retriever: Retriever, arguments: argparse.Namespace) -> Iterator[tuple[float, ...]]:
    rows = json.loads((BENCH / "obliqa/questions_dev.json").read_text(encoding="utf-8"))
    for row in _chosen([row | {"question": row["Question"]} for row in rows], arguments):
        gold = {f"{passage['DocumentID']}|{passage['PassageID']}" for passage in row["Passages"]}
        names = (name_of(record) for hit in retriever.search(row["question"], DEPTH) for record in _records(hit))
        found = list(dict.fromkeys(names))[:10]
        right = [name in gold for name in found]
        precision = [sum(right[: place + 1]) / (place + 1) for place, good in enumerate(right) if good]
        yield sum(right) / len(gold), sum(precision) / len(gold)


def _records(hit: Hit) -> list[str]:
    """The record of a hit, and those of its merged copies."""
    return [str(hit.stored.chunk.record), *(str(copy.record) for copy in hit.similar)]


def name_of(record: str) -> str:
    """The passage's name in the data set, of a record's id."""
    return record.rpartition("#")[0]


def _financebench(_: Path) -> Path:
    return BENCH / "financebench/pdfs"


def _measure_financebench(retriever: Retriever, arguments: argparse.Namespace) -> Iterator[tuple[float, ...]]:
    rows = [json.loads(line) for line in (BENCH / "financebench/questions.jsonl").read_text("utf-8").splitlines()]
    for row in _chosen(rows, arguments):
        gold = {(f"{item['doc']}.pdf", item["page"]) for item in row["evidence"]}
        hits = [(hit.stored.chunk.path, hit.stored.chunk.page) for hit in retriever.search(row["question"], 10)]
        named = any(path in {name for name, _ in gold} for path, _ in hits[:1])
        yield (*(float(any(hit in gold for hit in hits[:k])) for k in (1, 5, 10)), float(named))


def _chunking(_: Path) -> Path:
    return BENCH / "chunking/corpora"


def _measure_chunking(retriever: Retriever, arguments: argparse.Namespace) -> Iterator[tuple[float, ...]]:
    rows = [json.loads(line) for line in (BENCH / "chunking/questions.jsonl").read_text("utf-8").splitlines()]
    for row in _chosen(rows, arguments):
        wanted = {(row["corpus"], place) for span in row["references"] for place in range(span["start"], span["end"])}
        got: Counter[tuple[str, int]] = Counter()
        for hit in retriever.search(row["question"], 5):
            chunk = hit.stored.chunk
            got.update((Path(chunk.path).stem, place) for place in range(chunk.start, chunk.end))
        shared = len(wanted & got.keys())
        union = sum(got.values()) + len(wanted) - shared
        yield shared / len(wanted), shared / max(sum(got.values()), 1), shared / union


SETS: dict[
    str,
    tuple[
        Callable[[Path], Path], Callable[[Retriever, argparse.Namespace], Iterator[tuple[float, ...]]], Sequence[str]
    ],
] = {
    "obliqa": (obliqa_documents, _measure_obliqa, ("Recall@10", "MAP@10")),
    "financebench": (_financebench, _measure_financebench, ("page@1", "page@5", "page@10", "filing@1")),
    "chunking": (_chunking, _measure_chunking, ("recall@5", "precision", "IoU")),
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", choices=list(SETS), default=list(SETS))
    parser.add_argument("--home", type=Path, help="keep indexes here")
    parser.add_argument("--no-reader", action="store_true")
    parser.add_argument("--onnx", type=Path, help="a reader that training/export.py wrote, instead of the shipped one")
    parser.add_argument("--split", choices=["tune", "report", "all"], default="all")
    parser.add_argument("--limit", type=int, help="questions of each data set, drawn at random")
    return parser.parse_args()


if __name__ == "__main__":
    main()
