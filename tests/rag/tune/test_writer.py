"""Pairs for the writer: only what the check would show, made from sentences, a refusal apart."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from ingest.errors import UsageError
from rag.models.llama import language_weights
from rag.models.reader import Reading
from rag.store.catalog import Catalog
from rag.tune import writer
from rag.tune.questions import FOLDS
from rag.tune.writer import (
    FEWEST_HELD,
    FEWEST_LEARNT,
    HELD,
    REFUSAL,
    Estimate,
    Pair,
    check_enough,
    from_documents,
    kept,
    made,
    sound,
)
from tests.fakes import ScriptedGenerator
from tests.rag.tune.test_questions import whole

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


class Doubting:
    """A reader that finds an answer unless the passage speaks of tapes."""

    name, sha256 = "doubting", "3" * 64

    def read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[Reading]:
        """A reading for each `(context, text)`."""
        return [Reading(0.0, -1.0 if "tapes" in text else 1.0, None) for _, text in passages]


def test_documents_give_pairs_that_the_reader_agrees_with_each_once(tmp_path: Path) -> None:
    with closing(Catalog(tmp_path / "catalog.sqlite", create=True)) as catalog:
        for number, matter in enumerate(("keys", "tapes", "keys", "badges")):
            whole(catalog, f"{number}.txt", f"The warden of the house must count all {matter} before the doors open.")
        pairs = list(from_documents(catalog, Doubting(), FOLDS))
    assert [(pair.question, pair.part) for pair in pairs] == [
        ("Who must count all keys before the doors open?", 0),
        ("What must the warden of the house do?", 0),
        ("Who must count all badges before the doors open?", 3),
    ]
    assert all(sound(pair) for pair in pairs)


def test_a_writer_is_tuned_judged_and_goes_on_where_it_was_cut(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real language model, on five pairs: that everything fits together, not that anything is won."""
    weights = language_weights(models, None, lambda _: None)
    pairs = [pair("The Site Manager must report a fall to the Inspectorate.", part) for part in (HELD, HELD, 1, 1, 1)]
    told: list[Estimate] = []
    steps: list[tuple[str, int, int]] = []
    work = tmp_path / ".writer-run"
    outcome = writer.tune(pairs, weights, work, told.append, lambda *step: steps.append(step))
    assert (outcome.learnt, outcome.held) == (3, 2)
    assert {outcome.before, outcome.after} <= {0.0, 0.5, 1.0}
    assert [(estimate.learnt, estimate.held) for estimate in told] == [(3, 2)]
    assert ("Learning", 2, 2) in steps
    assert {path.suffix for path in tmp_path.iterdir()} == {".gguf", ".npz", ".jsonl"}

    def again(*_: object) -> None:
        raise AssertionError("what is done is done again")

    monkeypatch.setattr(writer, "kept", again)
    monkeypatch.setattr("rag.tune.lora.Learner.learn", again)
    assert writer.tune(pairs, weights, work) == outcome
    writer.discard(work)
    assert list(tmp_path.iterdir()) == []
