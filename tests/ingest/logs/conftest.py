"""Logs written by hand, small enough to be read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.logs.events import Event
from ingest.logs.facts import LogFacts, analyse

Analyse = Callable[[str | bytes], LogFacts]


@pytest.fixture
def facts_of(tmp_path: Path) -> Analyse:
    """Analyses a text as a log file."""

    def run(content: str | bytes, name: str = "some.log") -> LogFacts:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return analyse(path, name)

    return run


def event_of(message: str, line: int, *, templated: bool = False) -> Event:
    """An event of which only the message is known."""
    return Event((line, line), None, None, None, None, None, None, None, message, templated)


def cloudtrail(name: str, minute: int = 0, **changes: Any) -> dict[str, Any]:
    """A CloudTrail record of ann, with changes."""
    record: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann", "userName": "ann"},
        "eventTime": f"2026-03-02T{9 + minute // 60:02}:{minute % 60:02}:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "sourceIPAddress": "192.0.2.7",
        "requestParameters": {"bucketName": "lab-results"},
    }
    return record | changes


def json_lines(*records: dict[str, Any]) -> str:
    """Records as JSON lines."""
    return "".join(json.dumps(record) + "\n" for record in records)


def syslog(program: str, message: str, second: int = 0, minute: int = 0, hour: int = 10, day: int = 2) -> str:
    """A line of RFC 3164."""
    return f"Mar {day:2} {hour:02}:{minute:02}:{second:02} web01 {program}: {message}\n"
