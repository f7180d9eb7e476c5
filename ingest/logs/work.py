"""What is done with one log in a worker process: count everything in it. Called through a `Pool`.

A file's own faults come back as a `Refusal`, not as an exception.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ingest.errors import ReadError
from ingest.logs.facts import LogFacts, analyse
from ingest.logs.rules import load
from ingest.logs.selection import Selection
from ingest.work import Refusal


class Counter(Protocol):
    """A number that processes share, such as `multiprocessing.Value`."""

    value: int

    def get_lock(self) -> "Lock":
        """Held while the number is changed."""
        ...


class Lock(Protocol):
    """What `with` holds."""

    def __enter__(self) -> object: ...
    def __exit__(self, *_: object) -> object: ...


_read: list[Counter] = []


def equip(read: Counter) -> None:
    """Give this process the count of bytes that all processes have read."""
    _read[:] = [read]


def count(path: Path, name: str, rules: Sequence[Path], selection: Selection, every_line: bool) -> LogFacts | Refusal:
    """The facts of a log. `rules`: folders of rules beside those of the program."""
    on_progress = _progress if _read else None
    try:
        return analyse(path, name, on_progress, rules=load(*rules), selection=selection, every_line=every_line)
    except ReadError as error:
        return Refusal(error.status, error.detail)


def _progress(size: int) -> None:
    with _read[0].get_lock():
        _read[0].value += size
