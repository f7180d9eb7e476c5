"""A document to its clauses: what a person points at, "3.2.1", "MP-6 (b)", a paragraph, a row of a table.

A clause goes on over a page break; running headers and footers, and tables of contents, belong to none. Its sentences
are exact spans of pages. Knows nothing about models, and nothing about what a clause says.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ingest.chunk import contents_lines, enter_clause, laid_out
from ingest.headings import Mark, Sections
from ingest.lines import BULLETS, Kind, Line, goes_on, width
from ingest.sentences import blocks, split_block
from ingest.types import Document

HEADING, CLAUSE, ITEM, TEXT, ROW = "heading", "clause", "item", "text", "row"
"""Kinds of clauses: a heading; with a number of its own; a list item; a paragraph; a row of a table."""

_CONTROL = re.compile(r"[A-Z]{2,4}-\d{1,3}(?:\s?\(\d{1,3}\))*")
_HEAD_NUMBER = re.compile(r"(?:#{1,6}\s+)?(?P<number>\d{1,2}(?:\.\d{1,3})*)\.?\s+(?=\S)|#{1,6}\s+")
_NUMBERS = re.compile(r"\d+")
_DIGITS = re.compile(r"\d{1,3}(?:\.\d{1,3})*")
_LAST_NUMBER = re.compile(r"\d{1,3}(?:\.\d{1,3})*[.;:]")  # "8.3.", the end of a sentence on a line of its own
# "1.2 It meets ISO 15189.": a sentence, though two of its five words are figures.
_SHORT_CLAUSE = re.compile(r"(?P<label>\d{1,2}(?:\.\d{1,3})+\.?)\s+[A-Z][^\d]*\b[a-z]{2,}\b.*[.;:]$")
_LONGEST_ROW = 200  # characters of a line that may be such a sentence; the pattern takes the square of them
_BROKEN = re.compile(r"(?<=[^\W\d_])(?:-[^\S\n]*|\xad\s*)\n\s*(?=[a-z])")


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of one page."""

    page: int  # index into the document's pages
    start: int  # half-open code points of the page's text
    end: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a clause, without the clause's label; on more than one page where a page break cuts it."""

    pieces: tuple[Piece, ...]
    text: str  # on one line, words that were broken at line ends whole again


@dataclass(frozen=True, slots=True)
class Clause:
    """A numbered clause, a list item, a paragraph, a row or a heading."""

    kind: str
    number: str  # "3.2.1", "3.2.1(a)", "2(b)"; of a bullet or a paragraph that of the clause it stands in; "" for none
    label: str  # its own mark as it is written, "3.2.1", "(a)", "•"; "" for none
    section: str  # headings above it, "3 Devices › 3.1 Laptops"; of a heading with its own
    sentences: tuple[Sentence, ...]

    @property
    def text(self) -> str:
        """All its sentences."""
        return " ".join(sentence.text for sentence in self.sentences)


def clauses(document: Document) -> list[Clause]:
    """The clauses of a document, in order, headings among them."""
    return list(_clauses(document))


@dataclass(slots=True)
class _Open:
    """A clause that may go on on the next page."""

    kind: str
    number: str
    label: str
    section: str
    pieces: list[Piece]
    last: Line | None = None  # its last line, where it is also the last of its page
    full: int = 0  # the width of that page


@dataclass(slots=True)
class _State:
    sections: Sections = field(default_factory=Sections)
    labels: dict[str, str] = field(default_factory=dict)  # kind of label → label, of the items that are open
    head: str = ""  # number of the nearest heading


def _clauses(document: Document) -> Iterator[Clause]:
    texts = [page.text for page in document.pages]
    state = _State()
    waiting: _Open | None = None
    pages = list(laid_out(document))
    for index, laid in enumerate(pages):
        if laid.afresh:
            state = _State()
        hidden = laid.header.first | contents_lines(laid.lines)
        if len(pages) == 2 and laid.page.number is not None and laid.page.title is None:
            hidden |= _alike(laid.lines, pages[1 - index].lines)
        found = [
            Line(line.start, line.start, "", Kind.BLANK) if place in hidden else line
            for place, line in enumerate(laid.lines)
        ]
        full = width(laid.lines)
        for clause, first in _of_page(found, laid.marks, index, state, full, waiting):
            if waiting is not None:
                if first is not None and _continues(waiting, clause, first):
                    waiting.pieces += clause.pieces
                    waiting.last, waiting.full = clause.last, full
                    continue
                yield _closed(waiting, texts)
            waiting = clause
            waiting.full = full
    if waiting is not None:
        yield _closed(waiting, texts)


def _alike(lines: Sequence[Line], others: Sequence[Line]) -> set[int]:
    """Indices of the lines at top and bottom that the only other page has there, too, but for numbers.

    Two pages are too few for `ingest.running`, which counts; a policy of two pages has a header all the same.
    """
    mine, theirs = (
        [place for place, line in enumerate(page) if line.kind is not Kind.BLANK] for page in (lines, others)
    )
    found: set[int] = set()
    for ours, rest in ((mine, theirs), (mine[::-1], theirs[::-1])):
        for place, other in zip(ours, rest, strict=False):
            if _NUMBERS.sub("#", lines[place].text) != _NUMBERS.sub("#", others[other].text):
                break
            found.add(place)
    return found


def _continues(before: _Open, clause: _Open, first: Line) -> bool:
    """Whether the first lines of a page go on with the last clause of the page before."""
    return (
        before.last is not None
        and before.kind != HEADING
        and clause.kind == TEXT
        and not before.last.closed
        and goes_on(before.last, first, before.full)
    )


def _of_page(
    found: Sequence[Line], marks: Sequence[Mark], index: int, state: _State, full: int, waiting: _Open | None
) -> Iterator[tuple[_Open, Line | None]]:
    """The clauses of one page, each with its first line if it is the first of the page."""
    filled = [line for line in found if line.kind is not Kind.BLANK]
    if not filled:
        return
    before = waiting.last if waiting is not None and waiting.kind != HEADING else None
    for run, mark in _runs(found, marks):
        if mark is not None:
            state.sections.enter(mark)
            state.labels.clear()
            yield _heading(run, mark, index, state), None
            before = None
            continue
        by_start = {line.start: place for place, line in enumerate(run)}
        open_: _Open | None = None
        first: Line | None = None
        for start, end in blocks(run):
            place = by_start[start]
            line = run[place]
            if place:
                before = run[place - 1]
            torn = before is not None and _is_torn(before, line, state, full)
            if open_ is not None and torn:
                open_.pieces[-1] = replace(open_.pieces[-1], end=end)
            else:
                if open_ is not None:
                    yield open_, first
                first = line if line is filled[0] else None
                open_ = _block(replace(line, kind=Kind.TEXT, label="") if torn else line, start, end, index, state)
            if end == filled[-1].end:
                open_.last = filled[-1]
        if open_ is not None:
            yield open_, first


def _runs(found: Sequence[Line], marks: Sequence[Mark]) -> Iterator[tuple[list[Line], Mark | None]]:
    """The lines of each heading, with its mark, and those between headings."""
    starts = {mark.first: mark for mark in marks}
    run: list[Line] = []
    place = 0
    while place < len(found):
        mark = starts.get(place)
        if mark is None or all(line.kind is Kind.BLANK for line in found[place : mark.last + 1]):
            run.append(found[place])
            place += 1
            continue
        yield run, None
        yield list(found[place : mark.last + 1]), mark
        run, place = [], mark.last + 1
    yield run, None


def _is_torn(before: Line, line: Line, state: _State, full: int) -> bool:
    """Whether a line begins with a number that is the next word of the line before it, and no label.

    "... is never below Severity / 2. The Laboratory Director must ...": the sentence is not over, the line was full,
    and no clause that is open goes on with a 2.
    """
    word = line.label if line.kind is Kind.ITEM else line.text if _LAST_NUMBER.fullmatch(line.text) else ""
    number = _DIGITS.search(word)
    if number is None or before.kind not in (Kind.TEXT, Kind.ITEM) or before.closed:
        return False
    if len(before.text) + 1 + len(word) < 0.8 * full:
        return False
    parts = number.group().split(".")
    for other in (*state.labels.values(), state.head):
        held = other.split(".")
        follows = held[:-1] == parts[:-1] and held[-1].isdigit() and int(parts[-1]) == int(held[-1]) + 1
        if follows or held == parts[:-1]:
            return False
    return parts != ["1"]


def _heading(run: Sequence[Line], mark: Mark, index: int, state: _State) -> _Open:
    filled = [line for line in run if line.kind is not Kind.BLANK]
    start, end = filled[0].start, filled[-1].end
    match = _HEAD_NUMBER.match(filled[0].text)
    control = _CONTROL.match(filled[0].text) if mark.control else None
    state.head = (match["number"] or "") if match else control.group() if control else ""
    if match and match.end() < len(filled[0].text):
        start += match.end()
    return _Open(HEADING, state.head, state.head, state.sections.path, [Piece(index, start, end)])


def _block(line: Line, start: int, end: int, index: int, state: _State) -> _Open:
    if line.kind is Kind.ROW and len(line.text) <= _LONGEST_ROW and (match := _SHORT_CLAUSE.match(line.text)):
        line = replace(line, kind=Kind.ITEM, label=match["label"])
    enter_clause(state.labels, line)
    labels = list(state.labels.values())
    numbered = bool(labels) and "." in labels[0]  # "3.2.1" says by itself where it stands
    outer = labels[0] if numbered else state.head
    number = outer + "".join(f"({label})" for label in (labels[1:] if numbered else labels))
    if line.kind is Kind.ITEM:
        bullet = line.label[0] in BULLETS + "o"
        kind = CLAUSE if numbered and len(labels) == 1 and not bullet else ITEM
        rest = line.text[len(line.label) :]
        start += len(line.text) - len(rest.lstrip()) if rest.strip() else 0
        return _Open(kind, number, line.label, state.sections.path, [Piece(index, start, end)])
    kind = ROW if line.kind in (Kind.ROW, Kind.CELLS) else TEXT
    return _Open(kind, number, "", state.sections.path, [Piece(index, start, end)])


def _closed(clause: _Open, texts: Sequence[str]) -> Clause:
    return Clause(clause.kind, clause.number, clause.label, clause.section, tuple(_sentences(clause.pieces, texts)))


def _sentences(pieces: Sequence[Piece], texts: Sequence[str]) -> Iterator[Sentence]:
    """The sentences of a clause, found in its joined text and carried back to its pages."""
    joined = "\n".join(texts[piece.page][piece.start : piece.end] for piece in pieces)
    for start, end in split_block(joined, 0, len(joined)):
        found, offset = [], 0
        for piece in pieces:
            length = piece.end - piece.start
            first, last = max(start - offset, 0), min(end - offset, length)
            if first < last:
                found.append(Piece(piece.page, piece.start + first, piece.start + last))
            offset += length + 1
        yield Sentence(tuple(found), plain(joined[start:end]))


def plain(text: str) -> str:
    """Text on one line, with words that a line end broke ("infor-" / "mation") whole again."""
    return " ".join(_BROKEN.sub("", text).split())


def located(document: Document, sentence: Sentence, start: int, end: int) -> tuple[Piece, ...]:
    """Where `sentence.text[start:end]` stands: exact spans of the document's pages, one on each page."""
    places: list[tuple[int, int]] = []  # page and offset of each letter; -1 for the break between two pages
    raw = ""
    for piece in sentence.pieces:
        if raw:
            raw, places = raw + "\n", [*places, (piece.page, -1)]
        raw += document.pages[piece.page].text[piece.start : piece.end]
        places += [(piece.page, offset) for offset in range(piece.start, piece.end)]
    found: list[Piece] = []
    for page, offset in (places[index] for index in _kept(raw)[start:end]):
        if offset < 0:
            continue
        if found and found[-1].page == page:
            found[-1] = Piece(page, found[-1].start, offset + 1)
        else:
            found.append(Piece(page, offset, offset + 1))
    return tuple(found)


def _kept(raw: str) -> list[int]:
    """The index in `raw` of each letter of `plain(raw)`; of a blank, that of the first white space it stands for."""
    gone = {index for match in _BROKEN.finditer(raw) for index in range(*match.span())}
    kept: list[int] = []
    blank = -1
    for index, letter in enumerate(raw):
        if index in gone:
            continue
        if letter.isspace():
            blank = index if blank < 0 else blank
            continue
        if blank >= 0 and kept:
            kept.append(blank)
        blank = -1
        kept.append(index)
    return kept
