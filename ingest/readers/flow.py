"""Collects the text of a page block by block, with its headings: the common ground of all formats that are not pages.

Paragraphs and tables stand apart by an empty line, so that no later step takes two for one; items and rows stand on
lines of their own. Knows no file format, and nothing about what is made of the text.
"""

import re
import unicodedata
from collections.abc import Iterable
from enum import Enum

from ingest.errors import ReadError
from ingest.types import FileStatus, Heading

MAX_CHARACTERS = 100_000_000
"""Code points of a document's text, about 30,000 dense pages: a small file that unfolds to more is a trap."""

_MAX_TITLE = 300  # characters of a heading; a longer paragraph is text, however it is styled
_SHOWN = {
    "\u00a0": " ",  # no-break spaces: the same to a reader, not to a search
    "\u202f": " ",
    "\u2007": " ",
    "\u00ad": "",  # soft hyphen: invisible
    "\u200b": "",
    "\u2060": "",
    "\ufeff": "",
    "\u200e": "",  # marks of direction: invisible
    "\u200f": "",
    "\u2011": "-",  # no-break hyphen
    "\u0085": "\n",
    "\u2028": "\n",
    "\u2029": "\n",
    "\x0b": "\n",
    "\x0c": "\n",
    "\r": "\n",
    "\ufb00": "ff",  # ligatures: nobody types them into a question
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\uf0b7": "•",  # signs of the fonts Symbol and Wingdings, which have no Unicode meaning
    "\uf0a7": "▪",
    "\uf0d8": "➢",
    "\uf0fc": "✓",
    "\uf0fb": "✗",
    "\uf0fe": "☒",
    "\uf0a8": "☐",
    "\uf06f": "☐",
}
_TABLE = str.maketrans({chr(code): " " for code in (*range(9), *range(14, 32), 127)} | _SHOWN)
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_SPACES = re.compile(r"[ \t]+")
_EDGES = re.compile(r" ?\n ?")
_GAPS = re.compile(r"\n{2,}")


class _Kind(Enum):
    PARAGRAPH = "paragraph"
    ITEM = "item"
    ROW = "row"


def clean(text: str) -> str:
    """`text` as it is shown: LF line ends, plain spaces, NFC, nothing invisible, no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").translate(_TABLE))


def raised(text: str) -> str:
    """Superscript: digits alone become raised digits, so that 10 to the 5th is not 105, nor a note part of a number."""
    return text.translate(_RAISED) if text.isascii() and text.isdigit() else text


class Flow:
    """The text of one page while it grows."""

    def __init__(self, page: int | None = None) -> None:
        self.page = page
        self.outline: list[Heading] = []
        self._parts: list[str] = []
        self._last: _Kind | None = None
        self._size = 0

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._parts)

    @property
    def size(self) -> int:
        """Its code points so far."""
        return self._size

    def heading(self, text: str, level: int) -> None:
        """A heading on a line of its own; `level` 1 is the top."""
        title = " ".join(clean(text).split())
        if 0 < len(title) <= _MAX_TITLE:
            self.outline.append(Heading(title, self.page, max(1, level)))
        self._add(title, _Kind.PARAGRAPH)

    def paragraph(self, text: str) -> None:
        """A paragraph; its own line breaks stay."""
        self._add(_GAPS.sub("\n", _EDGES.sub("\n", _SPACES.sub(" ", clean(text)))).strip(), _Kind.PARAGRAPH)

    def verbatim(self, text: str) -> None:
        """A paragraph in which white space matters: program text, a drawing of signs."""
        self._add("\n".join(line.rstrip() for line in clean(text).split("\n")).strip("\n"), _Kind.PARAGRAPH)

    def item(self, text: str, label: str, depth: int = 0) -> None:
        """An item of a list; `depth` 0 is the outermost."""
        text = _GAPS.sub("\n", _EDGES.sub("\n", _SPACES.sub(" ", clean(text)))).strip()
        if text:
            self._add("  " * min(depth, 8) + (f"{label} {text}" if label else text), _Kind.ITEM)

    def rows(self, lines: Iterable[str]) -> None:
        """The lines of one table, as `ingest.readers.rows` writes them."""
        self._last = None if self._last is _Kind.ROW else self._last
        for line in lines:
            self._add(" ".join(clean(line).split()), _Kind.ROW)

    def _add(self, text: str, kind: _Kind) -> None:
        if not text.strip():
            return
        if self._parts:
            close = kind is self._last and kind is not _Kind.PARAGRAPH
            self._parts.append("\n" if close else "\n\n")
        self._parts.append(text)
        self._last = kind
        self._size += len(text) + 2
        if self._size > MAX_CHARACTERS:  # here, before it has filled the memory
            raise ReadError(FileStatus.TOO_LARGE, f"its text has more than {MAX_CHARACTERS:,} characters; split it")
