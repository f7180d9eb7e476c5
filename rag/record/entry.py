"""One entry of the record: its line of JSON, and the hashes that chain it to the entry before. Knows no disk.

An entry has facts, which stay for good and name no document, and leaves, which hold what is sensitive: a question, an
answer, a path. The chain runs over the facts and over a salted hash of each leaf. So a leaf can be dropped, with its
salt, and the chain still verifies; what was dropped cannot be found by hashing guesses.

    leaf hash   SHA-256 of the canonical JSON of [salt, name, value]
    entry hash  SHA-256 of the previous entry's hash (64 hex digits) and the canonical JSON of
                {"entry", "facts", "kind", "leaves": [leaf hash, ...], "time"}

Canonical JSON: keys sorted, no blanks, UTF-8, as Python's json module writes numbers.
"""

import hashlib
import json
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

GENESIS: Final = "0" * 64  # what the first entry follows
SALT = 16  # bytes; 128 bits cannot be tried out
_DIGITS = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A sensitive part of an entry, that can be dropped alone."""

    name: str
    value: Any  # JSON
    salt: str  # hex

    @property
    def hash(self) -> str:
        """What stays of it in the chain."""
        return _sha256(canonical([self.salt, self.name, self.value]))

    def texts(self) -> Iterator[str]:
        """Every string in its value."""
        yield from _strings(self.value)


def leaf(name: str, value: Any) -> Leaf:
    """A leaf with a new salt. What is kept of `value` is what reading it back will give."""
    return Leaf(name, json.loads(canonical(value)), secrets.token_hex(SALT))


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done. A dropped leaf is its hash alone."""

    number: int  # from 1, without gaps
    time: str  # UTC, ISO 8601, milliseconds
    kind: str  # answer, refusal, summary, ingestion, attempt, …; of the record itself: redaction, retention
    facts: Mapping[str, Any]
    leaves: tuple[Leaf | str, ...]
    previous: str  # hash of the entry before

    @property
    def hash(self) -> str:
        """The link of the chain."""
        hashes = [part if isinstance(part, str) else part.hash for part in self.leaves]
        fields = {
            "entry": self.number,
            "time": self.time,
            "kind": self.kind,
            "facts": self.facts,
            "leaves": hashes,
        }
        return _sha256(self.previous.encode() + canonical(fields))

    @property
    def dropped(self) -> tuple[int, ...]:
        """Which of its leaves are no longer there."""
        return tuple(place for place, part in enumerate(self.leaves) if isinstance(part, str))

    def without(self, places: Collection[int]) -> "Entry":
        """The same entry, its leaves at `places` dropped; its hash is the same, too."""
        leaves = tuple(
            part.hash if isinstance(part, Leaf) and place in places else part for place, part in enumerate(self.leaves)
        )
        return replace(self, leaves=leaves)

    def content(self) -> dict[str, Any]:
        """The values of its leaves by name; a name that comes more than once has a list of them."""
        held: dict[str, list[Any]] = {}
        for part in self.leaves:
            if isinstance(part, Leaf):
                held.setdefault(part.name, []).append(part.value)
        return {name: values[0] if len(values) == 1 else values for name, values in held.items()}

    def line(self) -> bytes:
        """The entry as it is written: one line of canonical JSON."""
        parts = [part if isinstance(part, str) else [part.salt, part.name, part.value] for part in self.leaves]
        fields = {
            "entry": self.number,
            "time": self.time,
            "kind": self.kind,
            "facts": self.facts,
            "leaves": parts,
            "previous": self.previous,
            "hash": self.hash,
        }
        return canonical(fields) + b"\n"


def entry(number: int, time: str, kind: str, facts: Mapping[str, Any], leaves: Iterable[Leaf], previous: str) -> Entry:
    """A new entry. What is kept of `facts` is what reading them back will give."""
    return Entry(number, time, kind, json.loads(canonical(facts)), tuple(leaves), previous)


def parse(line: bytes) -> tuple[Entry, str]:
    """The entry of a line, and the hash that the line says it has. Raises ValueError where it is not one."""
    try:
        fields = json.loads(line)
        leaves = tuple(part if isinstance(part, str) else Leaf(part[1], part[2], part[0]) for part in fields["leaves"])
        hashes = [fields["previous"], fields["hash"], *(part for part in leaves if isinstance(part, str))]
        if not all(isinstance(text, str) and len(text) == 64 and set(text) <= _DIGITS for text in hashes):
            raise ValueError("a hash is not 64 hexadecimal digits")
        if type(fields["entry"]) is not int or not all(isinstance(fields[name], str) for name in ("time", "kind")):
            raise ValueError("number, time or kind is not what it must be")
        if not isinstance(fields["facts"], dict):
            raise ValueError("its facts are not an object")
        made = Entry(fields["entry"], fields["time"], fields["kind"], fields["facts"], leaves, fields["previous"])
        return made, fields["hash"]
    except (KeyError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(f"it is no entry ({type(error).__name__})") from error


def canonical(value: Any) -> bytes:
    """The one way to write a JSON value. Raises ValueError for NaN and infinities, which JSON has no words for."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # Half a surrogate pair, as in a file's name that is not UTF-8, becomes its JSON escape.
    return text.encode("utf-8", errors="backslashreplace")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
