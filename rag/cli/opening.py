"""Opens what commands work on, and refuses what does not fit together. Heavy modules are imported here, on demand."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ingest.errors import NothingFound, UsageError
from rag.config import Settings
from rag.term import one_line, say

if TYPE_CHECKING:
    from rag.answer import Answerer, Course
    from rag.filters import Filter
    from rag.models.embed import TextEmbedder
    from rag.record.recorder import Recorder
    from rag.retrieve import Retriever
    from rag.store.catalog import Catalog
    from rag.types import Answer, Generator


def open_catalog(settings: Settings) -> Catalog:
    """The collection's catalog, checked. Raises NothingFound if nothing was ingested yet."""
    from rag.store import collection

    if not collection.exists(settings.index):
        raise NothingFound(
            f"There is no index named {settings.collection!r} in {settings.home} yet; run `rag ingest FOLDER` first."
        )
    return collection.open_catalog(settings.index, say)


def open_embedder(settings: Settings, *, bulk: bool = False) -> TextEmbedder:
    """The embedding model of the settings; on a graphics processor where there is one and the work is `bulk`."""
    from rag.models.embed import load_embedder

    return load_embedder(settings.models, settings.embedding_model, say, bulk=bulk)


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


def open_retriever(settings: Settings, catalog: Catalog, *, read: bool = True) -> Retriever:
    """Catalog, vector index, embedder and (unless not to `read`) reader, checked against each other and up to date."""
    from rag.models.reader import load_reader
    from rag.retrieve import Retriever
    from rag.store.collection import open_index

    if not catalog.size():
        raise NothingFound(
            f"The index {settings.collection!r} holds no text; see `rag status`, and ingest a folder with documents."
        )
    embedder = open_embedder(settings)
    check_identity(catalog, embedder)
    waiting = catalog.size() - catalog.vectors_size()
    if waiting:
        say(
            f"{waiting:,} of {catalog.size():,} passages wait for their vectors and are found by their words only; "
            "`rag ingest` gives them theirs."
        )
    reader = load_reader(settings.reader_model, settings.models) if read else None
    return Retriever(catalog, open_index(catalog, settings.index, say), embedder, reader)


def open_recorder(settings: Settings) -> Recorder:
    """What writes into the record, or does not, where the settings say so."""
    from rag.record.ledger import Ledger
    from rag.record.recorder import Recorder

    return Recorder(Ledger(settings.ledger) if settings.record else None, settings.record_days)


def open_answerer(settings: Settings, only: Filter, *, read: bool, write: bool) -> Answerer:
    """What answers questions from what `only` lets through, and records it.

    Args:
        write: with the language model, which begins to load.
    """
    from rag.answer import Answerer
    from rag.record.notes import of_answer

    catalog = open_catalog(settings)
    say_filtered(catalog, only)
    # The language model loads beside the retrieval; both need about half a second.
    load = start_generator(settings) if write else None
    answerer = Answerer(open_retriever(settings, catalog, read=read), load, settings.answer_threshold)
    recorder = open_recorder(settings)

    def record(answer: Answer, course: Course, only: Filter) -> Answer:
        if settings.hosts and not course.sent:
            nothing = f"Nothing was sent to {' or '.join(settings.hosts)}, which config.toml allows."
            answer = replace(answer, warnings=(*answer.warnings, nothing))
        failure = recorder.write(lambda: of_answer(answer, course, only, answerer, settings.index))
        return replace(answer, warnings=(*answer.warnings, failure)) if failure else answer

    answerer.witness = record
    return answerer


def parse_filter(path: str | None, section: str | None, types: str | None, since: str | None) -> Filter:
    """The filter of a command's options. Raises UsageError for a type or a date that is none."""
    from rag.filters import parse

    return parse(path, section, types, since, datetime.now(UTC).astimezone().date())


def say_filtered(catalog: Catalog, only: Filter) -> None:
    """Tell the user where a filter leaves nothing, or files whose date is not known."""
    from rag.filters import explain, select

    if only:
        for line in explain(select(catalog, only)):
            say(line)


def say_mended(retriever: Retriever, question: str) -> None:
    """Tell the user which words of a question were taken for misspelled ones."""
    for line in retriever.wording(question).notes:
        say(one_line(line))


def start_generator(settings: Settings) -> Callable[[], Generator]:
    """Begin to load the language model beside other work; the result waits for it and raises what loading raised."""
    if (remote := settings.remote) is not None:
        from rag.models.remote import RemoteGenerator

        generator = RemoteGenerator(remote)
        say(one_line(f"Words are those of {generator.name}: what it words is sent there, as config.toml allows."))
        return lambda: generator
    from rag.models.llama import load_generator

    pool = ThreadPoolExecutor(1)
    future: Future[Generator] = pool.submit(load_generator, settings.models, settings.language_model, say)
    pool.shutdown(wait=False)
    return future.result
