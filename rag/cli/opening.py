"""Opens what commands work on, and refuses what does not fit together. Heavy modules are imported here, on demand."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from ingest.errors import NothingFound, UsageError
from rag.config import Settings
from rag.term import say

if TYPE_CHECKING:
    from rag.models.embed import TextEmbedder
    from rag.retrieve import Retriever
    from rag.store.catalog import Catalog
    from rag.types import Generator


def open_catalog(settings: Settings) -> Catalog:
    """The collection's catalog. Raises NothingFound if nothing was ingested yet."""
    from rag.store.catalog import Catalog

    path = settings.index / "catalog.sqlite"
    if not path.is_file():
        raise NothingFound(
            f"There is no index named {settings.collection!r} in {settings.home} yet; run `rag ingest FOLDER` first."
        )
    return Catalog(path)


def open_embedder(settings: Settings) -> TextEmbedder:
    """The embedding model of the settings."""
    from rag.models.embed import load_embedder

    return load_embedder(settings.models, settings.embedding_model, say)


def identity(embedder: TextEmbedder) -> dict[str, str]:
    """What stored chunks and vectors depend on; a collection made with another identity cannot be mixed in."""
    from ingest.chunk import VERSION

    return {"embedding_model": embedder.name, "embedding_sha256": embedder.sha256, "chunker": str(VERSION)}


def check_identity(catalog: Catalog, embedder: TextEmbedder) -> None:
    """Raise UsageError if the collection was made with another model or chunker."""
    made, now = catalog.identity(), identity(embedder)
    different = [f"{key} {made[key]} instead of {now[key]}" for key in now if key in made and made[key] != now[key]]
    if different:
        raise UsageError(
            f"This index was made with {', '.join(different)}; run `rag ingest --rebuild` to make it anew, or name the "
            "model it was made with."
        )


def open_retriever(settings: Settings, catalog: Catalog) -> Retriever:
    """Catalog, vector index and embedder, checked against each other and up to date."""
    from rag.retrieve import Retriever
    from rag.store.lock import write_lock
    from rag.store.vectors import catch_up, open_index

    if not catalog.size():
        raise NothingFound(
            f"The index {settings.collection!r} holds no text; see `rag status`, and ingest a folder with documents."
        )
    embedder = open_embedder(settings)
    check_identity(catalog, embedder)
    index = open_index(catalog, settings.index)
    if any(catalog.owed()):
        # An ingestion was cut off between the catalog and the vector index. Finish its work first.
        with write_lock(settings.index):
            catch_up(catalog, index)
    return Retriever(catalog, index, embedder)


def start_generator(settings: Settings) -> Callable[[], Generator]:
    """Begin to load the language model beside other work; the result waits for it and raises what loading raised."""
    from rag.models.llama import load_generator

    pool = ThreadPoolExecutor(1)
    future: Future[Generator] = pool.submit(load_generator, settings.models, settings.language_model, say)
    pool.shutdown(wait=False)
    return future.result
