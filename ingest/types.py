"""The records that flow through ingestion, and the two Protocols by which it reaches models and stores.

Imports nothing of ours: every module may import it. Offsets are half-open and count Unicode code points.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:  # numpy takes 0.1 s to import, and `rag --help` and the offline guard import this module first
    import numpy as np
    from numpy.typing import NDArray

    from ingest.logs.indexed import IndexedLog


class FileStatus(StrEnum):
    """What became of a file. The names are part of the command line's contract."""

    INDEXED = "indexed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    NO_TEXT = "no-text"
    PASSWORD = "password"
    DAMAGED = "damaged"
    UNSUPPORTED = "unsupported"
    EMPTY = "empty"
    TOO_LARGE = "too-large"
    FAILED = "failed"


UNREAD = frozenset(
    {FileStatus.NO_TEXT, FileStatus.PASSWORD, FileStatus.DAMAGED, FileStatus.TOO_LARGE, FileStatus.FAILED}
)
"""Statuses of files whose text may hold an answer that nobody can find: the run ends with exit code 3."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file below a root that the user named."""

    root: Path  # absolute, as the user named it, resolved
    path: str  # relative to the root, with forward slashes; the file's own name where the root is a file

    @property
    def absolute(self) -> Path:
        """Where the bytes are."""
        return self.root if self.root.name == self.path and self.root.is_file() else self.root / self.path


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes that a reader reads: those of a file, or of an attachment inside one."""

    path: str  # as SourceFile.path; of an attachment its own name
    file: BinaryIO  # open for reading, seekable, at its start
    size: int  # bytes
    passwords: tuple[str, ...] = field(default=(), repr=False)  # to try, in order, where one is needed
    depth: int = 0  # 0 for a file, 1 for an attachment, 2 for an attachment's attachment ...

    @property
    def suffix(self) -> str:
        """The suffix of the name, lower case, with its dot; "" where it has none."""
        return PurePosixPath(self.path).suffix.lower()


@dataclass(frozen=True, slots=True)
class Hidden:
    """A span of a page's text that nobody sees who looks at the document."""

    start: int  # into the page's text
    end: int
    why: str  # in words, as `ingest.readers.unseen.Why` has them


@dataclass(frozen=True, slots=True)
class Page:
    """A unit of text with a citable place: a PDF page, a slide, a sheet, a whole text file, a record."""

    path: str  # as SourceFile.path
    number: int | None  # 1-based physical page, slide or sheet; None where the format has none
    text: str
    record: str | None = None  # the id of a .jsonl record, or the name of a mail's attachment
    title: str | None = None  # the record's own title, or the sheet's name
    ocr: bool = False  # the text was recognised in an image
    hidden: tuple[Hidden, ...] = ()  # what nobody sees of it, in order; it is text all the same


@dataclass(frozen=True, slots=True)
class Heading:
    """An entry of a document's outline: a bookmark of a PDF, a paragraph that is styled as a heading."""

    title: str
    page: int | None  # as Page.number
    level: int  # 1 is the top
    record: str | None = None  # as Page.record


@dataclass(frozen=True, slots=True)
class Document:
    """What a reader makes of one file."""

    path: str
    title: str | None  # from metadata, the first heading or the file name, in this order; None if none tells
    pages: tuple[Page, ...]
    outline: tuple[Heading, ...] = ()
    notes: tuple[str, ...] = ()  # what a person should know about the reading: a guessed encoding, damaged metadata
    failed: tuple[int, ...] = ()  # numbers of pages that could not be loaded, and have no text for that reason
    scans: tuple[int, ...] = ()  # numbers of pages whose text layer is missing or wrong: to be recognised in the image

    @property
    def pages_without_text(self) -> tuple[int, ...]:
        """Numbers of the pages that hold no text (scans, blanks)."""
        return tuple(page.number for page in self.pages if page.number is not None and not page.text.strip())


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage: an exact span of one page. Law: `page.text[start:end] == text`."""

    path: str
    page: int | None
    record: str | None
    section: str  # headings, then clauses begun before it, "3 Reporting › 3.2 Deadlines › b"; "" where none is known
    start: int
    end: int
    text: str

    @property
    def embedded(self) -> str:
        """What its vector is made of: the headings it stands under, then its text.

        The document's title in front as well makes all chunks of a document alike: page recall@10 on the sample
        office's dev questions fell from .80 to .76.
        """
        return f"{self.section}\n{self.text}" if self.section else self.text


@dataclass(frozen=True, slots=True)
class FileReport:
    """One line of an ingestion's result; the contract's `files` entry."""

    path: str
    root: str
    sha256: str | None
    status: FileStatus
    pages: int = 0
    pages_without_text: tuple[int, ...] = ()  # empty in the end: neither a text layer nor OCR gave any
    chunks: int = 0
    detail: str = ""  # why, for every status that is not plain success; notes such as an unsupported language
    pages_ocr: tuple[int, ...] = ()  # read by recognising their image
    pages_failed: tuple[int, ...] = ()  # damaged, or given up for a limit; `detail` says why
    pages_skipped: tuple[int, ...] = ()  # scans that the user did not want read now
    lines: int = 0  # of a log
    events: int = 0  # in a log, each of which can be asked about


class Embedder(Protocol):
    """Turns texts into vectors."""

    def embed(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """float32 `(len(texts), dim)`, unit rows."""
        ...


class Tokenizer(Protocol):
    """Counts text in the embedding model's own tokens."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Half-open code-point spans of the tokens of `text`, in order, special tokens left out."""
        ...


class Catalog(Protocol):
    """What the pipeline writes to. Each call is one transaction: all of it is kept, or none."""

    def known(self, root: str) -> dict[str, FileReport]:
        """What is on record for each path of a root."""
        ...

    def holds(self, sha256: str, suffix: str) -> FileReport | None:
        """The report of a document with these bytes, read under any name; None if there is none."""
        ...

    def put(self, report: FileReport, document: Document, chunks: Sequence[Chunk]) -> None:
        """Store a file with its text and chunks, replacing what was there. Its words can be found from here on."""
        ...

    def put_log(self, report: FileReport, log: "IndexedLog") -> None:
        """Store a log's events and text, replacing what was there."""
        ...

    def without_vector(self, limit: int) -> list[tuple[int, str]]:
        """`(id, what is to be embedded)` of the first `limit` chunks that have no vector yet."""
        ...

    def set_vectors(self, ids: Sequence[int], vectors: "NDArray[np.float32]") -> None:
        """Give chunks their vectors; row i of `vectors` `(n, dim)` belongs to chunk `ids[i]`."""
        ...

    def note(self, report: FileReport) -> None:
        """Record a file that has no text of its own to store: unread, or a second name of a stored document."""
        ...

    def remove(self, root: str, path: str) -> None:
        """Take a file out, and its text where no other file says the same."""
        ...
