"""Finds running headers and footers: lines that stand at the top or bottom of most pages of a document.

Two lines are the same if they are equal, or if they differ only in a number that counts with the pages ("Page 3 of
9"). A total at the foot of an invoice differs from page to page too, but does not count with them, so it stays text.
Knows nothing about what the lines say.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.lines import Kind, Line

_ZONE = 12  # lines from the top or bottom; forms of public bodies repeat up to eight
_MIN_PAGES = 3
_MIN_SHARE = 0.4  # of the pages with text; half of them where left and right pages differ, less a few without
_MAX_GAP = 3  # lines of text within a header that vary, such as a chapter's name; they are kept

_DIGITS = re.compile(r"\d+")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Running:
    """The header and footer of one page, as indices of its lines."""

    repeated: frozenset[int]  # seen on an earlier page: to be left out
    alike: frozenset[int]  # kept, though they read the same: on the first page, or in the midst of the text
    first: frozenset[int] = frozenset()  # of these, where the header itself is seen for the first time


@dataclass(frozen=True, slots=True)
class _Number:
    """What the pages agree on about one number in a line."""

    fixed: int | None  # the number itself
    offset: int | None  # the number less the page's index


def running_lines(pages: Sequence[Sequence[Line]]) -> list[Running]:
    """The header and footer lines of each page."""
    zones = [_edges(page) for page in pages]
    least = max(_MIN_PAGES, _MIN_SHARE * sum(bool(zone[0]) for zone in zones))
    equal = _equal(pages, zones, least)
    counting = _counting(pages, zones, least)
    seen: set[str] = set()
    found: list[Running] = []
    for number, (page, zone) in enumerate(zip(pages, zones, strict=True)):
        fits = {index for index, line in enumerate(page) if line.text in equal or _counts(line, number, counting)}
        edges: set[int] = set()
        for edge in zone:
            gap = 0
            for index in edge:
                gap = 0 if index in fits else gap + 1
                if gap > _MAX_GAP:
                    break
                if index in fits:
                    edges.add(index)
        repeated = frozenset(index for index in edges if _key(page[index]) in seen)
        found.append(Running(repeated, frozenset(fits) - repeated, frozenset(edges) - repeated))
        seen |= {_key(page[index]) for index in edges}
    return found


def _edges(page: Sequence[Line]) -> tuple[list[int], list[int]]:
    """Indices of the lines near the top, downwards, and near the bottom, upwards. No line is in both."""
    filled = [index for index, line in enumerate(page) if line.kind is not Kind.BLANK]
    half = min(_ZONE, (len(filled) + 1) // 2)
    return filled[:half], filled[half:][-_ZONE:][::-1]


def _key(line: Line) -> str:
    return _DIGITS.sub("#", _SPACES.sub(" ", line.text))


def _numbers(line: Line) -> tuple[int, ...]:
    # Nobody counts pages with more than nine digits, and int() refuses more than 4,300.
    return tuple(int(digits[:9]) for digits in _DIGITS.findall(line.text))


def _equal(pages: Sequence[Sequence[Line]], zones: Sequence[tuple[list[int], list[int]]], least: float) -> set[str]:
    """Lines that stand on enough pages word for word. A bare number never does so by purpose."""
    counts: Counter[str] = Counter()
    for page, zone in zip(pages, zones, strict=True):
        counts.update({page[index].text for edge in zone for index in edge})
    return {text for text, count in counts.items() if count >= least and not text.isdigit()}


def _counting(
    pages: Sequence[Sequence[Line]], zones: Sequence[tuple[list[int], list[int]]], least: float
) -> dict[str, tuple[_Number, ...]]:
    """The keys of lines that differ by numbers which count with the pages, and what is agreed about those."""
    places: dict[str, dict[int, tuple[int, ...]]] = defaultdict(dict)  # key → page index → the line's numbers
    for page_index, (page, zone) in enumerate(zip(pages, zones, strict=True)):
        for edge in zone:
            for index in edge:
                places[_key(page[index])].setdefault(page_index, _numbers(page[index]))
    patterns = {}
    for key, seen in places.items():
        if len(seen) < least:
            continue
        agreed = [_agreement(column, list(seen), least) for column in zip(*seen.values(), strict=True)]
        if agreed and all(number.fixed is not None or number.offset is not None for number in agreed):
            patterns[key] = tuple(agreed)
    return patterns


def _agreement(column: Sequence[int], pages: Sequence[int], least: float) -> _Number:
    fixed, fixed_count = Counter(column).most_common(1)[0]
    offsets = Counter(number - page for number, page in zip(column, pages, strict=True))
    offset, offset_count = offsets.most_common(1)[0]
    return _Number(fixed if fixed_count >= least else None, offset if offset_count >= least else None)


def _counts(line: Line, page: int, patterns: dict[str, tuple[_Number, ...]]) -> bool:
    pattern = patterns.get(_key(line))
    return pattern is not None and all(
        number == agreed.fixed or number - page == agreed.offset
        for number, agreed in zip(_numbers(line), pattern, strict=True)
    )
