"""A growing log, looked at again and again: what stands out as its lines come. Ends only when its caller does."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ingest.errors import ReadError, UsageError
from ingest.logs.facts import Analysis
from ingest.logs.findings import Finding
from ingest.logs.formats import Recognition, read_events, recognise
from ingest.logs.lines import LINE_MAX, Lines, Text
from ingest.logs.rules import Rules
from ingest.logs.selection import Selection
from ingest.types import FileStatus

_READ = 1 << 22  # bytes read at a time
_AGAIN = 2  # a finding is told again when it has so many times the events it had when it was told

_COUNT = re.compile(r"(?<![\w.:/-])\d[\d,]*(?![\w:/-]|\.\d)")  # a number in a title; no part of a name or an address


@dataclass(slots=True)
class Tail:
    """One log that is followed. A line counts when its end has come; what continues an event has to come with it."""

    path: Path
    selection: Selection = field(default_factory=Selection)
    rules: Rules | None = None  # None: those that come with the program
    _analysis: Analysis | None = None
    _found: Recognition | None = None
    _header: tuple[int, str] | None = None  # of a table
    _position: int = 0  # bytes that were read
    _number: int = 0  # lines that have ended
    _rest: bytes = b""  # of a line that has not
    _file: tuple[int, int] | None = None  # device and number of the file
    _told: dict[tuple[str, str], int] = field(default_factory=dict)  # finding: its events when it was told

    def look(self, on_restart: Callable[[], None] = lambda: None) -> list[Finding]:
        """What newly stands out since the last look.

        Args:
            on_restart: called where the file was cut off or replaced, as log rotation does: lines begin at 1 again.

        Raises:
            UsageError: it is no log of lines.
            ReadError: it cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                status = self.path.stat()
                same = self._file in (None, (status.st_dev, status.st_ino))
                if not same or status.st_size < self._position:
                    self._restart()
                    on_restart()
                self._file = (status.st_dev, status.st_ino)
                file.seek(self._position)
                new = False
                while data := file.read(_READ):
                    self._position += len(data)
                    new |= self._take(data)
        except OSError as error:
            raise ReadError(
                FileStatus.FAILED, f"{self.path.name} cannot be read any more: {error.strerror}."
            ) from error
        return self._news() if new else []

    def _restart(self) -> None:
        self._analysis = self._found = self._header = None
        self._position = self._number = 0
        self._rest = b""
        self._told = {}

    def _take(self, data: bytes) -> bool:
        """Count the lines that end in the data; False if none does."""
        whole, end, rest = (self._rest + data).rpartition(b"\n")
        if not end:
            self._rest = rest[:LINE_MAX]  # a line without an end must not fill the memory
            return False
        self._rest = rest
        texts = whole.decode(errors="replace").split("\n")
        lines = [(self._number + index, text.removesuffix("\r")) for index, text in enumerate(texts, start=1)]
        self._number += len(lines)
        if self._found is None:
            self._begin(texts, lines)
        elif self._header is not None:
            lines.insert(0, self._header)
        assert self._analysis is not None  # made by _begin
        assert self._found is not None
        self._analysis.take(read_events(Lines(lines), self._found, self._analysis.ledger))
        return True

    def _begin(self, texts: list[str], lines: list[tuple[int, str]]) -> None:
        """Recognise the log by its first lines."""
        with Text(self.path) as text:  # refuses what is no text
            if text.compressed:
                raise UsageError(f"{self.path} is compressed; --follow reads a log that still grows, as plain text.")
        found = recognise("\n".join(texts), datetime.fromtimestamp(self.path.stat().st_mtime, UTC))
        if found.document:
            raise UsageError(f"{self.path} is one JSON document; --follow reads logs of lines. Leave --follow out.")
        self._found = found
        self._analysis = Analysis(self.selection, rules=self.rules)
        if found.delimiter is not None:
            self._header = next((line for line in lines if line[1].strip() and not line[1].startswith("#")), None)

    def _news(self) -> list[Finding]:
        assert self._analysis is not None  # something was taken
        news = []
        for finding in self._analysis.watch.findings():
            key = (finding.severity, _COUNT.sub("#", finding.title))
            if finding.count >= _AGAIN * self._told.get(key, 0):
                self._told[key] = finding.count
                news.append(finding)
        return news
