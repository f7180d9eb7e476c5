"""Looks at the lines of a text: where they are, what they look like, and whether one goes on in the next.

The shared ground of sentences, headings and chunks. Knows nothing about documents, tokens or models. All offsets are
half-open code points in the text that was given.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

BULLETS = "•◦▪▫■□●○‣⁃∙·➢➤✓✔❖►▶*–—-"

_ITEM = re.compile(
    rf"""(?P<label>
        [{re.escape(BULLETS)}](?=\s)                   # • text, - text
      | o(?=\s+[A-Z])                                  # Word's second-level bullet, which is a letter o
      | \(?(?:\d{{1,3}}|[a-zA-Z]|[ivxIVX]{{1,6}})\)    # 1) (a) iv)
      | \d{{1,3}}(?:\.\d{{1,3}})+\.?(?=\s)             # 3.2  3.2.1.
      | (?:\d{{1,3}}|[a-zA-Z])\.(?=\s)                 # 1.  a.
      | [ivx]{{2,6}}\.(?=\s)                           # iv.
    )\s*(?=\S)""",
    re.VERBOSE,
)
_LEADERS = re.compile(r"(?:(?:\.\s?){4,}|…{2,}|(?:_\s?){4,})\s*(?:\d{1,4}|[ivxlc]{1,6})?$")
_NUMBER = re.compile(r"^[(\[$€£]*[-+–]?\d[\d,.:/]*[%)\]]*[;,]?$|^[—–-]$|^[$€£%]$|^n/?a$", re.IGNORECASE)
_TERMINAL = re.compile(r"[.!?;:…。！？][\"'”’)\]»]*$")
_LEANING = re.compile(
    r"""(?:-|,|\b(?:a|an|the|of|in|on|at|by|to|for|from|with|than|through|until|least|most|about|over|under|within|exceed
      |section|sections|item|items|note|notes|part|publication|page|chapter|table|figure|no\.|rule|form
      |january|february|march|april|may|june|july|august|september|october|november|december))$""",
    re.IGNORECASE | re.VERBOSE,
)
_SECTION = re.compile(
    r"(?:item|section|article|part|chapter|appendix|annex|schedule|exhibit)\s+\w{1,5}\s*[.:–—-]\s", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_CELLS = " | "
_CONTROL = re.compile(r"[A-Z]{2,4}[–-]\d")


class Kind(Enum):
    """What a line looks like by itself."""

    BLANK = "blank"
    CONTENTS = "contents"  # an entry of a table of contents, with leaders
    CELLS = "cells"  # a row of a table, written with bars between its cells
    ROW = "row"  # of a table: mostly numbers
    ITEM = "item"  # begins a list item or a numbered clause
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Line:
    """One line, without the white space around it."""

    start: int
    end: int
    text: str
    kind: Kind
    label: str = ""  # of an item: "1)", "•", "3.2"

    @property
    def closed(self) -> bool:
        """Whether the line ends like the end of a sentence, a clause or a lead-in."""
        return bool(_TERMINAL.search(self.text))


def lines(text: str) -> list[Line]:
    """The lines of `text`, blank ones included, in order."""
    found = []
    start = 0
    for raw in text.splitlines(keepends=True):
        stripped = raw.strip()
        first = start + len(raw) - len(raw.lstrip()) if stripped else start
        kind, label = _kind(stripped)
        found.append(Line(first, first + len(stripped), stripped, kind, label))
        start += len(raw)
    return found


def width(found: Sequence[Line]) -> int:
    """The length in characters that full lines have here: the 90th percentile of lines that hold text."""
    lengths = sorted(len(line.text) for line in found if line.kind in (Kind.TEXT, Kind.ITEM))
    return lengths[int(0.9 * (len(lengths) - 1))] if lengths else 0


def goes_on(line: Line, following: Line, full: int) -> bool:
    """Whether `following` continues the sentence or paragraph of `line`.

    `full` is the `width` of the text. A line was broken by the page's edge, and not on purpose, where the next word
    would not have fitted any more. Fonts are proportional, so that is an estimate: 0.8 of the width counts as full.
    """
    if line.kind not in (Kind.TEXT, Kind.ITEM) or following.kind in (Kind.BLANK, Kind.CONTENTS):
        return False
    word = following.text.split(maxsplit=1)[0]
    filled = len(line.text) + 1 + len(word) >= 0.8 * full
    if following.kind is not Kind.TEXT:
        # "… through February / 1, 2020." and "… on Form 10- / K. We undertake": not a row, and not an item.
        return filled and leans(line.text) and following.label in ("", word) and word[-1] not in ")•"
    if following.text[0].islower():
        return not line.closed or line.text[-1] in ",;" or len(line.text) > 0.8 * full
    if following.text.endswith(":") and is_title_like(following.text) and not leans(line.text):
        return False  # a label of its own: "For High Systems:"
    if _SECTION.match(following.text) and not leans(line.text):
        return False
    # A lead-in or a clause that ends its line ends its paragraph, however long it is.
    return filled and not line.text.endswith((":", ";"))


def leans(text: str) -> bool:
    """Whether `text` ends in a way that neither a sentence nor a heading ends."""
    return bool(_LEANING.search(text))


def is_title_like(text: str) -> bool:
    """Whether `text` is written as titles are: capitals throughout, or on every longer word."""
    words = _WORD.findall(text)
    if not words or not words[0][0].isupper():
        return False
    if text.isupper():
        return True
    long = [word for word in words if len(word) >= 4]
    return bool(long) and sum(word[0].isupper() for word in long) >= 0.75 * len(long)


def is_cells(text: str) -> bool:
    """Whether a line is a row of a table as readers write them: "Vendor: Acme Ltd | Due: 2024-03-31".

    The titles of controls are not, "AC-2(3) – Account Management | Disable Accounts": nothing else in 33 business
    documents with 154,000 lines holds such a bar.
    """
    return _CELLS in text and not _CONTROL.match(text)


def _kind(text: str) -> tuple[Kind, str]:
    if not text:
        return Kind.BLANK, ""
    if is_cells(text):
        return Kind.CELLS, ""
    if _LEADERS.search(text):
        return Kind.CONTENTS, ""
    # A label that is the whole line ("1.") heads what follows; a row of figures has none.
    item = _ITEM.match(text)
    cells = text.split()
    numbers = sum(bool(_NUMBER.match(cell)) for cell in cells)
    if numbers == len(cells) or (numbers >= 2 and numbers >= 0.4 * len(cells)):
        return Kind.ROW, ""
    if item:
        return Kind.ITEM, item.group("label")
    return Kind.TEXT, ""
