"""The catalog: one SQLite file that holds the truth of a collection. Knows nothing about Chroma or about models.

Every public method that writes is one transaction. Deleted text is overwritten: pages by `secure_delete`, words by
`compact`. In an encrypted home every page of the file is encrypted, and of its write-ahead log.
"""

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files as resources
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ingest.errors import IndexDamaged, LockedError, StorageError, StrongroomError, UsageError
from ingest.logs.indexed import Block, IndexedLog
from ingest.types import Chunk, Document, FileReport, FileStatus, Hidden, Page
from rag.abbreviations import definitions
from rag.store import database
from rag.store.quantised import pack, unpack
from rag.types import StoredChunk
from rag.vault.cipher import PAGE, Key

FORMAT = 5  # of the schema; raised when an old catalog cannot be read any more
_FREE = 0.1  # share of unused pages above which the file is written anew
_HEADER = 32  # bytes that packed data may begin with whatever is in it
_SAMPLE, _SAMPLED = 32, 1024  # bytes of packed data that are looked for when it is erased; bytes from one to the next
_MARKS = 500  # values in one IN (...); SQLite allows 32,766

# Words of the section and of the title say what a passage is about, in fewer words than the passage itself.
FIELD_WEIGHTS = (1.0, 0.6, 1.0)  # text, section, title; a heavy title finds "3M 2018" among 26 filings


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One name of a document."""

    document: int
    root: str
    path: str  # relative to the root


@dataclass(frozen=True, slots=True)
class StoredLog:
    """A log whose events can be asked about."""

    document: int
    root: str
    path: str  # relative to the root
    sha256: str
    format: str
    lines: int
    events: int
    also: tuple[str, ...] = ()  # other paths of files with the very same bytes


class Catalog:
    """One collection's files, pages, chunks, words and vectors. Satisfies `ingest.types.Catalog`."""

    def __init__(
        self,
        path: Path,
        *,
        create: bool = False,
        before_writing: Callable[[], None] = lambda: None,
        key: Key | None = None,
    ) -> None:
        """Open the catalog at `path`.

        Args:
            create: make it where it is missing.
            before_writing: called before each change.
            key: of the home, where it is encrypted.

        Raises:
            StorageError: the file cannot be opened or made.
            IndexDamaged: it is not a catalog, or SQLite finds it broken.
            UsageError: it was made by a version with another format.
        """
        self.path = path
        self._before_writing = before_writing
        # Where nothing can be written, SQLite cannot make the files that go with a write-ahead log, and needs none.
        only_read = not os.access(path.parent, os.W_OK)
        log = path.with_name(f"{path.name}-wal")
        if only_read and log.exists() and log.stat().st_size:
            raise StorageError(f"{path} has to finish a change that was cut off; make {path.parent} writable first.")
        with _sentences(path):
            mode: database.Mode = "immutable=1" if only_read else "mode=rwc" if create else "mode=rw"
            self._db = database.connect(path, mode, key)
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.execute("PRAGMA secure_delete = ON")
            self._db.execute("PRAGMA temp_store = MEMORY")  # no text in files that nobody erases
            if create and not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                before_writing()
                self._db.execute(f"PRAGMA page_size = {PAGE}")
                self._db.execute("PRAGMA journal_mode = WAL")
                schema = resources("rag.store").joinpath("schema.sql").read_text(encoding="utf-8")
                self._db.executescript(f"BEGIN; {schema} INSERT INTO meta VALUES ('format', '{FORMAT}'); COMMIT;")
            found = self._meta("format")
        if found != str(FORMAT):
            raise UsageError(f"{path} has format {found}, this version reads {FORMAT}; run `rag ingest --rebuild`.")

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    # --- identity -----------------------------------------------------------------------------------------------

    def _meta(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def identity(self) -> dict[str, str]:
        """What the stored vectors and chunks were made with; empty before the first ingestion."""
        with _sentences(self.path):
            rows = self._db.execute("SELECT key, value FROM meta WHERE key != 'format'").fetchall()
        return dict(rows)

    def set_identity(self, identity: Mapping[str, str]) -> None:
        """Record what vectors and chunks are made with from here on."""
        if self.identity() == identity:
            return
        with self._write():
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", identity.items())

    # --- files --------------------------------------------------------------------------------------------------

    def roots(self) -> list[str]:
        """The roots that were ingested, sorted."""
        with _sentences(self.path):
            return [row[0] for row in self._db.execute("SELECT path FROM roots ORDER BY path")]

    def known(self, root: str) -> dict[str, FileReport]:
        """What is on record for each path of a root."""
        with _sentences(self.path):
            rows = self._db.execute(f"{_REPORTS} WHERE roots.path = ? ORDER BY files.path", (root,)).fetchall()
        return {row[0]: _report(row) for row in rows}

    def reports(self) -> list[FileReport]:
        """What is on record for every file of every root."""
        with _sentences(self.path):
            return [_report(row) for row in self._db.execute(f"{_REPORTS} ORDER BY roots.path, files.path")]

    def holds(self, sha256: str, suffix: str) -> FileReport | None:
        """The report of a document with these bytes, read under any name; None if there is none."""
        with _sentences(self.path):
            row = self._db.execute(
                f"{_REPORTS} JOIN documents ON documents.id = files.document "
                "WHERE documents.sha256 = ? AND documents.suffix = ? LIMIT 1",
                (sha256, suffix),
            ).fetchone()
        return _report(row) if row else None

    def put(self, report: FileReport, document: Document, chunks: Sequence[Chunk]) -> None:
        """Store a file with its text and chunks, replacing what was there.

        A chunk whose very text has a vector already, in any file, takes that one; the others wait for theirs.
        """
        with self._write():
            keys = [_key(chunk.embedded) for chunk in chunks]
            blobs = [self._vector_of(key, chunk) for key, chunk in zip(keys, chunks, strict=True)]
            self._forget_file(report.root, report.path)
            owner = self._db.execute(
                "INSERT INTO documents (sha256, suffix, title) VALUES (?, ?, ?)",
                (report.sha256, _suffix(report.path), document.title or ""),
            ).lastrowid
            pages = {
                (page.number, page.record): self._db.execute(
                    "INSERT INTO pages (document, number, record, title, ocr, text) VALUES (?, ?, ?, ?, ?, ?)",
                    (owner, page.number, page.record, page.title, page.ocr, page.text),
                ).lastrowid
                for page in document.pages
            }
            self._db.executemany(
                "INSERT INTO hidden VALUES (?, ?, ?, ?)",
                [
                    (pages[page.number, page.record], span.start, span.end, span.why)
                    for page in document.pages
                    for span in page.hidden
                ],
            )
            pairs = {pair for page in document.pages for pair in definitions(page.text)}
            self._db.executemany(
                "INSERT OR IGNORE INTO abbreviations VALUES (?, ?, ?)", [(owner, *pair) for pair in sorted(pairs)]
            )
            for chunk, key, blob in zip(chunks, keys, blobs, strict=True):
                number = self._db.execute(
                    'INSERT INTO chunks (page, "start", "end", section, key, vector) VALUES (?, ?, ?, ?, ?, ?)',
                    (pages[chunk.page, chunk.record], chunk.start, chunk.end, chunk.section, key, blob),
                ).lastrowid
                if blob is not None:
                    self._db.execute("INSERT INTO journal VALUES (?, 0)", (number,))
            self._db.execute(
                "INSERT INTO words (rowid, text, section, title) SELECT id, text, section, title FROM passages "
                "WHERE id IN (SELECT chunks.id FROM chunks JOIN pages ON pages.id = page WHERE document = ?)",
                (owner,),
            )
            self._insert_file(report, owner)

    def put_log(self, report: FileReport, log: IndexedLog) -> None:
        """Store a log's events and text, replacing what was there."""
        with self._write():
            self._forget_file(report.root, report.path)
            owner = self._db.execute(
                "INSERT INTO documents (sha256, suffix, title) VALUES (?, ?, '')", (report.sha256, _suffix(report.path))
            ).lastrowid
            self._db.execute(
                "INSERT INTO logs VALUES (?, ?, ?, ?, ?, ?)",
                (owner, log.format, log.lines, log.events, log.values, log.findings),
            )
            self._db.executemany(
                "INSERT INTO log_columns VALUES (?, ?, ?)", [(owner, *column) for column in log.columns.items()]
            )
            self._db.executemany(
                "INSERT INTO log_blocks VALUES (?, ?, ?, ?)",
                [(owner, block.start, block.line, block.data) for block in log.blocks],
            )
            self._insert_file(report, owner)

    def _vector_of(self, key: int, chunk: Chunk) -> bytes | None:
        """The vector of a chunk with the same text below the same headings, if there is one."""
        rows = self._db.execute(
            "SELECT chunks.vector FROM chunks JOIN passages ON passages.id = chunks.id "
            "WHERE key = ? AND vector IS NOT NULL AND passages.section = ? AND passages.text = ? LIMIT 1",
            (key, chunk.section, chunk.text),  # two texts may have one key
        ).fetchone()
        return rows[0] if rows else None

    def without_vector(self, limit: int) -> list[tuple[int, str]]:
        """`(id, what is to be embedded)` of the first `limit` chunks that have no vector yet."""
        with _sentences(self.path):
            rows = self._db.execute("SELECT id FROM chunks WHERE vector IS NULL ORDER BY id LIMIT ?", (limit,))
            ids = [row[0] for row in rows]
        stored = self.chunks(ids)
        return [(chunk, stored[chunk].chunk.embedded) for chunk in ids]

    def set_vectors(self, ids: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Give chunks their vectors; row i of `vectors` `(n, dim)` belongs to chunk `ids[i]`."""
        with self._write():
            self._db.executemany("UPDATE chunks SET vector = ? WHERE id = ?", zip(pack(vectors), ids, strict=True))
            self._db.executemany("INSERT OR REPLACE INTO journal VALUES (?, 0)", [(chunk,) for chunk in ids])

    def note(self, report: FileReport) -> None:
        """Record a file that has no text of its own to store: unread, or a second name of a stored document."""
        with self._write():
            owner = None
            if report.status is FileStatus.INDEXED:
                owner = self._db.execute(
                    "SELECT id FROM documents WHERE sha256 = ? AND suffix = ?", (report.sha256, _suffix(report.path))
                ).fetchone()[0]
            self._forget_file(report.root, report.path, keep=owner)
            self._insert_file(report, owner)

    def remove(self, root: str, path: str) -> None:
        """Take a file out, and its text where no other file says the same."""
        with self._write():
            self._forget_file(root, path)

    def _insert_file(self, report: FileReport, document: int | None) -> None:
        self._db.execute("INSERT OR IGNORE INTO roots (path) VALUES (?)", (report.root,))
        self._db.execute(
            "INSERT INTO files (root, path, document, sha256, status, pages, pages_without_text, pages_ocr, "
            "pages_failed, pages_skipped, chunks, detail, lines, events) "
            "SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM roots WHERE path = ?",
            (
                report.path,
                document,
                report.sha256,
                report.status,
                report.pages,
                json.dumps(report.pages_without_text),
                json.dumps(report.pages_ocr),
                json.dumps(report.pages_failed),
                json.dumps(report.pages_skipped),
                report.chunks,
                report.detail,
                report.lines,
                report.events,
                report.root,
            ),
        )

    def _forget_file(self, root: str, path: str, keep: int | None = None) -> None:
        """Delete the row of a file and, unless it is `keep` or another file's too, its document."""
        row = self._db.execute(
            "SELECT files.id, document FROM files JOIN roots ON roots.id = root "
            "WHERE roots.path = ? AND files.path = ?",
            (root, path),
        ).fetchone()
        if row is None:
            return
        file, document = row
        self._db.execute("DELETE FROM files WHERE id = ?", (file,))
        shared = self._db.execute("SELECT 1 FROM files WHERE document = ? LIMIT 1", (document,)).fetchone()
        if document is None or document == keep or shared:
            return
        chunks = "SELECT chunks.id FROM chunks JOIN pages ON pages.id = page WHERE document = ?"
        # An external-content index forgets a row only when told the very words it was given.
        self._db.execute(
            "INSERT INTO words (words, rowid, text, section, title) "
            f"SELECT 'delete', id, text, section, title FROM passages WHERE id IN ({chunks})",
            (document,),
        )
        self._db.execute(f"INSERT OR REPLACE INTO journal SELECT id, 1 FROM ({chunks})", (document,))
        self._db.execute(f"DELETE FROM chunks WHERE id IN ({chunks})", (document,))
        self._db.execute("DELETE FROM hidden WHERE page IN (SELECT id FROM pages WHERE document = ?)", (document,))
        self._db.execute("DELETE FROM pages WHERE document = ?", (document,))
        self._db.execute("DELETE FROM abbreviations WHERE document = ?", (document,))
        for table in ("log_blocks", "log_columns", "logs"):
            self._db.execute(f"DELETE FROM {table} WHERE document = ?", (document,))
        self._db.execute("DELETE FROM documents WHERE id = ?", (document,))

    # --- erasing ------------------------------------------------------------------------------------------------

    def sole_content(self, reports: Sequence[FileReport]) -> tuple[list[str], list[bytes]]:
        """Texts (pages, titles, records' ids, abbreviations), vectors, pieces of packed logs that only these hold."""
        texts: list[str] = []
        vectors: list[bytes] = []
        with _sentences(self.path):
            for document in self._sole_documents(reports):
                title = self._db.execute("SELECT title FROM documents WHERE id = ?", (document,)).fetchone()[0]
                rows = self._db.execute("SELECT text, record, title FROM pages WHERE document = ?", (document,))
                texts += [title, *(text for row in rows for text in row if text)]
                rows = self._db.execute("SELECT short, long FROM abbreviations WHERE document = ?", (document,))
                texts += [text for row in rows for text in row]
                rows = self._db.execute(
                    "SELECT vector FROM chunks JOIN pages ON pages.id = page WHERE document = ? AND vector IS NOT NULL",
                    (document,),
                )
                vectors += [row[0] for row in rows]
                vectors += [piece for data in self._log_data(document) for piece in _samples(data)]
        return texts, vectors

    def other_names(self, reports: Sequence[FileReport]) -> list[str]:
        """Paths of other files with the same documents as these."""
        mine = {(report.root, report.path) for report in reports}
        with _sentences(self.path):
            rows = self._db.execute(
                "SELECT roots.path, files.path FROM files JOIN roots ON roots.id = root WHERE document IN "
                f"({','.join(map(str, self._documents(reports))) or 'NULL'}) ORDER BY files.path"
            ).fetchall()
        return [path for root, path in rows if (root, path) not in mine]

    def erase(self, reports: Sequence[FileReport], meanwhile: Callable[[], None] = lambda: None) -> None:
        """Take files out with every trace: their text, their folders if nothing else is there, mentions elsewhere.

        Args:
            meanwhile: called when they are out and can still come back: where it raises, they do.
        """
        with self._write():
            for report in reports:
                self._forget_file(report.root, report.path)
                self._db.execute(
                    "UPDATE files SET detail = replace(detail, ?, 'a file that was erased') WHERE instr(detail, ?)",
                    (report.path, report.path),
                )
            self._db.execute("DELETE FROM roots WHERE id NOT IN (SELECT root FROM files)")
            meanwhile()

    def texts(self) -> Iterator[str]:
        """Every text that is stored: pages, titles, records' ids, headings, abbreviations, reports, the schema's."""
        for query in (
            "SELECT text FROM pages",
            "SELECT title FROM documents",
            "SELECT coalesce(record, '') || ' ' || coalesce(title, '') FROM pages",
            "SELECT DISTINCT section FROM chunks",
            "SELECT short || ' ' || long FROM abbreviations",
            "SELECT path || ' ' || detail FROM files",
            "SELECT path FROM roots",
            "SELECT key || ' ' || value FROM meta",
            "SELECT sql FROM sqlite_master",
        ):
            with _sentences(self.path):
                for (text,) in self._db.execute(query):
                    if text:
                        yield text

    def exact_bytes(self) -> Iterator[bytes]:
        """Every vector, packed piece of a log, path and hash that is stored."""
        with _sentences(self.path):
            for (vector,) in self._db.execute("SELECT vector FROM chunks WHERE vector IS NOT NULL"):
                yield vector
            for (document,) in self._db.execute("SELECT document FROM logs").fetchall():
                yield from self._log_data(document)
            for row in self._db.execute(
                "SELECT files.path, sha256, roots.path FROM files JOIN roots ON roots.id = root"
            ):
                yield "\n".join(filter(None, row)).encode()

    def _log_data(self, document: int) -> Iterator[bytes]:
        """All that is stored of a log, packed."""
        for query in (
            'SELECT "values" FROM logs WHERE document = ?',
            "SELECT findings FROM logs WHERE document = ?",
            "SELECT data FROM log_columns WHERE document = ?",
            "SELECT data FROM log_blocks WHERE document = ?",
        ):
            for (data,) in self._db.execute(query, (document,)):
                yield data

    def _documents(self, reports: Sequence[FileReport]) -> list[int]:
        found = []
        for report in reports:
            row = self._db.execute(
                "SELECT document FROM files JOIN roots ON roots.id = root WHERE roots.path = ? AND files.path = ?",
                (report.root, report.path),
            ).fetchone()
            if row and row[0] is not None:
                found.append(row[0])
        return sorted(set(found))

    def _sole_documents(self, reports: Sequence[FileReport]) -> list[int]:
        """Documents that no file but these says."""
        mine = {(report.root, report.path) for report in reports}
        found = []
        for document in self._documents(reports):
            names = self._db.execute(
                "SELECT roots.path, files.path FROM files JOIN roots ON roots.id = root WHERE document = ?", (document,)
            ).fetchall()
            if set(names) <= mine:
                found.append(document)
        return found

    # --- reading text -------------------------------------------------------------------------------------------

    def page(self, path: str, number: int | None, record: str | None = None) -> tuple[str, str, Page] | None:
        """`(root, sha256, page)` of a file's page, of its record, or of its whole text if it has neither; or None."""
        with _sentences(self.path):
            row = self._db.execute(
                "SELECT roots.path, files.sha256, pages.number, pages.record, pages.title, pages.ocr, pages.text, "
                "pages.id FROM files JOIN roots ON roots.id = files.root JOIN pages ON pages.document = files.document "
                "WHERE files.path = ? AND pages.number IS ? AND pages.record IS ? ORDER BY pages.id LIMIT 1",
                (path, number, record),
            ).fetchone()
            if row is None:
                return None
            spans = self._db.execute('SELECT "start", "end", why FROM hidden WHERE page = ? ORDER BY 1', (row[-1],))
            hidden = tuple(Hidden(*span) for span in spans)
        root, sha256, number, record, title, ocr, text, _ = row
        return root, sha256, Page(path, number, text, record, title, bool(ocr), hidden)

    def hidden(self, ids: Sequence[int]) -> dict[int, list[Hidden]]:
        """What nobody sees of these chunks, in order; chunks that are seen whole are left out. Offsets of the page."""
        query = (
            'SELECT chunks.id, max(hidden."start", chunks."start"), min(hidden."end", chunks."end"), why '
            "FROM chunks JOIN hidden ON hidden.page = chunks.page "
            'AND hidden."start" < chunks."end" AND hidden."end" > chunks."start" '
            "WHERE chunks.id IN ({marks}) ORDER BY 1, 2"
        )
        found: dict[int, list[Hidden]] = {}
        for chunk, *span in self._select(query, ids):
            found.setdefault(chunk, []).append(Hidden(*span))
        return found

    def hidden_pages(self) -> list[tuple[str, str, int | None, str | None, int]]:
        """`(root, path, page, record, characters)` of every page with text that nobody sees, by file and page."""
        with _sentences(self.path):
            return self._db.execute(
                'SELECT roots.path, files.path, number, record, sum("end" - "start") FROM hidden '
                "JOIN pages ON pages.id = hidden.page JOIN files ON files.document = pages.document "
                "JOIN roots ON roots.id = files.root GROUP BY files.id, pages.id ORDER BY 1, 2, pages.id"
            ).fetchall()

    def pages(self) -> Iterator[tuple[str, str, Page]]:
        """`(root, path, page)` of every page of every file, each name of a document in turn."""
        with _sentences(self.path):
            for root, path, number, record, title, ocr, text in self._db.execute(
                "SELECT roots.path, files.path, pages.number, pages.record, pages.title, pages.ocr, pages.text "
                "FROM files JOIN roots ON roots.id = files.root JOIN pages ON pages.document = files.document "
                "ORDER BY roots.path, files.path, files.id, pages.id"
            ):
                yield root, path, Page(path, number, text, record, title, bool(ocr))

    def chunks(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        """The chunks with these ids, each under the first name of its document. Ids that are gone are left out."""
        return {row[0]: _stored(row) for row in self._select(_STORED, ids)}

    def vectors(self, ids: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """Unit vectors float32 `(dim,)` of the chunks with these ids; those that have none yet are left out."""
        rows = list(self._select("SELECT id, vector FROM chunks WHERE vector IS NOT NULL AND id IN ({marks})", ids))
        return dict(zip([row[0] for row in rows], unpack([row[1] for row in rows]), strict=True))

    def all_vectors(self, batch: int = 10_000) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """`(ids (n,), unit vectors (n, dim))` of all chunks that have one, by id, `batch` at a time."""
        last = 0
        while True:
            with _sentences(self.path):
                rows = self._db.execute(
                    "SELECT id, vector FROM chunks WHERE vector IS NOT NULL AND id > ? ORDER BY id LIMIT ?",
                    (last, batch),
                ).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield np.array([row[0] for row in rows]), unpack([row[1] for row in rows])

    def stored_files(self) -> list[StoredFile]:
        """Every file whose text is stored, under each of its names."""
        with _sentences(self.path):
            rows = self._db.execute(
                "SELECT document, roots.path, files.path FROM files JOIN roots ON roots.id = root "
                "WHERE document IS NOT NULL ORDER BY files.id"
            ).fetchall()
        return [StoredFile(*row) for row in rows]

    def sections_of(self, documents: Collection[int]) -> list[tuple[int, str]]:
        """`(id, section)` of the chunks of these documents."""
        query = "SELECT chunks.id, section FROM chunks JOIN pages ON pages.id = page WHERE document IN ({marks})"
        return list(self._select(query, sorted(documents)))

    def names(self) -> list[tuple[int, str, str]]:
        """`(document, its title, path)` of every file whose text is stored; "" where a document has no title."""
        with _sentences(self.path):
            return self._db.execute(
                "SELECT documents.id, documents.title, files.path FROM files "
                "JOIN documents ON documents.id = files.document ORDER BY files.id"
            ).fetchall()

    def around(self, ids: Sequence[int], block: int) -> dict[int, str]:
        """The text of each chunk's page: the `block` characters that it begins in, the block before, and the one after.

        Chunks that begin in one block have one and the same text around them.
        """
        query = (
            f'SELECT chunks.id, substr(pages.text, max("start" / {block:d} - 1, 0) * {block:d} + 1, {3 * block:d}) '
            "FROM chunks JOIN pages ON pages.id = page WHERE chunks.id IN ({marks})"
        )
        return dict(self._select(query, ids))

    def chunks_of(self, documents: Collection[int]) -> dict[int, int]:
        """Each chunk of these documents, with its document."""
        query = "SELECT chunks.id, document FROM chunks JOIN pages ON pages.id = page WHERE document IN ({marks})"
        return dict(self._select(query, sorted(documents)))

    # --- reading logs -------------------------------------------------------------------------------------------

    def logs(self) -> list[StoredLog]:
        """Every log, under the first name of its document, by that name."""
        with _sentences(self.path):
            rows = self._db.execute(
                "SELECT logs.document, roots.path, files.path, documents.sha256, format, logs.lines, logs.events, "
                "(SELECT json_group_array(other.path) FROM files AS other WHERE other.document = logs.document "
                "AND other.id != files.id) FROM logs JOIN documents ON documents.id = logs.document "
                "JOIN files ON files.id = (SELECT min(id) FROM files WHERE document = logs.document) "
                "JOIN roots ON roots.id = files.root ORDER BY files.path, roots.path"
            ).fetchall()
        return [
            StoredLog(document, root, path, sha256, form, lines, events, tuple(json.loads(also)))
            for document, root, path, sha256, form, lines, events, also in rows
        ]

    def log(self, path: str) -> StoredLog | None:
        """The log of this name; the first where several folders have one."""
        return next((log for log in self.logs() if path in (log.path, *log.also)), None)

    def log_column(self, document: int, name: str) -> bytes:
        """A column of a log's events, packed."""
        with _sentences(self.path):
            query = "SELECT data FROM log_columns WHERE document = ? AND name = ?"
            return bytes(self._db.execute(query, (document, name)).fetchone()[0])

    def log_facts(self, document: int) -> tuple[bytes, bytes]:
        """The values of a log's fields, and its findings, packed."""
        with _sentences(self.path):
            row = self._db.execute('SELECT "values", findings FROM logs WHERE document = ?', (document,)).fetchone()
        return row[0], row[1]

    def log_blocks(self, document: int, first: int = 1, last: int | None = None) -> Iterator[Block]:
        """The blocks of a log's text that hold the lines `first` to `last`, in order; all from `first` without it."""
        begin = 'SELECT max("start") FROM log_blocks WHERE document = ? AND (line < ? OR "start" = 0)'
        query = 'SELECT "start", line, data FROM log_blocks WHERE document = ? AND "start" = ?'
        following = 'SELECT min("start") FROM log_blocks WHERE document = ? AND "start" > ? AND line <= ?'
        until = last if last is not None else 1 << 62
        with _sentences(self.path):
            place = self._db.execute(begin, (document, first)).fetchone()[0]
            while place is not None:
                yield Block(*self._db.execute(query, (document, place)).fetchone())
                place = self._db.execute(following, (document, place, until)).fetchone()[0]

    def size(self) -> int:
        """How many chunks there are."""
        with _sentences(self.path):
            return int(self._db.execute("SELECT count(*) FROM chunks").fetchone()[0])

    def vectors_size(self) -> int:
        """How many chunks have their vector."""
        with _sentences(self.path):
            return int(self._db.execute("SELECT count(*) FROM chunks WHERE vector IS NOT NULL").fetchone()[0])

    def problems(self) -> list[str]:
        """What is wrong with the file itself, in words; empty if it is sound. Reads all of it."""
        try:
            with _sentences(self.path):
                found = [row[0] for row in self._db.execute("PRAGMA integrity_check(10)") if row[0] != "ok"]
                if broken := self._db.execute("PRAGMA foreign_key_check").fetchall():
                    found.append(f"{len(broken)} rows point to rows that are gone")
                if not found:
                    # Rank 1 compares the word index with the text itself, not with its own pages alone.
                    with self._write(announced=False):
                        self._db.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
        except IndexDamaged as error:
            return [str(error)]
        return [f"{self.path}: {text}; run `rag verify --repair`." for text in found]

    # --- words --------------------------------------------------------------------------------------------------

    def match(self, expression: str, limit: int, only: Set[int] | None = None) -> dict[int, float]:
        """BM25 of the best chunks for an FTS5 expression: 0 or more, higher is better, at most `limit` of them."""
        with _sentences(self.path):
            limited = "" if only is not None else f" LIMIT {limit}"
            rows = self._db.execute(f"{_MATCH} ORDER BY score DESC{limited}", (expression,))
            found: dict[int, float] = {}
            for chunk, score in rows:
                if only is None or chunk in only:
                    found[chunk] = max(score, 0.0)  # a word in over half of all chunks has a weight just below zero
                if len(found) == limit:
                    break
        return found

    def match_among(self, expression: str, ids: Sequence[int]) -> dict[int, float]:
        """BM25 as in `match` of those chunks among `ids` that hold any of its words."""
        if not expression or not ids:
            return {}
        # The + keeps SQLite from asking the word index anew for each id, which counts all words again each time.
        rows = self._select(f"{_MATCH} AND +rowid IN ({{marks}})", ids, expression)
        return {chunk: max(score, 0.0) for chunk, score in rows}

    def document_frequency(self, terms: Sequence[str]) -> dict[str, int]:
        """How many chunks each FTS5 expression of `terms` matches."""
        with _sentences(self.path):
            return {
                term: self._db.execute("SELECT count(*) FROM words WHERE words MATCH ?", (term,)).fetchone()[0]
                for term in terms
            }

    def abbreviations(self, texts: Sequence[str]) -> list[tuple[str, str]]:
        """`(short, long)` pairs one of which is among `texts`, in any case; what most documents say comes first."""
        counts: dict[tuple[str, str], int] = {}
        for column in ("short", "long"):
            query = f"SELECT short, long, count(*) FROM abbreviations WHERE {column} IN ({{marks}}) GROUP BY 1, 2"
            counts |= {(short, long): count for short, long, count in self._select(query, texts)}
        return sorted(counts, key=lambda pair: (-counts[pair], pair))

    def all_abbreviations(self) -> list[tuple[str, str]]:
        """`(short, long)` of every document, each once."""
        with _sentences(self.path):
            return self._db.execute("SELECT DISTINCT short, long FROM abbreviations ORDER BY 1, 2").fetchall()

    def vocabulary(self, first: str) -> list[tuple[str, int]]:
        """`(stem, how many chunks have it)` of the indexed words that begin with the letter `first`."""
        with _sentences(self.path):
            self._db.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab (main, words, row)")
            query = "SELECT term, doc FROM temp.vocabulary WHERE term >= ? AND term < ?"
            return self._db.execute(query, (first, f"{first}\U0010ffff")).fetchall()

    # --- the vector index's debts -------------------------------------------------------------------------------

    def owed(self) -> tuple[list[int], list[int]]:
        """Chunks that the vector index has yet to be told of: `(added, gone)`."""
        with _sentences(self.path):
            rows = self._db.execute("SELECT chunk, gone FROM journal ORDER BY chunk").fetchall()
        return [chunk for chunk, gone in rows if not gone], [chunk for chunk, gone in rows if gone]

    def settle(self, ids: Sequence[int]) -> None:
        """Strike chunks off the journal once the vector index has them on disk."""
        with self._write():
            self._db.executemany("DELETE FROM journal WHERE chunk = ?", [(chunk,) for chunk in ids])

    def compact(self) -> None:
        """Merge the word index whole: it is smaller then, and words of deleted chunks, only marked so far, are gone."""
        with self._write():
            self._db.execute("INSERT INTO words (words) VALUES ('optimize')")

    def vacuum(self, *, always: bool = False) -> None:
        """Write the file anew without the room that deleted rows have left, if that is much, or `always`."""
        with _sentences(self.path):
            free = self._db.execute("PRAGMA freelist_count").fetchone()[0]
            if always or free > _FREE * self._db.execute("PRAGMA page_count").fetchone()[0]:
                self._before_writing()
                self._db.execute("VACUUM")

    def checkpoint(self) -> None:
        """Bring everything from the write-ahead log into the file itself, and empty the log.

        Raises LockedError where a reader of an older state holds it for longer than a writer waits.
        """
        with _sentences(self.path):
            busy = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise LockedError(f"{self.path} is being read by another process; wait for it and run the command again.")

    def owe_everything(self) -> None:
        """Put every chunk on the journal: the vector index is to be built anew."""
        with self._write():
            self._db.execute("DELETE FROM journal")
            self._db.execute("INSERT INTO journal SELECT id, 0 FROM chunks WHERE vector IS NOT NULL")

    # --- plumbing -----------------------------------------------------------------------------------------------

    def _select(self, query: str, ids: Sequence[int | str], *before: str) -> Iterator[tuple]:  # type: ignore[type-arg]
        """Rows of a query with `{marks}` where the ids stand, and `before` for the placeholders before them."""
        with _sentences(self.path):
            for first in range(0, len(ids), _MARKS):
                part = ids[first : first + _MARKS]
                yield from self._db.execute(query.format(marks=",".join("?" * len(part))), (*before, *part)).fetchall()

    @contextmanager
    def _write(self, *, announced: bool = True) -> Iterator[None]:
        if announced:
            self._before_writing()
        with _sentences(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk may have rolled it back already
                    self._db.execute("ROLLBACK")
                raise


_WEIGHTS = ", ".join(str(weight) for weight in FIELD_WEIGHTS)
_MATCH = f"SELECT rowid, -bm25(words, {_WEIGHTS}) AS score FROM words WHERE words MATCH ?"

_REPORTS = (
    "SELECT files.path, roots.path, files.sha256, status, pages, pages_without_text, chunks, detail, pages_ocr, "
    "pages_failed, pages_skipped, lines, events "
    "FROM files JOIN roots ON roots.id = files.root"
)

# min(files.id) keeps one row a chunk: the document's first name.
_STORED = (
    'SELECT chunks.id, files.path, pages.number, pages.record, chunks.section, chunks."start", chunks."end", '
    'substr(pages.text, chunks."start" + 1, chunks."end" - chunks."start"), roots.path, documents.sha256, '
    "trim(documents.title || ' ' || coalesce(pages.title, '')), pages.ocr, "
    "(SELECT json_group_array(other.path) FROM files AS other WHERE other.document = documents.id "
    "AND other.id != files.id) "
    "FROM chunks JOIN pages ON pages.id = chunks.page JOIN documents ON documents.id = pages.document "
    "JOIN files ON files.id = (SELECT min(id) FROM files WHERE document = documents.id) "
    "JOIN roots ON roots.id = files.root WHERE chunks.id IN ({marks})"
)


def _stored(row: tuple) -> StoredChunk:  # type: ignore[type-arg]
    number, path, page, record, section, start, end, text, root, sha256, title, ocr, also = row
    chunk = Chunk(path, page, record, section, start, end, text)
    return StoredChunk(number, chunk, root, sha256, title, bool(ocr), tuple(json.loads(also)))


def _report(row: tuple) -> FileReport:  # type: ignore[type-arg]
    path, root, sha256, status, pages, without, chunks, detail, ocr, failed, skipped, lines, events = row
    return FileReport(
        path,
        root,
        sha256,
        FileStatus(status),
        pages,
        tuple(json.loads(without)),
        chunks,
        detail,
        tuple(json.loads(ocr)),
        tuple(json.loads(failed)),
        tuple(json.loads(skipped)),
        lines,
        events,
    )


def _samples(data: bytes) -> Iterator[bytes]:
    """Pieces of packed data by which it would be recognised, wherever it were left."""
    for start in range(_HEADER, len(data) - _SAMPLE + 1, _SAMPLED):
        yield data[start : start + _SAMPLE]


def _key(text: str) -> int:
    """A signed 64-bit hash, as SQLite's integers are."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into sentences that say what to do."""
    try:
        yield
    except StrongroomError:
        raise
    except database.errors() as error:
        text = str(error)
        if isinstance(error, database.operational()):
            if "full" in text or "disk I/O" in text:
                raise StorageError(
                    f"{path.parent} cannot take more data ({text}); free some space and run the command again. "
                    "What was indexed before is kept."
                ) from error
            if "readonly" in text or "unable to open" in text:
                raise StorageError(
                    f"{path} cannot be written ({text}); check its permissions or choose another home with --home DIR."
                ) from error
            if "locked" in text:
                raise LockedError(f"{path} is locked by another process; wait for it and try again.") from error
        raise IndexDamaged(
            f"{path} is damaged ({text}); run `rag verify --repair`. The documents themselves are untouched."
        ) from error
