"""What the three log writers share: entries in time, incidents among them, and their line numbers once all is sorted.

Knows nothing about any log format. Times are naive and mean UTC.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Severity = Literal["low", "medium", "high", "critical"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a log; `incidents` names the planted incidents that it belongs to, in most entries none."""

    at: datetime
    text: str
    incidents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """A planted incident: what a reviewer should find, and why it matters."""

    id: str
    title: str
    kind: str
    severity: Severity
    why: str


@dataclass(frozen=True, slots=True)
class Log:
    """A finished log: its lines without line ends, its incidents, and each incident's 1-based line numbers."""

    name: str
    lines: tuple[str, ...]
    incidents: tuple[Incident, ...]
    found: dict[str, tuple[int, ...]]


def assemble(name: str, entries: Iterable[Entry], incidents: Sequence[Incident], *, head: Sequence[str] = ()) -> Log:
    """Sort entries by time (equal times keep their order), put `head` before them and note the incidents' lines.

    Raises:
        ValueError: an incident without a line, or a line of an incident that is not described.
    """
    ordered = sorted(entries, key=lambda entry: entry.at)
    found: dict[str, list[int]] = {incident.id: [] for incident in incidents}
    for number, entry in enumerate(ordered, start=len(head) + 1):
        for incident_id in entry.incidents:
            if incident_id not in found:
                raise ValueError(f"{name}: line {number} belongs to the unknown incident {incident_id}")
            found[incident_id].append(number)
    empty = [incident_id for incident_id, numbers in found.items() if not numbers]
    if empty:
        raise ValueError(f"{name}: no line belongs to {', '.join(empty)}")
    return Log(
        name,
        (*head, *(entry.text for entry in ordered)),
        tuple(incidents),
        {incident_id: tuple(numbers) for incident_id, numbers in found.items()},
    )


def working_moment(rng: random.Random, day: datetime) -> datetime:
    """Return a moment of `day` as office life has it: most between 07:00 and 18:00, a dip at noon, few at night."""
    hour = rng.choices(
        range(24),
        weights=(1, 1, 1, 1, 1, 2, 5, 14, 22, 26, 26, 22, 12, 20, 24, 22, 18, 10, 5, 3, 3, 2, 2, 1),
    )[0]
    return day + timedelta(hours=hour, seconds=rng.randrange(3600))


def days(first: datetime, count: int) -> list[datetime]:
    """Return `count` midnights from `first` on."""
    return [first + timedelta(days=offset) for offset in range(count)]
