"""`rag scan`: personal data in files or in the index, by file and page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.errors import NothingFound, UsageError
from ingest.types import UNREAD, FileStatus
from rag.cli.command import JsonOption
from rag.cli.opening import open_catalog
from rag.config import Settings
from rag.term import bold, counted, mark, one_line, say, show, show_json

if TYPE_CHECKING:
    from rag.personal.find import Kind
    from rag.personal.scan import Look, Scan

SOME_UNREAD = 3
_LISTED = 20  # values of one log
_LINES = 5  # line numbers of one value

RegionOption = Annotated[
    str | None,
    typer.Option("--region", help="Countries whose telephone numbers may lack their code, e.g. US,GB (the default)."),
]
NamesOption = Annotated[
    Path | None,
    typer.Option(
        "--names-model",
        help="A folder with a model for token classification that knows names of people (labels PER or PERSON).",
    ),
]


def scan(
    settings: Settings,
    paths: Annotated[list[Path] | None, typer.Argument(help="Folders or files.", show_default=False)] = None,
    index: Annotated[bool, typer.Option("--index", help="Look through what is indexed instead.")] = False,
    show_values: Annotated[bool, typer.Option("--show-values", help="Show what was found, unmasked.")] = False,
    region: RegionOption = None,
    names_model: NamesOption = None,
    as_json: JsonOption = False,
) -> int:
    """Find and count personal data: e-mail, telephone, IBAN, cards, national numbers, IP addresses, dates of birth."""
    look = _look(parse_regions(region), names_model)
    if bool(paths) == index:
        raise UsageError("Name files or folders to scan, or give --index for what is indexed.")
    scans: list[Scan] = []
    for one in _scans(settings, paths or [], look):
        scans.append(one)
        if as_json:
            continue
        _show(one, show_values)
    if as_json:
        show_json(
            {"files": [_entry(one, show_values) for one in scans], "totals": _total(scans), "masked": not show_values}
        )
    else:
        _summary(scans, show_values, names=names_model is not None)
    return SOME_UNREAD if any(one.status in UNREAD for one in scans) else 0


def _show(scan: Scan, show_values: bool) -> None:
    """What one file holds. A log has the same address in hundreds of lines, so it is told by value."""
    from rag.types import where

    if scan.status is not FileStatus.INDEXED:
        show(f"{mark(scan.status.value)}  {one_line(scan.path)}: {one_line(scan.detail)}")
    elif scan.pages_without_text:
        missed = counted(len(scan.pages_without_text), "page")
        show(f"{mark('not looked at')}  {one_line(scan.path)}: {missed} without text")
    lines: dict[tuple[Kind, str, str], list[int]] = {}
    for place in scan.places:
        if place.line is None:
            show(bold(one_line(where(scan.path, place.page, place.record))))
            for found in place.found:
                show(_row(found.kind, found.value, found.detail, show_values))
            continue
        for found in place.found:
            lines.setdefault((found.kind, found.value, found.detail), []).append(place.line)
    if lines:
        show(bold(one_line(scan.path)))
    ranked = sorted(lines.items(), key=lambda item: -len(item[1]))
    for (kind, value, detail), numbers in ranked[:_LISTED]:
        more = " …" if len(numbers) > _LINES else ""
        listed = f"lines {', '.join(map(str, numbers[:_LINES]))}{more}"
        show(f"{_row(kind, value, detail, show_values)}  {counted(len(numbers), 'time')}, {listed}")
    if len(ranked) > _LISTED:
        show(f"    and {counted(len(ranked) - _LISTED, 'more value')}; --json lists all")


def _row(kind: Kind, value: str, detail: str, show_values: bool) -> str:
    from rag.personal.mask import shown

    return (
        f"    {_noun(kind, 1):<17}  {one_line(value if show_values else shown(value))}{f'  ({detail})' * bool(detail)}"
    )


def parse_regions(text: str | None) -> tuple[str, ...]:
    """Countries of an option's value. Raises UsageError for a code that is none."""
    from rag.personal.phones import REGIONS, known_region

    if text is None:
        return REGIONS
    regions = tuple(part.strip().upper() for part in text.split(",") if part.strip())
    for name in regions:
        if not known_region(name):
            raise UsageError(f"{name!r} is no country; name two letters each, with commas between: --region US,GB,DE.")
    return regions


def _look(regions: tuple[str, ...], names_model: Path | None) -> Look:
    """What looks through a text."""
    from rag.personal.find import find

    if names_model is None:
        return partial(find, regions=regions)
    from rag.models.export import FolderTagger

    return partial(find, regions=regions, people=FolderTagger(names_model).people)


def _scans(settings: Settings, paths: list[Path], look: Look) -> Iterable[Scan]:
    from ingest.walk import walk
    from rag.batch import jobs
    from rag.personal.scan import Scan, scan_file, scan_index

    if not paths:
        yield from scan_index(open_catalog(settings), look)
        return
    walked = walk(paths)
    work, _ = jobs(walked, frozenset({"log", "document"}))
    if not work and not walked.reports:
        raise NothingFound(f"There is nothing to read in {', '.join(map(str, paths))}.")
    yield from (scan_file(job, look) for job in work)
    for report in walked.reports:
        yield Scan(report.path, report.root, report.status, detail=report.detail)


def _total(scans: Iterable[Scan]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in scans:
        total.update(one.counts)
    return dict(total)


def _entry(scan: Scan, show_values: bool) -> dict[str, Any]:
    from rag.personal.mask import shown

    fields = asdict(scan) | {"counts": scan.counts}
    if not show_values:
        for place in fields["places"]:
            for found in place["found"]:
                found["value"] = shown(found["value"])
    return fields


def _summary(scans: list[Scan], show_values: bool, *, names: bool) -> None:
    from rag.personal.find import KINDS

    total = _total(scans)
    files = sum(bool(one.places) for one in scans)
    found = ", ".join(f"{total[kind]:,} {_noun(kind, total[kind])}" for kind in KINDS if kind in total)
    show(bold(f"{counted(len(scans), 'file')}, {files:,} of them with personal data: {found or 'nothing found'}."))
    if total and not show_values:
        unsought = "Addresses" if names else "Names of people (see --names-model) and addresses"
        say(f"Values are masked; --show-values shows them. {unsought} are not looked for.")


def _noun(kind: Kind, number: int) -> str:
    from rag.personal.find import KINDS

    return KINDS[kind][number != 1]
