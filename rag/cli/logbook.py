"""`rag logs` and `rag summarize`: what logs hold, counted; what documents say, with pages; many files at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import uuid4

import typer

from ingest.errors import NothingFound, UsageError
from ingest.types import UNREAD, FileStatus
from rag import __version__
from rag.cli.command import WRITTEN, JsonOption, RedactOption
from rag.cli.documents import OcrOption, PasswordsOption, read_passwords
from rag.cli.opening import open_embedder, open_recorder, start_generator
from rag.config import Settings
from rag.term import bold, counted, mark, one_line, say, show, show_json

if TYPE_CHECKING:
    from ingest.pipeline import Reading
    from ingest.sandbox import Pool
    from ingest.types import SourceFile
    from rag.batch import Job, Kind, Report
    from rag.log_batch import Looking
    from rag.models.embed import TextEmbedder
    from rag.personal.mask import Masker
    from rag.record.notes import Note
    from rag.reporting import Result, Task
    from rag.types import Generator

Made = TypeVar("Made")

SOME_UNREAD = 3
TOO_GRAVE = 5  # `--fail-on` met

FOLLOW_SECONDS = 1.0  # between two looks at a growing log

_LINES_SHOWN = 8  # of a finding in a growing log
_NAMED = 5  # files that are no logs and are named; the others are counted


class Format(StrEnum):
    """In which form results are printed."""

    MARKDOWN = "markdown"
    JSON = "json"
    HTML = "html"


class Severity(StrEnum):
    """Of a finding."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


PathsArgument = Annotated[list[Path], typer.Argument(help="Folders or files.", show_default=False)]
AllLinesOption = Annotated[bool, typer.Option("--all-lines", help="List every line number, not the first 20.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Folder for one report a file and an overall one."), WRITTEN
]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", help="Of logs only events from then on: 2026-03-02, 2026-03-02T09:00+01:00 or 7d."),
]
UntilOption = Annotated[str | None, typer.Option("--until", help="Of logs only events before that: as --since.")]
ActorOption = Annotated[str | None, typer.Option("--actor", help="Of logs only events by this actor; * and ? work.")]
BaselineOption = Annotated[
    Path | None,
    typer.Option("--baseline", help="What is normal for logs: a folder of earlier logs, or of an earlier --out."),
]
RulesOption = Annotated[
    list[Path] | None,
    typer.Option("--rules", help="A folder of Sigma rules for logs: they add to the shipped ones, or replace them."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How results are printed.")]
FailOption = Annotated[
    Severity | None, typer.Option("--fail-on", help="Exit code 5 if a log has a finding of this severity or worse.")
]


def logs(
    settings: Settings,
    paths: PathsArgument,
    out: OutOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    actor: ActorOption = None,
    baseline: BaselineOption = None,
    rules: RulesOption = None,
    fail_on: FailOption = None,
    form: FormatOption = Format.MARKDOWN,
    follow: Annotated[
        bool, typer.Option("--follow", help="Watch one growing log and print findings as they come, until Ctrl-C.")
    ] = False,
    all_lines: AllLinesOption = False,
    as_json: JsonOption = False,
) -> int:
    """Count what is in logs: events, templates, actors, outcomes, findings. No language model is used."""
    from rag.reporting import Task

    looking = _looking(since, until, actor, all_lines, rules)
    form = Format.JSON if as_json else form
    if follow:
        if out is not None or baseline is not None or form is Format.HTML:
            raise UsageError("--follow prints findings as lines; leave --out, --baseline and --format html out.")
        return _follow(paths, looking, form is Format.JSON, fail_on)
    work, others = _jobs(paths, frozenset({"log"}), out)
    task = Task(work, looking, lambda: None, _no_document, baseline, whole=form is Format.JSON)
    made_with = {"version": __version__, "language_model": "none"}
    result = _run(task, out, made_with, quiet=form is not Format.MARKDOWN)
    _say_left_out(others)
    return _print(result, out, form, fail_on, {"not_logs": [source.path for source in others]})


def summarize(
    settings: Settings,
    paths: PathsArgument,
    out: OutOption = None,
    no_model: Annotated[
        bool, typer.Option("--no-model", help="Keep the documents' own words and plain counts.")
    ] = False,
    since: SinceOption = None,
    until: UntilOption = None,
    actor: ActorOption = None,
    baseline: BaselineOption = None,
    rules: RulesOption = None,
    fail_on: FailOption = None,
    form: FormatOption = Format.MARKDOWN,
    all_lines: AllLinesOption = False,
    words: Annotated[
        int | None, typer.Option("--words", min=1, help="About how long a document's summary is, in words.")
    ] = None,
    digest: Annotated[
        bool, typer.Option("--digest", help="One page over all documents: shared statements, what is at odds, terms.")
    ] = False,
    ocr: OcrOption = True,
    password_file: PasswordsOption = None,
    redact: RedactOption = False,
    as_json: JsonOption = False,
) -> int:
    """Summarise documents and logs, many at once. With --out, a second run does only what is new."""
    from ingest.pipeline import Reading
    from rag.cli.digesting import digest as condense_all
    from rag.personal.mask import Masker
    from rag.personal.reports import masked_facts
    from rag.record.notes import of_summary
    from rag.reporting import Task

    form = Format.JSON if as_json else form
    load = _once(lambda: None if no_model else start_generator(settings)())
    embedder = _once(lambda: open_embedder(settings))
    masker = Masker() if redact else None
    if digest:
        if form is Format.HTML or all_lines or any((since, until, actor, baseline, rules, fail_on)):
            raise UsageError("--digest is about documents; leave what is about logs, and --format html, out.")
        whole = form is Format.JSON
        return condense_all(settings, paths, out, load, embedder, words, masker, password_file, ocr=ocr, as_json=whole)
    looking = _looking(since, until, actor, all_lines, rules)
    work, _ = _jobs(paths, frozenset({"log", "document"}), out)
    passwords = read_passwords(password_file)
    made_with = {
        "version": __version__,
        "language_model": "none" if no_model else str(settings.remote or settings.language_model or "default"),
        "embedding_model": str(settings.embedding_model or "default"),
        "words": str(words or "default"),
        "ocr": str(ocr),
    }
    if masker is not None:
        if baseline is not None:
            raise UsageError(
                "--redact gives marks that hold for one run; leave --baseline out, nothing compares with them."
            )
        made_with["redacted"] = uuid4().hex  # a report of another run would call others by the same marks

    def note(report: Report) -> Note:
        return of_summary(report, embedder() if report.job.kind == "document" else None, load())

    recorder = open_recorder(settings)
    task = Task(
        work,
        looking,
        load,
        lambda job, pool: _document_report(job, Reading(pool, passwords, ocr), embedder(), load(), words, masker),
        baseline,
        mask=partial(masked_facts, masker=masker) if masker is not None else None,
        whole=form is Format.JSON,
    )
    result = _run(
        task,
        out,
        made_with,
        quiet=form is not Format.MARKDOWN,
        noted=lambda report: recorder.write(partial(note, report)),
    )
    return _print(result, out, form, fail_on, {})


def _no_document(job: Job, _pool: Pool) -> Report:
    raise AssertionError(f"{job.name} is no log")


def _looking(
    since: str | None, until: str | None, actor: str | None, all_lines: bool, rules: Sequence[Path] | None
) -> Looking:
    from ingest.logs.rules import load
    from ingest.logs.selection import Selection, moment
    from rag.log_batch import Looking

    now = datetime.now(UTC)
    start = moment(since, "--since", now) if since else None
    end = moment(until, "--until", now) if until else None
    if start is not None and end is not None and start >= end:
        raise UsageError(f"--since {since} is not before --until {until}, so no event can lie between; swap them.")
    folders = tuple(folder.resolve() for folder in rules or ())
    load(*folders)  # what is wrong with a rule is said before anything is read
    return Looking(Selection(start, end, actor), all_lines, folders)


def _jobs(paths: list[Path], kinds: frozenset[Kind], out: Path | None) -> tuple[list[Job], list[SourceFile]]:
    from ingest.walk import walk
    from rag.batch import jobs

    work, others = jobs(walk(paths), kinds, out)
    if not work:
        raise NothingFound(f"No log was recognised in {', '.join(map(str, paths))}; documents are for `rag summarize`.")
    return work, others


def _run(
    task: Task,
    out: Path | None,
    made_with: Mapping[str, str],
    quiet: bool,
    noted: Callable[[Report], str] = lambda _: "",
) -> Result:
    """Do the task in worker processes, with progress.

    Args:
        noted: writes a report that was made now into the record; returns why it could not, or "".
    """
    import multiprocessing

    from ingest.sandbox import Sandbox
    from rag.batch import Shelf
    from rag.cli.progress import BatchProgress
    from rag.models.network import usable_cores
    from rag.reporting import report_all

    shelf = Shelf(out, {**made_with, **task.looking.made_with()}) if out is not None else None
    read = multiprocessing.get_context("spawn").Value("Q", 0)  # bytes, by all processes
    cores = usable_cores()
    with BatchProgress([job.source.absolute for job in task.work]) as progress, Sandbox(cores, _equip, read) as pool:

        def told(report: Report) -> None:
            counted_there = report.job.kind == "log" and not report.resumed
            progress.advance(report.job.source.absolute, read=counted_there)
            if not report.resumed and (failure := noted(report)):
                say(mark(one_line(failure)))
            if out is not None and not quiet:
                say(f"  {'kept' if report.resumed else 'done'}  {one_line(report.job.name)}")
            elif not quiet:
                show(report.markdown)

        def on_read(size: int) -> None:
            with read.get_lock():
                read.value += size

        return report_all(task, pool, shelf, told, lambda: progress.reading(read.value), on_read)


def _equip(*args: object) -> None:
    """Prepare a reading process: the guard first, as everywhere."""
    from rag import offline

    offline.engage()
    from ingest.logs import work

    work.equip(*args)  # type: ignore[arg-type]


def _print(result: Result, out: Path | None, form: Format, fail_on: Severity | None, beside: Mapping[str, Any]) -> int:
    """Show what is to be shown at the end; the exit code."""
    from rag.batch import OVERALL

    entries = result.entries
    if form is Format.JSON:
        where = str(out) if out is not None else None
        show_json({"files": entries, "overall": result.overall, "resumed": result.resumed, "out": where, **beside})
    elif form is Format.HTML:
        show(result.pages[1])
    elif out is None and len(entries) > 1:
        show(result.pages[0])
    elif out is not None:
        reports = counted(len(entries), "report")
        show(bold(f"{reports}, {result.resumed:,} of them from an earlier run; begin with {out / OVERALL}.html"))
    unread = [entry for entry in entries if FileStatus(entry.get("status", "indexed")) in UNREAD]
    if form is Format.MARKDOWN:
        for entry in unread:
            show(f"  {mark(str(entry['status']))} {one_line(entry['path'])}: {one_line(entry['detail'])}")
    if fail_on is not None:
        grave = _at_least(fail_on)
        count = sum(finding["severity"] in grave for entry in entries for finding in entry.get("findings", ()))
        if count:
            say(f"{counted(count, 'finding')} of severity {fail_on} or worse (--fail-on).")
            return TOO_GRAVE
    return SOME_UNREAD if unread else 0


def _follow(paths: Sequence[Path], looking: Looking, as_json: bool, fail_on: Severity | None) -> int:
    """Print what stands out in a growing log, until it is interrupted or `--fail-on` is met."""
    import time

    from ingest.logs.facts import FIRST_LINES, finding_entry
    from ingest.logs.rules import load
    from ingest.logs.tail import Tail
    from rag.log_report import advice, lines_of

    if len(paths) != 1 or not paths[0].is_file():
        raise UsageError("--follow watches one file; name the log itself, and one alone.")
    tail = Tail(paths[0], looking.selection, load(*looking.rules))
    say(f"Watching {one_line(str(paths[0]))}; Ctrl-C ends it.")
    while True:
        for finding in tail.look(lambda: say("The log was cut off or replaced; its lines count from 1 again.")):
            entry = finding_entry(finding, FIRST_LINES)
            if as_json:
                show_json(entry)
            else:
                lines = lines_of(entry, _LINES_SHOWN)
                show(f"{mark(finding.severity)}  {bold(one_line(finding.title))}  ({counted(finding.count, 'event')})")
                show(f"    line{'s' if len(finding.lines) > 1 else ''} {lines}. {one_line(advice(entry))}")
            if fail_on is not None and finding.severity in _at_least(fail_on):
                say(f"A finding of severity {fail_on} or worse (--fail-on).")
                return TOO_GRAVE
        time.sleep(FOLLOW_SECONDS)


def _at_least(severity: Severity) -> Sequence[Severity]:
    return list(Severity)[list(Severity).index(severity) :]


def _say_left_out(others: Sequence[SourceFile]) -> None:
    if others:
        names = ", ".join(one_line(source.path) for source in others[:_NAMED])
        more = f" and {len(others) - _NAMED:,} more" if len(others) > _NAMED else ""
        are = "is no log and was" if len(others) == 1 else "are no logs and were"
        say(f"{counted(len(others), 'file')} {are} left out (documents are for `rag summarize`): {names}{more}")


def _once(make: Callable[[], Made]) -> Callable[[], Made]:
    """`make`, called at most once and only when needed: a resumed run may load no model at all."""
    made: list[Made] = []

    def get() -> Made:
        if not made:
            made.append(make())
        return made[0]

    return get


class _Silent:
    """Hears of pages that are recognised, and says nothing. Satisfies `ingest.pipeline.PageWatcher`."""

    def recognised(self, path: str, page: int) -> None:
        """This page was read by OCR."""


def _document_report(
    job: Job,
    how: Reading,
    embedder: TextEmbedder,
    generator: Generator | None,
    words: int | None,
    masker: Masker | None,
) -> Report:
    from ingest.pipeline import read_file
    from rag.batch import Report
    from rag.files import File
    from rag.personal.reports import masked_entry
    from rag.report import document_entry, failed_entry, render_document, render_failed
    from rag.summarize import summarize as condense

    file = File(*read_file(job.source, how, _Silent()))
    if file.document is None:
        entry = failed_entry(job.source.path, "document", file.report.status, file.report.detail)
        return Report(job, entry, render_failed(entry))
    summary = condense(file.document, embedder, generator, words=words)
    entry = document_entry(file, summary)
    if masker:
        entry = masked_entry(entry, masker)
    if generator is not None and generator.host and summary.statements:
        entry["sent_to"] = generator.host
    return Report(job, entry, render_document(entry) if entry["citations"] else render_failed(entry))
