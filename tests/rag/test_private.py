"""Whatever is written below a home is for its owner alone."""

import os
import resource
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import private


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tempfile, "tempdir", None)
    for name in ("TMPDIR", "SQLITE_TMPDIR"):
        monkeypatch.setenv(name, "")
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_and_folders_are_for_their_owner(tmp_path: Path) -> None:
    private.engage()
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "file").touch()
    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/file")] == [0o700, 0o700, 0o600]
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0


def test_temporary_files_lie_in_the_home_those_of_children_too(tmp_path: Path) -> None:
    private.claim(tmp_path)
    with tempfile.NamedTemporaryFile() as file:
        assert Path(file.name).parent == tmp_path / "tmp"
    child = "import tempfile, os; print(tempfile.gettempdir(), os.environ['SQLITE_TMPDIR'])"
    found = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True).stdout.split()
    assert found == [str(tmp_path / "tmp")] * 2
    assert mode(tmp_path / "tmp") == 0o700


def test_what_lies_open_is_closed_and_what_is_not_ours_is_left(tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home / "collections", home / "record", home / "own", elsewhere):
        folder.mkdir(parents=True)
    (home / "models").symlink_to(elsewhere)
    private.claim(home)
    assert [mode(home / name) for name in ("collections", "record", "own")] == [0o700, 0o700, 0o777]
    assert mode(elsewhere) == 0o777


def test_a_home_that_cannot_be_is_left_to_those_who_need_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    private.claim(tmp_path / "file")
    private.claim(tmp_path / "file" / "home")
    assert os.environ["TMPDIR"] == ""
