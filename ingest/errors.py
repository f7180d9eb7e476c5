"""The error tree of the whole program. Each message is one sentence or two: what, where, and what to do next.

StrongroomError            anything a user can mend; carries the exit code
├── UsageError             an argument or a setting is wrong                                        2
├── NothingFound           nothing there to work on: no index yet, an empty folder                  2
├── LockedError            another process is writing this collection                               2
├── StorageError           the home folder or its disk refuses to be written or read                2
├── ModelError             a model is missing, changed, or of the wrong kind                        2
├── OfflineError           something tried to open an internet socket                               2
├── HostError              a host that config.toml allows does not answer, or not as it should      2
├── IndexDamaged           the catalog or the vector index cannot be trusted                        4
├── RecordDamaged          the record is not as it was written                                      4
├── KeyDamaged             the header of an encrypted home is damaged or gone                       4
└── ReadError              one file could not be read; carries that file's status. The run goes on  3
"""

from ingest.types import FileStatus


class StrongroomError(Exception):
    """Base of every error that is shown as a sentence instead of a traceback."""

    exit_code = 2


class UsageError(StrongroomError):
    """An argument or a setting is wrong."""


class NothingFound(StrongroomError):
    """There is nothing to work on: no index yet, an empty folder, no such file."""


class LockedError(StrongroomError):
    """Another process is writing this collection."""


class StorageError(StrongroomError):
    """The home folder or its disk refuses to be written or read."""


class ModelError(StrongroomError):
    """A model is missing, is not the one in the catalogue, or is of the wrong kind."""


class OfflineError(StrongroomError):
    """Something tried to open an internet socket; the guard refused it."""


class HostError(StrongroomError):
    """A host that `config.toml` allows does not answer, or not as it should."""

    def __init__(self, message: str, *, sent: bool = False) -> None:
        """`sent`: the host had been sent what it was asked before it failed."""
        super().__init__(message)
        self.sent = sent


class IndexDamaged(StrongroomError):
    """The catalog or the vector index cannot be trusted."""

    exit_code = 4


class RecordDamaged(StrongroomError):
    """The record is not as it was written."""

    exit_code = 4


class KeyDamaged(StrongroomError):
    """The header of an encrypted home is damaged or gone."""

    exit_code = 4


class ReadError(StrongroomError):
    """One file could not be read. The pipeline records `status` for that file and goes on."""

    exit_code = 3

    def __init__(self, status: FileStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
