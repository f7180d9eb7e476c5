"""The one door to Chroma: a vector index over the catalog, rebuildable from it, and told of changes by its journal.

Text is not stored here. The index holds a chunk's id and its vector, and a stamp that says what it was built from.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import IndexDamaged
from rag.store.catalog import Catalog

NAME = "chunks"
BATCH = 1000  # vectors told to Chroma at a time; its limit is 5,461
# A denser graph and a wider search than Chroma's defaults, for recall; chosen, not measured yet.
HNSW = {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 24}


class VectorIndex:
    """Chroma's index of one collection."""

    def __init__(self, folder: Path) -> None:
        """Open, or make, the index in `folder`. Raises IndexDamaged where Chroma cannot read it."""
        import chromadb  # late: 0.5 s
        from chromadb.config import Settings

        self.folder = folder
        self._client: Any = None
        try:
            self._client = chromadb.PersistentClient(
                str(folder / "chroma"), settings=Settings(anonymized_telemetry=False)
            )
            self._collection = self._client.get_or_create_collection(
                NAME, embedding_function=None, configuration={"hnsw": HNSW}
            )
        except Exception as error:  # Chroma raises many unrelated types for a broken folder
            self.close()
            # What failed to start stays in Chroma's cache, and would be handed out for the rebuilt folder too.
            chromadb.api.client.SharedSystemClient.clear_system_cache()
            raise IndexDamaged(
                f"The vector index in {folder} cannot be opened ({error}); run `rag verify --repair`."
            ) from error

    def close(self) -> None:
        """Give the folder back. Chroma keeps an open folder's state for the process, even when the folder is gone."""
        if self._client is not None:
            self._client.close()

    def count(self) -> int:
        """How many vectors the index holds."""
        return int(self._collection.count())

    def add(self, ids: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Add or replace; row i of `vectors` `(n, dim)` belongs to chunk `ids[i]`."""
        self._collection.upsert(ids=[str(chunk) for chunk in ids], embeddings=vectors)

    def remove(self, ids: Sequence[int]) -> None:
        """Take chunks out; ids that are not there are no error."""
        self._collection.delete(ids=[str(chunk) for chunk in ids])

    def nearest(self, vector: NDArray[np.float32], limit: int, only: set[int] | None = None) -> dict[int, float]:
        """Cosine (-1..1, higher is nearer) of the chunks nearest to `vector` `(dim,)`, at most `limit` of them."""
        limit = min(limit, self.count() if only is None else len(only))
        if limit == 0:
            return {}
        result = self._collection.query(
            query_embeddings=vector[None, :],
            ids=None if only is None else [str(chunk) for chunk in sorted(only)],
            n_results=limit,
            include=["distances"],
        )
        found = zip(result["ids"][0], (result["distances"] or [[]])[0], strict=True)
        return {int(chunk): 1.0 - distance for chunk, distance in found}


def open_index(catalog: Catalog, folder: Path) -> VectorIndex:
    """Open the index that belongs to `catalog`.

    Raises:
        IndexDamaged: it was built from another catalog, or holds another number of vectors than it should.
    """
    index = VectorIndex(folder)
    if found := _disagreement(catalog, index):
        index.close()
        raise IndexDamaged(f"{found}; run `rag verify --repair`.")
    return index


def problems(catalog: Catalog, folder: Path) -> list[str]:
    """What is wrong with the vector index, in words; empty if it agrees with the catalog."""
    try:
        index = VectorIndex(folder)
    except IndexDamaged as error:
        return [str(error)]
    found = _disagreement(catalog, index)
    index.close()
    return [f"{found}; run `rag verify --repair`."] if found else []


def _disagreement(catalog: Catalog, index: VectorIndex) -> str:
    added, gone = catalog.owed()
    if added or gone:
        return ""  # an ingestion is under way or was cut off; `catch_up` ends it
    if index.count() != catalog.size():
        return f"The vector index in {index.folder} holds {index.count()} vectors, the catalog {catalog.size()}"
    if _stamp(index.folder) != catalog.identity():
        return f"The vector index in {index.folder} was not built from the catalog beside it"
    return ""


def catch_up(catalog: Catalog, index: VectorIndex, tick: Callable[[int], None] = lambda _: None) -> None:
    """Tell the index what the catalog's journal says it does not know yet. Safe to repeat after any interruption.

    Args:
        tick: told how many vectors were handed over since it was last called.
    """
    added, gone = catalog.owed()
    if gone:
        catalog.purge()
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
    (index.folder / "stamp.json").write_text(json.dumps(catalog.identity()), encoding="utf-8")


def rebuild(catalog: Catalog, folder: Path) -> None:
    """Throw the index away and build it anew from the catalog. No `VectorIndex` of the folder may be open."""
    shutil.rmtree(folder / "chroma", ignore_errors=True)
    catalog.owe_everything()
    index = VectorIndex(folder)
    catch_up(catalog, index)
    index.close()


def discard(folder: Path) -> None:
    """Delete catalog and vector index of a collection: they are to be made anew from the documents."""
    shutil.rmtree(folder / "chroma", ignore_errors=True)
    for name in ("stamp.json", "catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"):
        (folder / name).unlink(missing_ok=True)


def replace(folder: Path, aside: Path) -> None:
    """Put the closed catalog and vector index of the folder `aside` in the place of those in `folder`."""
    discard(folder)
    for name in ("catalog.sqlite", "chroma", "stamp.json"):
        (aside / name).rename(folder / name)
    shutil.rmtree(aside)


def _stamp(folder: Path) -> dict[str, str] | None:
    try:
        stamp: dict[str, str] = json.loads((folder / "stamp.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stamp
