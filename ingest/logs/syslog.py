"""Syslog: RFC 3164 and RFC 5424, and what sshd, sudo, su and the account tools say in it.

Each program's sentences are a table of patterns; the next program is another table. A table is tried as one pattern,
whose branches are the sentences in their order: that is twice as fast as one after the other.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from ingest.logs.clock import YearlessClock, has_zone, parse_time
from ingest.logs.events import Event, Outcome
from ingest.logs.mapping import Mapper
from ingest.logs.pairs import pairs_of

_SEVERITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")

_RFC3164 = re.compile(
    r"(?:<(?P<pri>\d{1,3})>)?"
    r"(?P<time>[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)) "
    r"(?!(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\b)(?P<host>\S+) "
    r"(?P<program>[^\s:\[]+(?: [^\s:\[]+){0,2}?)(?:\[(?P<pid>[^\]]*)\])?(?: \([^)]*\))?: ?"
    r"(?P<message>.*)",
    re.DOTALL,
)
_PARTS = tuple(_RFC3164.groupindex[name] for name in ("pri", "time", "program", "message"))

_RFC3164_BARE = re.compile(
    r"(?:<(?P<pri>\d{1,3})>)?(?P<time>[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d) (?P<host>\S+) (?P<message>.+)", re.DOTALL
)
"""Without a program: "last message repeated 3 times", and lines whose first colon is far away."""

_RFC5424 = re.compile(
    r"<(?P<pri>\d{1,3})>1 (?P<time>\S+) (?P<host>\S+) (?P<program>\S+) (?P<pid>\S+) (?P<id>\S+) "
    r'(?P<data>-|(?:\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\])+) ?(?P<message>.*)',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Saying:
    """A sentence that a program writes, and what it means. Groups named `actor`, `object`, `source` are taken over."""

    pattern: re.Pattern[str]
    action: str
    outcome: str | None = None


_NAMED = ("actor", "object", "source")
_NAME = re.compile(r"\(\?P<\w+>")


Meaning = tuple[Saying, str | None, str | None, str | None]
"""A sentence, and whom and what it names: actor, object, source. None or "" where it names nobody and nothing."""


class Sayings:
    """The sentences of a program, as one pattern."""

    def __init__(self, sayings: Sequence[Saying]) -> None:
        branches: list[str] = []
        self._by_group: dict[int, tuple[Saying, tuple[int, int, int]]] = {}  # its group; those of _NAMED
        nothing = 1 + sum(1 + saying.pattern.groups for saying in sayings)  # a group that never matches
        group = 1
        for saying in sayings:
            pattern, within = saying.pattern, saying.pattern.groupindex
            actor, object_, source = (group + within[name] if name in within else nothing for name in _NAMED)
            self._by_group[group] = saying, (actor, object_, source)
            flags = "s" if pattern.flags & re.DOTALL else ""
            branches.append(f"((?{flags}:{_NAME.sub('(', pattern.pattern)}))")
            group += 1 + pattern.groups
        self._pattern = re.compile("|".join([*branches, "(?!)()"]))

    def meaning(self, message: str) -> Meaning | None:
        """What a message means; None for what is none of the sentences."""
        match = self._pattern.match(message)
        if match is None:
            return None
        assert match.lastindex is not None  # a branch is a group, which ends after those in it
        saying, places = self._by_group[match.lastindex]
        actor, object_, source = match.group(*places)
        return saying, actor, object_, source


_SSHD = (
    Saying(re.compile(r"Accepted \S+ for (?P<actor>\S*) from (?P<source>\S+)"), "login", Outcome.SUCCESS),
    Saying(
        re.compile(
            r"(?:message repeated \d+ times: \[ )?Failed \S+ for (?:invalid user )?(?P<actor>.*?) from (?P<source>\S+)"
        ),
        "login",
        Outcome.FAILURE,
    ),
    Saying(
        re.compile(r"(?:Invalid|Illegal) user (?P<actor>.*?) from (?P<source>\S+)"), "invalid user", Outcome.FAILURE
    ),
    Saying(
        re.compile(r"(?:User|ROOT LOGIN REFUSED FROM) ?(?P<actor>\S*) (?:from (?P<source>\S+) )?not allowed"),
        "login",
        Outcome.DENIED,
    ),
    Saying(
        re.compile(
            r"(?:error: )?maximum authentication attempts exceeded for (?:invalid user )?(?P<actor>\S*) "
            r"from (?P<source>\S+)"
        ),
        "too many attempts",
        Outcome.DENIED,
    ),
    Saying(
        re.compile(
            r"(?:Disconnected from|Connection (?:closed|reset) by) (?:(?:authenticating|invalid) user |user )?"
            r"(?:(?P<actor>[^\s:]+) )?(?P<source>[\da-fA-F.:]+\b)"
        ),
        "disconnect",
    ),
    Saying(re.compile(r"Received disconnect from (?P<source>[\da-fA-F.:]+?):? "), "disconnect"),
    Saying(re.compile(r"reverse mapping checking .*?\[(?P<source>[^\]]+)\] failed"), "reverse mapping"),
)

_SUDO = (
    Saying(
        re.compile(r"\s*(?P<actor>\S+) : (?:user NOT in sudoers|command not allowed|\d+ incorrect password|.*?NOT).*"),
        "sudo",
        Outcome.DENIED,
    ),
    Saying(
        re.compile(r"\s*(?P<actor>\S+) : .*?USER=\S+ ; (?:.*?; )?COMMAND=(?P<object>.*)", re.DOTALL),
        "sudo",
        Outcome.SUCCESS,
    ),
)

_SU = (
    Saying(re.compile(r"Successful su for (?P<object>\S+) by (?P<actor>\S+)"), "su", Outcome.SUCCESS),
    Saying(
        re.compile(r"FAILED (?:su|SU) (?:for|\(to) (?P<object>[^\s)]+)\)? (?:by )?(?P<actor>\S+)"),
        "su",
        Outcome.FAILURE,
    ),
    Saying(re.compile(r"\(to (?P<object>\S+)\) (?P<actor>\S+) on \S+"), "su", Outcome.SUCCESS),
)

_ACCOUNTS = (
    Saying(re.compile(r"new user: name=(?P<object>[^,\s]+)"), "create user", Outcome.SUCCESS),
    Saying(re.compile(r"new group: name=(?P<object>[^,\s]+)"), "create group", Outcome.SUCCESS),
    Saying(re.compile(r"delete user '(?P<object>[^']+)'"), "delete user", Outcome.SUCCESS),
    Saying(re.compile(r"add '(?P<object>[^']+)' to (?:shadow )?group"), "add group member", Outcome.SUCCESS),
    Saying(
        re.compile(r"(?:user )?(?P<object>\S+) added by (?P<actor>\S+) to group"), "add group member", Outcome.SUCCESS
    ),
    Saying(re.compile(r".*password changed for (?P<object>\S+)"), "change password", Outcome.SUCCESS),
    Saying(re.compile(r"changed? user '(?P<object>[^']+)'"), "change user", Outcome.SUCCESS),
)

_PAM = (
    Saying(
        re.compile(r"(?:pam_unix\(\S+\): )?authentication failure;.*?rhost=(?P<source>\S*)(?:\s+user=(?P<actor>\S+))?"),
        "authenticate",
        Outcome.FAILURE,
    ),
    Saying(
        re.compile(r"(?:pam_unix\(\S+\): )?session opened for user (?P<actor>[^\s(]+)"), "open session", Outcome.SUCCESS
    ),
    Saying(re.compile(r"(?:pam_unix\(\S+\): )?session closed for user (?P<actor>[^\s(]+)"), "close session"),
)

_CRON = (Saying(re.compile(r"\((?P<actor>[^)]+)\) CMD \((?P<object>.*)\)"), "run job", Outcome.SUCCESS),)

PROGRAMS: Mapping[str, tuple[Saying, ...]] = {
    "sshd": _SSHD + _PAM,
    "sshd-session": _SSHD + _PAM,
    "sudo": _SUDO + _PAM,
    "su": _SU + _PAM,
    "cron": _CRON + _PAM,
    "crond": _CRON + _PAM,
    "useradd": _ACCOUNTS,
    "adduser": _ACCOUNTS,
    "userdel": _ACCOUNTS,
    "usermod": _ACCOUNTS,
    "groupadd": _ACCOUNTS,
    "gpasswd": _ACCOUNTS,
    "passwd": _ACCOUNTS + _PAM,
    "chpasswd": _ACCOUNTS + _PAM,
}

_SAYINGS = {program: Sayings(sayings) for program, sayings in PROGRAMS.items()}
_SAYINGS_OF_PAM = Sayings(_PAM)


class Rfc3164:
    """BSD syslog, with a year-less time or with an ISO one (as rsyslog writes it today)."""

    name = "syslog-rfc3164"

    def __init__(self, changed: datetime) -> None:
        self.clock = YearlessClock(changed)
        self._yearless = False

    def parse(self, number: int, text: str) -> tuple[Event, ...] | None:
        """The line's event; None if this is no such line."""
        match = _RFC3164.match(text)
        if match is not None:
            priority, stamp, program, message = match.group(*_PARTS)
        elif (match := _RFC3164_BARE.match(text)) is not None:
            program = None
            priority, stamp, message = match.group("pri", "time", "message")
        else:
            return None
        if stamp[0].isalpha():
            self._yearless = True
            time = self.clock.parse(stamp)
        else:
            time = parse_time(stamp)
        if time is None:
            return None
        return (_event(number, time, program, message, _severity(priority)),)

    def notes(self) -> list[str]:
        """What a reader must know about the times."""
        if not self._yearless:
            return []
        return [
            "The timestamps name no year and no zone: the year is inferred from when the file was last changed, "
            "and the times are read as UTC."
        ]


class Rfc5424:
    """Syslog with structured data."""

    name = "syslog-rfc5424"

    def __init__(self) -> None:
        self._zoneless = False

    def parse(self, number: int, text: str) -> tuple[Event, ...] | None:
        """The line's event; None if this is no such line."""
        match = _RFC5424.match(text)
        if match is None:
            return None
        time = parse_time(match["time"])
        self._zoneless |= time is not None and not has_zone(match["time"])
        message = match["message"].removeprefix("\ufeff") or match["data"]
        return (_event(number, time, match["program"], message, _severity(match["pri"])),)

    def notes(self) -> list[str]:
        """What a reader must know about the times."""
        return ["Timestamps without a zone are read as UTC."] if self._zoneless else []


@lru_cache(maxsize=1024)  # a machine runs fewer programs
def _sayings_of(program: str) -> Sayings | None:
    """The sentences of a program; None if it is not known."""
    name, _, module = program.rpartition("/")[2].partition("(")  # "sshd(pam_unix)", "/usr/sbin/cron"
    return _SAYINGS_OF_PAM if module.startswith("pam_") else _SAYINGS.get(name.lower())


def _event(number: int, time: datetime | None, program: str | None, message: str, severity: str | None) -> Event:
    if program in ("CEF", "LEEF"):
        program, message = None, f"{program}:{message}"
    if message.startswith(("CEF:", "LEEF:")) and (record := pairs_of(message)) is not None:
        event = Mapper().event(record, (number, number), message)
        return event if event.time else replace(event, time=time)
    sayings = _sayings_of(program) if program is not None else None
    meaning = sayings.meaning(message) if sayings is not None else None
    if meaning is None:
        return Event(
            (number, number), time, None, None, None, None, None, None, message, False, severity,
            f"{program}: {message}" if program else message,
        )  # fmt: skip
    saying, actor, object_, source = meaning
    return Event(
        (number, number),
        time,
        actor or None,
        saying.action,
        object_ or None,
        saying.outcome,
        source or None,
        None,
        message,
        False,
        severity,
    )


def _severity(priority: str | None) -> str | None:
    return _SEVERITIES[int(priority) % 8] if priority else None
