"""Edits that somebody might make to a record, each a function of the file's bytes and a source of chance."""

import json
import random
from collections.abc import Callable
from dataclasses import replace

from rag.record.entry import Entry, Leaf, parse

Edit = Callable[[bytes, random.Random], bytes]


def flip_a_bit(data: bytes, chance: random.Random) -> bytes:
    """One bit, anywhere."""
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def remove_a_byte(data: bytes, chance: random.Random) -> bytes:
    """One byte, anywhere."""
    place = chance.randrange(len(data))
    return data[:place] + data[place + 1 :]


def remove_a_line(data: bytes, chance: random.Random) -> bytes:
    """A whole entry."""
    lines = data.splitlines(keepends=True)
    del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def swap_two_lines(data: bytes, chance: random.Random) -> bytes:
    """Two entries in each other's place."""
    lines = data.splitlines(keepends=True)
    one, other = chance.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def insert_a_line(data: bytes, chance: random.Random) -> bytes:
    """An entry twice, or one that follows the one before as it should."""
    lines = data.splitlines(keepends=True)
    place = chance.randrange(len(lines))
    if chance.random() < 0.5:
        new = chance.choice(lines)
    else:
        before = parse(lines[place])[0]
        new = replace(before, number=before.number + 1, previous=before.hash).line()
    return b"".join([*lines[: place + 1], new, *lines[place + 1 :]])


def cut_off_the_end(data: bytes, chance: random.Random) -> bytes:
    """Everything from some byte on."""
    return data[: chance.randrange(len(data))]


def cut_off_entries(data: bytes, chance: random.Random) -> bytes:
    """The last entries, whole."""
    lines = data.splitlines(keepends=True)
    return b"".join(lines[: chance.randrange(len(lines))])


def rewrite_a_field(data: bytes, chance: random.Random) -> bytes:
    """Time, kind, a fact or a leaf, and the entry's own hash with it."""
    lines = data.splitlines(keepends=True)
    place = chance.randrange(len(lines))
    lines[place] = _rewritten(parse(lines[place])[0], chance).line()
    return b"".join(lines)


def rewrite_from_here(data: bytes, chance: random.Random) -> bytes:
    """A field, and the hashes of all entries that follow: a chain that fits in itself."""
    entries = [parse(line)[0] for line in data.splitlines(keepends=True)]
    place = chance.randrange(len(entries))
    entries[place] = _rewritten(entries[place], chance)
    for later in range(place + 1, len(entries)):
        entries[later] = replace(entries[later], previous=entries[later - 1].hash)
    return b"".join(entry.line() for entry in entries)


def drop_a_leaf(data: bytes, chance: random.Random) -> bytes:
    """The content of an entry, as a redaction would, and no entry that says so."""
    lines = data.splitlines(keepends=True)
    whole = [place for place, line in enumerate(lines) if len(parse(line)[0].dropped) < len(parse(line)[0].leaves)]
    place = chance.choice(whole)
    entry = parse(lines[place])[0]
    there = [number for number, leaf in enumerate(entry.leaves) if isinstance(leaf, Leaf)]
    lines[place] = entry.without([chance.choice(there)]).line()
    return b"".join(lines)


def write_it_otherwise(data: bytes, chance: random.Random) -> bytes:
    """The same JSON with other blanks: no meaning changes, but it is not what was written."""
    lines = data.splitlines(keepends=True)
    place = chance.randrange(len(lines))
    lines[place] = json.dumps(json.loads(lines[place]), sort_keys=True).encode() + b"\n"
    return b"".join(lines)


def _rewritten(entry: Entry, chance: random.Random) -> Entry:
    choice = chance.randrange(4)
    if choice == 0:
        return replace(entry, time=entry.time.replace("20", "19", 1))
    if choice == 1:
        return replace(entry, kind=f"{entry.kind}s")
    there = [place for place, leaf in enumerate(entry.leaves) if isinstance(leaf, Leaf)]
    if choice == 2 or not there:
        return replace(entry, facts={**entry.facts, "found": not entry.facts.get("found", True)})
    place = chance.choice(there)
    leaves = list(entry.leaves)
    old = leaves[place]
    assert isinstance(old, Leaf)
    leaves[place] = replace(old, value="something else")
    return replace(entry, leaves=tuple(leaves))


EDITS: tuple[Edit, ...] = (
    flip_a_bit,
    remove_a_byte,
    remove_a_line,
    swap_two_lines,
    insert_a_line,
    cut_off_the_end,
    cut_off_entries,
    rewrite_a_field,
    rewrite_from_here,
    drop_a_leaf,
    write_it_otherwise,
)
