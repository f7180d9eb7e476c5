"""Two wordings of a sentence: what differs in what they ask, of whom, until when, how much and under which condition.

What a sentence claims is compared as values (`rag/claims.py`), and told in the words of both. What no claim tells apart
is called worded differently. Knows nothing about clauses and where they stand.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from rag.align import tokens
from rag.claims import (
    DUTY_WORDS,
    SCOPE_WORDS,
    Claim,
    Duty,
    amounts,
    contacts,
    dates,
    denials,
    duties,
    periods,
    references,
    roles,
)
from rag.kinds import WEIGHT, Kind
from rag.stems import topic_words

Span = tuple[int, int]
Spans = Sequence[tuple[Span | None, Span | None]]
"""Changes inside a sentence: what the old text has there and what the new one; None where one has nothing."""

_CAPITAL = re.compile(r"(?<![.!?:“\"(]\s)(?<!^)\b[A-Z][\w&'’-]*(?:\s+[A-Z][\w&'’-]*)*")
_SHOWN = 160  # characters of a text that are repeated inside a sentence
_SCOPE_SECTION = re.compile(r"\b(?:scope|applicability|application|audience|coverage)\b", re.I)


@dataclass(frozen=True, slots=True)
class Facet:
    """One thing that differs between the two sides, in the words of each; "" where a side has none."""

    kind: Kind
    old: str
    new: str
    says: str


def changed_spans(old: str, new: str) -> list[tuple[Span | None, Span | None]]:
    """Where two texts differ, word by word, in order."""
    a, b = tokens(old), tokens(new)
    matcher = SequenceMatcher(None, [word for word, _, _ in a], [word for word, _, _ in b], autojunk=False)
    return [
        (
            (a[first][1], a[last - 1][2]) if first < last else None,
            (b[start][1], b[end - 1][2]) if start < end else None,
        )
        for kind, first, last, start, end in matcher.get_opcodes()
        if kind != "equal"
    ]


def facets(
    old: str,
    new: str,
    spans: Spans,
    section: str,
    renumbered: Callable[[str], str],
    abbreviations: frozenset[str],
) -> list[Facet]:
    """What differs between two wordings of a sentence, the weightiest first; at least one facet.

    Args:
        spans: where they differ.
        section: the headings above the new one.
        renumbered: a text of the old version with the clauses that it names under their new numbers.
        abbreviations: of roles.
    """
    found: list[Facet] = []
    bare_old, bare_new = old, new
    for before, after in spans:
        facet = _scope(old, new, before, after)
        if facet is None:
            continue
        found.append(facet)
        # What a condition names is the condition's: "except for contractors" changes no role.
        if before and not after:
            bare_old = _blank(bare_old, before)
        if after and not before:
            bare_new = _blank(bare_new, after)
    found += _duty(bare_old, bare_new)
    found += _differing(Kind.DEADLINE, "period", periods(bare_old), periods(bare_new), _further)
    found += _differing(Kind.NUMBER, "figure", amounts(bare_old), amounts(bare_new), _further)
    who: Callable[[str], list[Claim]] = lambda text: roles(text, abbreviations)  # noqa: E731 - an argument
    found += _differing(Kind.ROLE, "role", who(bare_old), who(bare_new))
    found += _differing(Kind.DATE, "date", dates(bare_old), dates(bare_new))
    found += _differing(Kind.REFERENCE, "contact", contacts(bare_old), contacts(bare_new))
    found += _differing(Kind.REFERENCE, "reference", *_references(bare_old, bare_new, renumbered))
    topical = any(_topical(old, before) or _topical(new, after) for before, after in spans)
    if not found and topical and _SCOPE_SECTION.search(last_heading(section)):
        found.append(_reworded(Kind.SCOPE, "What the document covers is worded differently", old, new, spans))
    if not found and (names := _names(old, new, spans)):
        found.append(names)
    if not found:
        says = "Worded differently; it names the same duties, figures, periods, roles and conditions"
        found.append(_reworded(Kind.REWORDED, says, old, new, spans))
    return sorted(found, key=lambda facet: -WEIGHT[facet.kind])


def _scope(old: str, new: str, before: Span | None, after: Span | None) -> Facet | None:
    """A change of words that widen or narrow what a sentence is about."""
    a, b = _scope_words(old, before), _scope_words(new, after)
    if a == b:
        return None
    said_old, said_new = _cut(old, before), _cut(new, after)
    if not said_old:
        says = f"A condition or limit of scope was added: “{said_new}”."
    elif not said_new:
        says = f"A condition or limit of scope was removed: “{said_old}”."
    else:
        says = f"What it covers, or when, changed: “{said_old}” became “{said_new}”."
    return Facet(Kind.SCOPE, said_old, said_new, says)


def _scope_words(text: str, span: Span | None) -> Counter[str]:
    """Words of scope in a span, but those of a period ("every quarter")."""
    if span is None:
        return Counter()
    taken = [(claim.start, claim.end) for claim in periods(text)]
    return Counter(
        word
        for word, start, end in tokens(text)
        if word in SCOPE_WORDS and span[0] <= start < span[1] and not any(a < end and start < b for a, b in taken)
    )


def _duty(old: str, new: str) -> Iterator[Facet]:
    before, after = duties(old), duties(new)
    lost, gained = _unmatched(before, after), _unmatched(after, before)
    for one, other in zip(lost, gained, strict=False):
        was, now = DUTY_WORDS[_duty_of(one)], DUTY_WORDS[_duty_of(other)]
        says = f"What was {was} is now {now}: “{one.text}” became “{other.text}”."
        yield Facet(Kind.OBLIGATION, one.text, other.text, says)
    paired = min(len(lost), len(gained))
    for claim in lost[paired:]:
        says = f"It no longer states {DUTY_WORDS[_duty_of(claim)]}: “{claim.text}” is gone."
        yield Facet(Kind.OBLIGATION, claim.text, "", says)
    for claim in gained[paired:]:
        says = f"It now states {DUTY_WORDS[_duty_of(claim)]}: “{claim.text}” is new."
        yield Facet(Kind.OBLIGATION, "", claim.text, says)
    if not lost and not gained and denials(old) != denials(new):
        more = denials(new) > denials(old)
        says = "It now denies what it did not deny." if more else "It no longer denies what it denied."
        yield Facet(Kind.OBLIGATION, "", "", says)


def _duty_of(claim: Claim) -> Duty:
    duty = claim.value[0]
    assert isinstance(duty, Duty)
    return duty


def _unmatched(claims: Sequence[Claim], others: Sequence[Claim]) -> list[Claim]:
    """Claims whose value the others do not have as often."""
    held = Counter(claim.value for claim in others)
    found = []
    for claim in claims:
        if held[claim.value]:
            held[claim.value] -= 1
        else:
            found.append(claim)
    return found


def _references(old: str, new: str, renumbered: Callable[[str], str]) -> tuple[list[Claim], list[Claim]]:
    """References that only one side has; one to a clause that has another number now is no other reference."""
    before, after = references(old), references(new)
    moved = {renumbered(claim.text).lower() for claim in before}
    kept = {claim.text.lower() for claim in after}
    return (
        [claim for claim in before if renumbered(claim.text).lower() not in kept],
        [claim for claim in after if claim.text.lower() not in moved],
    )


def _differing(
    kind: Kind,
    noun: str,
    before: Sequence[Claim],
    after: Sequence[Claim],
    further: Callable[[Claim, Claim], str] = lambda _one, _other: "",
) -> Iterator[Facet]:
    """A facet for each claim that one side has and the other has not, those at the same place in pairs."""
    lost = [claim for claim in before if not any(_equal(claim, other) for other in after)]
    gained = [claim for claim in after if not any(_equal(claim, other) for other in before)]
    for one, other in zip(lost, gained, strict=False):
        says = f"The {noun} “{one.text}” became “{other.text}”{further(one, other)}."
        yield Facet(kind, one.text, other.text, says)
    paired = min(len(lost), len(gained))
    for claim in lost[paired:]:
        yield Facet(kind, claim.text, "", f"The {noun} “{claim.text}” is gone.")
    for claim in gained[paired:]:
        yield Facet(kind, "", claim.text, f"The {noun} “{claim.text}” is new.")


def _equal(one: Claim, other: Claim) -> bool:
    """Whether two claims have the same value; a limit that only one of them states makes no difference."""
    if one.value == other.value:
        return True
    return len(one.value) == 3 and one.value[1:] == other.value[1:] and "" in (one.value[0], other.value[0])


def _further(one: Claim, other: Claim) -> str:
    """Which way a figure went, where both count the same thing."""
    if one.value[2:] != other.value[2:] or len(one.value) != 3 or one.value[0] != other.value[0]:
        return ""
    a, b = one.value[1], other.value[1]
    if not isinstance(a, int | float) or not isinstance(b, int | float) or a == b:
        return ""
    if one.value[0] == "every":
        return ", less often" if b > a else ", more often"
    if isinstance(one.value[2], str) and one.value[2].endswith("s"):
        return ", longer" if b > a else ", shorter"
    return ", more" if b > a else ", less"


def _names(old: str, new: str, spans: Spans) -> Facet | None:
    """Names that one side has and the other has not."""
    lost, gained = (
        [text[slice(*span)] for span in side if span and _CAPITAL.search(text, *span)]
        for text, side in ((old, [before for before, _ in spans]), (new, [after for _, after in spans]))
    )
    if not lost and not gained:
        return None
    said_old, said_new = short(" … ".join(lost)), short(" … ".join(gained))
    if said_old and said_new:
        return Facet(Kind.NAME, said_old, said_new, f"A name changed: “{said_old}” became “{said_new}”.")
    says = f"The name “{said_new}” is new." if said_new else f"The name “{said_old}” is gone."
    return Facet(Kind.NAME, said_old, said_new, says)


def _reworded(kind: Kind, says: str, old: str, new: str, spans: Spans) -> Facet:
    pairs = [(_cut(old, before), _cut(new, after)) for before, after in spans]
    shown = "; ".join(
        f"“{a}” became “{b}”" if a and b else f"“{b}” is new" if b else f"“{a}” is gone" for a, b in pairs[:3]
    )
    more = f" and {len(pairs) - 3} more" if len(pairs) > 3 else ""
    return Facet(kind, "", "", f"{says}: {shown}{more}." if shown else f"{says}.")


def only_words(old: str, new: str, before: Span | None, after: Span | None) -> bool:
    """Whether one side has words of a topic where the other has nothing at all."""
    return bool((before is None or after is None) and topic_words(_cut(old, before) + _cut(new, after)))


def _topical(text: str, span: Span | None) -> bool:
    """Whether a span has words of a topic, verbs of duty left aside."""
    for claim in duties(text):
        text = _blank(text, (claim.start, claim.end))
    return span is not None and bool(topic_words(text[slice(*span)]))


def _blank(text: str, span: Span) -> str:
    return text[: span[0]] + " " * (span[1] - span[0]) + text[span[1] :]


def _cut(text: str, span: Span | None) -> str:
    return short(text[slice(*span)]) if span else ""


def short(text: str) -> str:
    """A text as it is repeated inside a sentence."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1].rstrip() + "…"


def last_heading(section: str) -> str:
    """The nearest of the headings above a clause."""
    return section.rsplit(" › ", 1)[-1] if section else "the beginning"
