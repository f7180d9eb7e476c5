"""Which way to run the language model: clearly faster and saying the same, or the default."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.models.choice import FILE, WORSE, WORTH, Choice, Measured, choose, keep, recall
from rag.models.llama import LlamaGenerator

DEFAULT = Measured(Choice(), prefill=600.0, decode=90.0, perplexity=20.0, answers=("a", "b"))
PARENT = "0" * 64
WAYS = st.builds(
    Measured,
    st.builds(Choice, threads=st.integers(1, 8)),
    st.floats(10, 5000),
    st.floats(10, 500),
    st.floats(10, 40),
    st.sampled_from([("a", "b"), ("a", "c")]),
)


@given(st.lists(WAYS, max_size=6))
def test_what_is_chosen_says_the_same_and_is_clearly_faster(ways: list[Measured]) -> None:
    chosen = choose(DEFAULT, ways)
    assert chosen.answers == DEFAULT.answers
    assert chosen.perplexity <= WORSE * DEFAULT.perplexity
    assert chosen is DEFAULT or chosen.seconds <= WORTH * DEFAULT.seconds
    good = [way for way in ways if choose(DEFAULT, [way]) is way]
    assert chosen.seconds == min([way.seconds for way in good], default=DEFAULT.seconds)


def test_other_answers_are_never_bought() -> None:
    fast = replace(DEFAULT, prefill=6000.0, decode=900.0)
    assert choose(DEFAULT, [fast]) is fast
    assert choose(DEFAULT, [replace(fast, answers=("a", "other"))]) is DEFAULT
    assert choose(DEFAULT, [replace(fast, perplexity=21.0)]) is DEFAULT


def test_a_choice_is_kept_for_its_weights_alone(tmp_path: Path) -> None:
    choice = Choice("Q4_0", threads=3, batch=128, flash=True)
    keep(tmp_path / "models", PARENT, replace(DEFAULT, choice=choice))
    assert recall(tmp_path / "models", PARENT) == choice
    assert recall(tmp_path / "models", "1" * 64) == Choice()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"choice": {"weights": "Q1"}, "parent_sha256": "", "cores": 1}'])
def test_a_choice_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert recall(tmp_path, PARENT) == Choice()


def test_rates_and_perplexity_leave_the_model_as_it_was(generator: LlamaGenerator) -> None:
    messages = [{"role": "user", "content": "Say one word."}]
    before = "".join(generator.generate(messages, 4))
    assert all(rate > 0 for rate in generator.rates(16, 2))
    likely = generator.perplexity("Passwords must have at least 14 characters.")
    assert 1 < likely < generator.perplexity("characters 14 least Passwords at must have.")
    assert "".join(generator.generate(messages, 4)) == before
