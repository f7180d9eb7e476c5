"""Writes reports to the files that options name."""

from pathlib import Path

from ingest.errors import StorageError, UsageError


def refuse_folder(path: Path | None, option: str) -> None:
    """Raise UsageError where a folder is named and a file is meant: before the work, not after it."""
    if path is not None and path.is_dir():
        raise UsageError(f"{path} is a folder; name a file with {option}.")


def write_page(path: Path, text: str, option: str) -> None:
    """Write a report. Raises StorageError, which names the option."""
    from rag.batch import write_file

    try:
        write_file(path, text)
    except StorageError as error:
        raise StorageError(f"Cannot write {path} ({error.__cause__}); name another file with {option}.") from error
