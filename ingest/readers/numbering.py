"""Works out the labels that Word computes for lists and numbered headings, and writes nowhere in the text.

Knows `word/numbering.xml` and styles' part in it (ECMA-376-1, 17.9), and nothing about paragraphs.
"""

import re
from dataclasses import dataclass

from ingest.readers.labels import bullet, numeral
from ingest.readers.xml import Element, child, children, value, whole

_LEVELS = 9
_PLACE = re.compile(r"%([1-9])")


@dataclass(frozen=True, slots=True)
class _Level:
    start: int
    style: str  # "decimal", "bullet", "lowerRoman" ...
    text: str  # "%1.%2", or the bullet
    legal: bool  # all numbers in digits
    restart: int | None  # the level, counted from 1, whose numbers start this one anew; 0: none


@dataclass(slots=True)
class _List:
    """One abstract definition, and how far its numbers have come."""

    levels: dict[int, _Level]
    counts: list[int | None]
    linked: dict[str, int]  # id of a paragraph style → the level it stands for
    style: str | None  # the list is defined by the numbering of this style


class Numbering:
    """All lists of a document. Ask for labels in the order of the text."""

    def __init__(self, root: Element | None, style_lists: dict[str, str]) -> None:
        """`style_lists`: id of a style → id of the list that the style carries."""
        self._lists: dict[str, _List] = {}
        self._list_of: dict[str, str] = {}  # id of a list → id of its abstract definition
        self._starts: dict[str, dict[int, int]] = {}  # id of a list → level → where it starts anew
        for entry in children(root, "abstractNum"):
            levels = {whole(value(level, "ilvl"), 0): _level(level) for level in children(entry, "lvl")}
            linked = {
                value(child(level, "pStyle")) or "": whole(value(level, "ilvl"), 0) for level in children(entry, "lvl")
            }
            link = value(child(entry, "numStyleLink"))
            self._lists[value(entry, "abstractNumId") or ""] = _List(levels, [None] * _LEVELS, linked, link)
        for entry in children(root, "num"):
            name, abstract = value(entry, "numId") or "", value(child(entry, "abstractNumId")) or ""
            overrides = children(entry, "lvlOverride")
            self._list_of[name] = abstract
            self._starts[name] = {
                whole(value(override, "ilvl"), 0): whole(value(start), 1)
                for override in overrides
                if (start := child(override, "startOverride")) is not None
            }
            replaced = {
                whole(value(override, "ilvl"), 0): _level(level)
                for override in overrides
                if (level := child(override, "lvl")) is not None
            }
            if replaced and abstract in self._lists:  # a variant counts for itself
                shared = self._lists[abstract]
                self._lists[f"{abstract}/{name}"] = _List(
                    shared.levels | replaced, [None] * _LEVELS, shared.linked, shared.style
                )
                self._list_of[name] = f"{abstract}/{name}"
        for name, abstract in self._list_of.items():
            found = self._lists.get(abstract)
            if found and found.style and (target := self._list_of.get(style_lists.get(found.style, ""))):
                self._list_of[name] = target

    def level(self, name: str, style: str | None) -> int:
        """The level, counted from 0, that a paragraph of this style has in a list, if it names none itself."""
        found = self._lists.get(self._list_of.get(name, ""))
        return found.linked.get(style or "", 0) if found else 0

    def label(self, name: str, level: int) -> str:
        """The label of the next paragraph on this level, counted from 0; "" where it has none."""
        found = self._lists.get(self._list_of.get(name, ""))
        level = max(0, min(level, _LEVELS - 1))
        definition = found.levels.get(level) if found else None
        if found is None or definition is None:
            return ""
        # A list that starts anew does so once, when its first paragraph comes.
        for place, start in self._starts.pop(name, {}).items():
            if 0 <= place < _LEVELS:
                found.counts[place] = start - 1
        before = found.counts[level]
        found.counts[level] = definition.start if before is None else before + 1
        for inner in range(level + 1, _LEVELS):
            limit = found.levels[inner].restart if inner in found.levels else None
            if limit is None or (limit and level < limit):
                found.counts[inner] = None
        if definition.style == "bullet":
            return bullet(definition.text)
        if definition.style == "none":
            return _PLACE.sub("", definition.text).strip()

        def number(match: re.Match[str]) -> str:
            place = int(match.group(1)) - 1
            other = found.levels.get(place, definition)
            count = found.counts[place]
            return numeral(other.start if count is None else count, "decimal" if definition.legal else other.style)

        return _PLACE.sub(number, definition.text).strip()


def _level(entry: Element) -> _Level:
    restart = value(child(entry, "lvlRestart"))
    legal = child(entry, "isLgl")
    return _Level(
        whole(value(child(entry, "start")), 1),
        value(child(entry, "numFmt")) or "decimal",
        (value(child(entry, "lvlText")) or "")[:80],
        legal is not None and value(legal) not in ("0", "false"),
        whole(restart, 0) if restart is not None else None,
    )
