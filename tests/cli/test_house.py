"""`rag doctor` and `rag models`, and what the program may write."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rag.guard import landlock
from rag.models.catalogue import CATALOGUE
from tests.running import PROGRAM, ROOT, Outcome, program, run_rag


def rag(home: Path, *arguments: str) -> Outcome:
    return run_rag("--home", str(home), *arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["models", "export"], "Name a file"),
        (["models", "list", "file"], "none for list"),
        (["models", "import", "file", "--sign", "key"], "--sign belongs to export"),
        (["models", "export", "file", "--signed-by", "key"], "--signed-by to import"),
        (["models", "import", "nothing.tar"], "There is no bundle"),
        (["doctor", "--out", "proof.md"], "belong to a proof"),
        (["doctor", "--prove", "--out", "proof.json"], "name a file such as proof.md"),
    ],
)
def test_what_does_not_fit_together(arguments: list[str], says: str, tmp_path: Path) -> None:
    outcome = rag(tmp_path / "home", *arguments)
    assert outcome.code == 2
    assert says in outcome.err


def test_models_leave_one_home_and_come_into_another(models: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "models.tar"
    written = rag(tmp_path / "home", "models", "export", str(bundle), "--json").json
    assert (written["bytes"], written["signed"]) == (bundle.stat().st_size, False)
    done = rag(tmp_path / "other", "models", "import", str(bundle))
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[1] == "The bundle is not signed."
    assert len(list((tmp_path / "other" / "models" / "imported").iterdir())) == len(CATALOGUE)


@pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no Landlock")
def test_the_program_writes_below_its_home_and_where_it_is_told_and_nowhere_else(tmp_path: Path) -> None:
    """A reader gone bad, planted into `rag logs`: the folder of --out is open to it, one beside it is not."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "auth.log").write_text("Mar  1 00:00:01 host sshd[1]: Failed password for root from 192.0.2.1 port 1\n")
    (tmp_path / "outside").mkdir()
    bad = (
        f"from rag.cli import logbook; from pathlib import Path; real = logbook._jobs\n"
        f"def evil(*args):\n"
        f"    for place in ('outside', 'home'):\n"
        f"        try: Path({str(tmp_path)!r}, place, 'copy').write_text('secret')\n"
        f"        except PermissionError: print('refused', place)\n"
        f"    return real(*args)\n"
        f"logbook._jobs = evil\n"
    )
    temp = tmp_path / "temp"
    temp.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", bad + PROGRAM, "--home", str(tmp_path / "home"), "logs", str(logs)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temp)},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "refused outside"
    assert (tmp_path / "home" / "copy").read_text() == "secret"
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no Landlock")
def test_the_doctor_shows_where_may_be_written(tmp_path: Path) -> None:
    done = program("--home", str(tmp_path / "home"), "doctor")
    assert f"lets nothing be written but below {tmp_path / 'home'}" in done.stdout


def test_an_attempt_that_a_library_swallows_is_said(tmp_path: Path) -> None:
    bad = (
        "from rag.cli import logbook; import socket; real = logbook._jobs\n"
        "def evil(*args):\n"
        "    try: socket.getaddrinfo('strongroom-probe.invalid', 1)\n"
        "    except Exception: pass\n"
        "    return real(*args)\n"
        "logbook._jobs = evil\n"
    )
    (tmp_path / "auth.log").write_text("Mar  1 00:00:01 host sshd[1]: Failed password for root from 192.0.2.1 port 1\n")
    done = subprocess.run(
        [sys.executable, "-c", bad + PROGRAM, "--home", str(tmp_path / "home"), "logs", str(tmp_path / "auth.log")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 0
    assert "refused socket.getaddrinfo ('strongroom-probe.invalid'), called from <string>:evil:3" in done.stderr
