"""Erases files from a collection, and proves it by searching the raw bytes of everything below the home folder.

In an encrypted home raw bytes tell nothing: there every page of the catalog, those that are free too, every line of the
record and every file is searched as it is behind the encryption.

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
from rag.record.forgetting import reached
from rag.record.ledger import Ledger
from rag.store import last
from rag.store.catalog import Catalog
from rag.store.collection import Tick, changing
from rag.store.seal import CATALOG
from rag.store.vectors import discard
from rag.vault.cipher import Key
from rag.vault.files import blocks

PIECE = 32  # bytes of a piece of text that is searched for; the pieces overlap by half
_SHORTEST = 16  # bytes of a piece where a text has no more; shorter ones stand in any large file by chance
_WORD_BYTES = 8  # of a word's beginning that is searched for in the catalog, whose word index holds stems
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
    redacted: tuple[int, ...]  # entries of the record that told of it, and have lost their content


def forget(
    folder: Path, home: Path, path: str, ledger: Ledger, tick: Tick = lambda _: None, key: Key | None = None
) -> Receipt:
    """Erase the file, or all files below the folder, that `path` names, as citations do or by its place on disk.

    The caller holds the collection's lock.

    Args:
        ledger: the record, whose entries about the file lose their content.

    Raises:
        NothingFound: the catalog has no such file.
        RecordDamaged: the record is not as it was left, so that nothing can be erased from it; nothing was.
    """
    with changing(folder, tick, key) as catalog:
        reports = [report for report in catalog.reports() if _named(report, path)]
        if not reports:
            raise NothingFound(f"The index has no file {path!r}; `rag status` lists what it has.")
        sought = _Sought(catalog, reports)
        still_held = catalog.other_names(reports)
        # The vector index goes first: cut off from here on, this leaves nothing of it behind.
        discard(folder)
        last.discard(folder)
        redacted: tuple[int, ...] = ()

        def redact() -> None:
            nonlocal redacted
            sought.leave_out(catalog)
            names = {name for report in reports for name in _names(report)}
            redacted = ledger.redact(lambda entry: reached(entry, folder.name, names, sought.occurs_in_text), "forget")

        # Before the catalog forgets the file: cut off in between, both still know it, and it can be named again.
        catalog.erase(reports, redact)
        catalog.compact()
        catalog.vacuum(always=True)
    found, files, size = _search(home, sought, key)
    return Receipt(tuple(reports), tuple(still_held), len(sought), sought.shared, files, size, tuple(found), redacted)


def _named(report: FileReport, path: str) -> bool:
    """Whether `path` names this file or a folder above it: relative to its root, or absolute."""
    wanted = path.rstrip("/")
    if not wanted:
        return False
    absolute = str(Path(report.root) / report.path)
    itself = {report.path, absolute} | ({report.root} if Path(report.root).name == report.path else set())
    return wanted in itself or any(name.startswith(f"{wanted}/") for name in (report.path, absolute))


def _names(report: FileReport) -> list[str]:
    """What a file is called: its path, its place on disk, its hash."""
    return list(filter(None, (report.path, str(Path(report.root) / report.path), report.sha256)))


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
        self._needles: tuple[_Needles, _Needles, _Needles] | None = None

    def __len__(self) -> int:
        return len(self._text) + len(self._words) + len(self._exact)

    def leave_out(self, catalog: Catalog) -> None:
        """Take out what documents that are still there hold too."""
        before = len(self)
        for text in catalog.texts():
            data = text.lower().encode()
            self._text -= _Needles(self._text).occurring(data)
            self._words -= _Needles(self._words).occurring(data)
        for kept in catalog.exact_bytes():
            self._exact -= _Needles(self._exact).occurring(kept)
        self.shared = before - len(self)
        self._needles = None

    def occurs_in(self, data: bytes, *, words: bool) -> bool:
        """Whether any of it is in `data`; single `words` only where no other program has written words of its own."""
        return self._occurs(data, data.lower(), words)

    def occurs_in_text(self, text: str, words: bool) -> bool:
        """The same for a text."""
        data, lowered = (form.encode(errors="surrogatepass") for form in (text, text.lower()))
        return self._occurs(data, lowered, words)

    def _occurs(self, data: bytes, lowered: bytes, words: bool) -> bool:
        if self._needles is None:
            self._needles = _Needles(self._text), _Needles(self._words), _Needles(self._exact)
        text, single, exact = self._needles
        return bool(text.occurring(lowered) or exact.occurring(data) or (words and single.occurring(lowered)))


def _pieces(text: bytes) -> Iterator[bytes]:
    """Overlapping pieces of a text."""
    for start in range(0, max(len(text) - PIECE, 0) + 1, PIECE // 2):
        if len(piece := text[start : start + PIECE]) >= _SHORTEST:
            yield piece


class _Needles:
    """Pieces of 8 bytes or more, arranged for being looked for."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._by_start: dict[int, list[bytes]] = {}
        for piece in pieces:
            self._by_start.setdefault(int.from_bytes(piece[:8], "little"), []).append(piece)
        self._keys = np.array(sorted(self._by_start), dtype=np.uint64)
        # By the first two bytes: spares nearly all of the search in weights.
        self._likely = np.zeros(1 << 16, dtype=bool)
        self._likely[(self._keys & np.uint64(0xFFFF)).astype(int)] = True

    def occurring(self, data: bytes) -> set[bytes]:
        """Those that occur in `data`."""
        found: set[bytes] = set()
        keys = self._keys
        if not len(keys):
            return found
        for offset in range(min(8, max(len(data) - 7, 0))):
            windows = np.frombuffer(data, dtype="<u8", count=(len(data) - offset) // 8, offset=offset)
            places = np.flatnonzero(self._likely[(windows & np.uint64(0xFFFF)).astype(np.uint16)])
            near = np.minimum(np.searchsorted(keys, windows[places]), len(keys) - 1)
            for place in places[keys[near] == windows[places]].tolist():
                start = offset + 8 * place
                starting = self._by_start[int(windows[place])]
                found.update(piece for piece in starting if data.startswith(piece, start))
        return found


def _unescaped(data: bytes) -> bytes:
    """A text inside JSON as it was before it was written there, as far as lines and quotation marks go."""
    return data.replace(rb"\n", b"\n").replace(rb"\"", b'"').replace(rb"\t", b"\t")


def _search(home: Path, sought: _Sought, key: Key | None) -> tuple[list[str], int, int]:
    """`(files with something in them, files searched, bytes searched)` below `home`."""
    found = []
    files = size = 0
    for path in sorted(path for path in home.rglob("*") if path.is_file()):
        files += 1
        size += path.stat().st_size
        before = b""
        for block in blocks(path, key):
            data = before + block
            forms = (data, _unescaped(data)) if path.suffix in (".json", ".jsonl") else (data,)
            if any(sought.occurs_in(form, words=path.name.startswith(CATALOG)) for form in forms):
                found.append(str(path))
                break
            before = block[-_OVERLAP:]
    return found, files, size
