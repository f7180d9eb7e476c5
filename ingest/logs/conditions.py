"""What a rule asks of an event: tests of fields, words and text, joined by and, or, not.

A condition answers three times. From the kind of an event alone, its words, keys and keywords, it may already know
(`decides`); or from the kind and what it did and who did it, which repeat, too. Both are remembered, so most rules are
never asked about most events. Only then is it asked about the event (`holds`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

from ingest.logs.events import Event
from ingest.logs.words import stems_of

Matcher = Callable[[str], bool]

TEXT_MAX = 1 << 14
"""Characters of a record that regular expressions look through; keywords are looked for in all of it. Records of audit
logs have a few thousand; the bound keeps an expression that backtracks from standing still on a hostile line."""

DEPTH_MAX = 8  # levels of a record that are looked into
LEAVES_MAX = 2000  # values of a record that are looked into
PAIR_NAMES = (("name", "value"), ("key", "value"), ("key", "valuestring"), ("displayname", "newvalue"))
"""Records that spell a field out as {"name": …, "value": …}: it is found under that name, too."""


class Kind(NamedTuple):
    """What many events have in common."""

    stems: str  # words.stems_of what happened
    outcome: str | None
    marks: frozenset[str]  # the keywords of the rules that stand in it
    keys: frozenset[str] | None  # the keys of the rules that it may have, by `last_key`; None: any


REPEATED = ("action", "actor", "error_code", "level")
"""Fields of an event that have few values in a log."""

Repeated = tuple[str | None, ...]
"""The values of `REPEATED`."""


class View:
    """An event as conditions see it. What is costly is worked out when it is first asked for."""

    __slots__ = ("_fields", "_wanted", "event", "kind")

    def __init__(self, event: Event, kind: Kind, wanted: frozenset[str] | None = None) -> None:
        """`wanted`: the fields of its record that will be asked for, as `field_name` spells them; None: any."""
        self.event = event
        self.kind = kind
        self._wanted = wanted
        self._fields: dict[str, list[str]] | None = None

    def values(self, name: str) -> list[str]:
        """The values of a field: one of the event's own, a dotted path into its record, or a key at any depth of it."""
        own = _OWN.get(name)
        if own is not None:
            value = own(self.event)
            return [] if value is None else [value]
        if self._fields is None:
            self._fields = fields_of(self.event.record, self._wanted) if self.event.record else {}
        return self._fields.get(field_name(name), [])


_OWN: Mapping[str, Callable[[Event], str | None]] = {
    "action": lambda event: event.action,
    "actor": lambda event: event.actor,
    "object": lambda event: event.object,
    "outcome": lambda event: event.outcome,
    "source": lambda event: event.source,
    "error_code": lambda event: event.error_code,
    "level": lambda event: event.severity,
    "text": lambda event: event.text[:TEXT_MAX],
}
"""Fields that every format has, whatever it calls them."""


@lru_cache(maxsize=8192)
def field_name(name: str) -> str:
    """A field's name or path as `fields_of` spells it: lower case, letters and digits, dots between levels."""
    return ".".join("".join(c for c in part.lower() if c.isalnum()) for part in name.split("."))


@lru_cache(maxsize=8192)
def last_key(name: str) -> str:
    """The last key of a field's name or path."""
    return field_name(name).rpartition(".")[2]


def fields_of(record: Mapping[str, object], wanted: frozenset[str] | None = None) -> dict[str, list[str]]:
    """The record's values by path and by last key: {"user.name": ["ann"], "name": ["ann"]}; "" for null.

    Args:
        record: nested, as it is in the log.
        wanted: the paths and last keys that will be asked for, as `field_name` spells them; None: all.
    """
    leaves: list[tuple[str, str, object]] = []
    _gather(leaves, record, "", 0, wanted)
    found: dict[str, list[str]] = {}
    for path, last, value in leaves[:LEAVES_MAX]:
        if isinstance(value, str):
            text = value[:TEXT_MAX]
        else:
            text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)[:TEXT_MAX]
        found.setdefault(path, []).append(text)
        if last != path:
            found.setdefault(last, []).append(text)
    return found


def _gather(
    leaves: list[tuple[str, str, object]], value: object, path: str, depth: int, wanted: frozenset[str] | None
) -> None:
    """Append (path, last key, value) of all that a value holds, somewhat more than `LEAVES_MAX` at the most."""
    if len(leaves) >= LEAVES_MAX:
        return
    if isinstance(value, dict):
        if depth >= DEPTH_MAX:
            return
        places = _places if len(value) <= _KEYS_MAX else _places.__wrapped__
        names, pairs = places(path, tuple(value), wanted)
        for name, below, last, asked in names:
            inner = value[name]
            if isinstance(inner, _NESTED):
                _gather(leaves, inner, below, depth + 1, wanted)
            elif asked:
                leaves.append((below, last, inner))
        for label, content, otherwise in pairs:
            spelled = value[label]
            if isinstance(spelled, str):
                name = field_name(spelled).replace(".", "") or otherwise
                _gather(leaves, value[content], name, depth + 1, wanted)
    elif isinstance(value, list):
        for inner in value[:100]:
            _gather(leaves, inner, path, depth + 1, wanted)
    else:
        leaves.append((path, path.rpartition(".")[2], value))


_KEYS_MAX = 200  # keys of a mapping whose meaning is remembered; what has more is data, and never the same twice

_NESTED = (dict, list)  # made once: `dict | list` takes longer to make than to ask for

_Places = tuple[tuple[tuple[str, str, str, bool], ...], tuple[tuple[str, str, str], ...]]


@lru_cache(maxsize=8192)  # the shapes of a log's records are few
def _places(path: str, keys: tuple[str, ...], wanted: frozenset[str] | None) -> _Places:
    """What the keys of a mapping at a path mean: (key, path below, last key, whether a value there is wanted) of each,
    and its pairs of `PAIR_NAMES` as (key of the label, key of the content, label). Of keys that are spelled alike the
    last one counts.
    """
    names = {field_name(str(key)).replace(".", ""): key for key in keys}
    below = ((key, f"{path}.{name}" if path else name, name) for name, key in names.items())
    pairs = ((names[one], names[other], one) for one, other in PAIR_NAMES if one in names and other in names)
    return (
        tuple((key, at, name, wanted is None or at in wanted or name in wanted) for key, at, name in below),
        tuple(pairs),
    )


class Condition(Protocol):
    """Something that holds for an event or does not."""

    @property
    def cost(self) -> int:
        """How dear `holds` is; the cheap ones are asked first."""
        ...

    def marks(self) -> Iterator[str]:
        """The keywords that it looks for, lower case."""
        ...

    def wants(self) -> Iterator[str]:
        """The fields of a record that it looks for, by `field_name`."""
        ...

    def reads(self) -> Iterator[str]:
        """The fields that it looks at."""
        ...

    def decides(self, kind: Kind, repeated: Repeated | None = None) -> bool | None:
        """Whether it holds for every event of a kind (and with these values), for none, or None: it depends."""
        ...

    def holds(self, view: View) -> bool:
        """Whether it holds for this event."""
        ...


def said_of(event: Event) -> str:
    """The stems of what happened: the words of the action and of what stands beside it."""
    return stems_of(f"{event.action or ''} {event.about}" if event.about else event.action or "")


@dataclass(frozen=True, slots=True)
class Words:
    """One of some phrases, or all of them, are among the words of what happened."""

    phrases: tuple[str, ...]  # as stems_of gives them
    every: bool = False
    cost = 0

    def marks(self) -> Iterator[str]:
        yield from ()

    def wants(self) -> Iterator[str]:
        yield from ()

    def reads(self) -> Iterator[str]:
        yield from ()

    def decides(self, kind: Kind, repeated: Repeated | None = None) -> bool | None:  # noqa: ARG002 - the kind tells
        found = (phrase in kind.stems for phrase in self.phrases)
        return all(found) if self.every else any(found)

    def holds(self, view: View) -> bool:
        return bool(self.decides(view.kind))


@dataclass(frozen=True, slots=True)
class Keywords:
    """One of some texts, or all of them, stand anywhere in the record."""

    parts: tuple[str, ...]  # lower case, looked for as they are
    matchers: tuple[Matcher, ...] = ()  # those with wildcards
    every: bool = False
    cost = 10

    def marks(self) -> Iterator[str]:
        yield from self.parts

    def wants(self) -> Iterator[str]:
        yield from ()

    def reads(self) -> Iterator[str]:
        yield from ()

    def decides(self, kind: Kind, repeated: Repeated | None = None) -> bool | None:  # noqa: ARG002 - the kind tells
        found = [part in kind.marks for part in self.parts]
        if self.every:
            return False if not all(found) else None if self.matchers else True
        return True if any(found) else None if self.matchers else False

    def holds(self, view: View) -> bool:
        answer = self.decides(view.kind)
        if answer is not None:
            return answer
        text = view.event.text
        found = (matches(text) for matches in self.matchers)
        return all(found) if self.every else any(found)


class _OfField:
    """What conditions on one field have in common: they need it, and no mark."""

    __slots__ = ()
    name: str

    def marks(self) -> Iterator[str]:
        yield from ()

    def wants(self) -> Iterator[str]:
        if self.name not in _OWN:
            yield field_name(self.name)

    def reads(self) -> Iterator[str]:
        yield self.name

    def decides(self, kind: Kind, repeated: Repeated | None = None) -> bool | None:
        if self.name == "outcome":
            return self.fits([kind.outcome] if kind.outcome else [])
        if repeated is not None and self.name in REPEATED:
            value = repeated[REPEATED.index(self.name)]
            return self.fits([] if value is None else [value])
        return self.fits([]) if _lacks(kind, self.name) else None

    def holds(self, view: View) -> bool:
        return self.fits(view.values(self.name))

    def fits(self, values: list[str]) -> bool:
        """Whether it holds for a field with these values."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Field(_OfField):
    """A field has one of some values, or all of them."""

    name: str
    matchers: tuple[Matcher, ...]
    every: bool = False
    cost: int = 20

    def fits(self, values: list[str]) -> bool:
        if not values:
            return False
        found = (any(map(matches, values)) for matches in self.matchers)
        return all(found) if self.every else any(found)


@dataclass(frozen=True, slots=True)
class Present(_OfField):
    """A field is there with a value, or is not."""

    name: str
    wanted: bool
    cost: int = 20

    def fits(self, values: list[str]) -> bool:
        return any(values) is self.wanted


def _lacks(kind: Kind, name: str) -> bool:
    return kind.keys is not None and name not in _OWN and last_key(name) not in kind.keys


@dataclass(frozen=True, slots=True)
class AtLeast:
    """So many of the parts hold: one of them is "or", all of them "and". Make it with `at_least` or `all_of`."""

    least: int
    parts: tuple[Condition, ...]  # the cheap ones first
    cost: int

    def marks(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.marks()

    def wants(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.wants()

    def reads(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.reads()

    def decides(self, kind: Kind, repeated: Repeated | None = None) -> bool | None:
        left, open_ = self.least, 0
        for part in self.parts:
            answer = part.decides(kind, repeated)
            left -= answer is True
            open_ += answer is None
        return True if left <= 0 else False if left > open_ else None

    def holds(self, view: View) -> bool:
        left = self.least
        spare = len(self.parts) - left  # parts that may fail
        for part in self.parts:
            if part.holds(view):
                left -= 1
                if not left:
                    return True
            else:
                spare -= 1
                if spare < 0:
                    return False
        return False


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition

    @property
    def cost(self) -> int:
        return self.part.cost

    def marks(self) -> Iterator[str]:
        yield from self.part.marks()

    def wants(self) -> Iterator[str]:
        yield from self.part.wants()

    def reads(self) -> Iterator[str]:
        yield from self.part.reads()

    def decides(self, kind: Kind, repeated: Repeated | None = None) -> bool | None:
        answer = self.part.decides(kind, repeated)
        return None if answer is None else not answer

    def holds(self, view: View) -> bool:
        return not self.part.holds(view)


def all_of(*parts: Condition) -> Condition:
    """And."""
    return at_least(len(parts), *parts)


def at_least(least: int, *parts: Condition) -> Condition:
    """`least` of the parts; 1 is or."""
    if len(parts) == 1:
        return parts[0]
    return AtLeast(least, tuple(sorted(parts, key=lambda part: part.cost)), sum(part.cost for part in parts))
