"""The watcher: refusals in native code and in children are told by the kernel, whatever becomes of the program."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from rag.guard import syscalls, watcher
from rag.guard.types import Attempt

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(syscalls.abi() is None, reason="the kernel layer is for Linux")


def guarded(code: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    program = (
        "import ctypes, os, signal, subprocess, sys\nfrom rag import offline\noffline.engage()\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n" + textwrap.dedent(code)
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60, input=stdin, check=False
    )


def lines(code: str) -> list[str]:
    done = guarded(code)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_same_try_is_counted_and_another_listed() -> None:
    code = """
        for _ in range(3): libc.socket(2, 1, 0)
        libc.socket(17, 3, 0)
        for entry in offline.attempts(): print(entry.target, entry.count, entry.layer, entry.caller)
    """
    first, second = lines(code)
    assert re.match(r"AF_INET 3 kernel .*this program itself, by .*libffi", first)
    assert second.startswith("AF_PACKET 1 kernel")


def test_a_child_program_is_named() -> None:
    code = """
        child = "import socket; socket.socket()"
        subprocess.run([sys.executable, "-I", "-c", child], stderr=subprocess.DEVNULL)
        print([entry.caller for entry in offline.attempts()])
    """
    assert re.search(r"python3[\d.]* \(process \d+", lines(code)[0])


def test_code_that_holds_the_interpreters_lock_does_not_wait_for_ever() -> None:
    """PyDLL keeps the lock: a watcher inside the same interpreter could never answer."""
    assert lines("print(ctypes.PyDLL(None).socket(2, 1, 0), len(offline.attempts()))") == ["-1 1"]


def test_a_program_that_dies_before_it_could_tell_is_told_by_the_watcher() -> None:
    done = guarded("libc.socket(2, 1, 0); os.kill(os.getpid(), signal.SIGKILL)")
    assert done.returncode == -9
    assert "refused socket (AF_INET)" in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_was_told_is_not_told_again_at_the_end() -> None:
    done = guarded("libc.socket(2, 1, 0); offline.attempts()")
    assert done.stderr == ""


def test_without_its_watcher_the_kernel_refuses_still_and_the_list_says_so() -> None:
    code = """
        os.kill(offline._guard.watcher.pid, signal.SIGKILL)
        os.waitpid(offline._guard.watcher.pid, 0)
        print(libc.socket(2, 1, 0), ctypes.get_errno())
        print([entry.event for entry in offline.attempts()])
    """
    assert lines(code) == ["-1 38", "['watcher']"]


def test_it_ends_with_the_program_and_holds_no_output_open() -> None:
    """`subprocess.run` waits until nobody holds the pipes any more."""
    code = "print(offline._guard.watcher.pid)"
    pid = int(lines(code)[0])
    end = time.monotonic() + 60
    while _lives(pid):
        assert time.monotonic() < end, "the watcher goes on without the program"
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_copy_of_the_program_asks_nobody_and_its_tries_are_told_here() -> None:
    code = """
        child = os.fork()
        if child == 0:
            libc.socket(2, 1, 0)
            os._exit(len(offline.attempts()))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(offline.attempts()))
    """
    assert lines(code) == ["0 1"]


def test_python_code_in_a_worker_is_told_with_its_line_and_counted_here() -> None:
    code = """
        worker = "from rag import offline; offline.engage(); import socket\\n" \\
            "try: socket.getaddrinfo('strongroom-probe.invalid', 1)\\nexcept Exception: pass\\n" \\
            "print(offline.layers()[2].detail)"
        subprocess.run([sys.executable, "-c", worker])
        print([entry.layer for entry in offline.attempts()])
    """
    done = guarded(code)
    assert "called from <string>:<module>:2" in done.stderr
    assert done.stdout.splitlines()[0].startswith("seccomp filter inherited")
    assert done.stdout.splitlines()[1] == "['kernel']"


def test_a_flood_of_different_tries_is_counted_and_does_not_grow() -> None:
    code = f"""
        for family in range(100, 100 + {watcher.KINDS + 20}): libc.socket(family, 1, 0)
        found = offline.attempts()
        print(len(found), sum(entry.count for entry in found), found[-1].caller)
    """
    assert lines(code)[0] == f"{watcher.KINDS + 1} {watcher.KINDS + 20} further programs, not listed one by one"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is the program that is renamed")
def test_a_hostile_programs_name_does_not_act_on_the_terminal(tmp_path: Path) -> None:
    hostile = tmp_path / "a\x1b[31m\nb"
    shutil.copy(str(shutil.which("curl")), hostile)
    done = guarded(f"""
        subprocess.run([{str(hostile)!r}, "-s", "http://127.0.0.1:9/"])
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert "a\\x1b[31m\\nb (process" in done.stderr or "a?[31m?b (process" in done.stderr
    assert "\x1b" not in done.stderr


def test_an_attempt_is_one_sentence() -> None:
    attempt = Attempt("socket", "AF_INET", "/usr/bin/curl (process 7)", "kernel", 0.0, 2)
    assert attempt.sentence == (
        "Strongroom works offline and refused socket (AF_INET), called from /usr/bin/curl (process 7), 2 times; "
        "nothing was sent. `rag doctor` shows the state of the offline guard."
    )
