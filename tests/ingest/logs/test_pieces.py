"""A log counted in pieces is the same as one counted as a whole, whatever lies at the cuts."""

import gzip
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import ReadError
from ingest.logs import pieces
from ingest.logs.facts import LogFacts, analyse
from ingest.logs.pieces import NotInPieces, analyse_in_pieces
from ingest.logs.selection import Selection
from ingest.types import FileStatus
from tests.running import OFFICE

from .conftest import cloudtrail, json_lines, syslog


class Here:
    """A pool that works in this process and counts its tasks."""

    workers = 2

    def __init__(self) -> None:
        self.tasks = 0

    def run(self, function: Callable[..., Any], *args: Any, seconds: float) -> Any:
        self.tasks += 1
        return function(*args)


def _both(path: Path, **options: Any) -> tuple[LogFacts, LogFacts, int]:
    pool = Here()
    return analyse_in_pieces(path, path.name, pool, **options), analyse(path, path.name, **options), pool.tasks


def _same(path: Path, **options: Any) -> int:
    """How many pieces were counted. Fails where a fact differs from that of the whole."""
    cut, whole, tasks = _both(path, **options)
    for one in fields(LogFacts):
        if one.name != "shapes":
            assert getattr(cut, one.name) == getattr(whole, one.name), one.name
    # Of messages with many wordings a whole log may keep fewer apart than its pieces do; their template is the same.
    assert sum(shape.count for shape in cut.shapes) == whole.events
    return tasks


@pytest.fixture(params=[1 << 10, 1 << 14])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Pieces of a few lines."""
    monkeypatch.setattr(pieces, "PIECE", request.param)
    monkeypatch.setattr(pieces, "_UNCUT_MAX", 8 * request.param)
    monkeypatch.setattr("ingest.logs.lines.HEAD_BYTES", 1 << 9)
    monkeypatch.setattr("ingest.logs.lines.BLOCK", 1 << 9)
    return int(request.param)


@pytest.mark.parametrize("name", ["auth.log", "cloudtrail-2026-03.jsonl"])
def test_the_office_logs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE", 1 << 16)
    monkeypatch.setattr("ingest.logs.lines.BLOCK", 1 << 15)
    path = OFFICE / "logs" / name
    if not path.is_file():
        pytest.skip("the sample office is missing; data/make_office.py writes it")
    assert _same(path) > 2
    assert _same(path, selection=Selection(actor="r*"), every_line=True) > 2


_LINE = st.sampled_from(
    [
        syslog("sshd[1]", "Failed password for bob from 192.0.2.1 port 22 ssh2"),
        syslog("sshd[1]", "Accepted password for bob from 192.0.2.1 port 22 ssh2", minute=5),
        syslog("app[7]", "java.lang.Error: bad"),
        "\tat a.b.C.run(C.java:5)\n",
        "Caused by: java.io.IOException: gone\n",
        "\n",
        "   \n",
        json_lines(cloudtrail("StopLogging")),
        '{"cut": \n',
        "\0\0\n",
        "what nobody knows\r\n",
        "Dec 31 23:59:59 h app: last of the year\n",
        "Jan  1 00:00:01 h app: first of the year\n",
    ]
)


@settings(max_examples=80, deadline=None)
@given(st.lists(_LINE, min_size=1, max_size=60), st.integers(200, 2000), st.booleans(), st.booleans())
def test_any_mixture_of_lines(lines: list[str], size: int, ended: bool, packed: bool) -> None:
    from tempfile import TemporaryDirectory

    text = "".join(lines).encode()
    text = text if ended else text.removesuffix(b"\n")
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE", size)
        patch.setattr(pieces, "_UNCUT_MAX", 8 * size)
        patch.setattr("ingest.logs.lines.HEAD_BYTES", 300)
        patch.setattr("ingest.logs.lines.BLOCK", 100)
        path = Path(folder) / "mixed.log"
        path.write_bytes(gzip.compress(text) if packed else text)
        try:
            whole = analyse(path, path.name)
        except ReadError:
            return  # binary
        try:
            cut = analyse_in_pieces(path, path.name, Here())
        except NotInPieces:
            return  # then it is counted as a whole
        for one in fields(LogFacts):
            if one.name not in ("notes", "shapes"):
                assert getattr(cut, one.name) == getattr(whole, one.name), one.name
        assert sorted(cut.notes) == sorted(whole.notes)


def test_years_go_on_over_the_cuts(tmp_path: Path, small: int) -> None:
    path = tmp_path / "year.log"
    days = [f"{month} {day:2}" for month in ("Nov", "Dec", "Jan", "Feb") for day in range(1, 29)]
    path.write_text("".join(f"{day} 10:00:{second:02} h app: tick {second}\n" for day in days for second in range(9)))
    assert _same(path) > 1


def test_a_straggler_at_a_cut_is_counted_with_the_right_year(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE", 1000)
    monkeypatch.setattr(pieces, "_EDGE", 10)  # the clocks are told nothing: every guess is wrong
    monkeypatch.setattr("ingest.logs.lines.HEAD_BYTES", 500)
    monkeypatch.setattr("ingest.logs.lines.BLOCK", 500)
    path = tmp_path / "year.log"
    lines = [syslog("app", f"tick {n}", second=n % 60) for n in range(60)]
    path.write_text("".join(["Dec 31 10:00:00 h app: last\n", *lines]))
    assert _same(path) > 4  # counted again, and rightly


def test_a_stack_trace_is_not_torn(tmp_path: Path, small: int) -> None:
    trace = "".join(f"\tat a.b.C.run(C.java:{n})\n" for n in range(8))
    entry = "2026-01-01 00:00:00,123 ERROR [main] a.b.C: failed\n" + trace + "Caused by: java.io.IOException\n" + trace
    path = tmp_path / "app.log"
    path.write_text(entry * 200)
    assert _same(path) > 1


@pytest.mark.parametrize(
    "content",
    [
        b'{"Records": [\n{"eventSource": "s3", "eventName": "A"}\n]}\n',
        b"timestamp,user,action,object,outcome\n2026-01-01T00:00:00Z,ann,open,door,success\n",
        "2026-01-01 10:00:00 INFO started\n".encode("utf-16"),
        b"2026-01-01 10:00:00 INFO caf\xe9\n" * 50,
    ],
)
def test_what_has_to_be_counted_as_a_whole(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.log"
    path.write_bytes(content)
    with pytest.raises(NotInPieces):
        analyse_in_pieces(path, path.name, Here())


def test_a_line_without_an_end_is_not_held_for_ever(tmp_path: Path, small: int) -> None:
    path = tmp_path / "long.log"
    path.write_text(syslog("app", "x") * 3 + "y" * (20 * small + (1 << 22)) + "\n" + syslog("app", "x"))
    with pytest.raises(NotInPieces):
        analyse_in_pieces(path, path.name, Here())


def test_a_piece_whose_worker_fails_fails_the_log(tmp_path: Path) -> None:
    class Broken(Here):
        def run(self, function: Callable[..., Any], *args: Any, seconds: float) -> Any:
            raise ReadError(FileStatus.FAILED, "its reader crashed (SIGSEGV)")

    path = tmp_path / "a.log"
    path.write_text(syslog("app", "x") * 10)
    with pytest.raises(ReadError, match="SIGSEGV"):
        analyse_in_pieces(path, path.name, Broken())
