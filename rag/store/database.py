"""Opens SQLite files, in plain or encrypted; the one door to sqlcipher3, which is SQLite with every page encrypted.

Both speak the same SQL, and each has errors of its own.
"""

import sqlite3
import sys
from pathlib import Path
from typing import Literal

from rag.vault.cipher import PAGE, Key

Mode = Literal["mode=ro", "mode=rw", "mode=rwc", "immutable=1"]
BUSY_MS = 10_000  # how long a reader waits for a writer's short commit
PLAIN = b"SQLite format 3\0"  # how a file in plain begins; an encrypted one begins with random bytes
# KiB of pages kept in memory, where they are in plain; with SQLite's few the same page is decrypted again and again.
_CACHE = 65_536


def connect(path: Path, mode: Mode, key: Key | None) -> sqlite3.Connection:
    """The database in `path`; every statement is a transaction of its own unless one is begun.

    Raises an error of `errors()` where it cannot be opened; a wrong key shows when it is first read.
    """
    address = f"{path.absolute().as_uri()}?{mode}"
    if key is None:
        return sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_MS / 1000)
    from sqlcipher3 import dbapi2  # late: a collection in plain does without

    database: sqlite3.Connection = dbapi2.connect(address, uri=True, isolation_level=None, timeout=BUSY_MS / 1000)
    database.execute(f"PRAGMA key = {_literal(key)}")
    database.execute(f"PRAGMA cipher_page_size = {PAGE}")
    database.execute(f"PRAGMA cache_size = -{_CACHE}")
    return database


def copy(source: Path, before: Key | None, target: Path, after: Key | None) -> None:
    """Write a new database with all that is in another one, encrypted otherwise: by `after` instead of `before`.

    Raises an error of `errors()`.
    """
    from sqlcipher3 import dbapi2

    address = f"{source.absolute().as_uri()}?mode=ro"
    database: sqlite3.Connection = dbapi2.connect(address, uri=True, isolation_level=None)
    try:
        database.execute("PRAGMA temp_store = MEMORY")
        if before is not None:
            database.execute(f"PRAGMA key = {_literal(before)}")
            database.execute(f"PRAGMA cipher_page_size = {PAGE}")
        database.execute(f"ATTACH ? AS target KEY {_literal(after)}", (str(target),))
        database.execute(f"PRAGMA target.{'page_size' if after is None else 'cipher_page_size'} = {PAGE}")
        database.execute("SELECT sqlcipher_export('target')")
        database.execute("PRAGMA target.journal_mode = WAL")
        database.execute("DETACH target")
    finally:
        database.close()


def is_plain(path: Path) -> bool:
    """Whether a file is there and begins as a database in plain does."""
    try:
        with path.open("rb") as file:
            return file.read(len(PLAIN)) == PLAIN
    except FileNotFoundError:
        return False


def errors() -> tuple[type[BaseException], ...]:
    """What either SQLite raises."""
    return _errors("DatabaseError")


def operational() -> tuple[type[BaseException], ...]:
    """Those of `errors()` that are about the disk, locks or statements."""
    return _errors("OperationalError")


def _errors(name: str) -> tuple[type[BaseException], ...]:
    libraries = [sqlite3, *filter(None, [sys.modules.get("sqlcipher3.dbapi2")])]
    return tuple(getattr(library, name) for library in libraries)


def _literal(key: Key | None) -> str:
    """A key as SQLCipher takes it: the very bytes, not a passphrase to be stretched. No key: in plain."""
    return "''" if key is None else f"\"x'{key.catalog}'\""
