"""Shows every event to the rules and the signals, and gathers what they found."""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ingest.logs.events import TRIED, Deed, Event, in_batches
from ingest.logs.findings import SEVERITIES, Finding, named
from ingest.logs.rules import Rules, load
from ingest.logs.sigma import Rule
from ingest.logs.signals import all_signals
from ingest.logs.stretch import Recorder, Stretch

_DEEDS_MAX = 50_000  # deeds of which it is remembered which signals want to see them, about 15 MB


@dataclass(slots=True)
class _Hits:
    """The events that met one rule, done or attempted."""

    count: int = 0
    lines: "array[int]" = field(default_factory=lambda: array("Q"))
    actors: Counter[str] = field(default_factory=Counter)

    def add(self, event: Event) -> None:
        self.count += 1
        if not self.lines or self.lines[-1] != event.lines[0]:
            self.lines.append(event.lines[0])
        if event.actor:
            self.actors[event.actor] += 1


Judged = dict[tuple[str, bool], _Hits]
"""What rules found: (id of a rule, met by what was only tried): its events."""


class Watch:
    """Watches a log's events and says in the end what stood out.

    Rules look at each event by itself (`judge`), so that pieces of a log can be judged apart and joined with `add`;
    signals have to see all events in their order (`follow`), a stretch at a time.
    """

    def __init__(self, rules: Rules | None = None) -> None:
        """`rules`: None for those that come with the program."""
        self._rules = rules or load()
        self._named = {rule.id: rule for rule in self._rules.rules}
        self._hits: Judged = {}
        self._by_hour: Counter[int] = Counter()
        self._signals = all_signals(self._by_hour)
        self._wanted: dict[Deed, int] = {}  # a bit for each signal that wants to see it
        self._recorder = Recorder()

    def see(self, events: Iterable[Event]) -> None:
        """Take the next events."""
        for batch in in_batches(events):
            self.judge(batch)
            self._recorder.add(batch)
            if self._recorder.full:
                self.follow(self._recorder.take())

    def judge(self, events: Sequence[Event]) -> None:
        """Show events to the rules alone."""
        for event, met in self._rules.met_by(events):
            tried = event.outcome in TRIED
            # The gravest rule speaks for the event: the same thing is not reported twice under weaker names.
            worst = max(met, key=partial(_weight, tried))
            hits = self._hits.get((worst.id, tried))
            if hits is None:
                hits = self._hits[worst.id, tried] = _Hits()
            hits.add(event)

    def follow(self, stretch: Stretch) -> None:
        """Show the next events to the signals alone."""
        self._by_hour.update(stretch.by_hour())
        wanted = np.array([self._wanted_by(deed) for deed in stretch.deeds], np.uint32)[stretch.which]
        for number, signal in enumerate(self._signals):
            chosen = wanted & (1 << number) != 0
            if chosen.any():
                signal.follow(stretch.of(chosen))

    def _wanted_by(self, deed: Deed) -> int:
        bits = self._wanted.get(deed)
        if bits is None:
            bits = sum(signal.wants(deed) << number for number, signal in enumerate(self._signals))
            if len(self._wanted) >= _DEEDS_MAX:
                self._wanted.clear()
            self._wanted[deed] = bits
        return bits

    @property
    def judged(self) -> Judged:
        """What the rules have found so far."""
        return self._hits

    def add(self, judged: Judged, before: int) -> None:
        """Add what the same rules found in the next piece of the log. `before`: lines that stand before the piece."""
        for key, found in judged.items():
            hits = self._hits.setdefault(key, _Hits())
            hits.count += found.count
            hits.lines.extend(line + before for line in found.lines)
            hits.actors.update(found.actors)

    def findings(self) -> list[Finding]:
        """The gravest first; within a severity in the order in which they happened."""
        self.follow(self._recorder.take())
        found = [_of_rule(self._named[name], tried, hits) for (name, tried), hits in self._hits.items()]
        for signal in self._signals:
            found.extend(signal.findings())
        return sorted(found, key=lambda f: (-SEVERITIES.index(f.severity), f.lines[0] if f.lines else 0, f.title))


def _weight(tried: bool, rule: Rule) -> int:
    """The index in SEVERITIES of what a rule says of an event that was done, or only tried."""
    return max(0, SEVERITIES.index(rule.severity) - (tried and rule.attempts == "lower"))


def _of_rule(rule: Rule, tried: bool, hits: _Hits) -> Finding:
    title = rule.title
    if tried and rule.attempts == "lower":
        title = f"Attempted, without success: {title[0].lower() + title[1:]}"
    return Finding(
        SEVERITIES[_weight(tried, rule)],
        title,
        f"{rule.why}{named(hits.actors)}",
        hits.count,
        hits.lines,
        rule.technique,
        rule.check,
    )
