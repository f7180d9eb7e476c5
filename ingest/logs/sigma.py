"""Rules from YAML files in the Sigma format, a subset of it, to conditions.

The format: https://sigmahq.io/sigma-specification (version 2). Read here: `title`, `id`, `level`, `status`,
`description`, `falsepositives`, `tags` (attack.t…), `detection` with selections, lists, keywords, the modifiers in
`_MODIFIERS` and a condition; `logsource` is a hint and restricts nothing. Two keys are our own: `check`, what to look
at next, and `attempts`, of `_ATTEMPTS`. Beside a record's own keys a rule may ask for the fields of `conditions._OWN`
and for `words`, those of the action whatever the service calls it. Aggregations and correlations are refused by
name: what takes more than one event is a signal, in `signals.py`.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn

from ingest.errors import UsageError
from ingest.logs.conditions import (
    Condition,
    Field,
    Keywords,
    Matcher,
    Not,
    Present,
    Words,
    all_of,
    at_least,
)
from ingest.logs.findings import SEVERITIES
from ingest.logs.words import stems_of

_LEVELS = {**{name: name for name in SEVERITIES}, "informational": "low"}
_ATTEMPTS = ("lower", "ignore", "same")
"""What a rule says of failures and denials: one step less, nothing at all, or just as much."""
_SKIPPED = ("deprecated", "unsupported")  # statuses of rules that are not applied
_MODIFIERS = frozenset("all cased cidr contains endswith exists expand gt gte i lt lte m re s startswith".split())
_NUMBERS: Mapping[str, Callable[[float, float], bool]] = {
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
}
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)$", re.IGNORECASE)
_TRUTH = re.compile(r"(?:true|True|TRUE|false|False|FALSE)$")
_TOKEN = re.compile(r"\s*(\(|\)|\||[^\s()|]+)")
_COST_OF_PATTERN = 200  # a regular expression over a whole record; a field's test costs 20


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of event that an auditor wants to see."""

    id: str
    title: str
    severity: str  # of findings.SEVERITIES
    why: str  # why it matters
    check: str  # what to look at next
    technique: tuple[str, ...]  # of MITRE ATT&CK: "T1562.008"
    attempts: str  # of _ATTEMPTS: what an event without success counts
    condition: Condition
    active: bool  # False: only there to switch off the rule of the same id


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in which file something stands, for errors."""

    path: Path
    lines: Mapping[str, int]  # key of the rule, or name of a selection: its line

    def refuse(self, key: str, what: str) -> NoReturn:
        """Raise the error about a key of the rule."""
        raise UsageError(f"{self.path}, line {self.lines.get(key, self.lines[''])}: {what}")


def read_rules(*folders: Path) -> list[Rule]:
    """The rules of all .yml and .yaml files below some folders, in the order of folders and names.

    Lists (`placeholders`) of one file are known in all. Raises UsageError, with file and line, for a folder without
    rules and for a rule that cannot be read.
    """
    documents: list[tuple[_Place, dict[str, Any]]] = []
    for folder in folders:
        paths = sorted(
            path for path in folder.rglob("*") if path.suffix.lower() in (".yml", ".yaml") and path.is_file()
        )
        if not paths:
            raise UsageError(f"No rules (.yml) in {folder}: name a folder of Sigma rules.")
        documents.extend(document for path in paths for document in _documents(path))
    lists: dict[str, list[Any]] = {}
    for place, document in documents:
        if "placeholders" in document:
            found = document["placeholders"]
            if not isinstance(found, dict) or not all(isinstance(values, list) for values in found.values()):
                place.refuse("placeholders", "`placeholders` names lists: `name: [word, word]`.")
            lists |= found
    return [_rule(place, document, lists) for place, document in documents if "placeholders" not in document]


def _documents(path: Path) -> Iterator[tuple[_Place, dict[str, Any]]]:
    import yaml

    # Dates, and the words that were truths in YAML 1.1 (on, off, yes, no), stay text: logs hold them.
    loader_class: Any = type("Loader", (yaml.SafeLoader,), {})
    loader_class.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":bool"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    loader_class.add_implicit_resolver("tag:yaml.org,2002:bool", _TRUTH, list("tTfF"))
    try:
        loader = loader_class(path.read_text(encoding="utf-8"))
        while loader.check_node():
            node = loader.get_node()
            line = node.start_mark.line + 1
            document = loader.construct_document(node)
            if document is None:
                continue
            if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
                raise UsageError(f"{path}, line {line}: a rule is a mapping: `title: …`, `detection: …`.")
            yield _Place(path, {"": line, **_lines(node)}), document
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise UsageError(f"{where}: no valid YAML: {getattr(error, 'problem', None) or error}.") from error
    except RecursionError as error:
        raise UsageError(f"{path}: nested too deeply to be a rule.") from error


def _lines(node: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, value in node.value:
        found[str(key.value)] = key.start_mark.line + 1
        if key.value == "detection" and isinstance(value.value, list):
            for name, _ in value.value:
                if isinstance(name, tuple):
                    continue
                found[str(name.value)] = name.start_mark.line + 1
    return found


def _rule(place: _Place, document: dict[str, Any], lists: Mapping[str, Sequence[Any]]) -> Rule:
    for unknown in ("correlation", "action"):
        if unknown in document:
            place.refuse(unknown, f"`{unknown}` is not supported: write a rule about single events.")
    for wanted in ("title", "detection"):
        if wanted not in document:
            place.refuse("", f"the rule has no `{wanted}`: add one.")
    level = str(document.get("level", "medium")).lower()
    if level not in _LEVELS:
        place.refuse("level", f"the level {level!r} is unknown: use one of {', '.join(_LEVELS)}.")
    attempts = str(document.get("attempts", "lower")).lower()
    if attempts not in _ATTEMPTS:
        place.refuse("attempts", f"{attempts!r} is unknown: `attempts` is one of {', '.join(_ATTEMPTS)}.")
    title = str(document["title"]).strip()
    return Rule(
        id=str(document.get("id", title)),
        title=title,
        severity=_LEVELS[level],
        why=_sentence(document.get("description")),
        check=" ".join(filter(None, (_sentence(document.get("check")), _harmless(document.get("falsepositives"))))),
        technique=tuple(
            match[1].upper() for tag in _listed(document.get("tags")) if (match := _TECHNIQUE.match(str(tag)))
        ),
        attempts=attempts,
        condition=_detection(place, document["detection"], lists),
        active=str(document.get("status", "")).lower() not in _SKIPPED,
    )


def _sentence(text: object) -> str:
    return " ".join(str(text).split()) if text else ""


def _harmless(reasons: object) -> str:
    known = [_sentence(reason).rstrip(".") for reason in _listed(reasons)]
    known = [reason for reason in known if reason and reason.lower() not in ("unknown", "unlikely", "none")]
    return f"Harmless if: {'; '.join(known)}." if known else ""


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _detection(place: _Place, detection: object, lists: Mapping[str, Sequence[Any]]) -> Condition:
    if not isinstance(detection, dict) or "condition" not in detection:
        place.refuse("detection", "`detection` needs selections and a `condition` that joins them.")
    if "timeframe" in detection:
        place.refuse("timeframe", "`timeframe` is not supported: write a rule about single events.")
    selections = {
        str(name): _selection(place, str(name), content, lists)
        for name, content in detection.items()
        if name != "condition"
    }
    if not selections:
        place.refuse("detection", "`detection` has no selection: add `selection: {field: value}`.")
    return at_least(1, *(_Expression(place, str(text), selections).read() for text in _listed(detection["condition"])))


def _selection(place: _Place, name: str, content: object, lists: Mapping[str, Sequence[Any]]) -> Condition:
    if isinstance(content, dict):
        if not content:
            place.refuse(name, f"the selection {name!r} is empty: add `field: value`.")
        return all_of(*(_field(place, name, str(key), value, lists) for key, value in content.items()))
    members = _listed(content)
    if not members:
        place.refuse(name, f"the selection {name!r} is empty: add `field: value`.")
    mappings = [member for member in members if isinstance(member, dict)]
    if len(mappings) == len(members):
        return at_least(1, *(_selection(place, name, member, lists) for member in members))
    if mappings:
        place.refuse(name, f"the selection {name!r} mixes fields and keywords: make two selections of it.")
    return _keywords(members, every=False)


def _field(place: _Place, selection: str, key: str, value: object, lists: Mapping[str, Sequence[Any]]) -> Condition:
    name, *modifiers = key.split("|")
    for modifier in modifiers:
        if modifier not in _MODIFIERS:
            place.refuse(
                selection, f"the modifier {modifier!r} is not supported: use one of {', '.join(sorted(_MODIFIERS))}."
            )
    values = _listed(value) if value is not None else [None]
    if "expand" in modifiers:
        values = [part for each in values for part in _expanded(place, selection, str(each), lists)]
    if not values or any(isinstance(each, dict | list) for each in values):
        place.refuse(selection, f"the field {key!r} needs a value, or a list of values.")
    every = "all" in modifiers
    if not name:
        return _keywords(values, every)
    if name == "words":
        if extra := set(modifiers) - {"all", "expand"}:
            place.refuse(selection, f"`words` compares whole words: leave out {', '.join(sorted(extra))}.")
        return Words(tuple(stems_of(str(each)) for each in values), every)
    if "exists" in modifiers:
        return Present(name, wanted=str(values[0]).lower() == "true")
    tests: list[Condition] = []
    if None in values:
        tests.append(Not(Present(name, wanted=True)))
    try:
        matchers = tuple(_matcher(str(each), each, modifiers) for each in values if each is not None)
    except (ValueError, re.error) as error:
        place.refuse(selection, f"the value of {key!r} cannot be read: {error}.")
    if matchers:
        cost = _COST_OF_PATTERN if name == "text" else 0 if name in ("outcome", "action", "actor", "level") else 20
        tests.append(Field(name, matchers, every, cost))
    return at_least(1, *tests)


def _expanded(place: _Place, selection: str, value: str, lists: Mapping[str, Sequence[Any]]) -> Sequence[Any]:
    name = value.strip("%")
    if name == value:
        return [value]
    if name not in lists:
        place.refuse(selection, f"the list %{name}% is not known: write a document `placeholders: {{{name}: […]}}`.")
    return lists[name]


def _keywords(values: Sequence[object], every: bool) -> Condition:
    texts = [str(value) for value in values]
    plain = tuple(_literal(text).lower() for text in texts if not _wild(text))
    return Keywords(plain, tuple(_pattern(text, "search") for text in texts if _wild(text)), every)


def _matcher(text: str, value: object, modifiers: Sequence[str]) -> Matcher:
    if "re" in modifiers:
        flags = 0
        for name, flag in _FLAGS.items():
            flags |= flag if name in modifiers else 0
        pattern = re.compile(text, flags)
        return lambda field: pattern.search(field) is not None
    if "cidr" in modifiers:
        network = ipaddress.ip_network(text, strict=False)
        return lambda field: _inside(field, network)
    for name, compares in _NUMBERS.items():
        if name in modifiers:
            return _compared(compares, float(text))
    if isinstance(value, bool):
        text = text.lower()
    where = next((name for name in ("contains", "startswith", "endswith") if name in modifiers), "equals")
    if "cased" in modifiers or _wild(text):
        return _pattern(text, where, 0 if "cased" in modifiers else re.IGNORECASE)
    needle = _literal(text).lower()
    if where == "contains":
        return lambda field: needle in field.lower()
    if where == "startswith":
        return lambda field: field.lower().startswith(needle)
    if where == "endswith":
        return lambda field: field.lower().endswith(needle)
    return lambda field: field.lower() == needle


def _compared(compares: Callable[[float, float], bool], limit: float) -> Matcher:
    return lambda field: (number := _number(field)) is not None and compares(number, limit)


def _wild(text: str) -> bool:
    return bool(re.search(r"(?<!\\)(?:\\\\)*[*?]", text))


def _literal(text: str) -> str:
    """A text without the backslashes that keep its wildcards from being any."""
    return re.sub(r"\\([*?\\])", r"\1", text)


def _pattern(text: str, where: str, flags: int = re.IGNORECASE) -> Matcher:
    """A matcher for a text with wildcards: * is any characters, ? is one."""
    parts = re.findall(r"\\[*?\\]|[*?]|[^*?\\]+|\\", text)
    body = "".join({"*": ".*", "?": "."}.get(part) or re.escape(_literal(part)) for part in parts)
    before = "" if where in ("contains", "search", "endswith") else r"\A"
    after = "" if where in ("contains", "search", "startswith") else r"\Z"
    pattern = re.compile(before + body + after, flags | re.DOTALL)
    return lambda field: pattern.search(field) is not None


def _inside(field: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        address = ipaddress.ip_address(field)
    except ValueError:
        return False
    return address.version == network.version and address in network


def _number(field: str) -> float | None:
    try:
        return float(field)
    except ValueError:
        return None


class _Expression:
    """A condition such as `selection and not 1 of filter_*`, read by recursive descent."""

    def __init__(self, place: _Place, text: str, selections: Mapping[str, Condition]) -> None:
        self._place = place
        self._text = text
        self._selections = selections
        self._tokens = _TOKEN.findall(text)
        self._next = 0

    def read(self) -> Condition:
        """The whole condition."""
        found = self._either()
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            self._refuse("aggregations are not supported" if token == "|" else f"{token!r} is not expected")
        return found

    def _refuse(self, what: str) -> NoReturn:
        self._place.refuse("condition", f"{what} in the condition {self._text!r}: join selections by and, or, not.")

    def _take(self, *wanted: str) -> bool:
        if self._next < len(self._tokens) and self._tokens[self._next].lower() in wanted:
            self._next += 1
            return True
        return False

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return at_least(1, *parts)

    def _both(self) -> Condition:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return all_of(*parts)

    def _one(self) -> Condition:
        if self._take("not"):
            return Not(self._one())
        if self._take("("):
            inner = self._either()
            if not self._take(")"):
                self._refuse("a bracket is not closed")
            return inner
        if self._next >= len(self._tokens):
            self._refuse("something is missing at the end")
        token = self._tokens[self._next]
        self._next += 1
        if self._take("of"):
            return self._of(token.lower())
        if token not in self._selections:
            self._refuse(f"there is no selection {token!r}")
        return self._selections[token]

    def _of(self, count: str) -> Condition:
        if self._next >= len(self._tokens):
            self._refuse("something is missing after `of`")
        glob = self._tokens[self._next]
        self._next += 1
        parts = [
            condition
            for name, condition in self._selections.items()
            if (not name.startswith("_") if glob.lower() == "them" else fnmatchcase(name, glob))
        ]
        if not parts:
            self._refuse(f"no selection is called {glob!r}")
        if count == "all":
            return all_of(*parts)
        if count == "any":
            count = "1"
        if not count.isdigit() or not 1 <= int(count) <= len(parts):
            self._refuse(f"{count!r} of {len(parts)} selections cannot be")
        return at_least(int(count), *parts)
