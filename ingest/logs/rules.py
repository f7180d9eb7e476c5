"""Which rules an event meets. The rules are files in `rulebook/`, in the Sigma format; a user's folder adds to them.

Most events are of a few kinds: which rules a kind leaves open is worked out once, and for those of them that look at
who did it, once for each actor. A kind is told by what was found in the event's text, in the order in which it was
found; that two orders are the same kind is seen when a new one is met.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from operator import attrgetter
from pathlib import Path

from ingest.logs.conditions import REPEATED, Kind, Repeated, View, last_key, said_of
from ingest.logs.events import TRIED, Event
from ingest.logs.sigma import Rule, read_rules

SHIPPED = Path(__file__).parent / "rulebook"

_PUNCTUATION = b" _-.@$/#"  # in keys, where it makes no difference: "event_type" is "eventType"

_KINDS_MAX = 8192  # kinds of events whose rules are remembered
_FOUND_MAX = 32_768  # orders in which marks and keys were found whose kinds are remembered, about 30 MB at the most

_ACTORS_MAX = 8192  # events of a kind, told apart by `REPEATED`, whose rules are remembered

_repeated = attrgetter(*(field if field != "level" else "severity" for field in REPEATED))

_Found = tuple[str, str | None, tuple[int, ...], tuple[int, ...] | None]
"""What tells an event's kind: stems, outcome, and by their numbers the marks and keys in the order of its text."""


class _Open:
    """The rules that a kind of event leaves open."""

    __slots__ = ("_by_repeated", "_kind", "_rules", "_wanted")

    def __init__(self, kind: Kind, rules: tuple[Rule, ...], wanted: frozenset[str]) -> None:
        """`wanted`: the fields of records that any rule looks for."""
        self._kind = kind
        self._rules = rules
        self._wanted = wanted
        looked_at = any(field in REPEATED for rule in rules for field in rule.condition.reads())
        self._by_repeated: dict[Repeated, tuple[Rule, ...]] | None = {} if looked_at else None

    def met_by(self, event: Event) -> list[Rule]:
        """The rules that an event of this kind meets."""
        rules = self._rules
        if self._by_repeated is not None:
            repeated: Repeated = _repeated(event)
            known = self._by_repeated.get(repeated)
            rules = self._left_open(repeated) if known is None else known
        if not rules:
            return []
        tried = event.outcome in TRIED
        view = View(event, self._kind, self._wanted)
        return [rule for rule in rules if not (tried and rule.attempts == "ignore") and rule.condition.holds(view)]

    def _left_open(self, repeated: Repeated) -> tuple[Rule, ...]:
        assert self._by_repeated is not None
        if len(self._by_repeated) >= _ACTORS_MAX:
            self._by_repeated.clear()
        rules = tuple(rule for rule in self._rules if rule.condition.decides(self._kind, repeated) is not False)
        self._by_repeated[repeated] = rules
        return rules


class Rules:
    """A set of rules, in the order in which they are told."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """`rules`: of two with the same id the later one counts, so a user's rule replaces a shipped one."""
        self.rules = tuple(rule for rule in {rule.id: rule for rule in rules}.values() if rule.active)
        self._marks = _Finder({mark: mark for rule in self.rules for mark in rule.condition.marks()})
        self._wanted = frozenset(name for rule in self.rules for name in rule.condition.wants())
        keys = {last_key(name) for name in self._wanted}
        # A key stands in quotation marks; in a record inside a string, the second one has a backslash before it.
        self._keys = _Finder({f'"{key}{end}': key for key in keys for end in ('"', "\\")})
        self._open: dict[_Found, _Open] = {}
        self._kinds: dict[Kind, _Open] = {}

    def met_by(self, events: Sequence[Event]) -> Iterator[tuple[Event, list[Rule]]]:
        """The events that meet any rule, each with its rules in the order of the set."""
        texts = [event.text.lower().encode(errors="surrogatepass") for event in events]
        # Where keys may be elsewhere or spelled otherwise, they are not looked for.
        records = [
            number
            for number, (event, text) in enumerate(zip(events, texts, strict=True))
            if event.record is not None and text.startswith(b"{") and b"\\u" not in text
        ]
        keys = self._keys.find([texts[number].translate(None, _PUNCTUATION) for number in records])
        keys_of = dict(zip(records, keys, strict=True))
        known = self._open
        for number, (event, marks) in enumerate(zip(events, self._marks.find(texts), strict=True)):
            found = said_of(event), event.outcome, marks, keys_of.get(number) if event.record is not None else ()
            left = known.get(found)
            if left is None:
                if len(known) >= _FOUND_MAX:
                    known.clear()
                left = known[found] = self._left_open(found)
            if met := left.met_by(event):
                yield event, met

    def _left_open(self, found: _Found) -> _Open:
        stems, outcome, marks, keys = found
        kind = Kind(stems, outcome, self._marks.names(marks), None if keys is None else self._keys.names(keys))
        known = self._kinds.get(kind)
        if known is None:
            if len(self._kinds) >= _KINDS_MAX:
                self._kinds.clear()
            rules = tuple(rule for rule in self.rules if rule.condition.decides(kind) is not False)
            known = self._kinds[kind] = _Open(kind, rules, self._wanted)
        return known


class _Finder:
    """Which of many texts stand in another: all at once, 40 times as fast as one after the other."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """`names`: what to look for, and what to call it."""
        import ahocorasick_rs

        self._names = list(names.values())
        # The largest form of the automaton, some 100 kB here, is twice as fast as the one that would be chosen.
        self._automaton = ahocorasick_rs.BytesAhoCorasick(
            [name.encode() for name in names], implementation=ahocorasick_rs.Implementation.DFA
        )

    def find(self, texts: Sequence[bytes]) -> list[tuple[int, ...]]:
        """For each text (UTF-8) the numbers of what stands in it, in its order."""
        found = self._automaton.find_matches_as_indexes(b"\0".join(texts), overlapping=True)
        numbers: list[tuple[int, ...]] = []
        at, begin = 0, 0
        for text in texts:
            end = begin + len(text)
            first = at
            while at < len(found) and found[at][2] <= end:
                at += 1
            numbers.append(tuple([number for number, start, _ in found[first:at] if start >= begin]))
            begin = end + 1
        return numbers

    def names(self, numbers: Iterable[int]) -> frozenset[str]:
        """The names of what was found."""
        return frozenset(self._names[number] for number in numbers)


@cache
def load(*folders: Path) -> Rules:
    """The shipped rules, and those of some folders, read once.

    Raises UsageError, with file and line, for a rule that cannot be read.
    """
    return Rules(read_rules(SHIPPED, *folders))
