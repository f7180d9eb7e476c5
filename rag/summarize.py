"""A document to a short summary: every part of it, in order, each statement with its page.

What a part says is decided by extraction (the sentences nearest to what the whole part is about); the language model
may only reword them, and a sentence that fails the check gives way to the document's own.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ingest.chunk import chunks
from ingest.headings import SEPARATOR
from ingest.sentences import sentences
from ingest.types import Chunk, Document, Hidden
from rag.check import check
from rag.models.embed import TextEmbedder
from rag.planted import orders
from rag.stems import stems
from rag.types import Generator

PARTS = 8  # statements of a summary at most: what fits a screen with its citations
RUN = 4  # passages that make a part where no headings do: about a page
MIN_WORDS, MAX_WORDS = 6, 60  # of a sentence worth quoting: shorter are labels, longer are tables
MAX_TOKENS = 80  # of a reworded statement

KEPT = 0.6  # share of the document's content words that a rewording keeps; one that drops more says something else

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
class DocumentSummary:
    """A summary in the document's order, and how much of it it rests on."""

    title: str
    pages: int
    pages_without_text: tuple[int, ...]
    statements: tuple[Statement, ...]
    parts: int  # how many parts the document was cut into
    dropped_sentences: int  # written, and replaced by the document's own since the check failed


def summarize(
    document: Document,
    embedder: TextEmbedder,
    generator: Generator | None,
    on_part: Callable[[int, int], None] = lambda _done, _all: None,
) -> DocumentSummary:
    """Summarise a document in at most PARTS statements.

    Args:
        generator: rewords what was extracted; None keeps the document's own words.
        on_part: told after each part: `(done, all)`.
    """
    parts = _parts([chunk for chunk in chunks(document, embedder.tokenizer) if chunk.text.strip()])
    hidden = {(page.number, page.record): page.hidden for page in document.pages}
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
                    text=text or _plain(quote),
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
    )


def _parts(passages: Sequence[Chunk]) -> list[list[Chunk]]:
    """Runs of passages under one top heading; neighbours are joined, the smallest first, until there are PARTS."""
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
        run = max(RUN, math.ceil(len(passages) / PARTS))
        parts = [list(passages[first : first + run]) for first in range(0, len(passages), run)]
    while len(parts) > PARTS:
        joint = min(range(len(parts) - 1), key=lambda index: _length(parts[index]) + _length(parts[index + 1]))
        parts[joint : joint + 2] = [parts[joint] + parts[joint + 1]]
    return parts


def _length(part: Sequence[Chunk]) -> int:
    return sum(len(chunk.text) for chunk in part)


def _central(
    part: Sequence[Chunk], embedder: TextEmbedder, hidden: Mapping[tuple[int | None, str | None], Sequence[Hidden]]
) -> tuple[Chunk, int, int] | None:
    """The sentence nearest to the mean of all (the centroid of Radev et al. 2004); None if there is none.

    Sentences that nobody sees in the document are none of its summary: `hidden` has them by page and record.
    """
    spans = [
        (chunk, start, end)
        for chunk in part
        for start, end in sentences(chunk.text)
        if MIN_WORDS <= len(chunk.text[start:end].split()) <= MAX_WORDS
        and not _LEANING.match(_plain(chunk.text[start:end]))
        and not any(
            span.start < chunk.start + end and span.end > chunk.start + start
            for span in hidden.get((chunk.page, chunk.record), ())
        )
    ]
    if not spans:
        return None
    vectors = embedder.embed([chunk.text[start:end] for chunk, start, end in spans])
    return spans[int(np.argmax(vectors @ vectors.mean(axis=0)))]


def _reword(quote: str, generator: Generator | None) -> tuple[str | None, int]:
    """One checked sentence, or None; and how many sentences failed. From an order to a model nothing is written."""
    if generator is None or orders(quote):
        return None, 0
    messages = [{"role": "user", "content": f"{_plain(quote)}\n\nSay this again in one short, complete sentence."}]
    written = "".join(generator.generate(messages, MAX_TOKENS, stop=["\n"])).strip()
    whole = written.endswith((".", "!", "?")) and ":" not in written  # a colon: it talks about its task
    meant = set(stems(_plain(quote)))
    kept = len(meant & set(stems(written))) >= KEPT * len(meant)
    return (written, 0) if whole and kept and check(written, [quote]).passed else (None, 1)


def _plain(quote: str) -> str:
    """A quotation on one line, without the number of its clause."""
    return _CLAUSE.sub("", " ".join(quote.split()))
