"""A question about logs to its answer: understand, select, count, tell, cite. Every number is counted here.

Nothing is worded by a model, and nothing is guessed: the conditions that were understood are told with the answer, and
so is what of the question was not.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ingest.logs.clock import NO_TIME, iso, moment_at
from ingest.logs.facts import ranking
from ingest.logs.indexed import NONE
from rag.events.asked import Asked, understand
from rag.events.select import Found, Level, Selection, select
from rag.events.table import LogTable
from rag.filters import Filter, matching
from rag.query import quoted
from rag.store.catalog import Catalog
from rag.types import Citation, Counted, CountedIn

CITED = 8  # events that are quoted under an answer
VALUES = 10  # values that an answer names; it says how many more there are
TIMES = 5  # times that an answer names one by one
LISTED = 1000  # lines of a log that `Counted` lists
QUOTE_MAX = 2000  # characters of an event that are quoted

# How sure the reading of a question is, by how strictly its conditions hold; chosen, not measured. `rag eval
# --calibrate` weighs them against confidences of documents.
SURE = {Level.STRICT: 0.95, Level.ANYWHERE: 0.85, Level.SYNONYMS: 0.8, Level.TEXT: 0.6}

_PLURAL = {
    "actor": ("actor", "actors"),
    "source": ("source", "sources"),
    "object": ("object", "objects"),
    "action": ("action", "actions"),
    "error_code": ("error code", "error codes"),
}

_Pair = tuple[LogTable, int]  # an event

Standing = Literal["answer", "fallback", "nothing"]
"""It answers the question; it does if no document does; no event fits."""


@dataclass(frozen=True, slots=True)
class LogAnswer:
    """What logs have to say to a question."""

    standing: Standing
    text: str  # of "nothing": why
    citations: tuple[Citation, ...]  # of "nothing": what came near
    confidence: float
    counted: Counted | None = None
    warnings: tuple[str, ...] = ()
    alone: bool = False  # of "nothing": it is so plainly about logs that documents need not be asked


def tables_of(catalog: Catalog, only: Filter) -> list[LogTable]:
    """The logs that a filter lets through. They have no sections."""
    if only.section is not None:
        return []
    logs = catalog.logs()
    if only:
        documents = {file.document for file in matching(catalog, only)[0]}
        logs = [log for log in logs if log.document in documents]
    return [LogTable(catalog, log) for log in logs]


def answer(catalog: Catalog, question: str, only: Filter) -> LogAnswer | None:
    """What the logs have to say; None where there are none, or the question is not about what has happened."""
    tables = tables_of(catalog, only)
    if not tables:
        return None
    asked = understand(question)
    documents = catalog.size() > 0
    if asked.beyond:
        why = f"Logs are counted, and “{asked.beyond}” in the question is beyond that."
        return None if documents and not asked.of_logs else LogAnswer("nothing", why, (), 0.0)
    if documents and (asked.of_rules or not (asked.of_events or asked.of_logs)):
        return None
    selection = select(tables, asked)
    prefix = ""
    if not selection.found and selection.tried:
        selection = replace(selection, found=selection.tried, tried=())
        prefix = "Only tried, without success.\n"
    foreign = documents and _foreign(catalog, asked)
    if not selection.found:
        return _nothing(asked, selection, foreign=foreign)
    level = selection.found[0].level
    firm = foreign or (any(one.firm for one in selection.found) and level < Level.TEXT)
    teller = _Teller(asked, selection, tried=bool(prefix))
    return LogAnswer(
        standing="answer" if firm or not documents else "fallback",
        text=prefix + teller.text(),
        citations=tuple(teller.citations),
        confidence=SURE[level],
        counted=_counted(selection),
        warnings=tuple(_warnings(selection)),
    )


def cite(number: int, table: LogTable, event: int) -> Citation:
    """The numbered citation of an event: its lines as they are, and above them its fields."""
    start, end, lines = table.place(event)
    quote = _text(table, start, end, lines)[:QUOTE_MAX]
    stored = table.stored
    return Citation(
        number=number,
        path=stored.path,
        sha256=stored.sha256,
        page=None,
        section=" · ".join(fields_of(table, event)),
        start=start,
        end=start + len(quote),
        quote=quote,
        record=None,
        root=stored.root,
        ocr=False,
        also=stored.also,
        lines=lines,
    )


def fields_of(table: LogTable, event: int) -> Iterator[str]:
    """What is known of an event, in words that can be read in a row."""
    if (when := time_of(table, event)) is not None:
        yield when
    for name in ("actor", "action", "object", "outcome", "source"):
        if value := table.value(name, event):
            yield value


def time_of(table: LogTable, event: int) -> str | None:
    """When an event was, ISO 8601 in UTC."""
    time = int(table.column("time")[event])
    return None if time == NO_TIME else iso(moment_at(time))


def _text(table: LogTable, start: int, end: int, lines: Sequence[int]) -> str:
    begin, text = table.lines(lines[0], lines[-1])
    return text[start - begin : end - begin]


class _Teller:
    """Words what was found, and cites as it goes."""

    def __init__(self, asked: Asked, selection: Selection, *, tried: bool) -> None:
        """`tried`: nothing of it was done."""
        self._tried = tried
        self._asked = asked
        self._selection = selection
        self._cited: dict[tuple[int, int], int] = {}  # (document, event): its citation's number
        self.citations: list[Citation] = []

    def text(self) -> str:
        """The answer, a line for each thing that was asked, and what it rests on."""
        parts = [part for wish in self._asked.wishes for part in self._of(wish)]
        return "\n".join([*parts, self._basis()])

    def _of(self, wish: str) -> Iterator[str]:
        asked, count = self._asked, self._selection.events
        if wish == "count":
            different = self._different(asked.counted) if asked.counted else ""
            yield f"{different}{_events(count)}{self._span()}. {self._marks(*self._ends())}"
        elif wish in ("values", "top"):
            for name in asked.fields:
                yield from self._values(name, top=wish == "top")
        elif wish == "when":
            yield from self._when()
        elif wish == "whether":
            word = "No" if self._tried else "Yes"
            yield f"{word}: {_events(count)}{self._span()}. {self._marks(*self._ends())}"
            yield from self._values("actor")
        else:
            for table, event in self._first(TIMES):
                yield f"{', '.join(fields_of(table, event))}. {self._marks((table, event))}"
            if count > TIMES:
                yield f"{count - TIMES:,} more events."

    def _values(self, name: str, *, top: bool = False) -> Iterator[str]:
        counts, first = self._by_value(name)
        one, many = _PLURAL[name]
        count = self._selection.events
        if not counts:
            marks = self._marks(*self._first(TIMES))
            yield f"The log names no {one} for {'this event' if count == 1 else 'these events'}. {marks}"
            return
        ranked = ranking(counts)
        shown = [f"{value} ({_events(size)}) {self._marks(first[value])}".rstrip() for value, size in ranked[:VALUES]]
        if top:
            equal = [text for text, (_, count) in zip(shown, ranked, strict=False) if count == ranked[0][1]]
            rest = ranked[len(equal) :][:1]
            then = f", before {rest[0][0]} ({_events(rest[0][1])})" if rest else ""
            yield f"Most: {', '.join(equal)}{then}."
            return
        more = f", and {len(ranked) - VALUES:,} more" if len(ranked) > VALUES else ""
        missing = count - counts.total()
        without = f"; {_events(missing)} without" if missing else ""
        yield f"{(one if len(ranked) == 1 else many).capitalize()}: {', '.join(shown)}{more}{without}."

    def _when(self) -> Iterator[str]:
        asked = self._asked
        count = sum(int(one.table.timed()[one.events].sum()) for one in self._selection.found)
        if not count:
            yield f"The log names no time. {self._marks(*self._first(TIMES))}"
            return
        told: list[tuple[str, _Pair]] = []
        both = asked.first == asked.last
        if count > 1 and (asked.first or asked.last or count > TIMES):
            first, last = self._ends()
            told += [("for the first time ", first)] if asked.first or both else []
            told += [("for the last time ", last)] if asked.last or both else []
        else:
            told = [("", pair) for pair in self._first(count)]
        words = ", ".join(f"{words}at {time_of(*pair)} {self._marks(pair)}" for words, pair in told)
        yield f"{words[0].upper()}{words[1:]}{f'; {_events(count)} in all' if count > len(told) else ''}."
        if not asked.fields and count <= TIMES and self._by_value("actor")[0]:
            yield from self._values("actor")

    def _different(self, name: str) -> str:
        """ "12 different actors, in "; "" where the log names none."""
        count = len(self._by_value(name)[0])
        one, many = _PLURAL[name]
        return f"{count:,} different {one if count == 1 else many}, in " if count else ""

    def _span(self) -> str:
        times = [when for pair in self._ends() if (when := time_of(*pair)) is not None]
        if not times:
            return ""
        return f", at {times[0]}" if times[0] == times[-1] else f", from {times[0]} to {times[-1]}"

    def _first(self, most: int, *, last: bool = False) -> list[_Pair]:
        """The first, or last, events by time, in that order; those without one only where there are no others."""
        timed: list[tuple[int, _Pair]] = []
        others: list[_Pair] = []
        for one in self._selection.found:
            times = one.table.column("time")[one.events]
            known = np.flatnonzero(times != NO_TIME)
            order = known[np.argsort(times[known], kind="stable")]
            chosen = order[-most:] if last else order[:most]
            timed += [(int(times[place]), (one.table, int(one.events[place]))) for place in chosen]
            others += [(one.table, int(event)) for event in (one.events[-most:] if last else one.events[:most])]
        timed.sort(key=lambda item: item[0])
        pairs = [pair for _, pair in timed] or others
        return pairs[-most:] if last else pairs[:most]

    def _ends(self) -> tuple[_Pair, _Pair]:
        """The first and the last event."""
        return self._first(1)[0], self._first(1, last=True)[0]

    def _by_value(self, name: str) -> tuple[Counter[str], dict[str, _Pair]]:
        """How many events have each value of a field, and the first one that has it."""
        counts: Counter[str] = Counter()
        first: dict[str, tuple[int, _Pair]] = {}
        for one in self._selection.found:
            times = one.table.column("time")[one.events]
            order = np.argsort(times, kind="stable")
            numbers, places, sizes = np.unique(
                one.table.column(name)[one.events][order], return_index=True, return_counts=True
            )
            for number, place, size in zip(numbers.tolist(), places.tolist(), sizes.tolist(), strict=True):
                if number == NONE:
                    continue
                value, event = one.table.values(name)[number], int(order[place])
                counts[value] += size
                if value not in first or int(times[event]) < first[value][0]:
                    first[value] = int(times[event]), (one.table, int(one.events[event]))
        return counts, {value: pair for value, (_, pair) in first.items()}

    def _marks(self, *events: _Pair) -> str:
        """ "[1] [2]": citations of events, as far as so many are quoted."""
        marks = []
        for table, event in events:
            key = (table.stored.document, event)
            if key not in self._cited and len(self.citations) < CITED:
                self._cited[key] = len(self.citations) + 1
                self.citations.append(cite(self._cited[key], table, event))
            if key in self._cited and f"[{self._cited[key]}]" not in marks:
                marks.append(f"[{self._cited[key]}]")
        return " ".join(marks)

    def _basis(self) -> str:
        """The conditions, for people."""
        conditions = "; ".join(_conditions(self._selection))
        logs = ", ".join(f"{one.table.stored.path} ({len(one.events):,})" for one in self._selection.found)
        return f"Counted: events with {conditions}, in {logs}." if conditions else f"Counted: all events in {logs}."


def _counted(selection: Selection) -> Counted:
    return Counted(_conditions(selection), selection.events, tuple(map(_in_log, selection.found)))


def _conditions(selection: Selection) -> tuple[str, ...]:
    """The conditions of all logs, each once; the actions and outcomes of several logs in one."""
    said: dict[str, dict[str, None]] = {}
    for one in selection.found:
        for words in one.conditions:
            name, _, values = words.partition(" ")
            joined = name in ("action", "outcome")
            said.setdefault(name if joined else words, {}).update(dict.fromkeys(values.split(" or ") if joined else ()))
    return tuple(f"{name} {' or '.join(values)}" if values else name for name, values in said.items())


def _in_log(found: Found) -> CountedIn:
    lines = np.unique(found.table.column("line")[found.events])[:LISTED]
    stored = found.table.stored
    return CountedIn(stored.path, stored.root, len(found.events), tuple(lines.tolist()))


def _warnings(selection: Selection) -> Iterator[str]:
    if failed := sum(len(one.events) for one in selection.tried):
        yield f"Not counted: {_events(failed)} that failed or {'were' if failed > 1 else 'was'} denied."
    for one in selection.looser:
        lines = one.table.column("line")[one.events].tolist()
        shown = ", ".join(map(str, lines[:TIMES])) + (", …" if len(lines) > TIMES else "")
        which = f"{_events(len(lines))} of {one.table.stored.path} ({'; '.join(one.conditions)})"
        yield f"Not counted, and perhaps meant too: {which}; line{'s' * (len(lines) > 1)} {shown}."


def _foreign(catalog: Catalog, asked: Asked) -> bool:
    """Whether the question has a word or name that no document has: then none can answer it."""
    expressions = [quoted(term.text) for term in asked.terms if not term.generic and term.outcome is None]
    return 0 in catalog.document_frequency(expressions).values()


def _nothing(asked: Asked, selection: Selection, *, foreign: bool) -> LogAnswer | None:
    """Why no event fits, as far as that is worth saying. `foreign`: no document has all words of the question."""
    words = [term.text for term in asked.terms if not term.generic]
    if not words:
        return None
    if len(selection.unknown) == len(words):
        return None
    close = [(one.table, int(event)) for one in selection.near for event in one.events][:TIMES]
    near = [cite(number, *pair) for number, pair in enumerate(close, start=1)]
    if selection.unknown:
        why = f"No log has {', '.join(f'“{word}”' for word in selection.unknown)}."
    else:
        why = f"No event of the logs has {', '.join(f'“{word}”' for word in words)} together."
    named = any(term.role in ("name", "source", "actor") for term in asked.terms)
    return LogAnswer("nothing", why, tuple(near), 0.0, alone=not selection.unknown and (named or foreign or bool(near)))


def _events(count: int) -> str:
    return f"{count:,} event{'s' * (count != 1)}"
