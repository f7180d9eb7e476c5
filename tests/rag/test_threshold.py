"""A threshold is chosen for both kinds of question, and says what it does on questions it was not chosen by."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import UsageError
from rag.evaluate import MEASURES, Row
from rag.threshold import FEWEST, calibrate, outcome


def row(confidence: float, verdict: Any) -> Row:
    """A question that is right, wrong, or (verdict "answered") unanswerable, if it is answered."""
    answerable = verdict in ("right", "wrong")
    measures = dict.fromkeys(MEASURES, None) | ({"right": float(verdict == "right")} if answerable else {})
    return Row(
        id="q",
        question="?",
        kind="fact" if answerable else "unanswerable",
        answerable=answerable,
        expected="",
        evidence=(),
        absent=(),
        apart=False,
        ranks=(),
        answer_rank=None,
        first=None,
        verdict=verdict,
        if_answered=verdict,
        answer="",
        citations=(),
        confidence=confidence,
        measures=measures,
        failure=None,
        search_ms=1.0,
        ask_ms=1.0,
    )


GOOD = [row(0.8 + place / 100, "right") for place in range(6)]
BAD = [row(0.2 + place / 100, "answered") for place in range(6)]


def test_what_can_be_told_apart_is_told_apart() -> None:
    found = calibrate([*GOOD, *BAD], 0.0)
    assert 0.25 < found.threshold < 0.8
    assert (found.outcome.right, found.outcome.refused) == (1, 1)
    assert (found.held_out.right, found.held_out.wrong, found.held_out.refused) == (1, 0, 1)
    assert found.outcome_before.refused == 0
    assert found.to_json()["outcome"] == {"right": 1.0, "wrong": 0.0, "refused": 1.0}


def test_wrong_answers_gain_nothing() -> None:
    rows = [*GOOD, *BAD, *(row(0.5, "wrong") for _ in range(3))]
    assert (outcome(rows, 0.4).wrong, outcome(rows, 0.6).wrong) == (3 / 9, 0)
    assert calibrate(rows, 0.5).threshold > 0.25


@given(
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["right", "wrong"])), min_size=FEWEST, max_size=20),
    st.lists(st.floats(0, 1), min_size=FEWEST, max_size=20),
)
def test_no_threshold_is_worth_more(known: list[tuple[float, str]], unknown: list[float]) -> None:
    rows = [row(*given_) for given_ in known] + [row(confidence, "answered") for confidence in unknown]
    found = calibrate(rows, 0.5)
    assert 0 <= found.threshold <= 1
    for limit in {item.confidence for item in rows}:
        assert found.outcome.worth >= outcome(rows, limit).worth - 1e-9
    assert found.outcome.worth >= found.outcome_before.worth - 1e-9
    for shares in (found.outcome, found.held_out):
        assert 0 <= shares.right + shares.wrong <= 1 + 1e-9
        assert 0 <= shares.refused <= 1


def test_a_few_questions_choose_nothing() -> None:
    with pytest.raises(UsageError, match="needs 5 of each"):
        calibrate([*GOOD, *BAD[:2]], 0.5)
