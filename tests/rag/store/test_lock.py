"""One writer at a time, and the second one learns who the first is."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.errors import LockedError, StorageError
from rag.store.lock import is_locked, write_lock
from tests.running import ROOT

HOLDER = """
import sys
import threading
from pathlib import Path
from rag.store.lock import is_locked, write_lock
with write_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of `tmp_path` until its stdin is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(LockedError, match=f"process {holder.pid} since 20"), write_lock(tmp_path):
        pytest.fail("two writers")


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    with write_lock(tmp_path):
        assert f"process {os.getpid()}" in (tmp_path / "lock").read_text()


def test_whoever_only_looks_keeps_no_writer_out(tmp_path: Path) -> None:
    with write_lock(tmp_path):
        assert is_locked(tmp_path)
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            is_locked(tmp_path)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(50):
            with write_lock(tmp_path):
                pass
    finally:
        stop.set()
        looking.join()
    assert not is_locked(tmp_path)


def test_it_is_free_again_afterwards_even_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), write_lock(tmp_path):
        raise ZeroDivisionError
    with write_lock(tmp_path):
        pass


def test_a_shorter_holder_leaves_nothing_of_a_longer_ones_name(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("process 123456789 since a long time ago" * 10)
    with write_lock(tmp_path):
        assert (tmp_path / "lock").read_text().count("process") == 1


def test_what_is_written_is_for_its_owner_alone(tmp_path: Path) -> None:
    with write_lock(tmp_path / "home" / "collections" / "default"):
        pass
    assert (tmp_path / "home" / "collections" / "default").stat().st_mode & 0o077 == 0
    assert (tmp_path / "home" / "collections" / "default" / "lock").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="another home with --home"), write_lock(tmp_path / "file" / "index"):
        pytest.fail("made a folder inside a file")
