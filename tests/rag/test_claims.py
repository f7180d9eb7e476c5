"""What sentences claim: the same in other words has the same value, and a claim is a span of its text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.claims import (
    Duty,
    amounts,
    conditions,
    dates,
    denials,
    duties,
    periods,
    references,
    role_abbreviations,
    roles,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Staff must wear a badge.", [Duty.MUST]),
        ("Access shall be reviewed.", [Duty.MUST]),
        ("A badge is required.", [Duty.MUST]),
        ("Staff have to wear a badge.", [Duty.MUST]),
        ("Staff must not lend it.", [Duty.MUST_NOT]),
        ("Trainees may not hold it.", [Duty.MUST_NOT]),
        ("Shared accounts are not permitted.", [Duty.MUST_NOT]),
        ("Photographs are prohibited.", [Duty.MUST_NOT]),
        ("No session may last longer than 10 hours.", [Duty.MUST_NOT]),
        ("Nobody may grant access to themselves.", [Duty.MUST_NOT]),
        ("Staff should lock it.", [Duty.SHOULD]),
        ("They need not be changed.", [Duty.NEED_NOT]),
        ("A deputy may sign.", [Duty.MAY]),
        ("The log is kept.", []),
        ("Where paper cannot be avoided, a manager may allow it.", [Duty.MAY]),
    ],
)
def test_duties(text: str, expected: list[Duty]) -> None:
    assert [claim.value[0] for claim in duties(text)] == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("within 14 days", "within two weeks"),
        ("every quarter", "every three months"),
        ("annually", "once a year"),
        ("within seventy-two (72) hours", "within 72 hours"),
        ("at once", "immediately"),
    ],
)
def test_the_same_period_in_other_words_has_the_same_value(one: str, other: str) -> None:
    assert {claim.value for claim in periods(one)} == {claim.value for claim in periods(other)} != set()


@pytest.mark.parametrize(
    ("one", "other"),
    [("within 14 days", "within 14 working days"), ("every month", "every week"), ("within 2 hours", "after 2 hours")],
)
def test_other_periods_have_other_values(one: str, other: str) -> None:
    assert periods(one)[0].value != periods(other)[0].value


def test_periods_amounts_dates_and_references_do_not_take_each_other() -> None:
    text = "By 12 January 2026 and within 30 days pay at most 5,000 pounds under section 4.2 on form SEC-F-07."
    assert [claim.text for claim in dates(text)] == ["12 January 2026"]
    assert [claim.text for claim in periods(text)] == ["within 30 days"]
    assert [claim.text for claim in amounts(text)] == ["5,000 pounds"]
    assert [claim.text for claim in references(text)] == ["section 4.2", "SEC-F-07"]


def test_roles_are_found_with_their_whole_names() -> None:
    text = "The Head of Information Security and each line manager tell the Service Desk or System owners."
    assert [claim.text for claim in roles(text)] == [
        "Head of Information Security",
        "line manager",
        "Service Desk",
        "System owners",
    ]
    assert roles("System owners")[0].value == roles("each system owner")[0].value


def test_abbreviations_of_roles_are_known_once_defined() -> None:
    short = role_abbreviations(
        "Senior Information Officials (SIO) and System Owners (SO) meet NIST (National Institute)."
    )
    assert short == {"SIO", "SO"}
    assert [claim.text for claim in roles("The SO, with the SIO, shall act on TLS.", short)] == ["SO", "SIO"]


def test_a_sentence_capital_and_a_compound_make_no_role() -> None:
    assert [claim.text for claim in roles("Shared supplier accounts and third-party software.")] == ["supplier"]


def test_conditions_reach_to_their_comma_or_stop() -> None:
    text = "If the gateway fails, open it, unless the owner objects."
    assert [claim.text for claim in conditions(text)] == ["If the gateway fails", "unless the owner objects"]


def test_limits_deny_nothing() -> None:
    assert denials("not later than noon, and no more than two") == 0
    assert denials("never, and not without a badge") == 3


@given(st.text(max_size=200))
def test_claims_are_spans_of_their_text(text: str) -> None:
    for find in (duties, periods, amounts, dates, references, roles, conditions):
        for claim in find(text):
            assert text[claim.start : claim.end] == claim.text
            assert claim.text
