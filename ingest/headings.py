"""Recognises headings among the lines of pages, and keeps the path of sections that a place lies in.

A heading is known by its number ("3.2 Reporting"), its word ("Section 4 –", "ITEM 1."), the identifier of a control
("AC-2(13) Disable Accounts"), Markdown's #, an entry of the outline, or by how it is written (capitals, Title Case).
Knows nothing about tokens or chunks.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from ingest.lines import Kind, Line, is_title_like, leans, width
from ingest.types import Heading

SEPARATOR = " › "
"""Between the headings of a section path."""

_MAX_TITLE = 80  # characters of one heading within a section path
_MAX_PATH = 200  # characters of a section path
_MAX_LINE = 120  # characters; a longer line is no heading

_MARKDOWN = re.compile(r"(#{1,6})[ \t]+(?P<title>.+?)[ \t#]*$")
_CONTROL = re.compile(
    r"(?P<base>[A-Z]{2,4}-\d{1,3})(?P<more>(?:\s?\(\d{1,3}\))*)[.:]?\s*(?:[–—-]\s*)?(?P<title>[A-Z].*)$"
)
_WORDED = re.compile(
    r"(?P<word>part|title|chapter|article|section|appendix|annex|schedule|exhibit|attachment|item|§)\s*"
    r"(?P<number>(?-i:\d{1,3}(?:\.\d{1,3})*[A-Za-z]?|[IVXLC]{1,6}|[A-Z]))(?P<mark>\s*[.:–—-])?(?:\s+(?P<title>\S.*))?$",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"(?P<number>\d{1,2}(?:\.\d{1,3}){0,5})(?P<dot>\.)?\s+(?P<title>\S.*)$")
_LETTER = re.compile(r"[^\W\d_]")
_SENTENCE_END = re.compile(r"[.!?;,:…]$")
_TRAILING_NUMBER = re.compile(r"\s[$€£(]?\d[\d,.]*%?\)?$")
_NAME = re.compile(r"\w.*[\w)’'\"”&]")
_WORD = re.compile(r"\w+")


class Rank(IntEnum):
    """How high a heading stands; a heading closes all of its own rank or lower. Lower numbers stand higher."""

    PART = 1
    ITEM = 2
    NUMBERED = 3  # 3, 3.2 is 4, 3.2.1 is 5 ... and so are the levels of an outline and of Markdown
    CAPITALS = 9
    CONTROL = 10
    ENHANCEMENT = 11
    TITLE_CASE = 12


@dataclass(frozen=True, slots=True)
class Mark:
    """A heading found in a page: lines `first` to `last` (indices, inclusive)."""

    first: int
    last: int
    title: str
    rank: int
    control: str = ""  # "AC-2", for controls
    certain: bool = False  # the document says so itself, by a style or a mark; not guessed from the look of a line


class Sections:
    """The headings that are open at a place, outermost first."""

    def __init__(self) -> None:
        self._open: list[Mark] = []

    def enter(self, mark: Mark) -> None:
        """Go below `mark`, closing headings that stand no higher."""
        while self._open and (self._open[-1].rank >= mark.rank or _foreign(self._open[-1], mark)):
            self._open.pop()
        self._open.append(mark)

    def begins_with(self, title: str) -> bool:
        """Whether the outermost heading is this one."""
        return bool(self._open) and _folded(self._open[0].title) == _folded(title)

    @property
    def path(self) -> str:
        """ "3 Incident reporting › 3.2 Deadlines"; of a path that is too long the outer headings are left out."""
        path = ""
        for mark in reversed(self._open):
            longer = f"{_short(mark.title)}{SEPARATOR}{path}" if path else _short(mark.title)
            if path and len(longer) > _MAX_PATH:
                break
            path = longer
        return path


def headings(
    lines: Sequence[Line], outline: Sequence[Heading] = (), *, markdown: bool = False, styled: bool = False
) -> list[Mark]:
    """The headings among the lines of one page, in order.

    Args:
        lines: of the page; running headers and footers are given as blank lines.
        outline: the document's outline entries that point to this page.
        markdown: whether # begins a heading.
        styled: whether the outline names every paragraph that is styled as a heading, each a line of its own, in
            order. Else it holds bookmarks, which come in any order and may point to a table of contents.
    """
    certain = _styled(lines, outline) if styled else {}
    wanted = [] if styled else [(_folded(entry.title), entry.level) for entry in outline]
    full = width(lines)
    marks = []
    index = 0
    while index < len(lines):
        mark = certain.get(index) or (_markdown(lines, index) if markdown else None)
        mark = mark or _outlined(lines, index, wanted) or _written(lines, index, full)
        if mark:
            marks.append(mark)
            index = mark.last
        index += 1
    return _without_contents(lines, marks)


def _without_contents(lines: Sequence[Line], marks: list[Mark]) -> list[Mark]:
    """Leave out what is a heading in a table of contents only; those of the text come later."""
    entries = [index for index, line in enumerate(lines) if line.kind is Kind.CONTENTS]
    if len(entries) >= 3:
        marks = [mark for mark in marks if mark.certain or mark.first > entries[-1]]
    # Some tables of contents have no leaders: a page that is made of headings is one.
    filled = sum(line.kind is not Kind.BLANK for line in lines)
    guessed = [mark for mark in marks if not mark.certain]
    headed = sum(mark.last - mark.first + 1 for mark in guessed)
    if len(guessed) >= 6 and headed >= 0.4 * filled:
        return [mark for mark in marks if mark.certain]
    return marks


def _foreign(open_: Mark, mark: Mark) -> bool:
    """An enhancement, AC-2(1), does not lie within another control, AC-3."""
    return mark.rank == Rank.ENHANCEMENT and open_.rank == Rank.CONTROL and open_.control != mark.control


def _short(title: str) -> str:
    return title if len(title) <= _MAX_TITLE else title[: _MAX_TITLE - 1].rstrip() + "…"


def _folded(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))


def _markdown(lines: Sequence[Line], index: int) -> Mark | None:
    match = _MARKDOWN.match(lines[index].text)
    if match is None:
        return None
    return Mark(index, index, match.group("title"), Rank.NUMBERED - 1 + len(match.group(1)), certain=True)


def _styled(lines: Sequence[Line], outline: Sequence[Heading]) -> dict[int, Mark]:
    """The lines that the entries of a complete outline are, by index.

    Found from the last to the first: a table of contents says the same in the same order, but stands before the text.
    """
    places: dict[str, list[int]] = defaultdict(list)  # text → indices of the lines that are it
    for index, line in enumerate(lines):
        places[line.text].append(index)
    found: dict[int, Mark] = {}
    limit = len(lines)
    for entry in reversed(outline):
        open_places = places[entry.title]
        while open_places and open_places[-1] >= limit:
            open_places.pop()
        if open_places:
            limit = open_places.pop()
            rank = min(Rank.NUMBERED - 1 + entry.level, Rank.CAPITALS - 1)
            found[limit] = Mark(limit, limit, _tidy(entry.title), rank, certain=True)
    return found


def _outlined(lines: Sequence[Line], index: int, wanted: list[tuple[str, int]]) -> Mark | None:
    """A heading that the outline names, on one to three lines."""
    if not wanted or lines[index].kind in (Kind.BLANK, Kind.CONTENTS):
        return None
    text = ""
    for last in range(index, min(index + 3, len(lines))):
        if lines[last].kind is Kind.BLANK:
            return None
        text = f"{text} {lines[last].text}".strip()
        folded = _folded(text)
        for title, level in wanted:
            if folded and folded == title:
                rank = _written_rank(text) or min(Rank.NUMBERED - 1 + level, Rank.CAPITALS - 1)
                control = _CONTROL.match(text)
                return Mark(index, last, _tidy(text), rank, control.group("base") if control else "")
        if not any(title.startswith(f"{folded} ") for title, _level in wanted):
            return None
    return None


def _written_rank(text: str) -> int | None:
    """The rank that a heading's own number or word gives it, if it has one."""
    if match := _CONTROL.match(text):
        return Rank.ENHANCEMENT if match.group("more") else Rank.CONTROL
    if match := _WORDED.match(text):
        return Rank.PART if match.group("word").lower() in ("part", "title", "chapter") else Rank.ITEM
    if match := _NUMBERED.match(text):
        return Rank.NUMBERED + match.group("number").count(".")
    return None


def _written(lines: Sequence[Line], index: int, full: int) -> Mark | None:
    """A heading that shows by how its line is written and by the lines around it."""
    line = lines[index]
    text = line.text
    if line.kind not in (Kind.TEXT, Kind.ITEM) or len(text) > _MAX_LINE or not _LETTER.search(text):
        return None
    following = next((other for other in lines[index + 1 : index + 3] if other.kind is not Kind.BLANK), None)
    if following is not None and following.kind is Kind.TEXT and following.text[0].islower():
        return None  # the line goes on
    rank = _written_rank(text)
    if match := _CONTROL.match(text):
        if _SENTENCE_END.search(text) or not is_title_like(match.group("title")):
            return None
        return Mark(index, index, _tidy(text), rank or Rank.CONTROL, match.group("base"))
    if match := _WORDED.match(text):
        title = match.group("title") or ""
        named = is_title_like(title) and not _TRAILING_NUMBER.search(text)
        if (not title or named) and not (title and _SENTENCE_END.search(text)):
            return Mark(index, index, _tidy(text), rank or Rank.ITEM)
        return None
    if match := _NUMBERED.match(text):
        alone = _is_numbered(match) and _heads(lines, index, match, following, full)
        return Mark(index, index, _tidy(text), rank or Rank.NUMBERED) if alone else None
    if line.kind is Kind.ITEM or not _NAME.fullmatch(text) or _TRAILING_NUMBER.search(text):
        return None
    words = text.lower().split()
    if text.isupper():
        longest = max((len(word) for word in re.findall(r"[^\W\d_]+", text)), default=0)
        return Mark(index, index, _tidy(text), Rank.CAPITALS) if len(words) <= 12 and longest >= 4 else None
    # Cells repeat words, addresses have commas and numbers, and a line that fills the page goes on in the next.
    cells = len(set(words)) < len(words) or ("," in text and any(character.isdigit() for character in text))
    if len(words) > 9 or cells or len(text) > 0.75 * full or leans(text) or not is_title_like(text):
        return None
    return Mark(index, index, _tidy(text), Rank.TITLE_CASE) if _has_room(lines, index, following) else None


def _is_numbered(match: re.Match[str]) -> bool:
    """Whether the words after a number can be a heading's: no clause, and no row of a table."""
    title = match.group("title")
    words = title.split()
    return (
        title[0].isupper()
        and not _SENTENCE_END.search(title)
        and not _TRAILING_NUMBER.search(title)
        and not leans(title)
        and len(words) <= 12
    )


def _heads(lines: Sequence[Line], index: int, match: re.Match[str], following: Line | None, full: int) -> bool:
    """Whether "3. Incident reporting" heads text: an item of a list looks the same, but stands among items."""
    if following is not None and following.text.startswith(f"{match.group('number')}."):
        return True  # 3 Incident reporting / 3.1 Deadlines
    if is_title_like(match.group("title")):
        return True
    if "." in match.group("number"):
        return len(match.string) <= 0.75 * full  # a longer line is the first of a clause: 7.3 Transfers to …
    before = next((line for line in reversed(lines[max(0, index - 2) : index]) if line.kind is not Kind.BLANK), None)
    if not match.group("dot") and index and lines[index - 1].kind is not Kind.BLANK:
        return False  # a row of a table that begins with a number
    if following is None or (before is not None and before.text.endswith(":")) or len(match.group("title").split()) > 8:
        return False
    return following.kind is Kind.TEXT and (len(following.text) >= 50 or following.closed)


def _has_room(lines: Sequence[Line], index: int, following: Line | None) -> bool:
    """Whether text follows and none runs into the line: cells of tables and addresses stand among their like."""
    before = lines[index - 1] if index else None
    if before is not None and before.kind in (Kind.TEXT, Kind.ITEM) and not before.closed:
        return False
    return following is not None and (following.kind is Kind.ITEM or len(following.text) >= 60 or following.closed)


def _tidy(text: str) -> str:
    """The heading as a section path shows it: its number without a full stop."""
    text = " ".join(text.split())
    return re.sub(r"^(\d+(?:\.\d+)*)\.\s", r"\1 ", text).rstrip(":")
