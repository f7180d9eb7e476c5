"""A follow-up is asked as a question of its own; one that is its own already is left as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.follow import stand_alone

BEFORE = "How fast must a suspected security incident be reported?"


@pytest.mark.parametrize(
    ("before", "question", "understood"),
    [
        # A fragment takes the place of what it stands for.
        ("How long are incident tickets kept?", "And badge records?", "How long are badge records kept?"),
        ("Who reviews the use of sudo?", "What about changed results?", "Who reviews changed results?"),
        ("How much may a hotel night cost?", "And in London?", "How much may a hotel night cost in London?"),
        ("Who approves a journey within the country?", "And outside Europe?", "Who approves a journey outside Europe?"),
        ("What notice is given of a minor change?", "And of a major one?", "What notice is given of a major change?"),
        ("How many quotations do 3,000 pounds need?", "And 20,000?", "How many quotations do 20,000 pounds need?"),
        ("How often is a tier A supplier assessed?", "And tier B?", "How often is a tier B supplier assessed?"),
        # What points back is named.
        ("Who chairs the change board?", "When does it meet?", "When does the change board meet?"),
        ("Who may open the safe?", "And when must it be closed?", "When must the safe be closed?"),
        ("Who owns a service account?", "How long must its secret be?", "How long must a service account's secret be?"),
        ("How many digits does a PIN have?", "How often is it changed?", "How often is a PIN changed?"),
        # What somebody does has no name, and what a noun follows has one: the topic stands behind.
        ("May I work from Spain?", "Who approves it?", "Who approves it (work from Spain)?"),
        ("Are calls recorded?", "And who hears that recording?", "Who hears that recording (calls recorded)?"),
        ("Are records sent to the SIEM?", "Are they kept there?", "Are records kept there (records sent to the SIEM)?"),
        # A question without words of its own is given the topic.
        (BEFORE, "Why?", "Why (a suspected security incident be reported)?"),
        (BEFORE, "How long?", "How long (a suspected security incident be reported)?"),
        (BEFORE, "And by whom?", "By whom (a suspected security incident be reported)?"),
        ("Who approves it (work from Spain)?", "Why?", "Why (work from Spain)?"),
    ],
)  # fmt: skip
def test_a_follow_up_is_asked_as_a_question_of_its_own(before: str, question: str, understood: str) -> None:
    assert stand_alone(question, before) == understood
    assert stand_alone(question, None) == question


@pytest.mark.parametrize(
    "question",
    [
        "Who approves exceptions to the password rules?",
        "After how many days is an unused account locked?",
        "Is it allowed to print documents at home?",
        "What are the opening hours of the archive?",
        "If a contractor loses a laptop abroad, must he report it to the Service Desk?",
        "Must the report say that the device was lost?",
    ],
)
def test_a_question_of_its_own_is_left_alone(question: str) -> None:
    assert stand_alone(question, BEFORE) == question


@given(st.text(), st.none() | st.text())
def test_any_two_texts_can_follow_each_other(question: str, before: str | None) -> None:
    understood = stand_alone(question, before)
    assert understood or not question
    assert before is not None or understood == question


@given(st.text("ab( )?", max_size=30), st.sampled_from(["Why?", "And it?", "What about a?", "Who may do it?"]))
def test_a_long_conversation_does_not_grow_without_end(question: str, follow: str) -> None:
    """Each follow-up leans on what was understood before it; brackets do not pile up."""
    understood = question
    for _ in range(5):
        understood = stand_alone(follow, understood)
    assert len(understood) <= 2 * (len(question) + len(follow)) + 40
