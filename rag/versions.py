"""Which documents are earlier versions of others: "access-policy-v2.0.pdf" of "access-policy-v3.1.pdf".

Told by the files' names alone, where they say "v2", "version 2.0" or "rev. 3". The number decides, not a date: a report
of 2023 is no earlier version of that of 2024. Knows nothing about what they say.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath

from rag.stems import stems
from rag.types import Quote

Name = tuple[str, str]  # root, path

_VERSION = re.compile(
    r"(?:^|(?<=[\s._(-]))(?:v|ver|version|rev|revision|issue)[\s._-]{0,2}(\d+(?:[._]\d+)*)(?![\w])", re.I
)
_ASKED = re.compile(
    r"\b(?:earlier|previous|former|old|older|prior|last|superseded|replaced|outdated|obsolete) "
    r"(?:versions?|revisions?|issues?|editions?|polic(?:y|ies)|rules?|wording)\b|"
    r"\b(?:all|any|each|every|which|both|two) (?:versions?|revisions?|editions?)\b|"
    r"\b(?:used to|back then|what (?:has |have )?changed)\b",
    re.I,
)


def newer_versions(files: Iterable[Name]) -> dict[Name, Name]:
    """Each earlier version, with the newest of the same document, which lies in the same folder or above or below."""
    families: dict[tuple[str, str], list[tuple[tuple[int, ...], Name]]] = defaultdict(list)
    for root, path in files:
        stem = PurePosixPath(path).stem
        if match := _VERSION.search(stem):
            name = " ".join(re.findall(r"[^\W_]+", stem[: match.start()] + stem[match.end() :])).lower()
            version = tuple(int(part) for part in re.split(r"[._]", match[1]))
            if name:
                families[root, name].append((version, (root, path)))
    found: dict[Name, Name] = {}
    for members in families.values():
        for version, file in members:
            later = [other for other in members if other[0] > version and _together(file, other[1])]
            if later:
                found[file] = max(later)[1]
    return found


def asks_for_versions(question: str) -> bool:
    """Whether a question is about a certain version, or about what changed: then all versions may answer it."""
    return bool(_VERSION.search(question) or _ASKED.search(question))


def in_force(quotes: Sequence[Quote], newer: Mapping[Name, Name], most: int) -> tuple[list[Quote], list[Quote]]:
    """The best `most` quotations, for each of an earlier version that of the newest one; and those that it stands for.

    An earlier version is quoted where nothing of the newest one was found: a rule may have been dropped, or be worded
    otherwise. Whoever calls says so.

    Args:
        quotes: best first, some more than `most`.
    """
    kept: list[Quote] = []
    replaced: list[Quote] = []
    for quote in quotes:
        newest = [other for other in quotes if _file(other) == newer.get(_file(quote))]
        chosen = max(newest, key=partial(_alike, quote)) if newest else quote
        if chosen is not quote:
            replaced.append(quote)
        if chosen not in kept:
            kept.append(chosen)
        if len(kept) == most:
            break
    return kept, replaced


def _alike(one: Quote, other: Quote) -> float:
    """Share, 0..1, of the words that two quotations have in common."""
    words, others = set(stems(one.text)), set(stems(other.text))
    return len(words & others) / max(len(words | others), 1)


def _file(quote: Quote) -> Name:
    return quote.hit.stored.root, quote.hit.stored.chunk.path


def _together(one: Name, other: Name) -> bool:
    """Whether one's folder is the other's, or lies in it: "archive/" beside what is in force."""
    first, second = PurePosixPath(one[1]).parent, PurePosixPath(other[1]).parent
    return first.is_relative_to(second) or second.is_relative_to(first)
