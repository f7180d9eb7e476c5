"""What is shown of a hit adds up to what it was ranked by."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.explain import explain
from rag.models.reader import Reading, Spans
from rag.retrieve import Retriever
from rag.store.catalog import Catalog
from tests.fakes import WordCountEmbedder
from tests.rag.store.test_catalog import put

QUERY = "AU-6 encryption of laptops, within years"


@pytest.fixture
def retriever(tmp_path: Path) -> Iterator[Retriever]:
    with closing(Catalog(tmp_path / "catalog.sqlite", create=True)) as catalog:
        put(catalog, "one.pdf", "encryption laptops AU-6 other")
        put(catalog, "two.pdf", "retention years encryption")
        yield Retriever(catalog, None, WordCountEmbedder())


def test_terms_add_up_to_the_word_score_and_parts_to_the_fused_one(retriever: Retriever) -> None:
    hits = retriever.search(QUERY, 10)
    found = explain(retriever.catalog, retriever.wording(QUERY), hits)
    assert len(found) == len(hits) > 3
    for hit, explanation in zip(hits, found, strict=True):
        assert sum(explanation.matched.values()) == pytest.approx(explanation.words) == pytest.approx(hit.bm25 or 0)
        assert sum(explanation.parts.values()) == pytest.approx(explanation.fused)
        assert explanation.fused == pytest.approx(hit.score)  # without a reader
        assert explanation.cosine == hit.cosine
        assert explanation.merged == len(hit.similar)
    by_text = {hit.stored.chunk.text: explanation for hit, explanation in zip(hits, found, strict=True)}
    assert list(by_text["laptops"].matched) == ["laptops"]
    assert by_text["AU"].matched == {}
    assert by_text["encryption"].merged == 1


def test_what_people_read(retriever: Retriever) -> None:
    wording = retriever.wording("laptops")
    hit = retriever.search("laptops", 1)[0]
    (explanation,) = explain(retriever.catalog, wording, [hit])
    first, second, third = explanation.lines()
    assert first == "found 1.00 = words 0.30 + page 0.30 + meaning 0.40 (cosine 1.00)"
    assert second.startswith("words ")
    assert second.endswith(f": laptops {explanation.words:.1f}")
    assert third == "not read"
    spans = Spans(np.array([[0, 7]]), np.array([2.0], np.float32), np.array([1.5], np.float32), 1.0)
    read = replace(hit, reading=Reading(3.0, -1.25, spans), bm25=None, cosine=None)
    (explanation,) = explain(retriever.catalog, retriever.wording("?!"), [read])
    assert explanation.lines() == [
        "found 1.00 = words 0.30 + page 0.30 + meaning 0.40 (no vector yet)",
        "words: none matched",
        "read: relevance +3.0, answerable -1.2, span +2.5",
    ]
    (explanation,) = explain(retriever.catalog, wording, [replace(hit, reading=Reading(3.0, 0.5, None))])
    assert explanation.lines()[2] == "read: relevance +3.0, answerable +0.5"


def test_no_hits_no_explanations(retriever: Retriever) -> None:
    assert explain(retriever.catalog, retriever.wording("laptops"), []) == []
