"""The labels that documents are sorted by: each with a description, and examples if the user has some. Read from TOML.

[[label]]
name = "Backup"
description = "Copies of data: how often, where they are kept, how they are tested and restored."
examples = ["Tapes are brought to the second site every Friday.", "..."]   # optional; eight or more train a head
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.errors import UsageError

ENOUGH = 8  # examples of every label from which on a head is trained
_WORDS = 3  # of a description; less says no more than the name


@dataclass(frozen=True, slots=True)
class Label:
    """A label."""

    name: str
    description: str
    examples: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is compared with documents."""
        return f"{self.name}: {self.description}"


def read_labels(path: Path) -> list[Label]:
    """The labels of a file. Raises UsageError with what is wrong and what to do."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"The labels {path} cannot be read ({error.strerror}); name a TOML file of two [[label]] entries or more, "
            "each with a name and a description."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The labels {path} are not valid TOML ({error}).") from error
    entries = values.get("label")
    if not isinstance(entries, list) or len(entries) < 2 or set(values) != {"label"}:
        raise UsageError(
            f"{path} needs two [[label]] entries or more, and nothing else; each has a name and a description."
        )
    labels = [_label(entry, path) for entry in entries]
    names = [label.name for label in labels]
    if double := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{path} has two labels named {double!r}; give each its own name.")
    return labels


def _label(entry: Any, path: Path) -> Label:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"].strip():
        raise UsageError(f'A [[label]] of {path} has no name; write name = "…".')
    name = entry["name"].strip()
    if unknown := sorted(set(entry) - {"name", "description", "examples"}):
        raise UsageError(
            f"The label {name!r} of {path} has an unknown entry {unknown[0]!r}; known are name, description, examples."
        )
    description = entry.get("description")
    if not isinstance(description, str) or len(description.split()) < _WORDS:
        raise UsageError(f"The label {name!r} of {path} has no description; say in a sentence what belongs there.")
    examples = entry.get("examples", [])
    if not isinstance(examples, list) or not all(isinstance(text, str) and text.strip() for text in examples):
        raise UsageError(f"The examples of the label {name!r} of {path} have to be a list of texts.")
    return Label(name, " ".join(description.split()), tuple(dict.fromkeys(" ".join(text.split()) for text in examples)))


def trains(labels: list[Label]) -> bool:
    """Whether there are examples enough for a head. Raises UsageError where only some labels have enough."""
    counts = {label.name: len(label.examples) for label in labels}
    if not any(counts.values()):
        return False
    if short := [name for name, count in counts.items() if count < ENOUGH]:
        raise UsageError(
            f"The label {short[0]!r} has {counts[short[0]]} examples; give every label {ENOUGH} or more, "
            "or none at all, then descriptions alone decide."
        )
    return True
