"""A writer that keeps to its quotations: pairs to token ids, the training, and what the check keeps of its sentences.

Pairs are given (questions with answers), or made from the documents: a sentence that says who must do what is the
answer to "Who must …?". Only answers that the check would show are learnt, so nothing is learnt that is not in the
quotations.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.check import check
from rag.models.llama import LlamaGenerator
from rag.prompt import build
from rag.tune.lora import Example, Learner
from rag.types import Generator
from rag.write import write

REFUSAL = "Not in the documents."  # of a question that the quotations do not answer; too short for the check to show it
SAVE = 60.0  # seconds between two checkpoints
ROUNDS = 2  # through the pairs; a third learnt them by heart
_MADE = re.compile(
    r"(?P<who>(?:The|An?|Each|Every|All)\s[\w’'/ -]{3,60}?)\s(?P<modal>must not|shall not|may not|must|shall|should|may)\s"
    r"(?P<what>[^.;:]{20,200})\."
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A question with quotations, what they stand under, and the sentence that is wanted."""

    question: str
    quotes: tuple[str, ...]
    headings: tuple[str, ...]
    answer: str
    group: str  # pairs of one group are not parted between learning and judging


def sound(pair: Pair) -> bool:
    """Whether the check would show the answer."""
    return check(pair.answer, pair.quotes, pair.question, pair.headings).passed


def made(section: str, text: str) -> Iterator[tuple[str, str]]:
    """Questions and answers that a passage's own sentences give: `(question, sentence)`."""
    for match in _MADE.finditer(" ".join(text.split())):
        yield f"Who {match['modal']} {match['what']}?", match[0]


def examples(pairs: Sequence[Pair], generator: LlamaGenerator) -> list[Example]:
    """Token ids of prompts, as the program builds them, and of the answers."""
    made = []
    for pair in pairs:
        messages, _ = build(pair.question, pair.quotes, generator)
        made.append(Example(generator.prompt(messages), [*generator.tokenize(pair.answer), generator.end]))
    return made


def train(
    learner: Learner,
    steps: Sequence[Sequence[Example]],
    checkpoint: Path,
    watch: Callable[[int, float], None],
    until: float = float("inf"),
) -> bool:
    """Take the steps that are left, and write a checkpoint now and then and at the end, also of an interruption.

    Args:
        checkpoint: gone on from where it is there; the same pairs have to be given as then.
        watch: told each step's number, from 1, and its loss.
        until: of `time.monotonic`; steps that begin later are left for the next time.

    Returns whether all steps are taken.
    """
    if checkpoint.exists():
        learner.load(checkpoint)
    saved = time.monotonic()
    try:
        while learner.step < len(steps) and time.monotonic() < until:
            loss = learner.learn(steps[learner.step])
            watch(learner.step, loss)
            if time.monotonic() - saved > SAVE:
                learner.save(checkpoint)
                saved = time.monotonic()
    finally:
        learner.save(checkpoint)
    return learner.step == len(steps)


def kept(pair: Pair, generator: Generator) -> list[tuple[str, tuple[str, ...]]]:
    """The sentences that a generator writes for a pair, each with what the check says against it."""
    written = write(pair.question, pair.quotes, generator, headings=pair.headings)
    return [(sentence, verdict.failures) for sentence, verdict in written]
