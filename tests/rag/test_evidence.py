"""Quotations are exact spans of their page, few, and none twice."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.types import Chunk, Document, FileReport, FileStatus, Page
from rag.evidence import QUOTES, places, select
from rag.store.catalog import Catalog
from rag.types import Hit
from tests.fakes import WordCountEmbedder
from tests.rag.store.test_catalog import embed

EMBEDDER = WordCountEmbedder()
POLICY = """Prüfung 𝒜

3.1 Whoever notices an incident must tell the Service Desk within 30 minutes.
3.2 The Service Desk opens a ticket and calls the analyst on duty at once.
(a) within one hour
(b) by telephone only

The Laboratory Director decides on downtime. Laptops are encrypted. Tapes are kept for seven years, and longer where
the law asks for it.
"""


def hits(catalog: Catalog, text: str, *spans: tuple[int, int]) -> list[Hit]:
    """One page with a passage for each span, as hits of falling score."""
    page = Page("policy.pdf", 1, text)
    chunks = [Chunk(page.path, 1, None, "3 Reporting", start, end, text[start:end]) for start, end in spans]
    report = FileReport(page.path, "/office", "x", FileStatus.INDEXED, 1, chunks=len(chunks))
    catalog.put(report, Document(page.path, None, (page,)), chunks)
    embed(catalog)
    stored = catalog.chunks(sorted(catalog.owed()[0]))
    return [Hit(item, 1 / place, 0.5, 1.0) for place, item in enumerate(stored.values(), start=1)]


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "catalog.sqlite", create=True)
    yield catalog
    catalog.close()


def test_the_span_that_answers_comes_first(catalog: Catalog) -> None:
    found = hits(catalog, POLICY, (0, len(POLICY)))
    question = "Within how many minutes must an incident be told to the Service Desk?"
    quotes = select(places(question, found, catalog, EMBEDDER))
    assert "30 minutes" in quotes[0].text


def test_no_hits_no_evidence(catalog: Catalog) -> None:
    assert select(places("Anything?", [], catalog, EMBEDDER)) == []


def test_the_same_words_are_quoted_once(catalog: Catalog) -> None:
    text = "Laptops are encrypted by the Service Desk before they leave the house.\n" * 3
    line = len(text) // 3
    found = hits(catalog, text, (0, line), (line, 2 * line), (2 * line, 3 * line))
    assert len(select(places("Are laptops encrypted?", found, catalog, EMBEDDER))) == 1


def test_a_table_of_contents_answers_nothing(catalog: Catalog) -> None:
    text = (
        "4 Laptops . . . . . . . . . . . . . . . . . . . . 2\n5 Encryption of laptops . . . . . . . . . . . . 3\n" * 4
    )
    found = hits(catalog, text, (0, len(text)))
    assert places("Are laptops encrypted?", found, catalog, EMBEDDER) == []


passages = st.lists(
    st.sampled_from(POLICY.splitlines(keepends=True))
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60),
    min_size=1,
    max_size=12,
).map("".join)


@given(passages.filter(str.strip), st.text(min_size=1).filter(lambda text: "\x00" not in text), st.data())
def test_quotations_are_their_pages_text_at_their_offsets(text: str, question: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    with TemporaryDirectory() as folder, closing(Catalog(Path(folder) / "c.sqlite", create=True)) as catalog:
        quotes = select(places(question, hits(catalog, text, (start, end), (0, len(text))), catalog, EMBEDDER))
    assert len(quotes) <= QUOTES
    for quote in quotes:
        assert text[quote.start : quote.end] == quote.text
        assert quote.text.strip()
        assert quote.hit.stored.chunk.start <= quote.start < quote.end <= quote.hit.stored.chunk.end
    assert [quote.score for quote in quotes] == sorted((quote.score for quote in quotes), reverse=True)
