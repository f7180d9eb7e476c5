"""The proof: every way in which it is none is found, and a program that does try is caught with its name."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rag import proof_report
from rag.guard import syscalls
from rag.guard.trace import Sockets
from rag.guard.types import Attempt, Layer, Trial
from rag.prove import Proof, Step, program_sha256

ROOT = Path(__file__).parents[3]

TRY = Attempt("socket", "AF_INET", "/usr/bin/evil\x1b (process 7)", "kernel", 0.0)
STEP = Step("rag ask", 0, True, 1.0, Sockets({"AF_UNIX": 2}, (), 0), (), "")
CONTROL = Step("control", 1, True, 0.1, Sockets({"AF_INET": 1}, (), 0), (TRY,), "")
PROOF = Proof(
    when="2026-01-01T00:00:00+00:00",
    machine="Linux",
    versions={"strongroom": "1"},
    program_sha256="0" * 64,
    models={"model": "1" * 64},
    corpus="the sample",
    layers=(Layer("kernel", True, "stands"),),
    trials=(Trial("native socket", True, "refused"),),
    namespace="",
    tracer="",
    control=CONTROL,
    steps=(STEP,),
)


def test_a_proof() -> None:
    assert PROOF.problems == ()
    assert "**1 commands asked for 0 internet sockets.**" in proof_report.markdown(PROOF)
    assert proof_report.as_json(PROOF)["proven"] is True


@pytest.mark.parametrize(
    "flaw",
    [
        {"layers": (Layer("kernel", False, "no seccomp"),)},
        {"trials": (Trial("native socket", False, "opened"),)},
        {"steps": (replace(STEP, code=2, ended_well=False, said="Error"),)},
        {"steps": (replace(STEP, sockets=Sockets({"AF_INET": 1}, (), 0)),)},
        {"steps": (replace(STEP, sockets=Sockets({"AF_NETLINK": 1}, (), 0)),)},
        {"steps": (replace(STEP, refused=(TRY,)),)},
        {"steps": (replace(STEP, sockets=None, refused=(TRY,)),)},
        {"control": replace(CONTROL, refused=())},
        {"control": replace(CONTROL, sockets=Sockets({}, (), 0))},
    ],
)
def test_one_flaw_and_it_is_none(flaw: dict[str, object]) -> None:
    flawed = replace(PROOF, **flaw)  # type: ignore[arg-type]
    assert len(flawed.problems) == 1
    assert "Not proven" in proof_report.markdown(flawed)
    assert proof_report.as_json(flawed)["proven"] is False


def test_without_strace_the_kernel_is_believed_and_the_report_says_so() -> None:
    alone = replace(
        PROOF,
        tracer="strace is not installed",
        steps=(replace(STEP, sockets=None),),
        control=replace(CONTROL, sockets=None),
    )
    assert alone.problems == ()
    assert "the kernel alone (strace is not installed)" in proof_report.markdown(alone)
    assert "| not traced |" in proof_report.markdown(alone)


def test_hostile_names_do_not_act() -> None:
    assert "\x1b" not in proof_report.markdown(replace(PROOF, steps=(replace(STEP, refused=(TRY,)),)))


def test_the_programs_hash_is_of_its_files() -> None:
    assert program_sha256() == program_sha256()
    assert len(program_sha256()) == 64


RUN = """
import json, sys
from pathlib import Path
from rag import offline
offline.engage()
from rag import proof_report, prove
from rag.config import Settings
prove._steps = lambda documents, work: [(["logs", str(documents)], (0,), "")]
prove._models = lambda _: {{}}
{patch}
home = Path(sys.argv[1])
home.mkdir()
print(json.dumps(proof_report.as_json(prove.prove(Settings(home=home), None, lambda _: None))))
"""


def run(tmp_path: Path, patch: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(patch=patch), str(tmp_path / "home")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "home").iterdir()) == [tmp_path / "home" / "models"]  # nothing is left behind
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(syscalls.abi() is None, reason="the kernel layer is for Linux")
def test_a_step_really_run(tmp_path: Path) -> None:
    found = run(tmp_path, "")
    assert (found["problems"], found["internet_sockets"], found["control_seen"]) == ([], 0, True)


@pytest.mark.skipif(syscalls.abi() is None, reason="the kernel layer is for Linux")
@pytest.mark.parametrize(
    "offender",
    ["import ctypes; ctypes.CDLL(None).socket(2, 2, 0)", "import socket; socket.getaddrinfo('strongroom.invalid', 1)"],
)
def test_a_step_that_tries_is_caught(offender: str, tmp_path: Path) -> None:
    program = f"from rag import offline; offline.engage()\ntry:\n    exec({offender!r})\nexcept Exception: pass"
    found = run(tmp_path, f"prove._PROGRAM = {program!r}")
    assert found["proven"] is False
    (step,) = found["steps"]  # type: ignore[misc]
    assert "python" in step["refused"][0]["caller"]
