"""Reads tables of plain text (.csv, .tsv): one Page without a number, a line for each row, with its header.

The delimiter is the one of , ; tab | that cuts most rows into equally many cells. The first row is taken for a header
unless it looks like data. The encoding is found as for text files. Nothing is left out but empty cells. The table of a
log is left to `rag logs`, as a .jsonl of events is.
"""

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Iterator

from ingest.errors import ReadError
from ingest.logs.table import header_of
from ingest.readers import rows
from ingest.readers.flow import Flow
from ingest.readers.text import decode
from ingest.types import Document, FileStatus, Page, Source

_DELIMITERS = ",;\t|"
_SAMPLE = 100_000  # characters that are looked at to find the delimiter
_SAMPLE_ROWS = 200
_SEP = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # Excel's own first line
_NAMED = 10  # rows that a note names
_CLOCK = re.compile(r"(?<!\d)[0-2]?\d:[0-5]\d(?!\d)")
_TIMED = 0.8  # of a log's rows tell the time of day; a register of tasks or findings has columns alike, and dates only


def read(source: Source) -> Document:
    """Read a table. Raises ReadError: EMPTY (no cell holds text), UNSUPPORTED (a log), and what `decode` raises."""
    text, notes = decode(source.file.read())
    if _is_log(text[:_SAMPLE]):
        raise ReadError(
            FileStatus.UNSUPPORTED, "its rows are the events of a log; `rag logs` and `rag summarize` read it"
        )
    delimiter, start = None, 0
    if match := _SEP.match(text):
        delimiter, start = match.group(1), match.end()
    text = text[start:]
    delimiter = delimiter or _delimiter(text, "\t" if source.suffix == ".tsv" else ",")
    quoted = True
    if text.count('"') % 2 and _unclosed(text, delimiter):
        quoted = False
        notes += ("a quotation mark is opened and never closed; all are read as plain signs",)
    table = list(_rows(text, delimiter, quoted))
    if not table:
        raise ReadError(FileStatus.EMPTY, "no cell of the table holds text")
    flow = Flow()
    width = Counter(count for _line, count, _row in table[:_SAMPLE_ROWS]).most_common(1)[0][0]
    while width > 1 and len(table) > 1 and len(table[0][2]) == 1 and table[0][1] != width:
        flow.paragraph("".join(table.pop(0)[2].values()))  # a title above the table
    header = int(rows.names_columns([row for _line, _count, row in table], likely=True))
    ragged = [line for line, count, _row in table if count != (table[0][1] if header else width)]
    if ragged:
        shown = ", ".join(map(str, ragged[:_NAMED])) + (", …" if len(ragged) > _NAMED else "")
        notes += (f"{len(ragged)} rows have more or fewer cells than the others; lines: {shown}",)
    # Of a row that is too long nobody knows where it was cut wrongly: no header for its cells.
    found = (_loose(row) if header and count > table[0][1] else row for _line, count, row in table)
    flow.rows(rows.written(found, header))
    return Document(source.path, None, (Page(source.path, None, flow.text),), notes=notes)


def _is_log(head: str) -> bool:
    """Whether columns and rows are those of a log."""
    lines = [line for line in head.splitlines()[1 : _SAMPLE_ROWS + 1] if line.strip()]
    timed = sum(bool(_CLOCK.search(line)) for line in lines)
    return bool(lines) and timed >= _TIMED * len(lines) and header_of(head) is not None


def _rows(text: str, delimiter: str, quoted: bool) -> Iterator[tuple[int, int, rows.Row]]:
    """Line number, number of cells and cells of each row that holds text."""
    csv.field_size_limit(sys.maxsize)  # 131,072 otherwise, for the whole process; a cell may hold a whole mail
    # A delimiter that is a quotation mark or a line end cannot be; "sep=" may claim it.
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
    for cells in reader:
        row = {column: joined for column, cell in enumerate(cells) if (joined := rows.joined(cell))}
        if row:
            yield reader.line_num, len(cells), row


def _loose(row: rows.Row) -> rows.Row:
    return {rows.UNKNOWN + column: text for column, text in row.items()}


def _delimiter(text: str, preferred: str) -> str:
    """The sign that cuts most rows of a sample into the same number of cells, at least two."""
    sample = text[:_SAMPLE]
    best, best_score = preferred, (0.0, 0)
    for delimiter in dict.fromkeys(preferred + _DELIMITERS):
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        counts = Counter(len(cells) for cells, _place in zip(reader, range(_SAMPLE_ROWS), strict=False) if cells)
        counts.pop(1, None) if len(counts) > 1 else None
        width, rows_alike = counts.most_common(1)[0] if counts else (1, 0)
        score = (rows_alike / max(1, sample[:_SAMPLE].count("\n") + 1), width)
        if width > 1 and score > best_score:
            best, best_score = delimiter, score
    return best


def _unclosed(text: str, delimiter: str) -> bool:
    """Whether the text ends inside a quotation."""
    try:
        for _cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False
