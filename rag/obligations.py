"""Clauses to obligations: who must do what, by when, on which condition, each as a span of a sentence.

A list below "The officer shall:" makes an obligation of each item. What a relative clause or an embedded question says
("whether it should be reported") binds nobody, nor does a definition. Knows nothing about files or tables.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.clauses import HEADING, ITEM, Clause
from rag.claims import DEFINING, Claim, Duty, conditions, duties, periods, roles

BINDING = frozenset({Duty.MUST, Duty.MUST_NOT, Duty.SHOULD, Duty.SHOULD_NOT})
"""What is called an obligation here: duties, prohibitions and recommendations; a permission is none."""

# A pronoun right before the verb, or a question word somewhere before it: "that shall", "whether the incident should".
_EMBEDDED = re.compile(
    r"(?:\b(?:that|which|who|whom|whose)\s|\b(?:whether|how|what|determine if|as to when)\b[^,;:.()]{0,60})$", re.I
)
_SEGMENT = re.compile(r"[;:]\s+|,?\s+\b(?:and|but|or)\b\s+|,\s+(?=(?:which|who)\b)", re.I)
_LEAD = re.compile(
    r"^(?:(?:and|but|or|in addition|additionally|however|also|furthermore|moreover|therefore|note|at a minimum|"
    r"in (?:such|these|this|that) cases?|for example|in rare instances|generally|otherwise)\b[,:]?\s*)+",
    re.I,
)
_ADVERBIAL = re.compile(
    r"^(?:if|when|whenever|where|wherever|once|after|before|until|unless|upon|during|within|in|on|at|for|under|per|to|by|"
    r"as|with|without|while|because|since|outside|following|pursuant|prior|based|depending|according)\b[^,]*,\s*",
    re.I,
)
_PASSIVE = re.compile(
    r"\s*(?:[a-z]+ly\s+|also\s+|always\s+|only\s+|then\s+|never\s+)*(?:be|been|have\s+been)\s+(?:[a-z]+ly\s+)*"
    r"(?:[a-z-]+ed|[a-z]*(?:written|given|taken|shown|known|driven|chosen|broken|stolen|worn|drawn|made|kept|sent|held|told|"
    r"done|put|read|set|cut|met|lost|built|brought|sought|taught|bought|paid|laid|said|led|left|found|bound|run|shut|split|"
    r"undertaken|overseen|seen|borne|sworn|frozen|spoken))\b"
)
_IS = re.compile(r"(?:is|are|be|was|were|been)\b")  # "are not permitted": the verb that binds is a passive itself
_BY = re.compile(r"\bby\s+(?:the\s+|an?\s+|each\s+|their\s+|its\s+)?")


@dataclass(frozen=True, slots=True)
class Part:
    """A span of a sentence: `clauses[clause].sentences[sentence].text[start:end]`."""

    clause: int
    sentence: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Obligation:
    """One obligation, with the spans that say so; an empty tuple where the text says nothing."""

    duty: Duty
    binds: Part  # "must", "shall not"
    who: tuple[Part, ...]
    what: tuple[Part, ...]
    when: tuple[Part, ...]
    condition: tuple[Part, ...]
    whole: tuple[Part, ...]  # the sentence; of a list's item the sentence that leads to it, too


def obligations(clauses: Sequence[Clause], abbreviations: frozenset[str] = frozenset()) -> Iterator[Obligation]:
    """The obligations of a document, in order.

    Args:
        abbreviations: of roles, as `rag.claims.role_abbreviations` finds them.
    """
    for index, clause in enumerate(clauses):
        if clause.kind == HEADING or DEFINING.search(clause.section):
            continue
        items = _items(clauses, index)
        for number, sentence in enumerate(clause.sentences):
            leads = bool(items) and number == len(clause.sentences) - 1
            found = list(_of_sentence(index, number, sentence.text, abbreviations))
            for place, obligation in enumerate(found):
                if leads and place == len(found) - 1:
                    yield from (_of_item(obligation, clauses, item) for item in items)
                else:
                    yield obligation


def _items(clauses: Sequence[Clause], index: int) -> list[int]:
    """The items of the list that a clause leads to; those of lists inside it belong to their own item."""
    text = clauses[index].text
    if not text.endswith(":"):
        return []
    found: list[int] = []
    for place in range(index + 1, len(clauses)):
        clause = clauses[place]
        if clause.kind != ITEM or (found and _style(clause.label) == _style(clauses[index].label)):
            break
        if not found and clauses[index].kind == ITEM and _style(clause.label) == _style(clauses[index].label):
            break
        if not found or _style(clause.label) == _style(clauses[found[0]].label):
            found.append(place)
    return found


def _style(label: str) -> str:
    """The kind of a label: "(1)" and "(12)" are one, "a." and "b." another."""
    return re.sub(r"[a-z]+", "a", re.sub(r"\d+", "1", label), flags=re.I)


def _of_item(lead: Obligation, clauses: Sequence[Clause], item: int) -> Obligation:
    whole = tuple(Part(item, number, 0, len(one.text)) for number, one in enumerate(clauses[item].sentences))
    first = whole[0]
    text = clauses[item].sentences[0].text
    when = tuple(Part(item, 0, claim.start, claim.end) for claim in periods(text))
    condition = tuple(Part(item, 0, claim.start, claim.end) for claim in conditions(text))
    what = Part(item, 0, 0, len(text.rstrip(" .;,").removesuffix(" and").removesuffix(" or").rstrip(" ;,")))
    return Obligation(
        lead.duty, lead.binds, lead.who, (what,), when or lead.when, (*lead.condition, *condition), (*lead.whole, first)
    )


def _of_sentence(index: int, number: int, text: str, abbreviations: frozenset[str]) -> Iterator[Obligation]:
    """The obligations of one sentence, one for each verb that binds."""
    claims = [claim for claim in duties(text) if not _EMBEDDED.search(text[: claim.start])]
    subject: tuple[int, int] | None = None

    def part(start: int, end: int) -> Part:
        return Part(index, number, start, end)

    whens = periods(text)
    ifs = conditions(text)
    for place, claim in enumerate(claims):
        before = claims[place - 1].end if place else 0
        own = _subject(text, before, claim.start)
        subject = own or subject
        duty = claim.value[0]
        if not isinstance(duty, Duty) or duty not in BINDING:
            continue
        end = _until(text, claims, place)
        passive = _PASSIVE.match(text, claim.end) or _IS.match(claim.text)
        who = _agent(text, claim.end, end, abbreviations) if passive else subject
        start = subject[0] if passive and own and subject else claim.end
        what = _trimmed(text, start, end)
        # What one clause of a sentence says of time holds for it; what stands before the first holds for all.
        # "An account not used for 45 days must": what belongs to the subject is no time for the deed.
        inside = range(*own) if own else range(0)
        mine = [one for one in whens if (place == 0 or before <= one.start) and one.start < end]
        mine = [one for one in mine if one.start not in inside]
        held = [one for one in ifs if before <= one.start < end or one.end <= claims[0].start]
        yield Obligation(
            duty=duty,
            binds=part(claim.start, claim.end),
            who=(part(*who),) if who else (),
            what=(part(*what),) if what else (),
            when=tuple(part(one.start, one.end) for one in mine),
            condition=tuple(part(one.start, one.end) for one in held),
            whole=(part(0, len(text)),),
        )


def _until(text: str, claims: Sequence[Claim], place: int) -> int:
    """Where what an obligation demands ends: where the subject of the next one begins, or with the sentence."""
    for following in claims[place + 1 :]:
        # Without a conjunction the next verb stands in a clause of this one: "because an attacker may be reading it".
        if cuts := [match.start() for match in _SEGMENT.finditer(text, claims[place].end, following.start)]:
            return cuts[-1]
    return len(text)


def _subject(text: str, before: int, modal: int) -> tuple[int, int] | None:
    """Who or what a verb at `modal` is said of: what stands before it in its part of the sentence."""
    start = 0
    cuts = [match.end() for match in _SEGMENT.finditer(text, before, modal)] if before else []
    if cuts:
        start = cuts[-1]
    else:
        for match in re.finditer(r"[;:]\s+", text[:modal]):
            start = match.end()
    segment = text[start:modal]
    for pattern in (_LEAD, _ADVERBIAL, _LEAD, _ADVERBIAL):
        if (lead := pattern.match(segment)) and lead.end() < len(segment.rstrip()):
            start += lead.end()
            segment = segment[lead.end() :]
    segment = segment.rstrip()
    # "The team, in coordination with others, shall": what is inserted is not who is bound.
    if "," in segment and text[:modal].rstrip().endswith(","):
        head = segment[: segment.index(",")]
        segment = head if not re.search(r"\b(?:and|or)\b", segment.rsplit(",", 2)[-2]) else segment.rstrip(" ,")
    segment = segment.rstrip(" ,")
    return (start, start + len(segment)) if segment and (start >= before or cuts) else None


def _agent(text: str, start: int, end: int, abbreviations: frozenset[str]) -> tuple[int, int] | None:
    """Who acts in a passive: the roles behind "by"."""
    for match in _BY.finditer(text, start, end):
        named = [claim for claim in roles(text, abbreviations) if match.end() <= claim.start < end]
        if named and named[0].start - match.end() <= 1:
            last = named[0]
            for claim in named[1:]:
                if re.fullmatch(r"(?:,| and| or|, and|, or|\s)+(?:\s?the\s)?\s?", text[last.end : claim.start]):
                    last = claim
            return named[0].start, last.end
    return None


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """A span without the blanks and stops at its ends; None if nothing is left."""
    span = text[start:end]
    left = len(span) - len(span.lstrip(" ,;:"))
    right = len(span.rstrip(" ,;:."))
    return (start + left, start + right) if left < right else None
