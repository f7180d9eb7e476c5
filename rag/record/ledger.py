"""The record on disk: a file of lines, its head beside it, and a lock. Knows nothing about what is recorded.

    record.jsonl   one entry a line, the oldest first
    head.json      where it ends: number and hash of the last entry, length in bytes; HEAD bytes, written in place

To append, the head is told first what comes (`next`), then the line is written, then the head moves on. Whatever is cut
off in between (a kill, a full disk, a power failure) is told from a change: half a line that the head has announced is
taken away by the next append; half a line that nobody has announced is damage. What has to be rewritten (a redaction,
entries whose time is over) is written aside and moved into place, with the same announcement.

In an encrypted home each line, and the head, is encrypted by itself, and the chain runs over what they say: an append
still touches nothing that was written, hashes stay what they were when the home was in plain, and whoever has no key
can neither read nor write an entry. Verifying needs the key.
"""

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import IO, Any

from ingest.errors import NothingFound, RecordDamaged, StorageError
from rag.record.chain import REDACTION, RETENTION, Head, Problem, check
from rag.record.entry import Entry, Leaf, canonical, entry, parse
from rag.store.lock import write_lock
from rag.store.seal import sync
from rag.vault.cipher import MORE, Key, decoded, decoded_line, encoded, encoded_line, is_encrypted

RECORD, HEAD_FILE = "record.jsonl", "head.json"
HEAD = 512  # bytes of the head: written in place it needs no new room on a full disk, and less than a sector is whole
PATIENCE = 10.0  # seconds that an append waits for others; each takes about a millisecond
LINE, END = "entry", "head"  # what lines and the head are, where they are encrypted
_READ = 1 << 16  # bytes

Drop = Callable[[Entry], Sequence[int]]
"""Which leaves of an entry are to be dropped, by their places."""


class Ledger:
    """The record in one folder. Every method may be called by many processes at once."""

    def __init__(self, folder: Path, key: Key | None = None) -> None:
        """`key`: of the home, where it is encrypted."""
        self.folder, self._key = folder, key
        self._record, self._head = folder / RECORD, folder / HEAD_FILE

    def exists(self) -> bool:
        """Whether anything was ever recorded here."""
        return self._record.exists() or self._head.exists()

    def append(self, kind: str, facts: Mapping[str, Any], leaves: Sequence[Leaf] = (), *, days: int = 0) -> Entry:
        """Write an entry; on disk before this returns.

        Args:
            days: entries older than this are removed first; 0: none.

        Raises:
            StorageError: it cannot be written; the record is as it was.
            LockedError: other processes held the record for longer than PATIENCE.
            RecordDamaged: the record is not as it was left; nothing was written.
        """
        with self._writing() as head:
            now = datetime.now(UTC)
            if days and head.count:
                head = self._retain(head, now, days)
            made = entry(head.count + 1, _written(now), kind, facts, leaves, head.hash)
            self._add(head, made)
        return made

    def redact(self, drop: Drop, why: str) -> tuple[int, ...]:
        """Drop leaves from entries, and write an entry that says from which. Returns their numbers.

        All of it or nothing, whatever happens in between. Raises as `append`.
        """
        if not self.exists():
            return ()
        with self._writing() as head:
            gone = {
                one.number: places
                for one in self._entries(head)
                if (places := sorted(set(drop(one)) - set(one.dropped)))
            }

            def closing(previous: Head) -> Entry:
                facts = {"why": why, "entries": {str(number): places for number, places in gone.items()}}
                return entry(previous.count + 1, _written(datetime.now(UTC)), REDACTION, facts, (), previous.hash)

            if gone:
                self._rewrite(head, (one.without(gone.get(one.number, ())) for one in self._entries(head)), closing)
        return tuple(gone)

    def entries(self) -> Iterator[Entry]:
        """Every entry, oldest first. Raises RecordDamaged at a line that is none."""
        if self.exists():
            with self._reading() as (head, file, _):
                yield from self._parsed(file, head)

    def entry(self, number: int) -> Entry:
        """One entry. Raises NothingFound."""
        for one in self.entries():
            if one.number == number:
                return one
        raise NothingFound(f"The record has no entry {number}; `rag record list` shows which there are.")

    def head(self) -> Head:
        """Where the record ends."""
        if not self.exists():
            return Head()
        with self._reading() as (head, _, __):
            return head

    def problems(self, kept: Head | None = None) -> list[Problem]:
        """Everything that is not as it was written; see `rag.record.chain.check`."""
        try:
            with self._reading() as (head, file, behind):
                found = check(map(self._readable, _lines(file, head.bytes)), head, kept)
        except RecordDamaged as error:
            return [Problem(None, str(error))]
        if behind > 0:
            found.append(Problem(None, f"Behind entry {head.count} stand {behind} bytes that its head does not name."))
        elif behind < 0 and not found:
            found.append(Problem(None, f"The record is {-behind} bytes shorter than its head says."))
        return found

    def encrypt(self, after: Key | None) -> None:
        """Encrypt the record by another key, or have it in plain (None); what was cut off is finished.

        Its chain stays, to the last hash. From here on this ledger has that key.

        Raises:
            RecordDamaged: the record is not as it was written; nothing was changed.
        """
        with self._locked():
            self._take_over()
            if self._head.exists() and is_encrypted(self._head) != (after is not None):
                self._copy(after)
                self._take_over()
        self._key = after

    def _take_over(self) -> None:
        """Move a record that was written anew, with its head, into place; one that was not finished goes."""
        lines, head = self.folder / f"{RECORD}.new", self.folder / f"{HEAD_FILE}.new"
        if head.exists():  # it was written last: the lines are whole, or in their place already
            if lines.exists():
                lines.replace(self._record)
                sync(self.folder)
            head.replace(self._head)
            sync(self.folder)
        lines.unlink(missing_ok=True)

    def _copy(self, after: Key | None) -> None:
        """Write beside the record line by line what it says, and then its head, encrypted otherwise."""
        lines, ready = self.folder / f"{RECORD}.new", self.folder / f"{HEAD_FILE}.new"
        head, behind = self._state()
        if behind and not self._announced():
            raise self._damaged(f"{self._record} is not as long as its head says")
        with self._open() as file:
            if check(map(self._readable, _lines(file, head.bytes)), head):
                raise self._damaged(f"{self._record} is not as it was written")
            file.seek(0)
            size = 0
            with os.fdopen(os.open(lines, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
                for line in _lines(file, head.bytes):
                    size += target.write(encoded_line(after, decoded_line(self._key, line, LINE), LINE))
        sync(lines)
        aside = self.folder / f"{HEAD_FILE}.part"
        aside.write_bytes(_head_bytes(Head(head.count, head.hash, size), None, after))
        sync(aside)
        aside.replace(ready)
        sync(self.folder)

    # --- under the lock -----------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with write_lock(self.folder, PATIENCE):
                yield
        except OSError as error:
            raise StorageError(
                f"Cannot write {self.folder} ({error.strerror}); free some space or check its permissions."
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[Head]:
        """Hold the record, with what a cut-off change has left taken away."""
        with self._locked():
            (self.folder / f"{RECORD}.new").unlink(missing_ok=True)
            head, behind = self._state()
            if behind < 0 or (behind and not self._announced()):
                raise self._damaged(f"{self._record} is not as long as its head says")
            if behind:
                os.truncate(self._record, head.bytes)
            if not self._head.exists() or self._announced():
                self._write_head(head)
            yield head

    @contextmanager
    def _reading(self) -> Iterator[tuple[Head, IO[bytes], int]]:
        """The head, the record as it is now, and how many bytes too much (or too few, negative) it has.

        Where nothing can be written nobody writes: then no lock is needed.
        """
        if os.access(self.folder, os.W_OK):
            with self._locked():
                head, behind = self._state()
                behind = 0 if behind > 0 and self._announced() else behind
                file = self._open()
        else:
            (head, behind), file = self._state(), self._open()
        with file:
            yield head, file, behind

    def _open(self) -> IO[bytes]:
        if not self._record.exists():
            return Path(os.devnull).open("rb")
        return self._record.open("rb")

    def _state(self) -> tuple[Head, int]:
        """Where the record ends, whether or not the last change was cut off, and how many bytes it has behind that."""
        size = self._record.stat().st_size if self._record.exists() else 0
        if not self._head.exists():
            if size:
                raise self._damaged(f"{self._head} is gone")
            return Head(), 0
        head, coming = self._read_head()
        # A rewritten record may be as long as it was before: its last entry tells.
        if coming is not None and size == coming.bytes and self._last_hash(size) == coming.hash:
            head = coming
        return head, size - head.bytes

    def _announced(self) -> bool:
        return self._head.exists() and self._read_head()[1] is not None

    def _add(self, head: Head, made: Entry) -> None:
        line, new = self._line(made), not self._record.exists()
        after = Head(made.number, made.hash, head.bytes + len(line))
        self._write_head(head, after)
        try:
            descriptor = os.open(self._record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                rest = memoryview(line)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                _flush(descriptor)
            finally:
                os.close(descriptor)
            if new:
                sync(self.folder)
        except OSError:
            if self._record.exists():
                os.truncate(self._record, head.bytes)
            self._write_head(head)
            raise
        self._write_head(after)

    def _rewrite(self, head: Head, kept: Iterator[Entry], closing: Callable[[Head], Entry]) -> Head:
        """Put `kept` and an entry that says what is gone in the place of the record."""
        aside = self.folder / f"{RECORD}.new"
        size = 0
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for one in kept:
                size += file.write(self._line(one))
            last = closing(head)
            size += file.write(self._line(last))
            file.flush()
            os.fsync(file.fileno())
        after = Head(last.number, last.hash, size)
        self._write_head(head, after)
        aside.replace(self._record)
        sync(self.folder)
        self._write_head(after)
        return after

    def _retain(self, head: Head, now: datetime, days: int) -> Head:
        """Remove the entries that are older than `days` from the front.

        Only where the oldest is a whole day older: else each append would write the record anew.
        """

        def age(one: Entry) -> float:
            return (now - datetime.fromisoformat(one.time)).total_seconds() / 86_400

        first = next(self._entries(head), None)
        if first is None or age(first) <= days + 1:
            return head
        last = deque(takewhile(lambda one: age(one) > days, self._entries(head)), maxlen=1)[0]
        kept = (one for one in self._entries(head) if one.number > last.number)

        def closing(previous: Head) -> Entry:
            facts = {"days": days, "from": first.number, "through": last.number, "hash": last.hash}
            return entry(previous.count + 1, _written(now), RETENTION, facts, (), previous.hash)

        return self._rewrite(head, kept, closing)

    # --- bytes --------------------------------------------------------------------------------------------------

    def _write_head(self, head: Head, coming: Head | None = None) -> None:
        descriptor = os.open(self._head, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(descriptor, _head_bytes(head, coming, self._key), 0)
            if coming is not None:  # on disk before the line is; that it moved on can be found out from the line
                _flush(descriptor)
        finally:
            os.close(descriptor)

    def _read_head(self) -> tuple[Head, Head | None]:
        """Where the record ends, and where it will once the change that was announced is complete."""
        try:
            data = decoded(self._key, self._head.read_bytes(), END)
            fields = json.loads(data)
            coming = fields.pop("next")
            head, after = Head(**fields), Head(**coming) if coming is not None else None
            if _padded(head, after, self._key) == data and type(head.count) is type(head.bytes) is int:
                return head, after
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        raise self._damaged(f"{self._head} is not as it was written")

    def _last_hash(self, size: int) -> str | None:
        """The hash of the entry that ends at byte `size`."""
        with self._record.open("rb") as file:
            line, start = b"", size
            while start and b"\n" not in line[:-1]:
                start = max(start - _READ, 0)
                file.seek(start)
                line = file.read(size - start)
        try:
            return self._parse(line[:-1].rpartition(b"\n")[2] + b"\n").hash
        except ValueError:
            return None

    def _entries(self, head: Head) -> Iterator[Entry]:
        with self._open() as file:
            yield from self._parsed(file, head)

    def _parsed(self, file: IO[bytes], head: Head) -> Iterator[Entry]:
        for place, line in enumerate(_lines(file, head.bytes), start=1):
            try:
                yield self._parse(line)
            except ValueError as error:
                raise self._damaged(f"Line {place} of {self._record} is not as it was written") from error

    def _line(self, made: Entry) -> bytes:
        """An entry as it is written to disk."""
        return encoded_line(self._key, made.line(), LINE)

    def _parse(self, line: bytes) -> Entry:
        """The entry of a line on disk. Raises ValueError where it is none."""
        return parse(decoded_line(self._key, line, LINE))[0]

    def _readable(self, line: bytes) -> bytes:
        """What a line on disk says; nothing, which is no entry, where it does not decrypt."""
        try:
            return decoded_line(self._key, line, LINE)
        except ValueError:
            return b""

    def _damaged(self, what: str) -> RecordDamaged:
        return RecordDamaged(
            f"{what}; `rag record verify` tells what is wrong. Keep {self.folder} as evidence: move it elsewhere, and "
            "a new record begins."
        )


def _lines(file: IO[bytes], limit: int) -> Iterator[bytes]:
    """Lines of the first `limit` bytes."""
    for line in file:
        line = line[:limit]
        limit -= len(line)
        if line:
            yield line


def _padded(head: Head, coming: Head | None, key: Key | None) -> bytes:
    """A head as long as it has to be for HEAD bytes on disk."""
    fields = asdict(head) | {"next": asdict(coming) if coming else None}
    return canonical(fields).ljust(HEAD - (0 if key is None else MORE) - 1) + b"\n"


def _head_bytes(head: Head, coming: Head | None, key: Key | None) -> bytes:
    """A head as it is written to disk: HEAD bytes."""
    return encoded(key, _padded(head, coming, key), END)


def _written(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")


# Waits for what was written, not for times of last change; macOS has no such call.
_flush = getattr(os, "fdatasync", os.fsync)
