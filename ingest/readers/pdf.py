"""Reads the text of PDF pages; the one door to pypdfium2. Outline and title come from `pdf_meta`.

The text of a page is made here once (`normalise`), stored, shown and quoted; every offset counts in it. pdfium is not
thread-safe: one process reads one PDF at a time. Form fields' values, annotations and images are not read.
"""

import logging
import re
import unicodedata
from collections import Counter
from typing import Any

from ingest.errors import ReadError
from ingest.readers import pdf_meta
from ingest.types import Document, FileStatus, Heading, Page, Source

MAX_PAGES = 100_000
"""A page tree can claim two billion pages in a few bytes."""

_HYPHEN = "\ufffe"  # pdfium's mark for a hyphen at the end of a line; the line end itself is left out
_ERROR_PASSWORD, _ERROR_SECURITY = 4, 5  # FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY of fpdfview.h

_REPLACEMENTS = {
    "\u00a0": " ",  # no-break space: the same to a reader, not to a search
    "\u00ad": "",  # soft hyphen inside a line: invisible
    "\u200b": "",
    "\ufeff": "",
    "\u2028": "\n",
    "\u2029": "\n",
    "\ufb00": "ff",  # ligatures: nobody types them into a question
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\ufb05": "st",
    "\ufb06": "st",
    "\uf0b7": "•",  # bullets of the Symbol and Wingdings fonts, which have no Unicode meaning
    "\uf0a7": "▪",
    "\uf0d8": "➢",
    "\uf0fc": "✓",
    "\uf076": "❖",
}
# Other control characters are noise of broken fonts; a space instead of nothing, so that no two words grow together.
_TABLE = str.maketrans({chr(code): " " for code in range(32) if chr(code) not in "\t\n\f"} | _REPLACEMENTS)
_LINE_HYPHEN = re.compile(rf"([^\W\d_]*){_HYPHEN}([^\W\d_]*)")
_SOFT_HYPHEN_LINE = re.compile("\u00ad[ \t]*\n")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


def read(source: Source) -> Document:
    """Read a PDF. Raises ReadError: PASSWORD, DAMAGED, TOO_LARGE; OSError where the file cannot be read."""
    import pypdfium2  # late: its native library takes 0.05 s to load, and most commands read no PDF

    # pypdfium2 logs oddities as warnings, and Python prints those to stderr when nobody configured logging.
    logging.getLogger("pypdfium2").setLevel(logging.CRITICAL + 1)
    notes: list[str] = []
    try:
        document = pypdfium2.PdfDocument(source.file)
    except pypdfium2.PdfiumError as error:
        raise _load_error(error) from error
    try:
        raw = _page_texts(document, notes)
        outline, title = _pdfium_meta(document)
    finally:
        document.close()
    meta = pdf_meta.read(source.file)
    if not meta.failed:
        outline, title = meta.outline, meta.title
    elif not outline and not title:
        notes += meta.notes
    texts = normalise(raw)
    pages = tuple(Page(source.path, number, text) for number, text in enumerate(texts, start=1))
    outline = tuple(heading for heading in outline if heading.page in range(1, len(pages) + 1))
    return Document(source.path, title, pages, outline, tuple(notes))


def normalise(pages: list[str]) -> list[str]:
    """The stored text of pages: LF line ends, no control characters, NFC, ligatures spelled out, hyphens resolved.

    A word that was broken at a line end is joined again, with its hyphen or without as the rest of the document has it
    more often. Where the document does not tell, the hyphen stays: in 33 business documents with 583 such places, the
    spelling with hyphen was the right one nearly always ("role-based", "13a-15").
    """
    cleaned = [_clean(page) for page in pages]
    if not any(_HYPHEN in page for page in cleaned):
        return cleaned
    words: Counter[str] = Counter()
    for page in cleaned:
        words.update(match.group().lower() for match in _WORD.finditer(page))

    def resolve(match: re.Match[str]) -> str:
        before, after = match.group(1), match.group(2)
        joined, hyphened = f"{before}{after}".lower(), f"{before}-{after}".lower()
        together = before and after and words[joined] > words[hyphened]
        return f"{before}{'' if together else '-'}{after}"

    return [_LINE_HYPHEN.sub(resolve, page) if _HYPHEN in page else page for page in cleaned]


def _clean(page: str) -> str:
    page = page.replace("\r\n", "\n").replace("\r", "\n").replace("\x02", _HYPHEN)
    return unicodedata.normalize("NFC", _SOFT_HYPHEN_LINE.sub("", page).translate(_TABLE))


def _page_texts(document: Any, notes: list[str]) -> list[str]:
    """pdfium's text of every page; "" for a page that cannot be loaded, and a note."""
    count = len(document)
    if count == 0:
        raise ReadError(FileStatus.DAMAGED, "the PDF has no pages")
    if count > MAX_PAGES:
        raise ReadError(FileStatus.TOO_LARGE, f"the PDF claims {count:,} pages; the limit is {MAX_PAGES:,}")
    texts, failed = [], []
    for number in range(1, count + 1):
        text = _page_text(document, number - 1)
        if text is None:
            failed.append(number)
        texts.append(text or "")
    if len(failed) == count:
        raise ReadError(FileStatus.DAMAGED, f"none of its {count} pages can be loaded")
    if failed:
        shown = ", ".join(map(str, failed[:10])) + (", …" if len(failed) > 10 else "")
        notes.append(f"damaged pages could not be loaded: {shown} ({len(failed)} of {count})")
    return texts


def _page_text(document: Any, index: int) -> str | None:
    import pypdfium2

    try:
        page = document[index]
    except pypdfium2.PdfiumError:
        return None
    try:
        textpage = page.get_textpage()
        try:
            text: str = textpage.get_text_range()
            return text
        finally:
            textpage.close()
    except pypdfium2.PdfiumError:
        return None
    finally:
        page.close()


def _pdfium_meta(document: Any) -> tuple[tuple[Heading, ...], str | None]:
    """Outline and title as pdfium sees them, for files where pypdf fails (it cannot decrypt AES by itself)."""
    import pypdfium2

    headings: list[Heading] = []
    try:
        for bookmark in document.get_toc(max_depth=pdf_meta.MAX_DEPTH):
            destination = bookmark.get_dest()
            index = destination.get_index() if destination else None
            name = pdf_meta.clean(bookmark.get_title())
            if index is not None and name:
                headings.append(Heading(name, index + 1, bookmark.level + 1))
            if len(headings) >= pdf_meta.MAX_HEADINGS:
                break
        title = pdf_meta.document_title(document.get_metadata_value("Title"))
    except pypdfium2.PdfiumError:
        # An outline is a convenience, and pypdf is asked for it as well: the text must not be lost for it.
        return tuple(headings), None
    return tuple(headings), title


def _load_error(error: Any) -> ReadError:
    if error.err_code == _ERROR_PASSWORD:
        return ReadError(FileStatus.PASSWORD, "a password is needed to open it; save a copy without one")
    if error.err_code == _ERROR_SECURITY:
        return ReadError(
            FileStatus.PASSWORD, "it is encrypted in a way that is not supported (for a certificate, perhaps)"
        )
    return ReadError(FileStatus.DAMAGED, "it is not a valid PDF, or damaged beyond repair")
