"""Runs `rag`: in this process where that is enough, in one of its own where it is not."""

import ctypes
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from rag import offline

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


def without_privileges() -> None:
    """For `preexec_fn`: give up root's rights to ignore file permissions, so that they hold for every user."""

    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    # Version 3 of the call; two records of three 32-bit masks (effective, permitted, inheritable), all zero.
    ctypes.CDLL(None).capset(ctypes.byref(Header(0x20080522, 0)), (ctypes.c_uint32 * 6)())
