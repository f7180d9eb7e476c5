"""A query to ranked passages: words (BM25) and meaning (vectors), each on its own, then fused.

One function for each way of retrieving; they return the same thing, a score for each chunk. Knows nothing about
language models or answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.models.embed import TextEmbedder
from rag.query import Query, parse
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

    def search(self, text: str, limit: int, glob: str | None = None) -> list[Hit]:
        """The best `limit` passages for a query, best first; those of files whose path matches `glob` only."""
        query = parse(text)
        vector = self.embedder.embed([text])[0]
        only = self.catalog.ids_below(glob) if glob is not None else None
        depth = max(CANDIDATES, limit)
        words = by_words(self.catalog, query, depth, only)
        meaning = by_meaning(self.catalog, self.index, vector, depth, only)
        candidates = sorted(words.keys() | meaning.keys())
        # Each way scores what the other one found, so that a candidate is never judged by half.
        words |= self.catalog.match_among(query.expression, [chunk for chunk in candidates if chunk not in words])
        meaning |= self._cosines(vector, [chunk for chunk in candidates if chunk not in meaning])
        ranked = sorted(fuse(words, meaning).items(), key=lambda item: (-item[1], item[0]))[:limit]
        stored = self.catalog.chunks([chunk for chunk, _ in ranked])
        return [
            Hit(stored[chunk], score, meaning.get(chunk), words.get(chunk))
            for chunk, score in ranked
            if chunk in stored  # the vector index may still know a chunk that was just removed
        ]

    def _cosines(self, vector: NDArray[np.float32], chunks: list[int]) -> Scores:
        return {chunk: float(other @ vector) for chunk, other in self.catalog.vectors(chunks).items()}


def by_words(catalog: Catalog, query: Query, limit: int, only: set[int] | None = None) -> Scores:
    """BM25, 0 or more. Empty for a query without terms."""
    return catalog.match(query.expression, limit, only) if query.terms else {}


def by_meaning(
    catalog: Catalog,
    index: VectorIndex | None,
    vector: NDArray[np.float32],
    limit: int,
    only: set[int] | None = None,
) -> Scores:
    """Cosine, -1..1, of the nearest chunks. Without an index, or among `only` some, every vector is compared."""
    if index is None or only is not None:
        return nearest(catalog, vector, limit, only)
    candidates = list(index.candidates(vector, COARSE * limit))
    cosines = {chunk: float(other @ vector) for chunk, other in catalog.vectors(candidates).items()}
    return _best(cosines, limit)


def nearest(catalog: Catalog, vector: NDArray[np.float32], limit: int, only: set[int] | None = None) -> Scores:
    """Cosine, -1..1, of the truly nearest chunks: exact search, 0.1 s for 100,000."""
    best: Scores = {}
    for ids, vectors in catalog.all_vectors():
        cosines = zip(ids.tolist(), (vectors @ vector).tolist(), strict=True)
        best = _best(best | {chunk: cosine for chunk, cosine in cosines if only is None or chunk in only}, limit)
    return best


def _best(scores: Scores, limit: int) -> Scores:
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:limit])


def fuse(words: Mapping[int, float], meaning: Mapping[int, float], weight: float = MEANING) -> Scores:
    """One score in 0..1 for every chunk that either way scored; comparable within one query only.

    Each way is scaled to 0..1 within the query (words by their maximum, since 0 means "no word"; cosines by their
    range, since their floor says nothing), then averaged: the convex combination of Bruch, Gai and Ingber, "An
    Analysis of Fusion Functions for Hybrid Retrieval", 2023.
    """
    top = max(words.values(), default=0.0) or 1.0
    low, high = min(meaning.values(), default=0.0), max(meaning.values(), default=0.0)
    span = (high - low) or 1.0
    return {
        chunk: (1 - weight) * words.get(chunk, 0.0) / top + weight * (meaning.get(chunk, low) - low) / span
        for chunk in words.keys() | meaning.keys()
    }
