"""Bytes to numbered lines: gzip, encodings, and the bounds that hostile files meet. Knows nothing about log formats.

A line ends at "\\n" (a "\\r" before it is dropped). What is not UTF-8 becomes U+FFFD, which is visible and counted.
"""

import codecs
import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from ingest.errors import ReadError
from ingest.logs.evtx import MAGIC, EvtxLines
from ingest.types import FileStatus

HEAD_BYTES = 1 << 18
"""What recognition looks at: enough for a thousand lines, little enough to read of every file in a folder."""

BLOCK = 1 << 20  # bytes read at a time

LINE_MAX = 1 << 24
"""Characters kept of one line. The longest real lines are CloudTrail documents, which `Text.chunks` reads in pieces."""

GZIP_FREE = 1 << 28
GZIP_RATIO = 500
"""A gzip stream may unpack to `GZIP_FREE` bytes, and beyond that to `GZIP_RATIO` times its size. Repetitive logs pack
100:1 to 200:1; gzip's own limit, which bombs reach, is about 1,030:1."""

CONTROL_MAX = 0.01
"""Share of control bytes in the head above which a file is no text. Logs with terminal colours stay far below."""

_TEXT_BYTES = bytes(range(32, 256)) + b"\t\n\r\f\v\b\x1b"
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class _Source(Protocol):
    """Bytes, unpacked or as they are."""

    def read1(self, size: int, /) -> bytes:
        """At most `size` bytes, as many as one look gives; b"" at the end."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class _Meter(io.RawIOBase):
    """A raw file up to the size that it had when it was opened, and what was taken from it."""

    def __init__(self, raw: io.FileIO, on_progress: Callable[[int], None] | None) -> None:
        self._raw = raw
        self._on_progress = on_progress
        self._status = os.fstat(raw.fileno())
        self._digest = hashlib.sha256()
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # a writable buffer, as RawIOBase demands
        count = self._raw.readinto(view[: max(0, self._status.st_size - self.taken)])
        self._digest.update(view[:count])
        self.taken += count
        if self._on_progress and count:
            self._on_progress(count)
        return count

    @property
    def sha256(self) -> str:
        """Of the bytes that were taken, hex."""
        return self._digest.hexdigest()

    def change(self) -> str | None:
        """What became of the file while it was read, if anything."""
        before, now = self._status, os.fstat(self._raw.fileno())
        if self.taken < before.st_size:
            return (
                f"The file shrank while it was read: of {before.st_size:,} bytes {self.taken:,} were there to be read. "
                "Run the command again when nothing writes to it."
            )
        if now.st_size > before.st_size:
            return (
                f"The file grew while it was read: its first {before.st_size:,} bytes were counted, what came later "
                f"(so far {now.st_size - before.st_size:,} bytes) was not."
            )
        if now.st_mtime_ns != before.st_mtime_ns:
            return "The file was written to while it was read; run the command again when nothing writes to it."
        return None

    def close(self) -> None:
        self._raw.close()
        super().close()


class Text:
    """An open log as text. `lines` for line formats, `chunks` for documents; use one of them, once.

    Raises ReadError for what is not text, cannot be opened, or unpacks without bound.
    """

    def __init__(self, path: Path, on_progress: Callable[[int], None] | None = None) -> None:
        try:
            raw = io.FileIO(path)
        except OSError as error:
            raise ReadError(FileStatus.FAILED, f"{path.name} cannot be opened: {error.strerror}.") from error
        self.name = path.name
        self.notes: list[str] = []
        self._meter = _Meter(raw, on_progress)
        buffered = io.BufferedReader(self._meter, 1 << 20)
        self.compressed = buffered.peek(2)[:2] == b"\x1f\x8b"
        self._bytes: _Source = gzip.GzipFile(fileobj=buffered) if self.compressed else buffered
        self._buffered = buffered
        if buffered.peek(len(MAGIC))[: len(MAGIC)] == MAGIC:
            try:
                self._bytes = EvtxLines(path, buffered.read1, self.notes.append)
            except ReadError:
                self.close()
                raise
        self._unpacked = 0
        self._first = b""
        try:
            self._encoding = self._open_head()
        except ReadError:
            self.close()
            raise
        self._decoder = codecs.getincrementaldecoder(self._encoding)(errors="replace")

    def __enter__(self) -> "Text":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._bytes.close()
        self._buffered.close()

    def finish(self) -> str:
        """SHA-256 (hex) of the bytes of the file, as far as they were read; notes what changed meanwhile."""
        if (change := self._meter.change()) is not None:
            self.notes.append(change)
        return self._meter.sha256

    @property
    def head(self) -> str:
        """The beginning, decoded, for recognition. Its last line may be cut."""
        return self._first.decode(self._encoding, errors="replace")

    @property
    def head_is_all(self) -> bool:
        """Whether `head` is the whole file."""
        return len(self._first) < HEAD_BYTES

    @property
    def is_utf8(self) -> bool:
        """Whether the text is read as UTF-8."""
        return self._encoding.startswith("utf-8")

    def blocks(self) -> Iterator[bytes]:
        """The unpacked bytes in blocks of about a megabyte, `head` included, a byte order mark of UTF-8 left out."""
        yield self._first.removeprefix(codecs.BOM_UTF8)
        while data := self._read(BLOCK):
            yield data

    def chunks(self) -> Iterator[str]:
        """The decoded text in pieces of about a million characters, `head` included."""
        yield self._decoder.decode(self._first)
        while data := self._read(BLOCK):
            yield self._decoder.decode(data)
        yield self._decoder.decode(b"", final=True)

    def lines(self) -> Iterator[tuple[int, str]]:
        """(1-based number, line without its end). The last line is there even if nothing ends it."""
        number = 0
        rest: list[str] = []  # pieces of a line whose end has not come yet
        length = 0  # characters in `rest`
        for chunk in self.chunks():
            pieces = chunk.split("\n")
            for piece in pieces[:-1]:
                number += 1
                if rest:
                    piece = "".join((*rest, piece))
                    rest, length = [], 0
                yield number, self._bounded(number, piece)
            if pieces[-1] and length <= LINE_MAX:
                rest.append(pieces[-1])
                length += len(pieces[-1])
        if rest:
            yield number + 1, self._bounded(number + 1, "".join(rest))
            self.notes.append(f"The last line ({number + 1}) has no line end: it may be cut.")

    def _bounded(self, number: int, line: str) -> str:
        if len(line) > LINE_MAX:
            self.notes.append(f"Line {number} is longer than {LINE_MAX:,} characters; what lies beyond was not read.")
            return line[:LINE_MAX]
        return line[:-1] if line.endswith("\r") else line

    def _read(self, size: int) -> bytes:
        try:
            data = self._bytes.read1(size)  # `read` would lose what came before a cut
        except EOFError:
            self.notes.append("The compressed stream ends too early: what it held up to there was read.")
            return b""
        except (OSError, zlib.error) as error:
            raise ReadError(FileStatus.DAMAGED, f"{self.name} cannot be read to its end: {error}.") from error
        self._unpacked += len(data)
        if self.compressed and self._unpacked > max(GZIP_FREE, GZIP_RATIO * self._meter.taken):
            raise ReadError(
                FileStatus.TOO_LARGE, f"{self.name} unpacks to more than {GZIP_RATIO} times its size, as no log does."
            )
        return data

    def _open_head(self) -> str:
        """Read the head; the name of its encoding."""
        while len(self._first) < HEAD_BYTES and (more := self._read(HEAD_BYTES - len(self._first))):
            self._first += more
        if self.compressed and not self._first and self.notes:
            raise ReadError(FileStatus.DAMAGED, f"{self.name} is a gzip file that is cut before anything in it.")
        encoding = next((name for bom, name in _BOMS if self._first.startswith(bom)), "utf-8")
        if encoding == "utf-16":
            self.notes.append("The file is UTF-16.")
        elif len(self._first.translate(None, _TEXT_BYTES)) > CONTROL_MAX * len(self._first):
            raise ReadError(FileStatus.DAMAGED, f"{self.name} is not a text log: it holds binary data.")
        return encoding


class Lines(Text):
    """Lines that were read already, as a text. There is no file behind them."""

    def __init__(self, lines: Iterable[tuple[int, str]]) -> None:
        self.notes = []
        self._lines = lines

    def lines(self) -> Iterator[tuple[int, str]]:
        """(1-based number, line without its end)."""
        return iter(self._lines)
