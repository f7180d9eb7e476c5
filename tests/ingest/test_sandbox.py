"""Whatever a reader does to its process, the task ends as a FAILED file and the next one is read. Real processes."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from ingest.errors import ReadError
from ingest.sandbox import Sandbox
from ingest.types import FileStatus
from tests.running import ROOT

TIME = 20.0  # seconds; enough to start a process on a busy machine
SOON = 10.0  # seconds after which a process that should be gone is left over

_equipped: list[str] = []


def equip(word: str) -> None:
    _equipped[:] = [word]


def equipment() -> str:
    return _equipped[0]


def hang() -> None:
    time.sleep(600)


def hang_in_native_code() -> None:
    """The regular expression engine keeps the interpreter to itself: no thread and no handler gets a turn."""
    import re

    re.match(r"(a*)*b", "a" * 60)


def allocate() -> None:
    blocks = []
    while True:
        blocks.append(np.zeros(1 << 27))  # 1 GiB that nobody has touched yet


def fail() -> None:
    raise LookupError("no such glyph")


def write(path: Path) -> None:
    path.write_text("left behind")


def name_of_failure(sandbox: Sandbox, function: object, *args: object, seconds: float = TIME) -> str:
    """The detail of the ReadError that a task ends in."""
    with pytest.raises(ReadError) as caught:
        sandbox.run(function, *args, seconds=seconds)  # type: ignore[arg-type]
    assert caught.value.status is FileStatus.FAILED
    return caught.value.detail


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(1, equip, "tools") as sandbox:
        yield sandbox


def test_results_come_back_and_workers_are_prepared(sandbox: Sandbox) -> None:
    assert sandbox.run(divmod, 7, 3, seconds=TIME) == (2, 1)
    assert sandbox.run(equipment, seconds=TIME) == "tools"
    assert sandbox.run(os.getpid, seconds=TIME) != os.getpid()


@pytest.mark.parametrize(
    ("function", "seconds", "words"),
    [
        (hang, 1.0, "given up after 1 s"),
        (hang_in_native_code, 1.0, "given up after 1 s"),
        (os.abort, TIME, "crashed (SIGABRT)"),
        (allocate, TIME, "more than the 4 GB of memory"),
        (fail, TIME, "its reader failed (LookupError: no such glyph)"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_task_that_goes_wrong_costs_itself_alone(
    sandbox: Sandbox, function: object, seconds: float, words: str
) -> None:
    assert words in name_of_failure(sandbox, function, seconds=seconds)
    assert sandbox.run(equipment, seconds=TIME) == "tools"


def test_workers_write_no_files(sandbox: Sandbox, tmp_path: Path) -> None:
    assert "OSError" in name_of_failure(sandbox, write, tmp_path / "new.txt")
    assert (tmp_path / "new.txt").read_bytes() == b""
    assert sandbox.run(equipment, seconds=TIME) == "tools"


def test_leaving_with_an_error_stops_what_hangs(tmp_path: Path) -> None:
    details: list[str] = []
    started = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt), Sandbox(1, equip, "tools") as sandbox:
        worker = psutil.Process(sandbox.run(os.getpid, seconds=TIME))
        waiting = threading.Thread(target=lambda: details.append(name_of_failure(sandbox, hang, seconds=600)))
        waiting.start()
        time.sleep(0.2)
        raise KeyboardInterrupt
    waiting.join(SOON)
    assert details
    worker.wait(SOON)
    assert time.monotonic() - started < 2 * SOON


def test_workers_outlive_the_thread_that_asked_first() -> None:
    with Sandbox(1, equip, "tools") as sandbox:
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(sandbox.run(os.getpid, seconds=TIME)))
        thread.start()
        thread.join()
        time.sleep(0.2)
        assert sandbox.run(os.getpid, seconds=TIME) == found[0]


PARENT = """
import os, threading, time
from ingest.sandbox import Sandbox
if __name__ == "__main__":
    with Sandbox(2, int) as sandbox:
        threading.Thread(target=lambda: sandbox.run(time.sleep, 600, seconds=600), daemon=True).start()
        print(sandbox.run(os.getpid, seconds=60), flush=True)
        time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not end a child with its parent")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_is_left_when_its_parent_ends(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        assert int(parent.stdout.readline())
        workers = psutil.Process(parent.pid).children(recursive=True)
        assert len(workers) >= 2
        parent.send_signal(number)
        _, left = psutil.wait_procs(workers, timeout=SOON)
        parent.kill()
    assert left == []
