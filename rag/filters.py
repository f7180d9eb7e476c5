"""Which passages a search may find at all: by path, section, type and date of their file. Never adds one.

Knows nothing about ranking. The date of a file is the time its bytes were last modified, looked up on the disk.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from ingest.errors import UsageError
from ingest.headings import SEPARATOR
from ingest.types import SourceFile
from rag.store.catalog import Catalog, StoredFile

FAMILIES = {
    "pdf": (".pdf",),
    "word": (".docx", ".docm", ".odt", ".rtf"),
    "sheet": (".xlsx", ".xlsm", ".csv", ".tsv"),
    "slides": (".pptx", ".pptm"),
    "mail": (".eml",),
    "web": (".html", ".htm"),
    "text": (".txt", ".text", ".md", ".markdown", ".log"),
    "record": (".jsonl",),
    "image": (".png", ".jpg", ".jpeg", ".tif", ".tiff"),
}
"""Names for `--type`, with the suffixes that they stand for."""

_SUFFIXES = frozenset(suffix for suffixes in FAMILIES.values() for suffix in suffixes)
_AGO = re.compile(r"(\d{1,5})([dwmy])")
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}  # months and years as people mean them, not as calendars count
_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Filter:
    """What a passage has to satisfy; a field that is None or empty asks for nothing."""

    path: str | None = None  # shell pattern of the file's path; `*` crosses folders
    section: str | None = None  # text or shell pattern in any part of the section path, in any case
    suffixes: frozenset[str] = frozenset()  # lower case, with the dot
    since: date | None = None  # modified on that day or later

    def __bool__(self) -> bool:
        return self != EVERYTHING


EVERYTHING = Filter()


@dataclass(frozen=True, slots=True)
class Selection:
    """What a filter left."""

    chunks: frozenset[int]
    files: int  # how many files match
    gone: tuple[str, ...]  # paths of files whose date cannot be told, as they are no longer there: left out


def parse(path: str | None, section: str | None, types: str | None, since: str | None, today: date) -> Filter:
    """The filter that the options `--path`, `--section`, `--type` and `--since` ask for.

    Raises:
        UsageError: a type or a date is none.
    """
    return Filter(
        path or None,
        section or None,
        _suffixes(types) if types else frozenset(),
        _since(since, today) if since else None,
    )


def select(catalog: Catalog, only: Filter) -> Selection:
    """The chunks that satisfy a filter."""
    files, gone = matching(catalog, only)
    chunks = catalog.sections_of({file.document for file in files})
    found = frozenset(chunk for chunk, section in chunks if only.section is None or _within(section, only.section))
    return Selection(found, len(files), tuple(gone))


def matching(catalog: Catalog, only: Filter) -> tuple[list[StoredFile], list[str]]:
    """The files that a filter lets through, whatever their sections, and `Selection.gone`."""
    files = [file for file in catalog.stored_files() if _named(file, only)]
    if only.since is None:
        return files, []
    dates = [(file, _modified(file)) for file in files]
    gone = [file.path for file, day in dates if day is None]
    return [file for file, day in dates if day is not None and day >= only.since], gone


def explain(selection: Selection) -> Sequence[str]:
    """Sentences for people about what a filter left out unasked, or that it left nothing."""
    lines = []
    if selection.gone:
        names = ", ".join(selection.gone[:3]) + (" …" if len(selection.gone) > 3 else "")
        lines.append(f"No date for {names}: no longer where it was ingested from, and left out by --since.")
    if not selection.files:
        lines.append("No indexed file matches the filter; `rag status` lists them.")
    elif not selection.chunks:
        lines.append("No section matches --section; `rag search` without it shows how sections are named.")
    return lines


def _suffixes(types: str) -> frozenset[str]:
    found: set[str] = set()
    for name in filter(None, (part.strip().lower() for part in types.split(","))):
        suffix = name if name.startswith(".") else f".{name}"
        if name in FAMILIES:
            found.update(FAMILIES[name])
        elif suffix in _SUFFIXES:
            found.add(suffix)
        else:
            raise UsageError(f"--type knows no {name!r}; name suffixes such as docx, or {', '.join(FAMILIES)}.")
    if not found:
        raise UsageError(f"--type is empty; name suffixes such as docx, or {', '.join(FAMILIES)}.")
    return frozenset(found)


def _since(text: str, today: date) -> date:
    if ago := _AGO.fullmatch(text.strip().lower()):
        try:
            return today - timedelta(days=int(ago[1]) * _DAYS[ago[2]])
        except OverflowError:
            return date.min
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(
            f"--since {text!r} is no date; write 2024-05-31, or 30d, 6w, 3m, 2y for a time ago."
        ) from error


def _named(file: StoredFile, only: Filter) -> bool:
    suffix = PurePosixPath(file.path).suffix.lower()
    return (only.path is None or fnmatchcase(file.path, only.path)) and (not only.suffixes or suffix in only.suffixes)


def _modified(file: StoredFile) -> date | None:
    try:
        seconds = SourceFile(Path(file.root), file.path).absolute.stat().st_mtime
        return datetime.fromtimestamp(seconds, UTC).astimezone().date()
    except (OSError, ValueError, OverflowError):
        return None


def _within(section: str, wanted: str) -> bool:
    wanted = wanted.lower()
    parts = [section.lower(), *section.lower().split(SEPARATOR)]
    if _WILD & set(wanted):
        return any(fnmatchcase(part, wanted) for part in parts)
    return any(wanted in part for part in parts)
