"""Public question data to training groups: a question, the passage that answers it, and passages that do not.

Reads the gzip JSON Lines of a folder with `qa` and `pairs` data (fields: README.md beside this file) and cuts long
contexts into the passages that Strongroom itself would make of them, so that the reader learns on what it will read.

    python -m training.collect DATA_FOLDER twins.jsonl broad.jsonl
"""

import gzip
import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ingest.chunk import chunks
from ingest.types import Document, Page
from rag.models.catalogue import EMBEDDING, verify
from rag.models.wordpiece import WordPiece
from rag.stems import stems
from rag.tune.groups import UNKNOWN, Candidate, Group
from training.groups import HELD_OUT, write

WHOLE = 210  # tokens; a context up to here is one passage, a longer one is cut as a document is
SEED = 7
CLOSED = {"qamr-dev": 2500, "qamr-test": 2500}  # at most so many questions: single sentences, all alike
TWICE = ("doc2dial-val", "tatqa", "covidqa-deepset")  # nearest to what users hold: forms, agencies, reports, papers


def main(folder: Path, twins: Path, broad: Path) -> None:
    """Write the two files of groups."""
    rng = random.Random(SEED)
    cutter = _Cutter()
    rows = [row for row in _read(folder / "qa.jsonl.gz") if not row.get("start_guessed")]
    by_question = {(row["question"], row["context"]): row for row in rows if row["source"] == "squad1.1-train"}
    first: list[Group] = []
    for row in rows:
        if row["source"] == "squad2.0-train-unansq":
            first += _unanswerable(row, cutter)
            if twin := by_question.pop((row["twin"], row["context"]), None):
                first += _answerable(twin, cutter)
    shifted = {row["question"]: row for row in rows if row["source"] == "squad1.1-shifted"}
    second: list[Group] = []
    for row in by_question.values():
        if other := shifted.get(row["question"]):
            found = _answerable(row, cutter)
            if found and row["answers"][0]["text"].lower() not in other["context"].lower():
                passage = cutter.nearest(other["context"], row["question"])
                found = [
                    Group(g.source, g.fold, g.question, (*g.candidates, Candidate(passage, None, 0, 0))) for g in found
                ]
            second += found
        else:
            second += _answerable(row, cutter)
    rng.shuffle(second)
    counts: dict[str, int] = defaultdict(int)
    others = [row for row in rows if not row["source"].startswith("squad")]
    rng.shuffle(others)
    for row in others:
        source = row["source"]
        if counts[source] >= CLOSED.get(source, 10**9) or not _understandable(row):
            continue
        counts[source] += 1
        groups = _answerable(row, cutter) if row["answers"] else _unanswerable(row, cutter)
        second += groups * (2 if source in TWICE else 1)
    second += _pairs(folder / "pairs.jsonl.gz", rng)
    for path, groups in ((twins, first), (broad, second)):
        rng.shuffle(groups)
        write(path, groups)
        print(path, len(groups), "groups,", sum(g.fold >= HELD_OUT for g in groups), "held out")


class _Cutter:
    """Cuts a context into passages as the ingestion pipeline does."""

    def __init__(self) -> None:
        self.tokenizer = WordPiece(verify(EMBEDDING, "tokenizer.json"), 256)
        self._known: dict[str, list[tuple[int, int]]] = {}

    def spans(self, context: str) -> list[tuple[int, int]]:
        if context not in self._known:
            if len(self.tokenizer.offsets(context)) <= WHOLE:
                self._known[context] = [(0, len(context))]
            else:
                document = Document("", None, (Page("context", None, context),))
                self._known[context] = [(c.start, c.end) for c in chunks(document, self.tokenizer)]
        return self._known[context]

    def nearest(self, context: str, question: str) -> str:
        """The passage that shares most words with the question."""
        wanted = set(stems(question))
        passages = [context[start:end] for start, end in self.spans(context)]
        return max(passages, key=lambda passage: len(wanted & set(stems(passage))))


def _answerable(row: dict[str, Any], cutter: _Cutter) -> list[Group]:
    """The passage with the answer first, then up to two other passages of the same context that do not hold it."""
    context, answer = row["context"], row["answers"][0]
    start, end = answer["start"], answer["start"] + len(answer["text"])
    positive = None
    others = []
    for left, right in cutter.spans(context):
        if left <= start and end <= right:
            positive = Candidate(context[left:right], (start - left, end - left), 1, 1)
        elif not (left < end and start < right) and answer["text"].lower() not in context[left:right].lower():
            others.append(Candidate(context[left:right], None, 0, 0))
    if positive is None:
        return []
    return [Group(row["source"], row["fold"], row["question"], (positive, *others[:2]))]


def _unanswerable(row: dict[str, Any], cutter: _Cutter) -> list[Group]:
    """One passage, near and without the answer. How relevant it is is not known: it is on the topic."""
    passage = Candidate(cutter.nearest(row["context"], row["question"]), None, 0, UNKNOWN)
    return [Group(row["source"], row["fold"], row["question"], (passage,))]


def _understandable(row: dict[str, Any]) -> bool:
    """Whether the question stands alone: turns of a dialogue such as "No, I'm not." do not."""
    return not row.get("history") or (
        len(row["question"].split()) >= 6
        and bool(re.search(r"\?|^(what|how|when|can|do|is|are|who|where)\b", row["question"], re.I))
    )


def _pairs(path: Path, rng: random.Random) -> Iterable[Group]:
    """Questions with one relevant passage and up to three that are not."""
    by_question: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in _read(path):
        if row["source"] != "contractnli-test":
            by_question[row["source"], row["question"]].append(row)
    for (source, question), rows in by_question.items():
        good = [row for row in rows if row["label"]]
        bad = [row for row in rows if not row["label"]]
        rng.shuffle(bad)
        for number, row in enumerate(good):
            if some := bad[3 * number : 3 * number + 3]:
                candidates = [Candidate(row["passage"], None, UNKNOWN, 1)]
                candidates += [Candidate(other["passage"], None, UNKNOWN, 0) for other in some]
                yield Group(source, row["fold"], question, tuple(candidates))


def _read(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
