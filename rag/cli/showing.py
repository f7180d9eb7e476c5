"""`rag show`: the page behind a citation, as text or as a picture."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from textwrap import shorten
from typing import Annotated

import typer

from ingest.errors import NothingFound, UsageError
from rag.cli.command import WRITTEN, JsonOption
from rag.cli.opening import open_catalog
from rag.config import Settings
from rag.term import escape, mark, one_line, say, show, show_json

_SAID = 180  # characters of a hidden text that are repeated beside the page


def show_page(
    settings: Settings,
    place: Annotated[
        str, typer.Argument(metavar="PATH|N", help="A file, as citations name it, or N: source N of the last answer.")
    ],
    page: Annotated[
        int | None, typer.Option("--page", min=1, help="The page; leave out for a file without pages.")
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
    found = catalog.page(path, page, record)
    if found is None and place.isdecimal() and page is None and record is None:
        source = last.recall(settings.index, int(place), settings.key)
        path, page, record, sha256 = source.path, source.page, source.record, source.sha256
        found = catalog.page(path, page, record)
        span = (source.start, source.end)
    if found is None or sha256 not in (None, found[1]):
        what = f"record {record}" if record is not None else f"page {page}" if page else "text without pages"
        if span is not None:
            raise NothingFound(f"The index no longer has {what} of {path!r} as it was cited; ask again.")
        raise NothingFound(f"The index has no {what} of {path!r}; `rag status` lists its files and their pages.")
    root, sha256, text = found[0], found[1], found[2].text
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
