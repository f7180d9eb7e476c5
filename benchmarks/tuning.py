"""What `rag tune` brings on questions it has not learnt from: the EPA folder, ObliQA dev, the sample office.

    python benchmarks/tuning.py [epa office obliqa] --home FOLDER [--learn N] [--report N] [--reader]

- epa: few questions, so each is judged by what was learnt without those that share a page with it (five parts).
- office: learnt on the `dev` split, reported on `report`.
- obliqa: learnt on half of the questions (`--learn` of them), reported on the other half (`--report` of them), once on
  all and once on those whose right passages stand in documents that nothing was learnt from. What is learnt is not
  shipped.

With --reader it is the reader that learns (`rag tune reader`), from questions and headings; else the search. Of that,
beside both, what moves the questions and what weighs the marks is shown alone. `--home` is a folder with a home for
each set; one that is missing is made by `rag ingest`. Passages are judged as by `rag eval`: nDCG@10 over pages (ObliQA:
over passages), Recall@10; the interval is that of the difference in nDCG, by paired bootstrap. Nothing is written into
the homes.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from measure import BENCH, ROOT, headline, note, table
from retrieval import obliqa_documents, split_of

from rag.answer import validate
from rag.bootstrap import Difference, difference
from rag.cli.opening import open_catalog, open_retriever
from rag.config import resolve
from rag.judge import Evidence, Question, read_questions
from rag.models.reader import onnx_reader
from rag.rank import WEIGHTS
from rag.retrieve import Retriever
from rag.tune import reader
from rag.tune.journal import Journal
from rag.tune.questions import Usable, select
from rag.tune.search import DECIDING, Material, Mined, Outcome, Remembering, first_search, judge, tune

RAG = [sys.executable, "-c", "from rag.cli import main; main()"]
Rows = Sequence[dict[str, float]]
HEADER = (
    "set",
    "what is learnt",
    "learnt from",
    "n",
    "nDCG@10",
    "tuned",
    "95 % of the difference",
    "p",
    "R@10",
    "tuned",
    "s",
)


@dataclass(frozen=True, slots=True)
class Split:
    """A set's questions: learnt from, and reported on."""

    name: str
    learnt: Sequence[Usable]
    reported: Sequence[Question]


def main() -> None:
    """Print one table."""
    arguments = _arguments()
    print(headline("What tuning brings"))
    rows: list[Sequence[object]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.sets:
            home = (arguments.home or Path(scratch)).resolve() / name
            retriever = _opened(home, name)
            ways = {"epa": _epa, "office": _office, "obliqa": _obliqa}
            for row in ways[name](retriever, Path(scratch), arguments):
                note(str(row))
                rows.append(row)
    print(table(HEADER, rows))


def _opened(home: Path, name: str) -> Retriever:
    if not (home / "collections").exists():
        (home / "documents").mkdir(parents=True)
        sources = {"epa": BENCH / "epa/pdfs", "office": ROOT / "data/office"}
        source = sources[name] if name in sources else obliqa_documents(home / "documents")
        subprocess.run([*RAG, "--home", home, "ingest", source], check=False, stdout=subprocess.DEVNULL)
    settings = resolve(home)
    retriever = open_retriever(settings, open_catalog(settings), tuned=False)
    assert retriever.reader is not None  # nobody asked to go without
    return replace(retriever, reader=Remembering(retriever.reader))


def _epa(retriever: Retriever, scratch: Path, arguments: argparse.Namespace) -> Iterator[Sequence[object]]:
    asked = read_questions(BENCH / "epa/questions_open.jsonl", validate)
    usable = select(asked, retriever.catalog).usable
    began = time.monotonic()
    outcome: Outcome | reader.Outcome
    if arguments.reader:
        outcome = reader.tune(retriever, _material(usable, asked), scratch / "epa")
    else:
        outcome = tune(retriever, usable, "epa", Journal(scratch / "epa.jsonl"))
    what = "reader" if arguments.reader else "both"
    yield _row("epa, five parts", what, len(usable), outcome, time.monotonic() - began)


def _row(name: str, what: str, learnt: int, outcome: Outcome | reader.Outcome, seconds: float) -> Sequence[object]:
    apart = outcome.difference
    figures = [
        outcome.before[DECIDING],
        outcome.after[DECIDING],
        outcome.before["recall@10"],
        outcome.after["recall@10"],
    ]
    before, after, recall_before, recall_after = (f"{value:.3f}" for value in figures)
    between = f"{apart.low:+.3f} to {apart.high:+.3f}"
    return (
        name,
        what,
        learnt,
        apart.n,
        before,
        after,
        between,
        f"{apart.p:.3f}",
        recall_before,
        recall_after,
        f"{seconds:.0f}",
    )


def _material(usable: Sequence[Usable], asked: Sequence[Question]) -> reader.Asked:
    return reader.Asked(usable, [question for question in asked if not question.answerable])


def _office(retriever: Retriever, scratch: Path, arguments: argparse.Namespace) -> Iterator[Sequence[object]]:
    questions = ROOT / "data/questions.jsonl"
    asked = read_questions(questions, validate, "dev")
    learnt = select(asked, retriever.catalog).usable
    reported = select(read_questions(questions, validate, "report"), retriever.catalog).usable
    split = Split("office", learnt, [one.question for one in reported])
    if arguments.reader:
        yield _reader_learnt(split, _material(learnt, asked), retriever, scratch)
    else:
        yield from _learnt_and_reported(split, retriever)


def _obliqa(retriever: Retriever, scratch: Path, arguments: argparse.Namespace) -> Iterator[Sequence[object]]:
    asked = list(_obliqa_questions(retriever))
    halves = {
        split: [question for question in asked if split_of(question.question) == split] for split in ("tune", "report")
    }
    chosen = random.Random(3).sample(halves["tune"], min(arguments.learn, len(halves["tune"])))
    reported = random.Random(4).sample(halves["report"], min(arguments.report, len(halves["report"])))
    whole = Split("obliqa", select(chosen, retriever.catalog).usable, reported)
    if arguments.reader:
        yield _reader_learnt(whole, _material(whole.learnt, []), retriever, scratch)
        return
    yield from _learnt_and_reported(whole, retriever)
    # Other documents: a third of them by name, learnt from none of those.
    foreign = {str(number) for number in range(3, 41, 3)}
    here = [question for question in chosen if not foreign & _documents(question)]
    there = [question for question in reported if _documents(question) <= foreign]
    other = Split("obliqa, other documents", select(here, retriever.catalog).usable, there)
    yield from _learnt_and_reported(other, retriever)


def _documents(question: Question) -> set[str]:
    return {Path(item.file).stem for item in question.evidence}


def _obliqa_questions(retriever: Retriever) -> Iterator[Question]:
    """Each right passage is a group of evidence; its copies under one id are alternatives."""
    records: dict[str, list[tuple[str, str]]] = {}
    for _, _, page in retriever.catalog.pages():
        if page.record is not None:
            records.setdefault(page.record.rpartition("#")[0], []).append((page.path, page.record))
    rows = json.loads((BENCH / "obliqa/questions_dev.json").read_text(encoding="utf-8"))
    for number, row in enumerate(rows):
        evidence = tuple(
            Evidence(path, None, record, "", group)
            for group, passage in enumerate(row["Passages"])
            for path, record in records.get(f"{passage['DocumentID']}|{passage['PassageID']}", ())
        )
        if evidence:
            yield Question(str(number), row["Question"], "regulation", "", (), (), evidence)


def _learnt_and_reported(split: Split, retriever: Retriever) -> Iterator[Sequence[object]]:
    began = time.monotonic()
    mined = []
    for place, one in enumerate(split.learnt):
        mined.append(Mined.of(first_search(retriever, one)))
        if place % 50 == 0:
            note(f"{split.name}: searched {place} of {len(split.learnt)}")
    tuned = Material.of(retriever, split.learnt, mined, split.name).learn(np.arange(len(split.learnt)))
    seconds = time.monotonic() - began
    ways = {
        "both": tuned,
        "questions moved": replace(tuned, weights=WEIGHTS),
        "marks weighed": replace(tuned, residual=np.zeros_like(tuned.residual)),
    }
    before = _judged(retriever, split.reported)
    for what, changed in ways.items():
        after = _judged(replace(retriever, tuned=changed), split.reported)
        note(f"{split.name}: {what} judged")
        outcome = Outcome(changed, *_compared(before, after), len(split.learnt))
        yield _row(split.name, what, len(split.learnt), outcome, seconds)


def _reader_learnt(split: Split, asked: reader.Asked, retriever: Retriever, scratch: Path) -> Sequence[object]:
    """What the reader is worth on the reported questions once it has learnt from the others."""
    began = time.monotonic()
    groups = [*reader.groups_of(asked, retriever), *reader.groups_of_headings(retriever)]
    path = scratch / f"{split.name}.onnx"

    def watch(step: int, steps: int) -> None:
        if step % 50 == 0:
            note(f"{split.name}: step {step} of {steps}, {time.monotonic() - began:.0f} s")

    reader.learn(groups, path, watch)
    seconds = time.monotonic() - began
    before = _judged(retriever, split.reported)
    after = _judged(replace(retriever, reader=onnx_reader(path, "tuned", "")), split.reported)
    outcome = reader.Outcome(*_compared(before, after), len(split.learnt))
    return _row(split.name, "reader", len(split.learnt), outcome, seconds)


def _compared(before: Rows, after: Rows) -> tuple[dict[str, float], dict[str, float], Difference]:
    """Means of both by measure, and the difference of the one that decides."""
    untuned, learnt = (np.array([row[DECIDING] for row in rows]) for rows in (before, after))
    means = [{name: float(np.mean([row[name] for row in rows])) for name in rows[0]} for rows in (before, after)]
    return means[0], means[1], difference(untuned, learnt)


def _judged(retriever: Retriever, questions: Sequence[Question]) -> list[dict[str, float]]:
    return [judge(question, retriever.search(question.question, 10)) for question in questions]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", choices=["epa", "office", "obliqa"], default=["epa", "office", "obliqa"])
    parser.add_argument("--home", type=Path)
    parser.add_argument("--reader", action="store_true", help="the reader learns instead of the search")
    parser.add_argument("--learn", type=int, default=1000, help="ObliQA: questions to learn from")
    parser.add_argument("--report", type=int, default=500, help="ObliQA: questions to report on")
    return parser.parse_args()


if __name__ == "__main__":
    main()
