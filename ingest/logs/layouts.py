"""Plain text logs: a table of the layouts in which programs write time, level, component and message.

A row is a regular expression with the groups `time`, `message` and, where there is one, `level`. The next layout is
another row; the stricter ones come first. Text that fits no row is made templates as it is (`PlainText`).
"""

import re
from dataclasses import dataclass
from datetime import datetime

from ingest.logs.clock import YearlessClock, has_zone, parse_time
from ingest.logs.events import Event

_ISO = r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z| ?[+-]\d\d:?\d\d| UTC)?"
_LEVEL = r"(?i:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|ERR|SEVERE|CRIT(?:ICAL)?|FATAL|ALERT|EMERG|AUDIT|VERBOSE)"


@dataclass(frozen=True, slots=True)
class Layout:
    """How one family of programs writes a line."""

    name: str
    pattern: re.Pattern[str]
    year: bool = True  # whether its times name a year


def _row(name: str, pattern: str, *, year: bool = True) -> Layout:
    return Layout(name, re.compile(pattern + r"(?P<message>.*)", re.DOTALL), year)


LAYOUTS = (
    _row("log4j", rf"(?P<time>{_ISO}) (?:- )?(?P<level>{_LEVEL}) +\[[^\]]*(?:\][^ \]]*)*\](?: -|:)? (?:[\w.$]+: )?"),
    _row("oslo", rf"(?:\S+ )?(?P<time>{_ISO}) \d+ (?P<level>{_LEVEL}) [\w.]+ (?:\[(?:req-[^\]]*|-)\] )?"),
    _row("python", rf"(?P<time>{_ISO}) - [\w.]+ - (?P<level>{_LEVEL}) - "),
    _row("cbs", rf"(?P<time>{_ISO}), (?P<level>{_LEVEL}) +\w+ +"),
    _row("spark", rf"(?P<time>\d\d/\d\d/\d\d \d\d:\d\d:\d\d) (?P<level>{_LEVEL}) [\w.$]+: "),
    _row("hdfs", rf"(?P<time>\d{{6}} \d{{6}}) \d+ (?P<level>{_LEVEL}) [\w.$]+: "),
    _row("logcat", r"(?P<time>\d\d-\d\d \d\d:\d\d:\d\d\.\d+) +\d+ +\d+ (?P<level>[VDIWEFA]) [^:]*?: ", year=False),
    _row("glog", r"(?P<level>[IWEF])(?P<time>\d{4} \d\d:\d\d:\d\d\.\d+) +\d+ [\w.-]+:\d+\] ", year=False),
    _row(
        "apache-error",
        r"\[(?P<time>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4})\] "
        r"\[(?:\w+:)?(?P<level>\w+)\] (?:\[pid [^\]]*\] )?(?:\[client [^\]]*\] )?",
    ),
    _row("nginx-error", r"(?P<time>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(?P<level>\w+)\] \d+#\d+: (?:\*\d+ )?"),
    _row(
        "bluegene",
        r"\S+ (?P<time>\d{9,10}) \d{4}\.\d\d\.\d\d \S+ \d{4}-\d\d-\d\d-\d\d\.\d\d\.\d\d\.\d+ "
        r"\S+ \S+ \S+ (?P<level>\w+) ",
    ),
    _row(
        "cluster-syslog",
        r"\S+ (?P<time>\d{9,10}) \d{4}\.\d\d\.\d\d \S+ [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \S+ "
        r"(?:(?P<program>[^\s:\[]+)(?:\[[^\]]*\])?: )?",
    ),
    _row("hpc", r"\d+ \S+ \S+ \S+ (?P<time>\d{9,10}) -?\d+ "),
    _row("piped", r"(?P<time>\d{8}-\d{1,2}:\d{1,2}:\d{1,2}:\d{1,3})\|[^|]*\|\d+\|"),
    _row("proxifier", r"\[(?P<time>\d\d\.\d\d \d\d:\d\d:\d\d)\] [^ ]+(?: \*64)? - ", year=False),
    _row("iso", rf"\[?(?P<time>{_ISO})\]?:? +(?:[\[(]?(?P<level>{_LEVEL})[\])]?:? +)?(?:- )?"),
    _row(
        "dated",
        r"\[?(?P<time>\d{1,4}[/.]\d{1,2}[/.]\d{1,4} \d{1,2}:\d\d(?::\d\d)?(?: [AP]M)?|"
        r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})\]?:? +"
        rf"(?:[\[(]?(?P<level>{_LEVEL})[\])]?:? +)?(?:- )?",
    ),
    _row("epoch", r"\[?(?P<time>1\d{9}(?:\d{3})?(?:\.\d+)?)\]?:? +"),
)

_LETTERS = {"V": "debug", "D": "debug", "I": "info", "W": "warning", "E": "error", "F": "critical", "A": "critical"}
_LEVELS = {"warn": "warning", "err": "error", "severe": "error", "crit": "critical", "fatal": "critical"}


def level_word(level: str | None) -> str | None:
    """A log level in one spelling for all formats."""
    if not level:
        return None
    word = _LETTERS.get(level) or level.lower()
    return _LEVELS.get(word, word)


class LaidOut:
    """Reads the lines of one layout."""

    def __init__(self, layout: Layout, changed: datetime) -> None:
        self.name = f"text-{layout.name}"
        self._layout = layout
        self.clock = None if layout.year else YearlessClock(changed)
        self._zoneless = False

    def parse(self, number: int, text: str) -> tuple[Event, ...] | None:
        """The line's event; None if this is no such line."""
        match = self._layout.pattern.match(text)
        if match is None:
            return None
        fields = match.groupdict()
        stamp: str = fields["time"]
        time = self.clock.parse(stamp) if self.clock else parse_time(stamp)
        if time is None:
            return None
        self._zoneless |= self.clock is None and not has_zone(stamp)
        level = level_word(fields.get("level"))
        return (Event((number, number), time, None, None, None, None, None, None, fields["message"], False, level, ""),)

    def notes(self) -> list[str]:
        """What a reader must know about the times."""
        if self.clock:
            return [
                "The timestamps name no year and no zone: the year is inferred from when the file was last changed, "
                "and the times are read as UTC."
            ]
        return ["Timestamps without a zone are read as UTC."] if self._zoneless else []


class PlainText:
    """Every line is an event, known by its template alone."""

    name = "text"

    def parse(self, number: int, text: str) -> tuple[Event, ...] | None:
        """The line's event."""
        return (Event((number, number), None, None, None, None, None, None, None, text),)

    def notes(self) -> list[str]:
        """Nothing is known about such text."""
        return ["Lines of no known format are counted by template only: without time, actor or action."]
