"""One run over many files: documents and logs to reports, one by one, and in the end a report on all of them.

Knows nothing about the command line; who runs it is told of each report, and how far the work is.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.errors import UsageError
from ingest.logs.changes import Baseline, baseline_of
from ingest.logs.facts import LogFacts
from ingest.logs.joined import BatchFacts, Joined
from ingest.logs.selection import Selection
from ingest.sandbox import Pool
from ingest.walk import walk
from ingest.work import Refusal
from rag import earlier
from rag.batch import OVERALL, Job, Report, Shelf, jobs, run, write_file
from rag.log_batch import GetGenerator, LogBatch, Looking, Masking, count, large_in
from rag.log_page import render_batch_page
from rag.report import render_overall

_SHORT = ("path", "kind", "status", "detail", "format", "events", "first", "last", "summary")
"""What the overall report needs of an entry, beside the severities of its findings."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to do with which files."""

    work: Sequence[Job]
    looking: Looking  # at logs
    generator: GetGenerator  # words summaries of logs
    document: Callable[[Job, Pool], Report]  # makes the report of a document, read in the pool
    baseline: Path | None = None  # what is normal for logs: an earlier output, or a folder of logs
    mask: Masking | None = None  # of what was counted, before anything is made of it; then no batch is compared
    whole: bool = False  # keep the whole entries, not only what the overall report needs


@dataclass(frozen=True, slots=True)
class Result:
    """What a run has to show."""

    entries: Sequence[Mapping[str, Any]]  # one for each file, in the order of the walk
    overall: Mapping[str, Any] | None  # of all logs together; None if none could be read
    pages: tuple[str, str]  # the overall report as Markdown and as HTML
    resumed: int  # reports of which nothing had to be read again


def report_all(
    task: Task,
    pool: Pool,
    shelf: Shelf | None,
    told: Callable[[Report], None],
    tick: Callable[[], None],
    on_read: Callable[[int], None],
) -> Result:
    """Make all reports.

    Args:
        pool: where logs are read.
        shelf: the output folder; None writes nothing.
        told: told of each report as soon as it is there (and on the shelf).
        tick: called now and then.
        on_read: told how many more bytes of logs this process has read; what workers read they count themselves.

    Raises:
        UsageError: the baseline is none.
        StorageError: the output folder cannot be written.
    """
    before, mark = _before(task, pool, shelf)
    if shelf is not None:
        shelf.compared_with = earlier.fingerprint(before)
    large = large_in([_size(job) for job in task.work if job.kind == "log"], pool.workers)
    logs = LogBatch(pool, task.looking, task.generator, before, shelf, large, on_read, task.mask)

    def make(job: Job, gathered: Any) -> Report:
        if job.kind == "log":
            return logs.make(job, gathered)
        report = task.document(job, pool)
        if shelf is not None:
            shelf.put(report)
        return report

    def gather(job: Job) -> Any:
        return logs.gather(job) if job.kind == "log" else None

    entries: dict[int, Mapping[str, Any]] = {}
    held: dict[int, Report] = {}  # where templates get their names at the end, and nothing lies on a shelf
    resumed = 0
    for report in run(task.work, gather, make, shelf, pool.workers, tick):
        logs.add(report)
        resumed += report.resumed
        entries[report.job.number] = report.entry if task.whole else _short(report.entry)
        if task.whole and shelf is None and report.facts is not None:
            held[report.job.number] = report
        told(report)
    finished = logs.finish()
    overall = None
    if finished is not None:
        facts, overall = finished
        for job in task.work:
            named = _named(job, logs, facts, shelf, held)
            if named is not None and task.whole:
                entries[job.number] = named.entry
            tick()
    ordered = [entries[number] for number in sorted(entries)]
    names = [job.name if shelf is not None else None for job in task.work]
    pages = render_overall(ordered, overall), render_batch_page(overall, ordered, names)
    if shelf is not None:
        write_file(shelf.out / f"{OVERALL}.md", pages[0])
        write_file(shelf.out / f"{OVERALL}.html", pages[1])
        data = {"files": [_short(entry) for entry in ordered], "overall": overall}
        write_file(shelf.out / f"{OVERALL}.json", json.dumps(data, indent=1) + "\n")
        if finished is not None and task.mask is None:
            earlier.remember(shelf.out, mark, baseline_of(finished[0]), before)
    return Result(ordered, overall, pages, resumed)


def _named(
    job: Job, logs: LogBatch, facts: BatchFacts, shelf: Shelf | None, held: Mapping[int, Report]
) -> Report | None:
    """The log's report with the batch's names of its templates; None where there is nothing to name."""
    if job.kind != "log":
        return None
    report = shelf.find(job) if shelf is not None else held.get(job.number)
    if report is None or report.facts is None:
        return None
    return logs.settled(report, facts, report.facts.shapes)


def _size(job: Job) -> int:
    try:
        return job.source.absolute.stat().st_size
    except OSError:
        return 0  # whoever reads it says why


def _short(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    short = {name: entry[name] for name in _SHORT if name in entry}
    if "findings" in entry:
        short["findings"] = [{"severity": finding["severity"]} for finding in entry["findings"]]
    return short


def _before(task: Task, pool: Pool, shelf: Shelf | None) -> tuple[Baseline | None, str]:
    """The earlier batch to compare with, and the mark of this one."""
    logs = [job for job in task.work if job.kind == "log"]
    mark = shelf.mark(logs) if shelf is not None else ""
    if task.baseline is not None:
        return baseline_at(task.baseline, pool, task.looking), mark
    if shelf is None or task.mask is not None:
        return None, mark
    return earlier.remembered(shelf.out, mark), mark


def baseline_at(folder: Path, pool: Pool, looking: Looking) -> Baseline:
    """What a folder says is normal: the batch it reports on, or the logs in it.

    The period that is looked at does not matter there: what was normal is earlier. Raises UsageError.
    """
    known = earlier.of_output(folder)
    if known is not None:
        return known
    work, _ = jobs(walk([folder]), frozenset({"log"}))
    joined = Joined()
    always = Looking(Selection(actor=looking.selection.actor), rules=looking.rules)
    unread = []

    def make(job: Job, facts: LogFacts | Refusal) -> Report:
        return Report(job, {"path": job.source.path}, "", facts=None if isinstance(facts, Refusal) else facts)

    large = large_in([_size(job) for job in work], pool.workers)
    for report in run(work, lambda job: count(pool, job, always, large, lambda _: None), make, at_once=pool.workers):
        if report.facts is not None:
            joined.add(report.job.number, report.facts)
        else:
            unread.append(report.job.source.path)
    if not joined.files:
        raise UsageError(
            f"--baseline {folder} holds neither logs that can be read nor reports of an earlier run; give a folder of "
            "earlier logs, or the --out folder of an earlier run."
        )
    if unread:
        raise UsageError(f"--baseline {folder}: {unread[0]} in it cannot be read; take it out, or mend it.")
    return baseline_of(joined.result())
