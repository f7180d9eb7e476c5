"""A growing log: findings come with the lines they rest on, once, and a rotated file begins anew."""

from pathlib import Path

import pytest

from ingest.errors import ReadError, UsageError
from ingest.logs.selection import Selection
from ingest.logs.tail import Tail

from .conftest import cloudtrail, json_lines, syslog


def _append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def _titles(tail: Tail) -> list[str]:
    return [finding.title for finding in tail.look()]


def test_findings_come_once_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    path.write_text(json_lines(cloudtrail("GetObject")))
    tail = Tail(path)
    assert tail.look() == []
    _append(path, json_lines(cloudtrail("GetObject", 1), cloudtrail("StopLogging", 2)))
    (finding,) = tail.look()
    assert (finding.severity, finding.count, list(finding.lines)) == ("high", 1, [3])
    assert tail.look() == []
    _append(path, json_lines(cloudtrail("GetObject", 3)))
    assert tail.look() == []


def test_a_finding_is_told_again_when_it_has_doubled(tmp_path: Path) -> None:
    path = tmp_path / "auth.log"
    path.touch()
    tail = Tail(path)
    told = []
    for minute in range(48):
        _append(path, syslog("sshd[1]", "Failed password for bob from 192.0.2.1 port 22 ssh2", minute=minute))
        told += [finding.count for finding in tail.look() if "failed log-ins" in finding.title]
    assert told == [10, 20, 40]


def test_a_line_counts_when_its_end_has_come(tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    line = json_lines(cloudtrail("StopLogging"))
    path.write_text(json_lines(cloudtrail("GetObject")) + line[:50])
    tail = Tail(path)
    assert tail.look() == []
    _append(path, line[50:-1])
    assert tail.look() == []
    _append(path, "\n")
    assert len(tail.look()) == 1


@pytest.mark.parametrize("replaced", [True, False])
def test_a_rotated_log_begins_anew(tmp_path: Path, replaced: bool) -> None:
    path = tmp_path / "trail.jsonl"
    path.write_text(json_lines(*(cloudtrail("GetObject", minute) for minute in range(20))))
    tail = Tail(path)
    tail.look()
    restarts: list[bool] = []
    if replaced:
        path.rename(tmp_path / "trail.jsonl.1")
    path.write_text(json_lines(cloudtrail("StopLogging")))
    (finding,) = tail.look(lambda: restarts.append(True))
    assert (restarts, list(finding.lines)) == ([True], [1])


def test_a_table_keeps_its_header(tmp_path: Path) -> None:
    path = tmp_path / "audit.csv"
    path.write_text("timestamp,user,action,object,outcome\n2026-03-02T10:00:00Z,ann,open,door,success\n")
    tail = Tail(path)
    assert tail.look() == []
    _append(path, "2026-03-02T10:01:00Z,eve,Stop audit log,trail,success\n")
    (finding,) = tail.look()
    assert list(finding.lines) == [3]


def test_only_the_selected_are_watched(tmp_path: Path) -> None:
    path = tmp_path / "trail.jsonl"
    path.write_text(json_lines(cloudtrail("StopLogging")))
    assert Tail(path, Selection(actor="eve")).look() == []
    assert len(Tail(path, Selection(actor="ann")).look()) == 1


def test_what_cannot_be_followed_is_said(tmp_path: Path) -> None:
    document, packed = tmp_path / "all.json", tmp_path / "a.log.gz"
    document.write_text('{"Records": [\n{"eventName": "A"}\n]}\n')
    packed.write_bytes(b"\x1f\x8b" + b"\n" * 20)
    with pytest.raises(UsageError, match="one JSON document"):
        Tail(document).look()
    with pytest.raises((UsageError, ReadError)):
        Tail(packed).look()
    with pytest.raises(ReadError, match="cannot be read"):
        Tail(tmp_path / "gone.log").look()
