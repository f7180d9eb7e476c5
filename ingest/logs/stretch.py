"""A stretch of a log's events by columns: what counts and signals are made of. Knows no format, no rule and no signal.

Logs repeat who did what: each different `Deed` is kept once, and each event has its number. So a worker process hands
thousands of events over in a few arrays, and what depends on the deed alone is asked once for all of them.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from ingest.logs.clock import EPOCH_HOURS, HOUR, NO_TIME, microseconds
from ingest.logs.deeds import of_record, says_approved
from ingest.logs.events import Deed, Event

EVENTS_MAX = 1 << 15  # of one stretch: enough for numpy to pay, 1 MB of columns

NO_MARK = 0


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Events in the order of the log. All columns have an entry for each."""

    deeds: tuple[Deed, ...]  # different ones, in the order in which they come first
    which: NDArray[np.uint32]  # index of its deed
    times: NDArray[np.int64]  # microseconds since 1970, UTC; NO_TIME for an event without
    lines: NDArray[np.uint64]  # first line of the event
    marks: NDArray[np.uint64]  # 64 bits of the SHA-256 of a whole record; NO_MARK for text, which repeats by nature
    approved: NDArray[np.bool_]  # a change whose record says that its object was approved

    def after(self, before: int) -> "Stretch":
        """The same, when so many lines stand before it."""
        return replace(self, lines=self.lines + np.uint64(before))

    def of(self, chosen: NDArray[np.bool_]) -> "Stretch":
        """The events that are chosen: a truth for each event. All deeds stay, so that numbers hold."""
        return Stretch(
            self.deeds,
            self.which[chosen],
            self.times[chosen],
            self.lines[chosen],
            self.marks[chosen],
            self.approved[chosen],
        )

    def timed(self) -> "Stretch":
        """The events that have a time."""
        chosen = self.times != NO_TIME
        return self if chosen.all() else self.of(chosen)

    def rows(self) -> Iterator[tuple[Deed, int, int]]:
        """(deed, time, line) of each event."""
        deeds = self.deeds
        for number, time, line in zip(self.which.tolist(), self.times.tolist(), self.lines.tolist(), strict=True):
            yield deeds[number], time, line

    def by_hour(self) -> Counter[int]:
        """Events with a time by their hour, counted from 1 January of year 1."""
        hours, counts = np.unique(self.timed().times // HOUR, return_counts=True)
        return Counter(dict(zip((hours + EPOCH_HOURS).tolist(), counts.tolist(), strict=True)))


class Recorder:
    """Takes events, and gives the stretch of them."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._numbers: dict[Deed, int] = {}
        self._which, self._times = array("I"), array("q")
        self._lines, self._marks = array("Q"), array("Q")
        self._approved = array("B")
        self._alter: list[bool] = []  # for each deed

    @property
    def full(self) -> bool:
        """Whether the stretch should be taken before more events come."""
        return len(self._which) >= EVENTS_MAX

    def add(self, events: Sequence[Event]) -> None:
        """Take the next events."""
        numbers, alter = self._numbers, self._alter
        for event in events:
            key = (event.actor, event.action, event.object, event.outcome, event.error_code, event.source)
            number = numbers.get(key)  # type: ignore[call-overload]  # a Deed is such a tuple, and slower to make
            if number is None:
                number = len(numbers)
                deed = Deed(*key)
                numbers[deed] = number
                alter.append(of_record(deed.action, deed.outcome) == "alter")
            self._which.append(number)
            self._approved.append(alter[number] and says_approved(event.detail))
        self._times.extend([microseconds(event.time) for event in events])
        self._lines.extend([event.lines[0] for event in events])
        self._marks.extend([_mark(event.detail) if event.templated else NO_MARK for event in events])

    def take(self) -> Stretch:
        """The events since the last time."""
        stretch = Stretch(
            tuple(self._numbers),
            np.array(self._which, np.uint32),
            np.array(self._times, np.int64),
            np.array(self._lines, np.uint64),
            np.array(self._marks, np.uint64),
            np.array(self._approved, np.bool_),
        )
        self._clear()
        return stretch


def _mark(text: str) -> int:
    return int.from_bytes(sha256(text.encode(errors="surrogatepass")).digest()[:8]) or 1
