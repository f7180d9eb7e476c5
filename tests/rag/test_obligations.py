"""Who must do what by when, and what binds nobody."""

import pytest

from ingest.clauses import clauses
from ingest.types import Document, Page
from rag.claims import role_abbreviations
from rag.obligations import Part, obligations


def found(text: str) -> list[tuple[str, str, str, str, str]]:
    """Duty, who, what, when and condition of each obligation of a page."""
    made = clauses(Document("p.pdf", None, (Page("p.pdf", 1, text),)))

    def cut(parts: tuple[Part, ...]) -> str:
        return " / ".join(made[p.clause].sentences[p.sentence].text[p.start : p.end] for p in parts)

    return [
        (one.duty, cut(one.who), cut(one.what), cut(one.when), cut(one.condition))
        for one in obligations(made, role_abbreviations(text))
    ]


def test_an_active_sentence() -> None:
    text = "3.1 The line manager must report it to the Service Desk within two hours, unless the site is closed."
    (one,) = found(text)
    assert one == (
        "must",
        "The line manager",
        "report it to the Service Desk within two hours, unless the site is closed",
        "within two hours",
        "unless the site is closed",
    )


def test_a_passive_names_who_acts_or_nobody() -> None:
    text = "Work abroad must be approved by the Head of Security and the Data Protection Officer. Logs must be kept."
    assert [(who, what) for _, who, what, _, _ in found(text)] == [
        ("Head of Security and the Data Protection Officer", text.partition(".")[0]),
        ("", "Logs must be kept"),
    ]


def test_two_verbs_make_two_obligations() -> None:
    text = "The line manager must request it and the system owner must approve it before the account is enabled."
    assert [(who, what) for _, who, what, _, _ in found(text)] == [
        ("The line manager", "request it"),
        ("the system owner", "approve it before the account is enabled"),
    ]


def test_a_list_below_a_lead_in_makes_one_of_each_item() -> None:
    text = """Response
1) If a spillage has occurred, the NSI Program Team, in coordination with others, shall:
a) Take immediate steps to contain it within one hour; and
b) Keep the evidence.
2) Nothing else."""
    assert [one[:4] for one in found(text)] == [
        ("must", "the NSI Program Team", "Take immediate steps to contain it within one hour", "within one hour"),
        ("must", "the NSI Program Team", "Keep the evidence", ""),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "A deputy may sign in the absence of the owner.",
        "The committee determines whether the incident should be referred to the authorities.",
        "Information that shall be classified is listed in the appendix of the handbook.",
        "They demonstrated a need to know the information.",
        "9 Definitions\n• Record – a document that staff must keep for the period of the schedule.",
        "",
    ],
)
def test_what_binds_nobody_is_no_obligation(text: str) -> None:
    assert found(text) == []


def test_a_period_of_the_subject_is_no_deadline() -> None:
    (one,) = found("An account that was not used for 45 days must be disabled at once.")
    assert one[3] == "at once"


def test_a_leading_period_and_condition_hold() -> None:
    (one,) = found("If a device is lost, the holder must call the desk within one hour.")
    assert one[1:] == ("the holder", "call the desk within one hour", "within one hour", "If a device is lost")
