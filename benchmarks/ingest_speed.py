"""What does ingesting a folder cost, and what does re-ingesting it? Ours against its peers, in the same run.

    python benchmarks/ingest_speed.py
    python benchmarks/ingest_speed.py --folder ../shared/bench/financebench/pdfs --runs 1

Each round runs, one after the other, so that whatever else the machine does falls on all alike:

    new home       `rag ingest` with nothing prepared: the embedding network is exported and quantised first
    prepared       the same with those files already made, which is every further home on a machine
    again          nothing has changed since
    one changed    one file has other bytes than before (a comment is appended to the file of median size)
    each peer      it knows no difference and reads everything again, so it has one figure

Every run is a process of its own; the system's file cache is warm, since all read the same files.

The file is not called ingest.py: scripts of this folder would then import it in place of the package.
"""

import argparse
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contestants import OURS, PEERS, Contestant
from measure import BENCH, MB, Run, headline, note, run, spread, table, workspace

SOME_UNREAD = 3  # exit code of `rag ingest` where files could not be read: done all the same


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured, round by round."""

    stages: dict[str, list[Run]]  # "new home", "prepared", "again", "one changed"
    peers: dict[str, list[Run]]  # by the peer's name
    totals: dict[str, Any]  # of `rag ingest --json` on the whole folder
    text: int  # bytes of page text in our catalog, UTF-8
    disk: dict[str, int]  # bytes of our index by part
    peer_disk: dict[str, dict[str, int]]  # the same of each peer


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=BENCH, help="the benchmark data (default: ../shared/bench)")
    parser.add_argument("--folder", type=Path, help="what to ingest (default: epa/pdfs in the benchmark data)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="without the peers, where they would take very long")
    parser.add_argument("--work", type=Path, help="keep what is written here instead of in a temporary folder")
    options = parser.parse_args()
    folder: Path = options.folder or options.bench / "epa/pdfs"
    title = headline("Ingest, and ingest again")
    with workspace(options.work) as work:
        figures = measure(folder, options.runs, work, () if options.alone else PEERS)
    print(title)
    print(report(figures))


def measure(folder: Path, runs: int, work: Path, contestants: Sequence[Contestant]) -> Figures:
    """Run all rounds on a copy of `folder` below `work`."""
    documents = work / "documents"
    shutil.copytree(folder, documents, dirs_exist_ok=True)
    changing = _median_file(documents)
    original = changing.read_bytes()
    models = work / "new-0/models"  # made by the first round, taken over by every prepared home
    stages: dict[str, list[Run]] = {"new home": [], "prepared": [], "again": [], "one changed": []}
    peers: dict[str, list[Run]] = {peer.name: [] for peer in contestants}
    totals: dict[str, Any] = {}
    for number in range(runs):
        note(f"round {number + 1} of {runs}")
        home = _fresh(work / f"new-{number}")
        stages["new home"].append(_ours(documents, home))
        home = _fresh(work / f"prepared-{number}")
        shutil.copytree(models, home / "models", copy_function=os.link)
        for stage in ("prepared", "again", "one changed"):
            if stage == "one changed":
                changing.write_bytes(original + b"\n% changed\n")
            stages[stage].append(_ours(documents, home))
        changing.write_bytes(original)
        totals = json.loads(stages["prepared"][-1].stdout)["totals"]
        for peer in contestants:
            store = _fresh(work / f"peer-{number}" / peer.name.replace(" ", "-"))
            peers[peer.name].append(run(peer.ingest(documents, store)).expect(0))
            note(f"  {peer.name}: {peers[peer.name][-1].seconds:.1f} s")
    index = work / f"new-{runs - 1}/collections/default"  # this one has seen no change
    return Figures(
        stages=stages,
        peers=peers,
        totals=totals,
        text=_text_bytes(index / "catalog.sqlite"),
        disk=_catalog_parts(index / "catalog.sqlite") | _chroma_parts(index / "chroma") | _rest(index),
        peer_disk={
            peer.name: _chroma_parts(work / f"peer-{runs - 1}" / peer.name.replace(" ", "-")) for peer in contestants
        },
    )


def _ours(documents: Path, home: Path) -> Run:
    result = run(OURS.ingest(documents, home)).expect(0, SOME_UNREAD)
    note(f"  {OURS.name}, {home.name}: {result.seconds:.1f} s")
    return result


def _fresh(folder: Path) -> Path:
    """`folder`, empty: what an earlier benchmark left in a kept workspace would be a head start."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _median_file(folder: Path) -> Path:
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    return files[len(files) // 2]


# --- size on disk -----------------------------------------------------------------------------------------------------


def _text_bytes(catalog: Path) -> int:
    with closing(sqlite3.connect(catalog)) as database:
        return int(database.execute("SELECT sum(length(CAST(text AS BLOB))) FROM pages").fetchone()[0])


def _catalog_parts(catalog: Path) -> dict[str, int]:
    """Bytes of the catalog's pages by what they hold; the whole file where SQLite was built without `dbstat`."""
    names = {"pages": "catalog: text of the pages", "chunks": "catalog: spans and int8 vectors"}
    parts = dict.fromkeys([*names.values(), "catalog: word index", "catalog: the rest"], 0)
    try:
        with closing(sqlite3.connect(catalog)) as database:
            rows = database.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
    except sqlite3.OperationalError:
        return {"catalog": catalog.stat().st_size}
    for name, size in rows:
        word_index = name.startswith("words_")
        parts["catalog: word index" if word_index else names.get(name, "catalog: the rest")] += size
    journal = sum(path.stat().st_size for path in catalog.parent.glob(f"{catalog.name}-*"))
    parts["catalog: the rest"] += catalog.stat().st_size - sum(parts.values()) + journal
    return parts


def _chroma_parts(folder: Path) -> dict[str, int]:
    """Bytes of a Chroma folder: its SQLite file, and the graph of vectors in the folders beside it."""
    database = sum(path.stat().st_size for path in folder.glob("chroma.sqlite3*"))
    whole = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"Chroma: SQLite": database, "Chroma: graph": whole - database}


def _rest(index: Path) -> dict[str, int]:
    return {"directions and seal": sum((index / name).stat().st_size for name in ("coarse.npz", "seal.json"))}


# --- tables -----------------------------------------------------------------------------------------------------------


def report(figures: Figures) -> str:
    """The tables, in Markdown."""
    return f"{_time_table(figures)}\n\n{_size_table(figures)}"


def _time_table(figures: Figures) -> str:
    seconds = _column(lambda result: result.seconds)
    rows: list[list[object]] = []
    for stage, results in figures.stages.items():
        ours = seconds(results)
        ratios = [f"{seconds(peer).median / ours.median:.1f}" for peer in figures.peers.values()]
        peers = [f"{seconds(peer):.1f}" for peer in figures.peers.values()]
        rows.append([f"seconds, {stage}", f"{ours:.1f}", *peers, *ratios])
    for stage in ("new home", "prepared"):
        pages = figures.totals["pages"]
        took = seconds(figures.stages[stage]).median
        rates = [f"{pages / seconds(peer).median:.1f}" for peer in figures.peers.values()]
        ratios = [f"{seconds(peer).median / took:.1f}" for peer in figures.peers.values()]
        rows.append([f"pages a second, {stage}", f"{pages / took:.1f}", *rates, *ratios])
    for name, column in (
        ("processor seconds", _column(lambda result: result.cpu_seconds)),
        ("peak memory, MB", _column(lambda result: result.peak / MB)),
    ):
        for stage in ("new home", "prepared"):
            ours = column(figures.stages[stage])
            peers = [f"{column(peer):.0f}" for peer in figures.peers.values()]
            ratios = [f"{column(peer).median / ours.median:.1f}" for peer in figures.peers.values()]
            rows.append([f"{name}, {stage}", f"{ours:.0f}", *peers, *ratios])
    names = list(figures.peers)
    return table(["", OURS.name, *names, *(f"{name} : {OURS.name}" for name in names)], rows)


def _column(figure: Callable[[Run], float]) -> Callable[[Sequence[Run]], Any]:
    """The median and range of one figure over runs."""
    return lambda results: spread([figure(result) for result in results])


def _size_table(figures: Figures) -> str:
    peers = {name: json.loads(results[-1].stdout) for name, results in figures.peers.items()}
    rows: list[list[object]] = []
    for label, key in (("files", "files"), ("pages", "pages"), ("chunks", "chunks")):
        rows.append([label, f"{figures.totals[key]:,}", *(f"{peer[key]:,}" for peer in peers.values())])
    texts = [figures.text, *(peer["text_bytes"] for peer in peers.values())]
    disks = [figures.disk, *(figures.peer_disk[name] for name in peers)]
    rows.append(["text of the pages, kB", *(f"{text / 1000:,.0f}" for text in texts)])
    for part in dict.fromkeys(part for disk in disks for part in disk):
        rows.append([f"{part}, kB", *(f"{disk[part] / 1000:,.0f}" if part in disk else None for disk in disks)])
    rows.append(["index in all, kB", *(f"{sum(disk.values()) / 1000:,.0f}" for disk in disks)])
    per_byte = [sum(disk.values()) / text for disk, text in zip(disks, texts, strict=True)]
    rows.append(["bytes on disk for each byte of text", *(f"{figure:.2f}" for figure in per_byte)])
    return table(["", OURS.name, *peers], rows)


if __name__ == "__main__":
    main()
