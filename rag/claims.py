"""What a sentence claims, as far as its words show it: duties, periods, amounts, dates, roles, conditions.

Each claim is a span of the text it was found in. Two texts may claim the same in other words ("shall" and "must", "two
weeks" and "14 days"), so each claim has a value that can be compared. Knows nothing about documents or models.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from rag.check import figures
from rag.query import STOPWORDS


class Duty(StrEnum):
    """How a sentence binds."""

    MUST = "must"
    MUST_NOT = "must not"
    SHOULD = "should"
    SHOULD_NOT = "should not"
    MAY = "may"
    NEED_NOT = "need not"


DUTY_WORDS = {
    Duty.MUST: "a duty",
    Duty.MUST_NOT: "a prohibition",
    Duty.SHOULD: "a recommendation",
    Duty.SHOULD_NOT: "a recommendation against it",
    Duty.MAY: "a permission",
    Duty.NEED_NOT: "an exemption from a duty",
}

_IS = r"(?:is|are|be|was|were|been)"
# Where two match at one place, the one that stands first here wins.
_DUTIES: tuple[tuple[Duty, str], ...] = (
    (Duty.MUST_NOT, r"\b(?:must|shall|may|can|will)\s+(?:not|never|in no case)\b"),
    (Duty.MUST_NOT, rf"\b{_IS}\s+not\s+(?:permitted|allowed|authori[sz]ed)\b"),
    (Duty.MUST_NOT, rf"\b{_IS}\s+(?:strictly\s+)?(?:prohibited|forbidden)\b"),
    (Duty.SHOULD_NOT, r"\b(?:should|ought)\s+(?:not|never)\b|\bnot\s+recommended\b"),
    (Duty.NEED_NOT, r"\bneed\s+not\b|\b(?:does|do|did)\s+not\s+(?:need|have)\s+to\b"),
    (Duty.NEED_NOT, rf"\b{_IS}\s+not\s+(?:required|obliged|necessary)\b"),
    (Duty.MUST, rf"\b(?:must|shall)\b|\b{_IS}\s+(?:required|obliged|mandatory|compulsory)\b"),
    (Duty.MUST, r"\b(?:has|have|(?<!\ba )(?<!\bthe )(?<!\bno )needs?)\s+to\s+(?=[a-z])"),
    (Duty.SHOULD, rf"\b(?:should|ought\s+to)\b|\b{_IS}\s+(?:recommended|encouraged|advised|expected)\b"),
    (Duty.MAY, rf"\bmay\b|\bcan\b|\b{_IS}\s+(?:permitted|allowed|authori[sz]ed)\b"),
)
_DUTY = re.compile("|".join(f"(?P<d{place}>{pattern})" for place, (_, pattern) in enumerate(_DUTIES)))
_TURNED = {Duty.MUST: Duty.MUST_NOT, Duty.SHOULD: Duty.SHOULD_NOT, Duty.MAY: Duty.MUST_NOT}
# "No session may last longer": what denies the verb stands before it.
_DENIED = re.compile(r"(?:^|[;:,.]\s+|\b(?:and|that|but)\s+)(?:no|none|nobody|neither|nothing)\b[^;:,.]{0,80}$", re.I)
_NEGATION = re.compile(r"\b(?:not|never|no|none|nobody|nothing|neither|nor|without|cannot)\b", re.I)
# Turns of phrase that deny nothing.
_NO_DENIAL = re.compile(
    r"\b(?:not|no) (?:later|earlier|more|less|fewer|longer|shorter) than\b|\bwithout (?:undue )?delay\b"
    r"|\bno longer\b|\bwhether or not\b|\bnot only\b",
    re.I,
)

_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:{_MONTH})(?:\s+\d{{4}})?\b|\b(?:{_MONTH})\s+\d{{1,2}}(?:,\s*\d{{4}})?\b(?!\d)"
    rf"|\b(?:{_MONTH})\s+\d{{4}}\b|\b\d{{4}}-\d{{2}}-\d{{2}}\b|\b\d{{1,2}}[/.]\d{{1,2}}[/.](?:\d{{4}}|\d{{2}})\b"
)

_TIMES = {
    "second": ("seconds", 1), "minute": ("seconds", 60), "hour": ("seconds", 3600), "day": ("days", 1),
    "week": ("days", 7), "month": ("months", 1), "quarter": ("months", 3), "year": ("months", 12),
    "working day": ("working days", 1), "working week": ("working days", 5), "working hour": ("working hours", 1),
}  # fmt: skip
"""Units of time and what they are compared as. 24 hours are no day here: they run through nights and weekends."""
_OFTEN = {
    "hourly": ("seconds", 3600), "daily": ("days", 1), "weekly": ("days", 7), "fortnightly": ("days", 14),
    "monthly": ("months", 1), "quarterly": ("months", 3), "yearly": ("months", 12), "annually": ("months", 12),
    "biannually": ("months", 6), "semi-annually": ("months", 6), "biennially": ("months", 24),
}  # fmt: skip
_OFTEN_SPAN = re.compile(
    rf"\b(?P<word>{'|'.join(_OFTEN)})\b"
    r"|\b(?P<times>once|twice)\s+(?:an?|every|each|per|in)\s+(?:an?\s+)?(?:calendar\s+)?(?P<per>{0})\b"
    r"|\b(?:every|each|per)\s+(?:calendar\s+)?(?P<each>{0})\b".replace("{0}", "hour|day|week|month|quarter|year"),
    re.I,
)
_AT_ONCE = re.compile(
    r"\b(?:at once|immediately|without (?:undue )?delay|forthwith|promptly|as soon as (?:possible|practicable))\b", re.I
)
_UNTIL = re.compile(
    r"\b(?:by|before|until|at) (?:the )?(?:end|close|start|beginning) of (?:the |each |every )?"
    r"(?:next |same |following |last |first )?(?:working |business |calendar |financial )?"
    r"(?:day|week|month|quarter|year)"
    r"|\b(?:by|before|until|at)\s+\d{1,2}[:.]\d{2}\b"
    r"|\bon the (?:next|same|following|last|first) (?:working |business |calendar )?day\b",
    re.I,
)
_BEFORE_FIGURE = re.compile(
    r"(?:\b(?:within|after|every|each|for|at least|at most|up to|(?:no|not) later than|(?:no|not) more than|"
    r"longer than|in|of|by|before|until|per)\s+(?:the\s+|a\s+|an\s+)?(?:last\s+|next\s+|first\s+)?)+$",
    re.I,
)

_NOUN = (
    r"managers?|owners?|officers?|directors?|administrators?|analysts?|engineers?|supervisors?|coordinators?|heads?|"
    r"deput(?:y|ies)|auditors?|custodians?|stewards?|representatives?|officials?|executives?|committees?|boards?|teams?|"
    r"desk|departments?|panels?|councils?|secretar(?:y|ies)|technicians?|trainees?|employees?|staff|personnel|"
    r"contractors?|suppliers?|vendors?|providers?|consultants?|commanders?|controllers?|processors?|users?|workers?|"
    r"reviewers?|approvers?|requesters?|requestors?|part(?:y|ies)|operators?|guards?|visitors?|members?|assessors?|"
    r"investigators?|designees?|clinicians?|nurses?|couriers?|drivers?|scientists?|students?|developers?|workforce"
)
_ACRONYM = r"DPO|CISO|CIO|CEO|CFO|COO|CTO|CPO|CSO|ISSO|CSIRT|CERT|SOC|HR"
_MODIFIER = (
    r"line|system|section|contract|service|security|privacy|data|information|project|process|risk|asset|control|duty|"
    r"department|business|change|laboratory|shift|site|third|remote|records?|key|budget|incident|senior|agency|common|"
    r"network|database|deputy|human|external|internal|authori[sz]ing|privileged|former|qualified|independent|on-call"
)
_CAPITAL = (
    r"(?!(?:The|An?|Each|Every|All|Any|No|If|When|Where|Its?|Their|This|That|These|Those|In|On|By|For|Both|Such|Only|As|"
    r"At|To|Of|With|After|Before|Until|Whoever|Nobody)\b)[A-Z][\w&'’-]*"
)
_ROLE = re.compile(
    rf"(?<![\w-])(?:(?:Deputy |Acting |Assistant )?"
    rf"(?:Head|Director|Chief|Office|Bureau|Department|Board|Committee) (?:of|for) (?:the )?"
    rf"{_CAPITAL}(?: (?:and )?{_CAPITAL})*"
    rf"|(?:(?:{_CAPITAL}|(?i:{_MODIFIER})) ){{0,5}}(?i:{_NOUN})(?: on call)?"
    rf"|(?:{_CAPITAL} ){{1,3}}(?:Executive|Resources|Procurement|Communications|Finance|Legal)"
    rf"|(?:{_ACRONYM})s?)\b(?!-\w)"
)
_IS_MODIFIER = re.compile(_MODIFIER, re.I)
_STARTS = STOPWORDS | frozenset("must may new both without nobody system's".split())

_CONDITION = re.compile(
    r"\b(?:if|unless|except(?:ing|ion)?|other than|save for|provided that|as long as|where(?:ver)?|when(?:ever)?|"
    r"in so far as|only (?:if|when|where|for)|with the exception of|apart from|excluding|subject to)\b",
    re.I,
)
_CONDITION_END = re.compile(r"[;:.]\s|[;:.]$|,\s")
SCOPE_WORDS = frozenset(
    """
    all any each every both only solely exclusively except unless excluding including if where wherever when whenever
    provided apply applies cover covers apart save some most certain whatever regardless irrespective other whose
    """.split()
)
"""Words that widen or narrow what a sentence is about."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Something a text claims, at `text[start:end]`; `value` is what it is compared by."""

    start: int
    end: int
    text: str
    value: tuple[object, ...]


def duties(text: str) -> list[Claim]:
    """Modal verbs and their like, each with its Duty as value: "No session may last …" is a prohibition."""
    found = []
    for match in _DUTY.finditer(text):
        duty = _DUTIES[int(str(match.lastgroup)[1:])][0]
        if duty in _TURNED and _DENIED.search(text[: match.start()]):
            duty = _TURNED[duty]
        found.append(Claim(match.start(), match.end(), match.group(), (duty,)))
    return found


def denials(text: str) -> int:
    """How many words of a text deny something; those of a limit ("no later than") do not."""
    return len(_NEGATION.findall(_NO_DENIAL.sub(" ", text)))


def dates(text: str) -> list[Claim]:
    """Calendar dates, and months of a year."""
    return [_claim(match, "date", match.group().lower()) for match in _DATE.finditer(text)]


def periods(text: str) -> list[Claim]:
    """Spans of time and what limits them: "within 30 days", "every quarter", "at once", "by the end of the month".

    Their value is an amount of a unit and which way it limits.
    """
    masked = _masked(text, dates(text))
    found: list[Claim] = []
    for figure in figures(masked):
        again = bool(found) and figure.start < found[-1].end  # "seventy-two (72) hours"
        if figure.unit in _TIMES and not again:
            kind, times = _TIMES[figure.unit]
            lead = _BEFORE_FIGURE.search(masked, 0, figure.start)
            every = lead is not None and re.search(r"\b(?:every|each|per)\b", lead.group(), re.I) is not None
            start = lead.start() if lead else figure.start
            value = ("every" if every else figure.limit, figure.value * times, kind)
            found.append(Claim(start, figure.end, text[start : figure.end], value))
    taken = [(claim.start, claim.end) for claim in found]
    for match in _OFTEN_SPAN.finditer(masked):
        if not _within(match, taken):
            kind, count = (
                _OFTEN[match["word"].lower()] if match["word"] else _TIMES[(match["per"] or match["each"]).lower()]
            )
            often = 2 if (match["times"] or "").lower() == "twice" else 1
            found.append(_claim(match, "every", count / often, kind))
    found += [_claim(match, "at most", 0.0, "seconds") for match in _AT_ONCE.finditer(masked)]
    taken = [(claim.start, claim.end) for claim in found]
    found += [
        _claim(match, "until", " ".join(match.group().lower().split()))
        for match in _UNTIL.finditer(masked)
        if not _within(match, taken)
    ]
    return sorted(found, key=lambda claim: claim.start)


def amounts(text: str) -> list[Claim]:
    """Figures that are no periods, dates, names or numbers to call: with their unit, and which way they limit."""
    masked = _masked(text, [*dates(text), *references(text), *contacts(text)])
    return [
        Claim(figure.start, figure.end, text[figure.start : figure.end], (figure.limit, figure.value, figure.unit))
        for figure in figures(masked)
        if figure.unit not in _TIMES
    ]


_REFERENCE = re.compile(
    r"\b(?:[Ss]ections?|[Cc]lauses?|[Pp]aragraphs?|[Aa]ppendix|[Aa]nnex|[Aa]rticles?|[Tt]able|[Ff]igure|[Cc]hapter|[Pp]art|[Rr]ule)s?"
    r"\s+(?:\d+(?:\.\d+)*|[A-Z])(?:\([a-z0-9]{1,3}\))*\b"
    r"|\b\d+(?:\.\d+){2,}(?:\([a-z0-9]{1,3}\))*"
    r"|\b[A-Z]{2,12}(?:[-/][A-Z]{1,12}){0,4}[-–/ ]?\d[\w./-]*(?:\(\d+\))*(?<![.,-])"
    r"|\b[A-Z]-\d[\w.]*(?<!\.)"
)


def references(text: str) -> list[Claim]:
    """Names of clauses, forms, rooms and documents: "section 4", "3.2.1", "SEC-F-07"."""
    return [_claim(match, "reference", " ".join(match.group().lower().split())) for match in _REFERENCE.finditer(text)]


def roles(text: str, abbreviations: frozenset[str] = frozenset()) -> list[Claim]:
    """Who is named: people by their role, and bodies. The value is the role in small letters, singular.

    Args:
        abbreviations: of roles, as `role_abbreviations` finds them in the whole document.
    """
    found = []
    for match in _ROLE.finditer(text):
        words = match.group().split(" ")
        skipped = 0
        while len(words) > 1 and (words[0].lower() in _STARTS or _only_begins(text, match.start() + skipped, words)):
            skipped += len(words[0]) + 1
            words = words[1:]
        name = re.sub(r"['’]s?$", "", " ".join(words))
        start = match.start() + skipped
        found.append(Claim(start, start + len(name), name, (role_name(name),)))
    taken = [(claim.start, claim.end) for claim in found]
    for match in re.finditer(r"\b[A-Z][A-Z/&-]{0,7}[A-Z]s?\b", text) if abbreviations else ():
        if match.group().rstrip("s") in abbreviations and not _within(match, taken):
            found.append(_claim(match, match.group().rstrip("s").lower()))
    return sorted(found, key=lambda claim: claim.start)


def _only_begins(text: str, start: int, words: list[str]) -> bool:
    """Whether the first of `words` has its capital from the start of a sentence alone: "Shared supplier accounts"."""
    begins = not text[:start].strip() or text[:start].rstrip()[-1] in ".;:"
    return begins and words[1][0].islower() and words[1] != "of" and not _IS_MODIFIER.fullmatch(words[0])


def role_name(name: str) -> str:
    """A role as it is compared: small letters, singular."""
    words = name.lower().replace("’", "'").split()
    last = words[-1]
    singular = last[:-3] + "y" if last.endswith("ies") else last.removesuffix("s") if not last.endswith("ss") else last
    return " ".join([*words[:-1], singular])


def role_abbreviations(text: str) -> frozenset[str]:
    """Abbreviations that a text gives to roles: "System Owners (SO)"."""
    found = set()
    for claim in roles(text):
        if match := re.match(r"\s*\(([A-Z][A-Z/&-]{0,7}[A-Z])s?\)", text[claim.end :]):
            found.add(match[1])
    return frozenset(found)


def conditions(text: str) -> list[Claim]:
    """Conditions and exceptions, each from its first word to the next comma or stop; one at the start to its comma."""
    found: list[Claim] = []
    for match in _CONDITION.finditer(text):
        if found and match.start() < found[-1].end:
            continue
        stop = _CONDITION_END.search(text, match.end())
        end = stop.start() if stop else len(text)
        found.append(Claim(match.start(), end, text[match.start() : end], (text[match.start() : end].lower(),)))
    return found


def _claim(match: re.Match[str], *value: object) -> Claim:
    return Claim(match.start(), match.end(), match.group(), value)


def _within(match: re.Match[str], taken: list[tuple[int, int]]) -> bool:
    return any(start < match.end() and match.start() < end for start, end in taken)


def _masked(text: str, claims: list[Claim]) -> str:
    """`text` with the claims blanked out, every other character at its place."""
    for claim in claims:
        text = text[: claim.start] + "\x00" * (claim.end - claim.start) + text[claim.end :]
    return text


_CONTACT = re.compile(
    r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+(?<![.-])"
    r"|https?://[^\s<>()\"”]+(?<![.,;:])|\bwww\.[^\s<>()\"”]+(?<![.,;:])"
    r"|\b[Ee]xt(?:ension|\.)\s*\d{2,6}\b"
    r"|(?<![\w.-])(?:\+\d{1,3}[\s-])?\(?\d{2,5}\)?(?:[\s-]\d{2,5}){1,4}(?![\w.-]*\d)"
)


def contacts(text: str) -> list[Claim]:
    """Ways to reach somebody: mail and web addresses, telephone numbers, extensions."""
    masked = _masked(text, [*dates(text), *references(text)])
    return [
        _claim(match, "contact", match.group().lower())
        for match in _CONTACT.finditer(masked)
        if not match.group()[0].isdigit() or sum(letter.isdigit() for letter in match.group()) >= 7
    ]


# "“Incident” means …", "An incident is defined as …", "Authentication – the process of …", "CUI: information that …".
_MEANS = re.compile(
    r"^(?:an?\s+|the\s+term\s+)?[\"“']?(?P<term>[^\"”'.:;,]{2,70}?)[\"”']?\s+"
    r"(?:means|is\s+defined\s+as|refers\s+to|is\s+any|are\s+any)\s+(?P<meaning>\S.*)$",
    re.I | re.S,
)
_LISTED = re.compile(
    r"^[\"“']?(?P<term>[A-Z0-9][^:–—.;]{1,90}?)[\"”']?\s*(?:\s[–—-]\s|:\s)\s*(?P<meaning>\S.{8,})$", re.S
)
DEFINING = re.compile(r"\b(?:definitions?|defined terms|glossary|abbreviations|acronyms)\b", re.I)
"""Headings below which "X – …" is a definition, and nothing binds anybody."""


def definition(text: str, section: str) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Where a sentence names a term and says what it means; None if it defines nothing.

    Args:
        section: the headings above it: a list is one of definitions only where they say so.
    """
    match = (DEFINING.search(section) and _LISTED.match(text)) or _MEANS.match(text)
    return (match.span("term"), match.span("meaning")) if match else None
