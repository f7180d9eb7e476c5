"""`rag ingest`, `rag status`, `rag verify`: what is in the index."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.errors import IndexDamaged, StrongroomError, UsageError
from ingest.types import UNREAD, FileReport, FileStatus
from rag import private
from rag.cli.command import JsonOption
from rag.cli.documents import OcrOption, PasswordsOption, read_passwords
from rag.cli.opening import check_identity, identity, open_catalog, open_embedder, open_recorder
from rag.cli.unlocking import begun
from rag.config import Settings
from rag.term import bold, counted, mark, one_line, say, show, show_json
from rag.warm import FOLDER

if TYPE_CHECKING:
    from ingest.pipeline import Reading
    from rag.cli.progress import IngestProgress
    from rag.models.embed import TextEmbedder
    from rag.record.notes import Note
    from rag.store.catalog import Catalog

SOME_UNREAD = 3
DAMAGED = 4


def ingest(
    settings: Settings,
    paths: Annotated[list[Path] | None, typer.Argument(help="Folders (or files) to read.", show_default=False)] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the index anew, from all folders it knows.")] = False,
    password_file: PasswordsOption = None,
    ocr: OcrOption = True,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Begin the home encrypted; asks for a passphrase. See `rag encrypt`.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Make the index equal to the given folders: new and changed files in, vanished files out."""
    roots = list(paths or [])
    if not roots and not rebuild:
        raise UsageError("Name the folder to read, for example `rag ingest ~/policies`.")
    private.claim(settings.home)
    if not encrypt:
        return _ingest(settings, roots, password_file, rebuild=rebuild, ocr=ocr, as_json=as_json)
    with begun(settings) as key:
        settings = replace(settings, key=key)
        return _ingest(settings, roots, password_file, rebuild=rebuild, ocr=ocr, as_json=as_json)


def _ingest(
    settings: Settings, roots: list[Path], password_file: Path | None, *, rebuild: bool, ocr: bool, as_json: bool
) -> int:
    from ingest.pipeline import totals
    from rag.store import collection
    from rag.store.lock import write_lock

    passwords = read_passwords(password_file)
    asks = not as_json and sys.stdin.isatty() and sys.stderr.isatty()
    started = time.perf_counter()
    with write_lock(settings.index):
        if rebuild:
            roots += [root for root in map(Path, collection.roots(settings.index, settings.key)) if root not in roots]
            if not roots:
                raise UsageError("There is nothing to rebuild from; name the folders, `rag ingest --rebuild FOLDER`.")
            # Made aside: a rebuild that fails (a folder that is not mounted, a full disk) leaves the old index alone.
            with collection.replacing(settings.index) as aside:
                reports = _fill(aside, settings, roots, passwords, ocr=ocr, asks=asks)
        else:
            reports = _fill(settings.index, settings, roots, passwords, ocr=ocr, asks=asks)
    seconds = round(time.perf_counter() - started, 3)
    _record(settings, reports, roots, rebuild=rebuild)
    if as_json:
        show_json({"files": [asdict(report) for report in reports], "totals": totals(reports), "seconds": seconds})
    else:
        _show_reports(reports, totals(reports), seconds)
    return SOME_UNREAD if any(report.status in UNREAD for report in reports) else 0


def _record(settings: Settings, reports: Sequence[FileReport], roots: Sequence[Path], *, rebuild: bool) -> None:
    from ingest.pipeline import totals
    from rag.record.notes import of_ingestion
    from rag.store import seal

    def note() -> Note:
        sealed = seal.read(settings.index, settings.key)
        made_with = sealed.identity if sealed else {}  # without a seal another process has begun to write meanwhile
        return of_ingestion(reports, totals(reports), made_with, roots, settings.index, rebuild=rebuild)

    if failure := open_recorder(settings).write(note):
        say(mark(one_line(failure)))


def _fill(
    folder: Path, settings: Settings, roots: Sequence[Path], passwords: tuple[str, ...], *, ocr: bool, asks: bool
) -> list[FileReport]:
    """Ingest `roots` into the collection in `folder`."""
    from ingest.pipeline import Reading
    from ingest.sandbox import Sandbox
    from rag.cli.progress import IngestProgress
    from rag.models.network import usable_cores
    from rag.store.collection import changing

    embedder = open_embedder(settings, bulk=True)
    with (
        IngestProgress() as progress,
        changing(folder, progress.indexed, settings.key) as catalog,
        Sandbox(usable_cores(), _equip, embedder.tokenizer) as pool,
    ):
        check_identity(catalog, embedder)
        catalog.set_identity(identity(embedder))
        reports = _run(roots, catalog, embedder, Reading(pool, passwords, ocr), progress)
        locked = [report for report in reports if report.status is FileStatus.PASSWORD]
        if locked and asks:
            more = _ask_passwords(locked, progress)
            if more:
                again = _run(roots, catalog, embedder, Reading(pool, (*passwords, *more), ocr), progress)
                reports = _merged(reports, again)
        progress.indexing(len(catalog.owed()[0]) if settings.key is None else 0)
    return reports


def _run(
    roots: Sequence[Path], catalog: Catalog, embedder: TextEmbedder, reading: Reading, progress: IngestProgress
) -> list[FileReport]:
    from ingest.pipeline import ingest as run

    return run(roots, catalog, embedder, reading, progress)


def _equip(*args: object) -> None:
    """Prepare a reading process: the guard first, as everywhere."""
    from rag import offline

    offline.engage()
    from ingest import work

    work.equip(*args)  # type: ignore[arg-type]


def _ask_passwords(locked: Sequence[FileReport], progress: IngestProgress) -> list[str]:
    """Ask the person at the terminal for the passwords of files; what they leave empty stays locked."""
    given = []
    with progress.paused(), suppress(EOFError):
        for report in locked:
            if password := getpass(f"Password of {one_line(report.path)} (Enter to leave it out): "):
                given.append(password)
    return given


def _merged(first: Sequence[FileReport], again: Sequence[FileReport]) -> list[FileReport]:
    """The reports of a second run over the same folders, in which what the first one did is not "unchanged"."""
    before = {(report.root, report.path): report for report in first}
    now = [
        before.get((report.root, report.path), report) if report.status is FileStatus.UNCHANGED else report
        for report in again
    ]
    return now + [report for report in first if report.status is FileStatus.REMOVED]


def _show_reports(reports: Sequence[FileReport], counts: dict[str, int], seconds: float) -> None:
    """Files that need a person's eye, one line each, then the totals."""
    for report in reports:
        if report.status in UNREAD:
            show(f"  {mark(report.status.value):<12} {one_line(report.path)}: {one_line(report.detail)}")
        elif report.status in (FileStatus.UNSUPPORTED, FileStatus.EMPTY, FileStatus.REMOVED) or report.detail:
            show(f"  {report.status.value:<12} {one_line(report.path)}: {one_line(report.detail)}")
    files = Counter(report.status.value for report in reports)
    listed = ", ".join(f"{count} {status}" for status, count in sorted(files.items()))
    show(bold(f"{counted(len(reports), 'file')} in {seconds:.1f} s: {listed}."))
    show(f"Searchable from here: {_pages(counts)}, in {counted(counts['chunks'], 'passage')}{_logs(counts)}.")


def _pages(counts: dict[str, int]) -> str:
    """ "297 pages (290 with text, 5 by OCR, 1 empty, 1 failed)": each page counted once."""
    unread = counts["pages_ocr"] + counts["pages_without_text"] + counts["pages_failed"]
    parts = [f"{counts['pages'] - unread:,} with text"]
    for name, key in (("by OCR", "pages_ocr"), ("without text", "pages_without_text"), ("failed", "pages_failed")):
        if counts[key]:
            parts.append(f"{counts[key]:,} {name}")
    return f"{counted(counts['pages'], 'page')} ({', '.join(parts)})"


def _logs(counts: dict[str, int]) -> str:
    """ "; of logs 3,528 events on 3,528 lines" where there are any."""
    if not counts["log_events"]:
        return ""
    return f"; of logs {counted(counts['log_events'], 'event')} on {counted(counts['log_lines'], 'line')}"


def status(settings: Settings, as_json: JsonOption = False) -> int:
    """Show what is indexed, page by page, and what could not be read."""
    from ingest.pipeline import totals
    from rag.cli.warming import holder

    catalog = open_catalog(settings)
    warm = holder(settings.home / FOLDER)
    reports = catalog.reports()
    counts = totals(reports)
    hidden = catalog.hidden_pages()
    waiting = catalog.size() - catalog.vectors_size()
    if as_json:
        show_json(
            {
                "home": str(settings.home),
                "collection": settings.collection,
                "encrypted": settings.key is not None,
                "warm": warm or None,
                "roots": catalog.roots(),
                "made_with": catalog.identity(),
                "files": [asdict(report) for report in reports],
                "totals": counts | {"passages_without_vector": waiting},
                "hidden": [
                    {"root": root, "path": path, "page": page, "record": record, "characters": characters}
                    for root, path, page, record, characters in hidden
                ],
            }
            | ({"hosts": settings.hosts, "words_from": _words_from(settings)} if settings.hosts else {})
        )
        return 0
    show(bold(f"Collection {settings.collection} in {settings.home}{', encrypted' if settings.key else ''}"))
    if settings.hosts:
        told = f"config.toml allows {', '.join(settings.hosts)}; words from {_words_from(settings)}"
        show(f"  {mark(one_line(told))}")
    for root in catalog.roots():
        show(f"  folder {one_line(root)}")
    show()
    for report in reports:
        place = f"{report.pages:>4} pages {report.chunks:>5} passages" if report.chunks else " " * 25
        place = f"{f'{report.events:,} events':>25}" if report.events else place
        name = mark(report.status.value) if report.status in UNREAD else report.status.value
        detail = f"  ({one_line(report.detail)})" if report.detail else ""
        show(f"  {name:<12} {place}  {one_line(report.path)}{detail}")
        hiding = [page for root, path, page, _, _ in hidden if (root, path) == (report.root, report.path)]
        for what, pages in (
            ("with hidden text", sorted({page for page in hiding if page is not None})),
            ("read by OCR", report.pages_ocr),
            ("without text", report.pages_without_text),
            ("failed", report.pages_failed),
        ):
            if pages:
                show(f"{'':>15}{what}: {'pages' if len(pages) > 1 else 'page'} {_ranges(pages)}")
    show()
    passages = counted(counts["chunks"], "passage")
    show(f"{counted(counts['files'], 'file')}, {_pages(counts)}, {passages}{_logs(counts)}.")
    if waiting:
        show(f"{waiting:,} passages wait for their vectors; `rag ingest` gives them theirs.")
    if warm:
        show(f"Warm: {warm} holds the models; `rag warm --stop` ends it.")
    return 0


def _words_from(settings: Settings) -> str:
    return f"{settings.remote.name} at {settings.remote.host}" if settings.remote else "this machine"


def _ranges(numbers: Sequence[int]) -> str:
    """ "1-3, 7" for 1, 2, 3, 7."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def verify(
    settings: Settings,
    repair: Annotated[
        bool, typer.Option("--repair", help="Build anew what is damaged, from the catalog or from the documents.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Check every byte of the index: that it is what was written, and that its parts agree with each other."""
    from rag.store import collection
    from rag.store.lock import write_lock

    if not collection.exists(settings.index):
        open_catalog(settings)  # says that there is none
    found = collection.problems(settings.index, settings.key)
    repaired = False
    if found and repair:
        with write_lock(settings.index):
            say("Building the vector index anew …")
            if not collection.mend_index(settings.index, key=settings.key):
                _remake(settings)
        found, repaired = collection.problems(settings.index, settings.key), True
    if as_json:
        show_json({"sound": not found, "problems": found, "repaired": repaired})
    else:
        for problem in found:
            show(one_line(problem))
        if not found:
            show(f"The index is sound{' again' if repaired else ''}: {open_catalog(settings).size():,} passages.")
        elif not repair:
            show("`rag verify --repair` mends it.")
    return DAMAGED if found else 0


def _remake(settings: Settings) -> None:
    """Make a collection whose catalog is damaged anew, from the documents. Raises IndexDamaged if that fails."""
    from rag.store import collection

    roots = [Path(root) for root in collection.roots(settings.index, settings.key)]
    if not roots:
        raise IndexDamaged(
            f"The catalog in {settings.index} is damaged, and nothing tells any more which folders it was made from; "
            "name them: `rag ingest --rebuild FOLDER`."
        )
    say("The catalog is damaged; making it anew from the documents …")
    try:
        with collection.replacing(settings.index) as aside:
            reports = _fill(aside, settings, roots, (), ocr=True, asks=False)
        _record(settings, reports, roots, rebuild=True)
    except StrongroomError as error:
        raise IndexDamaged(
            f"The catalog in {settings.index} is damaged and could not be made anew: {error} When that is mended, run "
            "`rag verify --repair` again."
        ) from error
