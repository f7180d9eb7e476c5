"""What is done with one file in a worker process: read it, recognise a scanned page, cut it into passages.

Everything in here is called through a `Pool`, so arguments and results are plain records that can be pickled. A file's
own faults come back as a `Refusal`, not as an exception.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ingest import ocr
from ingest.chunk import chunks
from ingest.errors import ReadError
from ingest.logs.indexed import IndexedLog
from ingest.logs.indexing import index, may_be_log
from ingest.readers import read
from ingest.types import Chunk, Document, FileStatus, Source, SourceFile, Tokenizer

_HASH = 1 << 20  # bytes a read

_equipment: list[Tokenizer] = []


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file, or a page of it, gives no text."""

    status: FileStatus
    detail: str


def equip(tokenizer: Tokenizer) -> None:
    """Give this process the tokenizer that passages are measured with. Sent once, since it is large."""
    _equipment[:] = [tokenizer]


def parse(source: SourceFile, digest: str, passwords: Sequence[str]) -> Document | Refusal:
    """Read a file whose bytes have this SHA-256 (hex)."""
    try:
        document = read(source, passwords)
        if sha256(source) != digest:
            raise ReadError(FileStatus.FAILED, "changed while it was read; run the command again")
        _check_characters(document)
    except ReadError as error:
        return Refusal(error.status, error.detail)
    return document


def recognise(source: SourceFile, page: int, passwords: Sequence[str]) -> str | Refusal:
    """The text in the image of a page, by OCR."""
    try:
        with source.absolute.open("rb") as file:
            size = source.absolute.stat().st_size
            return ocr.recognise(Source(source.path, file, size, tuple(passwords)), page)
    except ReadError as error:
        return Refusal(error.status, error.detail)
    except OSError as error:
        return Refusal(FileStatus.FAILED, f"the file could not be read: {error.strerror or error}")


def read_log(source: SourceFile, digest: str) -> IndexedLog | Refusal | None:
    """Read a log whose bytes have this SHA-256 (hex), for questions about its events; None if the file is no log."""
    try:
        if not may_be_log(source.absolute, source.path):
            return None
        log = index(source.absolute, source.path)
        if sha256(source) != digest:
            raise ReadError(FileStatus.FAILED, "changed while it was read; run the command again")
    except ReadError as error:
        return Refusal(error.status, error.detail)
    return log


def cut(document: Document) -> list[Chunk]:
    """The passages of a document."""
    return chunks(document, _equipment[0])


def sha256(source: SourceFile) -> str:
    """SHA-256 of a file's bytes, hex. Raises ReadError where it cannot be opened."""
    digest = hashlib.sha256()
    try:
        with source.absolute.open("rb") as file:
            while block := file.read(_HASH):
                digest.update(block)
    except OSError as error:
        raise ReadError(FileStatus.FAILED, f"cannot be opened ({error.strerror}); check its permissions") from error
    return digest.hexdigest()


def _check_characters(document: Document) -> None:
    """Raise ReadError for text that neither a database nor a tokenizer takes. PDF titles and JSON can spell such."""
    texts = [document.title, *(heading.title for heading in document.outline)]
    texts += [text for page in document.pages for text in (page.text, page.record, page.title)]
    for text in filter(None, texts):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ReadError(
                FileStatus.DAMAGED, "it holds half of a surrogate pair, which is no character; save it anew in UTF-8"
            ) from error
        if "\x00" in text:  # SQLite would end the text there, and offsets behind it would point elsewhere
            raise ReadError(FileStatus.DAMAGED, "it holds a null character, which is no text; save it without")
