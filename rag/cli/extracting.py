"""`rag extract`: documents to a table, each cell with its quotation."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.cli.command import WRITTEN, JsonOption
from rag.cli.documents import OcrOption, PasswordsOption, reading, say_unread
from rag.cli.opening import open_embedder, open_reader
from rag.cli.writing import refuse_folder
from rag.config import Settings
from rag.term import bold, counted, dim, mark, one_line, say, show, show_json
from rag.types import where

if TYPE_CHECKING:
    from rag.extract import Ask
    from rag.files import File
    from rag.schema import Schema

SOME_UNREAD = 3
NOTHING = 1
_WIDTH = 100
_LABEL = 12


def extract(
    settings: Settings,
    paths: Annotated[list[Path], typer.Argument(help="Folders or files.", show_default=False)],
    schema: Annotated[
        str,
        typer.Option("--schema", help="A TOML file that says which columns, or: obligations, definitions, facts."),
    ] = "obligations",
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the table to a .csv, .json or .parquet file."), WRITTEN
    ] = None,
    ocr: OcrOption = True,
    password_file: PasswordsOption = None,
    as_json: JsonOption = False,
) -> int:
    """Make a table of documents: obligations, definitions, periods, amounts, or your own columns, each cell quoted."""
    from ingest.walk import walk
    from rag.extract import extract as rows_of
    from rag.extract import row_entry
    from rag.files import File, file_entry, unread_files
    from rag.schema import load
    from rag.tables import check_suffix, write

    refuse_folder(out, "--out")
    if out is not None:
        check_suffix(out)
    wanted = load(schema)
    walked = walk(paths)
    ask = _asker(settings) if wanted.asks else None
    files: list[File] = []
    entries: list[dict[str, Any]] = []
    with reading("Extracting", walked.files, password_file, ocr=ocr) as read:
        for source in walked.files:
            file = File(*read(source))
            files.append(file)
            if file.document is not None:
                entries += [row_entry(file, wanted, row) for row in rows_of(file.document, wanted, ask)]
    names = [field.name for field in wanted.fields]
    value = {"schema": schema, "fields": names, "rows": entries, "files": [file_entry(file) for file in files]}
    if out is not None:
        write(out, value, names)
    if as_json:
        show_json(value)
    elif out is None:
        _show(entries, wanted)
    say_unread(files)
    read_files = counted(sum(file.document is not None for file in files), "file")
    say(f"{counted(len(entries), 'row')} from {read_files}{f', written to {one_line(str(out))}' if out else ''}.")
    if unread_files(files):
        return SOME_UNREAD
    return 0 if entries else NOTHING


def _asker(settings: Settings) -> Ask:
    from rag.asking import asker

    return asker(open_embedder(settings), open_reader(settings))


def _show(entries: list[dict[str, Any]], schema: Schema) -> None:
    """A block for each row: where it stands, then its cells; empty ones are left out."""
    for entry in entries:
        place = where(entry["path"], entry["page"], None)
        head = " · ".join(part for part in (place, entry["number"] or entry["section"]) if part)
        show(bold(one_line(head)))
        for field in schema.fields:
            cell = entry["cells"][field.name]
            if cell["value"]:
                label = one_line(field.name)[:_LABEL]
                text = textwrap.fill(
                    one_line(cell["value"]),
                    _WIDTH,
                    initial_indent=" " * (_LABEL + 4),
                    subsequent_indent=" " * (_LABEL + 4),
                )
                ocr = mark(" (read by OCR)") if any(cited["ocr"] for cited in cell["citations"]) else ""
                show(f"  {dim(f'{label:<{_LABEL}}')}  {text.lstrip()}{ocr}")
        show()
