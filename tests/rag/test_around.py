"""The page around a passage counts, and only the words of the query on it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import around
from rag.around import surroundings
from rag.expand import Wording, expand
from rag.query import parse
from rag.store.catalog import Catalog
from tests.fakes import WordTokenizer
from tests.rag.store.test_catalog import put


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Two pages whose every word is a passage, one of them about policies."""
    with closing(Catalog(tmp_path / "catalog.sqlite", create=True)) as made:
        put(made, "one.pdf", "policies of reporting incidents", "holidays of the board")
        yield made


def wording(catalog: Catalog, text: str) -> Wording:
    return expand(catalog, parse(text), WordTokenizer())


def ids(catalog: Catalog, word: str) -> list[int]:
    return list(catalog.match(f'"{word}"', 5))


def test_a_passage_is_known_by_its_page(catalog: Catalog) -> None:
    """ "of" says nothing, but stands among the words that are asked for, in other endings."""
    of_first, of_second = sorted(ids(catalog, "of"))
    found = surroundings(catalog, wording(catalog, "Which policy has reports?"), [of_first, of_second])
    assert found.scores[of_first] > 0 == found.scores[of_second]
    assert found.coverage == pytest.approx(max(found.scores.values()) / _most(catalog, "Which policy has reports?"))


def _most(catalog: Catalog, text: str) -> float:
    return (around.K1 + 1) * sum(around._rarities(catalog, wording(catalog, text)).values())


@pytest.mark.parametrize(
    ("text", "neighbours"),
    [
        ("Reporting of an incident", True),  # nothing but stop words between
        ("incidents are reported", False),  # the other way round
        ("reporting the holidays, and incidents", False),
        ("reported" + " of" * around.APART + " incidents", False),
    ],
)
def test_neighbours_in_the_query_are_looked_for_as_neighbours(tmp_path: Path, text: str, *, neighbours: bool) -> None:
    with closing(Catalog(tmp_path / "other.sqlite", create=True)) as made:
        put(made, "one.pdf", text, "policies")
        found = surroundings(made, wording(made, "reports on incidents"), ids(made, "incidents"))
    assert bool(sum(found.phrases.values())) is neighbours


def test_coverage_is_low_for_a_paraphrase_and_never_above_1(catalog: Catalog) -> None:
    passages = ids(catalog, "incidents")
    same = surroundings(catalog, wording(catalog, "reporting incidents policies"), passages).coverage
    other = surroundings(catalog, wording(catalog, "telling somebody about incidents quickly"), passages).coverage
    assert 0 < other < same <= 1


@pytest.mark.parametrize("question", ["?!", "what is it", "Шифрование", "(a) [b] \\d+ | * ^"])
def test_any_question_has_surroundings(catalog: Catalog, question: str) -> None:
    found = surroundings(catalog, wording(catalog, question), ids(catalog, "incidents"))
    assert all(score == 0 for score in found.scores.values())
    assert found.coverage == 0


def test_no_candidates_no_scores(catalog: Catalog) -> None:
    assert surroundings(catalog, wording(catalog, "policies"), []).scores == {}


@given(st.integers(0, 60), st.integers(1, 9))
def test_what_is_around_a_chunk_holds_it_and_stays_on_its_page(
    tmp_path_factory: pytest.TempPathFactory, words: int, block: int
) -> None:
    text = " ".join(f"w{number}" for number in range(words + 1))
    with closing(Catalog(tmp_path_factory.mktemp("page") / "catalog.sqlite", create=True)) as made:
        put(made, "a.pdf", text)
        stored = made.chunks(sorted(made.chunks_of([1])))
        for chunk, near in made.around(list(stored), block * 5).items():
            assert stored[chunk].chunk.text in near
            assert near in text
            assert len(near) <= 3 * block * 5
