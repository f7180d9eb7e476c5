"""Files, or an index, to the personal data in them, page by page. Reads text; of scans what an index holds by OCR."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, islice
from pathlib import Path

from ingest.errors import ReadError
from ingest.logs.lines import Text
from ingest.readers import read
from ingest.types import FileStatus, Page, SourceFile
from rag.batch import Job
from rag.events.table import LogTable
from rag.personal.find import Found, Kind
from rag.store.catalog import Catalog

LINES = 200  # of a log looked at together: each look costs the same for one line

Look = Callable[[str], list[Found]]
"""A text to the personal data in it; see `rag.personal.find.find`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Personal data of one page, record or line."""

    page: int | None
    record: str | None
    line: int | None  # of a log, from 1; offsets count within the line
    found: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """What one file holds."""

    path: str
    root: str
    status: FileStatus
    places: tuple[Place, ...] = ()
    pages: int = 0  # that were looked at; 0 for a log
    pages_without_text: tuple[int, ...] = ()  # nobody has looked at these
    detail: str = ""

    @property
    def counts(self) -> dict[Kind, int]:
        """How many of each kind."""
        return dict(Counter(found.kind for place in self.places for found in place.found))


def scan_file(job: Job, look: Look) -> Scan:
    """Look through one file. One that cannot be read has a status that says so."""
    source = job.source
    try:
        if job.kind == "log":
            with Text(source.absolute) as text:
                return _scan(source, tuple(_lines(text.lines(), look)))
        document = read(source)
    except ReadError as error:
        return Scan(source.path, str(source.root), error.status, detail=error.detail)
    places = tuple(_pages(document.pages, look))
    return _scan(source, places, len(document.pages), document.pages_without_text)


def scan_index(catalog: Catalog, look: Look) -> Iterator[Scan]:
    """Look through everything that is indexed, text read by OCR too."""
    reports = {(report.root, report.path): report for report in catalog.reports()}
    for (root, path), pages in groupby(catalog.pages(), key=lambda row: row[:2]):
        report = reports.pop((root, path))
        places = tuple(_pages([page for _, _, page in pages], look))
        yield Scan(path, root, report.status, places, report.pages, report.pages_without_text)
    logs = {log.document: log for log in catalog.logs()}
    named = {(file.root, file.path): logs[file.document] for file in catalog.stored_files() if file.document in logs}
    for (root, path), report in sorted(reports.items()):
        log = named.get((root, path))
        places = tuple(_lines(LogTable(catalog, log).all_lines(), look)) if log else ()
        yield Scan(path, root, report.status, places, detail=report.detail)


def _scan(source: SourceFile, places: tuple[Place, ...], pages: int = 0, without: tuple[int, ...] = ()) -> Scan:
    return Scan(source.path, str(Path(source.root)), FileStatus.INDEXED, places, pages, without)


def _pages(pages: Sequence[Page], look: Look) -> Iterator[Place]:
    for page in pages:
        if found := look(page.text):
            yield Place(page.number, page.record, None, tuple(found))


def _lines(numbered: Iterator[tuple[int, str]], look: Look) -> Iterator[Place]:
    while block := list(islice(numbered, LINES)):
        starts = list(accumulate((len(line) + 1 for _, line in block), initial=0))
        held: dict[int, list[Found]] = {}
        for found in look("\n".join(line for _, line in block)):
            place = bisect_right(starts, found.start) - 1
            begin = starts[place]
            moved = replace(found, start=found.start - begin, end=found.end - begin)
            held.setdefault(block[place][0], []).append(moved)
        yield from (Place(None, None, number, tuple(found)) for number, found in held.items())
