"""Which questions can be learnt from, and how they are dealt into parts."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import UsageError
from ingest.types import Chunk, Document, FileReport, FileStatus, Page
from rag.judge import Evidence, Question
from rag.store.catalog import Catalog
from rag.tune.questions import FEWEST, FOLDS, deal, select
from tests.rag.store.test_catalog import IN_OFFICE, embed


@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=3), max_size=40))
def test_what_shares_a_place_shares_a_part(places: list[list[int]]) -> None:
    parts = deal(places)
    assert len(parts) == len(places)
    assert all(0 <= part < FOLDS for part in parts)
    for one, part in zip(places, parts, strict=True):
        for other, another in zip(places, parts, strict=True):
            assert part == another or not set(one) & set(other)


@given(st.integers(0, 60))
def test_parts_of_things_that_share_nothing_are_alike_in_size(count: int) -> None:
    parts = deal([[place] for place in range(count)])
    sizes = [parts.count(part) for part in range(FOLDS)]
    assert max(sizes) - min(sizes) <= 1


def whole(catalog: Catalog, path: str, text: str) -> None:
    """Store a file of one page that is one passage, with its vector."""
    report = FileReport(path, IN_OFFICE, f"hash of {path}", FileStatus.INDEXED, 1, chunks=1)
    page = Page(path, 1, text)
    catalog.put(report, Document(path, None, (page,)), [Chunk(path, 1, None, "", 0, len(text), text)])
    embed(catalog)


def question(number: int, file: str, quote: str, kind: str = "fact") -> Question:
    evidence = () if kind == "unanswerable" else (Evidence(file, None, None, quote, 1),)
    return Question(f"q{number}", f"What of matter {number}?", kind, "", (), (), evidence)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with closing(Catalog(tmp_path / "catalog.sqlite", create=True)) as opened:
        for number in range(FEWEST):
            whole(opened, f"{number}.txt", f"Matter {number} is settled by the board. Nothing else is known of it.")
        yield opened


def test_the_passage_with_the_quotation_is_right(catalog: Catalog) -> None:
    asked = [question(number, f"{number}.txt", f"Matter {number} is\n settled") for number in range(FEWEST)]
    found = select(asked, catalog)
    assert len(found.usable) == FEWEST
    chunks = catalog.chunks([chunk for one in found.usable for chunk in one.right])
    assert sorted(stored.chunk.path for stored in chunks.values()) == sorted(
        f"{number}.txt" for number in range(FEWEST)
    )
    assert {one.fold for one in found.usable} == set(range(FOLDS))


def test_what_is_not_in_the_collection_is_named(catalog: Catalog) -> None:
    asked = [question(number, f"{number}.txt", "settled") for number in range(FEWEST)]
    found = select([*asked, question(99, "gone.pdf", "x"), question(100, "", "", "unanswerable")], catalog)
    assert [one.id for one in found.absent] == ["q99"]
    assert found.unanswerable == 1


def test_three_questions_are_too_few_and_it_says_what_to_do(catalog: Catalog) -> None:
    asked = [question(number, f"{number}.txt", "settled") for number in range(2)]
    with pytest.raises(
        UsageError, match=rf"Of 3 questions 2 can be learnt from.*q9 first.*takes {FEWEST} or more.*rag search"
    ):
        select([*asked, question(9, "gone.pdf", "x")], catalog)


def test_questions_on_one_page_are_too_few(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match="on pages that fall into 1 groups"):
        select([question(number, "0.txt", "settled") for number in range(30)], catalog)
