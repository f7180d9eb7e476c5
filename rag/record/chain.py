"""Is a record what was written? Compares every line with its own hash, with the line before, and with the head.

Without a key, a chain shows a change to everybody who knows a later hash. The head beside the record is one such place;
it shows accidents and whoever does not know of it. Against somebody who rewrites record and head, only a head that is
kept elsewhere helps (`rag record head`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rag.record.entry import GENESIS, Entry, parse

REDACTION, RETENTION = "redaction", "retention"  # entries that say what is no longer there


@dataclass(frozen=True, slots=True)
class Head:
    """Where a record ends."""

    count: int = 0  # number of the last entry
    hash: str = GENESIS  # of the last entry
    bytes: int = 0  # length of the record


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was written."""

    entry: int | None  # its number; None where that cannot be told, or the whole record is meant
    what: str  # a sentence, which names the entry or the line


@dataclass(slots=True)
class _Walk:
    """What has been seen on the way through a record."""

    number: int = 0
    hash: str = GENESIS
    started: bool = False
    gone_before: tuple[int, str] | None = None  # number and hash of the last entry that is no longer there
    dropped: dict[int, set[int]] = field(default_factory=dict)  # leaves that are gone, by entry
    allowed: dict[int, set[int]] = field(default_factory=dict)  # leaves that a redaction names
    removed: set[tuple[int, str]] = field(default_factory=set)  # (entry, hash) up to which a retention has removed
    problems: list[Problem] = field(default_factory=list)

    def complain(self, entry: int | None, what: str) -> None:
        self.problems.append(Problem(entry, what))


def check(lines: Iterable[bytes], head: Head, kept: Head | None = None) -> list[Problem]:
    """Everything that is wrong with a record, in the order of its lines; empty if it is as it was written.

    Args:
        lines: with their line ends.
        head: where the record has to end.
        kept: a head that was noted earlier and elsewhere: its entry has to be in the record (`bytes` is not looked at).
    """
    walk = _Walk()
    met = kept is None or kept.count == 0
    for place, line in enumerate(lines, start=1):
        try:
            entry, stated = parse(line)
        except ValueError as error:
            walk.complain(None, f"Line {place} is not as it was written: {error}.")
            continue
        _follow(walk, entry, stated, line)
        _remember(walk, entry)
        if kept is not None and entry.number == kept.count:
            met = True
            if entry.hash != kept.hash:
                walk.complain(entry.number, f"Entry {entry.number} is not the one whose hash was kept.")
    _end(walk, head)
    if kept is not None and not met:
        _miss(walk, kept)
    _gaps(walk)
    return walk.problems


def _follow(walk: _Walk, entry: Entry, stated: str, line: bytes) -> None:
    """Compare an entry with itself and with the one before; then go on from what it says."""
    number = entry.number
    if entry.hash != stated or entry.line() != line:
        walk.complain(number, f"Entry {number} was changed after it was written.")
    elif not walk.started and number > 1:
        walk.gone_before = (number - 1, entry.previous)
    elif number != walk.number + 1:
        missing = f"entry {walk.number + 1} should" if walk.number else "the first should"
        walk.complain(number, f"Entry {number} stands where {missing}: entries were removed, inserted or moved.")
    elif entry.previous != walk.hash:
        walk.complain(number, f"Entry {number} does not follow what stands before it: an entry was replaced.")
    walk.started = True
    walk.number, walk.hash = number, stated


def _remember(walk: _Walk, entry: Entry) -> None:
    if entry.dropped:
        walk.dropped[entry.number] = set(entry.dropped)
    if entry.kind == REDACTION:
        for number, places in redacted(entry.facts).items():
            if number < entry.number:
                walk.allowed.setdefault(number, set()).update(places)
    elif entry.kind == RETENTION:
        walk.removed.add((entry.facts.get("through", 0), entry.facts.get("hash", "")))


def _end(walk: _Walk, head: Head) -> None:
    if walk.number < head.count:
        ends = f"ends with entry {walk.number}" if walk.number else "is empty"
        walk.complain(None, f"The record {ends}, its head names entry {head.count}: the end was cut off.")
    elif walk.number > head.count:
        ends = f"entry {head.count}" if head.count else "no entry"
        walk.complain(None, f"The record ends with entry {walk.number}, its head names {ends}: something was added.")
    elif walk.hash != head.hash:
        walk.complain(walk.number, f"Entry {walk.number} is not the last one that the head names.")


def _miss(walk: _Walk, kept: Head) -> None:
    if walk.gone_before is not None and kept.count <= walk.gone_before[0]:
        walk.complain(
            None, f"Entry {kept.count}, whose hash was kept, was removed when its time was over: it cannot be compared."
        )
    else:
        walk.complain(None, f"Entry {kept.count}, whose hash was kept, is not in the record.")


def _gaps(walk: _Walk) -> None:
    """What is gone has to be named by an entry that says why."""
    if walk.gone_before is not None and walk.gone_before not in walk.removed:
        walk.complain(
            None, f"Entries 1 to {walk.gone_before[0]} are missing, and no entry says that their time was over."
        )
    for number, places in sorted(walk.dropped.items()):
        if not places <= walk.allowed.get(number, set()):
            walk.complain(number, f"Entry {number} has lost content that no redaction names.")
    for number, places in sorted(walk.allowed.items()):
        reached = walk.gone_before is None or number > walk.gone_before[0]
        if reached and not places <= walk.dropped.get(number, set()):
            walk.complain(number, f"Entry {number} holds again what a redaction had taken out.")


def redacted(facts: Mapping[str, Any]) -> dict[int, list[int]]:
    """Which leaves of which entries a redaction names; empty where its facts make no sense."""
    try:
        return {int(number): [int(place) for place in places] for number, places in facts["entries"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}
