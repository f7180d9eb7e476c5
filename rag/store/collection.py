"""One collection on disk: read only when it can be trusted, changed by one process at a time, mended after a cut.

sealed     every file is what the seal says: trusted
damaged    a file differs from the seal: refused, until `repair` has mended it
cut off    no seal, nobody writes: `settle` checks everything, finishes the vector index and seals
changing   no seal, another process holds the lock: what is committed can be read, the vector index cannot

Where a home is encrypted, `key` is its key, and there is no vector index: Chroma encrypts nothing, and exact search
over the catalog's vectors is fast enough.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

from ingest.errors import IndexDamaged, LockedError, NothingFound, StorageError
from rag.store import database, seal
from rag.store.catalog import Catalog
from rag.store.lock import is_locked, write_lock
from rag.store.seal import CATALOG, Seal
from rag.store.vectors import (
    COARSE,
    FOLDER,
    GRAPH,
    VectorIndex,
    canaries,
    disagreement,
    discard,
    hears,
    rebuild,
    update,
)
from rag.vault.cipher import Key

ASIDE = "rebuild"  # a folder below the collection's, where a new one is made that is to take its place
TOLD = "chroma.told"  # a file that is there while the vector index is written: cut off then, it is not even opened

Tick = Callable[[int], None]
Say = Callable[[str], None]


def _no_tick(_: int) -> None:
    pass


def exists(folder: Path) -> bool:
    """Whether anything was ever ingested here, be it damaged or gone by now."""
    return any((folder / name).exists() for name in (CATALOG, seal.NAME, f"{ASIDE}/{seal.NAME}"))


def open_catalog(folder: Path, say: Say, key: Key | None = None) -> Catalog:
    """The catalog in `folder`, checked against its seal; what a cut-off ingestion left is finished first.

    Raises:
        NothingFound: there is none.
        IndexDamaged: it is not what was written there.
    """
    if not exists(folder):
        raise NothingFound(f"There is no index in {folder}.")
    found = _found(folder, say, [CATALOG], key)
    if found:
        raise _damaged(found)
    return Catalog(folder / CATALOG, key=key)


def open_index(catalog: Catalog, folder: Path, say: Say, key: Key | None = None) -> VectorIndex | None:
    """The vector index that belongs to the catalog; None where it cannot be used now, and `say` is told why.

    Raises IndexDamaged where it is not what was written there, or does not find what it must.
    """
    sealed = seal.read(folder, key)
    if sealed is None:
        say("The index is being written just now; this searches what is in it so far.")
        return None
    if key is not None:
        return None
    found = _found(folder, say, [name for name in sealed.files if name != CATALOG], key)
    if found:
        raise _damaged(found)
    if not _writable(folder):
        say(f"{folder} cannot be written, and Chroma opens no such folder: comparing with every passage instead.")
        return None
    if catalog.vectors_size() < GRAPH:  # Chroma has written nothing, and would now
        return None
    index = VectorIndex(folder, to_ask=True)
    deaf = sum(not hears(catalog, index, canary) for canary in sealed.canaries)
    if deaf:
        index.close()
        raise _damaged([f"The vector index in {folder} misses {deaf} of {len(sealed.canaries)} known neighbours"])
    return index


@contextmanager
def changing(folder: Path, tick: Tick = _no_tick, key: Key | None = None) -> Iterator[Catalog]:
    """The catalog in `folder` to be changed; afterwards the vector index is told, and the collection sealed.

    The caller holds the lock. Where nothing was changed nothing is written. Where the body raises, what it has
    committed is kept, and the next opening settles it.

    Raises:
        IndexDamaged: what is there cannot be trusted; nothing was changed.
    """
    take_over(folder)
    sealed = seal.read(folder, key)
    if sealed is not None and (found := seal.differences(folder, sealed)):
        raise _damaged(found)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    cut_off = sealed is None and exists(folder)
    if not (folder / CATALOG).exists():
        discard(folder)  # the index of a catalog that somebody has deleted
    before_writing = partial(seal.remove, folder)
    with closing(Catalog(folder / CATALOG, create=True, before_writing=before_writing, key=key)) as catalog:
        if cut_off and (found := catalog.problems()):
            raise IndexDamaged(" ".join(found))
        yield catalog
        if seal.read(folder, key) is None:
            settle(catalog, folder, tick, trusted=not cut_off, key=key)


def settle(
    catalog: Catalog, folder: Path, tick: Tick = _no_tick, *, trusted: bool = True, key: Key | None = None
) -> None:
    """Finish a change: tell the vector index, empty the logs, seal.

    Args:
        trusted: whether the vector index was sound before the change; else it is compared with the catalog whole, and
            built anew where they differ.

    Raises:
        StorageError: the disk refuses.
    """
    try:
        if key is None:
            _tell(catalog, folder, tick, trusted=trusted)
        else:
            catalog.settle([chunk for owed in catalog.owed() for chunk in owed])  # there is nobody to be told
        catalog.compact()
        catalog.vacuum()
        catalog.checkpoint()
        known = canaries(catalog, folder) if key is None else []
        seal.write(folder, known, catalog.roots(), catalog.identity(), key)
        (folder / TOLD).unlink(missing_ok=True)
    except (OSError, sqlite3.OperationalError) as error:
        raise StorageError(
            f"{folder} cannot be written ({error}); free some space or check its permissions, and run the "
            "command again. What was indexed is kept."
        ) from error


def _tell(catalog: Catalog, folder: Path, tick: Tick, *, trusted: bool) -> None:
    """Bring the vector index up to date; anew where it cannot be relied on."""
    # Chroma writes its files in place, and reading half of them can end the process: they are made anew.
    sound = not (folder / TOLD).exists()
    if sound:
        (folder / TOLD).touch()
        try:
            update(catalog, folder, tick)
            sound = trusted or not disagreement(catalog, folder)
        except IndexDamaged:
            sound = False
    if not sound:
        rebuild(catalog, folder, tick)


def problems(folder: Path, key: Key | None = None) -> list[str]:
    """Everything that is wrong with the collection, in words; empty if it is sound. Reads all of it.

    What a cut-off change left is settled first. Raises LockedError where another process is changing it.
    """
    try:
        _found(folder, lambda _: None, [], key)
    except IndexDamaged as error:
        return [str(error)]
    sealed = seal.read(folder, key)
    if sealed is None and is_locked(folder):
        raise LockedError(f"{folder} is being changed by another process; wait until it has finished and try again.")
    found = [] if sealed is None else seal.differences(folder, sealed)
    if any(CATALOG in line for line in found):
        return found  # nothing that its pages say about themselves can be relied on
    if not (folder / CATALOG).exists():
        return [*found, f"{folder / CATALOG} is gone"]
    try:
        with closing(Catalog(folder / CATALOG, key=key)) as catalog:
            found += catalog.problems()
            if not found and key is None and (different := disagreement(catalog, folder)):
                found.append(f"The vector index in {folder} is not the catalog's: {different}")
    except IndexDamaged as error:
        found.append(str(error))
    return found


def mend_index(folder: Path, tick: Tick = _no_tick, key: Key | None = None) -> bool:
    """Build the vector index anew from the catalog and seal; False where the catalog itself cannot be trusted.

    The caller holds the lock.
    """
    sealed = seal.read(folder, key)
    if sealed is not None and seal.NAME not in sealed.files and seal.differences(folder, sealed, [CATALOG]):
        return False
    try:
        with closing(Catalog(folder / CATALOG, before_writing=partial(seal.remove, folder), key=key)) as catalog:
            if catalog.problems():
                return False
            discard(folder)
            settle(catalog, folder, tick, key=key)
    except IndexDamaged:
        return False
    return True


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """An empty folder for a new collection, which takes the place of the one in `folder` if the body succeeds.

    The body seals the new one, by `changing`. The caller holds the lock. The old one stays as it is until then.
    """
    aside = folder / ASIDE
    shutil.rmtree(aside, ignore_errors=True)
    yield aside
    take_over(folder)


def take_over(folder: Path) -> None:
    """Move a finished new collection into its place. Repeated after an interruption, it ends what was begun."""
    aside = folder / ASIDE
    if not (aside / seal.NAME).exists():
        shutil.rmtree(aside, ignore_errors=True)  # one that was never finished
        return
    seal.remove(folder)
    for name in (COARSE, FOLDER, CATALOG):
        if (aside / name).exists():
            for old in (folder / name, folder / f"{name}-wal", folder / f"{name}-shm"):
                shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
            (aside / name).rename(folder / name)
    # The seal last: as long as it lies aside, this has to be done again.
    (aside / seal.NAME).rename(folder / seal.NAME)
    shutil.rmtree(aside)


def roots(folder: Path, key: Key | None = None) -> list[str]:
    """The folders that the collection was made from, as the seal or the catalog tells; empty where neither does."""
    sealed = seal.read(folder, key)
    if sealed is not None and sealed.roots:
        return list(sealed.roots)
    # Not through Catalog: one of an older format tells its folders too.
    try:
        with closing(database.connect(folder / CATALOG, "mode=ro", key)) as old:
            return [path for (path,) in old.execute("SELECT path FROM roots ORDER BY path")]
    except database.errors():
        return []


def _found(folder: Path, say: Say, names: list[str], key: Key | None) -> list[str]:
    """Which of the files called `names` differ from the seal. Settles first what was cut off."""
    sealed = seal.read(folder, key)
    if (sealed is None or (folder / ASIDE / seal.NAME).exists()) and not is_locked(folder) and _writable(folder):
        sealed = _recover(folder, say, key)
    if sealed is None:
        return []
    found = seal.differences(folder, sealed, names)
    # A writer that began while the files were read has removed or renewed the seal: that is no damage.
    return found if found and seal.read(folder, key) == sealed and not is_locked(folder) else []


def _recover(folder: Path, say: Say, key: Key | None) -> Seal | None:
    """Settle what was cut off; None where another process has begun to write meanwhile."""
    with suppress(LockedError), write_lock(folder):
        take_over(folder)
        if seal.read(folder, key) is None:
            say("The last change of this index was cut off; checking it and finishing the vector index …")
            with changing(folder, key=key):
                pass  # nothing more to change: what is left of the last change is settled
    return seal.read(folder, key)


def _writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK)


def _damaged(found: list[str]) -> IndexDamaged:
    return IndexDamaged(f"{'; '.join(found)}. Run `rag verify --repair`; the documents themselves are untouched.")
