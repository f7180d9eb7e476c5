"""A writer that keeps to its quotations: pairs to token ids, the training, and what the check keeps of its sentences.

Pairs are given (questions with answers), or made from the documents: a sentence that says who must do what is the
answer to "Who must …?". Only answers that the check would show are learnt, so nothing is learnt that is not in the
quotations.
"""

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ingest.errors import UsageError
from rag.answer import HITS
from rag.bootstrap import LEVEL, Difference, difference
from rag.check import check
from rag.evidence import places, spans
from rag.evidence import select as pick
from rag.models import gguf
from rag.models.catalogue import sha256
from rag.models.llama import Adaptation, LanguageWeights, LlamaGenerator
from rag.models.reader import Reader
from rag.prompt import build
from rag.rank import context
from rag.retrieve import Retriever
from rag.store.catalog import Catalog
from rag.tune.journal import Journal
from rag.tune.lora import Example, Learner, Network, batches
from rag.tune.questions import Usable, all_chunks
from rag.types import Generator
from rag.write import write

REFUSAL = "Not in the documents."  # of a question that the quotations do not answer; too short for the check to show it
VERSION = 2  # of what is learnt and how: raised, and no run goes on from an older one
SAVE = 60.0  # seconds between two checkpoints
ROUNDS = 2  # through the pairs; chosen, not measured
HELD = 0  # the part that judges
FEWEST_LEARNT, FEWEST_HELD = 40, 10  # pairs; one of ten more that is kept is no more than chance, and says so
MOST = 1500  # pairs that are made: with them it takes about an hour on two cores
_MADE = re.compile(
    r"(?P<who>(?:The|An?|Each|Every|All)\s[\w’'/ -]{3,60}?)\s"
    r"(?P<modal>must not|shall not|may not|must|shall|should|may)\s"
    r"(?P<what>[^.;:]{20,200})\."
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A question with quotations, what they stand under, and the sentence that is wanted."""

    question: str
    quotes: tuple[str, ...]
    headings: tuple[str, ...]
    answer: str
    part: int  # of the documents: one of them is held out; see `questions.deal`


def sound(pair: Pair) -> bool:
    """Whether the check would show the answer."""
    return check(pair.answer, pair.quotes, pair.question, pair.headings).passed


def made(text: str) -> Iterator[tuple[str, str]]:
    """Questions and answers that a passage's own sentences give: `(question, sentence)`."""
    for match in _MADE.finditer(" ".join(text.split())):
        yield f"Who {match['modal']} {match['what']}?", match[0]
        who = match["who"][0].lower() + match["who"][1:]
        verb, _, rest = match["modal"].partition(" ")
        yield f"What {verb} {who} {rest + ' ' if rest else ''}do?", match[0]


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
        checkpoint: where it is written; see `Learner.resume`.
        watch: told each step's number, from 1, and its loss.
        until: of `time.monotonic`; steps that begin later are left for the next time.

    Returns whether all steps are taken.
    """
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


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long learning and judging take, from a first step and the first judged pairs."""

    learnt: int  # pairs
    held: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the writer's adapter is worth on pairs it has not seen."""

    before: float  # share of pairs for which a written sentence is kept
    after: float
    difference: Difference
    learnt: int  # pairs
    held: int

    @property
    def won(self) -> bool:
        """Whether it is better than chance would have it."""
        return self.difference.value > 0 and self.difference.p < 1 - LEVEL


def from_questions(usable: Sequence[Usable], retriever: Retriever) -> Iterator[Pair]:
    """The questions whose known answer is a sentence that the first quotation, as the program picks it, bears out."""
    for one in usable:
        question = one.question
        hits = retriever.search(question.question, HITS)
        quotes = pick(places(question.question, hits, retriever.catalog, retriever.embedder), 1)
        pair = Pair(
            question.question,
            tuple(" ".join(quote.text.split()) for quote in quotes),
            tuple(context(quote.hit.stored) for quote in quotes),
            question.answer,
            one.fold,
        )
        if quotes and sound(pair):
            yield pair


def from_documents(catalog: Catalog, reader: Reader, folds: int) -> Iterator[Pair]:
    """Questions that sentences of the documents answer, as the reader agrees; pages stay whole in one part."""
    pages: dict[tuple[str, int | None, str | None], int] = {}
    seen: set[str] = set()  # what stands in many documents is asked once
    for stored in all_chunks(catalog):
        chunk = stored.chunk
        text = chunk.text
        part = pages.setdefault((chunk.path, chunk.page, chunk.record), len(pages)) % folds
        cut = [" ".join(text[start:end].split()) for start, end in spans(text)]
        for question, sentence in made(text):
            quotes = [quote for quote in cut if sentence in quote]
            if question in seen or not quotes:
                continue
            seen.add(question)
            (reading,) = reader.read(question, [(context(stored), text)])
            if reading.answerable <= 0:
                continue
            pair = Pair(question, tuple(quotes[:1]), (context(stored),), sentence, part)
            if sound(pair):
                yield pair


def tune(
    pairs: Sequence[Pair],
    weights: LanguageWeights,
    work: Path,
    on_estimate: Callable[[Estimate], None] = lambda _: None,
    on_step: Callable[[str, int, int], None] = lambda *_: None,
) -> Outcome:
    """Learn from the pairs of all parts but HELD, and judge on that part; `work`.gguf is what was learnt.

    Args:
        work: checkpoint and journal lie at this path, with suffixes of their own; a run goes on from them.
    """
    held = [pair for pair in pairs if pair.part == HELD]
    learnt = [pair for pair in pairs if pair.part != HELD]
    journal = Journal(work.with_suffix(".jsonl"))
    plain = LlamaGenerator(weights)
    steps = batches(examples(learnt, plain), ROUNDS)
    network = Network(gguf.read(weights.path))
    learner = Learner(network, len(steps))
    began = time.monotonic()

    def judged(name: str, generator: LlamaGenerator) -> list[float]:
        found = []
        for place, pair in enumerate(held):
            found.append(journal.once(f"{name} {place}", partial(_worth, pair, generator)))
            on_step("Judging", place + 1, len(held))
        return found

    before = judged("before", plain)
    judging = time.monotonic() - began

    def watch(step: int, _: float) -> None:
        if step == first + 1:
            each = time.monotonic() - started
            on_estimate(Estimate(len(learnt), len(held), each * (len(steps) - step) + judging))
        on_step("Learning", step, len(steps))

    learner.resume(work.with_suffix(".npz"))
    first, started = learner.step, time.monotonic()
    train(learner, steps, work.with_suffix(".npz"), watch)
    path = learnt_file(work)
    network.save(path)
    after = judged("after", LlamaGenerator(weights, Adaptation("tuned", sha256(path), path)))
    return Outcome(
        before=sum(before) / len(before),
        after=sum(after) / len(after),
        difference=difference(np.array(before, dtype=float), np.array(after, dtype=float)),
        learnt=len(learnt),
        held=len(held),
    )


def check_enough(pairs: Sequence[Pair]) -> None:
    """Raise UsageError where there are too few pairs to learn from, or to judge by."""
    held = sum(pair.part == HELD for pair in pairs)
    if len(pairs) - held < FEWEST_LEARNT or held < FEWEST_HELD:
        raise UsageError(
            f"{len(pairs)} pairs of a question and an answer in the documents' own words were found, {held} of them "
            f"held out; it takes {FEWEST_LEARNT} to learn from and {FEWEST_HELD} to judge by. Give questions whose "
            '"answer" is a whole sentence in the words of its evidence, or ingest more documents.'
        )


def _worth(pair: Pair, generator: Generator) -> float:
    return float(any(not failures for _, failures in kept(pair, generator)))


def fingerprint(pairs: Sequence[Pair], weights: LanguageWeights) -> str:
    """What a run depends on, as a name: other pairs or weights are another run."""
    parts = [weights.sha256, str(VERSION), *(repr(pair) for pair in pairs)]
    return f"writer-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"


def learnt_file(work: Path) -> Path:
    """Where `tune` leaves what it has learnt."""
    return work.with_suffix(".gguf")


def copy_learnt(work: Path, path: Path) -> None:
    """Write that to `path`."""
    shutil.copyfile(learnt_file(work), path)


def discard(work: Path) -> None:
    """Erase what a run has left at `work`."""
    for suffix in (".gguf", ".npz", ".jsonl"):
        work.with_suffix(suffix).unlink(missing_ok=True)
