"""A whole home from plain to encrypted, or back. Cut off anywhere, it is repeated, and does what is left.

Each collection, the record and each file is made anew beside the old one and takes its place at once; which of them are
done can be told by looking at them. Meanwhile the header says what was begun, so that nobody opens half of it. The
caller sees to it that no other process works in the home.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ingest.errors import RecordDamaged, StorageError
from rag.record.ledger import Ledger
from rag.store import collection, database, last, seal
from rag.store.lock import write_lock
from rag.store.vectors import discard
from rag.vault import header
from rag.vault.cipher import Key, decoded, encoded, is_encrypted
from rag.vault.files import ABOUT, TYPED

_OWN = ("collections", "record", "models", "tmp", "config.toml", TYPED, header.NAME)
"""What the program itself puts into a home."""

Say = Callable[[str], None]


def collections(home: Path) -> list[Path]:
    """The folders of the collections in a home."""
    return sorted(folder for folder in home.glob("collections/*") if collection.exists(folder))


def strangers(home: Path) -> list[str]:
    """What lies in a home and is not the program's: reports, for example. It is never encrypted."""
    return sorted(path.name for path in home.iterdir() if path.name not in _OWN)


def holds_anything(home: Path) -> bool:
    """Whether there is anything in a home that would have to be encrypted."""
    return bool(collections(home)) or Ledger(home / "record").exists() or (home / TYPED).exists()


def check(home: Path, key: Key | None) -> None:
    """Raise IndexDamaged or RecordDamaged where a home holds what could not be converted: before anything is."""
    for folder in collections(home):
        collection.open_catalog(folder, lambda _: None, key).close()
    if found := Ledger(home / "record", key).problems():
        raise RecordDamaged(
            f"{found[0].what} `rag record verify` tells all that is wrong; move {home / 'record'} elsewhere, and run "
            "the command again."
        )


def convert(home: Path, before: Key | None, after: Key | None, say: Say = lambda _: None) -> None:
    """Encrypt all that `home` holds by `after` instead of `before`; None: in plain.

    Raises:
        IndexDamaged, RecordDamaged: something is not what was written there; it is as it was.
        StorageError: the disk refuses.
    """
    try:
        for folder in collections(home):
            say(f"Collection {folder.name} …")
            with write_lock(folder):
                _convert_collection(folder, before, after)
        say("Record …")
        ledger = Ledger(home / "record", before)
        if ledger.exists():
            ledger.encrypt(after)
        for path in _files(home):
            _convert_file(path, before, after)
    except OSError as error:
        raise _refused(home, error) from error
    except database.errors() as error:
        raise _refused(home, error) from error


def _refused(home: Path, error: BaseException) -> StorageError:
    return StorageError(
        f"{home} cannot be written ({error}); free some space or check its permissions, and run the command again. "
        "Nothing is lost."
    )


def _convert_collection(folder: Path, before: Key | None, after: Key | None) -> None:
    collection.take_over(folder)
    if database.is_plain(folder / seal.CATALOG) != (after is None):
        collection.open_catalog(folder, lambda _: None, before).close()  # finishes what was cut off, refuses damage
        with collection.replacing(folder) as aside:
            aside.mkdir(mode=0o700)
            database.copy(folder / seal.CATALOG, before, aside / seal.CATALOG, after)
            with collection.changing(aside, key=after):
                pass  # it has no seal: everything in it is checked, and sealed
    if after is not None:
        discard(folder)
    for part in folder.glob("*.new"):  # written aside by a process that was killed
        part.unlink()


def _files(home: Path) -> Iterator[Path]:
    """Files that are encrypted whole and have nobody else to see to them."""
    yield home / TYPED
    yield from home.glob(f"collections/*/{last.NAME}")


def _convert_file(path: Path, before: Key | None, after: Key | None) -> None:
    for part in path.parent.glob(f"{path.name}.*"):  # as above
        part.unlink()
    if not path.exists() or is_encrypted(path) == (after is not None):
        return
    data = encoded(after, decoded(before, path.read_bytes(), ABOUT[path.name]), ABOUT[path.name])
    aside = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    seal.sync(aside)
    aside.replace(path)
    seal.sync(path.parent)
