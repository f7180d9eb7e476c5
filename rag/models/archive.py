"""Plain tar files of models and adapters, written whole or not at all; the same content gives the same bytes."""

import contextlib
import tarfile
from collections.abc import Iterator
from pathlib import Path

from ingest.errors import StorageError


@contextlib.contextmanager
def written(target: Path) -> Iterator[tarfile.TarFile]:
    """An archive to fill, which becomes `target` when it is complete. Raises StorageError if it cannot be written."""
    aside = target.with_name(target.name + ".part")
    try:
        with aside.open("wb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            yield archive
        aside.replace(target)
    except OSError as error:
        raise StorageError(f"{target} cannot be written ({error.strerror}); name another file.") from error
    finally:
        aside.unlink(missing_ok=True)


def member(name: str, size: int, mode: int) -> tarfile.TarInfo:
    """A plain file of nobody's, from no time."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, mode
    return entry
