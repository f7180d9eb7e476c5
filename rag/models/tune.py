"""Measures ways to run the language model on this machine, and keeps the one that is clearly faster and says the same.

First threads, then batches, then flash attention, then weights, each beside the best so far: sixteen loads instead of
all combinations. Everything is measured several times, and the best counts: whatever else runs only makes it slower.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from rag.models.choice import WEIGHTS, Choice, Measured, choose, keep
from rag.models.llama import PARENT, LlamaGenerator, language_weights
from rag.models.network import usable_cores
from rag.prompt import build

RUNS = 3
_QUESTIONS = ("How long must a password be?", "Who has to be told of an incident?", "What has to be encrypted?")
_WORDS = 48  # tokens of an answer that are compared


def tune(models: Path, say: Callable[[str], None]) -> tuple[Measured, list[Measured]]:
    """What was chosen, and everything that was measured, the default first. The choice is kept in `models`.

    Raises:
        ModelError: the packaged weights are not what they should be.
        StorageError: the choice cannot be kept.
    """
    measured = [_measure(models, Choice(), say)]
    best = measured[0]
    for step in (_threads, _batches, _flash, _weights):
        tried = [_measure(models, choice, say) for choice in step(best.choice)]
        measured += tried
        best = choose(measured[0], measured[1:])
    keep(models, PARENT, best)
    return best, measured


def _threads(choice: Choice) -> Iterator[Choice]:
    cores = usable_cores()
    yield from (replace(choice, threads=count) for count in sorted({1, cores // 2, 2 * cores} - {0, cores}))


def _batches(choice: Choice) -> Iterator[Choice]:
    yield from (replace(choice, batch=size) for size in (128, 256))


def _flash(choice: Choice) -> Iterator[Choice]:
    yield replace(choice, flash=True)


def _weights(choice: Choice) -> Iterator[Choice]:
    yield from (replace(choice, weights=weights) for weights in WEIGHTS[1:])


def _measure(models: Path, choice: Choice, say: Callable[[str], None]) -> Measured:
    say(f"Measuring {choice} …")
    generator = LlamaGenerator(language_weights(models, None, lambda _: None, choice), None, choice)
    text = files("rag").joinpath("sample", "security.md").read_text(encoding="utf-8")
    try:
        rates = [generator.rates() for _ in range(RUNS)]
        answers = tuple(_answer(generator, text, question) for question in _QUESTIONS)
        prefill, decode = (max(rate[which] for rate in rates) for which in (0, 1))
        return Measured(choice, prefill, decode, generator.perplexity(text), answers)
    finally:
        generator.close()


def _answer(generator: LlamaGenerator, text: str, question: str) -> str:
    messages, _ = build(question, [text], generator)
    return "".join(generator.generate(messages, _WORDS))
