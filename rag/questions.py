"""A file of questions: JSON Lines with "id" and "question", or plain text with a question a line. Checked whole."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ingest.errors import UsageError


def read_batch(path: Path, validate: Callable[[str], None]) -> list[tuple[Any, str]]:
    """`(id, question)` of each question of a file; a `.txt` file has a question a line, and its number for an id.

    Args:
        validate: raises UsageError for a question that cannot be asked.

    Raises:
        UsageError: the file cannot be read, a line is no question, or there is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}); name a file of JSON Lines in UTF-8.") from error
    return list(_questions(path, lines, validate))


def well_formed(question: str) -> str:
    """The question without halves of surrogate pairs: bytes on a command line and escapes in JSON can spell such."""
    return question.encode("utf-8", errors="replace").decode()


def _questions(path: Path, lines: list[str], validate: Callable[[str], None]) -> Iterator[tuple[Any, str]]:
    plain = path.suffix.lower() == ".txt"
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row: Any = {"id": number, "question": line.strip()} if plain else json.loads(line)
            text = well_formed(row["question"])
            validate(text)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f'{path}, line {number}: not an object with "id" and "question" ({error}); nothing was answered.'
            ) from error
        except UsageError as error:
            raise UsageError(f"{path}, line {number}: {error} Nothing was answered.") from error
        yield row.get("id"), text
