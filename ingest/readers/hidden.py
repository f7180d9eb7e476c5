"""Marks text that nobody sees while it is made, and takes the marks out again. Knows no file format.

The text of a page is changed on its way from the file (line ends, ligatures, hyphens), so a place in the file's text is
none in the page's. Marks travel with the text instead: characters that Unicode keeps for a program's own use
(noncharacters, Unicode 15, 23.7), one for the beginning of each reason, and one for the end.
"""

import re
from collections.abc import Iterable

from ingest.readers.unseen import Why
from ingest.types import Hidden

_BEGIN = {why: chr(0xFDD0 + place) for place, why in enumerate(Why)}
_END = "\ufddf"
_WHY = {mark: why for why, mark in _BEGIN.items()}
_MARKS = re.compile("[\ufdd0-\ufdef]")


def without_marks(text: str) -> str:
    """`text` as a file gives it: what could be taken for a mark is a blank, since a file has no use for it."""
    return _MARKS.sub(" ", text)


def marked(text: str, spans: Iterable[tuple[int, int, Why]]) -> str:
    """`text` with marks around these spans, which rise and do not overlap."""
    parts, done = [], 0
    for start, end, why in spans:
        parts += [text[done:start], _BEGIN[why], text[start:end], _END]
        done = end
    return "".join([*parts, text[done:]])


def taken_out(text: str) -> tuple[str, tuple[Hidden, ...]]:
    """The text without marks, and where they were; blanks at the edges of a span do not belong to it."""
    if not _MARKS.search(text):
        return text, ()
    parts: list[str] = []
    spans: list[Hidden] = []
    size, first, why = 0, 0, Why.UNSEEN
    for piece in re.split(f"({_MARKS.pattern})", text):
        if piece in _WHY:
            first, why = len(parts), _WHY[piece]
        elif piece == _END:
            inner = "".join(parts[first:])
            start = size - len(inner.lstrip())
            if inner.strip():
                spans.append(Hidden(start, start + len(inner.strip()), why))
        else:
            parts.append(piece)
            size += len(piece)
    return "".join(parts), tuple(spans)
