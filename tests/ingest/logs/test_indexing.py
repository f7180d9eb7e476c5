"""A log indexed for questions: every event has its place in the columns, and the text comes back as it was."""

import gzip
import json
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import ReadError
from ingest.logs import indexing
from ingest.logs.clock import NO_TIME, moment_at
from ingest.logs.facts import analyse
from ingest.logs.indexed import COLUMNS, NONE, IndexedLog
from ingest.logs.indexing import index, may_be_log
from ingest.types import FileStatus

FAILED = "Mar  1 00:00:{:02} host sshd[1]: Failed password for {} from 192.0.2.1 port 1 ssh2\n"


def column(log: IndexedLog, name: str) -> list[int]:
    data = np.frombuffer(zlib.decompress(log.columns[name]), COLUMNS[name])
    numbers: list[int] = (np.cumsum(data) if name in ("line", "time") else data).tolist()
    return numbers


def text_of(log: IndexedLog) -> str:
    return "".join(zlib.decompress(block.data).decode() for block in log.blocks)


def test_events_by_columns(tmp_path: Path) -> None:
    path = tmp_path / "auth.log"
    path.write_text(FAILED.format(1, "root") + "\n" + FAILED.format(2, "ann") + FAILED.format(9, "root"))
    log = index(path, "auth.log")
    assert (log.lines, log.events, log.unparsed) == (4, 3, 0)
    values = json.loads(zlib.decompress(log.values))
    assert [values["actor"][number] for number in column(log, "actor")] == ["root", "ann", "root"]
    assert column(log, "line") == [1, 3, 4]
    assert column(log, "span") == [0, 0, 0]
    assert column(log, "object") == [NONE] * 3
    assert [moment_at(time).second for time in column(log, "time")] == [1, 2, 9]
    assert (log.first or "")[11:] == "00:00:01Z"
    assert (log.last or "")[11:] == "00:00:09Z"


def test_what_goes_over_several_lines_spans_them(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    line = "2026-03-01 10:00:0{} ERROR app: it broke\n"
    path.write_text(line.format(1) + "Traceback (most recent call last):\n  File x\n" + line.format(2))
    log = index(path, "app.log")
    assert (column(log, "line"), column(log, "span")) == ([1, 4], [2, 0])


def test_a_time_that_is_none_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"action": "x", "user": "ann", "time": "2026-03-01T00:00:00Z"}\n{"action": "y", "user": "bob"}\n')
    assert column(index(path, "a.jsonl"), "time")[1] == NO_TIME


@settings(max_examples=30)
@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30), max_size=30))
def test_the_text_is_the_decoded_text(tmp_path_factory: pytest.TempPathFactory, rest: list[str]) -> None:
    path = tmp_path_factory.mktemp("logs") / "auth.log"
    text = FAILED.format(1, "root") + "\r\n".join(rest)
    path.write_bytes(text.encode())
    log = index(path, "auth.log")
    assert text_of(log) == text
    assert log.lines == text.count("\n") + (not text.endswith("\n"))


def test_blocks_know_where_they_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BLOCK", 100)
    path = tmp_path / "auth.log"
    path.write_text("".join(FAILED.format(second, "root") for second in range(20)))
    log = index(path, "auth.log")
    text = text_of(log)
    assert len(log.blocks) > 5
    assert [block.line for block in log.blocks] == [text.count("\n", 0, block.start) + 1 for block in log.blocks]


def test_counts_are_those_of_rag_logs() -> None:
    """The sample office's logs: the same events, values and findings as `rag logs` counts."""
    for name in ("auth.log", "cloudtrail-2026-03.jsonl", "lims-audit.csv"):
        path = Path(__file__).parents[3] / "data" / "office" / "logs" / name
        log, facts = index(path, name), analyse(path, name)
        assert (log.lines, log.events, log.unparsed) == (facts.lines, facts.events, facts.unparsed_lines)
        values = json.loads(zlib.decompress(log.values))
        for field, counts in (("actor", "actors"), ("action", "actions"), ("source", "sources")):
            held = Counter(values[field][number] for number in column(log, field) if number != NONE)
            assert held == facts.counts[counts]
        found = json.loads(zlib.decompress(log.findings))
        assert [(one["title"], one["lines"]) for one in found] == [(f.title, f.lines.tolist()) for f in facts.findings]


def test_packed_logs_are_read(tmp_path: Path) -> None:
    path = tmp_path / "auth.log.gz"
    path.write_bytes(gzip.compress(FAILED.format(1, "root").encode()))
    assert may_be_log(path, "auth.log.gz")
    assert text_of(index(path, "auth.log.gz")) == FAILED.format(1, "root")


def test_what_is_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Minutes of the meeting.\nNobody spoke.\n")
    assert not may_be_log(path, "notes.txt")
    empty = tmp_path / "empty.log"
    empty.write_text("\n\n")
    with pytest.raises(ReadError) as raised:
        index(empty, "empty.log")
    assert raised.value.status is FileStatus.UNSUPPORTED
    monkeypatch.setattr(indexing, "TEXT_MAX", 10)
    large = tmp_path / "large.log"
    large.write_text(FAILED.format(1, "root"))
    with pytest.raises(ReadError) as raised:
        index(large, "large.log")
    assert raised.value.status is FileStatus.TOO_LARGE
