"""Which files below a home are encrypted, and what they say behind it. What is not listed here is in plain in any home.

    collections/*/catalog.sqlite    by SQLCipher, page by page
    record/record.jsonl             line by line
    the files of ABOUT              whole
    encryption.json                 holds the key, encrypted

In plain stay config.toml (settings), models/ (weights, which anybody can get), lock files (a process number, a time)
and the names of collections.
"""

from collections.abc import Iterator
from pathlib import Path

from ingest.errors import IndexDamaged
from rag.record.ledger import END, HEAD_FILE, LINE, RECORD
from rag.store import last, seal
from rag.vault.cipher import Key, decoded_line, is_encrypted

TYPED, TYPED_ABOUT = "chat_history", "typed"
ABOUT = {seal.NAME: seal.ABOUT, last.NAME: last.ABOUT, HEAD_FILE: END, TYPED: TYPED_ABOUT}
"""What a file of this name is, wherever it lies below the home."""
_READ = 1 << 24  # bytes of a file at a time


def blocks(path: Path, key: Key | None) -> Iterator[bytes]:
    """What a file below the home says, some MB at a time.

    Raises IndexDamaged where it was encrypted and does not decrypt any more.
    """
    try:
        yield from _joined(_pieces(path, key))
    except ValueError as error:
        raise IndexDamaged(
            f"{path} is not what was written there ({error}), so it could not be searched; move it away and run the "
            "command again."
        ) from error


def _pieces(path: Path, key: Key | None) -> Iterator[bytes]:
    with path.open("rb") as file:
        if key is not None and path.name == seal.CATALOG:
            yield from key.pages(path)
        elif key is not None and path.name == RECORD:
            yield from (decoded_line(key, line, LINE) for line in file)
        elif key is not None and path.name in ABOUT and is_encrypted(path):
            yield key.decrypt(file.read(), ABOUT[path.name])
        else:
            while block := file.read(_READ):
                yield block


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Small pieces together."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _READ:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
