"""Web server access logs: the Common and Combined Log Format of Apache httpd, which nginx writes too."""

import re

from ingest.logs.clock import parse_time
from ingest.logs.events import Event, Outcome

_LINE = re.compile(
    r"(?P<source>\S+) \S+ (?P<actor>\S+(?: \S+)*?) \[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?P<size>\d+|-)'
)
_REQUEST = re.compile(r"(?P<method>[A-Z]{3,20}) (?P<target>\S+)")


def outcome_of_status(status: int) -> Outcome:
    """What an HTTP status says of the request (RFC 9110): 401 and 403 are denials, other 4xx and 5xx failures."""
    if status in (401, 403, 407):
        return Outcome.DENIED
    return Outcome.FAILURE if status >= 400 else Outcome.SUCCESS


class AccessLog:
    """One request a line."""

    name = "access-log"

    def parse(self, number: int, text: str) -> tuple[Event, ...] | None:
        """The line's event; None if this is no such line."""
        match = _LINE.match(text)
        if match is None:
            return None
        request = _REQUEST.match(match["request"])
        status = match["status"]
        outcome = outcome_of_status(int(status))
        target = request["target"].partition("?")[0] if request else None
        return (
            Event(
                (number, number),
                parse_time(match["time"]),
                None if match["actor"] == "-" else match["actor"],
                request["method"] if request else "malformed request",
                target,
                outcome,
                match["source"],
                None if outcome is Outcome.SUCCESS else status,
                _template(request["method"], target or "", status) if request else f"malformed request {status}",
                True,
                None,
                text,
            ),
        )

    def notes(self) -> list[str]:
        """Nothing to add: the format names the zone."""
        return []


def _template(method: str, target: str, status: str) -> str:
    """The request with all of its path but the first segment, if that is a word, taken for a variable."""
    first, _, rest = target.lstrip("/").partition("/")
    if not re.fullmatch(r"[A-Za-z_.-]{1,40}", first):
        first, rest = "<*>" if first else "", ""
    return f"{method} /{first}{'/<*>' if rest else ''} {status}"
