"""`rag show`: the page behind a citation, as text or as a picture; the lines behind one of a log."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.errors import NothingFound, UsageError
from rag.cli.command import WRITTEN, JsonOption
from rag.cli.opening import open_catalog
from rag.config import Settings
from rag.term import dim, escape, mark, one_line, say, show, show_json

if TYPE_CHECKING:
    from ingest.types import Page
    from rag.events.table import LogTable
    from rag.store.catalog import Catalog

_AROUND = 2  # lines of a log that are shown before and after those that were asked for
_SAID = 180  # characters of a hidden text that are repeated beside the page


def show_page(
    settings: Settings,
    place: Annotated[
        str, typer.Argument(metavar="PATH|N", help="A file, as citations name it, or N: source N of the last answer.")
    ],
    page: Annotated[
        int | None, typer.Option("--page", min=1, help="The page; leave out for a file without pages.")
    ] = None,
    lines: Annotated[
        str | None, typer.Option("--lines", help="Lines of a log, 120 or 120-124; two more are shown on each side.")
    ] = None,
    record: Annotated[str | None, typer.Option("--record", help="The record's id, for .jsonl records.")] = None,
    image: Annotated[
        Path | None,
        typer.Option("--image", help="Write the page of a PDF as PNG to this file, a source's quotation boxed."),
        WRITTEN,
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Print a page's text as it was indexed, so that anyone can check a quotation."""
    from rag.store import last
    from rag.types import where

    catalog = open_catalog(settings)
    path, sha256, span = place, None, None
    if lines is not None:
        return _show_lines(_log(catalog, path), *_line_numbers(lines), as_json=as_json)
    found = catalog.page(path, page, record) or _whole_log(catalog, path)
    if found is None and place.isdecimal() and page is None and record is None:
        source = last.recall(settings.index, int(place), settings.key)
        path, page, record, sha256 = source.path, source.page, source.record, source.sha256
        found = catalog.page(path, page, record) or _whole_log(catalog, path)
        span = (source.start, source.end)
    if found is None or sha256 not in (None, found[1]):
        what = f"record {record}" if record is not None else f"page {page}" if page else "text without pages"
        if span is not None:
            raise NothingFound(f"The index no longer has {what} of {path!r} as it was cited; ask again.")
        raise NothingFound(f"The index has no {what} of {path!r}; `rag status` lists its files and their pages.")
    root, sha256, text = found[0], found[1], found[2].text
    if span is not None and not as_json and image is None and catalog.log(path) is not None:
        first = text.count("\n", 0, span[0]) + 1
        return _show_lines(_log(catalog, path), first, first + text.count("\n", *span), as_json=False)
    if image is not None:
        _draw(Path(root, path), sha256, page, text, span, image)
    elif as_json:
        hidden = [asdict(piece) for piece in found[2].hidden]
        row = {"path": path, "sha256": sha256, "page": page, "record": record, "root": root, "text": text}
        show_json({**row, "hidden": hidden, **({"start": span[0], "end": span[1]} if span else {})})
    else:
        if span is not None:
            say(one_line(where(path, page, record)))
        for piece in found[2].hidden:
            said = shorten(text[piece.start : piece.end], _SAID, placeholder=" …")
            say(mark(one_line(f"Hidden in the document ({piece.why}): “{said}”"), sys.stderr))
        start, end = span or (0, 0)
        show(escape(text[:start]) + mark(escape(text[start:end])) + escape(text[end:]))
    return 0


def _log(catalog: Catalog, path: str) -> LogTable:
    from rag.events.table import LogTable

    stored = catalog.log(path)
    if stored is None:
        raise NothingFound(f"The index has no log {path!r}; `rag status` lists its files. Only logs have --lines.")
    return LogTable(catalog, stored)


def _whole_log(catalog: Catalog, path: str) -> tuple[str, str, Page] | None:
    """A log as one page without a number."""
    from ingest.types import Page
    from rag.events.table import LogTable

    stored = catalog.log(path)
    if stored is None:
        return None
    return stored.root, stored.sha256, Page(path, None, LogTable(catalog, stored).text())


def _line_numbers(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    try:
        begin, end = int(first), int(last or first)
    except ValueError:
        begin, end = 0, 0
    if not 1 <= begin <= end:
        raise UsageError(f"--lines {text!r} names no lines; write 120, or 120-124.")
    return begin, end


def _show_lines(table: LogTable, first: int, last: int, *, as_json: bool) -> int:
    """Print lines of a log with their numbers, and a few around them."""
    stored = table.stored
    if first > stored.lines:
        raise NothingFound(f"{stored.path} has {stored.lines:,} lines, so there is no line {first:,}.")
    last = min(last, stored.lines)
    if as_json:
        start, text = table.lines(first, last)
        place = {"path": stored.path, "sha256": stored.sha256, "page": None, "root": stored.root}
        show_json({**place, "lines": [first, last], "start": start, "end": start + len(text), "text": text})
        return 0
    begin, end = max(1, first - _AROUND), min(stored.lines, last + _AROUND)
    width = len(str(end))
    for number, text in enumerate(table.lines(begin, end)[1].split("\n"), start=begin):
        line = f"{number:>{width}}  {escape(text.removesuffix(chr(13)))}"
        show(mark(line) if first <= number <= last else dim(line))
    return 0


def _draw(file: Path, sha256: str, page: int | None, text: str, span: tuple[int, int] | None, target: Path) -> None:
    from rag.models.catalogue import sha256 as digest
    from rag.page_image import write_picture

    if page is None or file.suffix.lower() != ".pdf":
        raise UsageError(f"{file.name} has no pages to draw; --image draws pages of PDF files.")
    if not file.is_file() or digest(file) != sha256:
        raise UsageError(f"{file} is not there as it was ingested; run `rag ingest` again, then ask again.")
    boxed = write_picture(file, page, text, span, target)
    show(one_line(f"Wrote page {page} of {file.name} to {target}."))
    if span is not None and not boxed:
        say("The quotation could not be located on the drawn page (a scan, perhaps), so nothing is boxed.")
