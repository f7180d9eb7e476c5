"""Reads .txt and .md files. The whole file is one Page without a number.

The text is the decoded file and nothing else (line ends stay as they are), so that offsets can be checked against the
file by anyone; only a byte order mark is left out. Encodings: what a byte order mark says, else UTF-8, else UTF-16
where every second byte says so, else Windows-1252, and that guess is noted.
"""

import codecs
import re

from ingest.errors import ReadError
from ingest.types import Document, FileStatus, Page, Source

_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MAX_CONTROL_SHARE = 0.001
"""Control characters per character (tabs, line ends, form feeds and escapes aside). Text has none; a form feed here
and there, or a terminal's colours, do not make it binary."""
_SAMPLE_BYTES = 4096
_TITLE = re.compile(r"^#[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


def read(source: Source) -> Document:
    """Read a text file. Raises ReadError: EMPTY (only white space), DAMAGED (undecodable), UNSUPPORTED (binary)."""
    text, notes = decode(source.file.read())
    if not text.strip():
        raise ReadError(FileStatus.EMPTY, "the file holds only white space")
    title = None
    if source.path.lower().endswith((".md", ".markdown")) and (match := _TITLE.search(text)):
        title = match.group(1)
    return Document(source.path, title, (Page(source.path, None, text),), notes=notes)


def decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of `data`, and what a person should know about how it was decoded."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return _checked(data[len(mark) :].decode(encoding)), ()
            except UnicodeDecodeError as error:
                raise ReadError(
                    FileStatus.DAMAGED, f"the file is marked as {encoding}, but byte {error.start} is not"
                ) from error
    try:
        return _checked(data.decode("utf-8")), ()
    except UnicodeDecodeError as error:
        utf8_error = error
    if (wide := _looks_like_utf16(data)) and (text := _attempt(data, wide)) is not None:
        return _checked(text), (f"no byte order mark; read as {wide}",)
    # Five bytes have no meaning in Windows-1252; "replace" keeps the rest of the text.
    text = _checked(data.decode("cp1252", errors="replace"))
    return text, (f"byte {utf8_error.start} is not UTF-8; read as Windows-1252, so check its accents and signs",)


def _attempt(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _looks_like_utf16(data: bytes) -> str | None:
    sample = data[:_SAMPLE_BYTES]
    pairs = len(sample) // 2
    if pairs < 2 or len(data) % 2:
        return None
    for encoding, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[0::2])):
        if zeros.count(0) > pairs / 2:
            return encoding
    return None


def _checked(text: str) -> str:
    if "\x00" in text or len(_CONTROL.findall(text)) > _MAX_CONTROL_SHARE * len(text) + 1:
        raise ReadError(FileStatus.UNSUPPORTED, "the file is binary, not text")
    return text
