"""`rag warm` for real: a command that a warm process runs is the command itself, and leaves as much behind."""

import json
import os
import pty
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import PROGRAM, ROOT, program

QUESTION = "Who approves an exception?"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a warm process needs Linux")


@pytest.fixture
def warm_home(office_home: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the sample office's home, warm."""
    home = tmp_path / "home"
    shutil.copytree(office_home, home, symlinks=True)
    started = program("--home", str(home), "warm")
    assert started.returncode == 0, started.stderr
    yield home
    assert program("--home", str(home), "warm", "--stop").returncode == 0


def entries(home: Path) -> list[dict[str, object]]:
    record = home / "record" / "record.jsonl"
    return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []


def ask(home: Path, *more: str, **environment: str) -> tuple[int, str, str]:
    done = program("--home", str(home), *more, **environment)
    return done.returncode, done.stdout, done.stderr


def test_a_warm_question_is_the_question(warm_home: Path, office_home: Path, tmp_path: Path) -> None:
    cold = tmp_path / "cold"
    shutil.copytree(office_home, cold, symlinks=True)
    before = len(entries(cold))
    for words in (
        ("ask", QUESTION, "--quotes-only"),
        ("search", "passwords", "-k", "2"),
        ("ask", "What is the airspeed of an unladen swallow?", "--quotes-only"),
        ("ask", "", "--quotes-only"),
        ("ask", "--help"),
    ):
        assert ask(warm_home, *words) == ask(cold, *words)
    mine, theirs = entries(warm_home)[before:], entries(cold)[before:]
    assert [entry["kind"] for entry in mine] == [entry["kind"] for entry in theirs] == ["answer", "refusal"]
    socket = warm_home / "warm" / "socket"
    assert stat.S_ISSOCK(socket.stat().st_mode)
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert "holds the models" in program("--home", str(warm_home), "status").stdout
    assert "runs already" in program("--home", str(warm_home), "warm").stdout


def test_terminal_settings_and_collection_are_the_callers(warm_home: Path) -> None:
    master, slave = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "--home", str(warm_home), "search", "passwords", "-k", "1"],
        stdout=slave,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"TERM": "xterm", "NO_COLOR": ""},
        timeout=120,
    )
    os.close(slave)
    assert done.returncode == 0
    assert b"\x1b[1m" in os.read(master, 1 << 16), "bold, as it goes to a terminal"
    os.close(master)
    code, out, err = ask(warm_home, "search", "passwords", RAG_COLLECTION="none")
    assert (code, out) == (2, "")
    assert "no index named 'none'" in err


def test_damage_below_a_warm_process_is_noticed(warm_home: Path) -> None:
    assert ask(warm_home, "search", "passwords", "-k", "1")[0] == 0
    catalog = warm_home / "collections" / "default" / "catalog.sqlite"
    with catalog.open("r+b") as file:
        file.seek(-100, os.SEEK_END)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    code, out, _ = ask(warm_home, "search", "passwords", "-k", "1")
    assert (code, out) == (4, "")


def test_another_program_is_not_served(warm_home: Path) -> None:
    cores = os.sched_getaffinity(0)
    if len(cores) < 2:
        pytest.skip("needs two cores")
    command = [sys.executable, "-c", PROGRAM, "--home", str(warm_home), "--debug", "search", "passwords", "-k", "1"]
    done = subprocess.run(
        ["taskset", "-c", str(min(cores)), *command],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )
    assert done.returncode == 0
    assert "The warm process was not used: it may use the cores" in done.stderr


def test_an_error_with_its_traceback_ends_as_one(office_home: Path) -> None:
    """Models are loading beside it, and native code must not be torn away under them."""
    done = program("--home", str(office_home), "--debug", "ask", "")
    assert done.returncode == 1
    assert done.stderr.rstrip().splitlines()[-1].startswith("ingest.errors.UsageError: The question is empty")


def test_it_ends_by_itself(office_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(office_home, home, symlinks=True)
    assert program("--home", str(home), "warm", "--idle", "0.01").returncode == 0
    # Its lock is free when it has ended: whoever waits for that gets it.
    done = subprocess.run(["flock", "--timeout", "60", str(home / "warm" / "lock"), "true"], check=False)
    assert done.returncode == 0
    assert not (home / "warm" / "socket").exists()
    assert "No warm process runs" in program("--home", str(home), "warm", "--stop").stdout


def test_an_interrupt_ends_the_command_and_not_the_warm_process(warm_home: Path, tmp_path: Path) -> None:
    batch = tmp_path / "questions.jsonl"
    batch.write_text("".join(json.dumps({"id": number, "question": QUESTION}) + "\n" for number in range(200)))
    asking = subprocess.Popen(
        [
            sys.executable,
            "-c",
            PROGRAM,
            "--home",
            str(warm_home),
            "ask",
            "--batch",
            str(batch),
            "--json",
            "--quotes-only",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert asking.stdout is not None
    assert json.loads(asking.stdout.readline())["found"]
    asking.send_signal(signal.SIGINT)
    out, err = asking.communicate(timeout=60)
    assert asking.returncode == 130, err
    assert len(out.splitlines()) < 190
    assert "Traceback" not in err
    assert "holds the models" in program("--home", str(warm_home), "status").stdout
    assert ask(warm_home, "search", "passwords", "-k", "1")[0] == 0
