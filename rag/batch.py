"""Many files to many reports: several at once, resumable, each report on disk as soon as it is made.

A report is `NAME.md` and, for a log, `NAME.html` for people, and `NAME.json` with the same facts, below the output
folder; what is kept for later runs lies in its folder `.batch`. A second run takes a file's report as done when it was
made from the same bytes by the same program. A log's facts are kept apart from its report, so that a report can be made
again, compared with another earlier batch, without reading the log again.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ingest.errors import ReadError, StorageError
from ingest.logs.facts import LogFacts
from ingest.logs.formats import is_log
from ingest.logs.kept import from_kept, to_kept
from ingest.types import FileStatus, SourceFile
from ingest.walk import Walk
from rag.models.catalogue import sha256

OVERALL = "overall"  # name of the report about all files
MEMORY = ".batch"  # folder below the output folder; a walk does not enter it

_TICK = 0.5  # seconds between two looks at the progress within a file
_AHEAD = 4  # files begun for each one that is worked on at a time: enough to keep all busy, few enough for memory

_UNREADABLE = "unreadable"

Kind = Literal["document", "log"]


@dataclass(frozen=True, slots=True)
class Job:
    """One file to summarise."""

    source: SourceFile
    kind: Kind
    name: str  # path of the report below the output folder, without its suffix; no two jobs of a run share one
    number: int = 0  # its place among the jobs of its run


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a job: `entry` is the file's part of the JSON result, the others are pages for people."""

    job: Job
    entry: Mapping[str, Any]
    markdown: str
    html: str | None = None
    facts: LogFacts | None = None  # of a log that could be read
    resumed: bool = False  # nothing had to be read again


def jobs(walked: Walk, kinds: frozenset[Kind], out: Path | None = None) -> tuple[list[Job], list[SourceFile]]:
    """The files below the roots as jobs, those of `kinds`, none below `out`; and the files of the other kind."""
    reports = out.resolve() if out is not None else None
    files = [source for source in walked.files if not (reports and source.absolute.is_relative_to(reports))]
    times = Counter([OVERALL, *(source.path for source in files)])
    work: list[Job] = []
    others: list[SourceFile] = []
    for source in files:
        if (kind := _kind(source)) in kinds:
            name = source.path if times[source.path] == 1 else _whole_path(source)
            work.append(Job(source, kind, name, len(work)))
        else:
            others.append(source)
    return work, others


def _whole_path(source: SourceFile) -> str:
    """The name of a report whose file shares its path with another root's file: unique, if long."""
    return source.absolute.relative_to(source.absolute.anchor).as_posix()


def _kind(source: SourceFile) -> Kind:
    try:
        return "log" if is_log(source.absolute) else "document"
    except ReadError:
        return "document"  # whoever reads it will say what is wrong with it


class Shelf:
    """The output folder: reports that are finished, and facts that are kept. Raises StorageError where it cannot be
    written.

    Args:
        made_with: versions of program and models; what was made with others is made again.
    """

    def __init__(self, out: Path, made_with: Mapping[str, str]) -> None:
        self.out = out
        self.compared_with = "none"  # the earlier batch, which reports of logs depend on, and their facts do not
        self._made_with = dict(made_with)
        self._digests: dict[str, str] = {}

    def digest(self, job: Job) -> str:
        """SHA-256 of a job's file as it was when it was first looked at, hex; "unreadable" for what has none."""
        known = self._digests.get(job.name)
        if known is None:
            try:
                known = sha256(job.source.absolute)
            except OSError:
                known = _UNREADABLE  # whoever reads it says why; never equal to a file that could be read
            self._digests[job.name] = known
        return known

    def mark(self, work: Sequence[Job]) -> str:
        """A name for the batch: equal only if all files are. How they are looked at does not matter."""
        digest = hashlib.sha256()
        for job in work:
            digest.update(f"{job.name}\0{self.digest(job)}\0".encode(errors="surrogateescape"))
        return digest.hexdigest()

    def find(self, job: Job) -> Report | None:
        """The report of an earlier run, if it is the same."""
        held = read_json(self._data(job))
        if held is None or held.get("key") != self._report_key(job) or self.digest(job) == _UNREADABLE:
            return None
        if held["report"].get("status") == FileStatus.FAILED:
            return None  # that may end better although the bytes are the same
        try:
            markdown = self._page(job, "md").read_text(encoding="utf-8")
            html = self._page(job, "html").read_text(encoding="utf-8") if job.kind == "log" else None
        except (OSError, ValueError):
            return None
        facts = self.facts(job)
        if job.kind == "log" and "status" not in held["report"] and facts is None:
            return None
        return Report(job, held["report"], markdown, html, facts, resumed=True)

    def facts(self, job: Job) -> LogFacts | None:
        """The facts of a log that an earlier run has kept."""
        held = self._kept(job)
        try:
            return None if held is None else from_kept(held["facts"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return None  # spoiled: the log is counted again

    def summary(self, job: Job) -> Mapping[str, Any] | None:
        """The summary that was kept with the facts."""
        held = self._kept(job)
        return held.get("summary") if held is not None else None

    def put(self, report: Report, summary: Mapping[str, Any] | None = None) -> None:
        """Write a report, and the facts and summary of a log."""
        job, facts = report.job, report.facts
        if facts is not None and facts.sha256 and facts.sha256 != self.digest(job):
            self._digests[job.name] = facts.sha256  # it changed before it was read: the report is about what was read
        key = self._key(job)
        if facts is not None and summary is not None:
            every = self._made_with.get("lines") == "all"
            kept = {"key": key, "facts": to_kept(facts, every_line=every), "summary": summary}
            write_file(self._memory(job), json.dumps(kept) + "\n")
        write_file(self._page(job, "md"), report.markdown)
        if report.html is not None:
            write_file(self._page(job, "html"), report.html)
        # The key comes last: a run that is cut off between the files makes this report again.
        data = {"key": self._report_key(job), "report": report.entry}
        write_file(self._data(job), json.dumps(data, indent=1) + "\n")

    def _kept(self, job: Job) -> dict[str, Any] | None:
        held = read_json(self._memory(job))
        return held if held is not None and held.get("key") == self._key(job) else None

    def _key(self, job: Job) -> dict[str, str]:
        return {"sha256": self.digest(job), "kind": job.kind, **self._made_with}

    def _report_key(self, job: Job) -> dict[str, str]:
        return self._key(job) | ({"compared_with": self.compared_with} if job.kind == "log" else {})

    def _page(self, job: Job, suffix: str) -> Path:
        return self.out / f"{job.name}.{suffix}"

    def _data(self, job: Job) -> Path:
        return self._page(job, "json")

    def _memory(self, job: Job) -> Path:
        return self.out / MEMORY / f"{job.name}.json"


def read_json(path: Path) -> dict[str, Any] | None:
    """A JSON object from a file; None if there is none."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return held if isinstance(held, dict) else None


def run(
    work: Sequence[Job],
    gather: Callable[[Job], Any],
    make: Callable[[Job, Any], Report],
    shelf: Shelf | None = None,
    at_once: int = 1,
    tick: Callable[[], None] = lambda: None,
) -> Iterator[Report]:
    """Yield a report for each job as soon as it is there: an equal one from the shelf, or one that `make` made.

    Args:
        gather: does what takes long, in a thread, for `at_once` jobs at a time.
        make: makes the report of it, in the caller's thread.
        tick: called now and then while nothing is ready.
    """

    def prepare(job: Job) -> tuple[Report | None, Any]:
        found = shelf.find(job) if shelf is not None else None
        return found, None if found is not None else gather(job)

    waiting = iter(work)
    begun: dict[Future[tuple[Report | None, Any]], Job] = {}  # in the order in which they were begun
    threads = ThreadPoolExecutor(at_once, thread_name_prefix="report")
    try:
        while True:
            while len(begun) < _AHEAD * at_once and (job := next(waiting, None)) is not None:
                begun[threads.submit(prepare, job)] = job
            if not begun:
                return
            done, _ = wait(begun, timeout=_TICK, return_when=FIRST_COMPLETED)
            tick()
            for future in [future for future in begun if future in done]:
                job = begun.pop(future)
                found, gathered = future.result()
                yield found if found is not None else make(job, gathered)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def write_file(path: Path, text: str) -> None:
    """Write a whole file or none of it. Raises StorageError."""
    aside = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise StorageError(
            f"Cannot write {path} ({error.strerror}); free some space or choose another folder with --out. "
            "Reports finished before are kept."
        ) from error
