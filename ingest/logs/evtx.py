"""Windows event logs (`.evtx`) as lines of XML, one record a line, so that they are read as any other log is.

A record's number takes the place of a line's. A record that cannot be read is a line that says so, and is unparsed.
"""

import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

from ingest.errors import ReadError
from ingest.types import FileStatus

MAGIC = b"ElfFile\x00"

_CHUNK = 0x10000  # bytes of a chunk of records
_HEADER = 0x1000  # bytes before the first one

_BETWEEN = re.compile(r">\s*\n\s*<")


class EvtxLines:
    """The bytes of a text with one record a line.

    Raises ReadError for what is no event log.
    """

    def __init__(self, path: Path, follow: Callable[[int], bytes], note: Callable[[str], None]) -> None:
        """`follow` reads on in the file itself, for progress and hashes; `note` says something about the file."""
        import evtx

        try:
            records = evtx.PyEvtxParser(str(path), number_of_threads=1).records()
            size = path.stat().st_size
        except (RuntimeError, OSError) as error:
            raise ReadError(FileStatus.DAMAGED, f"{path.name} is no readable event log: {error}.") from error
        note("The file is a Windows event log: numbers of lines are those of its records.")
        if size < _HEADER or (size - _HEADER) % _CHUNK:
            note("The event log is cut: what is left of its last chunk was not read.")
        self._lines = _lines(records)
        self._follow = follow
        self._rest = b""

    def read1(self, size: int, /) -> bytes:
        """At most `size` bytes; b"" at the end."""
        if not self._rest:
            self._rest = next(self._lines, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        if data:
            self._follow(len(data))  # a record is longer as XML than in the file: the end is reached early
        else:
            while self._follow(1 << 20):
                pass
        return data

    def close(self) -> None:
        """Let go of the file."""
        self._lines.close()


def _lines(records: Iterator[Any]) -> Generator[bytes, None, None]:
    while True:
        try:
            record = next(records, None)
        except RuntimeError as error:  # of this record; the next may be sound
            said = " ".join(str(error).split()).replace("--", "").replace("<", "")
            yield f"<!-- A record cannot be read: {said} -->\n".encode()
            continue
        if record is None:
            return
        xml = str(record["data"]).partition("?>\n")[2] or str(record["data"])
        yield (_BETWEEN.sub("><", xml.strip()).replace("\r", "").replace("\n", "&#10;") + "\n").encode(errors="replace")
