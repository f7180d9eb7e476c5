"""What a question asks for to the events that fit, log by log, and to words for the conditions that they fit.

Each condition is first taken strictly (the action has the very word, the name is that of who acted) and only where no
event fits is it taken more loosely (another word for the action, the word anywhere in the event's text). The strictest
reading that any log answers counts; what only a looser one finds is named, not counted.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ingest.logs.clock import iso, microseconds, moment_at
from ingest.logs.words import stems_of
from rag.events.asked import Asked, Period, Term
from rag.events.table import LogTable, Mask
from rag.events.words import BAD, LOGS, Sought, alike, as_name, field_of, in_text, is_verb, stems

NAMES_SHOWN = 4  # values that a condition names; more are counted
_DAY_MINUTES = 24 * 60


class Level(IntEnum):
    """How strictly conditions are taken; the strictest first."""

    STRICT = 0  # what an event's fields say
    ANYWHERE = 1  # nouns and names anywhere in the event's text
    SYNONYMS = 2  # actions by other words, too
    TEXT = 3  # every word anywhere in the text


@dataclass(frozen=True, slots=True)
class Found:
    """The events of one log that fit."""

    table: LogTable
    events: NDArray[np.int64]  # by their numbers, ascending
    level: Level
    conditions: tuple[str, ...]  # in words
    firm: bool  # a field of the events says so: an action, an outcome, a name, a time


@dataclass(frozen=True, slots=True)
class Selection:
    """What fits."""

    found: tuple[Found, ...]  # all of one level
    looser: tuple[Found, ...] = ()  # what only a looser reading finds in other logs
    near: tuple[Found, ...] = ()  # actions on something that belongs to what was asked for: no answer
    tried: tuple[Found, ...] = ()  # what failed or was denied, where the question asks for what was done
    unknown: tuple[str, ...] = ()  # words and names that no log has

    @property
    def events(self) -> int:
        """How many."""
        return sum(len(one.events) for one in self.found)


def select(tables: Sequence[LogTable], asked: Asked) -> Selection:
    """The events of some logs that fit what is asked."""
    found: list[Found] = []
    near: list[Found] = []
    readers = [_Reader(table) for table in tables]
    acting = {term.text for term in asked.terms if term.role == "actor" and any(one.knows(term) for one in readers)}
    for reader in readers:
        one, close = _in_table(reader, asked, acting)
        if one is not None:
            found.append(one)
        if close is not None:
            near.append(close)
    if not found:
        found = [one for table in tables if (one := _by_findings(table, asked)) is not None]
    if not found:
        unknown = tuple(term.text for term in asked.terms if not term.generic and not _known(tables, term))
        return Selection((), near=tuple(near), unknown=unknown)
    best = min(one.level for one in found)
    chosen = [one for one in found if one.level == best]
    looser = tuple(one for one in found if best < one.level <= Level.SYNONYMS)
    if not asked.done:
        return Selection(tuple(chosen), looser)
    tried = tuple(one for part in chosen if (one := _ended(part, badly=True)) is not None)
    return Selection(tuple(one for part in chosen if (one := _ended(part, badly=False))), looser, tried=tried)


def _ended(found: Found, *, badly: bool) -> Found | None:
    """Only those events that failed or were denied, or only the others."""
    bad = found.table.having("outcome", BAD.__contains__)[found.events]
    events = found.events[bad if badly else ~bad]
    if not len(events):
        return None
    if not bad.any() or bad.all():
        return replace(found, events=events)
    other = tuple(word for word in found.conditions if not word.startswith("outcome "))
    return replace(
        found,
        events=events,
        conditions=(*other, "an outcome that is failed or denied" if badly else "no outcome that is failed or denied"),
    )


def _in_table(reader: "_Reader", asked: Asked, acting: Set[str]) -> tuple[Found | None, Found | None]:
    """What fits in one log, and what only nearly does. `acting`: names of those who have acted, in any log."""
    table = reader.table
    period, words = _in_period(table, asked.period)
    if not period.any() or not any(not term.generic for term in asked.terms):
        return (_whole(table, period, words), None) if period.any() and _whole_asked(asked) else (None, None)
    near: Found | None = None
    for level in Level:
        mask, conditions, firm = reader.fitting(asked.terms, level, period, acting)
        if not mask.any():
            continue
        if near is not None and level == Level.TEXT:
            break
        exact = reader.to_the_point(mask, asked.terms)
        if exact.any():
            events = np.flatnonzero(reader.narrowed(exact, asked))
            shown = [*reader.said(events), *conditions, *words]
            if not firm and table.names_actions:  # words alone: what free text says is likelier to be meant
                level = max(level, Level.ANYWHERE)
            return Found(table, events, level, tuple(shown), firm or bool(words)), None
        near = near or Found(table, np.flatnonzero(mask), level, (*reader.said(np.flatnonzero(mask)), *words), firm)
    return None, near


def _whole_asked(asked: Asked) -> bool:
    """Whether a question without a condition but its time, if any, is about all events."""
    return bool(asked.terms or asked.period) and (asked.period is not None or "top" in asked.wishes)


def _whole(table: LogTable, mask: Mask, words: Sequence[str]) -> Found:
    return Found(table, np.flatnonzero(mask), Level.STRICT, tuple(words), bool(words))


class _Reader:
    """Reads terms in one log."""

    def __init__(self, table: LogTable) -> None:
        self.table = table
        self._names = _names_of(table)
        self._nothing: Mask = np.zeros(len(table), dtype=bool)
        self._stems = [stems_of(value) for value in table.values("action")]
        self._about = [stems_of(value) for value in table.values("about")]

    def knows(self, actor: Term) -> bool:
        """Whether somebody of that name has acted."""
        return bool(self._named("actor", actor.text).any())

    def fitting(
        self, terms: Sequence[Term], level: Level, mask: Mask, acting: Set[str]
    ) -> tuple[Mask, list[str], bool]:
        """The events among `mask` that fit all terms, conditions in words, and whether any of a field holds."""
        later: list[tuple[Term, Mask, Sought]] = []
        said: list[str] = []
        firm = False
        for term in terms:
            if term.generic or self._names_log(term.text):
                continue
            if level == Level.STRICT and term.text in acting and not self.knows(term):
                return self._nothing, [], False
            fits, pattern, words, of_field = self._of(term, level)
            if pattern is not None:
                later.append((term, fits, pattern))
                continue
            mask = mask & fits
            firm |= of_field
            said += words
            if not mask.any():
                return mask, [], False
        for _, fits, pattern in later:  # reading text is dear: only that of what fits so far
            mask = mask & (fits | self.table.holding(pattern, mask & ~fits))
            if not mask.any():
                return mask, [], False
        if later:
            said.append(" and ".join(f"“{term.text}”" for term, _, _ in later) + " in the text")
        return mask, said, firm

    def _of(self, term: Term, level: Level) -> tuple[Mask, Sought | None, list[str], bool]:
        """Of a term: events that fit by their fields, what to look for in the text of the others, words, firmness."""
        table = self.table
        if term.outcome is not None:
            wanted = BAD if term.outcome == "failure" or level >= Level.SYNONYMS else {term.outcome}
            wanted = wanted if term.outcome in BAD else {term.outcome}
            if any(value in wanted for value in table.values("outcome")) and level < Level.TEXT:
                return table.having("outcome", wanted.__contains__), None, [], True
            return self._nothing, in_text(term.text), [], False
        pattern = as_name(term.text)
        if term.role == "word" or (term.role == "actor" and not self._named("actor", term.text).any()):
            return self._of_word(term.text, in_text(term.text), level)
        if term.role in ("actor", "source"):
            fits = self._named(term.role, term.text)
            if fits.any() and level == Level.STRICT:
                return fits, None, [f"{term.role} {term.text}"], True
        fits = self._named("actor", term.text) | self._named("source", term.text) | self._named("object", term.text)
        if fits.any() and level == Level.STRICT:
            return fits, None, [f"{self._fields_with(term.text)} {term.text}"], True
        return fits, self._in_words(pattern, level), [], False

    def _of_word(self, word: str, pattern: Sought, level: Level) -> tuple[Mask, Sought | None, list[str], bool]:
        table = self.table
        actions = self._acting(set(stems(word)), every=True)
        others = self._acting(set(alike(word.lower())), every=False) if not actions.any() else self._nothing
        if level == Level.TEXT:
            return actions | others, pattern, [], False
        verb = is_verb(word.lower())
        if verb and not actions.any() and not others.any() and table.names_actions:
            return table.holding(pattern, table.lacking("action")), None, [f"“{word}” in the text"], False
        if actions.any() or others.any():
            noun = not verb and level >= Level.ANYWHERE
            if level >= Level.SYNONYMS:
                actions = actions | self._acting(set(alike(word.lower())), every=False)
            # What is done stands in the action's name; what it is done to may stand anywhere.
            return actions | others, pattern if noun else None, [], True
        known = self._nothing
        for name in ("actor", "source", "object", "error_code", "outcome"):
            known = known | table.having(name, pattern.fits)
        if known.any() and level == Level.STRICT:
            return known, None, [f"{self._fields_with(word)} with “{word}”"], True
        return known, self._in_words(pattern, level), [], False

    def _in_words(self, sought: Sought, level: Level) -> Sought | None:
        """What no field has may stand in the text: strictly so only where free text is all there is."""
        return None if level == Level.STRICT and self.table.names_actions else sought

    def _acting(self, wanted: set[str], *, every: bool) -> Mask:
        """Events whose action, or what stands beside it, has all of some stems, or any."""
        if not wanted:
            return self._nothing
        test = all if every else any
        found = self._nothing
        for name, stemmed in (("action", self._stems), ("about", self._about)):
            numbers = [n for n, text in enumerate(stemmed) if test(f" {one} " in text for one in wanted)]
            if numbers:
                found = found | self.table.numbered(name, numbers)
        return found

    def _named(self, field: str, name: str) -> Mask:
        pattern = as_name(name)
        return self.table.having(field, pattern.fits)

    def _fields_with(self, name: str) -> str:
        pattern = as_name(name)
        fields = [
            field
            for field in ("actor", "source", "object", "error_code", "outcome")
            if any(pattern.fits(value) or in_text(name).fits(value) for value in self.table.values(field))
        ]
        return " or ".join(fields)

    def _names_log(self, word: str) -> bool:
        """Whether a word names this very log."""
        return bool(stems(word)) and all(one in self._names for one in stems(word))

    def to_the_point(self, mask: Mask, terms: Sequence[Term]) -> Mask:
        """Without events whose action is done to a part of what was asked for: a bucket's policy is no bucket."""
        words = [
            term.text for term in terms if term.role == "word" and not (term.outcome or term.aside or term.generic)
        ]
        asked = {stem for word in words for stem in stems(word)}
        verbs = {stem for word in words if alike(word.lower()) for stem in (*stems(word), *alike(word.lower()))}
        ending = {stem for word in ("success", "failure", "failed", "succeeded") for stem in stems(word)}
        wide = []
        for number, text in enumerate(self._stems):
            parts = text.split()
            places = [place for place, part in enumerate(parts) if part in asked]
            if not places or parts[places[-1]] in verbs or not (asked - verbs):
                continue
            if [part for part in parts[places[-1] + 1 :] if part not in verbs | ending]:
                wide.append(number)
        return mask & ~self.table.numbered("action", wide) if wide else mask

    def narrowed(self, mask: Mask, asked: Asked) -> Mask:
        """Only the events that have a generic word of the question too, where any have. Fields that are asked for say
        nothing about events."""
        wanted = {*asked.fields, asked.counted}
        for term in asked.terms:
            if term.generic and field_of(term.text.lower()) not in wanted - {None}:
                fits = mask & self._acting(set(stems(term.text)), every=True)
                if not self.table.names_actions:
                    fits = self.table.holding(in_text(term.text), mask)
                mask = fits if fits.any() else mask
        return mask

    def said(self, events: NDArray[np.int64]) -> list[str]:
        """What the events have in common by action and outcome, in words."""
        table = self.table
        words = []
        for name in ("action", "outcome"):
            numbers = np.unique(table.column(name)[events])
            values = [table.values(name)[number] for number in numbers.tolist() if number >= 0]
            if 0 < len(values) <= NAMES_SHOWN and len(values) == len(numbers):
                words.append(f"{name} {' or '.join(values)}")
        return words


def _names_of(table: LogTable) -> frozenset[str]:
    """The stems of what a log may be called: its file's name and format, the service, an abbreviation spelled out."""
    own = set(stems_of(f"{PurePosixPath(table.stored.path).name} {table.stored.format}").split())
    name = "".join(filter(str.isalnum, table.stored.path.lower()))
    services = {one for row in LOGS if any(word in name for word in row) for word in row for one in stems(word)}
    spelled = {one for short, long in table.abbreviations() if set(stems(short)) <= own for one in stems(long)}
    return frozenset(own | services | spelled)


def _in_period(table: LogTable, period: Period | None) -> tuple[Mask, list[str]]:
    """The events in a period, and the period in words."""
    if period is None:
        return np.ones(len(table), dtype=bool), []
    times, timed = table.column("time"), table.timed()
    if not timed.any():
        return timed, []
    mask, words = timed.copy(), []
    years = (moment_at(int(times[timed].max())).year, moment_at(int(times[timed].min())).year)
    for year in years:  # the last one first
        try:
            since, until = period.limits(year)
        except (ValueError, OverflowError):
            return np.zeros(len(table), dtype=bool), []
        mask = timed.copy()
        if since is not None:
            mask &= times >= _number(since)
        if until is not None:
            mask &= times < _number(until)
        words = _period_words(since, until)
        if mask.any():
            break
    if period.hours is not None:
        minutes = times // 60_000_000 % _DAY_MINUTES
        begin, end = period.hours
        inside = (minutes >= begin) & (minutes < end) if begin < end else (minutes >= begin) | (minutes < end)
        mask &= inside
        words.append(f"between {begin // 60:02}:{begin % 60:02} and {end // 60:02}:{end % 60:02} UTC")
    return mask, words


def _number(when: datetime) -> int:
    return microseconds(when.replace(tzinfo=UTC))


def _period_words(since: datetime | None, until: datetime | None) -> list[str]:
    words = []
    if since is not None:
        words.append(f"since {iso(since.replace(tzinfo=UTC))}")
    if until is not None:
        words.append(f"before {iso(until.replace(tzinfo=UTC))}")
    return [" and ".join(words)] if words else []


def _by_findings(table: LogTable, asked: Asked) -> Found | None:
    """The events of a finding whose title says what is asked."""
    words = [term.text for term in asked.terms if not term.generic and term.outcome is None]
    if len(words) < 2 or any(term.role in ("name", "source") for term in asked.terms):
        return None
    period, said = _in_period(table, asked.period)
    for finding in table.findings():
        title = stems_of(str(finding["title"]))
        if all(any(f" {one} " in title for one in (*stems(word), *alike(word.lower()))) for word in words):
            mask = period & np.isin(table.column("line"), finding["lines"])
            if mask.any():
                shown = (f"the finding “{finding['title']}”", *said)
                return Found(table, np.flatnonzero(mask), Level.SYNONYMS, shown, True)
    return None


def _known(tables: Sequence[LogTable], term: Term) -> bool:
    """Whether any log has a word or name, anywhere."""
    pattern = in_text(term.text) if term.role == "word" else as_name(term.text)
    everything = (np.ones(len(table), dtype=bool) for table in tables)
    return any(
        _Reader(table)._of_word(term.text, pattern, Level.TEXT)[0].any() or table.holding(pattern, mask).any()
        for table, mask in zip(tables, everything, strict=True)
    )
