"""Abbreviations are found where a text explains them, in each of the usual forms, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.abbreviations import LONGEST, definitions, long_form

MILESTONES = ("POA&M", "plan of action and milestones")


@pytest.mark.parametrize(
    "text",
    [
        "Each plan of action and milestones (POA&M) is kept for a year.",
        "Each plan of action\n    and milestones (“POA&M”) is kept.",
        "Each plan of action and milestones (POA&M; see annex 2) is kept.",
        "A POA&M (plan of action and milestones) is kept.",
        "POA&M: plan of action and milestones",
        "Terms\n  POA&M – plan of action and milestones, kept for a year\n",
        "POA&M means a plan of action and milestones that is kept for a year.",
        "“POA&M” stands for plan of action and milestones.",
        "POA&M    plan of action and milestones\nPO  purchase order",
    ],
)
def test_the_forms_of_a_definition(text: str) -> None:
    assert MILESTONES in definitions(text)


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("Service Level Agreements (SLAs) are signed.", ("SLA", "Service Level Agreements")),
        ("The Office of Information Security (OIS) decides.", ("OIS", "Office of Information Security")),
        ("They use multi-factor authentication (MFA).", ("MFA", "multi-factor authentication")),
        ("A first sentence. Recovery time objective (RTO, in hours).", ("RTO", "Recovery time objective")),
        ("Richtlinie über Prüfung (RÜP) gilt.", ("RÜP", "Richtlinie über Prüfung")),
    ],
)
def test_what_stands_in_front_of_a_parenthesis(text: str, pair: tuple[str, str]) -> None:
    assert definitions(text) == {pair}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "See the table (AC-2), the annex (see NIST) and the form (10-K).",
        "Items (a), (b) and (c) of part (IV) and the year (2024).",
        "The director (CIO) decides.",
        "IT staff report to the board.",
        "EPA Region 5\nUS Federal Reserve\n",
        "A POA&M (POA&M) is kept.",
        "Money (USD) is paid.",
    ],
)
def test_what_is_no_definition(text: str) -> None:
    assert definitions(text) == set()


@given(st.text())
def test_any_text_can_be_looked_through(text: str) -> None:
    for short, long in definitions(text):
        assert 1 < len(short) <= 10
        assert len(short) < len(long) <= LONGEST


@given(st.lists(st.from_regex("[a-h][x-z]{2,5}", fullmatch=True), min_size=2, max_size=6))
def test_initials_are_always_recognised(words: list[str]) -> None:
    short = "".join(word[0].upper() for word in words)
    phrase = " ".join(words)
    assert long_form(short, phrase) is not None
    assert (short, phrase) in definitions(f"{short}: {phrase}")
