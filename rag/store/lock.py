"""One writer for a collection at a time. Readers need no lock: they see the last committed state.

Only who turns a whole home over, from plain to encrypted or back, has to be alone in it.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ingest.errors import LockedError, StorageError

LOOKED_AT = 0.1  # seconds; `is_locked` holds the lock for some microseconds to see whether it can


@contextmanager
def write_lock(folder: Path, patience: float = LOOKED_AT) -> Iterator[None]:
    """Hold the collection (or the record) in `folder` for writing. The kernel frees it when the process ends.

    Args:
        patience: seconds to wait for another holder; the default waits only for those who look whether it is held.

    Raises:
        LockedError: another process holds it; the message says which, since when.
        StorageError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(
            f"Cannot write {folder} ({error.strerror}); check its permissions or choose another home with --home DIR."
        ) from error
    try:
        try:
            _take(descriptor, patience)
        except BlockingIOError as error:
            holder = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
            raise LockedError(
                f"{folder} is being written by {holder}; wait until it has finished and run the command again."
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} since {time.strftime('%Y-%m-%d %H:%M:%S')}".encode())
        yield
    finally:
        os.close(descriptor)


@contextmanager
def home_lock(home: Path, *, alone: bool = False) -> Iterator[None]:
    """Hold a home while a command works in it; `alone`: while nobody else does. Writes nothing: the folder is the lock.

    Raises:
        LockedError: somebody is at work there who has to be alone, or has to be left alone.
        StorageError: there is no such folder.
    """
    try:
        descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise StorageError(f"{home} cannot be opened ({error.strerror}); name a home with --home DIR.") from error
    try:
        try:
            _take(descriptor, LOOKED_AT, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        except BlockingIOError as error:
            raise LockedError(
                f"Other `rag` commands are working in {home}; end them and run the command again."
                if alone
                else f"{home} is being encrypted or decrypted; wait until that has finished and run the command again."
            ) from error
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, patience: float, kind: int = fcntl.LOCK_EX) -> None:
    """Take the lock, waiting for at most `patience` seconds. Raises BlockingIOError."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOKED_AT / 10)
        else:
            return


def is_locked(folder: Path) -> bool:
    """Whether some process holds the collection in `folder` for writing at this moment."""
    with suppress(FileNotFoundError), (folder / "lock").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
