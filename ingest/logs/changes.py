"""What is new or different in a batch of logs, compared with an earlier one that says what is normal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Any

from ingest.logs.clock import iso
from ingest.logs.joined import BatchFacts, Place
from ingest.logs.tally import OTHERS
from ingest.logs.templates import Shape

VERSION = 1  # of the form in which a baseline is kept

NOVEL = ("actors", "actions", "objects", "sources", "error_codes")  # fields whose new values are told
RATED = ("actors", "actions", "outcomes")  # fields whose rates are compared, beside templates

_TIMES = 3.0  # a rate that is so many times as high or as low as before has changed; weeks differ by less
_EVENTS = 20  # events that one of both batches must have for a rate to be told
_DEVIATIONS = 5.0
"""Standard deviations of a Poisson count between what came and what was to be expected. Events come in bursts, so that
their counts vary by more than Poisson's: the limit is set higher than the usual 3."""

_HOURS_LEAST = 1.0  # a period counts as no shorter


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is known of an earlier batch."""

    first: datetime | None  # UTC
    last: datetime | None
    events: int
    files: int
    values: Mapping[str, Mapping[str, int]]  # of FIELDS: value: events
    shapes: tuple[Shape, ...]  # without lines
    templates: Mapping[str, int]  # pattern: events

    @property
    def hours(self) -> float:
        """How long the period is."""
        return _hours(self.first, self.last)

    def to_json(self) -> dict[str, Any]:
        """What is kept for the next batch."""
        return {
            "version": VERSION,
            "first": iso(self.first) if self.first else None,
            "last": iso(self.last) if self.last else None,
            "events": self.events,
            "files": self.files,
            "values": {name: dict(counts) for name, counts in self.values.items()},
            "shapes": [[shape.text, shape.ready, shape.count] for shape in self.shapes],
            "templates": dict(self.templates),
        }


def baseline_of(facts: BatchFacts) -> Baseline:
    """A batch as a baseline for later ones."""
    return Baseline(
        first=facts.first,
        last=facts.last,
        events=facts.events,
        files=facts.files,
        values={name: {value: spot.count for value, spot in spots.items()} for name, spots in facts.values.items()},
        shapes=tuple(facts.shapes),
        templates={template.pattern: template.count for template in facts.templates},
    )


def baseline_from(kept: Mapping[str, Any]) -> Baseline:
    """A baseline that was kept. Raises ValueError, KeyError or TypeError for what `to_json` has not made."""
    if kept["version"] != VERSION:
        raise ValueError("kept by another version")
    return Baseline(
        first=datetime.fromisoformat(kept["first"]) if kept["first"] else None,
        last=datetime.fromisoformat(kept["last"]) if kept["last"] else None,
        events=kept["events"],
        files=kept["files"],
        values=kept["values"],
        shapes=tuple(Shape(text, ready, count, ()) for text, ready, count in kept["shapes"]),
        templates=kept["templates"],
    )


@dataclass(frozen=True, slots=True)
class New:
    """A value or template that the earlier batch does not have."""

    field: str  # of NOVEL, or "templates"
    value: str
    count: int  # events
    files: int
    place: Place  # where it comes first


@dataclass(frozen=True, slots=True)
class Rate:
    """Something that comes far more or less often than before."""

    field: str  # of RATED, or "templates"
    value: str
    before: int  # events
    now: int
    before_a_day: float
    now_a_day: float
    deviations: float  # how far from what was to be expected; the sign says which way


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since the earlier batch."""

    before: Baseline
    new: tuple[New, ...]  # by field, the most frequent first
    rates: tuple[Rate, ...]  # the strongest first
    compared_rates: bool  # False where one of the batches has no times

    def of(self, name: str) -> list[New]:
        """What is new in a field."""
        return [new for new in self.new if new.field == name]


def changes(now: BatchFacts, before: Baseline) -> Changes:
    """Compare a batch with an earlier one."""
    new: list[New] = []
    for name in NOVEL:
        old = before.values.get(name, {})
        fresh = [
            New(name, value, spot.count, spot.files.bit_count(), spot.place)
            for value, spot in now.values[name].items()
            if value not in old and value != OTHERS
        ]
        new += sorted(fresh, key=lambda one: (-one.count, one.value))
    new += [New("templates", one.pattern, one.count, one.files, one.place) for one in now.templates if not one.known]
    timed = None not in (now.first, now.last, before.first, before.last)
    return Changes(before, tuple(new), tuple(_rates(now, before)) if timed else (), timed)


def _rates(now: BatchFacts, before: Baseline) -> list[Rate]:
    hours, hours_before = _hours(now.first, now.last), before.hours
    pairs: list[tuple[str, str, int, int]] = []  # (field, value, before, now)
    for name in RATED:
        old, spots = before.values.get(name, {}), now.values[name]
        pairs += [
            (name, value, old.get(value, 0), spots[value].count if value in spots else 0)
            for value in {*old, *spots}
            if value in old and value != OTHERS  # a new value is told as new
        ]
    counts = {template.pattern: template.count for template in now.templates}
    for pattern, count in _grown(now, before).items():
        pairs.append(("templates", pattern, count, counts.get(pattern, 0)))
    found = []
    for name, value, old_count, count in pairs:
        rate, rate_before = count / hours, old_count / hours_before
        if max(count, old_count) < _EVENTS or _ratio(rate, rate_before) < _TIMES:
            continue
        expected = rate_before * hours
        # The expectation is itself counted: both counts vary.
        spread = sqrt(max(expected + old_count * (hours / hours_before) ** 2, 1.0))
        deviations = (count - expected) / spread
        if abs(deviations) >= _DEVIATIONS or (not count and old_count >= _EVENTS):
            found.append(Rate(name, value, old_count, count, rate_before * 24, rate * 24, deviations))
    return sorted(found, key=lambda one: (-abs(one.deviations), one.field, one.value))


def _grown(now: BatchFacts, before: Baseline) -> dict[str, int]:
    """Events of the earlier batch by the patterns that its messages belong to now."""
    counts: dict[str, int] = {}
    for shape in before.shapes:
        pattern = now.names.get((shape.text, shape.ready))
        if pattern is not None and shape.count:
            counts[pattern] = counts.get(pattern, 0) + shape.count
    return counts


def _hours(first: datetime | None, last: datetime | None) -> float:
    if first is None or last is None:
        return _HOURS_LEAST
    return max((last - first).total_seconds() / 3600, _HOURS_LEAST)


def _ratio(one: float, other: float) -> float:
    low, high = sorted((one, other))
    return high / low if low else float("inf")
