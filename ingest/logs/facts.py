"""A log to its facts: every number counted, every template and finding with its lines. Nothing here is estimated.

The way through: `Text` → `recognise` → `read_events` → for each event: templates, counts, watchers → `LogFacts`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

from ingest.errors import ReadError
from ingest.logs.clock import iso, moment_of
from ingest.logs.events import Event, Ledger, in_batches
from ingest.logs.findings import Finding
from ingest.logs.formats import read_events, recognise
from ingest.logs.lines import Text
from ingest.logs.rules import Rules
from ingest.logs.selection import Selection
from ingest.logs.stretch import Recorder, Stretch
from ingest.logs.tally import FIELDS, OTHERS, VALUES_MAX, Seen, Tally
from ingest.logs.templates import Shape, Template, Templates
from ingest.logs.watch import Watch
from ingest.types import FileStatus

FIRST_LINES = 20  # line numbers of a template or finding that are listed unless all are asked for

VALUES_LISTED = 10_000
"""Values of one count that are listed unless all are asked for. All are counted."""

SEEN_LISTED = 100  # values of one count whose first and last time is listed, the most frequent

COUNTS = (*FIELDS, "hours")


@dataclass(frozen=True, slots=True)
class LogFacts:
    """What was counted in one log."""

    path: str
    format: str
    lines: int
    events: int  # those that were looked at; `left_out` are not among them
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
    left_out: int = 0  # events outside of what was selected
    values: dict[str, dict[str, Seen]] = field(default_factory=dict)  # of FIELDS
    by_hour: Counter[int] = field(default_factory=Counter)  # hours since 1 January of year 1, UTC: events
    bad_by_hour: Counter[int] = field(default_factory=Counter)  # of these, failed or denied
    shapes: list[Shape] = field(default_factory=list)  # what the templates are made of, in the order of the log
    sha256: str = ""  # of the bytes that were read, hex

    def to_json(self, all_lines: bool = False) -> dict[str, object]:
        """The contract's entry for a log. `all_lines` lists every line number and value instead of the first."""
        most = None if all_lines else FIRST_LINES
        notes = list(self.notes)
        counts: dict[str, dict[str, int]] = {}
        for name, counter in self.counts.items():
            ranked = ranking(counter, by_value=name == "hours")
            counts[name] = dict(ranked if all_lines else ranked[:VALUES_LISTED])
            if len(counts[name]) < len(ranked):
                notes.append(f"counts.{name} lists the {VALUES_LISTED:,} most frequent of {len(ranked):,} values.")
        return {
            "path": self.path,
            "format": self.format,
            "lines": self.lines,
            "events": self.events,
            "left_out": self.left_out,
            "event_lines": self.event_lines,
            "blank_lines": self.blank_lines,
            "unparsed_lines": self.unparsed_lines,
            "unparsed": self.unparsed,
            "first": iso(self.first) if self.first else None,
            "last": iso(self.last) if self.last else None,
            "counts": counts,
            "seen": {name: self._seen(name) for name in FIELDS if self.counts[name]},
            "timeline": timeline(self.by_hour, self.bad_by_hour),
            "templates": [template_entry(template, most) for template in self.templates],
            "findings": [finding_entry(finding, most) for finding in self.findings],
            "notes": notes,
        }

    def _seen(self, name: str) -> dict[str, dict[str, object]]:
        """Where and when the most frequent values come for the first and last time."""
        frequent = [value for value, _ in ranking(self.counts[name])[:SEEN_LISTED]]
        return {value: seen_entry(self.values[name][value]) for value in frequent if value in self.values[name]}


def ranking(counter: Counter[str], by_value: bool = False) -> list[tuple[str, int]]:
    """Values with their counts, the most frequent first, then by value; or all by value."""
    return sorted(counter.items(), key=lambda pair: pair[0] if by_value else (-pair[1], pair[0]))


def template_entry(template: Template, most: int | None) -> dict[str, object]:
    """The contract's entry of a template."""
    return {
        "id": template.id,
        "pattern": template.pattern,
        "count": template.count,
        "lines": template.lines[:most].tolist(),
    }


def finding_entry(finding: Finding, most: int | None) -> dict[str, object]:
    """The contract's entry of a finding: its fields, with the first `most` lines."""
    entry: dict[str, object] = {one.name: getattr(finding, one.name) for one in fields(finding)}
    return entry | {"lines": finding.lines[:most].tolist(), "technique": list(finding.technique)}


def seen_entry(seen: Seen) -> dict[str, object]:
    """When a value was seen for the first and last time, and on which line it comes first."""
    return {
        "line": seen.line,
        "first": iso(seen.first) if seen.first else None,
        "last": iso(seen.last) if seen.last else None,
    }


def timeline(by_hour: Counter[int], bad_by_hour: Counter[int]) -> list[list[object]]:
    """[hour, events, of these failed or denied], hours in ISO 8601, ascending; hours without events are not there."""
    return [[iso(moment_of(hour)), by_hour[hour], bad_by_hour[hour]] for hour in sorted(by_hour)]


def analyse(
    path: Path,
    name: str,
    on_progress: Callable[[int], None] | None = None,
    *,
    rules: Rules | None = None,
    selection: Selection | None = None,
    every_line: bool = False,
) -> LogFacts:
    """Count everything in one log.

    Args:
        path: the file, plain or gzip.
        name: what reports call it; becomes `LogFacts.path`.
        on_progress: told how many more bytes of the file have been read.
        rules: what makes a single event a finding (`rules.load`); None for the rules that come with the program.
        selection: the events to look at; None: all.
        every_line: keep all line numbers of each template, not the first few.

    Raises:
        ReadError: the file is no text, cannot be opened, or unpacks without bound.
    """
    with Text(path, on_progress) as text:
        try:
            changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except OSError as error:
            raise ReadError(FileStatus.FAILED, f"{name} went away while it was read.") from error
        found = recognise(text.head, changed)
        analysis = Analysis(selection, every_line, rules)
        analysis.take(read_events(text, found, analysis.ledger))
        digest = text.finish()
        return analysis.facts(name, text.notes, digest)


class Analysis:
    """Everything that is counted while the events of one log go by."""

    def __init__(
        self, selection: Selection | None = None, every_line: bool = False, rules: Rules | None = None
    ) -> None:
        self.ledger = Ledger()
        self.watch = Watch(rules)
        self.tally = Tally()
        self.templates = Templates(every_line=every_line)
        self.left_out = 0
        self._selection = None if selection is None or selection.everything else selection

    def take(self, events: Iterable[Event]) -> None:
        """Count events, in the order of the log."""
        for stretch in self.stretches(events):
            self.add(stretch)

    def stretches(self, events: Iterable[Event]) -> Iterator[Stretch]:
        """Make templates of events and judge them by the rules; for all other counts they come back by the stretch."""
        selection, recorder = self._selection, Recorder()
        for batch in in_batches(events):
            if selection is not None:
                taken = [event for event in batch if selection.takes(event)]
                self.left_out += len(batch) - len(taken)
                batch = taken
            self.templates.add(batch)
            self.watch.judge(batch)
            recorder.add(batch)
            if recorder.full:
                yield recorder.take()
        yield recorder.take()

    def add(self, stretch: Stretch) -> None:
        """Count a stretch of events, and show it to the signals."""
        self.tally.add(stretch)
        self.watch.follow(stretch)

    def facts(self, name: str, notes: Iterable[str], sha256: str) -> LogFacts:
        """What was counted, once all events have been taken. `notes`: what the text itself has to say."""
        ledger, tally = self.ledger, self.tally
        tally.settle()
        for note in notes:
            ledger.note(note)
        _explain(ledger, tally, self.left_out, self._selection)
        counts = {name: Counter({value: seen.count for value, seen in tally.values[name].items()}) for name in FIELDS}
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
            counts=counts | {"hours": hours_of_day(tally.by_hour)},
            templates=self.templates.result(),
            findings=self.watch.findings(),
            notes=ledger.notes,
            unparsed=ledger.unparsed[:FIRST_LINES].tolist(),
            left_out=self.left_out,
            values=tally.values,
            by_hour=tally.by_hour,
            bad_by_hour=tally.bad_by_hour,
            shapes=self.templates.shapes(),
            sha256=sha256,
        )


def hours_of_day(by_hour: Counter[int]) -> Counter[str]:
    """Events by hour of the day, "00" to "23" in UTC."""
    hours: Counter[str] = Counter()
    for hour, count in by_hour.items():
        hours[f"{hour % 24:02}"] += count
    return hours


def _format_name(ledger: Ledger) -> str:
    """The format of most events; "mixed" and their names where more than one has a twentieth or more."""
    total = ledger.formats.total()
    names = [name for name, count in ledger.formats.most_common() if count * 20 >= total]
    if not names:
        return "empty" if not ledger.lines else "unknown"
    return names[0] if len(names) == 1 else "mixed: " + " + ".join(names)


def _explain(ledger: Ledger, tally: Tally, left_out: int, selection: Selection | None) -> None:
    if selection is not None:
        ledger.note(f"Only events {selection.words()} were looked at; {left_out:,} others were left out.")
    if len(ledger.formats) > 1:
        parts = ", ".join(f"{name} {count:,}" for name, count in ledger.formats.most_common())
        ledger.note(f"Events by format: {parts}.")
    if tally.timeless and tally.first:
        ledger.note(f"{tally.timeless:,} events carry no readable time; they are counted, but not in the hours.")
    if not tally.events and not left_out and ledger.lines:
        ledger.note("No event was found in this file.")
    for name, values in tally.values.items():
        if OTHERS in values:
            ledger.note(f"There are more than {VALUES_MAX:,} {name}; the rest is counted together as {OTHERS}.")
