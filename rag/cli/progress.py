"""Progress for people, on stderr: nothing at all where stderr is no terminal, so that logs stay clean."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ingest.types import FileReport
from rag.term import one_line

Row = TypeVar("Row")

NAME = 20  # characters of the file's name: the rest of the line has to fit into 80 columns


class IngestProgress:
    """A bar over the bytes to read, with pages, passages and their rate. Satisfies `ingest.pipeline.Watcher`."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[counts]}", markup=False),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = TaskID(0)
        self._pages = self._chunks = 0

    def __enter__(self) -> "IngestProgress":
        self._bar.start()
        self._task = self._bar.add_task("Looking …", total=None, counts="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def found(self, files: int, size: int) -> None:
        """So many files with so many bytes are to be looked at."""
        self._pages = self._chunks = 0
        self._bar.update(self._task, description=f"{files} files", total=max(size, 1))

    def reading(self, path: str) -> None:
        """This file is read now."""
        self._bar.update(self._task, description=one_line(path)[-NAME:])

    def recognised(self, path: str, page: int) -> None:
        """This page was read by OCR."""
        self._bar.update(self._task, description=f"{one_line(path)[-NAME:]} OCR {page}")

    def embedded(self, chunks: int) -> None:
        """So many more chunks have their vectors."""
        self._chunks += chunks
        self._count()

    def finished(self, report: FileReport, size: int) -> None:
        """This file of so many bytes is done."""
        self._pages += report.pages
        self._bar.advance(self._task, size)
        self._count()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The bar is away, so that a person can be asked something."""
        self._bar.stop()
        yield
        self._bar.start()

    def indexing(self, chunks: int) -> None:
        """The vector index is about to be told of so many chunks."""
        self._bar.update(self._task, description="Vector index", total=max(chunks, 1), completed=0)

    def indexed(self, chunks: int) -> None:
        """The vector index has been told of so many more chunks."""
        self._bar.advance(self._task, chunks)

    def _count(self) -> None:
        elapsed = self._bar.tasks[0].elapsed or 0.0
        rate = f", {self._chunks / elapsed:.0f}/s" if elapsed > 1 else ""
        self._bar.update(self._task, counts=f"{self._pages} pages, {self._chunks} passages{rate}")


class BatchProgress:
    """A bar over the bytes of many files. Satisfies `ingest.pipeline.PageWatcher`."""

    def __init__(self, paths: Sequence[Path], doing: str = "Summarising") -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[done]}/{task.fields[files]} files", markup=False),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._sizes = {path: _size(path) for path in paths}
        self._doing = doing
        self._done = self._elsewhere = self._read = 0
        self._task = TaskID(0)

    def __enter__(self) -> "BatchProgress":
        self._bar.start()
        total = max(sum(self._sizes.values()), 1)
        self._task = self._bar.add_task(self._doing, total=total, done=0, files=len(self._sizes))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def recognised(self, path: str, page: int) -> None:
        """This page was read by OCR."""
        self._bar.update(self._task, description=f"{one_line(path)[-NAME:]} OCR {page}")

    def advance(self, path: Path, *, read: bool = False) -> None:
        """This file is done. `read`: its bytes were told by `reading`."""
        self._done += 1
        self._elsewhere += 0 if read else self._sizes[path]
        completed = self._elsewhere + self._read
        self._bar.update(self._task, completed=completed, done=self._done, description=self._doing)

    def reading(self, size: int) -> None:
        """So many bytes have been read so far, of all files that are told this way."""
        self._read = size
        self._bar.update(self._task, completed=self._elsewhere + self._read)


def watched(rows: Iterable[Row], total: int) -> Iterator[Row]:
    """The rows, one for each of `total` questions, with a bar on stderr where that is a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("Asking"),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        yield from bar.track(rows, total=total)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
