"""A query to ranked passages: words (BM25) and meaning (vectors), each on its own, then fused, then read.

One function for each way of retrieving; they return the same thing, a score for each chunk. Knows nothing about
language models or answers.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.duplicates import merge
from rag.expand import Wording, expand
from rag.filters import EVERYTHING, Filter, select
from rag.models.embed import TextEmbedder
from rag.models.reader import Reader
from rag.query import parse
from rag.rank import READ, rerank
from rag.store.catalog import Catalog
from rag.store.vectors import VectorIndex
from rag.types import Hit

CANDIDATES = 50  # from each way of retrieving, or as many as are asked for; chosen, not measured
COARSE = 4  # coarse candidates for each one of meaning: so many hold 99.8 % of the true nearest, see rag.store.vectors
MEANING = 0.7  # weight of the vectors in the fused score, the rest is words; see benchmarks/RESULTS.md

Scores = dict[int, float]  # chunk id to score, higher is better


@dataclass(frozen=True, slots=True)
class Retriever:
    """Everything a search needs, opened once."""

    catalog: Catalog
    index: VectorIndex | None  # None where it cannot be used now: then every vector is compared
    embedder: TextEmbedder
    reader: Reader | None = None  # None: the order of the first stage stands

    def search(self, text: str, limit: int, only: Filter = EVERYTHING) -> list[Hit]:
        """The best `limit` passages for a query among those that `only` lets through, best first, copies merged."""
        hits = self.first_stage(text, max(limit, READ), only)
        if self.reader is not None:
            hits = rerank(text, hits, self.reader)
        return hits[:limit]

    def first_stage(self, text: str, limit: int, only: Filter = EVERYTHING) -> list[Hit]:
        """As `search`, by words and meaning alone."""
        allowed = select(self.catalog, only).chunks if only else None
        # More than are asked for, so that as many are left when copies have been merged.
        return merge(self._fused(text, max(CANDIDATES, 2 * limit), allowed), limit)

    def wording(self, text: str) -> Wording:
        """The words that a search for `text` looks for."""
        return expand(self.catalog, parse(text), self.embedder.tokenizer)

    def _fused(self, text: str, depth: int, allowed: Set[int] | None) -> list[Hit]:
        """Every candidate of either way, best first: `depth` of each, so at most twice as many."""
        wording = self.wording(text)
        vector = self.embedder.embed([text])[0]
        words = by_words(self.catalog, wording, depth, allowed)
        meaning = by_meaning(self.catalog, self.index, vector, depth, allowed)
        candidates = sorted(words.keys() | meaning.keys())
        # Each way scores what the other one found, so that a candidate is never judged by half.
        words |= score_words(self.catalog, wording, [chunk for chunk in candidates if chunk not in words])
        meaning |= self._cosines(vector, [chunk for chunk in candidates if chunk not in meaning])
        parts = fuse(words, meaning)
        ranked = sorted(parts.items(), key=lambda item: (-sum(item[1]), item[0]))
        stored = self.catalog.chunks([chunk for chunk, _ in ranked])
        return [
            Hit(stored[chunk], sum(part), meaning.get(chunk), words.get(chunk), part)
            for chunk, part in ranked
            if chunk in stored  # the vector index may still know a chunk that was just removed
        ]

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
    best: Scores = {}
    for ids, vectors in catalog.all_vectors():
        cosines = zip(ids.tolist(), (vectors @ vector).tolist(), strict=True)
        best = _best(best | {chunk: cosine for chunk, cosine in cosines if only is None or chunk in only}, limit)
    return best


def _best(scores: Scores, limit: int) -> Scores:
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:limit])


def fuse(
    words: Mapping[int, float], meaning: Mapping[int, float], weight: float = MEANING
) -> dict[int, tuple[float, float]]:
    """What words and meaning each give to one score, their sum, in 0..1 and comparable within one query only.

    Each way is scaled to 0..1 within the query (words by their maximum, since 0 means "no word"; cosines by their
    range, since their floor says nothing), then averaged: the convex combination of Bruch, Gai and Ingber, "An
    Analysis of Fusion Functions for Hybrid Retrieval", 2023.
    """
    top = max(words.values(), default=0.0) or 1.0
    low, high = min(meaning.values(), default=0.0), max(meaning.values(), default=0.0)
    span = (high - low) or 1.0
    return {
        chunk: ((1 - weight) * words.get(chunk, 0.0) / top, weight * (meaning.get(chunk, low) - low) / span)
        for chunk in words.keys() | meaning.keys()
    }
