"""A query to ranked passages: words (BM25) and meaning (vectors), each on its own, then fused, then read.

How much words and meaning weigh depends on the query: one that is asked in the documents' own words is answered by
words, a paraphrase by meaning. A document that the query names goes before others.

One function for each way of retrieving; they return the same thing, a score for each chunk. Knows nothing about
language models or answers.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rag.around import Surroundings, surroundings
from rag.duplicates import merge
from rag.expand import Wording, expand
from rag.filters import EVERYTHING, Filter, select
from rag.models.embed import TextEmbedder
from rag.models.reader import Reader
from rag.naming import Names
from rag.query import parse
from rag.rank import READ, WEIGHTS, rerank
from rag.store.catalog import Catalog
from rag.store.vectors import VectorIndex
from rag.tuned import Tuned
from rag.types import Hit, Parts

CANDIDATES = 50  # from each way of retrieving, or as many as are asked for; chosen, not measured
FEW = 10_000  # chunks whose vectors are read one by one rather than with all others
# Coarse candidates for each one of meaning: of the true 10 nearest of 100,000, 4 hold .964, 12 hold .984 (7 ms more).
COARSE = 12
# Weights in the fused score, by how much of a query's words the best page holds (`rag.around`): (coverage, weight of
# the phrases, of the vectors in the rest, share of the page's words in what then is left), in between in proportion.
# Of questions on regulations, asked in their words, the best page holds .38 (median); of people's on an office's
# policies .19. See benchmarks/RESULTS.md.
FOREIGN = (0.15, 0.0, 0.75, 0.0)
FAMILIAR = (0.35, 0.13, 0.4, 0.5)
# Weight of a document's being named, in a query that names one. Of 21 questions on filings it brings the page of 9
# among the first 10, where 6 were; .17 to .5 do the same, give or take one.
NAMED = 0.23

Scores = dict[int, float]  # chunk id to score, higher is better


@dataclass(frozen=True, slots=True)
class Retriever:
    """Everything a search needs, opened once."""

    catalog: Catalog
    index: VectorIndex | None  # None where it cannot be used now: then every vector is compared
    embedder: TextEmbedder
    reader: Reader | None = None  # None: the order of the first stage stands
    tuned: Tuned | None = None  # what was learnt from the user's own questions
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", Names(self.catalog))  # frozen for everybody else

    def search(self, text: str, limit: int, only: Filter = EVERYTHING) -> list[Hit]:
        """The best `limit` passages for a query among those that `only` lets through, best first, copies merged."""
        hits = self.first_stage(text, max(limit, READ), only)
        if self.reader is not None:
            hits = rerank(text, hits, self.reader, self.tuned.weights if self.tuned else WEIGHTS)
        return hits[:limit]

    def first_stage(self, text: str, limit: int, only: Filter = EVERYTHING) -> list[Hit]:
        """As `search`, by words and meaning alone."""
        allowed = select(self.catalog, only).chunks if only else None
        # More than are asked for, so that as many are left when copies have been merged.
        return merge(self._fused(text, max(CANDIDATES, 2 * limit), allowed), limit)

    def wording(self, text: str) -> Wording:
        """The words that a search for `text` looks for."""
        return expand(self.catalog, parse(text), self.embedder.tokenizer)

    def vector(self, text: str) -> NDArray[np.float32]:
        """What passages' vectors are compared with in a search for `text`: float32 `(dim,)`, of unit length."""
        plain = self.embedder.embed_question(text)
        return self.tuned.moved(plain) if self.tuned else plain

    def _fused(self, text: str, depth: int, allowed: Set[int] | None) -> list[Hit]:
        """Every candidate of either way, best first: `depth` of each, and as many of documents that are named."""
        wording = self.wording(text)
        vector = self.vector(text)
        named = self._named(text, allowed)
        words = by_words(self.catalog, wording, depth, allowed)
        meaning = by_meaning(self.catalog, self.index, vector, depth, allowed)
        if named:
            words |= by_words(self.catalog, wording, depth, named.keys())
            meaning |= by_meaning(self.catalog, None, vector, depth, named.keys())
        candidates = sorted(words.keys() | meaning.keys())
        # Each way scores what the other one found, so that a candidate is never judged by half.
        words |= score_words(self.catalog, wording, [chunk for chunk in candidates if chunk not in words])
        meaning |= self._cosines(vector, [chunk for chunk in candidates if chunk not in meaning])
        pages = surroundings(self.catalog, wording, candidates)
        parts = fuse(words, meaning, pages, named)
        ranked = sorted(parts.items(), key=lambda item: (-sum(item[1]), item[0]))
        stored = self.catalog.chunks([chunk for chunk, _ in ranked])
        return [
            Hit(stored[chunk], sum(part), meaning.get(chunk), words.get(chunk), part)
            for chunk, part in ranked
            if chunk in stored  # the vector index may still know a chunk that was just removed
        ]

    def _named(self, text: str, allowed: Set[int] | None) -> Scores:
        """Chunks of the documents that the query names, each with how much of the name it holds (0..1)."""
        documents = self.names.named(text)
        chunks = self.catalog.chunks_of(documents) if documents else {}
        return {chunk: documents[document] for chunk, document in chunks.items() if allowed is None or chunk in allowed}

    def _cosines(self, vector: NDArray[np.float32], chunks: list[int]) -> Scores:
        return {chunk: float(other @ vector) for chunk, other in self.catalog.vectors(chunks).items()}


def by_words(catalog: Catalog, wording: Wording, limit: int, only: Set[int] | None = None) -> Scores:
    """BM25, 0 or more, of the best chunks, added up over the weighted terms. Empty for a query without terms."""
    found = [(catalog.match(expression, limit, only), expression, weight) for expression, weight in wording.expressions]
    everything = sorted({chunk for scores, _, _ in found for chunk in scores})
    total: Scores = dict.fromkeys(everything, 0.0)
    for scores, expression, weight in found:
        scores |= catalog.match_among(expression, [chunk for chunk in everything if chunk not in scores])
        for chunk, score in scores.items():
            total[chunk] += weight * score
    return _best(total, limit)


def score_words(catalog: Catalog, wording: Wording, chunks: Sequence[int]) -> Scores:
    """The same score of those among `chunks` that hold any of the terms."""
    total: Scores = {}
    for expression, weight in wording.expressions:
        for chunk, score in catalog.match_among(expression, chunks).items():
            total[chunk] = total.get(chunk, 0.0) + weight * score
    return total


def by_meaning(
    catalog: Catalog,
    index: VectorIndex | None,
    vector: NDArray[np.float32],
    limit: int,
    only: Set[int] | None = None,
) -> Scores:
    """Cosine, -1..1, of the nearest chunks. Without an index, or among `only` some, every vector is compared."""
    if index is None or only is not None:
        return nearest(catalog, vector, limit, only)
    candidates = list(index.candidates(vector, COARSE * limit))
    cosines = {chunk: float(other @ vector) for chunk, other in catalog.vectors(candidates).items()}
    return _best(cosines, limit)


def nearest(catalog: Catalog, vector: NDArray[np.float32], limit: int, only: Set[int] | None = None) -> Scores:
    """Cosine, -1..1, of the truly nearest chunks: exact search, 0.1 s for 100,000."""
    if only is not None and len(only) < FEW:
        return _best({chunk: float(other @ vector) for chunk, other in catalog.vectors(sorted(only)).items()}, limit)
    best: Scores = {}
    for ids, vectors in catalog.all_vectors():
        cosines = zip(ids.tolist(), (vectors @ vector).tolist(), strict=True)
        best = _best(best | {chunk: cosine for chunk, cosine in cosines if only is None or chunk in only}, limit)
    return best


def _best(scores: Scores, limit: int) -> Scores:
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:limit])


def fuse(
    words: Mapping[int, float], meaning: Mapping[int, float], pages: Surroundings, named: Mapping[int, float]
) -> dict[int, Parts]:
    """What each way gives to one score, their sum, in 0..1 and comparable within one query only.

    Each way is scaled to 0..1 within the query (words by their maximum, since 0 means "no word"; cosines by their
    range, since their floor says nothing), then averaged: the convex combination of Bruch, Gai and Ingber, "An
    Analysis of Fusion Functions for Hybrid Retrieval", 2023, with weights that depend on the query.
    """
    of_phrases, of_meaning, of_pages = _weights(pages.coverage)
    if named or not any(pages.phrases.values()):  # neighbours in a name stand on every page of its document
        of_phrases = 0.0
    of_names = NAMED if named else 0.0
    rest = (1 - of_names) * (1 - of_phrases)
    top = max(words.values(), default=0.0) or 1.0
    page = max(pages.scores.values(), default=0.0) or 1.0
    phrase = max(pages.phrases.values(), default=0.0) or 1.0
    low, high = min(meaning.values(), default=0.0), max(meaning.values(), default=0.0)
    span = (high - low) or 1.0
    return {
        chunk: Parts(
            rest * (1 - of_meaning) * (1 - of_pages) * words.get(chunk, 0.0) / top,
            rest * (1 - of_meaning) * of_pages * pages.scores.get(chunk, 0.0) / page,
            (1 - of_names) * of_phrases * pages.phrases.get(chunk, 0.0) / phrase,
            rest * of_meaning * (meaning.get(chunk, low) - low) / span,
            of_names * named.get(chunk, 0.0),
        )
        for chunk in words.keys() | meaning.keys()
    }


def _weights(coverage: float) -> tuple[float, ...]:
    """Of the phrases, of the vectors, and of the page's words."""
    (low, *foreign), (high, *familiar) = FOREIGN, FAMILIAR
    way = min(max((coverage - low) / (high - low), 0.0), 1.0)
    return tuple((1 - way) * one + way * other for one, other in zip(foreign, familiar, strict=True))
