"""Tables to files: CSV, JSON and Parquet. The one door to pyarrow, which is needed for Parquet alone.

Each column of a schema takes five here: its value, and of its first quotation the page, both offsets and the text.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingest.errors import UsageError

SUFFIXES = (".csv", ".json", ".parquet")

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula, full-width signs too (OWASP, "CSV Injection")."""
_PLACE = ("path", "sha256", "page", "number", "section")


def check_suffix(path: Path) -> None:
    """Raise UsageError for a file that no table can be written to."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path} ends in none of {', '.join(SUFFIXES)}; name a file of one of these kinds with --out.")
    if path.suffix.lower() == ".parquet":
        _pyarrow()


def flat(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of one value a column, from the JSON entries of rows."""
    found = []
    for row in rows:
        line = {name: row[name] for name in _PLACE}
        for name in names:
            cell = row["cells"][name]
            first = cell["citations"][0] if cell["citations"] else {}
            line[name] = cell["value"]
            line |= {f"{name}.{part}": first.get(part) for part in ("page", "start", "end", "quote")}
        found.append(line)
    return found


def to_csv(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """A table as CSV (RFC 4180). What a spreadsheet would run as a formula gets an apostrophe in front."""
    lines = flat(rows, names)
    out = io.StringIO()
    columns = [*_PLACE, *(f"{name}{part}" for name in names for part in ("", ".page", ".start", ".end", ".quote"))]
    # Every text in quotes: where semicolons part columns, one inside a text would begin a cell of its own, unseen here.
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(columns)
    for line in lines:
        writer.writerow([_harmless(line[column]) for column in columns])
    return out.getvalue()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def write(path: Path, value: Mapping[str, Any], names: Sequence[str]) -> None:
    """Write a table, its format told by the file's suffix. Raises StorageError, UsageError."""
    from rag.batch import write_file

    suffix = path.suffix.lower()
    if suffix == ".csv":
        write_file(path, to_csv(value["rows"], names))
    elif suffix == ".json":
        write_file(path, json.dumps(value, indent=1) + "\n")
    else:
        _write_parquet(path, flat(value["rows"], names), names)


def _write_parquet(path: Path, lines: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    from ingest.errors import StorageError

    arrow, parquet = _pyarrow()
    integers = {"page", *(f"{name}.{part}" for name in names for part in ("page", "start", "end"))}
    columns = [*_PLACE, *(f"{name}{part}" for name in names for part in ("", ".page", ".start", ".end", ".quote"))]
    schema = arrow.schema([(name, arrow.int64() if name in integers else arrow.string()) for name in columns])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(arrow.Table.from_pylist(list(lines), schema=schema), path)
    except OSError as error:
        raise StorageError(f"Cannot write {path} ({error}); name another file with --out.") from error


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow  # late: large, and seldom needed
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed; `pip install 'strongroom[parquet]'`, or name a .csv file."
        ) from error
    return pyarrow, pyarrow.parquet
