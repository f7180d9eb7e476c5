"""Questions taken apart."""

import pytest

from rag.events.asked import Asked, Period, understand


def terms(asked: Asked) -> dict[str, str]:
    return {term.text: term.outcome or term.role for term in asked.terms if not term.generic}


@pytest.mark.parametrize(
    ("question", "wishes", "fields"),
    [
        ("Who deleted the bucket?", ("values",), ("actor",)),
        ("When did ann log in last?", ("when",), ()),
        ("How many log-ins failed?", ("count",), ()),
        ("Which addresses did ann log in from?", ("values",), ("source",)),
        ("What did ann do on 3 March?", ("values",), ("action",)),
        ("Was logging switched off?", ("whether",), ()),
        ("Which user exported most often?", ("top",), ("actor",)),
        ("When was the trail stopped, and by whom?", ("values", "when"), ("actor",)),
        ("Which buckets were deleted?", ("values",), ("object",)),
        ("failed log-ins from 192.0.2.1", ("events",), ()),
    ],
)
def test_what_is_asked_for(question: str, wishes: tuple[str, ...], fields: tuple[str, ...]) -> None:
    asked = understand(question)
    assert set(asked.wishes) == set(wishes)
    assert asked.fields == fields


def test_words_names_and_outcomes() -> None:
    asked = understand("How many log-ins of dev.fontaine from 203.0.113.45 failed?")
    assert terms(asked) == {"login": "word", "dev.fontaine": "name", "203.0.113.45": "source", "failed": "failure"}
    assert terms(understand("When did ann log in?")) == {"ann": "actor", "login": "word"}
    assert terms(understand('Who changed the rule "no entry"?')) == {
        "changed": "word",
        "rule": "word",
        "no entry": "name",
    }


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("on 3 March", Period((None, 3, 3), (None, 3, 4))),
        ("on March 3rd, 2026", Period((2026, 3, 3), (2026, 3, 4))),
        ("on 2026-03-03", Period((2026, 3, 3), (2026, 3, 4))),
        ("in March 2026", Period((2026, 3, 1), (2026, 3, 32))),
        ("between 1 March and 7 March", Period((None, 3, 1), (None, 3, 8))),
        ("since 5 March 2026", Period((2026, 3, 5), None)),
        ("after 5 March", Period((None, 3, 6), None)),
        ("before 5 March", Period(None, (None, 3, 5))),
        ("between 01:00 and 04:00", Period(hours=(60, 240))),
    ],
)
def test_periods(text: str, period: Period) -> None:
    asked = understand(f"Who deleted a role {text}?")
    assert asked.period == period
    assert terms(asked) == {"deleted": "word", "role": "word"}


@pytest.mark.parametrize(
    "question",
    ["Why did the log-in fail?", "Who did not log in?", "How long did the gap last?", "Who logged in last week?"],
)
def test_what_is_beyond_counting(question: str) -> None:
    assert understand(question).beyond


def test_rules_are_told_from_events() -> None:
    assert understand("Who may delete a bucket?").of_rules
    assert understand("Who must approve exceptions?").of_rules
    assert not understand("Who deleted a bucket?").of_rules
    assert understand("Who deleted a bucket?").of_events
    assert not understand("Who approves exceptions?").of_events


def test_done_or_tried() -> None:
    assert understand("Who deleted a role?").done
    assert not understand("Who tried to delete a role?").done
    assert not understand("How many log-ins failed?").done
    assert not understand("How many log-ins were there?").done
    assert understand("When did ann log in?").done
