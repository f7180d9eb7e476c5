"""Is a written sentence true to its quotations? Decided by comparing, never by asking a model.

A sentence passes when everything in it that could be wrong stands in the quotations it rests on: figures with their
units, dates, names and codes, modals, negation, and most of its words. Passing does not make a sentence a good answer;
failing makes it unfit to be shown.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.stems import stems

COVERED = 0.75  # share of a sentence's content words that its quotations must hold
SHARED = 2  # content words a quotation must share with a sentence before it can be cited for it

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = dict(zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True))
_WORDS = {word: value for value, word in enumerate(_UNITS)} | _TENS | {"hundred": 100, "thousand": 1000}
# "one" is left out: it is a pronoun as often as a number.
_NUMBER_WORD = "|".join(word for word in _WORDS if word != "one")
_NUMBER = re.compile(
    rf"\d+(?:[.,]\d+)*|\b(?:(?:{'|'.join(_TENS)})-(?:{'|'.join(_UNITS[1:10])})|{_NUMBER_WORD})\b", re.I
)
# Matched right behind a figure.
_UNIT = re.compile(
    r"[\s)-]*(?:\(\d+\)\s*)?(?:(?:calendar|business|working|consecutive)\s+)?"
    r"(second|minute|hour|day|week|month|quarter|year|percent|%|euro|dollar|€|\$|£|[kmgt]b|bit|character|metre|meter)",
    re.I,
)
_NAME = re.compile(r"[A-Z][\w&.'’-]*|\b\w*[A-Z]{2,}\w*\b|\b[A-Za-z]+[-_]?\d[\w.()-]*")
_MODALS = ("must", "shall", "should", "may", "might", "can", "will", "recommended", "required")
_STRONG = frozenset({"must", "shall", "required", "will"})  # an obligation, however it is worded
_WEAK = frozenset({"should", "recommended"})
_FREE = frozenset({"may", "might", "can"})
_NEGATION = re.compile(
    r"\b(?:not|never|no|none|neither|nor|without|cannot|prohibited|forbidden|except)\b|n['’]t\b", re.I
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check found. `citations` are indices of the quotations that the sentence rests on."""

    citations: tuple[int, ...]
    failures: tuple[str, ...]  # in words; empty: the sentence may be shown

    @property
    def passed(self) -> bool:
        """Whether the sentence may be shown."""
        return not self.failures


def check(sentence: str, quotes: Sequence[str]) -> Verdict:
    """Find the quotations that `sentence` rests on, and compare it with them."""
    cited = _cite(sentence, quotes)
    if not cited:
        return Verdict((), ("rests on no quotation",))
    source = "\n".join(quotes[index] for index in cited)
    failures = [
        *_figures(sentence, source),
        *_names(sentence, source),
        *_obligation(sentence, source),
        *_negation(sentence, source),
        *_coverage(sentence, source),
    ]
    return Verdict(cited, tuple(failures))


def _cite(sentence: str, quotes: Sequence[str]) -> tuple[int, ...]:
    """The quotation that holds most of the sentence's words, and a second one if it adds several more."""
    wanted = set(stems(sentence))
    held = [wanted & set(stems(quote)) for quote in quotes]
    best = max(range(len(quotes)), key=lambda index: len(held[index]), default=None)
    if best is None or len(held[best]) < min(SHARED, len(wanted)) or not wanted:
        return ()
    # A figure or a unit alone joins no quotation to another: "tapes are kept" and "30 minutes" are two things.
    rest = [(len(words - held[best] - _measures(words)), index) for index, words in enumerate(held) if index != best]
    more, other = max(rest, default=(0, best))
    return (best,) if more < SHARED else tuple(sorted((best, other)))


def _measures(words: set[str]) -> set[str]:
    """Those among stems that are figures or units."""
    return {word for word in words if word[0].isdigit() or word in _WORDS or _UNIT.match(word)}


def numbers(text: str) -> set[tuple[float, str]]:
    """Figures of a text as (value, unit): "seventy-two (72) hours" and "72 hours" are both (72.0, "hour")."""
    found = set()
    for match in _NUMBER.finditer(text):
        unit = _UNIT.match(text, match.end())
        found.add((_value(match.group()), _SAME_UNIT.get(unit[1].lower(), unit[1].lower()) if unit else ""))
    return found


_SAME_UNIT = {"%": "percent", "€": "euro", "$": "dollar", "meter": "metre"}


def _value(written: str) -> float:
    if written[0].isdigit():
        plain = re.sub(r",(?=\d{3}\b)", "", written).replace(",", ".")
        head, *rest = plain.split(".")
        # "3.2.1" is a clause, not a number; its parts as one value keep it apart from "3.2".
        return float(f"{head}.{''.join(rest)}") if rest else float(head)
    return float(sum(_WORDS[part] for part in written.lower().split("-")))


def _figures(sentence: str, source: str) -> list[str]:
    held = numbers(source)
    values = {value for value, _ in held}
    return [
        f"the figure {value:g} {unit}".rstrip() + " is not in the quotation"
        for value, unit in sorted(numbers(sentence))
        if (value, unit) not in held and (unit or value not in values)
    ]


def _names(sentence: str, source: str) -> list[str]:
    held = {word.lower() for word in re.findall(r"\w+", source)}
    failures = []
    for match in _NAME.finditer(sentence):
        first_word = match.start() == 0 and not re.search(r"[A-Z].*[A-Z]|\d", match.group())
        parts = re.findall(r"\w+", match.group())
        if not first_word and not all(part.lower() in held or part.lower().rstrip("s") in held for part in parts):
            failures.append(f"the name {match.group()!r} is not in the quotation")
    return failures


def _strength(text: str) -> set[str]:
    words = set(re.findall(r"[a-z]+", text.lower())) & set(_MODALS)
    return {strength for strength, members in (("must", _STRONG), ("should", _WEAK), ("may", _FREE)) if words & members}


def _obligation(sentence: str, source: str) -> list[str]:
    """A duty must not become a permission or a recommendation, nor the reverse. "is reported" claims no modal."""
    wrong = _strength(sentence) - _strength(source)
    # A plain "can" or "will" in everyday English claims less than "must": let it pass where the source has no modal.
    if not _strength(source) and not re.search(r"\b(?:must|shall|required|should|may)\b", sentence, re.I):
        return []
    return [f"the quotation does not say {word!r}" for word in sorted(wrong)]


def _negation(sentence: str, source: str) -> list[str]:
    if _NEGATION.search(sentence) and not _NEGATION.search(source):
        return ["it denies what the quotation does not deny"]
    # The other way round: the clause it is taken from denies, and the sentence dropped that.
    if not _NEGATION.search(sentence) and _NEGATION.search(_nearest_clause(sentence, source)):
        return ["it leaves out the quotation's negation"]
    return []


def _nearest_clause(sentence: str, source: str) -> str:
    wanted = set(stems(sentence))
    clauses = re.split(r"[.;:\n]\s|,\s(?:but|unless|except)\b", source)
    return max(clauses, key=lambda clause: len(wanted & set(stems(clause))), default="")


def _coverage(sentence: str, source: str) -> list[str]:
    wanted = stems(sentence)
    held = set(stems(source))
    share = sum(word in held for word in wanted) / len(wanted) if wanted else 0.0
    return [] if share >= COVERED else [f"only {share:.0%} of its words are in the quotation"]
