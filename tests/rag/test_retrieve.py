"""Words and meaning, each on its own, then as one score."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.query import parse
from rag.retrieve import Retriever, by_meaning, by_words, fuse
from rag.store.catalog import Catalog
from rag.store.vectors import VectorIndex, update
from tests.fakes import WordCountEmbedder
from tests.rag.store.test_catalog import IN_OFFICE, put

bm25 = st.dictionaries(st.integers(0, 9), st.floats(0, 50))
cosines = st.dictionaries(st.integers(0, 9), st.floats(-1, 1))
weights = st.floats(0, 1)


@given(bm25, cosines, weights)
def test_fused_scores_lie_between_0_and_1_for_everything_found(
    words: dict[int, float], meaning: dict[int, float], weight: float
) -> None:
    scores = fuse(words, meaning, weight)
    assert scores.keys() == words.keys() | meaning.keys()
    assert all(0 <= score <= 1 + 1e-9 for score in scores.values())


@given(bm25, cosines, weights)
def test_better_in_both_ways_is_never_worse_fused(
    words: dict[int, float], meaning: dict[int, float], weight: float
) -> None:
    scores = fuse(words, meaning, weight)
    for one in words.keys() & meaning.keys():
        for other in words.keys() & meaning.keys():
            if words[one] >= words[other] and meaning[one] >= meaning[other]:
                assert scores[one] >= scores[other] - 1e-9


def test_nothing_found_is_no_error() -> None:
    assert fuse({}, {}) == {}
    assert fuse({1: 0.0}, {}) == {1: 0.0}


@pytest.fixture
def retriever(tmp_path: Path) -> Iterator[Retriever]:
    """Three files whose every word is a passage, behind the real SQLite and the real Chroma."""
    catalog = Catalog(tmp_path / "catalog.sqlite", create=True)
    put(catalog, "a/one.pdf", "encryption laptops AU-6")
    put(catalog, "b/two.pdf", "retention years encryption")
    update(catalog, tmp_path)
    index = VectorIndex(tmp_path)
    yield Retriever(catalog, index, WordCountEmbedder())
    index.close()
    catalog.close()


def texts(retriever: Retriever, query: str, limit: int = 2, glob: str | None = None) -> list[str]:
    return [hit.stored.chunk.text for hit in retriever.search(query, limit, glob)]


def test_best_first_with_both_scores(retriever: Retriever) -> None:
    hits = retriever.search("laptops", 3)
    assert hits[0].stored.chunk.text == "laptops"
    assert hits[0].cosine == pytest.approx(1, abs=0.01)
    assert (hits[0].bm25 or 0) > 0
    assert hits[1].bm25 is None
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert (hits[0].stored.chunk.path, hits[0].stored.chunk.page) == ("a/one.pdf", 1)


def test_a_filter_holds_for_both_ways(retriever: Retriever) -> None:
    hits = retriever.search("encryption", 10, "b/*")
    assert {hit.stored.chunk.path for hit in hits} == {"b/two.pdf"}
    assert texts(retriever, "encryption", 10, "nothing/*") == []


def test_a_query_without_terms_is_searched_by_meaning_alone(retriever: Retriever) -> None:
    assert by_words(retriever.catalog, parse("?!"), 10) == {}
    assert len(texts(retriever, "?!", 3)) == 3


def test_each_way_returns_scores_by_chunk(retriever: Retriever) -> None:
    words = by_words(retriever.catalog, parse("encryption"), 10)
    meaning = by_meaning(retriever.catalog, retriever.index, retriever.embedder.embed(["encryption"])[0], 10)
    assert len(words) == 2
    assert set(words) <= set(meaning)


def test_without_the_vector_index_the_same_is_found(retriever: Retriever) -> None:
    """The index names candidates; what counts is the true cosine, from the catalog."""
    without = Retriever(retriever.catalog, None, retriever.embedder)
    for query in ("laptops", "encryption years", "?!"):
        assert without.search(query, 10) == retriever.search(query, 10)


def test_a_chunk_that_was_just_removed_is_left_out(retriever: Retriever) -> None:
    retriever.catalog.remove(IN_OFFICE, "a/one.pdf")  # the vector index has not been told yet
    assert {hit.stored.chunk.path for hit in retriever.search("laptops", 10)} == {"b/two.pdf"}
