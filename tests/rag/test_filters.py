"""A filter leaves what it says, tells what it left out unasked, and never lets through what a search would not find."""

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import UsageError
from ingest.readers import _BY_SUFFIX
from rag.filters import EVERYTHING, FAMILIES, Filter, explain, parse, select
from rag.retrieve import Retriever
from rag.store.catalog import Catalog
from tests.fakes import WordCountEmbedder
from tests.rag.store.test_catalog import put

TODAY = date(2026, 3, 1)
NAMES = ("policies/one.pdf", "policies/two.docx", "mail/three.eml", "logs/four.TXT")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Four files of two passages each, modified a year apart; the last one is no longer on the disk."""
    catalog = Catalog(tmp_path / "catalog.sqlite", create=True)
    for number, name in enumerate(NAMES):
        put(catalog, name, f"alpha{number}", f"beta{number}", root=str(tmp_path))
        if number < 3:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
            when = datetime(2026 - number, 1, 15, 12, tzinfo=UTC).timestamp()
            os.utime(tmp_path / name, (when, when))
    yield catalog
    catalog.close()


def texts(catalog: Catalog, only: Filter) -> set[str]:
    return {stored.chunk.text for stored in catalog.chunks(sorted(select(catalog, only).chunks)).values()}


@pytest.mark.parametrize(
    ("only", "left"),
    [
        (EVERYTHING, {"alpha0", "beta0", "alpha1", "beta1", "alpha2", "beta2", "alpha3", "beta3"}),
        (Filter(path="policies/*"), {"alpha0", "beta0", "alpha1", "beta1"}),
        (Filter(section="SECTION 2"), {"beta0", "beta1", "beta2", "beta3"}),
        (Filter(section="*1"), {"alpha0", "alpha1", "alpha2", "alpha3"}),
        (Filter(section="no such heading"), set()),
        (Filter(suffixes=frozenset({".docx", ".txt"})), {"alpha1", "beta1", "alpha3", "beta3"}),
        (Filter(since=date(2025, 1, 1)), {"alpha0", "beta0", "alpha1", "beta1"}),
        (Filter("policies/*", "2", frozenset({".pdf"}), date(2025, 1, 1)), {"beta0"}),
    ],
)
def test_what_a_filter_leaves(catalog: Catalog, only: Filter, left: set[str]) -> None:
    assert texts(catalog, only) == left


def test_a_file_that_is_gone_has_no_date_and_is_named(catalog: Catalog) -> None:
    selection = select(catalog, Filter(since=date(2000, 1, 1)))
    assert selection.gone == ("logs/four.TXT",)
    assert "logs/four.TXT" in " ".join(explain(selection))


def test_a_filter_that_leaves_nothing_says_why(catalog: Catalog) -> None:
    assert "No indexed file" in explain(select(catalog, Filter(path="nothing/*")))[0]
    assert "No section" in explain(select(catalog, Filter(section="nothing")))[0]
    assert explain(select(catalog, Filter(path="policies/*"))) == []


@pytest.mark.parametrize(
    ("types", "suffixes"),
    [("pdf", {".pdf"}), ("DOCX, .md", {".docx", ".md"}), ("mail,slides", {".eml", ".pptx", ".pptm"})],
)
def test_types_are_suffixes_or_families(types: str, suffixes: set[str]) -> None:
    assert parse(None, None, types, None, TODAY).suffixes == suffixes


def test_every_format_that_is_read_has_a_family() -> None:
    assert set(_BY_SUFFIX) <= {suffix for suffixes in FAMILIES.values() for suffix in suffixes}


@pytest.mark.parametrize(
    ("since", "day"),
    [
        ("2024-05-31", date(2024, 5, 31)),
        ("1d", date(2026, 2, 28)),
        ("2w", date(2026, 2, 15)),
        ("2Y", date(2024, 3, 1)),
        ("99999y", date.min),
    ],
)
def test_dates_are_days_or_so_long_ago(since: str, day: date) -> None:
    assert parse(None, None, None, since, TODAY).since == day


@pytest.mark.parametrize(("types", "since"), [("exe", None), (" , ", None), (None, "yesterday"), (None, "2024-13-01")])
def test_unknown_values_are_refused(types: str | None, since: str | None) -> None:
    with pytest.raises(UsageError):
        parse(None, None, types, since, TODAY)


def test_options_left_out_ask_for_nothing() -> None:
    assert not parse(None, None, None, None, TODAY)
    assert parse("*", None, None, None, TODAY)


words = st.sampled_from(["alpha", "beta", "gamma", "delta", "epsilon"])
patterns = st.none() | st.sampled_from(["*", "a*", "*.pdf", "nothing", "section", "2", "*1"])


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from(["a.pdf", "b.docx", "ab.pdf"]), st.lists(words, min_size=1)), max_size=3),
    st.builds(Filter, patterns, patterns, st.frozensets(st.sampled_from([".pdf", ".docx"]))),
    st.lists(words, min_size=1, max_size=3),
)
def test_a_filter_never_adds_a_hit(files: list[tuple[str, list[str]]], only: Filter, query: list[str]) -> None:
    with TemporaryDirectory() as folder, closing(Catalog(Path(folder) / "c.sqlite", create=True)) as catalog:
        for path, text in files:
            put(catalog, path, *text)
        retriever = Retriever(catalog, None, WordCountEmbedder())
        found = retriever.search(" ".join(query), 100)
        every = {hit.stored.id for hit in found} | {other.id for hit in found for other in hit.similar}
        narrowed = retriever.search(" ".join(query), 100, only)
        assert {hit.stored.id for hit in narrowed} <= every & (select(catalog, only).chunks if only else every)
