"""Facts of many logs to facts of the batch. In whatever order the logs come, the batch's facts are the same.

A template of the batch is made of the masked messages of all its files, those of an earlier batch first, in the order
of the files: so the same thing has the same name in all of them, and keeps it from one batch to the next.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ingest.logs.facts import LogFacts
from ingest.logs.findings import SEVERITIES, Finding
from ingest.logs.tally import FIELDS, OTHERS, VALUES_MAX, span
from ingest.logs.templates import OTHER, Shape, Template, Templates, template_id

SHAPES_MAX = 200_000
"""Masked messages of a batch that are kept apart, about 100 MB; what comes after is counted under `OTHER`."""

Place = tuple[int, int]  # (number of the file in the batch, line)
Key = tuple[str, bool]  # of a shape: (text, ready)


@dataclass(slots=True)
class Spot:
    """How often something occurs in a batch, in which files, and where and when for the first and last time."""

    count: int  # events
    files: int  # a bit for each file, the first file's the lowest
    place: Place  # in the order of files and lines
    first: datetime | None = None  # UTC
    last: datetime | None = None

    def add(self, other: "Spot") -> None:
        """Count what another has seen."""
        self.count += other.count
        self.files |= other.files
        self.place = min(self.place, other.place)
        self.first, self.last = span((self.first, self.last), (other.first, other.last))


@dataclass(frozen=True, slots=True)
class BatchTemplate:
    """A template of the whole batch."""

    pattern: str
    count: int  # events
    files: int  # in how many files
    place: Place  # where it comes first
    known: bool  # the earlier batch has it

    @property
    def id(self) -> str:
        """The name of its pattern."""
        return template_id(self.pattern)


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """What was counted in all logs of a batch."""

    files: int
    lines: int
    events: int
    left_out: int
    event_lines: int
    blank_lines: int
    unparsed_lines: int
    first: datetime | None  # UTC
    last: datetime | None
    formats: Counter[str]  # format: files
    values: dict[str, dict[str, Spot]]  # of FIELDS
    by_hour: Counter[int]  # as in LogFacts
    bad_by_hour: Counter[int]
    templates: list[BatchTemplate]  # the most frequent first, then by pattern
    findings: list[tuple[int, Finding]]  # with the number of the file; the gravest first
    shapes: list[Shape]  # what the templates are made of, those of the earlier batch among them; without lines
    names: dict[Key, str] = field(default_factory=dict)  # shape: pattern of its template

    def name_of(self, shape: Shape) -> str:
        """The pattern that the batch has for a masked message of one of its files."""
        return self.names.get((shape.text, shape.ready), OTHER)


@dataclass(slots=True)
class Joined:
    """Joins the facts of logs. `known`: the shapes of an earlier batch."""

    known: Sequence[Shape] = ()
    files: int = 0
    lines: int = 0
    events: int = 0
    left_out: int = 0
    event_lines: int = 0
    blank_lines: int = 0
    unparsed_lines: int = 0
    first: datetime | None = None
    last: datetime | None = None
    formats: Counter[str] = field(default_factory=Counter)
    values: dict[str, dict[str, Spot]] = field(default_factory=lambda: {name: {} for name in FIELDS})
    by_hour: Counter[int] = field(default_factory=Counter)
    bad_by_hour: Counter[int] = field(default_factory=Counter)
    findings: list[tuple[int, Finding]] = field(default_factory=list)
    _shapes: dict[Key, tuple[Place, Spot]] = field(default_factory=dict)  # with its place among the file's shapes

    def add(self, number: int, facts: LogFacts) -> None:
        """Count a log that is the batch's file of that number, 0-based."""
        self.files += 1
        self.lines += facts.lines
        self.events += facts.events
        self.left_out += facts.left_out
        self.event_lines += facts.event_lines
        self.blank_lines += facts.blank_lines
        self.unparsed_lines += facts.unparsed_lines
        self.first, self.last = span((self.first, self.last), (facts.first, facts.last))
        self.formats[facts.format] += 1
        self.by_hour.update(facts.by_hour)
        self.bad_by_hour.update(facts.bad_by_hour)
        self.findings.extend((number, finding) for finding in facts.findings)
        for name, seens in facts.values.items():
            spots = self.values[name]
            for value, seen in seens.items():
                spot = Spot(seen.count, 1 << number, (number, seen.line), seen.first, seen.last)
                if value not in spots and len(spots) >= VALUES_MAX:
                    value = OTHERS
                _put(spots, value, spot)
        for order, shape in enumerate(facts.shapes):
            key = (shape.text, shape.ready)
            if key not in self._shapes and len(self._shapes) >= SHAPES_MAX:
                key = (OTHER, True)
            spot = Spot(shape.count, 1 << number, (number, shape.lines[0] if shape.lines else 0))
            held = self._shapes.get(key)
            if held is None:
                self._shapes[key] = ((number, order), spot)
            else:
                held[1].add(spot)
                self._shapes[key] = (min(held[0], (number, order)), held[1])

    def result(self) -> BatchFacts:
        """The batch's facts."""
        miner = Templates()
        earlier = {(shape.text, shape.ready): miner.put(Shape(shape.text, shape.ready, 0, ())) for shape in self.known}
        keys = sorted(self._shapes, key=lambda key: self._shapes[key][0])
        places: dict[Key, Template] = dict(earlier)
        for key in keys:
            places[key] = miner.put(Shape(*key, self._shapes[key][1].count, ()))
        kept = list(places)[:SHAPES_MAX]
        names = dict(zip(places, miner.patterns(places.values()), strict=True))
        known = {names[key] for key in earlier}
        spots: dict[str, Spot] = {}
        for key in keys:
            spot = self._shapes[key][1]
            _put(spots, names[key], Spot(spot.count, spot.files, spot.place))
        templates = [
            BatchTemplate(pattern, spot.count, spot.files.bit_count(), spot.place, pattern in known)
            for pattern, spot in spots.items()
        ]
        return BatchFacts(
            files=self.files,
            lines=self.lines,
            events=self.events,
            left_out=self.left_out,
            event_lines=self.event_lines,
            blank_lines=self.blank_lines,
            unparsed_lines=self.unparsed_lines,
            first=self.first,
            last=self.last,
            formats=self.formats,
            values=self.values,
            by_hour=self.by_hour,
            bad_by_hour=self.bad_by_hour,
            templates=sorted(templates, key=lambda one: (-one.count, one.pattern)),
            findings=sorted(self.findings, key=_gravest_first),
            shapes=[Shape(*key, self._shapes[key][1].count if key in self._shapes else 0, ()) for key in kept],
            names=names,
        )


def _put(spots: dict[str, Spot], value: str, spot: Spot) -> None:
    known = spots.get(value)
    if known is None:
        spots[value] = spot
    else:
        known.add(spot)


def _gravest_first(pair: tuple[int, Finding]) -> tuple[int, int, int, str]:
    number, finding = pair
    return -SEVERITIES.index(finding.severity), number, finding.lines[0] if finding.lines else 0, finding.title
