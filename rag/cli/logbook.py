"""`rag logs` and `rag summarize`: what logs hold, counted; what documents say, with pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ingest.errors import NothingFound, ReadError
from ingest.types import UNREAD, FileStatus
from rag import __version__
from rag.cli.command import JsonOption
from rag.cli.opening import open_embedder, start_generator
from rag.config import Settings
from rag.term import bold, mark, one_line, say, show, show_json

if TYPE_CHECKING:
    from rag.batch import Job, Report
    from rag.models.embed import TextEmbedder
    from rag.types import Generator

Made = TypeVar("Made")

SOME_UNREAD = 3

PathsArgument = Annotated[list[Path], typer.Argument(help="Folders or files.", show_default=False)]
AllLinesOption = Annotated[bool, typer.Option("--all-lines", help="List every line number, not the first 20.")]


def logs(
    settings: Settings, paths: PathsArgument, all_lines: AllLinesOption = False, as_json: JsonOption = False
) -> int:
    """Count what is in logs: events, templates, actors, outcomes, findings. No language model is used."""
    from rag.batch import run

    work = _jobs(paths, frozenset({"log"}))
    entries = []
    for report in run(work, lambda job: _log_report(job, None, all_lines), None, {}):
        entries.append(report.entry)
        if not as_json:
            show(report.markdown)
    if as_json:
        show_json({"files": entries})
    return _code(entries)


def summarize(
    settings: Settings,
    paths: PathsArgument,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for one report a file and an overall one.")] = None,
    no_model: Annotated[
        bool, typer.Option("--no-model", help="Keep the documents' own words and plain counts.")
    ] = False,
    all_lines: AllLinesOption = False,
    words: Annotated[
        int | None, typer.Option("--words", min=1, help="About how long a document's summary is, in words.")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Summarise documents and logs, many at once. With --out, a second run does only what is new."""
    from rag.batch import OVERALL, run, write_file
    from rag.cli.progress import BatchProgress
    from rag.report import render_overall

    work = _jobs(paths, frozenset({"log", "document"}), out)
    load = _once(lambda: None if no_model else start_generator(settings)())
    embedder = _once(lambda: open_embedder(settings))

    def make(job: Job) -> Report:
        if job.kind == "log":
            return _log_report(job, load(), all_lines)
        return _document_report(job, embedder(), load(), words)

    made_with = {
        "version": __version__,
        "language_model": "none" if no_model else str(settings.language_model or "default"),
        "embedding_model": str(settings.embedding_model or "default"),
        "lines": "all" if all_lines else "first",
        "words": str(words or "default"),
    }
    entries = []
    resumed = 0
    with BatchProgress([job.source.absolute for job in work]) as progress:
        for report in run(work, make, out, made_with):
            entries.append(report.entry)
            resumed += report.resumed
            progress.advance(report.job.source.absolute)
            if not as_json and out is None:
                show(report.markdown)
            elif not as_json:
                say(f"  {'kept' if report.resumed else 'done'}  {one_line(report.job.name)}")
    if out is not None:
        write_file(out / f"{OVERALL}.md", render_overall(entries))
    if as_json:
        show_json({"files": entries, "resumed": resumed, "out": str(out) if out else None})
    elif out is not None:
        show(bold(f"{len(entries)} reports, {resumed} of them from an earlier run; begin with {out / OVERALL}.md"))
    for entry in entries:
        if entry.get("status") in UNREAD and not as_json:
            show(f"  {mark(str(entry['status']))} {one_line(entry['path'])}: {one_line(entry['detail'])}")
    return _code(entries)


def _jobs(paths: list[Path], kinds: frozenset[Any], out: Path | None = None) -> list[Job]:
    from ingest.walk import walk
    from rag.batch import jobs

    work = jobs(walk(paths), kinds, out)
    if not work:
        raise NothingFound(f"No log was recognised in {', '.join(map(str, paths))}; documents are for `rag summarize`.")
    return work


def _once(make: Callable[[], Made]) -> Callable[[], Made]:
    """`make`, called at most once and only when needed: a resumed run may load no model at all."""
    made: list[Made] = []

    def get() -> Made:
        if not made:
            made.append(make())
        return made[0]

    return get


def _log_report(job: Job, generator: Generator | None, all_lines: bool) -> Report:
    from ingest.logs.facts import analyse
    from rag.batch import Report
    from rag.log_summary import render_markdown, summarise
    from rag.report import failed_entry, render_failed

    try:
        facts = analyse(job.source.absolute, job.source.path)
    except ReadError as error:
        entry = failed_entry(job.source.path, "log", error.status, error.detail)
        return Report(job, entry, render_failed(entry))
    summary = summarise(facts, generator)
    return Report(job, facts.to_json(all_lines) | summary.to_json(), render_markdown(facts, summary))


def _document_report(job: Job, embedder: TextEmbedder, generator: Generator | None, words: int | None) -> Report:
    from ingest.readers import read
    from rag.batch import Report
    from rag.models.catalogue import sha256
    from rag.report import document_entry, failed_entry, render_document, render_failed
    from rag.summarize import summarize as condense

    try:
        document = read(job.source)
    except ReadError as error:
        entry = failed_entry(job.source.path, "document", error.status, error.detail)
        return Report(job, entry, render_failed(entry))
    summary = condense(document, embedder, generator, words=words)
    entry = document_entry(job.source.path, str(job.source.root), sha256(job.source.absolute), summary)
    return Report(job, entry, render_document(entry) if entry["citations"] else render_failed(entry))


def _code(entries: list[Mapping[str, Any]]) -> int:
    return SOME_UNREAD if any(FileStatus(entry.get("status", "indexed")) in UNREAD for entry in entries) else 0
