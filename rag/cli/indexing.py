"""`rag ingest`, `rag status`, `rag verify`: what is in the index."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ingest.errors import IndexDamaged, UsageError
from ingest.types import UNREAD, FileReport, FileStatus
from rag.cli.command import JsonOption
from rag.cli.opening import check_identity, identity, open_catalog, open_embedder
from rag.config import Settings
from rag.term import bold, mark, one_line, say, show, show_json

SOME_UNREAD = 3
DAMAGED = 4


def ingest(
    settings: Settings,
    paths: Annotated[list[Path] | None, typer.Argument(help="Folders (or files) to read.", show_default=False)] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the index anew, from all folders it knows.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Make the index equal to the given folders: new and changed files in, vanished files out."""
    from ingest.pipeline import totals
    from rag.store.lock import write_lock
    from rag.store.vectors import discard, replace

    roots = list(paths or [])
    if not roots and not rebuild:
        raise UsageError("Name the folder to read, for example `rag ingest ~/policies`.")
    started = time.perf_counter()
    with write_lock(settings.index):
        if rebuild:
            roots += [root for root in _known_roots(settings) if root not in roots]
            if not roots:
                raise UsageError("There is nothing to rebuild from; name the folders, `rag ingest --rebuild FOLDER`.")
            # Made aside: a rebuild that fails (a folder that is not mounted, a full disk) leaves the old index alone.
            aside = settings.index / "rebuild"
            discard(aside)
            reports = _fill(aside, settings, roots)
            replace(settings.index, aside)
        else:
            reports = _fill(settings.index, settings, roots)
    seconds = round(time.perf_counter() - started, 3)
    if as_json:
        show_json({"files": [asdict(report) for report in reports], "totals": totals(reports), "seconds": seconds})
    else:
        _show_reports(reports, totals(reports), seconds)
    return SOME_UNREAD if any(report.status in UNREAD for report in reports) else 0


def _fill(folder: Path, settings: Settings, roots: Sequence[Path]) -> list[FileReport]:
    """Ingest `roots` into the catalog and the vector index in `folder`."""
    from ingest.pipeline import ingest as run
    from rag.cli.progress import IngestProgress
    from rag.store.catalog import Catalog
    from rag.store.vectors import VectorIndex, catch_up

    embedder = open_embedder(settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with IngestProgress() as progress, closing(Catalog(folder / "catalog.sqlite", create=True)) as catalog:
        check_identity(catalog, embedder)
        catalog.set_identity(identity(embedder))
        reports = run(roots, catalog, embedder, embedder.tokenizer, progress)
        progress.indexing(len(catalog.owed()[0]))
        with closing(VectorIndex(folder)) as index:
            catch_up(catalog, index, progress.indexed)
    return reports


def _known_roots(settings: Settings) -> list[Path]:
    from rag.store.catalog import Catalog

    path = settings.index / "catalog.sqlite"
    if not path.is_file():
        return []
    try:
        return [Path(root) for root in Catalog(path).roots()]
    except (IndexDamaged, UsageError) as error:
        say(f"The old index does not tell which folders it was made from ({error}); only those named now are read.")
        return []


def _show_reports(reports: Sequence[FileReport], counts: dict[str, int], seconds: float) -> None:
    """Files that need a person's eye, one line each, then the totals."""
    for report in reports:
        if report.status in UNREAD:
            show(f"  {mark(report.status.value):<12} {one_line(report.path)}: {one_line(report.detail)}")
        elif report.status in (FileStatus.UNSUPPORTED, FileStatus.EMPTY, FileStatus.REMOVED) or report.detail:
            show(f"  {report.status.value:<12} {one_line(report.path)}: {one_line(report.detail)}")
    files = Counter(report.status.value for report in reports)
    listed = ", ".join(f"{count} {status}" for status, count in sorted(files.items()))
    show(bold(f"{len(reports)} files in {seconds:.1f} s: {listed}."))
    show(f"Searchable from here: {counts['pages']:,} pages in {counts['chunks']:,} passages.")


def status(settings: Settings, as_json: JsonOption = False) -> int:
    """Show what is indexed, and what could not be read."""
    from ingest.pipeline import totals

    catalog = open_catalog(settings)
    reports = catalog.reports()
    counts = totals(reports)
    if as_json:
        show_json(
            {
                "home": str(settings.home),
                "collection": settings.collection,
                "roots": catalog.roots(),
                "made_with": catalog.identity(),
                "files": [asdict(report) for report in reports],
                "totals": counts,
            }
        )
        return 0
    show(bold(f"Collection {settings.collection} in {settings.home}"))
    for root in catalog.roots():
        show(f"  folder {one_line(root)}")
    show()
    for report in reports:
        place = f"{report.pages:>4} pages {report.chunks:>5} passages" if report.chunks else " " * 25
        name = mark(report.status.value) if report.status in UNREAD else report.status.value
        detail = f"  ({one_line(report.detail)})" if report.detail else ""
        show(f"  {name:<12} {place}  {one_line(report.path)}{detail}")
    show()
    show(f"{counts['files']} files, {counts['pages']:,} pages, {counts['chunks']:,} passages.")
    return 0


def verify(
    settings: Settings,
    repair: Annotated[bool, typer.Option("--repair", help="Build the vector index anew from the catalog.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Check that the catalog is sound and that the vector index agrees with it."""
    from rag.store.lock import write_lock
    from rag.store.vectors import problems, rebuild

    catalog = open_catalog(settings)
    found = catalog.problems() or problems(catalog, settings.index)
    repaired = False
    if found and repair and not catalog.problems():
        say("Building the vector index anew …")
        with write_lock(settings.index):
            rebuild(catalog, settings.index)
        found, repaired = problems(catalog, settings.index), True
    if as_json:
        show_json({"sound": not found, "problems": found, "repaired": repaired})
    else:
        for problem in found:
            show(one_line(problem))
        if not found:
            show(f"The index is sound{' again' if repaired else ''}: {catalog.size():,} passages.")
    return DAMAGED if found else 0
