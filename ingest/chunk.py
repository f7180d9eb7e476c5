"""Cuts documents into passages: exact spans of one page each, short enough for the embedding model.

Structure goes first. A passage never crosses a heading that has text of its own, and it ends, where it can, at the end
of a clause or paragraph, else of a sentence; inside a sentence only where that alone is too long. Running headers and
footers belong to no passage but on the first page that has them; every other character that is not white space belongs
to exactly one. The same document gives the same passages.

Knows the tokenizer as a Protocol only, and nothing about models or stores.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ingest.headings import SEPARATOR, Mark, Rank, Sections, headings
from ingest.lines import BULLETS, Kind, Line, lines
from ingest.running import Running, running_lines
from ingest.sentences import blocks, split_block
from ingest.types import Chunk, Document, Heading, Page, Tokenizer

VERSION = 3
"""Counts up with every change that makes other passages of the same text; an index remembers which it was made with."""

MAX_TOKENS = 160
"""Tokens of a passage. Large ones are found more surely, and hold more that nobody asked for: of 60 to 240, this size
has recall@5 .91 at an IoU of .06 (180: .88 at .05; 120: .86 at .08; `benchmarks/chunking.py`)."""

MAX_EMBEDDED = 254
"""Tokens of a passage and the headings above it. The embedding model reads 256, two of which are its own marks, and
says nothing of what it leaves out."""

_CHARACTERS_PER_TOKEN = 12
"""Code points of a passage per token. Prose has 4 to 5; a tokenizer may count a string of any length as one unknown
token, and what it leaves out would not be found."""

_SMALL = 20  # tokens; a piece below an unnumbered heading with less is a line of a form or table that looks like one

# Costs of a way to cut a section, in passages: one passage more costs 1.
_COST_SENTENCE = 0.15  # a cut between two sentences of one paragraph
_COST_NESTED = 0.1  # before an item of an inner list, or a row of a table
_COST_LEAD_IN = 0.5  # between "the following:" and what follows
_COST_TORN = 0.3  # inside a sentence
_COST_UNEVEN = 0.2  # times the square of the share left empty: of equally many passages, even ones
_COST_TINY, _TINY = 0.3, 40  # for a passage of few tokens: it says too little to be found

_CONTENTS_GAP = 4  # lines from one entry of a table of contents to the next: headings of parts, wrapped titles
_MARKDOWN = (".md", ".markdown")
_BOOKMARKED = ".pdf"  # outlines are bookmarks there; in all other formats they are what the styles say
_CLAUSE = re.compile(r"\w+(?:\.\w+)*")
_GAP = re.compile(r"\s+")
_LABEL_DIGITS, _LABEL_LETTERS = re.compile(r"\d+"), re.compile(r"[a-z]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is not cut if it can be helped: a sentence, an item, a row."""

    start: int
    end: int
    cost: float  # of a cut before it
    clause: str = ""  # labels of the items that it stands in, "2 › b"; its own only where it is not the beginning


@dataclass(frozen=True, slots=True)
class _Region:
    """Lines of one page that lie below the same heading."""

    lines: tuple[Line, ...]
    section: str
    rank: int  # of the heading it begins with; 0 if it does not begin with one
    heads: frozenset[int]  # where the lines of that heading start
    contents: bool  # it is a table of contents
    cut_off: bool  # a removed header stands before it

    @property
    def bare(self) -> bool:
        """Whether it is a heading and nothing else."""
        return self.rank > 0 and all(line.kind is Kind.BLANK or line.start in self.heads for line in self.lines)


@dataclass(frozen=True, slots=True)
class Laid:
    """A page as lines under headings."""

    page: Page
    lines: tuple[Line, ...]  # those of a running header that was seen before are blank
    header: Running
    marks: tuple[Mark, ...]
    afresh: bool  # no heading of the page before holds here


class _Counter:
    """Counts tokens of spans of one page; the page is tokenized once."""

    def __init__(self, text: str, tokenizer: Tokenizer) -> None:
        self.starts = [start for start, _end in tokenizer.offsets(text)]

    def count(self, start: int, end: int) -> int:
        return bisect_left(self.starts, end) - bisect_left(self.starts, start)


def chunks(document: Document, tokenizer: Tokenizer, max_tokens: int = MAX_TOKENS) -> list[Chunk]:
    """The passages of a document, in order.

    Args:
        document: whose pages are cut.
        tokenizer: the embedding model's own.
        max_tokens: the most tokens of a passage, counted in its page; at least 1.

    Returns:
        Chunks with `page.text[chunk.start:chunk.end] == chunk.text`, which do not overlap, and of which nothing is left
        out in embedding: `chunk.embedded` has at most MAX_EMBEDDED tokens.
    """
    sections = Sections()
    found: list[Chunk] = []
    for laid in laid_out(document):
        page = laid.page
        if laid.afresh:
            sections = Sections()
        counter = _Counter(page.text, tokenizer)
        regions = list(_regions(laid.lines, laid.header, laid.marks, sections, page.title or ""))
        for region in _merged(regions, counter):
            room = min(max_tokens, MAX_EMBEDDED - _carried(region.section, tokenizer)[1])
            units = _units(page.text, region, counter, room)
            clauses = {unit.start: unit.clause for unit in units if unit.clause and region.section}
            for start, end in _packed(units, counter, room):
                path = SEPARATOR.join(filter(None, (region.section, clauses.get(start))))
                found.extend(_fitting(_chunk(page, _carried(path, tokenizer)[0], start, end), tokenizer))
    return found


def laid_out(document: Document) -> Iterator[Laid]:
    """The pages of a document, in order, each with its lines and headings."""
    pages = [lines(page.text) for page in document.pages]
    outline: dict[tuple[int | None, str | None], list[Heading]] = defaultdict(list)
    for heading in document.outline:
        outline[heading.page, heading.record].append(heading)
    record: str | None = None
    for page, found_lines, header in zip(document.pages, pages, _running(document.pages, pages), strict=True):
        afresh = page.number is None or page.title is not None or page.record != record
        record = page.record
        name = (page.record or page.path).lower()  # of an attachment, or of the file
        without = [_blanked(line) if index in header.repeated else line for index, line in enumerate(found_lines)]
        candidates = [_blanked(line) if index in header.alike else line for index, line in enumerate(without)]
        marks = headings(
            candidates,
            outline[page.number, page.record],
            markdown=name.endswith(_MARKDOWN),
            styled=not name.endswith(_BOOKMARKED),
        )
        yield Laid(page, tuple(without), header, tuple(marks), afresh)


def _running(pages: Sequence[Page], found: Sequence[Sequence[Line]]) -> list[Running]:
    """The running headers of each page: of the file's own pages, and of each attachment's.

    Only physical pages have headers. Records, sheets and slides that begin alike are alike on purpose.
    """
    running = [Running(frozenset(), frozenset())] * len(pages)
    groups: dict[str | None, list[int]] = defaultdict(list)
    for index, page in enumerate(pages):
        groups[page.record].append(index)
    for group in groups.values():
        if all(pages[index].number is not None and pages[index].title is None for index in group):
            for index, header in zip(group, running_lines([found[index] for index in group]), strict=True):
                running[index] = header
    return running


def _chunk(page: Page, section: str, start: int, end: int) -> Chunk:
    return Chunk(page.path, page.number, page.record, section, start, end, page.text[start:end])


def _carried(section: str, tokenizer: Tokenizer) -> tuple[str, int]:
    """A section path that leaves room for a passage, and its tokens: outer headings are left out, a last one is cut."""
    room = MAX_EMBEDDED - MAX_TOKENS
    while len(tokens := tokenizer.offsets(section)) > room:
        _outer, inner, rest = section.partition(SEPARATOR)
        # Half of the room, since a word that is cut may have more tokens than it had as a whole.
        section = rest if inner else section[: min(tokens[room // 2][0], len(section) // 2)].rstrip() + "…"
    return section, len(tokens)


def _fitting(chunk: Chunk, tokenizer: Tokenizer) -> Iterator[Chunk]:
    """The chunk, in halves as long as it has too many tokens: a word that is torn may have more than it had before."""
    if len(chunk.text) == 1 or len(tokenizer.offsets(chunk.embedded)) <= MAX_EMBEDDED:
        yield chunk
        return
    middle = len(chunk.text) // 2
    gaps = [match.start() for match in _GAP.finditer(chunk.text)]
    cut = min(gaps, key=lambda gap: abs(gap - middle), default=middle)
    left, right = chunk.text[:cut], chunk.text[cut:].lstrip()
    yield from _fitting(replace(chunk, end=chunk.start + len(left), text=left), tokenizer)
    yield from _fitting(replace(chunk, start=chunk.end - len(right), text=right), tokenizer)


def _blanked(line: Line) -> Line:
    return replace(line, text="", kind=Kind.BLANK, label="")


def _regions(
    found: Sequence[Line], header: Running, marks: Sequence[Mark], sections: Sections, title: str
) -> Iterator[_Region]:
    """Cut the lines of a page at headings, at removed headers and around tables of contents."""
    starts = {mark.first: mark for mark in marks}
    current: list[Line] = []
    mark: Mark | None = None

    def region(contents: bool) -> _Region:
        outer = "" if sections.begins_with(title) else title  # a slide's title is a heading of it as well
        path = SEPARATOR.join(part for part in (outer, sections.path) if part)
        heads = frozenset(line.start for line in found[mark.first : mark.last + 1]) if mark else frozenset()
        return _Region(tuple(current), path, mark.rank if mark else 0, heads, contents, cut_off)

    listed = contents_lines(found)
    contents = cut_off = False
    for index, line in enumerate(found):
        turns = line.kind is not Kind.BLANK and contents != (index in listed)
        if current and (index in starts or index in header.repeated or turns):
            yield region(contents)
            current, mark, cut_off = [], None, False
        if index in header.repeated:
            cut_off = True
            continue
        if line.kind is not Kind.BLANK:
            contents = index in listed
        if index in starts:
            mark = starts[index]
            sections.enter(mark)
        if current or line.kind is not Kind.BLANK:
            current.append(line)
    if current:
        yield region(contents)


def contents_lines(found: Sequence[Line]) -> set[int]:
    """Indices of the lines of a table of contents: those with leaders, and the few without between them."""
    filled = [index for index, line in enumerate(found) if line.kind is not Kind.BLANK]
    entries = [place for place, index in enumerate(filled) if found[index].kind is Kind.CONTENTS]
    listed = {filled[place] for place in entries}
    for place, following in pairwise(entries):
        if following - place <= _CONTENTS_GAP:
            listed.update(filled[place:following])
    return listed


def _merged(regions: Sequence[_Region], counter: _Counter) -> Iterator[_Region]:
    """Join a heading without text of its own, and a line that only looks like a heading, to what follows it."""
    waiting: _Region | None = None
    for region in regions:
        if waiting is not None:
            if region.contents or region.cut_off:
                yield waiting
            else:
                region = replace(region, lines=waiting.lines + region.lines, heads=waiting.heads | region.heads)
        tokens = counter.count(region.lines[0].start, region.lines[-1].end)
        small = region.rank >= Rank.CAPITALS and region.rank not in (Rank.CONTROL, Rank.ENHANCEMENT) and tokens < _SMALL
        waiting = region if (region.bare or small) and not region.contents else None
        if waiting is None:
            yield region
    if waiting is not None:
        yield waiting


def _units(text: str, region: _Region, counter: _Counter, max_tokens: int) -> list[_Unit]:
    """The sentences, items and rows of a region; those too long for a passage are torn."""
    by_start = {line.start: line for line in region.lines if line.kind is not Kind.BLANK}
    top = next((_style(line.label) for line in by_start.values() if line.kind is Kind.ITEM), "")
    units: list[_Unit] = []
    lead_in = False
    clauses: dict[str, str] = {}  # kind of label → label, of the items that are open, outermost first
    for start, end in blocks(region.lines):
        line = by_start[start]
        outer = "" if start in region.heads else enter_clause(clauses, line)
        if lead_in:
            cost = _COST_LEAD_IN
        elif line.kind is Kind.ROW or (line.kind is Kind.ITEM and _style(line.label) != top):
            cost = _COST_NESTED
        else:
            cost = 0.0
        for first, last in split_block(text, start, end):
            for place, (left, right) in enumerate(_torn(text, first, last, counter, max_tokens)):
                clause = SEPARATOR.join(clauses.values()) if left > start else outer
                units.append(_Unit(left, right, _COST_TORN if place else cost, clause))
            cost = _COST_SENTENCE
        lead_in = text[end - 1] == ":" or start in region.heads
    return units


def enter_clause(clauses: dict[str, str], line: Line) -> str:
    """Go on to the block that begins with `line`; the labels that it stands in. A paragraph or a row ends a list."""
    name = _CLAUSE.search(line.label)
    if line.kind is not Kind.ITEM:
        clauses.clear()
    elif name and line.label[0] not in BULLETS + "o":
        style = "1." if "." in name.group() else _style(line.label)  # 3.2 and 3.2.1: the number says what it stands in
        kinds = list(clauses)
        for kind in kinds[kinds.index(style) :] if style in clauses else ():
            del clauses[kind]
        outer = SEPARATOR.join(clauses.values())
        clauses[style] = name.group()
        return outer
    return SEPARATOR.join(clauses.values())


def _style(label: str) -> str:
    """The kind of a label: "1)" for "12)", "a." for "c."."""
    return _LABEL_LETTERS.sub("a", _LABEL_DIGITS.sub("1", label))


def _torn(text: str, start: int, end: int, counter: _Counter, max_tokens: int) -> Iterator[tuple[int, int]]:
    """Cut a span into pieces that fit, between words where there are words."""
    longest = max_tokens * _CHARACTERS_PER_TOKEN
    while counter.count(start, end) > max_tokens or end - start > longest:
        first = bisect_left(counter.starts, start)
        limit = min(end, start + longest)
        # The token after the last one that fits begins here; what follows goes to the next piece.
        if first + max_tokens < len(counter.starts):
            limit = min(limit, max(counter.starts[first + max_tokens], start + 1))
        cut = limit
        middle = start + (limit - start) // 2
        while cut > middle and not text[cut - 1].isspace():
            cut -= 1
        if cut <= middle:
            cut = limit
        yield start, start + len(text[start:cut].rstrip())
        start = cut + len(text[cut:end]) - len(text[cut:end].lstrip())
    yield start, end


def _packed(units: Sequence[_Unit], counter: _Counter, max_tokens: int) -> list[tuple[int, int]]:
    """Join units to passages at the least cost: few passages, cut in good places, none tiny, all about even."""
    longest = max_tokens * _CHARACTERS_PER_TOKEN
    best = [0.0] + [float("inf")] * len(units)  # best[n]: least cost of the first n units
    came = [0] * (len(units) + 1)  # came[n]: where the last passage of that begins
    for stop in range(1, len(units) + 1):
        for start in range(stop - 1, -1, -1):
            left, right = units[start].start, units[stop - 1].end
            tokens = counter.count(left, right)
            if start < stop - 1 and (tokens > max_tokens or right - left > longest):
                break
            cost = best[start] + _cost(tokens, max_tokens) + (units[start].cost if start else 0.0)
            if cost < best[stop]:
                best[stop], came[stop] = cost, start
    spans = []
    stop = len(units)
    while stop:
        spans.append((units[came[stop]].start, units[stop - 1].end))
        stop = came[stop]
    return spans[::-1]


def _cost(tokens: int, max_tokens: int) -> float:
    tiny = max(0.0, 1 - tokens / min(_TINY, max_tokens))
    return 1 + _COST_UNEVEN * (1 - tokens / max_tokens) ** 2 + _COST_TINY * tiny
