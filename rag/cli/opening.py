"""Opens what commands work on, and refuses what does not fit together. Heavy modules are imported here, on demand."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from ingest.errors import ModelError, NothingFound, UsageError
from rag.config import Settings
from rag.term import one_line, say

if TYPE_CHECKING:
    from rag.answer import Answerer, Course
    from rag.filters import Filter
    from rag.models.adapters import Kind
    from rag.models.embed import TextEmbedder
    from rag.models.llama import Adaptation
    from rag.models.reader import Reader
    from rag.record.recorder import Recorder
    from rag.retrieve import Retriever
    from rag.store.catalog import Catalog
    from rag.tuned import Tuned
    from rag.types import Answer, Generator

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Models:
    """What answers a question: each call waits for its model and raises what loading it raised."""

    key: tuple[Path | str | None, ...]  # which ones
    embedder: Callable[[], TextEmbedder]
    reader: Callable[[], Reader]
    generator: Callable[[], Generator]
    expect_generator: Callable[[], object] = lambda: None  # begins to load it: it will probably be asked for


held: Models | None = None
"""Models that are loaded already: a warm process has them from the start."""


def models_key(settings: Settings) -> tuple[Path | str | None, ...]:
    """What decides which models the settings mean."""
    from rag.models import adapters

    def learnt(kind: Kind) -> str | None:
        return adapters.chosen(settings.adapters, settings.collection, kind)

    words = settings.remote.name if settings.remote else learnt("writer")
    named = settings.models, settings.embedding_model, settings.reader_model, settings.language_model
    return *named, learnt("reader"), words


def load_models(settings: Settings, *, read: bool = True) -> Models:
    """Begin to load the models, beside whatever the caller does next; none where there is no index.

    The language model is loaded when it is expected or asked for: many answers are quotations or refusals, which need
    none, and beside the others it would keep them from what comes first.

    Args:
        read: with the reader; else it begins to load when it is asked for.
    """
    from rag.store import collection

    if held is not None and held.key == models_key(settings):
        return held
    begin = _beside if collection.exists(settings.index) else lru_cache(maxsize=1)
    retrieving = begin(lambda: (open_embedder(settings, asks=True), open_reader(settings) if read else None))

    def reader() -> Reader:
        return retrieving()[1] or open_reader(settings)

    writing = lru_cache(maxsize=1)(lambda: start_generator(settings))
    return Models(models_key(settings), lambda: retrieving()[0], reader, lambda: writing()(), writing)


def open_catalog(settings: Settings) -> Catalog:
    """The collection's catalog, checked. Raises NothingFound if nothing was ingested yet."""
    from rag.store import collection

    if not collection.exists(settings.index):
        raise NothingFound(
            f"There is no index named {settings.collection!r} in {settings.home} yet; run `rag ingest FOLDER` first."
        )
    _opened.append(collection.open_catalog(settings.index, say, settings.key))
    return _opened[-1]


_opened: list[Catalog] = []


def close_catalogs() -> None:
    """Give back the files of all catalogs that were opened: else a program that just ends would leave SQLite's log."""
    while _opened:
        _opened.pop().close()


def open_embedder(settings: Settings, *, bulk: bool = False, asks: bool = False) -> TextEmbedder:
    """The embedding model of the settings; `bulk` and `asks` as `load_embedder` has them."""
    from rag.models.embed import load_embedder

    return load_embedder(settings.models, settings.embedding_model, say, bulk=bulk, asks=asks)


def open_reader(settings: Settings) -> Reader:
    """The reader of the settings: a folder that is named, what was learnt for the collection, or the one that ships."""
    from rag.models import adapters
    from rag.models.catalogue import READER
    from rag.models.reader import load_reader, onnx_reader

    (parent,) = READER.files.values()
    if settings.reader_model is None and (
        adapter := adapters.in_use(settings.adapters, settings.collection, "reader", parent)
    ):
        return onnx_reader(adapter.file(settings.adapters), adapter.name, adapter.sha256, settings.models)
    return load_reader(settings.reader_model, settings.models)


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


def open_retriever(
    settings: Settings, catalog: Catalog, *, read: bool = True, tuned: bool = True, models: Models | None = None
) -> Retriever:
    """Catalog, vector index, embedder and (unless not to `read`) reader, checked against each other and up to date.

    Args:
        tuned: with what was learnt for this collection, where anything was.
        models: those that load already.
    """
    from rag.retrieve import Retriever
    from rag.store.collection import open_index

    if not catalog.size() and not catalog.logs():
        raise NothingFound(
            f"The index {settings.collection!r} holds no text; see `rag status`, and ingest a folder with documents."
        )
    models = models or load_models(settings, read=read)
    index = open_index(catalog, settings.index, say, settings.key)
    embedder = models.embedder()
    check_identity(catalog, embedder)
    waiting = catalog.size() - catalog.vectors_size()
    if waiting:
        say(
            f"{waiting:,} of {catalog.size():,} passages wait for their vectors and are found by their words only; "
            "`rag ingest` gives them theirs."
        )
    reader = models.reader() if read else None
    learnt = _tuned(settings, embedder, reader) if tuned else None
    return Retriever(catalog, index, embedder, reader, learnt)


def _tuned(settings: Settings, embedder: TextEmbedder, reader: Reader | None) -> Tuned | None:
    """What was learnt for the collection's search, checked against the models that it belongs to."""
    from rag.models import adapters
    from rag.tuned import read

    adapter = adapters.in_use(settings.adapters, settings.collection, "search", embedder.sha256)
    if adapter is None:
        return None
    found = read(adapter.file(settings.adapters), adapter.name, adapter.sha256)
    if reader is not None and reader.sha256 != found.reader_sha256:
        raise ModelError(
            f"The adapter {adapter.name!r} was learnt with another reader than {reader.name}; tune again, or switch it "
            f"off: `rag tune use none --kind search --collection {settings.collection}`."
        )
    return found


def open_recorder(settings: Settings) -> Recorder:
    """What writes into the record, or does not, where the settings say so."""
    from rag.record.ledger import Ledger
    from rag.record.recorder import Recorder

    return Recorder(Ledger(settings.ledger, settings.key) if settings.record else None, settings.record_days)


def open_answerer(
    settings: Settings, only: Filter, *, read: bool, write: bool, models: Models | None = None
) -> Answerer:
    """What answers questions from what `only` lets through, and records it.

    Args:
        write: with the language model.
        models: those that load already.
    """
    from rag.answer import Answerer
    from rag.record.notes import of_answer

    catalog = open_catalog(settings)
    say_filtered(catalog, only)
    models = models or load_models(settings, read=read)
    retriever = open_retriever(settings, catalog, read=read, models=models)
    answerer = Answerer(retriever, models.generator if write else None, settings.answer_threshold)
    answerer.expect_generator = models.expect_generator
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
    return _beside(lambda: load_writer(settings))


def load_writer(settings: Settings) -> Generator:
    """What words answers: the remote model where there is one, else that of this machine, with what it has learnt."""
    if (remote := settings.remote) is not None:
        from rag.models.remote import RemoteGenerator

        generator = RemoteGenerator(remote)
        say(one_line(f"Words are those of {generator.name}: what it words is sent there, as config.toml allows."))
        return generator
    from rag.models.llama import load_generator

    return load_generator(settings.models, settings.language_model, say, partial(_adaptation, settings))


def _beside(work: Callable[[], T]) -> Callable[[], T]:
    """Begin `work` in a thread of its own, for which nobody waits in vain; the result is called for its own."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future.result


def _adaptation(settings: Settings, sha256: str) -> Adaptation | None:
    """What was learnt for the collection's writer, whose weights have this hash."""
    from rag.models import adapters
    from rag.models.llama import Adaptation

    adapter = adapters.in_use(settings.adapters, settings.collection, "writer", sha256)
    return Adaptation(adapter.name, adapter.sha256, adapter.file(settings.adapters)) if adapter else None
