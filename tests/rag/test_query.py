"""A question's terms, and an FTS5 expression that no question can break."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.query import MAX_TERMS, any_of, parse, quoted

WORDS = sqlite3.connect(":memory:")
WORDS.execute("CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'porter unicode61 remove_diacritics 2')")
WORDS.execute("INSERT INTO words VALUES ('AU-6 audit review of Ärzte and the 164.308(a)(1) rule, within one hour')")

SYNTAX = st.sampled_from([*'"*^():+-{}[]\\', " AND ", " OR ", " NOT ", " NEAR(", "text:", "\x00", "\ufffe"])


def matches(expression: str) -> int:
    return len(WORDS.execute("SELECT rowid FROM words WHERE words MATCH ?", (expression,)).fetchall())


@given(st.lists(st.text() | SYNTAX).map("".join))
def test_no_question_breaks_the_word_index(question: str) -> None:
    query = parse(question)
    if query.terms:
        matches(any_of(query.terms))


@given(st.text(min_size=1).filter(lambda text: "\x00" not in text))
def test_no_quoted_term_breaks_it(term: str) -> None:
    matches(quoted(term))


@given(st.text())
def test_terms_are_lower_case_each_once_and_not_too_many(text: str) -> None:
    query = parse(text)
    assert list(query.terms) == list(dict.fromkeys(query.terms))
    assert all(term == term.lower() for term in query.terms)
    assert len(query.terms) <= MAX_TERMS


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("Who must report an incident?", ("must", "report", "incident")),
        ("What does AU-6 say about 45 CFR 164.308(a)(1)?", ("au-6", "45", "cfr", "164.308(a)(1)")),
        ("Is R&D allowed?", ("r&d", "allowed")),
        ("report REPORT Report", ("report",)),
        ("what is it?", ("what", "is", "it")),
        ("", ()),
        (" \n\t ?!*()", ()),
        ("Prüfung der Ärzte", ("prüfung", "der", "ärzte")),
        ("監査 記録", ("監査", "記録")),
        ("What of § 12(1)(b), and of §§  4?", ("§ 12(1)(b)", "§§ 4")),
        ("Form 10-K, control AC-2(13)", ("form", "10-k", "control", "ac-2(13)")),
    ],
)
def test_terms_of_a_question(question: str, terms: tuple[str, ...]) -> None:
    assert parse(question).terms == terms


@pytest.mark.parametrize(
    ("question", "identifiers"),
    [
        ("What does AU-6 say?", ("au-6",)),
        ("what does au-6 say?", ("au-6",)),
        ("AC-2(13) of NIST SP 800-53", ("ac-2(13)", "sp 800-53")),
        ("§ 12(1)(b) or §§ 4", ("§ 12(1)(b)", "§§ 4")),
        ("45 CFR 164.308(a)(1)", ("cfr 164.308(a)(1)",)),
        ("ISO 27001 and ISO/IEC 27002:2022", ("iso 27001", "iso/iec 27002")),
        ("the 10-K of FY2022, item 1A", ("10-k", "fy2022", "item 1a")),
        ("article 5(1), Rule 7 and clause 3.2", ("article 5(1)", "rule 7", "clause 3.2")),
        ("CVE-2021-44228, CVE-2021-44228", ("cve-2021-44228",)),
        ("within 30 days, a 30-day period of 2019-2020", ()),
        ("WHO MAY APPROVE 3 EXCEPTIONS OR 4", ()),
        ("Who approves exceptions?", ()),
        ("", ()),
    ],
)
def test_names_of_rules_and_documents_are_seen(question: str, identifiers: tuple[str, ...]) -> None:
    assert parse(question).identifiers == identifiers


@given(st.text() | st.text("aA1§(). -"))
def test_an_identifier_is_made_of_the_question(text: str) -> None:
    query = parse(text)
    assert len(query.identifiers) <= MAX_TERMS
    for identifier in query.identifiers:
        assert identifier in " ".join(text.lower().split())
        assert any(map(str.isdigit, identifier))


def test_an_identifier_is_matched_whole() -> None:
    assert matches(any_of(parse("45 CFR § 164.308(a)(1)").identifiers)) == 1
    assert matches(any_of(parse("§ 164.308(a)(2)").identifiers)) == 0


def test_a_pasted_page_is_searched_by_its_first_terms_and_says_so() -> None:
    query = parse(" ".join(f"word{number}" for number in range(100)))
    assert len(query.terms) == MAX_TERMS
    assert query.left_out == 100 - MAX_TERMS


@pytest.mark.parametrize("question", ["AU-6", "au 6", "aerzte ärzte", "164.308(a)(1)", "reviewing audits"])
def test_the_expression_finds_what_is_meant(question: str) -> None:
    assert matches(any_of(parse(question).terms)) == 1


def test_parts_of_a_code_have_to_stand_together() -> None:
    assert matches(any_of(parse("AU-12").terms)) == 0
