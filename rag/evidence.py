"""Passages to quotations: the few exact spans that most likely answer the question.

A quotation is a sentence, list item or table row of a passage, cut from its page by offsets. Knows nothing about the
language model.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.sentences import sentences
from ingest.types import Chunk, Hidden
from rag.models.embed import TextEmbedder
from rag.stems import stem, stems, topic_words
from rag.store.catalog import Catalog
from rag.types import Hit, Quote

PASSAGES = 6  # hits that are searched for quotations; 4, 6 and 8 gave the same on the dev questions, give or take one
QUOTES = 3  # quotations kept: what a person reads at a glance
HEADING = 180  # characters; what is shorter and stands before a clause, or in the end, is not quoted alone
SHORT = 300  # characters; a shorter span is joined with what follows: "(a) one hour" is not understood alone

# Weights of a span's marks, without and with a reader. Without: random search over 400 mixtures on the dev questions of
# the sample office found none clearly better. With: fitted by `training/calibrate.py`.
PLAIN = {"similarity": 0.40, "overlap": 0.30, "passage": 0.20, "shape": 0.10}
READ = {"inside": 0.289, "relevance": 0.308, "similarity": 8.71, "passage": 4.35}
_UNLIKELY = -12.0  # log-probability below which one place is as unlikely as another

_CLAUSE = re.compile(r"\d{1,3}(?:\.\d{1,3})+\.?\s+(?=\S)")
_LEADERS = re.compile(r"(?:\.\s?){6,}")  # dots between a heading and its page: a table of contents answers nothing
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
class Place:
    """A span of a hit's passage that could be quoted, with what speaks for it."""

    hit: Hit
    start: int  # into the passage's text
    end: int
    marks: Mapping[str, float]  # by the names of PLAIN and READ
    hidden: tuple[Hidden, ...] = ()  # what nobody sees of the passage; offsets into the page's text

    @property
    def score(self) -> float:
        """The weighted sum of its marks; comparable within one question only."""
        weights = READ if "inside" in self.marks else PLAIN
        return sum(weight * self.marks[name] for name, weight in weights.items())


def select(found: Sequence[Place], most: int = QUOTES) -> list[Quote]:
    """The best `most` places as quotations, best first, each text once."""
    picked: list[Quote] = []
    for place in sorted(found, key=lambda place: -place.score):
        chunk = place.hit.stored.chunk
        text = chunk.text[place.start : place.end]
        if any(" ".join(text.split()) == " ".join(quote.text.split()) for quote in picked):
            continue
        start, end = chunk.start + place.start, chunk.start + place.end
        picked.append(Quote(place.hit, start, end, text, place.score, place.hidden))
        if len(picked) == most:
            break
    return picked


def places(question: str, hits: Sequence[Hit], catalog: Catalog, embedder: TextEmbedder) -> list[Place]:
    """Every span of the first PASSAGES hits that could be quoted, in the order of the hits."""
    hits = hits[:PASSAGES]
    rarity = _rarity(question, catalog)
    hidden = catalog.hidden([hit.stored.id for hit in hits])
    cut = [(hit, list(_cut(hit.stored.chunk, hidden.get(hit.stored.id, ())))) for hit in hits]
    texts = [_in_context(hit, *span) for hit, found in cut for span in found]
    if not texts:
        return []
    cosines = iter((embedder.embed(texts) @ embedder.embed_question(question)).tolist())
    made = []
    for hit, found in cut:
        read = _read_marks(hit, found)
        for span, marks in zip(found, read, strict=True):
            plain = {
                "similarity": max(next(cosines), 0.0),
                "overlap": _overlap(rarity, _in_context(hit, *span)),
                "passage": hit.score,
                "shape": _shape(question, hit.stored.chunk.text[slice(*span)]),
            }
            made.append(Place(hit, *span, plain | marks, tuple(hidden.get(hit.stored.id, ()))))
    return made


def _cut(chunk: Chunk, hidden: Sequence[Hidden]) -> Iterator[tuple[int, int]]:
    """The spans of a passage, what nobody sees apart from what is seen."""
    edges = {edge - chunk.start for span in hidden for edge in (span.start, span.end)}
    for first, last in pairwise(sorted({0, len(chunk.text), *edges})):
        yield from ((first + start, first + end) for start, end in spans(chunk.text[first:last]))


def _read_marks(hit: Hit, spans: Sequence[tuple[int, int]]) -> list[dict[str, float]]:
    """What the reader says for each span; nothing where there was no reader, or one that only ranks."""
    if hit.reading is None or hit.reading.spans is None:
        return [{} for _ in spans]
    same = {"relevance": hit.reading.relevance}
    return [same | {"inside": max(chance, _UNLIKELY)} for chance in hit.reading.spans.inside(spans)]


def spans(text: str) -> list[tuple[int, int]]:
    """Sentences of a passage, short ones joined with what follows (the last with what stands before).

    A numbered clause begins a span of its own, unless only a heading or the like stands before it.
    """
    joined: list[tuple[int, int]] = []
    for start, end in sentences(text):
        room = HEADING if _CLAUSE.match(text, start) else SHORT
        if joined and joined[-1][1] - joined[-1][0] < room:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    if len(joined) > 1:
        start, end = joined[-1]
        if end - start < HEADING and not _CLAUSE.match(text, start):
            joined[-2:] = [(joined[-2][0], end)]
    return [(start, end) for start, end in joined if not _LEADERS.search(text, start, end)]


def _in_context(hit: Hit, start: int, end: int) -> str:
    """A sentence with the heading it stands under: "within one hour" alone says little."""
    section = hit.stored.chunk.section
    return f"{section}: {hit.stored.chunk.text[start:end]}" if section else hit.stored.chunk.text[start:end]


def _shape(question: str, text: str) -> float:
    """Whether `text` holds the kind of thing that is asked for, 0..1: a number, a role; 0.5 where that is not told."""
    if _ASKS_NUMBER.search(question):
        return 1.0 if _NUMBER.search(text) else 0.0
    if _ASKS_ROLE.search(question):
        return 1.0 if _ROLE.search(text) else 0.0
    return 0.5


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
