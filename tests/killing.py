"""Kills a process at its n-th write, and runs functions in processes of their own that start in a few milliseconds.

A write is an SQL statement of ours that changes something, or a call that changes the file system. What Chroma does
inside is native code: a kill before and after it is what can be had.
"""

import multiprocessing
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from multiprocessing.forkserver import set_forkserver_preload
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2

HANGS = 60  # seconds

_CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir")
_READS = ("SELECT", "PRAGMA FREELIST", "PRAGMA PAGE_COUNT", "--")


def die_at(number: int, tally: Path, below: Path) -> None:
    """Have this process kill itself before its `number`-th write below a folder; 0: never.

    Args:
        tally: a file elsewhere, in which stands how many writes there have been.
    """
    written = 0
    place = str(below)
    out = os.open(tally, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)

    def count() -> None:
        nonlocal written
        written += 1
        if written == number:
            os.kill(os.getpid(), signal.SIGKILL)
        os.pwrite(out, str(written).encode(), 0)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        opened = event == "open" and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if (opened or event in _CHANGES) and str(arguments[0]).startswith(place):
            count()

    def trace(statement: str) -> None:
        if not statement.lstrip().upper().startswith(_READS):
            count()

    def traced(original: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
        def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
            database = original(*arguments, **options)
            database.set_trace_callback(trace)
            return database

        return connect

    for library in (sqlite3, dbapi2):  # catalogs in plain, and encrypted
        library.connect = traced(library.connect)
    sys.addaudithook(watch)


def in_child(function: Callable[..., None], *arguments: object) -> int:
    """Run a function of a module in a process of its own. Returns its exit code; negative: the signal that ended it."""
    set_forkserver_preload(["tests.rag.store.test_collection"])
    child = multiprocessing.get_context("forkserver").Process(target=function, args=arguments)
    child.start()
    child.join(HANGS)
    if child.exitcode is None:
        child.kill()
        child.join()
    code = child.exitcode
    child.close()
    assert code is not None
    return code
