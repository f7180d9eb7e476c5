"""Reads a log into what questions about it are answered from. Knows no question and no store.

The log is read twice: once for its events, once for its text, which is kept as it is decoded, so that a citation can
quote a line exactly.
"""

import json
import zlib
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ReadError
from ingest.logs.clock import NO_TIME, iso, microseconds, moment_at
from ingest.logs.events import Event, Ledger, in_batches
from ingest.logs.facts import finding_entry
from ingest.logs.formats import is_log, read_events, recognise
from ingest.logs.indexed import COLUMNS, FIELDS, NONE, Block, IndexedLog
from ingest.logs.lines import Text
from ingest.logs.tally import OTHERS, VALUES_MAX
from ingest.logs.watch import Watch
from ingest.types import FileStatus

BLOCK = 1 << 16
"""Characters of a block. Blocks of this size pack nearly as well as the whole, and one is unpacked in 0.2 ms."""

TEXT_MAX = 1 << 30
"""Characters of a log that are indexed: packed they take some 150 MB of memory until they are stored."""

_LEVEL = 6  # of zlib: 9 packs logs 2 % better and takes twice as long


class _Columns:
    """Grows while events come."""

    def __init__(self) -> None:
        self.lines, self.spans, self.times = array("i"), array("i"), array("q")
        self.numbers = {name: array("i") for name in FIELDS}
        self._known: dict[str, dict[str, int]] = {name: {} for name in FIELDS}

    def add(self, event: Event) -> None:
        self.lines.append(event.lines[0])
        self.spans.append(event.lines[1] - event.lines[0])
        self.times.append(microseconds(event.time))
        for name in FIELDS:
            value = getattr(event, name)
            self.numbers[name].append(NONE if not value else self._number(self._known[name], value))

    def _number(self, known: dict[str, int], value: str) -> int:
        number = known.get(value)
        if number is None:
            if len(known) >= VALUES_MAX:
                value = OTHERS
            number = known.setdefault(value, len(known))
        return number

    def values(self) -> dict[str, list[str]]:
        return {name: list(known) for name, known in self._known.items()}

    def packed(self) -> dict[str, bytes]:
        columns = {"line": _steps(self.lines), "span": self.spans, "time": _steps(self.times), **self.numbers}
        return {name: _pack(np.array(column, COLUMNS[name]).tobytes()) for name, column in columns.items()}


def may_be_log(path: Path, name: str) -> bool:
    """Whether a file is one of those that are read as logs: by its content, or because its name says so."""
    return name.lower().endswith((".log", ".log.gz")) or is_log(path)


def index(path: Path, name: str) -> IndexedLog:
    """Read a log for questions.

    Args:
        path: the file, plain or gzip.
        name: what messages call it.

    Raises:
        ReadError: it is no text, cannot be opened, unpacks without bound, is too large, or changed meanwhile.
    """
    ledger, columns, watch = Ledger(), _Columns(), Watch()
    with Text(path) as text:
        changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        for batch in in_batches(read_events(text, recognise(text.head, changed), ledger)):
            for event in batch:
                columns.add(event)
            watch.see(batch)
        digest = text.finish()
        notes = [*text.notes, *ledger.notes]
    with Text(path) as text:
        blocks = tuple(_blocks(text, name))
        if text.finish() != digest:
            raise ReadError(FileStatus.FAILED, "changed while it was read; run the command again")
    if not len(columns.lines):
        raise ReadError(FileStatus.UNSUPPORTED, "no event was found in this file")
    times = [time for time in columns.times if time != NO_TIME]
    values = columns.values()
    if full := [name for name, known in values.items() if OTHERS in known]:
        notes.append(f"only the first {VALUES_MAX:,} different values of {', '.join(full)} are kept apart")
    return IndexedLog(
        format=_format(ledger),
        lines=ledger.lines,
        events=len(columns.lines),
        unparsed=len(ledger.unparsed),
        first=iso(moment_at(min(times))) if times else None,
        last=iso(moment_at(max(times))) if times else None,
        columns=columns.packed(),
        values=_json(values),
        findings=_json([finding_entry(finding, None) for finding in watch.findings()]),
        blocks=blocks,
        notes=tuple(notes),
    )


def _format(ledger: Ledger) -> str:
    return " + ".join(name for name, _ in ledger.formats.most_common(2)) or "unknown"


def _blocks(text: Text, name: str) -> Iterator[Block]:
    """The decoded text in blocks."""
    start, line = 0, 1
    held = ""
    for chunk in text.chunks():
        held += chunk
        if start + len(held) > TEXT_MAX:
            raise ReadError(
                FileStatus.TOO_LARGE,
                f"{name} has more than {TEXT_MAX:,} characters; `rag logs` counts it, split it to ask about it",
            )
        while len(held) >= BLOCK:
            piece, held = held[:BLOCK], held[BLOCK:]
            yield Block(start, line, _pack(piece.encode()))
            start += BLOCK
            line += piece.count("\n")
    if held:
        yield Block(start, line, _pack(held.encode()))


def _steps(column: "array[int]") -> NDArray[np.int64]:
    """The differences of a column's numbers, which wrap around as its cumulative sum does."""
    numbers = np.array(column, np.int64)
    numbers[1:] -= numbers[:-1].copy()
    return numbers


def _json(value: object) -> bytes:
    return _pack(json.dumps(value).encode())


def _pack(data: bytes) -> bytes:
    return zlib.compress(data, _LEVEL)
