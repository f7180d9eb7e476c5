"""Which format a log has, judged by its content and never by its name, and the events in it.

A log may mix line formats: each line is offered to the formats that its head showed, the most frequent first. Plain
text takes what no other format wants, but only in a log where that is common; elsewhere such a line is unparsed.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from ingest.errors import ReadError
from ingest.logs.access import AccessLog
from ingest.logs.auditd import Auditd
from ingest.logs.clock import YearlessClock
from ingest.logs.events import Event, Ledger
from ingest.logs.layouts import LAYOUTS, LaidOut, PlainText
from ingest.logs.lines import Text
from ingest.logs.mapping import Record, is_event
from ingest.logs.pairs import Pairs
from ingest.logs.records import JsonLines, is_document, read_document, records_of
from ingest.logs.syslog import Rfc3164, Rfc5424
from ingest.logs.table import header_of, read_table
from ingest.logs.windows import is_windows, read_windows

SAMPLE_LINES = 1000  # lines of the head that vote

PLAIN_SHARE = 0.05
"""Share of lines that fit no format above which they are taken for text rather than for damage."""

LOG_SHARE = 0.6
"""Share of lines that must fit for a file to be a log at all. Prose with a date here and there stays far below."""

DETAIL_MAX = 1 << 16  # characters kept of an event that goes over many lines

_TRACE = re.compile(
    r"\s|Caused by:|Traceback \(|Suppressed:|During handling of|[\w.$]+(?:Exception|Error)\b|at [\w.$]+\(|"
    r"\.\.\. \d+ more|[})\]]"
)
"""What the lines of a stack trace or of a dump begin with."""


class LineFormat(Protocol):
    """Reads one kind of line."""

    @property
    def name(self) -> str:
        """As reports call it."""
        ...

    def parse(self, number: int, text: str) -> tuple[Event, ...] | None:
        """The line's events; None if it is not of this format."""
        ...

    def notes(self) -> list[str]:
        """What a reader must know about the events that were read."""
        ...


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a log's head says about it."""

    document: bool = False  # JSON or XML, whose records do not keep to lines
    windows: bool = False  # the document holds Windows events
    delimiter: str | None = None  # a table with this between its columns
    line_formats: tuple[LineFormat, ...] = ()  # in the order in which a line is offered to them
    share: float = 0.0  # 0..1, of the head's lines that fit a format other than plain text

    def clocks(self) -> list[YearlessClock]:
        """The clocks that remember a year from one line to the next."""
        clocks = (form.clock for form in self.line_formats if isinstance(form, Rfc3164 | LaidOut))
        return [clock for clock in clocks if clock is not None]


def is_log(path: Path) -> bool:
    """Whether the file is a log rather than a document. A file that cannot be read is none."""
    try:
        with Text(path) as text:
            head = text.head if text.head_is_all else text.head.rpartition("\n")[0] or text.head
    except ReadError:
        return False
    if is_windows(head):
        return True
    if is_document(head):
        return _document_of_events(head)
    found = recognise(head, datetime.now(UTC))
    if found.delimiter:
        return True
    if found.share < LOG_SHARE:
        return False
    objects = [line for line in head.splitlines()[:SAMPLE_LINES] if line.lstrip().startswith("{")]
    return not objects or found.line_formats[0].name != JsonLines.name or _mostly_events(objects)


def recognise(head: str, changed: datetime) -> Recognition:
    """The format of a log from its first lines. `changed`: when the file was, for timestamps without a year."""
    if is_windows(head):
        return Recognition(document=True, windows=True)
    if is_document(head):
        return Recognition(document=True)
    header = header_of(head)
    if header:
        return Recognition(delimiter=header[0])
    candidates = _strict_formats(changed)
    # Not `splitlines`: some formats keep control characters inside a line that it would end at.
    sample = [line.removesuffix("\r") for line in head.split("\n")[:SAMPLE_LINES] if line.strip()]
    votes: Counter[int] = Counter()
    unfit = 0
    for index, line in enumerate(sample):
        fits = next((which for which, form in enumerate(candidates) if form.parse(1, line)), None)
        if fits is not None:
            votes[fits] += 1
        elif not (index and _TRACE.match(line)):
            unfit += 1
    chosen = _strict_formats(changed)  # fresh ones: those that voted have seen times
    order = [chosen[which] for which, _ in votes.most_common()]
    rest = [form for which, form in enumerate(chosen) if which not in votes and not isinstance(form, LaidOut)]
    if not votes or unfit > PLAIN_SHARE * len(sample):
        return Recognition(line_formats=(*order, PlainText()), share=votes.total() / max(1, votes.total() + unfit))
    return Recognition(line_formats=(*order, *rest), share=votes.total() / (votes.total() + unfit))


def read_events(text: Text, found: Recognition, ledger: Ledger) -> Iterator[Event]:
    """All events of a log in their order. The ledger is complete when the last one has been taken."""
    if found.document:
        yield from read_windows(text, ledger) if found.windows else read_document(text, ledger)
        return
    if found.delimiter:
        yield from read_table(_numbered(text, ledger), found.delimiter, ledger)
        return
    yield from _read_lines(_numbered(text, ledger), found.line_formats, ledger)
    for form in found.line_formats:
        if ledger.formats[form.name]:
            for note in form.notes():
                ledger.note(note)


def _numbered(text: Text, ledger: Ledger) -> Iterator[tuple[int, str]]:
    """The lines, counted; what was not UTF-8 is noted."""
    spoiled = 0
    for number, line in text.lines():
        ledger.lines = number
        if "\ufffd" in line:
            spoiled += 1
        yield number, line
    if spoiled:
        ledger.note(f"{spoiled:,} lines hold bytes that are not valid text; they are shown as \ufffd.")


def _read_lines(lines: Iterator[tuple[int, str]], formats: Sequence[LineFormat], ledger: Ledger) -> Iterator[Event]:
    pending: Event | None = None  # the last event, which the next line may continue
    tail: list[str] = []  # the lines that continue it
    last = kept = 0  # their last number; their characters
    counts = [0] * len(formats)  # events
    tried = [(which, form.parse) for which, form in enumerate(formats)]
    tried_indented = [one for one, form in zip(tried, formats, strict=True) if not isinstance(form, PlainText)]
    joining = {which: form for which, form in enumerate(formats) if isinstance(form, Auditd)}
    for number, text in lines:
        if not text or text.isspace():
            ledger.blank_lines += 1
            continue
        if "\0" in text:
            ledger.unparsed.append(number)
            ledger.note("Lines that hold NUL bytes count as unparsed: a crash may have left them.")
            continue
        events: tuple[Event, ...] | None = None
        for which, parse in tried if pending is None or text[0] not in " \t" else tried_indented:  # noqa: B007 - used below
            events = parse(number, text)
            if events:
                break
        if events:
            ledger.event_lines += 1
            if which in joining and pending is not None and not last:
                joined = joining[which].joined(pending, events[0])
                if joined is not None:
                    counts[which] += len(events) - 1
                    pending = joined
                    continue
            counts[which] += len(events)
            if pending is not None:
                yield _joined(pending, tail, last) if last else pending
                if last:
                    tail, last, kept = [], 0, 0
            if len(events) > 1:
                yield from events[:-1]
            pending = events[-1]
        elif pending is not None and _TRACE.match(text):
            ledger.event_lines += 1
            last = number
            if kept < DETAIL_MAX:
                tail.append(text)
                kept += len(text)
        else:
            ledger.unparsed.append(number)
    for form, count in zip(formats, counts, strict=True):
        if count:
            ledger.formats[form.name] += count
    if pending is not None:
        yield _joined(pending, tail, last) if last else pending


def _joined(event: Event, tail: list[str], last: int) -> Event:
    """The event with the lines that continue it. Its template stays that of its first line."""
    return replace(event, lines=(event.lines[0], last), detail="\n".join((event.text, *tail)))


def _strict_formats(changed: datetime) -> list[LineFormat]:
    """All line formats but plain text, in the order in which they are tried on a line."""
    return [
        JsonLines(),
        Auditd(),
        Pairs("cef"),
        Pairs("leef"),
        Rfc5424(),
        Rfc3164(changed),
        AccessLog(),
        *(LaidOut(layout, changed) for layout in LAYOUTS),
    ]


def _document_of_events(head: str) -> bool:
    """Whether the first record of a JSON document is an event."""
    decoder = json.JSONDecoder()
    for match in re.finditer(r"\{", head[:4096]):
        try:
            value, _ = decoder.raw_decode(head, match.start())
        except (ValueError, RecursionError):
            continue  # the document itself, which the head cuts: look inside
        return any(is_event(record) for record in records_of(value)[:1])
    return False


def _mostly_events(lines: Sequence[str]) -> bool:
    records: list[Record] = []
    for line in lines:
        try:
            records.extend(records_of(json.loads(line)))
        except (ValueError, RecursionError):
            continue  # a damaged line does not vote
    return bool(records) and sum(map(is_event, records)) > len(records) / 2
