"""Turns one file into a Document: chooses the reader by the file's content and name, and checks what came back.

Knows which reader reads what, and nothing about how. A new format is a module here with one `read(source)`, which reads
an open file, and one entry in `_BY_SUFFIX`. Every failure leaves as a ReadError with the status that the contract gives
the file.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from ingest.errors import ReadError
from ingest.readers import images, mail, odt, package, pdf, records, rtf, sheet, slides, table, text, web, word
from ingest.readers.flow import MAX_CHARACTERS
from ingest.title import from_file_name
from ingest.types import Document, FileStatus, Source, SourceFile

MAX_BYTES = 2 * 1024**3
"""Bytes of a file. The largest filing we measured has 4 MB; a larger one than this would not fit into 32-bit offsets
of PDF libraries either."""

_HEAD_BYTES = 1024  # a PDF's header may stand anywhere in the first 1024 bytes (ISO 32000-1, annex H, note 13)


def _mail(source: Source) -> Document:
    return mail.read(source, read_open)  # a mail's attachments are files of any format, so it comes back here


_BY_SUFFIX: dict[str, Callable[[Source], Document]] = {
    ".csv": table.read,
    ".docm": word.read,
    ".docx": word.read,
    ".eml": _mail,
    ".htm": web.read,
    ".html": web.read,
    ".jpeg": images.read,
    ".jpg": images.read,
    ".jsonl": records.read,
    ".markdown": text.read,
    ".md": text.read,
    ".odt": odt.read,
    ".pdf": pdf.read,
    ".png": images.read,
    ".pptm": slides.read,
    ".pptx": slides.read,
    ".rtf": rtf.read,
    ".text": text.read,
    ".tif": images.read,
    ".tiff": images.read,
    ".tsv": table.read,
    ".txt": text.read,
    ".xlsm": sheet.read,
    ".xlsx": sheet.read,
}

_PLAIN = frozenset({".csv", ".jsonl", ".markdown", ".md", ".text", ".tsv", ".txt"})
"""Suffixes of formats whose bytes are their text, four to a character at most."""

_PACKED = frozenset({".docm", ".docx", ".odt", ".pptm", ".pptx", ".xlsm", ".xlsx"})
"""Suffixes of formats that are zip packages."""

_ZIP, _RTF = b"PK\x03\x04", b"{\\rtf"
_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?(?:<!doctype html|<html)", re.I | re.S)

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (_ZIP, "a zip archive"),
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

    Returns a Document, titled by its file name where it has no title of its own. Its pages may all be without text
    (see `Document.pages_without_text`): a scan is not an error of reading. Raises ReadError with EMPTY, PASSWORD,
    DAMAGED, UNSUPPORTED, TOO_LARGE or FAILED.
    """
    try:
        size = source.absolute.stat().st_size
        if size > MAX_BYTES:
            raise ReadError(
                FileStatus.TOO_LARGE,
                f"the file has {size:,} bytes, the limit is {MAX_BYTES:,}; split it to have it read",
            )
        if PurePosixPath(source.path).suffix.lower() in _PLAIN and size > 4 * MAX_CHARACTERS:
            raise ReadError(
                FileStatus.TOO_LARGE,
                f"the file has {size:,} bytes, more than {MAX_CHARACTERS:,} characters take; split it to have it read",
            )
        with source.absolute.open("rb") as file:
            document = read_open(Source(source.path, file, size, tuple(passwords)))
    except MemoryError as error:
        raise ReadError(FileStatus.FAILED, "reading it takes more memory than a reader may use") from error
    except OSError as error:
        raise ReadError(FileStatus.FAILED, f"the file could not be read: {error.strerror or error}") from error
    return replace(document, title=document.title or from_file_name(source.path))


def read_open(source: Source) -> Document:
    """Read what is open already: a file, or an attachment inside one. Raises as `read` does."""
    head = source.file.read(_HEAD_BYTES)
    source.file.seek(0)
    if not head:
        raise ReadError(FileStatus.EMPTY, "the file has no bytes")
    try:
        document = _reader(source, head)(source)
    except RecursionError as error:  # parsers of the standard library go down level by level
        raise ReadError(FileStatus.DAMAGED, "its parts are nested too deeply; no program writes that") from error
    characters = sum(len(page.text) for page in document.pages)
    if characters > MAX_CHARACTERS:
        raise ReadError(
            FileStatus.TOO_LARGE, f"its text has {characters:,} characters; the limit is {MAX_CHARACTERS:,}"
        )
    return document


def _reader(source: Source, head: bytes) -> Callable[[Source], Document]:
    """The reader for a file. Content goes before name, since a PDF saved as .txt is a PDF, and a .doc is often RTF."""
    suffix = source.suffix
    if b"%PDF-" in head and (suffix not in _BY_SUFFIX or head.lstrip().startswith(b"%PDF-")):
        return pdf.read
    if suffix == ".pdf":
        return pdf.read
    if head.startswith(_RTF):
        return rtf.read
    if head.startswith(package.OLE):
        raise package.ole_error(source.file)
    if head.startswith(_ZIP):
        # A package whose directory is lost says nothing about itself; the reader that its name asks for says so.
        suffix = package.suffix_of(source.file) or (suffix if suffix in _PACKED else ".zip")
    elif (suffix in _PACKED or suffix not in _BY_SUFFIX) and _HTML.match(head):
        return web.read  # programs like to call the tables they export .xls
    if suffix == ".log":
        raise ReadError(FileStatus.UNSUPPORTED, "a log; `rag logs` and `rag summarize` read it")
    reader = _BY_SUFFIX.get(suffix)
    signature = next((name for start, name in _SIGNATURES if head.startswith(start)), None)
    if reader is None or (signature and suffix not in _PACKED | images.SUFFIXES):
        what = signature or (f"{suffix} files" if suffix else "files without a suffix")
        raise ReadError(FileStatus.UNSUPPORTED, f"no reader for {what}; read are: {', '.join(sorted(_BY_SUFFIX))}")
    return reader
