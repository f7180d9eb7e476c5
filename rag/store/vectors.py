"""The one door to Chroma: a vector index over the catalog, rebuildable from it, and told of changes by its journal.

Chroma holds neither text nor whole vectors, but each vector's coarse form: its 64 strongest directions of 384, as the
collection itself has them (principal components). It names candidates; their true similarity is computed from the
catalog. That makes the index a quarter as large and several times as fast to build. Measured on 7,000 regulatory
passages and 600 questions: 200 candidates hold 99.8 % of the true 10 nearest (64 directions), 99.4 % (48), 97.6 % (32).
"""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ingest.errors import IndexDamaged
from rag.store.catalog import Catalog

T = TypeVar("T")

NAME = "chunks"
FOLDER, COARSE = "chroma", "coarse.npz"  # what the index consists of, below the collection's folder
DIRECTIONS = 64  # of a coarse vector
BATCH = 1000  # vectors told to Chroma at a time; its limit is 5,461
REFIT = 2  # the directions are chosen anew when the collection has grown so many times since
GRAPH = 2  # vectors, or changes, for which Chroma writes its graph; it takes no smaller number
# sync_threshold: what is not yet in the graph lies in a queue that is larger than the graph itself, and a graph that
# was never written is made anew at each opening, padded with whatever the process has in memory.
# max_neighbors: of 200 candidates 8 cost .001 of the recall that 16 have, and spare a sixth of the graph.
HNSW = {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 8, "sync_threshold": GRAPH}
_TENANT, _DATABASE = "default_tenant", "default_database"  # Chroma's names for what nobody divides
_SAME = 1e-3  # cosines differ less by rounding alone: float32 here, int8 in the catalog
_PAGE = 1024  # bytes of a page of it; it has forty tables and indices, most of them empty, and each takes a page


@dataclass(frozen=True, slots=True)
class Coarse:
    """The strongest directions of a collection's vectors."""

    directions: NDArray[np.float32]  # (dim, DIRECTIONS), orthonormal columns
    fitted: int  # how many vectors they were chosen from

    def of(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Coarse vectors `(n, DIRECTIONS)`, unit rows, of `vectors` `(n, dim)`."""
        projected = vectors @ self.directions
        unit: NDArray[np.float32] = projected / np.maximum(np.linalg.norm(projected, axis=1, keepdims=True), 1e-12)
        return unit


@dataclass(frozen=True, slots=True)
class Canary:
    """A query whose true answer is known: ten coarse vectors lie within `radius` (a cosine) of this chunk's own."""

    chunk: int
    radius: float

    NEAR = 10
    FOUND = 8  # of the ten; an approximate index may miss some


class VectorIndex:
    """Chroma's index of one collection."""

    def __init__(self, folder: Path, *, to_ask: bool = False) -> None:
        """Open the index in `folder`; make it where there are directions and no index yet.

        Args:
            to_ask: it is only asked (`count`, `candidates`), and made by nobody where it is missing.

        Raises:
            IndexDamaged: Chroma cannot read it, or its directions are missing.
        """
        self.coarse = _load(folder)
        try:
            self._engine = _Engine(folder / FOLDER, make=not to_ask)
        except Exception as error:  # Chroma raises many unrelated types for a broken folder
            raise _damaged(folder, error) from error
        self.folder = folder
        self._held: int | None = None  # how many vectors; Chroma takes 2 ms to count 100,000

    def close(self) -> None:
        """Give the folder back."""
        self._engine.close()

    def count(self) -> int:
        """How many vectors the index holds."""
        if self._held is None:
            self._held = self._asked(self._engine.count)
        return self._held

    def add(self, ids: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Add or replace; row i of `vectors` `(n, dim)` belongs to chunk `ids[i]`."""
        coarse = self.coarse.of(vectors)
        self._held = None
        self._asked(partial(self._engine.upsert, [str(chunk) for chunk in ids], coarse))

    def remove(self, ids: Sequence[int]) -> None:
        """Take chunks out; ids that are not there are no error."""
        self._held = None
        self._asked(partial(self._engine.delete, [str(chunk) for chunk in ids]))

    def candidates(self, vector: NDArray[np.float32], limit: int) -> dict[int, float]:
        """The at most `limit` chunks whose coarse vectors are nearest to that of `vector` `(dim,)`, with its cosine.

        The cosine is one of coarse vectors (-1..1, higher is nearer): good to choose by, not to rank by.
        """
        limit = min(limit, self.count())
        if limit == 0:
            return {}
        coarse = self.coarse.of(vector[None, :])
        return {
            int(chunk): 1.0 - distance for chunk, distance in self._asked(partial(self._engine.query, coarse, limit))
        }

    def vectors(self) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """`(ids, coarse vectors)` of everything in the index, some thousand at a time."""
        for first in range(0, self.count(), BATCH):
            ids, vectors = self._asked(partial(self._engine.get, first))
            yield [int(chunk) for chunk in ids], np.asarray(vectors, dtype=np.float32)

    def _asked(self, call: Callable[[], T]) -> T:
        """What the engine returns."""
        try:
            return call()
        except Exception as error:  # as above: a damaged file shows only when it is used
            raise _damaged(self.folder, error) from error


class _Engine:
    """Chroma's engine without the Python client around it, whose import takes 0.8 s and a query 0.03 s.

    The calls are those that the client of the pinned version makes (`chromadb/api/rust.py`), and it opens what they
    have made.
    """

    _bindings: Any

    def __init__(self, folder: Path, *, make: bool) -> None:
        """Open the collection in `folder`; `make` it where it is missing."""
        import chromadb_rust_bindings as rust  # late: 0.03 s

        if make:
            folder.mkdir(parents=True, exist_ok=True)
        database = rust.SqliteDBConfig(
            hash_type=rust.MigrationHash.MD5,
            migration_mode=rust.MigrationMode.Apply if make else rust.MigrationMode.Validate,
            url=str(folder / "chroma.sqlite3"),
        )
        self._bindings = rust.Bindings(
            allow_reset=False, sqlite_db_config=database, persist_path=str(folder), hnsw_cache_size=1
        )
        if make:
            # "legacy": vectors are given, never made by Chroma.
            how = json.dumps({"hnsw": HNSW, "spann": None, "embedding_function": {"type": "legacy"}})
            found = self._bindings.create_collection(NAME, how, None, None, True, _TENANT, _DATABASE)
        else:
            found = self._bindings.get_collection(NAME, _TENANT, _DATABASE)
        self._id = str(found.id)

    def close(self) -> None:
        """Give the folder back."""
        self._bindings = None

    def count(self) -> int:
        """How many vectors there are."""
        return int(self._bindings.count(self._id, _TENANT, _DATABASE))

    def query(self, coarse: NDArray[np.float32], limit: int) -> list[tuple[str, float]]:
        """Ids and distances of the nearest to one vector `(1, DIRECTIONS)`."""
        found = self._bindings.query(self._id, None, coarse, limit, None, None, ["distances"], _TENANT, _DATABASE)
        return list(zip(found.ids[0], found.distances[0], strict=True))

    def get(self, first: int) -> tuple[list[str], list[list[float]]]:
        """Ids and vectors of BATCH, from the `first`."""
        found = self._bindings.get(self._id, None, None, BATCH, first, None, ["embeddings"], _TENANT, _DATABASE)
        return found.ids, found.embeddings

    def upsert(self, ids: list[str], coarse: NDArray[np.float32]) -> None:
        """Add or replace."""
        self._bindings.upsert(self._id, ids, coarse, None, None, None, _TENANT, _DATABASE)

    def delete(self, ids: list[str]) -> None:
        """Take out."""
        self._bindings.delete(self._id, ids, None, None, None, _TENANT, _DATABASE)


def prepare() -> None:
    """Import Chroma's engine before it is needed; nothing is opened by that."""
    import chromadb_rust_bindings  # noqa: F401


def update(catalog: Catalog, folder: Path, tick: Callable[[int], None] = lambda _: None) -> None:
    """Tell the index what the catalog's journal says it does not know yet. Safe to repeat after any interruption.

    Args:
        tick: told how many vectors were handed over since it was last called.
    """
    size = catalog.vectors_size()
    if not (folder / COARSE).is_file() or size >= REFIT * _load(folder).fitted:
        rebuild(catalog, folder, tick)
        return
    with closing(VectorIndex(folder)) as index:
        _tell(catalog, index, tick)
    _tidy(folder)


def rebuild(catalog: Catalog, folder: Path, tick: Callable[[int], None] = lambda _: None) -> None:
    """Throw the index away and build it anew from the catalog. No `VectorIndex` of the folder may be open."""
    discard(folder)
    catalog.owe_everything()
    _choose(catalog, folder)
    with closing(VectorIndex(folder)) as index:
        _tell(catalog, index, tick)
    _tidy(folder)


def discard(folder: Path) -> None:
    """Delete the vector index in `folder`."""
    if (folder / FOLDER).exists():
        shutil.rmtree(folder / FOLDER)
    (folder / COARSE).unlink(missing_ok=True)


def disagreement(catalog: Catalog, folder: Path) -> str:
    """Why the index does not hold exactly the catalog's vectors, in words; "" if it does. Reads all of it."""
    with closing(VectorIndex(folder)) as index:
        held = dict.fromkeys(chunk for ids, _ in index.vectors() for chunk in ids)
        kept = [chunk for ids, _ in catalog.all_vectors() for chunk in ids.tolist()]
        if held.keys() != set(kept):
            return f"it holds {len(held)} vectors, the catalog {len(kept)}"
        for ids, vectors in index.vectors():
            true = catalog.vectors(ids)
            coarse = index.coarse.of(np.stack([true[chunk] for chunk in ids]))
            if different := int((np.einsum("ij,ij->i", coarse, vectors) < 1 - _SAME).sum()):
                return f"{different} of its vectors are not the catalog's"
    return ""


def canaries(catalog: Catalog, folder: Path, number: int = 5) -> list[Canary]:
    """Queries for `hears`, their answers computed from the catalog alone."""
    coarse = _load(folder)
    parts = [(ids, coarse.of(vectors)) for ids, vectors in catalog.all_vectors()]
    if not parts:
        return []
    ids, vectors = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    chosen = np.unique(np.linspace(0, len(ids) - 1, number).astype(int))
    near = min(Canary.NEAR, len(ids))
    cosines = -np.partition(-(vectors[chosen] @ vectors.T), near - 1, axis=1)[:, near - 1]
    return [Canary(int(ids[place]), float(cosine)) for place, cosine in zip(chosen, cosines, strict=True)]


def hears(catalog: Catalog, index: VectorIndex, canary: Canary) -> bool:
    """Whether the index finds what is known to be near the canary."""
    vectors = catalog.vectors([canary.chunk])
    if canary.chunk not in vectors:
        return False
    near = index.candidates(vectors[canary.chunk], 5 * Canary.NEAR)
    within = sum(cosine >= canary.radius - _SAME for cosine in near.values())
    return within >= min(Canary.FOUND, catalog.vectors_size())


def _tell(catalog: Catalog, index: VectorIndex, tick: Callable[[int], None]) -> None:
    added, gone = catalog.owed()
    for first in range(0, len(gone), BATCH):
        part = gone[first : first + BATCH]
        index.remove(part)
        catalog.settle(part)
    for first in range(0, len(added), BATCH):
        part = added[first : first + BATCH]
        vectors = catalog.vectors(part)
        index.add(part, np.stack([vectors[chunk] for chunk in part]))
        catalog.settle(part)
        tick(len(part))


def _choose(catalog: Catalog, folder: Path) -> None:
    """Write the directions in which the catalog's vectors differ most: the eigenvectors of their second moments."""
    moments: NDArray[np.float64] | None = None
    fitted = 0
    for ids, vectors in catalog.all_vectors():
        moments = vectors.T.astype(np.float64) @ vectors + (0.0 if moments is None else moments)
        fitted += len(ids)
    directions = np.zeros((0, 0)) if moments is None else np.linalg.eigh(moments)[1][:, ::-1][:, :DIRECTIONS]
    # Made aside and moved into place: the index cannot be read by half of its directions.
    aside = folder / f"{COARSE}.new"
    scale = np.abs(directions).max(axis=0, initial=1e-12)
    with aside.open("wb") as file:
        np.savez(file, directions=np.rint(directions / scale * 127).astype(np.int8), fitted=fitted)
    aside.replace(folder / COARSE)


def _load(folder: Path) -> Coarse:
    try:
        with np.load(folder / COARSE) as kept:
            directions = kept["directions"].astype(np.float32)
            return Coarse(directions / np.maximum(np.linalg.norm(directions, axis=0), 1e-12), int(kept["fitted"]))
    except Exception as error:  # numpy and zipfile raise many unrelated types for a broken file
        raise _damaged(folder, error) from error


def _tidy(folder: Path) -> None:
    """Leave nothing that Chroma would change when it is only opened. The client must be closed.

    Each opening adds a row to `acquire_write`. Where the database has free pages, that table grows into them, and the
    seal would take it for damage; where it has none, it grows behind the last page.
    """
    for graph in (folder / FOLDER).iterdir():
        if graph.is_dir() and not (graph / "index_metadata.pickle").exists():  # never written, see HNSW
            shutil.rmtree(graph)
    with closing(sqlite3.connect(folder / FOLDER / "chroma.sqlite3", isolation_level=None)) as database:
        database.execute("DELETE FROM acquire_write")
        if database.execute("PRAGMA freelist_count").fetchone()[0]:
            database.execute("PRAGMA temp_store = MEMORY")
            database.execute(f"PRAGMA page_size = {_PAGE}")
            database.execute("VACUUM")


def _damaged(folder: Path, error: Exception) -> IndexDamaged:
    return IndexDamaged(f"The vector index in {folder} cannot be read ({error}); run `rag verify --repair`.")
