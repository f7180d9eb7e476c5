"""Pairs for the writer: only what the check would show, made from sentences, a refusal apart."""

from collections.abc import Sequence

import pytest

from ingest.errors import UsageError
from rag.tune.writer import FEWEST_HELD, FEWEST_LEARNT, HELD, REFUSAL, Pair, check_enough, kept, made, sound
from tests.fakes import ScriptedGenerator

QUOTE = "The Site Manager must report a fall to the Inspectorate within 2 hours. Others may be told later."


def pair(answer: str, part: int = 1) -> Pair:
    return Pair("Who must report a fall?", (QUOTE,), ("Safety",), answer, part)


def test_a_sentence_of_a_passage_answers_the_question_that_is_made_of_it() -> None:
    found = list(made(f"4.1 {QUOTE}\nShe\nmust go."))
    assert found == [
        (
            "Who must report a fall to the Inspectorate within 2 hours?",
            "The Site Manager must report a fall to the Inspectorate within 2 hours.",
        ),
        (
            "What must the Site Manager do?",
            "The Site Manager must report a fall to the Inspectorate within 2 hours.",
        ),
    ]
    ((_, _), (forbidden, _)) = made("The Site Manager must not alter the scene of a fall before the release.")
    assert forbidden == "What must the Site Manager not do?"
    assert sound(Pair(found[0][0], (QUOTE,), ("",), found[0][1], 0))


def test_an_answer_that_the_check_would_not_show_is_not_learnt() -> None:
    assert sound(pair("The Site Manager must report a fall within 2 hours."))
    assert not sound(pair("The Site Manager must report a fall within 3 hours."))
    assert not sound(pair("Yes."))


@pytest.mark.parametrize(
    ("reply", "shown"), [("The Site Manager must report a fall to the Inspectorate.", True), (REFUSAL, False)]
)
def test_what_a_writer_writes_is_judged_by_the_check(reply: str, shown: bool) -> None:
    ((sentence, failures),) = kept(pair(""), ScriptedGenerator(reply))
    assert (sentence, not failures) == (reply, shown)


@pytest.mark.parametrize("parts", [[1] * 3, [1] * FEWEST_LEARNT, [HELD] * 100])
def test_too_few_pairs_are_refused_with_what_to_do(parts: Sequence[int]) -> None:
    with pytest.raises(UsageError, match=r"pairs of a question.*whole sentence in the words of its evidence"):
        check_enough([pair("x", part) for part in parts])


def test_enough_pairs_pass() -> None:
    check_enough([pair("x", part) for part in [HELD] * FEWEST_HELD + [1] * FEWEST_LEARNT])
