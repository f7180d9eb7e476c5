"""The way of files into the index: walk, look, read, recognise, cut, store, embed. Knows no model and no database.

Files are read in other processes while this one stores what they have read, in the order of the walk, and embeds. A
file's words can be found from the moment it is stored; its vectors follow.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from ingest import work
from ingest.errors import ReadError
from ingest.language import unsupported_language
from ingest.logs.indexed import IndexedLog
from ingest.readers.layer import better
from ingest.sandbox import Pool
from ingest.types import Catalog, Chunk, Document, Embedder, FileReport, FileStatus, Page, SourceFile
from ingest.walk import walk

EMBED = 128  # chunks embedded at a time, about a second's work
RETRIED = frozenset({FileStatus.FAILED, FileStatus.PASSWORD})
"""Statuses that may end better although the bytes are the same: they hang on permissions, limits or a password."""

LOGS = frozenset({"", ".evtx", ".gz", ".json", ".log", ".text", ".txt", ".xml"})
"""Suffixes of files that are logs if their content says so. Rotated ones, "auth.log.1", end in a number."""

TABLES = frozenset({".csv", ".jsonl", ".tsv"})
"""Suffixes of files that are logs if their content says so and they are no documents: registers look alike."""

_NAMED = 10  # pages that a report names; `rag status` knows all

SECONDS, SECONDS_MB = 60.0, 10.0
"""Time to read or to cut a file, and more for each of its megabytes. Annual reports of 4 MB take 1.5 s."""
SECONDS_OCR = 120.0
"""Time for OCR of a page. A dense one takes 4 s of one core."""


class PageWatcher(Protocol):
    """Told how the reading of one file goes, for people."""

    def recognised(self, path: str, page: int) -> None:
        """This page was read by OCR."""
        ...


class Watcher(PageWatcher, Protocol):
    """Told how the work goes, for people."""

    def found(self, files: int, size: int) -> None:
        """So many files with so many bytes in all are to be looked at."""
        ...

    def reading(self, path: str) -> None:
        """This file is read now."""
        ...

    def embedded(self, chunks: int) -> None:
        """So many more chunks have their vectors."""
        ...

    def finished(self, report: FileReport, size: int) -> None:
        """This file of so many bytes is done."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read."""

    pool: Pool
    passwords: tuple[str, ...] = ()  # tried in order on files that need one
    ocr: bool = True  # whether the image of a page without text is read


@dataclass(frozen=True, slots=True)
class _Job:
    """A file whose bytes are new to the catalog."""

    source: SourceFile
    size: int  # bytes
    report: FileReport  # what is known before it is read: path, root, SHA-256

    @property
    def content(self) -> tuple[str, str]:
        """Files with the same SHA-256 and suffix hold the same document."""
        return str(self.report.sha256), PurePosixPath(self.report.path).suffix.lower()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A file that was read: its report, and its text where there is any."""

    report: FileReport
    document: Document | None = None
    chunks: Sequence[Chunk] = ()
    log: IndexedLog | None = None


def ingest(
    roots: Sequence[Path], catalog: Catalog, embedder: Embedder, reading: Reading, watcher: Watcher
) -> list[FileReport]:
    """Make the catalog equal to what lies below `roots`: new and changed files in, vanished files out.

    Other roots are left alone. One bad file never stops the run: its report says what is wrong with it. Chunks that an
    interrupted run left without a vector get theirs, whatever file they belong to.

    Returns:
        A report for every file found and every file that is gone.

    Raises:
        UsageError, NothingFound: a root is missing or holds no files; nothing was changed.
    """
    walked = walk(roots)
    known = {str(root): catalog.known(str(root)) for root in walked.roots}
    sizes = {source: _size(source) for source in walked.files}
    watcher.found(len(sizes), sum(sizes.values()))
    reports: dict[tuple[str, str], FileReport] = {}

    def finish(report: FileReport, size: int) -> None:
        reports[report.root, report.path] = report
        recorded = report.status in (FileStatus.INDEXED, FileStatus.UNCHANGED)  # with its text
        if not recorded and report != known[report.root].get(report.path):
            catalog.note(report)
        watcher.finished(report, size)

    for report in walked.reports:
        finish(replace(report, path=_spelled(report.path)), 0)
    jobs = []
    for source, size in sizes.items():
        found = _look(source, size, known[str(source.root)].get(source.path), ocr=reading.ocr)
        if isinstance(found, _Job):
            jobs.append(found)
        else:
            finish(found, size)
    _read_all(jobs, catalog, embedder, reading, watcher, finish)
    while _embed(catalog, embedder, watcher):
        pass
    removed = []
    for root, files in known.items():
        for path, report in files.items():
            if (root, path) not in reports and not walked.unseen(root, path):
                catalog.remove(root, path)
                removed.append(replace(report, status=FileStatus.REMOVED, detail="no longer there"))
    order = {(str(source.root), _spelled(source.path)): place for place, source in enumerate(sizes)}
    return [*sorted(reports.values(), key=lambda report: order.get((report.root, report.path), -1)), *removed]


def totals(reports: Sequence[FileReport]) -> dict[str, int]:
    """Counts for the end of a run: files by status, and pages and chunks of what is in the index."""
    present = [report for report in reports if report.status is not FileStatus.REMOVED]
    return {
        "files": len(present),
        **{status.value: count for status, count in sorted(Counter(report.status for report in reports).items())},
        "pages": sum(report.pages for report in present),
        "pages_ocr": sum(len(report.pages_ocr) for report in present),
        "pages_without_text": sum(len(report.pages_without_text) for report in present),
        "pages_failed": sum(len(report.pages_failed) for report in present),
        "chunks": sum(report.chunks for report in present),
        "log_lines": sum(report.lines for report in present),
        "log_events": sum(report.events for report in present),
    }


def _look(source: SourceFile, size: int, known: FileReport | None, *, ocr: bool) -> _Job | FileReport:
    """What to do with a file: read it, or report what is known of it already."""
    report = FileReport(_spelled(source.path), str(source.root), None, FileStatus.FAILED)
    if report.path != source.path:
        return replace(report, detail="its name is not valid UTF-8, and cannot be cited; rename it")
    try:
        report = replace(report, sha256=work.sha256(source))
    except ReadError as error:
        return replace(report, status=error.status, detail=error.detail)
    if known is None or known.sha256 != report.sha256 or known.status in RETRIED or (ocr and known.pages_skipped):
        return _Job(source, size, report)
    # What could not be read still cannot: say so again, every time.
    return replace(known, status=FileStatus.UNCHANGED) if known.status is FileStatus.INDEXED else known


def _read_all(
    jobs: Sequence[_Job],
    catalog: Catalog,
    embedder: Embedder,
    reading: Reading,
    watcher: Watcher,
    finish: Callable[[FileReport, int], None],
) -> None:
    """Read files in the pool's processes and store them in order; embed while they are read."""
    queue = deque(jobs)
    running: deque[tuple[_Job, Future[_Prepared]]] = deque()
    ahead = 2 * reading.pool.workers  # files read before their turn: enough to keep all busy, few enough for memory
    threads = ThreadPoolExecutor(ahead, thread_name_prefix="file")  # each waits for one file's processes
    try:
        while queue or running:
            # A second file with the bytes of one that is being read waits until that is stored.
            while queue and len(running) < ahead and all(job.content != queue[0].content for job, _ in running):
                job = queue.popleft()
                watcher.reading(job.source.path)
                if same := catalog.holds(*job.content):
                    report = replace(same, path=job.report.path, root=job.report.root, detail=_also(same))
                    catalog.note(report)
                    finish(report, job.size)
                else:
                    running.append((job, threads.submit(_prepare, job, reading, watcher)))
            if not running:
                continue
            job, future = running[0]
            if not future.done() and _embed(catalog, embedder, watcher, least=EMBED):
                continue
            prepared = future.result()
            running.popleft()
            if prepared.log is not None:
                catalog.put_log(prepared.report, prepared.log)
            elif prepared.document is not None:
                catalog.put(prepared.report, prepared.document, prepared.chunks)
            finish(prepared.report, job.size)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def read_file(source: SourceFile, reading: Reading, watcher: PageWatcher) -> tuple[FileReport, Document | None]:
    """Read and recognise one file that goes into no catalog; no document where it has no text, the report says why."""
    found = _look(source, _size(source), None, ocr=reading.ocr)
    return _read(found, reading, watcher) if isinstance(found, _Job) else (found, None)


def _read(job: _Job, reading: Reading, watcher: PageWatcher) -> tuple[FileReport, Document | None]:
    """Read and recognise one file, in the pool's processes."""
    try:
        document = reading.pool.run(work.parse, job.source, job.report.sha256, reading.passwords, seconds=_seconds(job))
    except ReadError as error:
        return replace(job.report, status=error.status, detail=error.detail), None
    if isinstance(document, work.Refusal):
        return replace(job.report, status=document.status, detail=document.detail), None
    report, document = _recognise(job, document, reading, watcher)
    report = _describe(report, document)
    return report, document if report.status is FileStatus.INDEXED else None


def _seconds(job: _Job) -> float:
    return SECONDS + SECONDS_MB * job.size / 1e6


def _prepare(job: _Job, reading: Reading, watcher: Watcher) -> _Prepared:
    """Read, recognise and cut one file, in the pool's processes."""
    suffix = PurePosixPath(job.report.path).suffix.lower()
    if (suffix in LOGS or suffix[1:].isdecimal()) and (log := _log(job, reading)) is not None:
        return log
    report, document = _read(job, reading, watcher)
    if document is None:
        log = _log(job, reading) if suffix in TABLES else None
        return log or _Prepared(report)
    try:
        passages = reading.pool.run(work.cut, document, seconds=_seconds(job))
    except ReadError as error:
        return _Prepared(replace(job.report, status=error.status, detail=error.detail))
    return _Prepared(replace(report, chunks=len(passages)), document, passages)


def _log(job: _Job, reading: Reading) -> _Prepared | None:
    """Read a file as a log, in the pool's processes; None if it is none."""
    try:
        log = reading.pool.run(work.read_log, job.source, job.report.sha256, seconds=_seconds(job))
    except ReadError as error:
        return _Prepared(replace(job.report, status=error.status, detail=error.detail))
    if isinstance(log, work.Refusal):
        return _Prepared(replace(job.report, status=log.status, detail=log.detail))
    if log is None:
        return None
    unparsed = f", {log.unparsed:,} of them unparsed" if log.unparsed else ""
    detail = f"a log ({log.format}): {log.events:,} events on {log.lines:,} lines{unparsed}"
    report = replace(job.report, status=FileStatus.INDEXED, detail="; ".join((detail, *log.notes)))
    return _Prepared(replace(report, lines=log.lines, events=log.events), log=log)


def _recognise(job: _Job, document: Document, reading: Reading, watcher: PageWatcher) -> tuple[FileReport, Document]:
    """Read the images of the pages that need it. A page whose image cannot be read keeps what text it has."""
    if not document.scans:
        return replace(job.report, pages_failed=document.failed), document
    if not reading.ocr:
        return replace(job.report, pages_failed=document.failed, pages_skipped=document.scans), document
    recognised: dict[int, str] = {}
    failed = dict.fromkeys(document.failed, "")

    def read(page: int) -> None:
        try:
            text = reading.pool.run(work.recognise, job.source, page, reading.passwords, seconds=SECONDS_OCR)
        except ReadError as error:
            text = work.Refusal(error.status, error.detail)
        if isinstance(text, work.Refusal):
            failed[page] = text.detail
        else:
            recognised[page] = text
        watcher.recognised(job.source.path, page)

    with ThreadPoolExecutor(reading.pool.workers) as threads:
        list(threads.map(read, document.scans))
    pages = tuple(better(page, recognised.get(page.number or 0, "")) for page in document.pages)
    notes = [f"page {page}: OCR failed ({why})" for page, why in sorted(failed.items()) if why]
    report = replace(
        job.report,
        pages_failed=tuple(sorted(failed)),
        pages_ocr=tuple(page.number for page in pages if page.ocr and page.number is not None),
    )
    return report, replace(document, pages=pages, notes=(*document.notes, *notes))


def _describe(report: FileReport, document: Document) -> FileReport:
    """The report of a file that was read: what it holds, and what a reader of answers should know about it."""
    # A page that failed is not called empty: nobody knows what it says.
    without = tuple(page for page in document.pages_without_text if page not in report.pages_failed)
    notes = list(document.notes)
    pages = len(document.pages)
    if report.pages_ocr:
        notes.append(f"{len(report.pages_ocr)} of {pages} pages read by OCR")
    if report.pages_failed:
        notes.append(f"{len(report.pages_failed)} of {pages} pages could not be read")
    if hiding := [page for page in document.pages if page.hidden]:
        size = sum(span.end - span.start for page in hiding for span in page.hidden)
        notes.append(f"hidden text: {size:,} characters {_on(hiding)} that nobody sees")
    if report.pages_skipped:
        notes.append(f"{len(report.pages_skipped)} of {pages} pages are scans, left out by --no-ocr")
    if any(page.text.strip() for page in document.pages):
        status = FileStatus.INDEXED
        empty = len(set(without) - set(report.pages_skipped))
        if empty:
            notes.append(f"{empty} of {pages} pages hold no text")
        if language := unsupported_language(document.pages):
            notes.append(
                f"mostly {language}: the embedding model knows English, so its passages are found by words only"
            )
    else:
        status = FileStatus.NO_TEXT
        notes.append("no page holds text")
    return replace(report, status=status, pages=pages, pages_without_text=without, detail="; ".join(notes))


def _on(pages: Sequence[Page]) -> str:
    """ "on page 2, 5", "in it" where the format has no pages: for the end of a sentence about a few of them."""
    numbers = [str(page.number) for page in pages if page.number is not None]
    more = ", …" if len(numbers) > _NAMED else ""
    return f"on page {', '.join(numbers[:_NAMED])}{more}" if numbers else "in it"


def _embed(catalog: Catalog, embedder: Embedder, watcher: Watcher, least: int = 1) -> bool:
    """Give the next chunks their vectors, if at least so many wait for one; False if fewer do."""
    waiting = catalog.without_vector(EMBED)
    if len(waiting) < least:
        return False
    catalog.set_vectors([chunk for chunk, _ in waiting], embedder.embed([text for _, text in waiting]))
    watcher.embedded(len(waiting))
    return True


def _spelled(path: str) -> str:
    """A path as text that can be stored and shown: bytes of a name that are no UTF-8 are spelled out."""
    return path.encode("utf-8", errors="backslashreplace").decode()


def _also(same: FileReport) -> str:
    return "; ".join(part for part in (f"same content as {same.path}", same.detail) if part)


def _size(source: SourceFile) -> int:
    try:
        return source.absolute.stat().st_size
    except OSError:
        return 0  # the file itself is reported when it is read
