"""Input that wants to break the reader: it is counted, refused with a reason, or bounded."""

import gzip
import json
from pathlib import Path

import pytest

from ingest.errors import ReadError
from ingest.logs import lines
from ingest.logs.facts import analyse
from ingest.types import FileStatus

from .conftest import Analyse, cloudtrail, json_lines, syslog


@pytest.mark.parametrize("content", [b"\x7fELF\x00\x00\x00" * 50, bytes(range(256)) * 100, b"a\x00b\x00c\n"])
def test_binary_is_refused(facts_of: Analyse, content: bytes) -> None:
    with pytest.raises(ReadError) as error:
        facts_of(content)
    assert error.value.status is FileStatus.DAMAGED


def test_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError) as error:
        analyse(tmp_path / "gone.log", "gone.log")
    assert error.value.status is FileStatus.FAILED


def test_damaged_gzip_is_refused(facts_of: Analyse) -> None:
    packed = bytearray(gzip.compress(b"door opened\n" * 10_000))
    packed[40:60] = bytes(20)
    with pytest.raises(ReadError) as error:
        facts_of(bytes(packed))
    assert error.value.status is FileStatus.DAMAGED


def test_gzip_bomb_is_stopped(facts_of: Analyse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "GZIP_FREE", 1 << 21)
    with pytest.raises(ReadError) as error:
        facts_of(gzip.compress(b"a" * (1 << 23)))
    assert error.value.status is FileStatus.TOO_LARGE


def test_line_of_a_megabyte(facts_of: Analyse) -> None:
    facts = facts_of("x" * 1_000_000 + "\n" + "word " * 200_000 + "\nend\n")
    assert (facts.lines, facts.events) == (3, 3)
    assert max(len(template.pattern) for template in facts.templates) <= 5_000


def test_line_beyond_the_bound_is_said(facts_of: Analyse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LINE_MAX", 1000)
    facts = facts_of("a" * 3_000_000 + "\nshort\n")
    assert facts.lines == 2
    assert any("longer than 1,000" in note for note in facts.notes)


def test_record_of_a_megabyte_is_clipped_where_it_is_counted(facts_of: Analyse) -> None:
    facts = facts_of(json_lines(cloudtrail("GetObject", requestParameters={"bucketName": "b" * 1_000_000})))
    assert max(map(len, facts.counts["objects"])) < 400


def test_invalid_utf8_is_shown_and_noted(facts_of: Analyse) -> None:
    facts = facts_of(b"Mar  2 10:00:00 h app: caf\xe9 opened\n")
    assert facts.templates[0].pattern == "caf\ufffd opened"
    assert any("not valid text" in note for note in facts.notes)


def test_utf16_is_read(facts_of: Analyse) -> None:
    facts = facts_of("2026-01-01 10:00:00 INFO started\r\n2026-01-01 10:00:01 INFO stopped\r\n".encode("utf-16"))
    assert (facts.lines, facts.events, facts.counts["hours"]) == (2, 2, {"10": 2})


def test_nul_lines_left_by_a_crash_are_unparsed(facts_of: Analyse) -> None:
    facts = facts_of(syslog("cron[1]", "x") * 20_000 + "\0" * 50 + "\n" + syslog("cron[1]", "x"))
    assert facts.unparsed_lines == 1
    assert facts.events == 20_001


def test_terminal_escapes_are_kept_as_data(facts_of: Analyse) -> None:
    facts = facts_of(json_lines(cloudtrail("GetObject", requestParameters={"bucketName": "\x1b[2Jgone"})))
    assert "\x1b" not in json.dumps(facts.to_json())


def test_deep_nesting_is_not_an_accident(facts_of: Analyse) -> None:
    facts = facts_of("[" * 100_000 + "\n" + syslog("cron[1]", "x") * 3)
    assert facts.event_lines + facts.blank_lines + facts.unparsed_lines == facts.lines == 4


def test_text_without_structure_does_not_grow_templates_for_ever(
    facts_of: Analyse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.logs.templates.TEMPLATES_MAX", 10)
    words = ("abcdefghij"[n % 10] * (n // 10 + 1) for n in range(100))
    facts = facts_of("".join(f"{word} {word}x {word}y\n" for word in words))
    assert len(facts.templates) <= 11
    assert sum(template.count for template in facts.templates) == facts.events == 100


def test_many_different_values_are_counted_but_not_all_listed(
    facts_of: Analyse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.logs.facts.VALUES_LISTED", 5)
    facts = facts_of(json_lines(*(cloudtrail(f"Get{n}") for n in range(20))))
    assert len(facts.counts["actions"]) == 20
    shown = facts.to_json()
    assert len(shown["counts"]["actions"]) == 5  # type: ignore[index]
    assert any("5 most frequent of 20" in note for note in shown["notes"])  # type: ignore[union-attr]
    assert len(facts.to_json(all_lines=True)["counts"]["actions"]) == 20  # type: ignore[index]


def test_progress_reports_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(syslog("cron[1]", "x") * 50_000)
    seen: list[int] = []
    analyse(path, "a.log", seen.append)
    assert sum(seen) == path.stat().st_size
