"""Erases files from a collection, and proves it by searching the raw bytes of everything below the home folder.

Deleted rows are overwritten (`secure_delete`), the word index is merged whole, the catalog written anew, its log
emptied, and the vector index thrown away and built again. What a filesystem keeps of freed blocks, and what backups
hold, is beyond a program's reach.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.errors import NothingFound
from ingest.types import FileReport
from rag.store import last
from rag.store.catalog import Catalog
from rag.store.collection import Tick, changing
from rag.store.seal import CATALOG
from rag.store.vectors import discard

PIECE = 32  # bytes of a piece of text that is searched for; the pieces overlap by half
_SHORTEST = 16  # bytes of a piece where a text has no more; shorter ones stand in any large file by chance
_WORD_BYTES = 8  # of a word's beginning that is searched for in the catalog, whose word index holds stems
_READ = 1 << 24  # bytes of a file searched at a time
_OVERLAP = 1 << 14  # bytes of one block searched again with the next: a path has at most 4,096, a vector its dimensions
_WORD = re.compile(rf"\w{{{_WORD_BYTES},}}")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased, and what was searched to prove it."""

    erased: tuple[FileReport, ...]
    still_held: tuple[str, ...]  # other names of the same bytes: the text stays in the index under these
    pieces: int  # searched for: pieces of text, rare words, vectors, paths and hashes
    shared: int  # pieces that other documents hold too, and that were therefore not searched for
    files: int  # searched below the home folder
    bytes: int
    found: tuple[str, ...]  # files in which any piece was found; empty if the erasure is complete


def forget(folder: Path, home: Path, path: str, tick: Tick = lambda _: None) -> Receipt:
    """Erase the file, or all files below the folder, that `path` names, as citations do or by its place on disk.

    The caller holds the collection's lock. Raises NothingFound where the catalog has no such file.
    """
    with changing(folder, tick) as catalog:
        reports = [report for report in catalog.reports() if _named(report, path)]
        if not reports:
            raise NothingFound(f"The index has no file {path!r}; `rag status` lists what it has.")
        sought = _Sought(catalog, reports)
        still_held = catalog.other_names(reports)
        # The vector index goes first: cut off from here on, this leaves nothing of it behind.
        discard(folder)
        last.discard(folder)
        catalog.erase(reports)
        catalog.compact()
        catalog.vacuum(always=True)
        sought.leave_out(catalog)
    found, files, size = _search(home, sought)
    return Receipt(tuple(reports), tuple(still_held), len(sought), sought.shared, files, size, tuple(found))


def _named(report: FileReport, path: str) -> bool:
    """Whether `path` names this file or a folder above it: relative to its root, or absolute."""
    wanted = path.rstrip("/")
    if not wanted:
        return False
    absolute = str(Path(report.root) / report.path)
    itself = {report.path, absolute} | ({report.root} if Path(report.root).name == report.path else set())
    return wanted in itself or any(name.startswith(f"{wanted}/") for name in (report.path, absolute))


class _Sought:
    """The bytes that must not be found any more. Text and words are compared in lower case."""

    def __init__(self, catalog: Catalog, reports: Sequence[FileReport]) -> None:
        texts, vectors = catalog.sole_content(reports)
        self._text = {piece for text in texts for piece in _pieces(text.lower().encode())}
        self._words = {word.group().encode()[:_WORD_BYTES] for text in texts for word in _WORD.finditer(text.lower())}
        self._exact = set(vectors)
        names = [name.encode() for report in reports for name in (report.path, report.sha256 or "")]
        self._exact |= {name for name in names if len(name) >= _WORD_BYTES}
        self.shared = 0

    def __len__(self) -> int:
        return len(self._text) + len(self._words) + len(self._exact)

    def leave_out(self, catalog: Catalog) -> None:
        """Take out what documents that are still there hold too."""
        before = len(self)
        for text in catalog.texts():
            data = text.lower().encode()
            self._text -= _occurring(data, self._text)
            self._words -= _occurring(data, self._words)
        for kept in catalog.exact_bytes():
            self._exact -= _occurring(kept, self._exact)
        self.shared = before - len(self)

    def occurs_in(self, data: bytes, *, words: bool) -> bool:
        """Whether any of it is in `data`; single `words` only where no other program has written words of its own."""
        lowered = data.lower()
        return bool(
            _occurring(lowered, self._text)
            or _occurring(data, self._exact)
            or (words and _occurring(lowered, self._words))
        )


def _pieces(text: bytes) -> Iterator[bytes]:
    """Overlapping pieces of a text."""
    for start in range(0, max(len(text) - PIECE, 0) + 1, PIECE // 2):
        if len(piece := text[start : start + PIECE]) >= _SHORTEST:
            yield piece


def _occurring(data: bytes, pieces: Iterable[bytes]) -> set[bytes]:
    """Those of `pieces`, each of 8 bytes or more, that occur in `data`."""
    by_start: dict[int, list[bytes]] = {}
    for piece in pieces:
        by_start.setdefault(int.from_bytes(piece[:8], "little"), []).append(piece)
    keys = np.array(sorted(by_start), dtype=np.uint64)
    likely = np.zeros(1 << 16, dtype=bool)  # by the first two bytes: spares nearly all of the search in weights
    likely[(keys & np.uint64(0xFFFF)).astype(int)] = True
    found: set[bytes] = set()
    if not len(keys):
        return found
    for offset in range(min(8, max(len(data) - 7, 0))):
        windows = np.frombuffer(data, dtype="<u8", count=(len(data) - offset) // 8, offset=offset)
        places = np.flatnonzero(likely[(windows & np.uint64(0xFFFF)).astype(np.uint16)])
        near = np.minimum(np.searchsorted(keys, windows[places]), len(keys) - 1)
        for place in places[keys[near] == windows[places]].tolist():
            start = offset + 8 * place
            found.update(piece for piece in by_start[int(windows[place])] if data.startswith(piece, start))
    return found


def _search(home: Path, sought: _Sought) -> tuple[list[str], int, int]:
    """`(files with something in them, files searched, bytes searched)` below `home`."""
    found = []
    files = size = 0
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        files += 1
        size += path.stat().st_size
        with path.open("rb") as file:
            before = b""
            while block := file.read(_READ):
                if sought.occurs_in(before + block, words=path.name.startswith(CATALOG)):
                    found.append(str(path))
                    break
                before = block[-_OVERLAP:]
    return found, files, size
