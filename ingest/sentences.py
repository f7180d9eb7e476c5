"""Splits text into sentences, as spans that can be quoted.

Made for the text of pages, where a line end says little: a wrapped line goes on, but a heading, a list item, a numbered
clause or a row of a table is a span of its own. Rules for English; other languages fare well where they use the same
marks. Knows nothing about documents or models.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from ingest.lines import Kind, Line, goes_on, is_cells, is_title_like, lines, width

_MAX_ROW = 600  # characters of a row of a table that is one span; 180 tokens, what a passage holds
_BAR = re.compile(r" \| (?=\S)")

_END = re.compile(
    r"""(?P<mark>[.!?…]+)(?P<close>["'”’»)\]]*)(?P<note>\d{1,2})?(?=\s)   # the footnote number of "systems.5 The"
      | [。！？]+[」』”）]*""",
    re.VERBOSE,
)
_NEXT = re.compile(r"\s+(?P<next>\S+)")
_LAST_WORD = re.compile(r"[\w.&'’-]+$")
_SECTION = re.compile(
    r"(?:item|section|article|part|chapter|note|appendix|annex|schedule|exhibit|step|phase)\s+\w{1,5}", re.IGNORECASE
)
_INITIALS = re.compile(r"(?:[A-Za-z]\.)*[A-Za-z]")  # the last dot is the mark itself: "U.S", "J", "i.e"

_NEVER_ENDS = frozenset(
    """
    e.g i.e eg ie cf vs viz al mr mrs ms dr prof rev hon st mt ft gen col capt lt sgt gov sen rep pres no nos nr art
    arts sec sect secs fig figs eq eqs vol vols ch chap p pp para paras reg regs pub ver v approx est ext incl excl resp
    ca c jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri dept div attn tel app ed eds
    """.split()
)
"""Words, in small letters, after which a full stop belongs to the word."""

_MAY_END = frozenset("etc inc ltd corp co llc plc u.s u.s.c u.k u.n e.u a.m p.m ph.d m.d jr sr bros d.c".split())
"""Abbreviations that often end a sentence too: they do where a word follows that likes to begin one."""

_STARTERS = frozenset(
    """
    the this these those that a an it its they their he she we our you your i in on at for if when where while as all
    any each every no none such some other there here after before during upon under with without by to from however
    therefore although because since once until unless nothing failure employees users systems also both either
    """.split()
)

_PLAIN_WORDS = frozenset({"no", "mar", "sun", "may", "art", "app", "p", "c", "v", "est", "ed"})
"""Of the abbreviations above those that are words too: they abbreviate only before a number ("No. 5")."""


def sentences(text: str) -> list[tuple[int, int]]:
    """Half-open spans of the sentences of `text`, in order, without the white space around them.

    Spans do not overlap, and together they hold every character that is not white space. A sentence that is wrapped
    over lines is one span, line ends included.
    """
    return [span for start, end in blocks(lines(text)) for span in split_block(text, start, end)]


def blocks(found: Sequence[Line]) -> list[tuple[int, int]]:
    """Spans of what belongs together beyond line ends: paragraphs, list items, headings, rows of tables."""
    full = width(found)
    spans: list[tuple[int, int]] = []
    previous: Line | None = None
    for line in found:
        if line.kind is Kind.BLANK:
            previous = None
            continue
        if previous is not None and goes_on(previous, line, full) and not _stands_alone(previous, line, full):
            spans[-1] = (spans[-1][0], line.end)
        else:
            spans.append((line.start, line.end))
        previous = line
    return spans


def _stands_alone(line: Line, following: Line, full: int) -> bool:
    """Whether `line` is a heading that only looks as if it filled its line, in text of short lines."""
    return (
        not line.closed
        and line.text.isupper()
        and not following.text.isupper()
        and is_title_like(line.text)
        and len(line.text) < 0.9 * full
    )


def split_block(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Spans of the sentences within one block; of a row of a table its cells, where it is long."""
    if is_cells(text[start : min(end, start + _MAX_ROW)]) and "\n" not in text[start:end]:
        return _cells(text, start, end)
    spans = []
    first = start
    for match in _END.finditer(text, start, end):
        if match.end() >= end:
            break
        following = _NEXT.match(text, match.end(), end)
        wide = match.group("mark") is None  # Chinese and Japanese write no space after a sentence
        if not wide and (following is None or not _ends(text, first, match, following.group("next"))):
            continue
        spans.append((first, match.end()))
        first = match.end() if following is None else following.start("next")
    if text[first:end].strip():
        spans.append((first, end))
    return spans


def _cells(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """A row as a whole, or, where nobody would quote it as a whole, its cells; a bar belongs to the cell before it."""
    if end - start <= _MAX_ROW:
        return [(start, end)]
    cuts = [match.end() for match in _BAR.finditer(text, start, end)]
    return [(first, last - (last < end)) for first, last in pairwise([start, *cuts, end])]


def _ends(text: str, first: int, match: re.Match[str], following: str) -> bool:
    """Whether the mark at `match` ends the sentence that began at `first`, seeing the word that follows."""
    begin = following.lstrip("\"'“‘«([")
    if not begin or not (begin[0].isupper() or begin[0].isdigit() or not begin[0].isalnum()):
        return False
    before = text[first : match.start()]
    if match.group("note"):
        # "systems.5 The": a word must stand before, or it is a decimal ("Section 3.1 The").
        return before[-1:].isalpha() and begin[0].isupper()
    if match.group("mark") != ".":
        return len(match.group("mark")) <= 3  # more are the leaders of a table of contents
    last = _LAST_WORD.search(before)
    if last is None:
        return True
    if last.start() == 0 and not match.group("close"):
        word = last.group()
        # The label of a clause is no sentence: "3.2. The officer", "a. Report", "iv. Keep".
        if re.fullmatch(r"\d{1,3}(?:\.\d{1,3})*|[A-Za-z]|[ivxIVX]+", word):
            return False
    # Nor is the number of a section: "ITEM 1. BUSINESS".
    if not match.group("close") and _SECTION.fullmatch(before):
        return False
    word = last.group().lstrip("'’-").lower()
    if word in _MAY_END:
        return begin.rstrip(",").lower() in _STARTERS and begin[0].isupper()
    if word in _PLAIN_WORDS:
        return not begin[0].isdigit() if word in _NEVER_ENDS else True
    if word in _NEVER_ENDS:
        return False
    if _INITIALS.fullmatch(word) and not word.isdigit():
        # "J. Smith", "D.C. The": initials go on unless a starter follows two of them or more.
        return "." in word and begin[0].isupper() and begin.lower() in _STARTERS
    return True
