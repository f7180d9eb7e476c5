"""The earlier batch that a batch of logs is compared with: the one before in the same output folder, another output
folder, or a folder of logs that says what is normal.

An output folder remembers the batch it reports on and what that was compared with. So a run that is repeated compares
with the same batch again, and the next batch, of other files, with this one.
"""

import hashlib
import json
from pathlib import Path

from ingest.errors import UsageError
from ingest.logs.changes import Baseline, baseline_from
from rag.batch import MEMORY, read_json, write_file

_FILE = "last.json"


def remembered(out: Path, mark: str) -> Baseline | None:
    """What the batch of the mark is to be compared with, as the output folder remembers it."""
    held = read_json(out / MEMORY / _FILE)
    if held is None:
        return None
    return _baseline(held.get("before" if held.get("mark") == mark else "batch"))


def remember(out: Path, mark: str, batch: Baseline, before: Baseline | None) -> None:
    """Note in an output folder which batch it reports on, and what that was compared with. Raises StorageError."""
    held = {"mark": mark, "batch": batch.to_json(), "before": before.to_json() if before is not None else None}
    write_file(out / MEMORY / _FILE, json.dumps(held) + "\n")


def of_output(folder: Path) -> Baseline | None:
    """The batch that an output folder reports on; None if it is no output folder.

    Raises UsageError where what it remembers is spoiled.
    """
    if not (folder / MEMORY / _FILE).exists():
        return None
    held = read_json(folder / MEMORY / _FILE)
    baseline = _baseline(held.get("batch")) if held is not None else None
    if baseline is None:
        raise UsageError(
            f"What {folder} remembers of its batch cannot be read; make its reports again, or give the folder of logs "
            "that they are about."
        )
    return baseline


def fingerprint(baseline: Baseline | None) -> str:
    """A name for what a batch is compared with, equal only if that is."""
    if baseline is None:
        return "none"
    return hashlib.sha256(json.dumps(baseline.to_json(), sort_keys=True).encode()).hexdigest()


def _baseline(held: object) -> Baseline | None:
    try:
        return baseline_from(held) if isinstance(held, dict) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # of another version
