"""The event, which every format is turned into, and the ledger that says what became of every line.

Knows no format. One word for each idea: an actor does an action to an object, from a source, with an outcome.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

Fields = Mapping[str, object]
"""The fields of a record, nested as they are in the log."""


class Outcome(StrEnum):
    """What became of an action, in the same three words for every format."""

    SUCCESS = "success"
    FAILURE = "failure"
    DENIED = "denied"


TRIED = frozenset((Outcome.FAILURE, Outcome.DENIED))
"""What became of an action that was only tried."""


class Deed(NamedTuple):
    """Who did what to what, how it ended and from where: what the events of a log repeat."""

    actor: str | None
    action: str | None
    object: str | None
    outcome: str | None
    error_code: str | None
    source: str | None


# Not frozen: a log makes one for each line, and a frozen one takes six times as long to make (1.8 instead of 0.3 µs).
@dataclass(slots=True)
class Event:
    """One thing that a log says has happened."""

    lines: tuple[int, int]  # first and last line, 1-based, both included
    time: datetime | None  # UTC, aware
    actor: str | None  # who did it
    action: str | None  # what was done, in the log's own word
    object: str | None  # to what
    outcome: str | None  # an Outcome, or the log's own word where it is none of the three
    source: str | None  # the address it came from
    error_code: str | None
    message: str  # the text that is made a template, or is one already (`templated`)
    templated: bool = False  # the message holds no variables: structured formats name their events
    severity: str | None = None  # the log's own level, lower case
    detail: str = ""  # the whole record, for rules that look into it; "" where the message is all there is
    about: str = ""  # what else says what happened: a category, a title, a description of the change
    record: Fields | None = field(default=None, repr=False, compare=False)  # as the log has them

    @property
    def line(self) -> int:
        """The line to cite: where the event begins."""
        return self.lines[0]

    @property
    def text(self) -> str:
        """All that the log says about this event."""
        return self.detail or self.message


BATCH = 1024
"""Events that are looked at together: enough that what is done once for all does not matter, few enough to be held."""


def in_batches(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Events in lists of `BATCH`, the last one shorter."""
    rest = iter(events)
    while batch := list(islice(rest, BATCH)):
        yield batch


@dataclass(slots=True)
class Ledger:
    """What became of every line. Law: `event_lines + blank_lines + len(unparsed) == lines` once a log is read."""

    lines: int = 0
    event_lines: int = 0
    blank_lines: int = 0
    unparsed: "array[int]" = field(default_factory=lambda: array("Q"))  # line numbers
    formats: Counter[str] = field(default_factory=Counter)  # format: events
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Say something about the log as a whole, once."""
        if text not in self.notes:
            self.notes.append(text)

    def add(self, other: "Ledger") -> None:
        """Go on with the next piece of the log, whose lines another ledger has counted from 1."""
        self.unparsed.extend(number + self.lines for number in other.unparsed)
        self.lines += other.lines
        self.event_lines += other.event_lines
        self.blank_lines += other.blank_lines
        self.formats.update(other.formats)
        for note in other.notes:
            self.note(note)
