"""Writes what was done into the record. What was done stands, even where it cannot be written: then it is said."""

from collections.abc import Callable

from ingest.errors import LockedError, RecordDamaged, StorageError
from rag.record.ledger import Ledger
from rag.record.notes import Note


class Recorder:
    """The record of a home, as commands see it."""

    def __init__(self, ledger: Ledger | None, days: int) -> None:
        """`ledger` None: nothing is to be recorded. `days` that entries are kept; 0: for ever."""
        self._ledger, self._days = ledger, days

    def write(self, note: Callable[[], Note]) -> str:
        """Write an entry. Returns "" or, in a sentence for people, why there is none."""
        if self._ledger is None:
            return ""
        try:
            self._ledger.append(*note(), days=self._days)
        except (StorageError, LockedError, RecordDamaged) as error:
            return f"This is NOT in the record: {error}"
        return ""
