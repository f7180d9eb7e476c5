"""The seal of a collection: what every file of it was when it was last changed as it should be.

A seal is written when a change is complete and broken before the next one begins. So a collection is in one of three
states: sealed and every file as the seal says (it can be trusted), sealed and a file differs (it was damaged, or
changed by something else), or without a seal (a change is under way, or was cut off).

SQLite and Chroma keep no checksums of what they store: a flipped bit in a page's text would become a flipped letter in
an exact quotation, and half a vector file made half of all answers wrong without a word. In an encrypted home the seal
is encrypted too, since it names folders; what it seals there are the encrypted bytes.
"""

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingest.errors import StorageError
from rag.store.vectors import COARSE, FOLDER, Canary
from rag.vault.cipher import Key, decoded, encoded

NAME = "seal.json"
CATALOG = "catalog.sqlite"
_CHROMA = f"{FOLDER}/chroma.sqlite3"
ABOUT = "seal"
_READ = 1 << 20  # bytes
# Bytes of SQLite's header that count changes and pages (https://sqlite.org/fileformat2.html#the_database_header).
_COUNTERS = (slice(24, 32), slice(92, 100))


@dataclass(frozen=True, slots=True)
class FileSeal:
    """What a file must be."""

    size: int  # bytes; a file that Chroma's own opening may lengthen is read up to here
    sha256: str
    without: int = 0  # number of a database page (1-based) that is not looked at; 0 for none


@dataclass(frozen=True, slots=True)
class Seal:
    """What a collection must be, and what it takes to make it anew should it be lost."""

    files: Mapping[str, FileSeal]  # by path below the collection's folder
    canaries: Sequence[Canary]
    roots: Sequence[str]
    identity: Mapping[str, str]


def write(
    folder: Path,
    canaries: Sequence[Canary],
    roots: Sequence[str],
    identity: Mapping[str, str],
    key: Key | None = None,
) -> None:
    """Seal the collection in `folder`. Everything must be on disk: logs emptied, the vector index closed."""
    paths = [folder / CATALOG]
    if key is None:  # else there is no vector index
        paths += [folder / COARSE, *sorted(path for path in (folder / FOLDER).rglob("*") if path.is_file())]
    for path in paths:
        sync(path)
    names = [path.relative_to(folder).as_posix() for path in paths]
    files = {name: _seal_of(folder, name) for name in names if not name.endswith(("-journal", "-wal", "-shm"))}
    seal = Seal(files, canaries, roots, identity)
    fields = asdict(seal)
    aside = folder / f"{NAME}.new"
    text = json.dumps(fields | {"sha256": _own(fields)}, indent=1) + "\n"
    aside.write_bytes(encoded(key, text.encode(), ABOUT))
    sync(aside)
    aside.replace(folder / NAME)
    sync(folder)


def remove(folder: Path) -> None:
    """Break the seal: what follows is a change. On disk before this returns."""
    if (folder / NAME).exists():
        try:
            (folder / NAME).unlink()
        except OSError as error:
            raise StorageError(
                f"{folder} cannot be written ({error.strerror}); check its permissions or choose another home with "
                "--home DIR."
            ) from error
        sync(folder)


def read(folder: Path, key: Key | None = None) -> Seal | None:
    """The seal of the collection in `folder`; None where there is none. An unreadable one differs from any file."""
    try:
        text = decoded(key, (folder / NAME).read_bytes(), ABOUT).decode()
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return _UNREADABLE
    try:
        fields = json.loads(text)
        if fields.pop("sha256") != _own(fields):
            return _UNREADABLE
        return Seal(
            {name: FileSeal(**entry) for name, entry in fields["files"].items()},
            tuple(Canary(**entry) for entry in fields["canaries"]),
            tuple(fields["roots"]),
            dict(fields["identity"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return _UNREADABLE


def fingerprint(folder: Path) -> str | None:
    """SHA-256 (hex) of the seal: it stands for the state of the whole collection. None while there is no seal."""
    try:
        return hashlib.sha256((folder / NAME).read_bytes()).hexdigest()
    except OSError:
        return None


def _own(fields: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the seal itself: a flipped bit in it is no damage of what it seals."""
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


_UNREADABLE = Seal({NAME: FileSeal(0, "")}, (), (), {})


def differences(folder: Path, seal: Seal, names: Sequence[str] | None = None) -> list[str]:
    """Which of the sealed files (or of those named) are not what they must be, in words."""
    found = []
    for name in seal.files if names is None else names:
        if name not in seal.files:
            found.append(f"{folder / NAME} does not name {name}")
            continue
        try:
            find = seen.seal_of if seen is not None else _seal_of
            same = find(folder, name, seal.files[name]) == seal.files[name]
        except FileNotFoundError:
            found.append(f"{folder / name} is gone")
            continue
        except OSError as error:
            found.append(f"{folder / name} cannot be read ({error.strerror})")
            continue
        if not same:
            found.append(f"{folder / name} is not what was written there")
    return found


class Seen:
    """Files that were read whole, and how they lay on the disk then: what lies there as before need not be read again.

    A change moves a file's time of change (ctime), which no program can set back. A file that changed within the last
    SETTLED seconds is not remembered: two changes may fall into one tick of the disk's clock.
    """

    SETTLED = 2.0

    def __init__(self) -> None:
        self._seen: dict[tuple[Path, FileSeal | None], tuple[tuple[int, ...], FileSeal]] = {}

    def seal_of(self, folder: Path, name: str, known: FileSeal | None) -> FileSeal:
        """As `_seal_of`."""
        key = (folder / name, known)
        lay = self._lies(folder / name)
        before, found = self._seen.get(key, (None, None))
        if found is not None and lay == before:
            return found
        found = _seal_of(folder, name, known)
        if lay == self._lies(folder / name) and time.time() - lay[-1] / 1e9 > self.SETTLED:
            self._seen[key] = (lay, found)
        return found

    @staticmethod
    def _lies(path: Path) -> tuple[int, ...]:
        found = path.stat()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


seen: Seen | None = None
"""What this process has read already; None: nothing is remembered. A warm process looks twice at the same files."""


def _seal_of(folder: Path, name: str, known: FileSeal | None = None) -> FileSeal:
    path = folder / name
    if name == _CHROMA:
        return _chroma_seal(path, known)
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while block := file.read(_READ):
            digest.update(block)
            size += len(block)
    return FileSeal(size, digest.hexdigest())


def _chroma_seal(path: Path, known: FileSeal | None) -> FileSeal:
    """The seal of Chroma's database, less what Chroma changes whenever it is opened.

    It tries whether it may write by adding a row to the table `acquire_write`: one page, and the counters of the
    header, and in time pages behind the last one.
    """
    if known is None:
        with closing(sqlite3.connect(path)) as database:
            size = os.stat(path).st_size  # noqa: PTH116
            row = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'acquire_write'").fetchone()
        without = row[0] if row else 0
    else:
        size, without = known.size, known.without
    digest = hashlib.sha256()
    with path.open("rb") as file:
        header = bytearray(file.read(100))
        for counters in _COUNTERS:
            header[counters] = bytes(counters.stop - counters.start)
        page = int.from_bytes(header[16:18], "big")
        page = 65536 if page == 1 else max(page, 512)  # the value 1 stands for 65,536; none is smaller than 512
        digest.update(header)
        digest.update(file.read(page - 100))
        for number in range(2, size // page + 1):
            block = file.read(page)
            if number != without:
                digest.update(block)
        return FileSeal(size if file.tell() >= size else file.tell(), digest.hexdigest(), without)


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
