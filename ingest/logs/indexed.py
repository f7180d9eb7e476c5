"""The records of a log that questions are answered from: every event by columns, its text in packed blocks, findings.

Nothing is estimated and nothing left out: a column holds a number for each event, which says which of the field's
values it has, so that a million events take a few megabytes and are counted in milliseconds. Knows no format.
"""

from dataclasses import dataclass

FIELDS = ("actor", "action", "object", "outcome", "error_code", "source", "severity", "about")
"""Fields of an event that are kept by value, in the order of `EventColumns.values`."""

COLUMNS = {"line": "<i4", "span": "<i4", "time": "<i8", **dict.fromkeys(FIELDS, "<i4")}
"""Name and type of each column: the first line; how many more lines the event has; microseconds since 1970, UTC, or
`NO_TIME` of `ingest.logs.clock`; the number of its value in each field, or `NONE`. Of "line" and "time" the difference
to the event before is kept, which packs five times as well."""

NONE = -1  # in a column: the event has no value for this field


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a log's text."""

    start: int  # code points before it
    line: int  # 1-based, that its first character stands on
    data: bytes  # UTF-8, packed by zlib


@dataclass(frozen=True, slots=True)
class IndexedLog:
    """What is kept of a log. All bytes are packed by zlib."""

    format: str
    lines: int
    events: int
    unparsed: int  # lines
    first: str | None  # ISO 8601, UTC
    last: str | None
    columns: dict[str, bytes]  # little-endian integers, one for each event; see `COLUMNS`
    values: bytes  # JSON: for each of FIELDS its values in the order of their numbers
    findings: bytes  # JSON: as `facts.finding_entry`, with all lines
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        packed = sum(map(len, self.columns.values())) + sum(len(block.data) for block in self.blocks)
        return packed + len(self.values) + len(self.findings)
