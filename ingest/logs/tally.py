"""Fields of events to counts: who did what to what, how it ended, from where and when. Knows no format and no rule.

Events that agree in all their fields are counted together first, since logs repeat themselves, and taken apart into
counts of single fields now and then.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from ingest.logs.events import Event, Outcome

FIELDS = ("actors", "actions", "objects", "outcomes", "error_codes", "sources")  # in the order of `_fields_of`

VALUES_MAX = 200_000
"""Different values of one field that are kept apart, about 80 MB; what comes after is counted under `OTHERS`."""

OTHERS = "(other values)"

_ALIKE_MAX = 50_000  # combinations of fields that are kept before they are taken apart, about 25 MB

_BAD = (Outcome.FAILURE, Outcome.DENIED)


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
        self._alike: dict[tuple[str | None, ...], Seen] = {}

    def add(self, event: Event) -> None:
        """Count an event."""
        key = (event.actor, event.action, event.object, event.outcome, event.error_code, event.source)
        time = event.time
        seen = self._alike.get(key)
        if seen is None:
            if len(self._alike) >= _ALIKE_MAX:
                self.settle()
            self._alike[key] = Seen(1, event.lines[0], time, time)
        else:
            seen.count += 1
            if time is not None:
                if seen.last is None or time > seen.last:
                    seen.last = time
                if seen.first is None or time < seen.first:
                    seen.first = time
        if time is None:
            self.timeless += 1
            return
        hour = time.toordinal() * 24 + time.hour
        self.by_hour[hour] += 1
        if event.outcome in _BAD:
            self.bad_by_hour[hour] += 1

    def settle(self) -> None:
        """Take apart what was counted together. To be called once more when all events have been added."""
        for key, seen in self._alike.items():
            self.events += seen.count
            self.first, self.last = span((self.first, self.last), (seen.first, seen.last))
            for name, value in zip(FIELDS, key, strict=True):
                if value is not None:
                    put(self.values[name], value, seen)
        self._alike.clear()

    def add_all(self, other: "Tally", before: int) -> None:
        """Count what another tally, which is settled, has counted in the next piece of the log.

        Args:
            before: lines that stand before the piece.
        """
        self.events += other.events
        self.timeless += other.timeless
        self.by_hour.update(other.by_hour)
        self.bad_by_hour.update(other.bad_by_hour)
        self.first, self.last = span((self.first, self.last), (other.first, other.last))
        for name, seens in other.values.items():
            for value, seen in seens.items():
                seen.line += before
                put(self.values[name], value, seen)


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
