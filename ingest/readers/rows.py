"""Writes the rows of tables as lines of text, each with its header: "Vendor: Acme Ltd | Due: 2024-03-31".

A row that is found and quoted alone is understood alone. Cells stand between " | ", which values hardly ever hold (they
hold commas, semicolons and colons all the time), and which `ingest.lines` knows as the mark of a row, so that no row is
cut like prose. A table without a header gives its cells between " | " alone. Knows no file format.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

Row = dict[int, str]
"""The cells of a row by column, in order; empty cells are left out."""

SEPARATOR = " | "
WHOLE = -1
"""The column of a cell that spans the table, such as a heading between rows: no column's header belongs to it."""
UNKNOWN = 1_000_000
"""Added to the columns of a row whose cells may belong to other columns than they stand in."""

_MAX_NAME = 80  # characters of a cell that can be a column's name
_MAX_REPEATED = 300  # characters of a merged cell that is written in each row it spans
_MAX_SPAN = 1_000  # columns that a cell may span, as in HTML (4.9.11)
_MAX_WORK = 3_000_000  # cells; a table whose merged cells make more of them is a trap, and the rest is left unmerged
_MAX_WIDER = 0.1  # of the rows may have more cells than the header: damage, not a table of another form
_SAMPLE = 200  # rows that are looked at to tell a header from data
_VALUE = re.compile(
    r"[(+\-–−]?\s*[$€£¥]?\s*\d[\d.,'\s]*(?:[%)]|\s?[A-Z]{3}|[$€£¥])?"  # 1,200.50 €, (12), 40 %
    r"|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ][\d:.]+\S*)?"  # 2024-03-31, 31.3.2024 10:15
    r"|\d{1,2}:\d{2}(?::\d{2})?(?: ?[AP]M)?"
    r"|\S+@\S+|https?://\S+|true|false",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as a format gives it, before spans are resolved."""

    text: str
    columns: int = 1  # that it spans
    rows: int = 1


def joined(text: str) -> str:
    """A cell's text on one line."""
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class _Hanging:
    """A cell from a row above that reaches into this one."""

    left: int
    right: int  # the first column behind it
    shown: Row  # what it adds to the row
    more: int  # rows that it reaches into after this one


def spread(table: Iterable[Sequence[Cell]], header: int = 0) -> list[Row]:
    """Rows with their merged cells resolved: a value belongs to every row it spans, a header to every column."""
    found: list[Row] = []
    hanging: list[_Hanging] = []  # from left to right
    work = 0
    for index, cells in enumerate(table):
        row: Row = {}
        for above in hanging:
            row |= above.shown
        reaching = [replace(above, more=above.more - 1) for above in hanging if above.more]
        lone = len(cells) == 1 and cells[0].columns > 1 and not hanging and index >= header
        column = place = 0
        for cell in cells:
            while place < len(hanging) and hanging[place].left <= column:
                column = max(column, hanging[place].right)
                place += 1
            right = column + (max(1, min(cell.columns, _MAX_SPAN)) if work < _MAX_WORK else 1)
            work += right - column if index < header else 1
            text = joined(cell.text)
            shown = dict.fromkeys(range(column, right) if index < header else [WHOLE if lone else column], text)
            if text:
                row |= shown
            if cell.rows > 1:
                shown = shown if text and len(text) <= _MAX_REPEATED else {}
                reaching.append(_Hanging(column, right, shown, cell.rows - 2))
            column = right
        found.append(dict(sorted(row.items())))
        work += len(row) + len(reaching)
        hanging = sorted(reaching, key=lambda above: above.left) if work < _MAX_WORK else []
    return found


def written(rows: Iterable[Row], header: int = 0) -> Iterator[str]:
    """The lines of a table whose first `header` rows name the columns. Rows without text are left out."""
    names: dict[int, list[str]] = {}  # column → its texts in the header
    labels: dict[int, str] = {}
    for index, row in enumerate(rows):
        if index < header:
            for column, text in row.items():
                if text not in names.setdefault(column, []):
                    names[column].append(text)
            labels = {column: f"{' '.join(texts).rstrip(': ')}: " for column, texts in names.items()}
            if row:
                yield SEPARATOR.join(dict.fromkeys(row.values()))
        elif row:
            yield SEPARATOR.join(f"{labels.get(column, '')}{text}" for column, text in row.items())


def names_columns(rows: Sequence[Row], *, likely: bool = False) -> bool:
    """Whether the first row looks like the header of the others. Careful: a wrong header makes every row wrong.

    Args:
        rows: of the table; the first few are looked at.
        likely: whether tables of this kind nearly always have one; else the rows below have to speak for it.
    """
    first, below = rows[0] if rows else {}, rows[1:_SAMPLE]
    texts = [text.casefold() for text in first.values()]
    wider = sum(len(row) > len(texts) for row in below)
    if len(texts) < 2 or len(set(texts)) < len(texts) or WHOLE in first:
        return False
    if wider > max(1, _MAX_WIDER * len(below)) or 0 < wider == len(below):
        return False
    if any(len(text) > _MAX_NAME or _VALUE.fullmatch(text) or not re.search(r"[^\W\d_]", text) for text in texts):
        return False
    columns = {column: [row[column] for row in below if column in row] for column in first}
    if any(first[column] in values for column, values in columns.items()):
        return False  # what stands in a column again is a value
    typed = any(len(values) >= 2 and all(map(_VALUE.fullmatch, values)) for values in columns.values())
    return likely or typed or (len(texts) >= 3 and len(below) >= 2)
