"""Records with named fields (JSON, CSV) to events, by the tables in `keys`. Knows no service and no key name."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from itertools import groupby

from ingest.logs.access import outcome_of_status
from ingest.logs.clock import from_epoch, has_zone, parse_time
from ingest.logs.events import Event, Outcome
from ingest.logs.keys import FAMILIES, IDENTITY, NAMES, SAYS, WRAPPERS, Family
from ingest.logs.layouts import level_word

Record = Mapping[str, object]

VALUE_MAX = 300
"""Characters kept of an actor, object and so on. Longer ones are payloads, not names."""

ABOUT_MAX = 200  # characters of a value that says what an event is about; longer ones tell stories


_SUCCESS = {"success", "succeeded", "successful", "ok", "allow", "allowed", "accept", "accepted", "granted", "permit",
            "permitted", "pass", "passed", "true", "yes", "complete", "completed", "0", "approved", "done"}  # fmt: skip
_DENIED = {"denied", "deny", "forbidden", "unauthorized", "unauthorised", "blocked", "block", "rejected", "reject",
           "refused", "refuse", "accessdenied", "not permitted", "dropped"}  # fmt: skip
_FAILURE = {"failure", "failed", "fail", "error", "false", "no", "invalid", "unsuccessful", "ko", "incorrect", "1"}
_DENIED_CODE = re.compile(
    r"(?i)access.?denied|unauthori[sz]ed|forbidden|permission.?denied|not.?authorized|^40[13]$|^7$"
)

_ERROR = re.compile(
    r"(?i)^-?\d+$|err|fail|den|forbid|invalid|exce|not|unauth|bad|block|reject|timeout|expire|limit|abort|lock"
)
_MAYBE_ERRORS = frozenset(("code", "reason"))
"""Keys whose value is an error only if it says so, by a number or words of trouble. "T1000I" is some other code."""


@lru_cache(maxsize=4096)
def outcome_word(text: str) -> str | None:
    """An outcome in our three words where the log's own word is one of theirs."""
    word = text.strip().lower()
    if not word or word in ("none", "null", "-", "n/a"):
        return None
    if word.isdigit() and len(word) == 3 and 100 <= int(word) < 600:
        return outcome_of_status(int(word))
    first = re.split(r"[^a-z0-9]+", word.lstrip("("), maxsplit=1)[0]
    for outcome, words in ((Outcome.SUCCESS, _SUCCESS), (Outcome.DENIED, _DENIED), (Outcome.FAILURE, _FAILURE)):
        if word in words or (first in words and not first.isdigit()):
            return outcome
    return clip(word)


def outcome_of_error(code: str) -> Outcome:
    """What an error code says of the action."""
    return Outcome.DENIED if _DENIED_CODE.search(code) else Outcome.FAILURE


def clip(text: str) -> str:
    """A value short enough to be counted and printed; how much is missing is said."""
    return text if len(text) <= VALUE_MAX else f"{text[:VALUE_MAX]}… ({len(text):,} characters)"


def family_of(record: Record) -> Family | None:
    """The service whose shape the record has."""
    known = _known_shape(record)
    return known.family if known else None


def is_event(record: Record) -> bool:
    """Whether a record tells of something that happened. A record of `id` and `text` is a document, not an event."""
    if family_of(record):
        return True
    if isinstance(record.get("text"), str) and ("id" in record or "title" in record or "_id" in record):
        return False
    flat = _flat(record)
    if not any(_time(flat.get(name)) for name in NAMES["time"]):
        return False
    return any(name in flat for field in ("action", "actor", "message", "severity", "outcome") for name in NAMES[field])


def tells(names: Sequence[str]) -> bool:
    """Whether the column names of a table are those of a log: a time, and who did or what was done."""
    known = {key(name) for name in names}
    has = {field: any(name in known for name in NAMES[field]) for field in NAMES}
    action = any(name in known for name in NAMES["action"][:-3])  # "type", "name" and "category" name anything
    return has["time"] and (
        (action and (has["actor"] or has["outcome"] or has["source"] or has["object"]))
        or (has["actor"] and (has["outcome"] or has["source"]))
        or (has["severity"] and has["message"])
    )


class Mapper:
    """Turns records into events and remembers what has to be said about them."""

    def __init__(self) -> None:
        self._zoneless = False
        self.families: set[str] = set()

    def event(self, record: Record, lines: tuple[int, int], detail: str) -> Event:
        """The record's event. `detail` is the record as it stands in the log."""
        record = _unpacked(record)
        known = _known_shape(record)
        if known is None:
            return self._generic(record, lines, detail)
        self.families.add(known.family.name)
        return self._known(known, record, lines, detail)

    def notes(self) -> list[str]:
        """What a reader must know about the times."""
        return ["Timestamps without a zone are read as UTC."] if self._zoneless else []

    def _known(self, known: "_Known", record: Record, lines: tuple[int, int], detail: str) -> Event:
        family = known.family
        action = _first(record, known.action)
        action = family.codes.get(action or "", action)
        error = _first(record, known.error_code)
        outcome = outcome_word(_first(record, known.outcome) or "")
        if outcome == Outcome.FAILURE and family.outcome[0].endswith(".granted"):
            outcome = Outcome.DENIED
        if error and outcome_word(error) is Outcome.SUCCESS:
            error = None
        if outcome is None and (error or family.silence_is_success):
            outcome = outcome_of_error(error) if error else Outcome.SUCCESS
        elif outcome == Outcome.SUCCESS:
            error = None
        message = " ".join(filter(None, (_first(record, known.service), action, error or _unless_success(outcome))))
        actor = _first(record, known.actor)
        return Event(
            lines,
            self._first_moment(record, family.time),
            _short(actor) if actor else None,
            action,
            _first(record, known.object),
            outcome,
            _first(record, known.source),
            error,
            message,
            True,
            level_word(_first(record, known.severity)),
            detail,
            _about(action, (_at(record, path) for path in family.about)) if family.about else "",
            record,
        )

    def _generic(self, record: Record, lines: tuple[int, int], detail: str) -> Event:
        flat = _flat(record)
        names = _names_in(tuple(flat))

        def first(field: str, best: tuple[str, ...] = IDENTITY) -> str | None:
            for name in names[field]:
                value = _text(flat[name], best)
                if value:
                    return value
            return None

        action, message = first("action", SAYS), first("message")
        error = next(
            (
                text
                for name in names["error_code"]
                if (text := _text(flat[name])) and (name not in _MAYBE_ERRORS or _ERROR.search(text))
            ),
            None,
        )
        if error and outcome_word(error) in (None, Outcome.SUCCESS):
            error = None
        outcome = outcome_word(first("outcome", SAYS) or "")
        if outcome is None and error:
            outcome = outcome_of_error(error)
        times = (self._moment(flat[name]) for name in names["time"])
        templated = action is not None
        template = " ".join(filter(None, (first("service"), action, _unless_success(outcome))))
        if not templated:
            template = message or template or "(" + " ".join(sorted(flat)[:20]) + ")"
        return Event(
            lines,
            next((moment for moment in times if moment), None),
            first("actor"),
            action,
            first("object"),
            outcome,
            first("source"),
            error,
            template,
            templated,
            level_word(first("severity")),
            detail,
            _about(action, (flat[name] for name in names["about"])),
            record,
        )

    def _first_moment(self, record: Record, paths: Iterable[str]) -> datetime | None:
        """The moment that the first path with a value names."""
        for path in paths:
            value = _at(record, path)
            if value is not None:
                return self._moment(value)
        return None

    def _moment(self, value: object) -> datetime | None:
        moment = _time(value)
        if moment and isinstance(value, str) and not has_zone(value):
            self._zoneless = True
        return moment


@lru_cache(maxsize=8192)
def key(name: str) -> str:
    """A key's name as `NAMES` spells it."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@lru_cache(maxsize=4096)
def _names_in(keys: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """For each field the keys that may hold it, in order of preference; most logs have few sets of keys."""
    present = frozenset(keys)
    return {field: tuple(name for name in names if name in present) for field, names in NAMES.items()}


def _unpacked(record: Record) -> Record:
    """The record that another one carries as a string, as Azure does with Kubernetes' audit records."""
    properties = record.get("properties")
    inner = properties.get("log") if isinstance(properties, dict) else None
    if not isinstance(inner, str) or not inner.startswith("{"):
        return record
    try:
        value = json.loads(inner)
    except (ValueError, RecursionError):
        return record  # a text that only looks like a record
    return value if isinstance(value, dict) else record


def _flat(record: Record) -> dict[str, object]:
    """The record's values by normalised key; what wrappers hold fills the gaps."""
    flat = {key(name): value for name, value in record.items() if value is not None and value != ""}
    for wrapper in WRAPPERS:
        inner = flat.get(wrapper)
        if isinstance(inner, dict):
            for name, value in inner.items():
                if value is not None and value != "":
                    flat.setdefault(key(str(name)), value)
    return flat


def _at(record: Record, path: str) -> object:
    """The value at a dotted path; several paths joined by `+` give their values joined by a blank."""
    head, steps, parts = _steps(path)
    if parts:
        return " ".join(filter(None, (_text(_at(record, part)) for part in parts))) or None
    value = record.get(head)
    for step in steps:
        if value is None:
            return None
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


@dataclass(frozen=True, slots=True)
class _Places:
    """Neighbouring paths with the same first key: where it is missing, none of them has to be tried."""

    head: str  # the first key; or the whole path, of one key or of several paths that are joined
    below: tuple[tuple[str, str], ...]  # (the second key, the path) of each; none for a path that stands alone
    keys: frozenset[str]  # the second keys, where nothing follows any of them


def _places(paths: tuple[str, ...]) -> tuple[_Places, ...]:
    def head(path: str) -> tuple[str, bool]:
        first, dot, _ = path.partition(".")
        return (path, False) if not dot or "+" in path else (first, True)

    found = []
    for (name, deep), group in groupby(paths, head):
        below = tuple((path.split(".")[1], path) for path in group) if deep else ()
        flat = deep and all(path.count(".") == 1 for _, path in below)
        found.append(_Places(name, below, frozenset(key for key, _ in below if flat)))
    return tuple(found)


def _first(record: Record, places: tuple[_Places, ...]) -> str | None:
    """The first value that is there and names something, as text."""
    for place in places:
        if not place.below:
            value = _at(record, place.head)
            if value is not None and (text := _text(value)):
                return text
            continue
        inner = record.get(place.head)
        if inner is None:
            continue
        flat: Record | None = inner if place.keys and isinstance(inner, dict) else None
        if flat is not None and place.keys.isdisjoint(flat):
            continue
        for key_below, path in place.below:
            value = _at(record, path) if flat is None else flat.get(key_below)
            if value is not None and (text := _text(value)):
                return text
    return None


class _Known:
    """A family, and where its records keep what, made ready to be looked up."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.action, self.error_code, self.outcome = map(_places, (family.action, family.error_code, family.outcome))
        self.service, self.actor, self.object = map(_places, (family.service, family.actor, family.object))
        self.source, self.severity = map(_places, (family.source, family.severity))


_KNOWN = tuple((family.needs[0].partition(".")[0], _Known(family)) for family in FAMILIES)


def _known_shape(record: Record) -> _Known | None:
    for first, known in _KNOWN:
        if first in record:
            for path in known.family.needs:
                if _at(record, path) is None:
                    break
            else:
                return known
    return None


@cache  # of the paths in `keys`
def _steps(path: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The first key of a path and those below it; or the paths that `+` joins."""
    if "+" in path:
        return "", (), tuple(path.split("+"))
    head, *steps = path.split(".")
    return head, tuple(steps), ()


def _about(action: str | None, values: Iterable[object]) -> str:
    """What else says what happened, each once: short texts only, as long ones tell stories."""
    said = dict.fromkeys(value for value in values if isinstance(value, str) and len(value) <= ABOUT_MAX)
    said.pop(action or "", None)
    return "; ".join(said)


def _text(value: object, best: tuple[str, ...] = IDENTITY) -> str | None:
    """A value as one short piece of text; None for what names nothing. `best`: keys that tell what a record names."""
    if isinstance(value, str):
        return clip(value.strip()) or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return _text(value[0], best) if value else None
    if isinstance(value, dict):
        inner = {key(str(name)): part for name, part in value.items()}
        for name in best:
            if name in inner and not isinstance(inner[name], dict | list) and (text := _text(inner[name])):
                return text
        for part in inner.values():
            if best is IDENTITY and isinstance(part, dict) and (text := _text(part)):
                return text
    return None


def _time(value: object) -> datetime | None:
    if isinstance(value, str):
        return parse_time(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return from_epoch(float(value)) if abs(value) < 1e20 else None
    return None


def _short(actor: str) -> str:
    """An AWS ARN without account and kind: `arn:aws:iam::1:user/ann` is `ann`, a role keeps its session."""
    if not actor.startswith("arn:"):
        return actor
    name = actor.rpartition(":")[2]
    kind, slash, rest = name.partition("/")
    return rest if slash and kind in ("user", "assumed-role", "role", "federated-user") else name


def _unless_success(outcome: str | None) -> str | None:
    return None if outcome == Outcome.SUCCESS else outcome
