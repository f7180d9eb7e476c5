"""A question's terms, and an FTS5 expression that no question can break."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.query import MAX_TERMS, parse, quoted

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
        matches(query.expression)


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
    ],
)
def test_terms_of_a_question(question: str, terms: tuple[str, ...]) -> None:
    assert parse(question).terms == terms


def test_a_pasted_page_is_searched_by_its_first_terms_and_says_so() -> None:
    query = parse(" ".join(f"word{number}" for number in range(100)))
    assert len(query.terms) == MAX_TERMS
    assert query.left_out == 100 - MAX_TERMS


@pytest.mark.parametrize("question", ["AU-6", "au 6", "aerzte ärzte", "164.308(a)(1)", "reviewing audits"])
def test_the_expression_finds_what_is_meant(question: str) -> None:
    assert matches(parse(question).expression) == 1


def test_parts_of_a_code_have_to_stand_together() -> None:
    assert matches(parse("AU-12").expression) == 0
