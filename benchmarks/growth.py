"""What does the work cost as the collection grows? Time, memory, disk, and the latency and truth of a search.

    python benchmarks/growth.py
    python benchmarks/growth.py --sizes 1000 10000 --work FOLDER
    python benchmarks/growth.py --sizes 100000 --work FOLDER     # goes on where a run before was cut off

Documents are records made of the passages in obliqa/ of the benchmark data (regulations of a financial free zone), or
of the sample office's pages where that is absent: a passage and the beginning of another one, so that no two are alike
however many are asked for. They go the whole way of `rag ingest`: read and cut in worker processes, stored, indexed by
words and by vectors, sealed. Only the embedding network is left out, since its cost a passage never changes (the table
names it): BASES passages are embedded, and the vectors of records are made of those of their two passages and noise.

A search is timed as a user has it, the question's own vector and the reader included: cold as `rag search` in a process
of its own, warm inside one process. The index is compared with exact search over the same vectors.
"""

import argparse
import itertools
import json
import random
import shutil
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from contestants import OURS, RAG
from measure import BENCH, MB, ROOT, Run, headline, note, run, table, workspace
from numpy.typing import NDArray
from pictures import Bar, Panel, draw

if TYPE_CHECKING:
    from rag.models.embed import TextEmbedder

T = TypeVar("T")
RECORDS = 1000  # in a file
LONGEST = 600  # characters of a passage that is used: most records are one chunk then
BEGINNING = 200  # characters of the other passage
BASES = 2000  # passages that are embedded
OTHER, NOISE = 0.3, 0.3  # of a record's vector, where the vector of its first passage has 1
QUESTIONS = 200
EXACT = 100  # of these, those for which the index is compared with exact search
COLD = 5
SOME = 300  # passages that tell the network's rate where the bases are there already
SEED = 20_261_123
PICTURE = ROOT / "benchmarks/growth.svg"


@dataclass(frozen=True, slots=True)
class Point:
    """What one size cost."""

    chunks: int
    ingest: Run
    again: Run  # nothing changed
    text: int  # bytes
    disk: int  # bytes
    cold: list[Run]  # `rag search`, each in a new process
    warm: Run  # the process of the warm searches
    latencies: tuple[float, ...]  # ms of each warm search
    recall: float  # share of the true 10 nearest that a search's own candidates hold


def main() -> None:
    """Run the benchmark and print its table; or, called by itself, do one part of it in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=BENCH, help="the benchmark data (default: ../shared/bench)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--work", type=Path, help="keep what is written here instead of in a temporary folder")
    parser.add_argument("--picture", action="store_true", help=f"draw {PICTURE.name} anew")
    parser.add_argument("--part", nargs="+", metavar="PART", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        part, *places = options.part
        {"bases": bases, "ingest": ingest, "search": search}[part](options.bench, *map(Path, places))
        return
    title = headline("Cost as the collection grows")
    with workspace(options.work) as work:
        embedding = run([sys.executable, __file__, "--bench", options.bench, "--part", "bases", work]).expect(0).stdout
        points = [measure(options.bench, size, work) for size in options.sizes]
    print(title)
    print(report(points))
    print(f"\n{embedding}")
    if options.picture:
        PICTURE.write_text(picture(points, title.splitlines()[2]), encoding="utf-8")


def measure(data: Path, size: int, work: Path) -> Point:
    """Ingest `size` records, and search them."""
    documents, home = work / f"documents-{size}", work / f"home-{size}"
    text = write(data, size, documents)
    if not home.exists():
        shutil.copytree(work / "first/models", home / "models")
    command = [sys.executable, __file__, "--bench", data, "--part"]
    first = run([*command, "ingest", documents, home, work / "bases.npy"], timeout=7200).expect(0)
    note(f"{size}: {first.seconds:.0f} s")
    again = run(OURS.ingest(documents, home)).expect(0)
    disk = sum(path.stat().st_size for path in (home / "collections/default").rglob("*") if path.is_file())
    asked = questions(data)
    cold = [run([RAG, "search", question, "--home", home]).expect(0) for question in asked[:COLD]]
    warm = run([*command, "search", home]).expect(0)
    told = json.loads(warm.stdout)
    chunks = json.loads(first.stdout)["chunks"]
    return Point(chunks, first, again, text, disk, cold, warm, tuple(told["ms"]), told["recall"])


# --- what is ingested -------------------------------------------------------------------------------------------------


def passages(data: Path) -> list[str]:
    """Passages of moderate length, each once; the sample office's paragraphs where there is no other data."""
    if (data / "obliqa").exists():
        found = [
            entry["Passage"]
            for path in sorted((data / "obliqa/passages").glob("*.json"))
            for entry in json.loads(path.read_text(encoding="utf-8"))
        ]
    else:
        note(f"{data} is absent: the passages are those of the sample office")
        texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "data/source").rglob("*.md"))]
        found = [text[first : first + LONGEST] for text in texts for first in range(0, len(text), BEGINNING)]
    return list(dict.fromkeys(text for text in map(str.strip, found) if 40 < len(text) <= LONGEST))


def parts(number: int, bases: int) -> tuple[int, int]:
    """Which two passages record `number` is made of, of the first `bases` ones."""
    repetition, place = divmod(number, bases)
    return place, (place * 7919 + repetition * 104_729 + 1) % bases


def records(data: Path, size: int) -> Iterator[tuple[str, str]]:
    """`(id, text)` of `size` records."""
    texts = passages(data)[:BASES]
    for number in range(size):
        one, other = parts(number, len(texts))
        yield f"r{number}", f"{texts[one]} {texts[other][:BEGINNING]}"


def write(data: Path, size: int, folder: Path) -> int:
    """Write `size` records into files below `folder`; returns the bytes of their text."""
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for number, group in enumerate(batched(records(data, size), RECORDS)):
        with (folder / f"{number:05}.jsonl").open("w", encoding="utf-8") as file:
            for record, text in group:
                total += len(text.encode())
                file.write(json.dumps({"id": record, "text": text}, ensure_ascii=False) + "\n")
    return total


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items each, the last one perhaps shorter."""
    rest = iter(items)
    while group := list(itertools.islice(rest, size)):
        yield group


def questions(data: Path) -> list[str]:
    """A fixed sample of the set's questions, or the sample office's."""
    if (data / "obliqa").exists():
        rows = json.loads((data / "obliqa/questions_dev.json").read_text(encoding="utf-8"))
        return random.Random(SEED).sample([row["Question"] for row in rows], QUESTIONS)
    lines = (ROOT / "data/questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines][:QUESTIONS]


class Perturbed:
    """In the embedding network's place: a text's vector is made of those of the passages it is made of, and noise."""

    def __init__(self, embedder: "TextEmbedder", texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        self.name, self.sha256, self.tokenizer = embedder.name, embedder.sha256, embedder.tokenizer
        self._places = {text[:40]: place for place, text in enumerate(texts)}
        self._vectors = vectors

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 `(len(texts), dim)`, unit rows."""
        return np.stack([self._one(text) for text in texts])

    def _one(self, text: str) -> NDArray[np.float32]:
        chance = np.random.default_rng(list(text.encode()))
        other = self._vectors[chance.integers(len(self._vectors))]
        place = self._places.get(text[:40])  # a record's second passage of two begins somewhere else
        first = self._vectors[chance.integers(len(self._vectors)) if place is None else place]
        noise = chance.standard_normal(len(first)).astype(np.float32) / np.sqrt(len(first))
        vector = first + OTHER * other + NOISE * noise
        unit: NDArray[np.float32] = vector / np.linalg.norm(vector)
        return unit


# --- parts that are a process of their own ----------------------------------------------------------------------------


def bases(data: Path, work: Path) -> None:
    """Prepare the models, and the vectors that all others are made of; says how fast they were embedded."""
    from rag.cli.opening import open_embedder
    from rag.config import resolve

    kept = work / "bases.npy"
    embedder = open_embedder(resolve(work / "first"))
    texts = passages(data)[:BASES]
    if kept.exists():
        texts = texts[:SOME]
    embedder.embed(texts[:10])
    started = time.perf_counter()
    vectors = embedder.embed(texts)
    rate = len(texts) / (time.perf_counter() - started)
    if not kept.exists():
        np.save(kept, vectors)
    print(f"The embedding network, left out above, takes {rate:.0f} of these passages a second, alone.")


def ingest(data: Path, documents: Path, home: Path, vectors: Path) -> None:
    """`rag ingest`, with other vectors."""
    from ingest.pipeline import Reading, totals
    from ingest.pipeline import ingest as run_all
    from ingest.sandbox import Sandbox
    from rag.cli.indexing import _equip
    from rag.cli.opening import identity, open_embedder
    from rag.cli.progress import IngestProgress
    from rag.config import resolve
    from rag.models.network import usable_cores
    from rag.store.collection import changing
    from rag.store.lock import write_lock

    settings = resolve(home)
    embedder = Perturbed(open_embedder(settings), passages(data)[:BASES], np.load(vectors))
    with (
        write_lock(settings.index),
        IngestProgress() as progress,
        changing(settings.index) as catalog,
        Sandbox(usable_cores(), _equip, embedder.tokenizer) as pool,
    ):
        catalog.set_identity(identity(embedder))
        reports = run_all([documents], catalog, embedder, Reading(pool), progress)
    print(json.dumps(totals(reports)))


def search(data: Path, home: Path) -> None:
    """Warm searches, and the index against exact search."""
    from rag.cli.opening import open_catalog, open_retriever
    from rag.config import resolve
    from rag.retrieve import CANDIDATES, by_meaning, nearest

    settings = resolve(home)
    asked = questions(data)
    with closing(open_catalog(settings)) as catalog:
        retriever = open_retriever(settings, catalog)
        retriever.search(asked[0], 10)
        latencies = []
        for question in asked:
            started = time.perf_counter()
            retriever.search(question, 10)
            latencies.append((time.perf_counter() - started) * 1000)
        if retriever.index is None:
            raise SystemExit("the vector index is not in use, so there is nothing to compare")
        vectors = [retriever.vector(question) for question in asked[:EXACT]]
        found = sum(
            len(nearest(catalog, vector, 10).keys() & by_meaning(catalog, retriever.index, vector, CANDIDATES).keys())
            for vector in vectors
        )
        retriever.index.close()
    print(json.dumps({"ms": latencies, "recall": found / (10 * len(vectors))}))


# --- tables -----------------------------------------------------------------------------------------------------------


def median_of(runs: Sequence[Run]) -> float:
    """Seconds."""
    return statistics.median(result.seconds for result in runs)


def percentiles(point: Point) -> tuple[float, float]:
    """p50 and p95 of the warm searches, ms."""
    return statistics.median(point.latencies), statistics.quantiles(point.latencies, n=20)[-1]


def report(points: Sequence[Point]) -> str:
    """The table, in Markdown."""
    rows: list[list[object]] = []
    for point in points:
        p50, p95 = percentiles(point)
        rows.append(
            [
                f"{point.chunks:,}",
                f"{point.ingest.seconds:.0f}",
                f"{point.chunks / point.ingest.seconds:.0f}",
                f"{point.ingest.peak / MB:.0f}",
                f"{point.again.seconds:.1f}",
                f"{point.disk / MB:.1f}",
                f"{point.disk / point.text:.2f}",
                f"{median_of(point.cold):.2f}",
                f"{p50:.0f}",
                f"{p95:.0f}",
                f"{point.warm.peak / MB:.0f}",
                f"{point.recall:.3f}",
            ]
        )
    header = ["chunks", "ingest without the network, s", "chunks a second", "peak, MB", "again, s", "disk, MB"]
    header += ["disk bytes a byte of text", "cold `rag search`, s", "warm search p50, ms", "p95, ms", "peak, MB"]
    header += ["index against exact, recall@10"]
    return table(header, rows)


def picture(points: Sequence[Point], taken: str) -> str:
    """What grows, as SVG."""

    def panel(title: str, unit: str, values: Sequence[float]) -> Panel:
        names = [f"{point.chunks:,} chunks" for point in points]
        return Panel(title, unit, [Bar(name, value) for name, value in zip(names, values, strict=True)])

    panels = [
        panel("Disk", "MB", [point.disk / MB for point in points]),
        panel("Peak memory of ingest", "MB", [point.ingest.peak / MB for point in points]),
        panel("Cold search, a new process", "s", [median_of(point.cold) for point in points]),
        panel("Warm search, reader included, p50", "ms", [percentiles(point)[0] for point in points]),
        panel("Warm search, p95", "ms", [percentiles(point)[1] for point in points]),
        panel("Index against exact search", "recall@10", [point.recall for point in points]),
    ]
    return draw("Cost as the collection grows", taken, panels)


if __name__ == "__main__":
    main()
