"""The files layer: nothing is written but where it is allowed, by Python, native code or children."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rag.guard import landlock
from rag.guard.landlock import Restriction

ROOT = Path(__file__).parents[3]

needs_landlock = pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")


def confined(tmp_path: Path, code: str) -> list[str]:
    """Run `code` in a process that may write below `tmp_path/home` and its temp folder, `tmp_path/temp`."""
    for name in ("home", "temp", "outside"):
        (tmp_path / name).mkdir(exist_ok=True)
    (tmp_path / "outside" / "old.txt").write_text("old")
    (tmp_path / "home" / "old.txt").write_text("old")
    program = f"""
        import ctypes, os, sqlite3, subprocess, sys
        from pathlib import Path
        from rag import offline
        base = Path({str(tmp_path)!r})
        home, outside = base / "home", base / "outside"
        offline.engage()
        offline.confine(home)
        def tried(action):
            try:
                action()
            except OSError as error:
                print(type(error).__name__)
            else:
                print("done")
    """
    program = textwrap.dedent(program) + textwrap.dedent(code)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "temp")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@needs_landlock
def test_inside_everything_works(tmp_path: Path) -> None:
    code = """
        tried(lambda: (home / "new.txt").write_text("new"))
        tried(lambda: (home / "folder").mkdir())
        tried(lambda: (home / "new.txt").rename(home / "folder" / "new.txt"))
        tried(lambda: (home / "old.txt").unlink())
        tried(lambda: (home / "link").symlink_to("x"))
        tried(lambda: (base / "temp" / "t").write_text("t"))
        tried(lambda: open("/dev/null", "w").close())
        database = sqlite3.connect(home / "db")
        database.execute("CREATE TABLE t(x)")
        print(Path(base / "outside" / "old.txt").read_text())
    """
    assert confined(tmp_path, code) == ["done"] * 7 + ["old"]


@needs_landlock
@pytest.mark.parametrize(
    "action",
    [
        '(outside / "new.txt").write_text("new")',
        '(outside / "old.txt").write_text("new")',
        'open(outside / "old.txt", "a")',
        'os.truncate(outside / "old.txt", 0)',
        '(outside / "folder").mkdir()',
        '(outside / "old.txt").unlink()',
        '(outside / "old.txt").rename(home / "taken.txt")',
        '(home / "old.txt").rename(outside / "given.txt")',
        'os.link(outside / "old.txt", home / "linked.txt")',
        '(outside / "link").symlink_to("x")',
        'os.mkfifo(outside / "pipe")',
        '(home / "../outside/new.txt").write_text("new")',
    ],
)
def test_outside_nothing_does(action: str, tmp_path: Path) -> None:
    (answer,) = confined(tmp_path, f"tried(lambda: {action})")
    assert answer in ("PermissionError", "OSError")  # EXDEV for what would move between places
    assert sorted(path.name for path in (tmp_path / "outside").iterdir()) == ["old.txt"]
    assert (tmp_path / "outside" / "old.txt").read_text() == "old"


@needs_landlock
def test_native_code_children_and_threads_are_bound_too(tmp_path: Path) -> None:
    code = """
        import threading
        there = str(outside / "native").encode()
        print(ctypes.CDLL(None).creat(there, 0o600))
        shell = ["/bin/sh", "-c", f"echo x > '{outside}/child'"]
        print(subprocess.run(shell, stderr=subprocess.DEVNULL).returncode != 0)
        thread = threading.Thread(target=lambda: tried(lambda: (outside / "thread").touch()))
        thread.start()
        thread.join()
    """
    assert confined(tmp_path, code) == ["-1", "True", "PermissionError"]


@needs_landlock
def test_a_link_in_the_home_leads_to_a_place_that_may_be_written(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "models").symlink_to(tmp_path / "elsewhere")
    assert confined(tmp_path, 'tried(lambda: (home / "models" / "m").touch())') == ["done"]


@needs_landlock
def test_a_link_in_the_folder_of_an_output_does_not(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "reports" / "link").symlink_to(tmp_path / "outside")
    program = f"""
        from pathlib import Path
        from rag import offline
        base = Path({str(tmp_path)!r})
        offline.confine(base / "home", [base / "reports"])
        (base / "reports" / "in").touch()
        try:
            (base / "reports" / "link" / "out").touch()
        except PermissionError:
            print("refused")
    """
    (tmp_path / "temp").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "temp")}
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.stdout == "refused\n", done.stderr


@needs_landlock
def test_a_link_made_later_does_not(tmp_path: Path) -> None:
    code = """
        (home / "way").symlink_to(outside)
        tried(lambda: (home / "way" / "out").touch())
    """
    assert confined(tmp_path, code) == ["PermissionError"]


@needs_landlock
def test_sqlite_keeps_its_temporary_files_where_they_may_lie(tmp_path: Path) -> None:
    code = """
        database = sqlite3.connect(home / "db")
        database.execute("PRAGMA temp_store = FILE")
        database.execute("PRAGMA cache_size = 5")
        database.execute("CREATE TABLE t(x)")
        database.executemany("INSERT INTO t VALUES (?)", ((os.urandom(500),) for _ in range(2000)))
        print(len(database.execute("SELECT x FROM t ORDER BY x").fetchall()))
    """
    assert confined(tmp_path, code) == ["2000"]


@needs_landlock
@pytest.mark.skipif(landlock.version() < 4, reason="Landlock knows TCP since version 4")
def test_a_socket_from_before_the_guard_cannot_connect_natively(tmp_path: Path) -> None:
    program = """
        import ctypes, errno
        libc = ctypes.CDLL(None, use_errno=True)
        before = libc.socket(2, 1, 0)
        from rag import offline
        offline.engage()
        there = b"\\2\\0\\0\\11\\177\\0\\0\\1" + bytes(8)
        print(libc.connect(before, there, 16), errno.errorcode[ctypes.get_errno()])
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60)
    assert done.stdout.split() == ["-1", "EACCES"], done.stderr


def test_what_does_not_hold_is_said() -> None:
    home = Path("/home/ada")
    assert "no Landlock" in landlock.layer(Restriction(0), [home]).detail
    assert "Operation not permitted" in landlock.layer(Restriction(3, 1), [home]).detail
    assert [landlock.layer(Restriction(*how), [home]).holds for how in ((0,), (3, 1), (3,))] == [False, False, True]
