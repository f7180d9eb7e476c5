"""Runs `rag`: in this process where that is enough, in one of its own where it is not."""

import ctypes
import fcntl
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rag import offline
from tests.offenders import Offender, guarded

ROOT = Path(__file__).parents[1]
OFFICE = ROOT / "data" / "office"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on stdout. Fails if anything else stands there."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """One JSON value for each line of stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


def prepare_home(home: Path, models: Path) -> Path:
    """Make `home` with a link to the models."""
    home.mkdir()
    models.mkdir(parents=True, exist_ok=True)
    (home / "models").symlink_to(models, target_is_directory=True)
    return home


def run_rag(*arguments: str, typed: str | None = None) -> Outcome:
    """Run a command in this process, as `rag` would after it engaged the guard; `typed` is its standard input."""
    from rag.cli.app import app

    offline.engage()
    result = CliRunner().invoke(app, list(arguments), prog_name="rag", input=typed, catch_exceptions=False)
    return Outcome(result.exit_code, result.stdout, result.stderr)


PROGRAM = "import sys; sys.argv[0] = 'rag'; from rag.cli import main; main()"


def program(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the real program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
        timeout=120,
    )


@contextmanager
def terminal(home: Path, *arguments: str, **environment: str) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """`rag` on a terminal of its own: the terminal's other end, and the process."""
    ours, theirs = pty.openpty()

    def take() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # Ctrl-C is the terminal's doing

    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--home", str(home), *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env=os.environ | {"TERM": "xterm", "NO_COLOR": "1"} | environment,
        preexec_fn=take,
    )
    os.close(theirs)
    try:
        yield ours, child
    finally:
        child.kill()
        child.wait()
        os.close(ours)


def until(ours: int, expected: str, seconds: float = 100) -> str:
    """What the terminal shows until it shows `expected`; fails where it does not come."""
    shown, end = "", time.monotonic() + seconds
    while expected not in shown:
        ready, _, _ = select.select([ours], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"{expected!r} did not come; shown: {shown!r}"
        try:
            shown += os.read(ours, 1 << 16).decode()
        except OSError:  # the other end is closed
            raise AssertionError(f"{expected!r} did not come; shown: {shown!r}") from None
    return shown


def refused(offender: Offender, allowed: str = "") -> list[tuple[str, str, str, str]]:
    """What the guard refused while the offender ran in a program of its own: layer, event, target and caller of each.

    Fails if the program did; skips the test where the offender's tool is not installed.
    """
    if "curl" in offender.code and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    done = subprocess.run(
        [sys.executable, "-c", guarded(offender, allowed)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [tuple(entry) for entry in json.loads(done.stdout.splitlines()[-1].removeprefix("REPORT "))]


def without_privileges() -> None:
    """For `preexec_fn`: give up root's rights to ignore file permissions, so that they hold for every user."""

    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    # Version 3 of the call; two records of three 32-bit masks (effective, permitted, inheritable), all zero.
    ctypes.CDLL(None).capset(ctypes.byref(Header(0x20080522, 0)), (ctypes.c_uint32 * 6)())
