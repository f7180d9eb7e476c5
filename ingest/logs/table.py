"""Tables (CSV and its relatives) whose header says that they are logs. A record may go over several lines."""

import csv
import io
from collections import deque
from collections.abc import Iterator

from ingest.logs.events import Event, Ledger
from ingest.logs.mapping import Mapper, tells

_DELIMITERS = (",", ";", "\t", "|")
_RECORD_LINES = 200  # lines of one record; a quote that stays open longer is a stray one
_FIELD_MAX = 1 << 24  # the csv module's own limit, 128 KiB, is less than a record may hold

Lines = Iterator[tuple[int, str]]


def header_of(head: str) -> tuple[str, list[str]] | None:
    """(delimiter, column names) if the text begins with the header of a log table."""
    for line in head.lstrip("\ufeff").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        for delimiter in _DELIMITERS:
            names = _row(line, delimiter)
            if names and len(names) >= 3 and len(set(names)) == len(names) and tells(names):
                return delimiter, names
        return None
    return None


def read_table(lines: Lines, delimiter: str, ledger: Ledger) -> Iterator[Event]:
    """The events of a table. The header carries no event: it counts as unparsed, and a note says so."""
    mapper = Mapper()
    names: list[str] | None = None
    queue: deque[tuple[int, str]] = deque()  # lines to be looked at again after a record that came to nothing
    while True:
        number, text = queue.popleft() if queue else next(lines, (0, ""))
        if not number:
            break
        if not text.strip():
            ledger.blank_lines += 1
            continue
        if names is None and not text.startswith("#"):
            names = _row(text.lstrip("\ufeff"), delimiter) or []
            ledger.unparsed.append(number)
            ledger.note(f"Line {number} is the table's header: it carries no event and counts as unparsed.")
            continue
        record = _record(number, text, delimiter, len(names or ()), queue, lines)
        if record is None:
            ledger.unparsed.append(number)
            continue
        row, taken = record
        blank = sum(not part.strip() for _, part in taken)
        ledger.blank_lines += blank
        ledger.event_lines += len(taken) - blank
        ledger.formats["csv"] += 1
        detail = "\n".join(part for _, part in taken)
        yield mapper.event(dict(zip(names or (), row, strict=True)), (number, taken[-1][0]), detail)
    for note in mapper.notes():
        ledger.note(note)


def _record(
    number: int, text: str, delimiter: str, columns: int, queue: deque[tuple[int, str]], lines: Lines
) -> tuple[list[str], list[tuple[int, str]]] | None:
    """(fields, lines taken) of the record that begins here; None if there is none, and its other lines are queued."""
    taken = [(number, text)]
    quotes = text.count('"')
    while quotes % 2 and len(taken) < _RECORD_LINES:
        following = queue.popleft() if queue else next(lines, None)
        if following is None:
            break
        taken.append(following)
        quotes += following[1].count('"')
    row = _row("\n".join(part for _, part in taken), delimiter) if quotes % 2 == 0 else None
    if row is None or len(row) != columns:
        queue.extendleft(reversed(taken[1:]))
        return None
    return row, taken


def _row(text: str, delimiter: str) -> list[str] | None:
    csv.field_size_limit(_FIELD_MAX)
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), None)
    except csv.Error:
        return None
