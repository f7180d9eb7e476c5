"""JSON logs: one object a line, or documents that hold lists of records, read without holding the whole document."""

import json
import re
from array import array
from collections.abc import Iterator

from ingest.logs.events import Event, Ledger
from ingest.logs.keys import LISTS
from ingest.logs.lines import Text
from ingest.logs.mapping import Mapper, Record, family_of

RECORD_MAX = 1 << 24  # characters of one record of a document; real ones have a few thousand

_LIST_AHEAD = re.compile(r'\s*\{\s*"(?:' + "|".join(LISTS) + r')"\s*:\s*\[(?=\s*[{\]])')
_DOCUMENT_BEGINS = re.compile(r'\[\s*[{\]]|\{\s*"(?:[^"\\]|\\.)*"\s*:')
_LISTS = frozenset(LISTS)
_SPACE = re.compile(r"[\s\ufeff]*")
_DECODER = json.JSONDecoder()


class JsonLines:
    """One JSON value a line: an event, or a document with several."""

    name = "json"

    def __init__(self) -> None:
        self.mapper = Mapper()

    def parse(self, number: int, text: str) -> tuple[Event, ...] | None:
        """The line's events; None if it holds no JSON object."""
        start = text.lstrip("\ufeff \t")
        if not start.startswith(("{", "[")):
            return None
        try:
            value = value_of(start)
        except (ValueError, RecursionError):
            return None
        records = records_of(value)
        if len(records) == 1 and records[0] is value:
            return (self.mapper.event(value, (number, number), text),)
        return tuple(self.mapper.event(record, (number, number), json.dumps(record)) for record in records) or None

    def notes(self) -> list[str]:
        """What a reader must know about the times."""
        return self.mapper.notes()


_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19


def value_of(text: str) -> object:
    """The value of a JSON text: three times as fast as `json.loads`, with the same result.

    Raises ValueError or RecursionError, as `json.loads` does.
    """
    import orjson

    data = text.encode(errors="surrogatepass")
    if _LONG_NUMBER not in data.translate(_DIGITS_ALIKE):  # integers beyond 64 bits would come back as rounded floats
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            pass  # it takes no NaN, no half of a surrogate pair and no depth beyond 1,024; `json` decides
    value: object = json.loads(text)
    return value


def records_of(value: object) -> list[Record]:
    """The records in a JSON value: itself, the members of a list, or those of a list that it wraps."""
    if isinstance(value, list):
        return [record for record in value if isinstance(record, dict)]
    if not isinstance(value, dict):
        return []
    if not _LISTS.isdisjoint(value) and family_of(value) is None:
        for name in LISTS:
            inner = value.get(name)
            if isinstance(inner, list) and (not inner or isinstance(inner[0], dict)) and len(value) <= len(LISTS):
                return [record for record in inner if isinstance(record, dict)]
    return [value]


def is_document(head: str) -> bool:
    """Whether the text is JSON that goes over several lines, or a list of records that may be too long to be held."""
    start = head.lstrip("\ufeff \t\r\n")
    if not start.startswith(("{", "[")):
        return False
    if _LIST_AHEAD.match(start):
        return True
    lines = [line for line in start.splitlines()[:50] if line.strip()]
    alone = sum(_is_object(line) for line in lines)
    if alone >= 2 or (alone == 1 and len(lines) == 1):
        return False  # one value a line, even if the first is cut
    return bool(_DOCUMENT_BEGINS.match(start))


def _is_object(line: str) -> bool:
    if not line.lstrip().startswith("{"):
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


class _Feed:
    """A window over the text, the line that it begins on, and the count of all lines that went by."""

    def __init__(self, text: Text) -> None:
        self._chunks = text.chunks()
        self.window = ""
        self.position = 0
        self.line = 1  # the line that `position` is on
        self.ended = False
        self.lines = 0  # that have ended so far
        self.blank: array[int] = array("Q")  # their numbers
        self._open_line = ""  # the beginning of the line that has not ended: "" or "x" for blank or not

    def more(self) -> bool:
        """Bring in more text; False if there is none."""
        self.window = self.window[self.position :]
        self.position = 0
        want = max(1, len(self.window))  # doubling, so that a long record is not decoded again and again
        got = 0
        while got < want and not self.ended:
            chunk = next(self._chunks, None)
            if chunk is None:
                self.ended = True
                if self._open_line:
                    self._end_line()
            else:
                self._count(chunk)
                self.window += chunk
                got += len(chunk)
        return got > 0

    def drain(self) -> None:
        """Count the lines of the rest, which is not read."""
        while not self.ended:
            self.position = len(self.window)
            self.more()

    def advance(self, to: int) -> None:
        """Move on within the window."""
        self.line += self.window.count("\n", self.position, to)
        self.position = to

    def skip_space(self) -> str:
        """The next character that is not white space; "" at the end."""
        while True:
            match = _SPACE.match(self.window, self.position)
            self.advance(match.end() if match else self.position)
            if self.position < len(self.window):
                return self.window[self.position]
            if not self.more():
                return ""

    def value(self) -> object:
        """The JSON value that begins here. Raises ValueError if there is none, or none that ends in `RECORD_MAX`."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self.window, self.position)
            except RecursionError as error:
                raise ValueError("nested too deeply") from error
            except ValueError:
                if len(self.window) - self.position > RECORD_MAX or not self.more():
                    raise
                continue
            if end == len(self.window) and self.more():
                continue  # a number may go on
            self.advance(end)
            return value

    def _count(self, chunk: str) -> None:
        *ended, rest = chunk.split("\n")
        for piece in ended:
            self._open_line = self._open_line or ("x" if piece.strip() else " ")
            self._end_line()
        if rest:
            self._open_line = "x" if self._open_line == "x" or rest.strip() else " "

    def _end_line(self) -> None:
        self.lines += 1
        if self._open_line != "x":
            self.blank.append(self.lines)
        self._open_line = ""


def read_document(text: Text, ledger: Ledger) -> Iterator[Event]:
    """The events of one or more JSON documents. Where a document breaks off, the rest counts as unparsed."""
    feed = _Feed(text)
    mapper = Mapper()
    carried = 0  # the last line that carries, or closes, an event
    try:
        while feed.skip_space():
            for event in _one_document(feed, mapper):
                carried = event.lines[1]
                ledger.formats[JsonLines.name] += 1
                yield event
            if carried:
                carried = feed.line
    except ValueError:
        ledger.note(f"The JSON breaks off on line {feed.line}: what follows counts as unparsed.")
    feed.drain()
    ledger.lines = feed.lines
    ledger.blank_lines = len(feed.blank)
    blank = set(feed.blank)
    ledger.unparsed.extend(number for number in range(carried + 1, feed.lines + 1) if number not in blank)
    ledger.event_lines = ledger.lines - ledger.blank_lines - len(ledger.unparsed)
    for note in mapper.notes():
        ledger.note(note)


def _one_document(feed: _Feed, mapper: Mapper) -> Iterator[Event]:
    begin = feed.line
    while len(feed.window) - feed.position < 4096 and feed.more():
        pass  # enough to see how the document begins
    wrapped = _LIST_AHEAD.match(feed.window, feed.position)
    if wrapped or feed.window[feed.position] == "[":
        feed.advance(wrapped.end() if wrapped else feed.position + 1)
        yield from _members(feed, mapper)
        if wrapped:
            _rest_of_object(feed)
        return
    value = feed.value()
    if not isinstance(value, dict):
        raise ValueError("a bare value is no record")
    for record in records_of(value):
        yield mapper.event(record, (begin, feed.line), json.dumps(record))


def _members(feed: _Feed, mapper: Mapper) -> Iterator[Event]:
    while (character := feed.skip_space()) != "]":
        if character == ",":
            feed.advance(feed.position + 1)
            continue
        begin = feed.line
        value = feed.value()
        if not isinstance(value, dict):
            raise ValueError("a bare value is no record")
        yield mapper.event(value, (begin, feed.line), json.dumps(value))
    feed.advance(feed.position + 1)


def _rest_of_object(feed: _Feed) -> None:
    """Pass over what a document says after its list of records."""
    while (character := feed.skip_space()) != "}":
        if character in (",", ":"):
            feed.advance(feed.position + 1)
        else:
            feed.value()
    feed.advance(feed.position + 1)
