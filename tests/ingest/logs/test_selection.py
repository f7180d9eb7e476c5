"""Events that are looked at, and those that are left out and counted."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.errors import UsageError
from ingest.logs.facts import LogFacts, analyse
from ingest.logs.selection import Selection, moment

from .conftest import cloudtrail, json_lines

NOW = datetime(2026, 3, 10, 12, 34, 56, 789, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "trail.jsonl"
    eve = {"type": "IAMUser", "arn": "arn:aws:iam::1:user/Eve.Adams"}
    records = [cloudtrail("GetObject", minute) for minute in (0, 30, 60)]
    path.write_text(json_lines(*records, cloudtrail("GetObject", 90, userIdentity=eve)) + "\n")
    return path


def _look(log: Path, selection: Selection) -> LogFacts:
    return analyse(log, log.name, selection=selection)


@pytest.mark.parametrize(
    ("selection", "events"),
    [
        (Selection(), 4),
        (Selection(since=moment("2026-03-02T09:30", "--since", NOW)), 3),
        (Selection(until=moment("2026-03-02T09:30", "--until", NOW)), 1),
        (Selection(since=moment("2026-03-02T11:00+01:00", "--since", NOW)), 2),
        (Selection(since=moment("2026-03-03", "--since", NOW)), 0),
        (Selection(actor="eve.adams"), 1),
        (Selection(actor="*ADAMS"), 1),
        (Selection(actor="ann"), 3),
        (Selection(actor="nobody"), 0),
    ],
)
def test_events_outside_are_left_out_and_counted(log: Path, selection: Selection, events: int) -> None:
    facts = _look(log, selection)
    assert (facts.events, facts.left_out) == (events, 4 - events)
    assert sum(template.count for template in facts.templates) == facts.events
    assert facts.event_lines + facts.blank_lines + facts.unparsed_lines == facts.lines == 5
    assert any(f"{4 - events} others were left out" in note for note in facts.notes) != selection.everything


def test_events_without_a_time_lie_in_no_period(tmp_path: Path) -> None:
    path = tmp_path / "door.log"
    path.write_text("door opened\n" * 3)
    facts = _look(path, Selection(since=NOW))
    assert (facts.events, facts.left_out) == (0, 3)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-03-02", "2026-03-02T00:00:00+00:00"),
        ("2026-03-02T09:00Z", "2026-03-02T09:00:00+00:00"),
        ("2026-03-02 09:00-05:00", "2026-03-02T09:00:00-05:00"),
        ("12h", "2026-03-10T00:00:00+00:00"),
        ("7d", "2026-03-03T00:00:00+00:00"),
        ("1W", "2026-03-03T00:00:00+00:00"),
    ],
)
def test_moments(text: str, meant: str) -> None:
    assert moment(text, "--since", NOW).isoformat() == meant


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "7y", "999999w", "12"])
def test_what_is_no_moment_is_said_with_its_option(text: str) -> None:
    with pytest.raises(UsageError, match="--until"):
        moment(text, "--until", NOW)
