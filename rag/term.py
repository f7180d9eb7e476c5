"""The one way to the terminal: results to stdout, messages to stderr, hostile text made harmless.

Text from documents, logs, file names and models is escaped before a person sees it: control characters could move the
cursor or set the window's title, bidirectional marks could reorder a sentence, and invisible characters could hide one.
"""

import json
import os
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

# Characters without a shape of their own that are no controls: Default_Ignorable_Code_Point of Unicode 15's
# DerivedCoreProperties.txt where the category is not Cf, without the sixteen selectors that emoji need, and the blank
# Braille pattern.
SHAPELESS = frozenset(
    map(
        chr,
        (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2800, 0x3164, 0xFFA0,
         *range(0xE0100, 0xE01F0)),
    )
)  # fmt: skip
WIDTH = 100  # columns of text
# Terminals that open links (OSC 8), by TERM_PROGRAM and by the beginning of TERM.
_LINKING = frozenset({"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "mintty", "rio", "Tabby"})
_LINKING_TERMS = ("xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm", "contour")
_KEPT = frozenset("\n\t")
_BOLD, _DIM, _MARK, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[33m", "\x1b[0m"


def escape(text: str) -> str:
    r"""`text` with every control, format, shapeless and surrogate character but newline and tab written as `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_harmless(letter) for letter in text)


def _harmless(letter: str) -> str:
    # Cc: controls, Cf: bidirectional and zero-width marks, Cs: surrogates, Co: private use, Zl/Zp: line separators.
    acts = unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} or letter in SHAPELESS
    if letter in _KEPT or not acts:
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def one_line(text: str) -> str:
    """`escape`, with all white space as single blanks: for names and quotations inside a line."""
    return escape(" ".join(text.split()))


def show(text: str = "") -> None:
    """Print a result. The text must have been escaped where it comes from outside."""
    print(text, flush=True)  # noqa: T201 - this is the door


def say(text: str) -> None:
    """Print a message for people, on stderr."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - this is the door


def show_json(value: Any) -> None:
    """Print one JSON value on one line, in ASCII: nothing in it can act on a terminal, and any encoding carries it."""
    show(json.dumps(value))


def show_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell, the first to the left and cut where the line would be too long."""
    cells = [[one_line(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    widths[0] = min(widths[0], WIDTH - sum(widths[1:]) - 2 * (len(header) - 1))
    for number, row in enumerate(cells):
        first = row[0] if len(row[0]) <= widths[0] else row[0][: widths[0] - 1] + "…"
        rest = "  ".join(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        line = f"{first:<{widths[0]}}  {rest}".rstrip()
        show(dim(line) if number == 0 else line)


def bold(text: str) -> str:
    """`text`, bold where stdout is a terminal."""
    return _styled(text, _BOLD)


def dim(text: str, stream: TextIO | None = None) -> str:
    """`text`, dimmed where the stream it goes to (stdout, if not said) is a terminal."""
    return _styled(text, _DIM, stream)


def mark(text: str, stream: TextIO | None = None) -> str:
    """`text`, coloured as something to look at, where the stream it goes to (stdout, if not said) is a terminal."""
    return _styled(text, _MARK, stream)


def link(text: str, file: Path, page: int | None) -> str:
    """`text` that opens the page of a file where stdout is a terminal that knows links (OSC 8); escape `text` first."""
    if not (colourful(sys.stdout) and _knows_links()) or not file.is_absolute():
        return text
    # Percent-encoded, so that nothing in a name can act on the terminal.
    target = file.as_uri() + (f"#page={page}" if page else "")
    return f"\x1b]8;;{target}\x1b\\{text}\x1b]8;;\x1b\\"


def _knows_links() -> bool:
    """Whether the terminal is one that opens links, as far as it tells; others print rubbish for them, or nothing.

    FORCE_HYPERLINK, 0 or 1, overrules, as in other programs.
    """
    told = os.environ
    if forced := told.get("FORCE_HYPERLINK"):
        return forced != "0"
    return (
        told.get("TERM_PROGRAM") in _LINKING
        or told.get("TERM", "").startswith(_LINKING_TERMS)
        or int(re.match(r"\d*", told.get("VTE_VERSION", ""))[0] or 0) >= 5000  # type: ignore[index]
        or any(map(told.get, ("KONSOLE_VERSION", "KITTY_WINDOW_ID", "WT_SESSION", "DOMTERM")))
    )


def columns() -> int:
    """How wide text is to be: as the terminal, and WIDTH at most; wider lines are hard to read."""
    return min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns) if sys.stdout.isatty() else WIDTH


def wrapped(text: str, width: int, marked: tuple[int, int] | None = None) -> str:
    """`one_line(text)` in lines of `width` columns; the characters `marked` of `text` are bold on a terminal."""
    if marked is None or not colourful(sys.stdout):
        return textwrap.fill(one_line(text), width)
    start, end = marked
    parts = (re.sub(r"\s+", " ", part) for part in (text[:start], text[start:end], text[end:]))
    before, within, after = map(escape, parts)
    # Stand-ins while lines are made: what was escaped holds no control characters of its own.
    filled = textwrap.fill(" ".join(f"{before}\x01{within}\x02{after}".split()), width)
    return filled.replace("\x01", _BOLD).replace("\x02", _RESET)


def _styled(text: str, code: str, stream: TextIO | None = None) -> str:
    return f"{code}{text}{_RESET}" if text and colourful(stream or sys.stdout) else text


def colourful(stream: TextIO) -> bool:
    """Whether `stream` is a terminal whose user has not asked for plain text (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def counted(number: int, noun: str) -> str:
    """ "1 page", "1,340 pages": a number with its noun, which takes an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
