"""The sources of the last answer, so that `rag show 2` knows what "2" is. Places alone: no question and no text.

One small file in the collection's folder, encrypted where the home is. Erasing any file from the collection throws it
away.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest.errors import NothingFound, StorageError
from rag.types import Citation
from rag.vault.cipher import Key, decoded, encoded

NAME = "last_answer.json"
ABOUT = "last answer"


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a citation stands; see `rag.types.Citation`."""

    path: str
    page: int | None
    record: str | None
    sha256: str
    start: int
    end: int


def keep(folder: Path, citations: Sequence[Citation], key: Key | None = None) -> None:
    """Remember the sources of an answer in a collection's folder, instead of those before. Raises StorageError."""
    rows = [asdict(Shown(c.path, c.page, c.record, c.sha256, c.start, c.end)) for c in citations]
    aside = folder / f"{NAME}.{os.getpid()}"
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(encoded(key, json.dumps(rows).encode(), ABOUT))
        aside.replace(folder / NAME)
    except OSError as error:
        raise StorageError(
            f"Cannot write {folder / NAME} ({error.strerror}), so `rag show N` does not know this answer; free some "
            "space."
        ) from error


def recall(folder: Path, number: int, key: Key | None = None) -> Shown:
    """Source `number` (from 1) of the last answer. Raises NothingFound."""
    try:
        rows = json.loads(decoded(key, (folder / NAME).read_bytes(), ABOUT))
        shown = [Shown(**row) for row in rows]
    except (OSError, ValueError, TypeError):
        shown = []
    if not shown:
        raise NothingFound('No answer with sources is remembered; ask first, or name a file: rag show "policy.pdf".')
    if not 1 <= number <= len(shown):
        raise NothingFound(f"The last answer has {len(shown)} sources, there is no source {number}.")
    return shown[number - 1]


def discard(folder: Path) -> None:
    """Forget the last answer's sources."""
    (folder / NAME).unlink(missing_ok=True)
