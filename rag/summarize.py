"""A document to a short summary: every part of it, in order, each statement with its page.

What a part says is decided by extraction (the sentences nearest to what the whole part is about); the language model
may only reword them, and a sentence that fails the check gives way to the document's own.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.chunk import chunks
from ingest.headings import SEPARATOR
from ingest.sentences import sentences
from ingest.types import Chunk, Document, Hidden
from rag.check import check
from rag.extract import extract
from rag.models.embed import TextEmbedder
from rag.planted import orders
from rag.schema import load
from rag.stems import stems
from rag.types import Generator

PARTS = 8  # statements of a summary where no length is asked for: what fits a screen with its citations
STATEMENT = 20  # words of a statement on average: 15 in the sample office's policies, 25 in EPA's procedures
PAGE = 2000  # characters of a page: 1,900 and 2,300 there; a section with more has a statement of its own
RUN = 4  # passages that make a part where no headings do: about a page
MIN_WORDS, MAX_WORDS = 6, 60  # of a sentence worth quoting: shorter are labels, longer are tables
MAX_TOKENS = 80  # of a reworded statement

KEPT = 0.6  # share of the document's content words that a rewording keeps; one that drops more says something else

Unseen = Mapping[tuple[int | None, str | None], Sequence[Hidden]]
"""Spans of hidden text by page and record."""

_CLAUSE = re.compile(r"^(?:\d+(?:\.\d+)*\.?|\([a-z]{1,3}\))\s+")
_LEANING = re.compile(r"^(?:it|its|they|their|this|that|these|those|he|she|such|here|there)\b", re.IGNORECASE)
"""A sentence that begins so leans on the one before it, and is no statement by itself."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of a summary and the span it rests on: `quote` is the page's text at `start:end`."""

    text: str
    written: bool  # False: the document's own words
    page: int | None
    record: str | None
    section: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Covered:
    """A top section of the document and how many statements rest on it."""

    section: str
    pages: tuple[int, ...]  # numbers; empty where the format has none
    statements: int


@dataclass(frozen=True, slots=True)
class Term:
    """A term that the document defines, and where: `quote` is the page's text at `start:end`."""

    term: str
    meaning: str
    page: int | None
    record: str | None
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """A summary in the document's order, and how much of it it rests on."""

    title: str
    pages: int
    pages_without_text: tuple[int, ...]
    statements: tuple[Statement, ...]
    parts: int  # how many parts the document was cut into
    dropped_sentences: int  # written, and replaced by the document's own since the check failed
    coverage: tuple[Covered, ...] = ()  # every top section, in order
    terms: tuple[Term, ...] = ()  # the glossary


def summarize(
    document: Document,
    embedder: TextEmbedder,
    generator: Generator | None,
    on_part: Callable[[int, int], None] = lambda _done, _all: None,
    words: int | None = None,
) -> DocumentSummary:
    """Summarise a document in at most PARTS statements, or in about so many words.

    Args:
        generator: rewords what was extracted; None keeps the document's own words.
        words: length of the summary. Every section of more than a page is heard, so one of many of these is longer.
        on_part: told after each part: `(done, all)`.
    """
    passages = [chunk for chunk in chunks(document, embedder.tokenizer) if chunk.text.strip()]
    parts = _parts(passages, PARTS if words is None else max(words // STATEMENT, 1), own=words is not None)
    hidden = unseen(document)
    statements: list[Statement] = []
    dropped = 0
    for number, part in enumerate(parts, start=1):
        if (best := _central(part, embedder, hidden)) is not None:
            chunk, start, end = best
            quote = chunk.text[start:end]
            text, failed = _reword(quote, generator)
            dropped += failed
            statements.append(
                Statement(
                    text=text or plain(quote),
                    written=text is not None,
                    page=chunk.page,
                    record=chunk.record,
                    section=chunk.section,
                    start=chunk.start + start,
                    end=chunk.start + end,
                    quote=quote,
                )
            )
        on_part(number, len(parts))
    return DocumentSummary(
        title=document.title or document.path,
        pages=len(document.pages),
        pages_without_text=document.pages_without_text,
        statements=tuple(statements),
        parts=len(parts),
        dropped_sentences=dropped,
        coverage=_coverage(passages, statements),
        terms=tuple(_glossary(document)),
    )


def unseen(document: Document) -> Unseen:
    """What nobody sees who looks at the document."""
    return {(page.number, page.record): page.hidden for page in document.pages}


def _coverage(passages: Sequence[Chunk], statements: Sequence[Statement]) -> tuple[Covered, ...]:
    """The top sections of a document and what was taken from each."""
    pages: dict[str, dict[int, None]] = {}
    for chunk in passages:
        held = pages.setdefault(chunk.section.split(SEPARATOR)[0], {})
        if chunk.page is not None:
            held[chunk.page] = None
    counts = Counter(statement.section.split(SEPARATOR)[0] for statement in statements)
    return tuple(Covered(section, tuple(held), counts[section]) for section, held in pages.items())


def _glossary(document: Document) -> Iterator[Term]:
    """The terms that a document defines, by name, each once."""
    schema = load("definitions")
    seen: set[str] = set()
    rows = extract(document, schema)
    for row in sorted(rows, key=lambda row: row.cells[0].value.lower()):
        term, meaning = row.cells
        if term.value.lower() in seen or not meaning.pieces:
            continue
        seen.add(term.value.lower())
        piece = meaning.pieces[0]
        page = document.pages[piece.page]
        quote = page.text[piece.start : piece.end]
        yield Term(term.value, meaning.value, page.number, page.record, piece.start, piece.end, quote)


def _parts(passages: Sequence[Chunk], most: int, *, own: bool) -> list[list[Chunk]]:
    """Runs of passages under one top heading; neighbours are joined, the smallest first, until there are `most`.

    Args:
        own: whether a section of more than a page keeps a part of its own.
    """
    parts: list[list[Chunk]] = []
    for chunk in passages:
        top = chunk.section.split(SEPARATOR)[0]
        if parts and parts[-1][0].section.split(SEPARATOR)[0] == top:
            parts[-1].append(chunk)
        else:
            parts.append([chunk])
    # The control block before the first heading names owners and dates; the headings below tell what is said.
    parts = [part for part in parts if part[0].section] or parts
    if len(parts) == 1:
        # No headings tell parts apart: equal runs of passages do.
        run = max(RUN, math.ceil(len(passages) / most))
        return [list(passages[first : first + run]) for first in range(0, len(passages), run)]
    large = [own and _length(part) > PAGE for part in parts]
    while len(parts) > most:
        joints = [index for index in range(len(parts) - 1) if not (large[index] or large[index + 1])]
        if not joints:
            break
        joint = min(joints, key=lambda index: _length(parts[index]) + _length(parts[index + 1]))
        parts[joint : joint + 2] = [parts[joint] + parts[joint + 1]]
        large[joint : joint + 2] = [False]
    return _divided(parts, most) if own else parts


def _divided(parts: list[list[Chunk]], most: int) -> list[list[Chunk]]:
    """Cut the longest parts in two until there are `most`: a longer summary says more of the longer sections."""
    while len(parts) < most:
        longest = max(range(len(parts)), key=lambda index: _length(parts[index]) if len(parts[index]) > 1 else 0)
        part = parts[longest]
        if len(part) < 2:
            break
        parts[longest : longest + 1] = [part[: len(part) // 2], part[len(part) // 2 :]]
    return parts


def _length(part: Sequence[Chunk]) -> int:
    return sum(len(chunk.text) for chunk in part)


def _central(part: Sequence[Chunk], embedder: TextEmbedder, hidden: Unseen) -> tuple[Chunk, int, int] | None:
    """The sentence nearest to the mean of all (the centroid of Radev et al. 2004); None if there is none."""
    spans = list(quotable(part, hidden))
    if not spans:
        return None
    vectors = embedder.embed([chunk.text[start:end] for chunk, start, end in spans])
    return spans[int(np.argmax(vectors @ vectors.mean(axis=0)))]


def quotable(part: Sequence[Chunk], hidden: Unseen) -> Iterator[tuple[Chunk, int, int]]:
    """Sentences that say something by themselves, as spans of their passages.

    Sentences that nobody sees in the document are none of its summary.
    """
    for chunk in part:
        for start, end in sentences(chunk.text):
            text = chunk.text[start:end]
            if (
                MIN_WORDS <= len(text.split()) <= MAX_WORDS
                and not text.rstrip().endswith(":")  # what follows is what it says
                and not _LEANING.match(plain(text))
                and not any(
                    span.start < chunk.start + end and span.end > chunk.start + start
                    for span in hidden.get((chunk.page, chunk.record), ())
                )
            ):
                yield chunk, start, end


def _reword(quote: str, generator: Generator | None) -> tuple[str | None, int]:
    """One checked sentence, or None; and how many sentences failed. From an order to a model nothing is written."""
    if generator is None or orders(quote):
        return None, 0
    messages = [{"role": "user", "content": f"{plain(quote)}\n\nSay this again in one short, complete sentence."}]
    written = "".join(generator.generate(messages, MAX_TOKENS, stop=["\n"])).strip()
    whole = written.endswith((".", "!", "?")) and ":" not in written  # a colon: it talks about its task
    meant = set(stems(plain(quote)))
    kept = len(meant & set(stems(written))) >= KEPT * len(meant)
    return (written, 0) if whole and kept and check(written, [quote]).passed else (None, 1)


def plain(quote: str) -> str:
    """A quotation on one line, without the number of its clause."""
    return _CLAUSE.sub("", " ".join(quote.split()))
