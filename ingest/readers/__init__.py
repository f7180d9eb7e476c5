"""Turns one file into a Document: chooses the reader by the file's content and name, and checks what came back.

Knows which reader reads what, and nothing about how. A new format is a module here with one `read(source)`, which reads
an open file, and one entry in `_BY_SUFFIX`. Every failure leaves as a ReadError with the status that the contract gives
the file.
"""

from collections.abc import Callable, Sequence

from ingest.errors import ReadError
from ingest.readers import pdf, records, text
from ingest.types import Document, FileStatus, Source, SourceFile

MAX_BYTES = 2 * 1024**3
"""Bytes of a file. The largest filing we measured has 4 MB; a larger one than this would not fit into 32-bit offsets
of PDF libraries either."""

MAX_CHARACTERS = 100_000_000
"""Code points of a document's text, about 30,000 dense pages: a small file that unfolds to more is a trap."""

_HEAD_BYTES = 1024  # a PDF's header may stand anywhere in the first 1024 bytes (ISO 32000-1, annex H, note 13)

_BY_SUFFIX: dict[str, Callable[[Source], Document]] = {
    ".pdf": pdf.read,
    ".txt": text.read,
    ".text": text.read,
    ".md": text.read,
    ".markdown": text.read,
    ".jsonl": records.read,
}

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive or an Office document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3\x00", "an SQLite database"),
)
"""First bytes of what is often named like a text but is none, and what to call it."""


def read(source: SourceFile, passwords: Sequence[str] = ()) -> Document:
    """Read one file, trying `passwords` where it needs one.

    Returns a Document, whose pages may all be without text (see `Document.pages_without_text`): a scan is not an
    error of reading. Raises ReadError with EMPTY, PASSWORD, DAMAGED, UNSUPPORTED, TOO_LARGE or FAILED.
    """
    try:
        size = source.absolute.stat().st_size
        if size > MAX_BYTES:
            raise ReadError(
                FileStatus.TOO_LARGE,
                f"the file has {size:,} bytes, the limit is {MAX_BYTES:,}; split it to have it read",
            )
        with source.absolute.open("rb") as file:
            document = read_open(Source(source.path, file, size, tuple(passwords)))
    except MemoryError as error:
        raise ReadError(FileStatus.FAILED, "reading it took more memory than this machine has free") from error
    except OSError as error:
        raise ReadError(FileStatus.FAILED, f"the file could not be read: {error.strerror or error}") from error
    return document


def read_open(source: Source) -> Document:
    """Read what is open already: a file, or an attachment inside one. Raises as `read` does."""
    head = source.file.read(_HEAD_BYTES)
    source.file.seek(0)
    if not head:
        raise ReadError(FileStatus.EMPTY, "the file has no bytes")
    document = _reader(source, head)(source)
    characters = sum(len(page.text) for page in document.pages)
    if characters > MAX_CHARACTERS:
        raise ReadError(
            FileStatus.TOO_LARGE, f"its text has {characters:,} characters; the limit is {MAX_CHARACTERS:,}"
        )
    return document


def _reader(source: Source, head: bytes) -> Callable[[Source], Document]:
    """The reader for a file. Content goes before name, since a PDF saved as .txt is a PDF."""
    suffix = source.suffix
    if b"%PDF-" in head and (suffix not in _BY_SUFFIX or head.lstrip().startswith(b"%PDF-")):
        return pdf.read
    reader = _BY_SUFFIX.get(suffix)
    signature = next((name for start, name in _SIGNATURES if head.startswith(start)), None)
    if reader is None or (signature and reader is not pdf.read):
        what = signature or (f"{suffix} files" if suffix else "files without a suffix")
        raise ReadError(FileStatus.UNSUPPORTED, f"no reader for {what}; read are: {', '.join(sorted(_BY_SUFFIX))}")
    return reader
