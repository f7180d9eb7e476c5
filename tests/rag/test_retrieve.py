"""Words and meaning, each on its own, then as one score."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.around import Surroundings
from rag.filters import EVERYTHING, Filter
from rag.retrieve import Retriever, by_meaning, by_words, fuse, score_words
from rag.store.catalog import Catalog
from rag.store.vectors import VectorIndex, update
from rag.types import Parts
from tests.fakes import WordCountEmbedder
from tests.rag.store.test_catalog import IN_OFFICE, put

bm25 = st.dictionaries(st.integers(0, 9), st.floats(0, 50))
cosines = st.dictionaries(st.integers(0, 9), st.floats(-1, 1))
pages = st.builds(
    Surroundings,
    st.dictionaries(st.integers(0, 9), st.floats(0, 50)),
    st.dictionaries(st.integers(0, 9), st.floats(0, 50)),
    st.floats(0, 1),
)
shares = st.dictionaries(st.integers(0, 9), st.floats(0.5, 1), max_size=3)


@given(bm25, cosines, pages, shares)
def test_fused_scores_lie_between_0_and_1_for_everything_found(
    words: dict[int, float], meaning: dict[int, float], around: Surroundings, named: dict[int, float]
) -> None:
    scores = {chunk: sum(parts) for chunk, parts in fuse(words, meaning, around, named).items()}
    assert scores.keys() == words.keys() | meaning.keys()
    assert all(0 <= score <= 1 + 1e-9 for score in scores.values())


@given(bm25, cosines, pages, shares)
def test_better_in_every_way_is_never_worse_fused(
    words: dict[int, float], meaning: dict[int, float], around: Surroundings, named: dict[int, float]
) -> None:
    scores = {chunk: sum(parts) for chunk, parts in fuse(words, meaning, around, named).items()}
    ways = (words, meaning, around.scores, around.phrases, named)
    for one in words.keys() & meaning.keys():
        for other in words.keys() & meaning.keys():
            if all(way.get(one, 0.0) >= way.get(other, 0.0) for way in ways):
                assert scores[one] >= scores[other] - 1e-9


NOTHING = Surroundings({}, {}, 0.0)


def test_nothing_found_is_no_error() -> None:
    assert fuse({}, {}, NOTHING, {}) == {}
    assert fuse({1: 0.0}, {}, NOTHING, {}) == {1: Parts()}


def test_words_weigh_more_the_more_of_them_a_page_holds() -> None:
    shares = [
        fuse({1: 1.0}, {1: 1.0, 2: 0.0}, Surroundings({1: 1.0}, {1: 1.0}, cover / 20), {})[1] for cover in range(21)
    ]
    assert [part.meaning for part in shares] == sorted((part.meaning for part in shares), reverse=True)
    assert shares[0].meaning > 0.7 > 0.5 > shares[-1].meaning
    assert shares[0].page == 0.0 < shares[-1].page
    assert shares[0].phrases == 0.0 < shares[-1].phrases


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


def texts(retriever: Retriever, query: str, limit: int = 2, only: Filter = EVERYTHING) -> list[str]:
    return [hit.stored.chunk.text for hit in retriever.search(query, limit, only)]


def test_best_first_with_both_scores(retriever: Retriever) -> None:
    hits = retriever.search("laptops", 3)
    assert hits[0].stored.chunk.text == "laptops"
    assert hits[0].cosine == pytest.approx(1, abs=0.01)
    assert (hits[0].bm25 or 0) > 0
    assert hits[1].bm25 is None
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert (hits[0].stored.chunk.path, hits[0].stored.chunk.page) == ("a/one.pdf", 1)


def test_a_filter_holds_for_both_ways(retriever: Retriever) -> None:
    hits = retriever.search("encryption", 10, Filter("b/*"))
    assert {hit.stored.chunk.path for hit in hits} == {"b/two.pdf"}
    assert texts(retriever, "encryption", 10, Filter("nothing/*")) == []


def test_a_query_without_terms_is_searched_by_meaning_alone(retriever: Retriever) -> None:
    assert by_words(retriever.catalog, retriever.wording("?!"), 10) == {}
    assert len(texts(retriever, "?!", 3)) == 3


def test_each_way_returns_scores_by_chunk(retriever: Retriever) -> None:
    words = by_words(retriever.catalog, retriever.wording("encryption"), 10)
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


PARAGRAPH = " ".join(f"The policy says in sentence {number} that encryption of laptops is due." for number in range(40))


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("laptops", "laptops"),
        ("AU-6", None),
        ("the encryption of the", "encryption"),
        ("what is it", None),
        (PARAGRAPH, None),
        ("Шифрование ноутбуков", None),
        ("笔记本电脑 加密", None),
        ("?!", None),
    ],
)
def test_any_question_gets_ranked_passages(retriever: Retriever, query: str, first: str | None) -> None:
    """One word, an identifier, stop words around one, stop words alone, a pasted paragraph, other scripts, signs."""
    hits = retriever.search(query, 3)
    assert len(hits) == 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    if first is not None:
        assert hits[0].stored.chunk.text == first


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "empty.sqlite", create=True)
    retriever = Retriever(catalog, None, WordCountEmbedder())
    for query in ("laptops", "AU-6", "?!", "what is it", "incidnet"):
        assert retriever.search(query, 3) == []
    catalog.close()


def test_the_parts_of_a_score_add_up(retriever: Retriever) -> None:
    for hit in retriever.search("AU-6 encryption years", 10):
        assert sum(hit.parts) == pytest.approx(hit.score)


def test_a_matching_identifier_counts_twice(retriever: Retriever) -> None:
    once, twice = retriever.catalog.match('"au-6"', 5), by_words(retriever.catalog, retriever.wording("AU-6"), 5)
    assert twice == {chunk: pytest.approx(2 * score) for chunk, score in once.items()}


def test_what_words_found_is_scored_as_what_meaning_found(retriever: Retriever) -> None:
    wording = retriever.wording("AU-6 encryption years")
    found = by_words(retriever.catalog, wording, 10)
    assert score_words(retriever.catalog, wording, sorted(found)) == pytest.approx(found)


plain = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")


@settings(max_examples=25)  # each makes a catalog on disk
@given(st.lists(st.text(plain, min_size=1), min_size=1, max_size=4), st.text(plain))
def test_each_hits_text_is_its_pages_text_at_its_offsets(pages: list[str], query: str) -> None:
    with TemporaryDirectory() as folder, closing(Catalog(Path(folder) / "c.sqlite", create=True)) as catalog:
        put(catalog, "a.pdf", *pages)
        for hit in Retriever(catalog, None, WordCountEmbedder()).search(f"{query} {pages[0]}", 10):
            chunk = hit.stored.chunk
            found = catalog.page(chunk.path, chunk.page)
            assert found is not None
            assert found[2].text[chunk.start : chunk.end] == chunk.text
