"""What a query is searched by: abbreviations both ways, mended typos, no word that is everywhere."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ingest.types import Chunk, Document, FileReport, FileStatus, Page
from rag.expand import Expansion, Wording, expand
from rag.query import parse
from rag.store.catalog import Catalog

TEXTS = (
    "Each plan of action and milestones (POA&M) is closed in time. Every service level agreement (SLA) is signed.",
    "An open POA&M is reported. Policies cover incidents in information technology (IT).",
    "The chief officer of the system approves incidents.",
    "The system is reviewed by the auditor.",
)


class Letters:
    """A letter is a token, so that no word is known for sure."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(place, place + 1) for place in range(len(text))]


class Whole:
    """Every text is one token: a word that is known."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]


def store(catalog: Catalog, path: str, texts: Sequence[str]) -> None:
    """A file with a page and a chunk for each text."""
    pages = tuple(Page(path, number, text) for number, text in enumerate(texts, start=1))
    chunks = [Chunk(path, page.number, None, "", 0, len(page.text), page.text) for page in pages]
    report = FileReport(path, "/office", path, FileStatus.INDEXED, len(pages), chunks=len(chunks))
    catalog.put(report, Document(path, None, pages), chunks)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog(tmp_path / "catalog.sqlite", create=True)
    store(catalog, "a.pdf", TEXTS)
    yield catalog
    catalog.close()


def wording(catalog: Catalog, text: str) -> Wording:
    return expand(catalog, parse(text), Letters())


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("Who closes a POA&M?", [("POA&M", ("plan of action and milestones",))]),
        ("who closes a poa&m?", [("poa&m", ("plan of action and milestones",))]),
        ("Who closes a Plan of Action and Milestones?", [("Plan of Action and Milestones", ("poa&m",))]),
        ("Are SLAs signed?", [("SLAs", ("service level agreement",))]),
        ("Are service level agreements signed?", [("service level agreements", ("sla",))]),
        ("What does IT review?", [("IT", ("information technology",))]),
        ("Is it reviewed?", []),
        ("Is the POA&M the plan of action and milestones?", []),
        ("ppp", []),
    ],
)
def test_abbreviations_both_ways(catalog: Catalog, question: str, meant: list[tuple[str, tuple[str, ...]]]) -> None:
    assert list(wording(catalog, question).meant) == [Expansion(of, words) for of, words in meant]


def test_what_an_abbreviation_stands_for_weighs_less(catalog: Catalog) -> None:
    weights = dict(wording(catalog, "Close POA&M of AU-6").weighted)
    assert weights[("plan of action and milestones",)] < weights[("close", "poa&m", "au-6")] == weights[("au-6",)] == 1


@pytest.mark.parametrize(
    ("question", "mended"),
    [
        ("Which incidnets are approved?", ("incidents",)),
        ("Which plicies?", ("policies",)),
        ("Who is the auditro?", ("auditor",)),
        ("Who is the uaditor?", ("auditor",)),
        ("incidents", None),
        ("au-66 incidnet1 xyz", None),
        ("quetzalcoatl", None),
    ],
)
def test_typos(catalog: Catalog, question: str, mended: tuple[str, ...] | None) -> None:
    found = wording(catalog, question)
    if mended is None:
        assert found.mended == ()
        assert found.notes == []
    else:
        (expansion,) = found.mended
        assert expansion.words == mended
        assert repr(expansion.of) in found.notes[0]
        assert mended[0] in found.notes[0]


def test_a_word_that_the_tokenizer_knows_is_no_typo(catalog: Catalog) -> None:
    assert expand(catalog, parse("incidnets"), Whole()).mended == ()


def test_words_that_are_everywhere_are_left_out_where_enough_rare_ones_are_there(catalog: Catalog) -> None:
    store(catalog, "b.pdf", [f"system {number}" for number in range(10)])
    found = wording(catalog, "Which system has a chief officer who approves quetzals?")
    assert found.frequent == ("system",)
    assert found.terms == ("chief", "officer", "approves", "quetzals")
    assert wording(catalog, "Which system approves?").frequent == ()
    assert wording(catalog, "system").terms == ("system",)


def test_an_empty_catalog_expands_nothing(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "empty.sqlite", create=True)
    found = wording(catalog, "Who closes a POA&M for incidnets of AU-6?")
    assert (found.terms, found.mended, found.meant) == (found.query.terms, (), ())
    catalog.close()


@pytest.mark.parametrize(
    "question", ["", "?!", "监査 记录 谁批准例外情况", "Кто утверждает исключения", "ǰ" * 300, "a" * 9000]
)
def test_any_question_can_be_worded(catalog: Catalog, question: str) -> None:
    found = wording(catalog, question)
    assert found.terms == found.query.terms
    assert found.meant == ()


@pytest.mark.parametrize(
    ("question", "unknown"),
    [
        ("Who approves paternity leave?", ["paternity", "leave"]),
        ("Who approves an incident of the systems?", []),  # endings do not matter
        ("Is plan of action and milestones the same as a POA&M?", []),
        ("Is AU-6 met in 2031?", ["met"]),  # codes and figures are no words
        ("", []),
    ],
)
def test_words_that_no_document_has(catalog: Catalog, question: str, unknown: list[str]) -> None:
    assert expand(catalog, parse(question), Whole()).unknown == unknown


def test_a_mended_word_is_not_unknown(catalog: Catalog) -> None:
    found = expand(catalog, parse("Who aproves incidents?"), Letters())
    assert found.mended
    assert found.unknown == []
