"""Title, outline and encryption of a PDF; the one door to pypdf.

pypdf reads hostile files in pure Python, where damage shows as any exception, as endless loops or as deep recursion.
None of that may cost text that pdfium has read: whatever happens in here ends as a `PdfMeta` with a note.
"""

import ctypes
import logging
import re
import threading
from dataclasses import dataclass
from typing import Any, BinaryIO

from ingest.title import clean
from ingest.types import Heading

SECONDS = 5.0
"""Time for one file. Annual reports of 250 pages take 0.05 s."""
MAX_HEADINGS = 5_000
MAX_DEPTH = 12

_NO_TITLE = re.compile(
    r"[\W\d_]*(?:(?:untitled|unknown|new|blank|scan|scanned|image|document|slide|presentation|file|page|powerpoint|word"
    r"|microsoft|none|null|title|no)[\W\d_]*)*",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{4,}|[^\W\d_]{2,}[^\w]+[^\W\d_]{2,}|[^\W\d_a-zA-Z]{2,}")
"""One real word, or two short ones side by side. Author's initials and the numbers of registers have neither; scripts
other than Latin write words with fewer letters."""
_PROGRAM = re.compile(r"^Microsoft (Word|PowerPoint|Excel) - ")
_FILE_NAME = re.compile(r"\.(docx?|pptx?|xlsx?|pdf|indd|rtf|odt|tmp)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PdfMeta:
    """What pypdf tells about a file beside its text."""

    title: str | None = None
    outline: tuple[Heading, ...] = ()
    encrypted: bool = False  # readable all the same: only an owner's password protects it
    failed: bool = False  # pypdf could not read the file; title and outline are unknown
    notes: tuple[str, ...] = ()


class _TimeUpError(BaseException):
    """Raised inside pypdf from outside. Not an Exception, since pypdf catches those here and there."""


def read(file: BinaryIO) -> PdfMeta:
    """Read title and outline from an open PDF. Never raises; takes at most about SECONDS."""
    result = PdfMeta(failed=True)

    def work() -> None:
        nonlocal result
        try:
            result = _read(file)
        except _TimeUpError:
            result = PdfMeta(failed=True, notes=(f"title and outline were given up after {SECONDS:g} s",))
        except Exception as error:  # noqa: BLE001 - pypdf raises whatever damaged objects make Python raise
            result = PdfMeta(failed=True, notes=(f"its title and outline could not be read ({type(error).__name__})",))

    # A thread of its own, because a thread can be interrupted on every system and wherever the caller runs.
    thread = threading.Thread(target=work, name="pypdf", daemon=True)
    thread.start()
    thread.join(SECONDS)
    if thread.is_alive() and thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_TimeUpError))
        thread.join(1.0)
    return result


def document_title(text: str | None) -> str | None:
    """A title that says something, or None.

    Programs fill the field with "untitled", a file name, their own name, an author's initials or the number of a filing
    ("0001018724-18-000005").
    """
    title = _PROGRAM.sub("", clean(text or ""))
    says = _WORD.search(title) and not _NO_TITLE.fullmatch(title) and not _FILE_NAME.search(title)
    return title if says else None


def _read(file: BinaryIO) -> PdfMeta:
    import pypdf  # late: 0.3 s to import

    # pypdf logs every oddity of a file as a warning, and Python prints those to stderr when nobody configured logging.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
    file.seek(0)
    reader = pypdf.PdfReader(file)
    metadata = reader.metadata
    title = document_title(metadata.title if metadata else None)
    headings: list[Heading] = []
    _collect(reader, reader.outline, 1, headings)
    return PdfMeta(title, tuple(headings), encrypted=reader.is_encrypted)


def _collect(reader: Any, entries: list[Any], level: int, headings: list[Heading]) -> None:
    """Flatten pypdf's nested outline. Entries that lead to no page of this file are left out."""
    for entry in entries:
        if len(headings) >= MAX_HEADINGS:
            return
        if isinstance(entry, list):
            if level < MAX_DEPTH:
                _collect(reader, entry, level + 1, headings)
            continue
        number = reader.get_destination_page_number(entry)
        title = clean(str(entry.title or ""))
        if number is not None and title:
            headings.append(Heading(title, number + 1, level))
