"""Reads files that go into no index, in worker processes as `rag ingest` does, with progress."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.errors import UsageError
from rag.term import one_line, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.types import Document, FileReport, SourceFile
    from rag.files import File

OcrOption = Annotated[
    bool, typer.Option("--ocr/--no-ocr", help="Read pages without text by OCR, 3 to 4 seconds a page.")
]
PasswordsOption = Annotated[
    Path | None,
    typer.Option("--password-file", help="A file of passwords, one a line, to try on documents that need one."),
]


def read_passwords(file: Path | None) -> tuple[str, ...]:
    """The passwords in a file, one a line; they are kept in memory only, and never shown."""
    if file is None:
        return ()
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"The password file {file} cannot be read ({reason}).") from None
    return tuple(dict.fromkeys(line for line in lines if line))


@contextmanager
def reading(
    doing: str, files: Sequence[SourceFile], password_file: Path | None, *, ocr: bool
) -> Iterator[Callable[[SourceFile], tuple[FileReport, Document | None]]]:
    """A function that reads one file of `files`; the bar advances with each that it has read."""
    from ingest.pipeline import Reading, read_file
    from ingest.sandbox import Sandbox
    from rag.cli.progress import BatchProgress
    from rag.models.network import usable_cores

    with (
        Sandbox(usable_cores(), _begin) as pool,
        BatchProgress([file.absolute for file in files], doing) as progress,
    ):
        how = Reading(pool, read_passwords(password_file), ocr)

        def read(source: SourceFile) -> tuple[FileReport, Document | None]:
            found = read_file(source, how, progress)
            progress.advance(source.absolute)
            return found

        yield read


def say_unread(files: Sequence[File]) -> None:
    """Name what of these files nobody could read, on stderr."""
    for file in files:
        if file.document is None:
            say(f"  {file.report.status} {one_line(file.path)}: {one_line(file.report.detail)}")
        elif file.unseen:
            say(f"  {one_line(file.path)}: {file.unseen}")


def _begin() -> None:
    """Prepare a reading process: the guard first, as everywhere."""
    from rag import offline

    offline.engage()
