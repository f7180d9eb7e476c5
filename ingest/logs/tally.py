"""Fields of events to counts: who did what to what, how it ended, from where and when. Knows no format and no rule.

Events of the same deed are counted together first, since logs repeat themselves, and taken apart into counts of single
fields now and then.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ingest.logs.clock import NO_TIME, moment_at
from ingest.logs.events import TRIED, Deed
from ingest.logs.stretch import Stretch

FIELDS = ("actors", "actions", "objects", "outcomes", "error_codes", "sources")  # in the order of `Deed`

VALUES_MAX = 200_000
"""Different values of one field that are kept apart, about 80 MB; what comes after is counted under `OTHERS`."""

OTHERS = "(other values)"

_DEEDS_MAX = 50_000  # deeds that are kept before they are taken apart, about 25 MB

_NEVER = (1 << 63) - 1  # later than all times


@dataclass(slots=True)
class Seen:
    """How often a value occurs, and where and when for the first and last time."""

    count: int  # events
    line: int  # where the first event begins, in the order of the log
    first: datetime | None  # the earliest time, UTC; None if no event carries one
    last: datetime | None

    def add(self, other: "Seen") -> None:
        """Count what another has seen. Lines are compared: both must be of the same file."""
        self.count += other.count
        self.line = min(self.line, other.line)
        self.first, self.last = span((self.first, self.last), (other.first, other.last))


Span = tuple[datetime | None, datetime | None]


def span(one: Span, other: Span) -> Span:
    """The earliest and the latest of two periods."""
    firsts = [first for first, _ in (one, other) if first is not None]
    lasts = [last for _, last in (one, other) if last is not None]
    return min(firsts, default=None), max(lasts, default=None)


class Tally:
    """Counts of one log's events."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Seen]] = {name: {} for name in FIELDS}
        self.events = 0
        self.timeless = 0
        self.by_hour: Counter[int] = Counter()  # hours since 1 January of year 1: events
        self.bad_by_hour: Counter[int] = Counter()  # of these, failed or denied
        self.first: datetime | None = None  # UTC
        self.last: datetime | None = None  # UTC
        self._deeds: dict[Deed, list[int]] = {}  # count, first line, first and last time as microseconds

    def add(self, stretch: Stretch) -> None:
        """Count the next events. All deeds of the stretch must be done in it."""
        deeds = stretch.deeds
        by_hour = stretch.by_hour()
        self.by_hour.update(by_hour)
        self.timeless += len(stretch.which) - by_hour.total()
        bad = np.array([deed.outcome in TRIED for deed in deeds], np.bool_)
        self.bad_by_hour.update(stretch.of(bad[stretch.which]).by_hour())
        timed = stretch.timed()
        _, begin, counts = np.unique(stretch.which, return_index=True, return_counts=True)
        lines = stretch.lines[begin]
        firsts, lasts = np.full(len(deeds), _NEVER), np.full(len(deeds), NO_TIME)
        np.minimum.at(firsts, timed.which, timed.times)
        np.maximum.at(lasts, timed.which, timed.times)
        for deed, count, line, first, last in zip(
            deeds, counts.tolist(), lines.tolist(), firsts.tolist(), lasts.tolist(), strict=True
        ):
            seen = self._deeds.get(deed)
            if seen is not None:
                seen[0] += count
                seen[2], seen[3] = min(seen[2], first), max(seen[3], last)
                continue
            if len(self._deeds) >= _DEEDS_MAX:
                self.settle()
            self._deeds[deed] = [count, line, first, last]

    def settle(self) -> None:
        """Take apart what was counted together. To be called once more when all events have been added."""
        for deed, (count, line, first, last) in self._deeds.items():
            seen = Seen(count, line, *((None, None) if last == NO_TIME else (moment_at(first), moment_at(last))))
            self.events += count
            self.first, self.last = span((self.first, self.last), (seen.first, seen.last))
            for name, value in zip(FIELDS, deed, strict=True):
                if value is not None:
                    put(self.values[name], value, seen)
        self._deeds.clear()


def put(values: dict[str, Seen], value: str, seen: Seen) -> None:
    """Add what was seen of a value; beyond `VALUES_MAX` values it is counted under `OTHERS`."""
    known = values.get(value)
    if known is None and len(values) >= VALUES_MAX:
        value = OTHERS
        known = values.get(value)
    if known is None:
        values[value] = Seen(seen.count, seen.line, seen.first, seen.last)
    else:
        known.add(seen)
