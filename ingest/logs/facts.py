"""A log to its facts: every number counted, every template and finding with its lines. Nothing here is estimated.

The way through: `Text` → `recognise` → `read_events` → for each event: templates, counts, watchers → `LogFacts`.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ingest.errors import ReadError
from ingest.logs.clock import iso
from ingest.logs.events import Event, Ledger
from ingest.logs.findings import Finding
from ingest.logs.formats import read_events, recognise
from ingest.logs.lines import Text
from ingest.logs.rules import Rules
from ingest.logs.templates import Template, Templates
from ingest.logs.watch import Watch
from ingest.types import FileStatus

FIRST_LINES = 20  # line numbers of a template or finding that are listed unless all are asked for

VALUES_LISTED = 10_000
"""Values of one count that are listed unless all are asked for. All are counted."""

VALUES_MAX = 500_000
"""Different values of one count that are kept apart, about 100 MB; what comes after is counted under `OTHERS`."""

OTHERS = "(other values)"

_HOURS = [f"{hour:02}" for hour in range(24)]

COUNTS = ("actors", "actions", "objects", "outcomes", "error_codes", "sources", "hours")


@dataclass(frozen=True, slots=True)
class LogFacts:
    """What was counted in one log."""

    path: str
    format: str
    lines: int
    events: int
    event_lines: int
    blank_lines: int
    unparsed_lines: int
    first: datetime | None  # UTC
    last: datetime | None  # UTC
    counts: dict[str, Counter[str]]  # of COUNTS; hours "00" to "23" in UTC
    templates: list[Template]
    findings: list[Finding]  # the gravest first
    notes: list[str]
    unparsed: list[int] = field(default_factory=list)  # the first FIRST_LINES line numbers
    first_seen: dict[str, dict[str, int]] = field(default_factory=dict)  # of COUNTS: value: line where it comes first

    def to_json(self, all_lines: bool = False) -> dict[str, object]:
        """The contract's entry for a log. `all_lines` lists every line number and value instead of the first."""
        most = None if all_lines else FIRST_LINES
        notes = list(self.notes)
        counts: dict[str, dict[str, int]] = {}
        for name, counter in self.counts.items():
            ranked = sorted(counter.items(), key=lambda pair: pair[0] if name == "hours" else (-pair[1], pair[0]))
            counts[name] = dict(ranked if all_lines else ranked[:VALUES_LISTED])
            if len(counts[name]) < len(ranked):
                notes.append(f"counts.{name} lists the {VALUES_LISTED:,} most frequent of {len(ranked):,} values.")
        return {
            "path": self.path,
            "format": self.format,
            "lines": self.lines,
            "events": self.events,
            "event_lines": self.event_lines,
            "blank_lines": self.blank_lines,
            "unparsed_lines": self.unparsed_lines,
            "first": iso(self.first) if self.first else None,
            "last": iso(self.last) if self.last else None,
            "counts": counts,
            "templates": [
                {"pattern": template.pattern, "count": template.count, "lines": template.lines[:most].tolist()}
                for template in self.templates
            ],
            "findings": [
                {
                    "severity": finding.severity,
                    "title": finding.title,
                    "why": finding.why,
                    "check": finding.check,
                    "technique": list(finding.technique),
                    "count": finding.count,
                    "lines": list(finding.lines[:most]),
                }
                for finding in self.findings
            ],
            "notes": notes,
        }


def analyse(
    path: Path, name: str, on_progress: Callable[[int], None] | None = None, rules: Rules | None = None
) -> LogFacts:
    """Count everything in one log.

    Args:
        path: the file, plain or gzip.
        name: what reports call it; becomes `LogFacts.path`.
        on_progress: told how many more bytes of the file have been read.
        rules: what makes a single event a finding (`rules.load`); None for the rules that come with the program.

    Raises:
        ReadError: the file is no text, cannot be opened, or unpacks without bound.
    """
    with Text(path, on_progress) as text:
        try:
            changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except OSError as error:
            raise ReadError(FileStatus.FAILED, f"{name} went away while it was read.") from error
        found = recognise(text.head, changed)
        ledger, tally, templates, watch = Ledger(), _Tally(), Templates(), Watch(rules)
        for event in read_events(text, found, ledger):
            templates.add(event.message, event.lines[0], ready=event.templated)
            tally.add(event)
            watch.see(event)
    for note in text.notes:
        ledger.note(note)
    _explain(ledger, tally)
    return LogFacts(
        path=name,
        format=_format_name(ledger),
        lines=ledger.lines,
        events=tally.events,
        event_lines=ledger.event_lines,
        blank_lines=ledger.blank_lines,
        unparsed_lines=len(ledger.unparsed),
        first=tally.first,
        last=tally.last,
        counts=tally.counts,
        templates=templates.result(),
        findings=watch.findings(),
        notes=ledger.notes,
        unparsed=ledger.unparsed[:FIRST_LINES].tolist(),
        first_seen=tally.first_seen,
    )


class _Tally:
    """Counts the fields of events."""

    def __init__(self) -> None:
        self.events = 0
        self.timeless = 0
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTS}
        self.first_seen: dict[str, dict[str, int]] = {name: {} for name in COUNTS}
        self._fields = [(self.counts[name], self.first_seen[name]) for name in COUNTS[:-1]]

    def add(self, event: Event) -> None:
        self.events += 1
        values = (event.actor, event.action, event.object, event.outcome, event.error_code, event.source)
        for value, (counter, first_seen) in zip(values, self._fields, strict=True):
            if value is None:
                continue
            if value not in first_seen:
                if len(counter) >= VALUES_MAX:
                    value = OTHERS
                first_seen[value] = event.lines[0]
            counter[value] += 1
        time = event.time
        if time is None:
            self.timeless += 1
            return
        self.counts["hours"][_HOURS[time.hour]] += 1
        if self.first is None or time < self.first:
            self.first = time
        if self.last is None or time > self.last:
            self.last = time


def _format_name(ledger: Ledger) -> str:
    """The format of most events; "mixed" and their names where more than one has a twentieth or more."""
    total = ledger.formats.total()
    names = [name for name, count in ledger.formats.most_common() if count * 20 >= total]
    if not names:
        return "empty" if not ledger.lines else "unknown"
    return names[0] if len(names) == 1 else "mixed: " + " + ".join(names)


def _explain(ledger: Ledger, tally: _Tally) -> None:
    if len(ledger.formats) > 1:
        parts = ", ".join(f"{name} {count:,}" for name, count in ledger.formats.most_common())
        ledger.note(f"Events by format: {parts}.")
    if tally.timeless and tally.first:
        ledger.note(f"{tally.timeless:,} events carry no readable time; they are counted, but not in the hours.")
    if not tally.events and ledger.lines:
        ledger.note("No event was found in this file.")
    for name, counter in tally.counts.items():
        if OTHERS in counter:
            ledger.note(f"There are more than {VALUES_MAX:,} {name}; the rest is counted together as {OTHERS}.")
