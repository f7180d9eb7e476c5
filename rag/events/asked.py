"""A question to what it asks for and on which conditions, by its words alone. Knows no log."""

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from rag.events.words import BEYOND, DUTY, GENERIC, HAPPENED, IDLE, NAMED, TRIED, field_of, is_verb, negated, outcome_of

Role = Literal["word", "name", "actor", "source"]
Wish = Literal["count", "values", "when", "whether", "top", "events"]

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAY = (
    rf"(?:(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<m1>{_MONTH})\b\.?(?:,? (?P<y1>\d{{4}}))?"
    rf"|(?P<m2>{_MONTH})\b\.? (?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,? (?P<y2>\d{{4}}))?"
    r"|(?P<y3>\d{4})-(?P<m3>\d\d)-(?P<d3>\d\d)"
    rf"|(?P<m4>{_MONTH})\b\.?(?:,? (?P<y4>\d{{4}}))?)"
)
_CLOCK = r"(?P<h>\d{1,2}):(?P<min>\d\d)(?::\d\d)?(?: ?(?:utc|z))?"
_WHEN = re.compile(
    rf"(?:(?P<how>on|in|at|since|from|after|before|until|till|to|and|between|by|during) (?:the )?)?{_DAY}"
)
_HOURS = re.compile(r"(?:between|from) (\d{1,2}):(\d\d) (?:and|to|until) (\d{1,2}):(\d\d)")
_AFTER_DAY = re.compile(rf",? (?:at |after |since |before |until )?{_CLOCK}")

_COUNT = re.compile(
    r"\bhow many(?: times)?\b|\bhow often\b|\b(?:the |a )?(?:total )?(?:number|count) of\b|\bhow frequently\b"
)
_COUNTED = re.compile(r"\s*(?:different |distinct |unique )?([a-z-]+)( (?:was|were|has been|have been|got) \w+)?")
_WHEN_ASKED = re.compile(
    r"\bwhen\b|\b(?:at |on |since )?(?:what|which) (?:time|day|date|moment|hour)s?\b|\bfor the (?:first|last) time\b"
)
_FIRST, _LAST = re.compile(r"\bfirst\b|\bearliest\b"), re.compile(r"\blast\b|\blatest\b|\bmost recent(?:ly)?\b")
_TOP = re.compile(r"\b(?:the )?most(?: often| frequently| frequent| active| common)?\b(?! recent)")
_WHO = re.compile(r"\b(?:who|whom|whose)\b")
_WHERE = re.compile(r"\bfrom where\b|\bwhere\b.*\bfrom\b|\bwhere(?:from)?\b")
_WHAT_DID = re.compile(r"\bwhat (?:did|has|had|was|were|happened|else)\b|\bwhat happened\b|\bwhat .*\bdo(?:ne|ing)?\b")
_WHICH = re.compile(r"\b(?:which|what) (?:(?:different|distinct|other) )?([a-z-]+)")
_LIST = re.compile(r"\b(?:list|show|give me)\b")
_WHETHER = re.compile(r"^(?:was|were|did|has|have|had|is there|are there|were there|was there|does|do)\b|\bany\b")

# Spelled in many ways; one word each from here on.
_PHRASES = (
    (re.compile(r"\b(log|sign)(?:ged|ging|ned|ning|s)?[- ](?:in|on)s?(?:to)?\b"), "login"),
    (re.compile(r"\b(?:logins|logons?|signins?)\b"), "login"),
    (re.compile(r"\b(log|sign)(?:ged|ging|ned|ning|s)?[- ](?:out|off)s?\b"), "logout"),
    (re.compile(r"\b(?:switch|turn)(?:ed|ing|es|s)?[- ]off\b"), "disabled"),
    (re.compile(r"\b(?:switch|turn)(?:ed|ing|es|s)?\b(?=(?: \S+){1,4} off\b)"), "disabled"),
    (re.compile(r"\b(?:switch|turn)(?:ed|ing|es|s)?[- ]on\b"), "enabled"),
    (re.compile(r"\bshut(?:ting|s)?[- ]down\b"), "shutdown"),
    (re.compile(r"\boff\b"), " "),
)

_LOGIN_NOUN = re.compile(r"\b(?:log|sign)-(?:in|on)s?\b|\b(?:logins?|logons?|signins?)\b")
_TOKEN = re.compile(r"""["“']([^"”']{2,80})["”']|[^\s,;?!()"“”]+""")
_NAME = re.compile(r"[\d@/\\_:.]|[a-z][A-Z]|[a-z]-[a-z]")
_SUBJECT = (
    r"(?:\b(?:did|has|had|have|does|by)(?: the)?(?: user| account)? {0}\b|\b{0}['’]s\b|^(?:was |were |is )?{0}\b)"
)


_ARTICLES = frozenset(("the", "a", "an", "this", "that", "any", "some", "our", "their"))
_PREPOSITIONS = frozenset(("to", "from", "in", "into", "of", "on", "onto", "for", "with", "at", "by"))


@dataclass(frozen=True, slots=True)
class Term:
    """A word or a name of the question that events have to fit."""

    text: str  # as it was written
    role: Role = "word"
    outcome: str | None = None  # the one that it names
    generic: bool = False  # it may narrow what is found, and need not
    aside: bool = False  # it stands behind "to", "in", "of" ...: what was done was not done to it


@dataclass(frozen=True, slots=True)
class Period:
    """A time that events have to lie in. Without a year it is that of the log."""

    since: tuple[int | None, int, int] | None = None  # year, month, day; included
    until: tuple[int | None, int, int] | None = None  # not included
    hours: tuple[int, int] | None = None  # minutes of the day, UTC; the first included, the second not

    def limits(self, year: int) -> tuple[datetime | None, datetime | None]:
        """Since when (included) and until when (not included), naive UTC. Raises ValueError for a day that is none."""
        since, until = (
            None if day is None else datetime(day[0] or year, day[1], 1) + timedelta(days=day[2] - 1)
            for day in (self.since, self.until)
        )
        return since, until


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks for."""

    text: str
    wishes: tuple[Wish, ...]  # in the order in which they are answered
    fields: tuple[str, ...]  # whose values are asked for
    terms: tuple[Term, ...]
    period: Period | None = None
    first: bool = False  # when for the first time
    last: bool = False
    counted: str | None = None  # the field whose different values are counted, where one is named
    of_events: bool = False  # its words ask for what has happened
    of_logs: bool = False  # it names logs
    done: bool = False  # it asks for what was done, so that what was only tried does not count
    beyond: str = ""  # what in it is not understood, and decides; "" where nothing is

    @property
    def of_rules(self) -> bool:
        """Whether it asks what is to be done, rather than what was."""
        return DUTY.search(self.text.lower()) is not None


def understand(question: str) -> Asked:
    """Take a question apart."""
    text = " ".join(question.split()).strip(" ?.!")
    lower = text.lower()
    beyond = BEYOND.search(lower)
    period, rest = _period(text)
    for pattern, word in _PHRASES:
        rest = re.sub(pattern.pattern, word, rest, flags=re.IGNORECASE)
    wishes, fields, counted = _wishes(rest.lower())
    terms = tuple(_terms(rest))
    return Asked(
        text=text,
        wishes=wishes,
        fields=fields,
        terms=terms,
        period=period,
        first=_FIRST.search(lower) is not None,
        last=_LAST.search(lower) is not None,
        counted=counted,
        of_events=HAPPENED.search(lower) is not None,
        of_logs=NAMED.search(lower) is not None,
        done=_done(lower, terms) and "action" not in fields,
        beyond=beyond.group() if beyond else "not" if negated(lower) else "",
    )


def _done(lower: str, terms: Sequence[Term]) -> bool:
    """Whether a verb says what was done, and nothing how it ended or that it was tried."""
    if any(term.outcome for term in terms) or TRIED.search(lower):
        return False
    verbs = (term.text.lower() for term in terms if term.role == "word" and is_verb(term.text.lower()))
    noun = _LOGIN_NOUN.search(lower) is not None
    return any(not (noun and verb == "login") for verb in verbs)


def _wishes(lower: str) -> tuple[tuple[Wish, ...], tuple[str, ...], str | None]:
    """What is asked for; the fields whose values are; the field whose different values are counted."""
    wishes: dict[Wish, None] = {}
    fields: dict[str, None] = {}
    counted: str | None = None
    if match := _COUNT.search(lower):
        wishes["count"] = None
        noun = _COUNTED.match(lower, match.end())
        if noun and (name := field_of(noun[1])):
            # "How many users were created" asks for what was done to users, not for those who did something.
            counted = None if noun[2] and name == "actor" else name
    if _TOP.search(lower) and "count" not in wishes:
        wishes["top"] = None
    if _WHEN_ASKED.search(lower):
        wishes["when"] = None
    if _WHO.search(lower):
        fields["actor"] = None
    if _WHERE.search(lower):
        fields["source"] = None
    for match in _WHICH.finditer(lower):
        noun_word = match[1]
        if name := field_of(noun_word):
            fields[name] = None
        elif noun_word.startswith("command") or not (noun_word in IDLE | GENERIC or _WHEN_ASKED.match(match.group())):
            fields["object"] = None
    if not fields and _WHAT_DID.search(lower) and "count" not in wishes:
        fields["action"] = None
    if fields and "top" not in wishes:
        wishes["values"] = None
    if not wishes:
        wishes["events" if _LIST.search(lower) or not _WHETHER.search(lower) else "whether"] = None
    if "top" in wishes and not fields:
        fields["actor"] = None
    return tuple(wishes), tuple(fields), counted


def _terms(text: str) -> list[Term]:
    """The words and names that events have to fit, in order, each once."""
    found: dict[str, Term] = {}
    lower = text.lower()
    before = leading = ""
    aside = False
    role: Role
    for match in _TOKEN.finditer(text):
        quoted = match.group(1)
        word = quoted or re.sub(r"['’]s$", "", match.group().strip(".:'’"))
        low = word.lower()
        previous, before = before, low
        if low not in _ARTICLES:
            aside, leading = leading in _PREPOSITIONS, low
        if not word or low in found:
            continue
        if quoted or _NAME.search(word):
            role = "source" if previous == "from" else "name"
            subject = re.search(_SUBJECT.format(re.escape(low)), lower)
            found[low] = Term(word, "actor" if subject and role == "name" else role)
        elif low in IDLE and not (word.isupper() and len(word) > 1):
            continue
        elif outcome := outcome_of(low):
            found[low] = Term(word, outcome=outcome)
        else:
            subject = re.search(_SUBJECT.format(re.escape(low)), lower)
            role = "actor" if (subject or previous == "as") and low not in GENERIC else "word"
            found[low] = Term(word, role, generic=low in GENERIC, aside=aside)
    return list(found.values())


def _period(text: str) -> tuple[Period | None, str]:
    """The time that a question names, and the question without it."""
    lower = text.lower()
    since = until = None
    hours: tuple[int, int] | None = None
    spans: list[tuple[int, int]] = []
    if match := _HOURS.search(lower):
        one, two, three, four = map(int, match.groups())
        hours = one * 60 + two, three * 60 + four
        spans.append(match.span())
    for match in _WHEN.finditer(lower):
        if match["m4"] and match["m4"] in ("may", "mar", "sun") and match["how"] not in ("in", "since", "during", "of"):
            continue  # a word of its own
        day = _day(match)
        if day is None:
            continue
        begin, end = day
        spans.append(match.span())
        how = match["how"] or ""
        if how in ("since", "from", "after", "between"):
            since = end if how == "after" else begin
        elif how in ("before",):
            until = begin
        elif how in ("until", "till", "to", "and", "by") and (since or how != "and"):
            until = end
        else:
            since, until = begin, end
    if not spans:
        return None, text
    rest = text
    for start, stop in sorted(spans, reverse=True):
        rest = f"{rest[:start]} {rest[stop:]}"
    return Period(since, until, hours), rest


_Day = tuple[int | None, int, int]


def _day(match: re.Match[str]) -> tuple[_Day, _Day] | None:
    """The first day that is meant, and the first after it. Days may run over their month's end."""
    for index in "123":
        if match[f"m{index}"]:
            name = match[f"m{index}"]
            month = int(name) if name.isdigit() else _MONTHS[name]
            year = int(match[f"y{index}"]) if match[f"y{index}"] else None
            day = int(match[f"d{index}"])
            return (year, month, day), (year, month, day + 1)
    month = _MONTHS[match["m4"]]
    year = int(match["y4"]) if match["y4"] else None
    return (year, month, 1), (year, month, 1 + (31 if month == 12 else calendar.monthrange(year or 2024, month)[1]))
