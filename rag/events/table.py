"""The events of one indexed log: columns to masks, events to the exact text they stand in. Knows no question.

A mask is a bool array `(events,)`. Columns and values are unpacked when they are first asked for.
"""

import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.logs.clock import NO_TIME
from ingest.logs.indexed import COLUMNS, NONE
from ingest.logs.keys import LISTS
from rag.events.words import Sought
from rag.store.catalog import Catalog, StoredLog

Mask = NDArray[np.bool_]

_SPACE = re.compile(r"[\s\ufeff,]*")
_LIST = re.compile(r'\[|\{\s*"(?:' + "|".join(LISTS) + r')"\s*:\s*\[')
_DECODER = json.JSONDecoder()


class Place(NamedTuple):
    """Where an event stands in its log's text, in code points, half-open, and on which lines."""

    start: int
    end: int
    lines: tuple[int, ...]


@dataclass
class LogTable:
    """One log."""

    catalog: Catalog
    stored: StoredLog
    _columns: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    _values: dict[str, list[str]] = field(default_factory=dict)
    _records: list[tuple[int, int]] | None = None
    _matching: dict[Sought, NDArray[np.int64]] = field(default_factory=dict)

    def column(self, name: str) -> NDArray[np.int64]:
        """A column of `ingest.logs.indexed.COLUMNS`, int64 `(events,)`."""
        found = self._columns.get(name)
        if found is None:
            data = zlib.decompress(self.catalog.log_column(self.stored.document, name))
            found = np.frombuffer(data, COLUMNS[name]).astype(np.int64)
            self._columns[name] = found = np.cumsum(found) if name in ("line", "time") else found
        return found

    def values(self, name: str) -> list[str]:
        """The values of a field, by their numbers in its column."""
        if not self._values:
            self._values = json.loads(zlib.decompress(self.catalog.log_facts(self.stored.document)[0]))
        return self._values[name]

    def findings(self) -> list[dict[str, Any]]:
        """What stands out in the log, as `ingest.logs.facts.finding_entry` has it."""
        found: list[dict[str, Any]] = json.loads(zlib.decompress(self.catalog.log_facts(self.stored.document)[1]))
        return found

    def abbreviations(self) -> list[tuple[str, str]]:
        """`(short, long)` of what the documents beside the log abbreviate."""
        return self.catalog.all_abbreviations()

    def __len__(self) -> int:
        return self.stored.events

    @property
    def names_actions(self) -> bool:
        """Whether its events say by a name what was done; those of free text do not."""
        return bool(self.values("action"))

    def having(self, name: str, fits: Callable[[str], bool]) -> Mask:
        """The events whose value of a field fits."""
        return self.numbered(name, [number for number, value in enumerate(self.values(name)) if fits(value)])

    def numbered(self, name: str, numbers: Sequence[int]) -> Mask:
        """The events that have one of some values of a field, by their numbers."""
        chosen = np.zeros(len(self.values(name)) + 1, dtype=bool)  # the last one stands for none: its number is -1
        chosen[list(numbers)] = True
        mask: Mask = chosen[self.column(name)]
        return mask

    def lacking(self, name: str) -> Mask:
        """The events without a value for a field."""
        mask: Mask = self.column(name) == NONE
        return mask

    def value(self, name: str, event: int) -> str | None:
        """The value that an event has for a field."""
        number = int(self.column(name)[event])
        return None if number == NONE else self.values(name)[number]

    def timed(self) -> Mask:
        """The events that carry a time."""
        mask: Mask = self.column("time") != NO_TIME
        return mask

    def holding(self, sought: Sought, among: Mask) -> Mask:
        """The events among some whose text holds what is sought."""
        if not among.any():
            return among
        if self._shares_lines:
            text = self.text()
            found = np.zeros(len(self), dtype=bool)
            for event in np.flatnonzero(among).tolist():
                found[event] = sought.fits(text[slice(*self.records[event])])
            return found
        first, last = self.column("line"), self.column("line") + self.column("span")
        matching = self._matching.get(sought)
        if matching is None:
            matching = self._matching[sought] = np.array(list(self._lines_with(sought)), dtype=np.int64)
        # An event holds it where a matching line lies between its first and its last.
        count = np.searchsorted(matching, last, side="right") - np.searchsorted(matching, first, side="left")
        return (count > 0) & among

    def place(self, event: int) -> Place:
        """Where an event stands."""
        first = int(self.column("line")[event])
        last = first + int(self.column("span")[event])
        if self._shares_lines:
            start, end = self.records[event]
            return Place(start, end, tuple(range(first, last + 1)))
        start, text = self.lines(first, last)
        return Place(start, start + len(text), tuple(range(first, last + 1)))

    def lines(self, first: int, last: int) -> tuple[int, str]:
        """`(code points before it, text)` of the lines `first` to `last`, 1-based, without the last one's end."""
        begin = number = 0
        held = ""
        for block in self.catalog.log_blocks(self.stored.document, first, last + 1):
            if not held:
                begin, number = block.start, block.line
            held += zlib.decompress(block.data).decode()
        start = 0
        for _ in range(first - number):
            start = held.find("\n", start) + 1
            if not start:
                return begin + len(held), ""
        end = start
        for _ in range(last - first + 1):
            stop = held.find("\n", end)
            if stop < 0:
                return begin + start, held[start:]
            end = stop + 1
        text = held[start : end - 1]
        return begin + start, text[:-1] if text.endswith("\r") else text

    def all_lines(self) -> Iterator[tuple[int, str]]:
        """(1-based number, line without its end) of all lines."""
        rest, number = "", 0
        for piece in self._pieces():
            *whole, rest = (rest + piece).split("\n")
            for line in whole:
                number += 1
                yield number, line.removesuffix("\r")
        if rest:
            yield number + 1, rest

    def text(self) -> str:
        """All of it, as it was decoded."""
        return "".join(self._pieces())

    @cached_property
    def _shares_lines(self) -> bool:
        """Whether several events stand on one line, as in a JSON document that is written without line ends."""
        return bool(np.any(np.diff(self.column("line")) == 0)) and len(self.records) == len(self)

    @property
    def records(self) -> list[tuple[int, int]]:
        """Start and end of each record of a JSON document, in its text."""
        if self._records is None:
            self._records = list(_records(self.text()))
        return self._records

    def _pieces(self) -> Iterator[str]:
        for block in self.catalog.log_blocks(self.stored.document):
            yield zlib.decompress(block.data).decode()

    def _lines_with(self, sought: Sought) -> Iterator[int]:
        """The numbers of the lines that hold what is sought, ascending, each once."""
        rest, number = "", 1
        for piece in self._pieces():
            whole, end, tail = (rest + piece).rpartition("\n")
            rest = tail
            if end:
                yield from _lines_with(sought, whole, number)
                number += whole.count("\n") + 1
        yield from _lines_with(sought, rest, number)


def _lines_with(sought: Sought, text: str, number: int) -> Iterator[int]:
    """The numbers of the lines of a text, whose first has this number, that hold what is sought."""
    lower = text.lower()
    if len(lower) != len(text):  # some letters have a lower case of two; places would not agree
        lines = text.split("\n")
        yield from (number + index for index, line in enumerate(lines) if sought.pattern.search(line))
        return
    position = counted = 0
    while (place := lower.find(sought.literal, position)) >= 0:
        start = lower.rfind("\n", position, place) + 1 or position
        end = lower.find("\n", place)
        end = len(text) if end < 0 else end
        if sought.pattern.search(text, start, end):
            number += lower.count("\n", counted, place)
            counted = place
            yield number
        position = end + 1


def _records(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of the records of JSON documents, as `ingest.logs.records` reads them, up to where one breaks."""
    position = 0
    try:
        while (position := _past_space(text, position)) < len(text):
            wrapped = _LIST.match(text, position)
            if wrapped is None:
                end = _DECODER.raw_decode(text, position)[1]
                yield position, end
                position = end
                continue
            position = wrapped.end()
            while text[position := _past_space(text, position)] != "]":
                end = _DECODER.raw_decode(text, position)[1]
                yield position, end
                position = end
            position += 1
            if wrapped.group() != "[":  # what the document says after its list
                while text[position := _past_space(text, position)] != "}":
                    position = position + 1 if text[position] == ":" else _DECODER.raw_decode(text, position)[1]
                position += 1
    except (ValueError, IndexError, RecursionError):
        return


def _past_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Ascending numbers as ranges: 1, 2, 3, 7 are (1, 3) and (7, 7)."""
    if not numbers:
        return []
    breaks = [index for index, (one, other) in enumerate(pairwise(numbers), start=1) if other != one + 1]
    return [
        (numbers[start], numbers[end - 1]) for start, end in zip((0, *breaks), (*breaks, len(numbers)), strict=True)
    ]
