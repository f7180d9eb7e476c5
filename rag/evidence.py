"""Passages to quotations: the few exact spans that most likely answer the question.

A quotation is a sentence, list item or table row of a passage, cut from its page by offsets. Knows nothing about the
language model.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.sentences import sentences
from rag.models.embed import TextEmbedder
from rag.stems import stem, stems, topic_words
from rag.store.catalog import Catalog
from rag.types import Hit, Quote

PASSAGES = 6  # hits that are searched for quotations; 4, 6 and 8 gave the same on the dev questions, give or take one
QUOTES = 3  # quotations kept: what a person reads at a glance, and what the small model can keep apart
SHORT = 200  # characters; a shorter span is joined with what follows: "(a) one hour" is not understood alone

# Weights of a span's score; random search over 400 mixtures on the dev questions found none clearly better.
SIMILARITY, OVERLAP, PASSAGE, SHAPE = 0.40, 0.30, 0.20, 0.10

_NUMBER = re.compile(r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|thirty|sixty|ninety)\b", re.I)
_ASKS_NUMBER = re.compile(
    r"\bhow (?:long|many|much|often|soon|quick\w*|fast|old|far|late|early|frequent\w*|large|big|high|low)\b|\bwhen\b|"
    r"\b(?:deadline|minimum|maximum|percentage|limit|number|period)\b|\bwhat (?:age|date|time)\b",
    re.I,
)
_ROLE = re.compile(
    r"\b(?:[A-Z]{2,}s?|[A-Z][a-z]+ (?:[A-Z][a-z]+ )*(?:Officer|Manager|Director|Head|Team|Board|Owner)s?)\b"
)
_ASKS_ROLE = re.compile(r"\bwho(?:m|se)?\b|\bwhich (?:role|person|team|department|body|committee)\b", re.I)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an answer may rest on, and how well it fits."""

    quotes: tuple[Quote, ...]  # best first
    similarity: float  # -1..1: cosine of the question and the nearest span


def select(question: str, hits: Sequence[Hit], catalog: Catalog, embedder: TextEmbedder) -> Evidence:
    """The best quotations for a question among the first passages that were found."""
    hits = hits[:PASSAGES]
    rarity = _rarity(question, catalog)
    spans = [(hit, span) for hit in hits for span in _spans(hit.stored.chunk.text)]
    if not spans:
        return Evidence((), 0.0)
    vectors = embedder.embed([question, *(_in_context(hit, *span) for hit, span in spans)])
    cosines = (vectors[1:] @ vectors[0]).tolist()
    scored = [
        (_score(question, rarity, hit, span, cosine), hit, span)
        for (hit, span), cosine in zip(spans, cosines, strict=True)
    ]
    scored.sort(key=lambda item: -item[0])
    return Evidence(tuple(_pick(scored)), max(cosines))


def _spans(text: str) -> list[tuple[int, int]]:
    """Sentences of a passage, short ones joined with what follows (the last with what stands before)."""
    spans: list[tuple[int, int]] = []
    for start, end in sentences(text):
        if spans and spans[-1][1] - spans[-1][0] < SHORT:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    if len(spans) > 1 and spans[-1][1] - spans[-1][0] < SHORT:
        spans[-2:] = [(spans[-2][0], spans[-1][1])]
    return spans


def _in_context(hit: Hit, start: int, end: int) -> str:
    """A sentence with the heading it stands under: "within one hour" alone says little."""
    section = hit.stored.chunk.section
    return f"{section}: {hit.stored.chunk.text[start:end]}" if section else hit.stored.chunk.text[start:end]


def _score(question: str, rarity: dict[str, float], hit: Hit, span: tuple[int, int], cosine: float) -> float:
    text = hit.stored.chunk.text[slice(*span)]
    shape = 0.5
    if _ASKS_NUMBER.search(question):
        shape = 1.0 if _NUMBER.search(text) else 0.0
    elif _ASKS_ROLE.search(question):
        shape = 1.0 if _ROLE.search(text) else 0.0
    return (
        SIMILARITY * max(cosine, 0.0)
        + OVERLAP * _overlap(rarity, _in_context(hit, *span))
        + PASSAGE * hit.score
        + SHAPE * shape
    )


def _rarity(question: str, catalog: Catalog) -> dict[str, float]:
    """Stems of the question's words, each with its inverse document frequency: the rarer, the heavier."""
    words = {stem(word): word for word in topic_words(question)}
    frequency = catalog.document_frequency([f'"{word}"' for word in words.values()])
    total = catalog.size()
    return {key: math.log(1 + total / (1 + found)) for key, found in zip(words, frequency.values(), strict=True)}


def _overlap(rarity: dict[str, float], text: str) -> float:
    """Share (0..1) of the question's weight that stands in `text`."""
    present = set(stems(text))
    whole = sum(rarity.values())
    return sum(weight for word, weight in rarity.items() if word in present) / whole if whole else 0.0


def _pick(scored: Sequence[tuple[float, Hit, tuple[int, int]]]) -> list[Quote]:
    """The first QUOTES spans, each text once."""
    picked: list[Quote] = []
    for score, hit, (start, end) in scored:
        chunk = hit.stored.chunk
        text = chunk.text[start:end]
        if any(" ".join(text.split()) == " ".join(quote.text.split()) for quote in picked):
            continue
        picked.append(Quote(hit, chunk.start + start, chunk.start + end, text, score))
        if len(picked) == QUOTES:
            break
    return picked
