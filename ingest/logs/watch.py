"""Shows every event to the rules and the signals, and gathers what they found."""

from array import array
from collections import Counter
from dataclasses import dataclass, field

from ingest.logs.events import Event, Outcome
from ingest.logs.findings import SEVERITIES, Finding, named
from ingest.logs.rules import Rules, load
from ingest.logs.sigma import Rule
from ingest.logs.signals import all_signals


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


class Watch:
    """Watches a log's events and says in the end what stood out."""

    def __init__(self, rules: Rules | None = None) -> None:
        """`rules`: None for those that come with the program."""
        self._rules = rules or load()
        self._hits: dict[tuple[str, bool], tuple[Rule, _Hits]] = {}
        self._signals = all_signals()

    def see(self, event: Event) -> None:
        """Take the next event."""
        tried = event.outcome in (Outcome.FAILURE, Outcome.DENIED)
        worst: Rule | None = None
        for rule in self._rules.met_by(event):
            # The gravest rule speaks for the event: the same thing is not reported twice under weaker names.
            if worst is None or _weight(rule, tried) > _weight(worst, tried):
                worst = rule
        if worst is not None:
            known = self._hits.get((worst.id, tried))
            if known is None:
                known = self._hits[worst.id, tried] = worst, _Hits()
            known[1].add(event)
        for signal in self._signals:
            signal.see(event)

    def findings(self) -> list[Finding]:
        """The gravest first; within a severity in the order in which they happened."""
        found = [_of_rule(rule, tried, hits) for (_, tried), (rule, hits) in self._hits.items()]
        for signal in self._signals:
            found.extend(signal.findings())
        return sorted(found, key=lambda f: (-SEVERITIES.index(f.severity), f.lines[0] if f.lines else 0, f.title))


def _weight(rule: Rule, tried: bool) -> int:
    """The index in SEVERITIES of what a rule says of an event that was done, or only tried."""
    return max(0, SEVERITIES.index(rule.severity) - (tried and rule.attempts == "lower"))


def _of_rule(rule: Rule, tried: bool, hits: _Hits) -> Finding:
    title = rule.title
    if tried and rule.attempts == "lower":
        title = f"Attempted, without success: {title[0].lower() + title[1:]}"
    return Finding(
        SEVERITIES[_weight(rule, tried)],
        title,
        f"{rule.why}{named(hits.actors)}",
        hits.count,
        hits.lines,
        rule.technique,
        rule.check,
    )
