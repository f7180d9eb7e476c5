"""Reads the text of the office's files page by page, for the generator and the check.

Knows nothing about questions; it only says where a wording stands.
"""

from __future__ import annotations

import re
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped, unused-ignore]


def normalise(text: str) -> str:
    """Return text with every run of white space, line breaks included, as one space."""
    return re.sub(r"\s+", " ", text.replace("\ufffe", "").replace("\u00ad", "")).strip()


def pages_of(path: Path) -> list[str]:
    """Return the normalised text of each page of a PDF, or of a text file as if it were one page.

    Raises:
        pypdfium2.PdfiumError: the PDF is damaged or asks for a password.
    """
    if path.suffix != ".pdf":
        return [normalise(path.read_text(encoding="utf-8"))]
    with pypdfium2.PdfDocument(path) as document:
        return [normalise(page.get_textpage().get_text_range()) for page in document]


def find_page(pages: list[str], quote: str) -> int:
    """Return the 1-based page that holds the quote.

    Raises:
        LookupError: no page holds it, or several do.
    """
    found = [number for number, text in enumerate(pages, start=1) if normalise(quote) in text]
    if len(found) != 1:
        raise LookupError(f"stands on {len(found)} pages: {quote!r}")
    return found[0]
