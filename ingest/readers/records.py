"""Reads .jsonl files of records `{"id", "text", "title"?, ...}`: one record, one Page, with the record's own id.

A record's text is kept as it is. The file is read as a whole or not at all: a bad line is named, because an index that
holds some records of a file and not others would answer "not in your documents" falsely.
"""

import json
from typing import Any

from ingest.errors import ReadError
from ingest.readers.text import decode
from ingest.types import Document, FileStatus, Page, Source


def read(source: Source) -> Document:
    """Read a file of records. Raises ReadError: DAMAGED with the line number, EMPTY, UNSUPPORTED (other JSON lines)."""
    text, notes = decode(source.file.read())
    pages: list[Page] = []
    lines: dict[str, int] = {}  # record id → its line
    # Not splitlines(): a string in JSON may hold U+2028 and its like, which end a line there but not in JSON Lines.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        page = _page(source.path, number, line)
        if first := lines.get(page.record or ""):
            raise ReadError(
                FileStatus.DAMAGED, f"line {number} repeats the id {page.record!r} of line {first}; ids must be unique"
            )
        lines[page.record or ""] = number
        pages.append(page)
    if not pages:
        raise ReadError(FileStatus.EMPTY, "the file holds no records")
    return Document(source.path, None, tuple(pages), notes=notes)


def _page(path: str, number: int, line: str) -> Page:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ReadError(FileStatus.DAMAGED, f"line {number} is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ReadError(FileStatus.DAMAGED, f"line {number} is not a JSON object")
    if number == 1 and "text" not in fields:
        raise ReadError(
            FileStatus.UNSUPPORTED,
            'its lines are not records {"id", "text"}; if it is a log, `rag logs` and `rag summarize` read it',
        )
    return Page(
        path,
        None,
        _string(fields, "text", number),
        record=_id(fields, number),
        title=_string(fields, "title", number) if fields.get("title") is not None else None,
    )


def _id(fields: dict[str, Any], number: int) -> str:
    value = fields.get("id")
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ReadError(FileStatus.DAMAGED, f'line {number} has no "id" that is a text or a whole number')
    return str(value)


def _string(fields: dict[str, Any], name: str, number: int) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise ReadError(FileStatus.DAMAGED, f'line {number} has no "{name}" that is a text')
    # JSON can spell half of a surrogate pair, which is no character and cannot be stored: U+FFFD, same length.
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
