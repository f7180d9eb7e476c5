"""Rows of tables in the text of pages, where nothing is left of a table but the ends of its lines.

A row says one thing and can be quoted alone; the whole table says everything at once. What a PDF gives is lines: a cell
that was wrapped is a line of its own, and so may the rest of its row be. Knows nothing about documents or models.
"""

import re
from collections.abc import Iterator, Sequence
from statistics import median

from ingest.lines import Kind, Line, is_cells, leans, lines
from ingest.sentences import blocks

FEWEST = 3  # rows of a table
LONGEST = 160  # characters of a line of one; of rows that are written with bars between the cells any
SHORT = 0.45  # of the usual row: what is shorter is the rest of the one before

CAPTION = re.compile(r"(?:table|figure|exhibit)\s+\d[\w.-]{0,5}\b", re.IGNORECASE)
_FIGURE = re.compile(r"\d")

Span = tuple[int, int]


def rows(text: str) -> list[Span]:
    """Half-open spans of the rows of all tables in `text`, in order; caption and head stand with the first row.

    A table is what has FEWEST rows or more, most of them with a figure or with bars between its cells.
    """
    return [row for run in _runs(text) for row in _rows(text, run)]


def _runs(text: str) -> Iterator[list[Span]]:
    """Lines one after the other that may be parts of rows: none of a paragraph, which ends like a sentence."""
    found = lines(text)
    by_start = {line.start: number for number, line in enumerate(found)}
    run: list[Span] = []
    for start, end in blocks(found):
        part = [line for line in found[by_start[start] :] if line.end <= end and line.kind is not Kind.BLANK]
        if all(_row_like(line) for line in part) and (is_cells(text[start:end]) or not part[-1].closed):
            if run and CAPTION.match(part[0].text):
                yield run
                run = []
            run += [(line.start, line.end) for line in part]
        elif run:
            yield run
            run = []
    if run:
        yield run


def _row_like(line: Line) -> bool:
    return line.kind is Kind.CELLS or (line.kind in (Kind.TEXT, Kind.ROW) and len(line.text) <= LONGEST)


def _rows(text: str, run: Sequence[Span]) -> list[Span]:
    """The rows of one run; none where it is no table."""
    numbered = 2 * sum(text[start].isdigit() for start, _ in run) > len(run)  # rows that begin with a date or a number
    found: list[Span] = []
    for start, end in run:
        if found and not is_cells(text[start:end]) and _goes_on(text, found[-1], start, numbered):
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    usual = median(end - start for start, end in found)
    whole: list[Span] = []
    for start, end in found:
        if whole and end - start < SHORT * usual and _says(text[start:end]):
            whole[-1] = (whole[-1][0], end)
        else:
            whole.append((start, end))
    first = next((number for number, span in enumerate(whole) if _says(text[slice(*span)])), len(whole))
    body = whole[first:]
    if len(body) < FEWEST or 2 * sum(_says(text[slice(*span)]) for span in body) <= len(body):
        return []
    return [(whole[0][0], body[0][1]), *body[1:]]


def _goes_on(text: str, row: Span, start: int, numbered: bool) -> bool:
    """Whether the line at `start` belongs to the row before it."""
    begins = text[start]
    return begins.islower() or (not numbered and not begins.isalpha()) or leans(text[slice(*row)])


def _says(part: str) -> bool:
    """Whether a row has a figure, or cells; a caption's own number is none."""
    caption = CAPTION.match(part)
    return is_cells(part) or bool(_FIGURE.search(part, caption.end() if caption else 0))
