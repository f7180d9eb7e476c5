"""Files that were read without an index, and exact quotations from them as JSON."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ingest.clauses import Piece
from ingest.types import UNREAD, Document, FileReport, FileStatus


@dataclass(frozen=True, slots=True)
class File:
    """A file that was read, or could not be; `document` is None then, and the report says why."""

    report: FileReport
    document: Document | None

    @property
    def path(self) -> str:
        """As the report names it."""
        return self.report.path

    @property
    def unseen(self) -> str:
        """What of a file nobody could compare, in words; "" if all was read."""
        parts = [
            f"page{'s' if len(pages) > 1 else ''} {', '.join(map(str, pages))} {why}"
            for pages, why in (
                (self.report.pages_failed, "could not be read"),
                (self.report.pages_skipped, "left out by --no-ocr"),
                (self.report.pages_without_text, "without text"),
            )
            if pages
        ]
        return "; ".join(parts)


def file_entry(file: File) -> dict[str, Any]:
    """What became of a file, as JSON."""
    report = file.report
    return {
        "path": report.path,
        "root": report.root,
        "sha256": report.sha256,
        "status": report.status,
        "pages": report.pages,
        "detail": report.detail,
        "unread": file.unseen,
    }


def citation(file: File, piece: Piece) -> dict[str, Any]:
    """An exact span as JSON: `quote` is the page's text at `start:end`."""
    assert file.document is not None
    page = file.document.pages[piece.page]
    return {
        "path": file.report.path,
        "sha256": file.report.sha256,
        "page": page.number,
        "record": page.record,
        "start": piece.start,
        "end": piece.end,
        "quote": page.text[piece.start : piece.end],
        "ocr": page.ocr,
    }


def unread_files(files: Iterable[File]) -> bool:
    """Whether a file's text, or a page's, is missing."""
    return any(
        file.report.status in UNREAD or file.report.status is FileStatus.EMPTY or file.report.pages_failed
        for file in files
    )
