"""What does the work cost as the collection grows? Time, memory, disk, and the latency and truth of a search.

    python benchmarks/growth.py
    python benchmarks/growth.py --sizes 1000 10000

Documents are records made of the passages in obliqa/ of the benchmark data (regulations of a financial free zone): a
passage and the beginning of another one, so that no two are alike however many are asked for. Each size is ingested
into a home of its own, then ingested again unchanged. Questions are the set's own; a search is timed inside one warm
process, all of it: the question's vector, words, meaning, fusion. The index is compared with exact search.
"""

import argparse
import itertools
import json
import random
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from contestants import OURS
from measure import BENCH, MB, headline, note, run, table, workspace

RECORDS = 1000  # in a file
LONGEST = 600  # characters of a passage that is used: most records are one chunk then
BEGINNING = 200  # characters of the other passage
QUESTIONS = 300
SEED = 20_261_123


@dataclass(frozen=True, slots=True)
class Point:
    """What one size cost."""

    records: int
    chunks: int
    seconds: float  # to ingest all
    peak: float  # bytes of memory of the whole process tree
    again: float  # seconds to ingest again, nothing changed
    text: int  # bytes
    disk: int  # bytes
    opened: float  # seconds until the first search is answered, in a new process
    latencies: tuple[float, ...]  # ms of each search
    recall: float  # share of the true 10 nearest passages that the index named among its candidates' best 10


def main() -> None:
    """Run the benchmark and print its table and its plots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=BENCH, help="the benchmark data (default: ../shared/bench)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--work", type=Path, help="keep what is written here instead of in a temporary folder")
    options = parser.parse_args()
    title = headline("Cost as the collection grows")
    with workspace(options.work) as work:
        points = [measure(options.bench / "obliqa", size, work) for size in options.sizes]
    print(title)
    print(report(points))


def measure(data: Path, size: int, work: Path) -> Point:
    """Ingest `size` records, and search them."""
    documents, home = work / f"documents-{size}", work / f"home-{size}"
    text = write(data, size, documents)
    models = work / "models"
    if models.exists():
        shutil.copytree(models, home / "models")
    else:  # prepared once, outside the time that is measured
        small = work / "small"
        write(data, 1, small)
        run(OURS.ingest(small, home)).expect(0)
        shutil.copytree(home / "models", models)
        shutil.rmtree(home / "collections")
    first = run(OURS.ingest(documents, home), timeout=7200).expect(0)
    note(f"{size}: {first.seconds:.0f} s")
    again = run(OURS.ingest(documents, home)).expect(0)
    index = home / "collections/default"
    disk = sum(path.stat().st_size for path in index.rglob("*") if path.is_file())
    opened, latencies, recall = search(home, questions(data))
    chunks = json.loads(first.stdout)["totals"]["chunks"]
    return Point(size, chunks, first.seconds, first.peak, again.seconds, text, disk, opened, latencies, recall)


def write(data: Path, size: int, folder: Path) -> int:
    """Write `size` records into files below `folder`; returns the bytes of their text."""
    folder.mkdir(parents=True)
    total = 0
    for number, records in enumerate(groups(made(data, size), RECORDS)):
        with (folder / f"{number:05}.jsonl").open("w", encoding="utf-8") as file:
            for name, text in records:
                total += len(text.encode())
                file.write(json.dumps({"id": name, "text": text}, ensure_ascii=False) + "\n")
    return total


def groups(records: Iterator[tuple[str, str]], size: int) -> Iterator[list[tuple[str, str]]]:
    """Lists of `size` records each, the last one perhaps shorter."""
    while group := list(itertools.islice(records, size)):
        yield group


def made(data: Path, size: int) -> Iterator[tuple[str, str]]:
    """`(id, text)` of `size` records."""
    passages = [
        entry["Passage"].strip()
        for path in sorted((data / "passages").glob("*.json"))
        for entry in json.loads(path.read_text(encoding="utf-8"))
        if 40 < len(entry["Passage"].strip()) <= LONGEST
    ]
    for number in range(size):
        repetition, place = divmod(number, len(passages))
        other = passages[(place * 7919 + repetition * 104_729 + 1) % len(passages)][:BEGINNING]
        yield f"r{number}", f"{passages[place]} {other}"


def questions(data: Path) -> list[str]:
    """A fixed sample of the set's questions."""
    rows = json.loads((data / "questions_dev.json").read_text(encoding="utf-8"))
    return random.Random(SEED).sample([row["Question"] for row in rows], QUESTIONS)


def search(home: Path, asked: Sequence[str]) -> tuple[float, tuple[float, ...], float]:
    """`(seconds to the first answer, ms of each search, recall of the index against exact search)`."""
    from rag.cli.opening import open_catalog, open_retriever
    from rag.config import resolve
    from rag.retrieve import by_meaning, nearest

    started = time.perf_counter()
    settings = resolve(home)
    with closing(open_catalog(settings)) as catalog:
        retriever = open_retriever(settings, catalog)
        retriever.search(asked[0], 10)
        opened = time.perf_counter() - started
        latencies = []
        for question in asked:
            started = time.perf_counter()
            retriever.search(question, 10)
            latencies.append((time.perf_counter() - started) * 1000)
        found = 0
        vectors = retriever.embedder.embed(asked)
        for vector in vectors:
            exact = nearest(catalog, vector, 10)
            found += len(exact.keys() & by_meaning(catalog, retriever.index, vector, 50).keys())
        assert retriever.index is not None
        retriever.index.close()
    return opened, tuple(latencies), found / (10 * len(asked))


def report(points: Sequence[Point]) -> str:
    """The table and the plots, in Markdown."""
    rows: list[list[object]] = []
    for point in points:
        p50, p95 = statistics.median(point.latencies), statistics.quantiles(point.latencies, n=20)[-1]
        rows.append(
            [
                f"{point.chunks:,}",
                f"{point.seconds:.0f}",
                f"{point.chunks / point.seconds:.0f}",
                f"{point.peak / MB:.0f}",
                f"{point.again:.1f}",
                f"{point.disk / point.text:.2f}",
                f"{point.opened:.2f}",
                f"{p50:.0f}",
                f"{p95:.0f}",
                f"{point.recall:.3f}",
            ]
        )
    header = ["chunks", "ingest, s", "chunks a second", "peak, MB", "again, s", "disk bytes a byte of text"]
    header += ["open and first search, s", "search p50, ms", "p95, ms", "index against exact, recall@10"]
    plots = [
        plot("Ingest, seconds", points, [point.seconds for point in points]),
        plot("Peak memory, MB", points, [point.peak / MB for point in points]),
        plot("Search, median ms", points, [statistics.median(point.latencies) for point in points]),
    ]
    return "\n\n".join([table(header, rows), *plots])


def plot(title: str, points: Sequence[Point], values: Sequence[float]) -> str:
    """A bar chart that Markdown viewers draw (Mermaid)."""
    names = ", ".join(f'"{point.chunks:,}"' for point in points)
    bars = ", ".join(f"{value:.1f}" for value in values)
    return f'```mermaid\nxychart-beta\n    title "{title}"\n    x-axis "chunks" [{names}]\n    bar [{bars}]\n```'


if __name__ == "__main__":
    main()
