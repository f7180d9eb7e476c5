"""Quotations of different documents that say nearly the same and yet not: two versions of a rule, or two rules at odds.

Only what the words show is told: figures, numbers, negations and modal verbs that changed in a sentence that is
otherwise alike. Which of the two holds is for a person to say.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import combinations

from rag.check import NUMBER_WORDS
from rag.duplicates import TELLING
from rag.types import Citation

ALIKE = 0.75  # share of words that two quotations have in common and in order (2 M / T of difflib)
SHOWN = 3  # differences named of one pair

_WORD = re.compile(r"\w+(?:[.,:]\d+)*")
_LABEL = re.compile(r"\d+(?:\.\d+)+")  # of a clause: "4.2.1" in one version is "4.2.2" in the next
_TELLING = TELLING | NUMBER_WORDS


def differences(citations: Sequence[Citation]) -> Iterator[str]:
    """A sentence for each two citations of different documents that are at odds."""
    for one, other in combinations(citations, 2):
        if one.sha256 != other.sha256 and (said := difference(one, other)):
            yield f"[{one.number}] and [{other.number}] say nearly the same, but differ: {said}."


def difference(one: Citation, other: Citation) -> str:
    """Where two quotations that are otherwise alike are at odds: “two hours” / “24 hours”; "" where they are not."""
    return at_odds(one.quote, other.quote)


def at_odds(one: str, other: str) -> str:
    """The same of two texts."""
    pairs = list(_pairs(one, other))
    more = f" and {len(pairs) - SHOWN} more" if len(pairs) > SHOWN else ""
    return "; ".join(f"“{a}” / “{b}”" for a, b in pairs[:SHOWN]) + more


def _pairs(one: str, other: str) -> Iterator[tuple[str, str]]:
    """What one says where the other says something else, each with a word on either side."""
    a, b = _WORD.findall(one), _WORD.findall(other)
    matcher = SequenceMatcher(None, list(map(str.lower, a)), list(map(str.lower, b)), autojunk=False)
    if matcher.ratio() < ALIKE:
        return
    for kind, start, end, first, last in matcher.get_opcodes():
        # What only one of them goes on to say, before or after, is no difference.
        whole = 0 < start <= end < len(a) and 0 < first <= last < len(b)
        if kind != "equal" and whole and any(map(_tells, (*a[start:end], *b[first:last]))):
            yield " ".join(a[start - 1 : end + 1]), " ".join(b[first - 1 : last + 1])


def _tells(word: str) -> bool:
    return word.lower() in _TELLING or (word[0].isdigit() and not _LABEL.fullmatch(word))
