"""The one form of training data: a question with its candidate passages. JSON Lines, one group a line."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

HELD_OUT = 95  # groups of this fold and above are reported on and never trained on
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage for a question."""

    text: str
    span: tuple[int, int] | None  # of the answer, half-open code points of `text`
    answerable: int  # 1: the answer stands in it; 0: it does not; UNKNOWN
    relevant: int  # 1: it should rank above the others of its group; 0: below; UNKNOWN
    context: str = ""  # what the program puts before the passage: the document's title and the section


@dataclass(frozen=True, slots=True)
class Group:
    """A question with passages, the best first."""

    source: str
    fold: int  # 0..99, a hash of the text: equal texts share it
    question: str
    candidates: tuple[Candidate, ...]


def write(path: Path, groups: Iterable[Group]) -> None:
    """Write groups as JSON Lines."""
    with path.open("w", encoding="utf-8") as file:
        for group in groups:
            candidates = [[c.text, c.span, c.answerable, c.relevant, c.context] for c in group.candidates]
            file.write(json.dumps([group.source, group.fold, group.question, candidates], ensure_ascii=False) + "\n")


def read(path: Path) -> Iterator[Group]:
    """Read what `write` wrote."""
    with path.open(encoding="utf-8") as lines:
        for source, fold, question, candidates in map(json.loads, lines):
            yield Group(source, fold, question, tuple(_candidate(*candidate) for candidate in candidates))


def _candidate(text: str, span: list[int] | None, answerable: int, relevant: int, context: str) -> Candidate:
    return Candidate(text, (span[0], span[1]) if span else None, answerable, relevant, context)
