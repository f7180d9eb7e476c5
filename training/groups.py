"""The one form of training data on disk: groups of `rag.tune.groups` as JSON Lines, a group a line."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from rag.tune.groups import Candidate, Group

HELD_OUT = 95  # groups of this fold and above are reported on and never trained on


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
