"""A follow-up leans on the question before; a question that stands alone is left as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.follow import stand_alone

BEFORE = "How fast must a suspected security incident be reported?"


@pytest.mark.parametrize(
    "question",
    [
        "And by whom?",
        "What about a lost laptop?",
        "How about contractors and temporary agency workers?",
        "Who must do it within the security department?",
        "May they use electronic mail for a report?",
        "Why?",
        "How long?",
        "Is there a form for that?",
    ],
)
def test_a_follow_up_is_asked_together_with_what_it_follows(question: str) -> None:
    assert stand_alone(question, BEFORE) == f"{BEFORE} {question}"
    assert stand_alone(question, None) == question


@pytest.mark.parametrize(
    "question",
    ["Who approves exceptions to the password rules?", "After how many days is an unused account locked?"],
)
def test_a_question_of_its_own_is_left_alone(question: str) -> None:
    assert stand_alone(question, BEFORE) == question


@given(st.text(), st.none() | st.text())
def test_nothing_of_a_question_is_lost(question: str, before: str | None) -> None:
    assert " ".join(stand_alone(question, before).split()).endswith(" ".join(question.split()))
