"""The reader, tuned on the user's own questions, and on headings of the documents with what stands under them.

All of the network but its words goes on learning from the weights that ship, with what our own search finds beside the
evidence as near misses; what comes of it is a file as the shipped one. As in `rag/tune/search.py`, each question is
judged by what was learnt without the questions that share a page with it.
"""

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ingest.headings import SEPARATOR
from rag.answerable import features
from rag.bootstrap import LEVEL, Difference, difference
from rag.evaluate import auroc
from rag.evidence import places, select
from rag.judge import Question
from rag.models.catalogue import EMBEDDING, READER, verify
from rag.models.export import accelerator, torch_library
from rag.models.pairs import MAX_TOKENS
from rag.models.reader import MAX_ANSWER, onnx_reader
from rag.models.wordpiece import shared
from rag.rank import READ, context
from rag.retrieve import Retriever
from rag.stems import topic_words
from rag.tune import search
from rag.tune.groups import UNKNOWN, Candidate, Group
from rag.tune.journal import Journal
from rag.tune.lora import pace
from rag.tune.questions import Usable, all_chunks, deal
from rag.tune.search import DECIDING, DEPTH, MEASURES, judge
from rag.types import StoredChunk

VERSION = 1  # of what is learnt and how: raised, and no run goes on from an older one
NEAR = 7  # passages without the answer that a question is set against
HEADINGS = 200  # sections whose heading is asked for; more would outweigh the questions
ROUNDS = 3  # through the groups
RATE = 3e-5  # learning rate at its highest
MEASURED = 20  # steps whose time tells that of all
JUDGING = 0.6  # seconds a question is judged in, on two cores
QUOTED, TOLD = "quotation@1", "AUROC"
_SEED = 7


@dataclass(frozen=True, slots=True)
class Asked:
    """What is learnt from and judged by."""

    usable: Sequence[Usable]
    unanswerable: Sequence[Question]

    @property
    def folds(self) -> list[int]:
        """The part of each question, those without an answer last."""
        return [one.fold for one in self.usable] + deal([[question.id] for question in self.unanswerable])

    @property
    def questions(self) -> list[Question]:
        """Those with an answer first."""
        return [*(one.question for one in self.usable), *self.unanswerable]


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long learning and judging take, from the first steps."""

    questions: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the tuned reader is worth on questions that it has not learnt from."""

    before: Mapping[str, float]  # by MEASURES, QUOTED and, where some have no answer, TOLD
    after: Mapping[str, float]
    difference: Difference  # of DECIDING
    questions: int

    @property
    def won(self) -> bool:
        """Whether the order is better than chance would have it, and nothing else is worse for it."""
        better = self.difference.value > 0 and self.difference.p < 1 - LEVEL
        return better and all(self.after[name] >= self.before[name] for name in (QUOTED, TOLD) if name in self.before)


def fingerprint(retriever: Retriever, asked: Asked, index: Path) -> str:
    """What a run depends on, as a name: another index, reader or set of questions is another run."""
    parts = [search.fingerprint(retriever, asked.usable, index), str(VERSION)]
    parts += [question.question for question in asked.unanswerable]
    return f"reader-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"


def groups_of(asked: Asked, retriever: Retriever) -> Iterator[Group]:
    """A group for each question: the passages with the answer, or none, and near misses of our own search."""
    chunks = retriever.catalog.chunks(sorted({chunk for one in asked.usable for chunk in one.right}))
    for one in asked.usable:
        quotes = [item.quote for item in one.question.evidence]
        right = [_with_answer(chunks[chunk], quotes) for chunk in one.right if chunk in chunks]
        near = [stored for stored in _found(one.question.question, retriever) if stored.id not in one.right][:NEAR]
        yield _group(one.question.question, one.fold, [*right, *(_without(stored, 0) for stored in near)])
    for question, fold in zip(asked.unanswerable, asked.folds[len(asked.usable) :], strict=True):
        near = _found(question.question, retriever)[:NEAR]
        yield _group(question.question, fold, [_without(stored, UNKNOWN) for stored in near])


def groups_of_headings(retriever: Retriever) -> Iterator[Group]:
    """Headings of at least two words that tell something, each with a passage under it and others that are near.

    They belong to no part: the documents are the user's own, whatever is asked of them.
    """
    under: dict[tuple[str, str], StoredChunk] = {}
    for stored in all_chunks(retriever.catalog):
        if len(set(topic_words(_heading(stored)))) >= 2:
            under.setdefault((stored.chunk.path, stored.chunk.section), stored)
    chosen = np.random.default_rng(_SEED).permutation(len(under))[:HEADINGS]
    sections = list(under.values())
    for stored in (sections[place] for place in sorted(chosen.tolist())):
        heading = _heading(stored)
        near = [other for other in _found(heading, retriever) if _heading(other) != heading][:NEAR]
        # Without their sections, in which the heading itself would stand.
        rows = [(stored, 1), *((other, 0) for other in near)]
        candidates = [Candidate(one.chunk.text, None, UNKNOWN, relevant, one.title) for one, relevant in rows]
        yield _group(heading, -1, candidates)


def tune(
    retriever: Retriever,
    asked: Asked,
    work: Path,
    on_estimate: Callable[[Estimate], None] = lambda _: None,
    on_step: Callable[[str, int, int], None] = lambda *_: None,
) -> Outcome:
    """Learn from the questions, judge what was learnt, and leave what is learnt from all of them at `learnt_file`.

    Args:
        retriever: as it ships, with its reader.
        work: an empty folder, or one that a run which was cut off has left.
    """
    work.mkdir(parents=True, exist_ok=True)
    journal = Journal(work / "journal.jsonl")
    questions, folds = asked.questions, asked.folds
    rows: dict[str, list[dict[str, Any]]] = {"before": [], "after": [{} for _ in questions]}
    for place in range(len(questions)):
        found = journal.once(f"before {place}", partial(_judged, retriever, asked, place))
        rows["before"].append(found)
        on_step("Searching", place + 1, len(questions))
    groups = list(groups_of(asked, retriever))
    headings = list(groups_of_headings(retriever))
    parts = sorted(set(folds))
    pacing = _Pace(len(parts) + 1, len(questions), on_estimate)

    def learnt_from(chosen: Sequence[Group], path: Path) -> Path:
        if not path.exists():
            learn([*chosen, *headings], path, partial(pacing.watch, on_step))
        return path

    done = 0
    for fold in parts:
        path = learnt_from([group for group in groups if group.fold != fold], work / f"part-{fold}.onnx")
        changed = replace(retriever, reader=onnx_reader(path, "tuned", ""))
        for place in (place for place, its in enumerate(folds) if its == fold):
            rows["after"][place] = journal.once(f"after {place}", partial(_judged, changed, asked, place))
            done += 1
            on_step("Judging", done, len(questions))
    learnt_from(groups, learnt_file(work))
    before, after = (_means(rows[when], len(asked.usable)) for when in ("before", "after"))
    untuned, learnt = (
        np.array([row[DECIDING] for row in rows[when][: len(asked.usable)]], dtype=float) for when in rows
    )
    return Outcome(before, after, difference(untuned, learnt), len(questions))


class _Pace:
    """Tells how long everything will take as soon as a few steps have been timed."""

    def __init__(self, runs: int, questions: int, tell: Callable[[Estimate], None]) -> None:
        self._runs, self._questions, self._tell = runs, questions, tell
        self._began = time.monotonic()

    def watch(self, on_step: Callable[[str, int, int], None], step: int, steps: int) -> None:
        """After each step."""
        if step == 1:
            self._began = time.monotonic()
        elif step == min(MEASURED, steps) and self._runs:
            each = (time.monotonic() - self._began) / (step - 1)
            self._tell(Estimate(self._questions, self._runs * steps * each + self._questions * JUDGING))
            self._runs = 0  # told
        on_step("Learning", step, steps)


def learn(groups: Sequence[Group], target: Path, watch: Callable[[int, int], None] = lambda *_: None) -> None:
    """Go on from the reader that ships with these groups, and write what comes of it, int8 ONNX; whole or not at all.

    Args:
        watch: told each step's number, from 1, and how many there are.
    """
    torch = torch_library()
    from rag.tune.batches import batches
    from rag.tune.cross_encoder import CrossEncoder, fill, loss, write

    torch.manual_seed(_SEED)
    home = verify(EMBEDDING)
    (shipped,) = READER.files
    network = CrossEncoder(home)
    fill(network, verify(READER) / shipped)
    device = accelerator() or "cpu"
    network.to(device).train()
    tokenizer = shared(home, MAX_TOKENS)
    steps = [batch for turn in range(ROUNDS) for batch in batches(groups, tokenizer, turn)]
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=RATE, betas=(0.9, 0.98), weight_decay=0.01)
    for number, batch in enumerate(steps, start=1):
        for group in optimiser.param_groups:
            group["lr"] = RATE * pace(number, len(steps))
        with torch.autocast(device, torch.bfloat16):
            found = loss(network, batch)
        optimiser.zero_grad()
        found.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        watch(number, len(steps))
    whole, small = target.with_suffix(".whole"), target.with_suffix(".part")
    write(network.cpu(), whole, small)
    whole.unlink()
    small.replace(target)


def _judged(retriever: Retriever, asked: Asked, place: int) -> dict[str, float]:
    """What the answer to a question has to go by: how good the passages are, and how sure the reader is."""
    question = asked.questions[place].question
    hits = retriever.search(question, READ)
    row = {TOLD: float(features(hits, ())[0]) if hits else -np.inf}
    if place < len(asked.usable):
        one = asked.usable[place]
        quoted = select(places(question, hits, retriever.catalog, retriever.embedder), 1)
        row |= judge(one.question, hits[:DEPTH])
        row[QUOTED] = float(bool(quoted) and quoted[0].hit.stored.id in one.right)
    return row


def _means(rows: Sequence[Mapping[str, float]], answerable: int) -> dict[str, float]:
    """Means over the questions with an answer, which come first, and how well they are told from the others."""
    means = {name: float(np.mean([row[name] for row in rows[:answerable]])) for name in (*MEASURES, QUOTED)}
    if answerable < len(rows):
        told = [row[TOLD] for row in rows]
        means[TOLD] = auroc(told[:answerable], told[answerable:])
    return means


def learnt_file(work: Path) -> Path:
    """Where `tune` leaves what it has learnt."""
    return work / "reader.onnx"


def copy_learnt(work: Path, path: Path) -> None:
    """Write that to `path`."""
    shutil.copyfile(learnt_file(work), path)


def discard(work: Path) -> None:
    """Erase what a run has left at `work`."""
    shutil.rmtree(work, ignore_errors=True)


def _found(question: str, retriever: Retriever) -> list[StoredChunk]:
    return [hit.stored for hit in retriever.first_stage(question, READ)]


def _heading(stored: StoredChunk) -> str:
    return re.sub(r"^[\W\d]+", "", stored.chunk.section.rpartition(SEPARATOR)[2])


def _group(question: str, fold: int, candidates: Sequence[Candidate]) -> Group:
    return Group("", fold, question, tuple(candidates))


def _with_answer(stored: StoredChunk, quotes: Sequence[str]) -> Candidate:
    """A passage that holds the evidence, and where; unless that is longer than what the reader points at."""
    text = stored.chunk.text
    for quote in quotes:
        words = quote.split()
        match = re.search(r"\s+".join(map(re.escape, words)), text) if 0 < len(words) < MAX_ANSWER // 2 else None
        if match:
            return Candidate(text, match.span(), 1, 1, context(stored))
    return Candidate(text, None, 1, 1, context(stored))


def _without(stored: StoredChunk, relevant: int) -> Candidate:
    return Candidate(stored.chunk.text, None, 0, relevant, context(stored))
