"""Many files to many reports: resumable, one file at a time, the finished ones kept on disk.

A report is two files below the output folder: `NAME.md` for people, `NAME.json` with the same facts and a key that says
what they were made from. A second run takes a file's report as done when its key is the same.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ingest.errors import ReadError, StorageError
from ingest.logs.formats import is_log
from ingest.types import SourceFile
from ingest.walk import Walk
from rag.models.catalogue import sha256

OVERALL = "overall"  # name of the report about all files

Kind = Literal["document", "log"]


@dataclass(frozen=True, slots=True)
class Job:
    """One file to summarise."""

    source: SourceFile
    kind: Kind
    name: str  # path of the report below the output folder, without its suffix; no two jobs of a run share one


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a job: `entry` is the file's part of the JSON result, `markdown` the page for people."""

    job: Job
    entry: Mapping[str, Any]
    markdown: str
    resumed: bool = False  # taken from an earlier run


def jobs(walked: Walk, kinds: frozenset[Kind], out: Path | None = None) -> list[Job]:
    """The files below the roots as jobs, sorted into documents and logs; only those of `kinds`, none below `out`."""
    reports = out.resolve() if out is not None else None
    files = [source for source in walked.files if not (reports and source.absolute.is_relative_to(reports))]
    times = Counter([OVERALL, *(source.path for source in files)])
    return [
        Job(source, kind, source.path if times[source.path] == 1 else _whole_path(source))
        for source in files
        if (kind := _kind(source)) in kinds
    ]


def _whole_path(source: SourceFile) -> str:
    """The name of a report whose file shares its path with another root's file: unique, if long."""
    return source.absolute.relative_to(source.absolute.anchor).as_posix()


def _kind(source: SourceFile) -> Kind:
    try:
        return "log" if is_log(source.absolute) else "document"
    except ReadError:
        return "document"  # whoever reads it will say what is wrong with it


def run(
    work: Sequence[Job], make: Callable[[Job], Report], out: Path | None, made_with: Mapping[str, str]
) -> Iterator[Report]:
    """Yield a report for each job, made by `make` unless an equal one lies below `out`.

    Args:
        made_with: versions of program and models; a report made with others is made again.

    Raises:
        StorageError: the output folder cannot be written.
    """
    for job in work:
        if out is None:
            yield make(job)
            continue
        key = {"sha256": _digest(job), "kind": job.kind, **made_with}
        page, data = out / f"{job.name}.md", out / f"{job.name}.json"
        if (done := _finished(job, key, page, data)) is not None:
            yield done
            continue
        report = make(job)
        write_file(page, report.markdown)
        # The key comes last: a run that is cut off between the two files makes this report again.
        write_file(data, json.dumps({"key": key, "report": report.entry}, indent=1) + "\n")
        yield report


def _digest(job: Job) -> str:
    try:
        return sha256(job.source.absolute)
    except OSError:
        return "unreadable"  # `make` reports it; never equal to a report of a file that could be read


def _finished(job: Job, key: Mapping[str, str], page: Path, data: Path) -> Report | None:
    try:
        held = json.loads(data.read_text(encoding="utf-8"))
        markdown = page.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    if not isinstance(held, dict) or held.get("key") != key or key["sha256"] == "unreadable":
        return None
    return Report(job, held["report"], markdown, resumed=True)


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
