"""What a table of insights is made of: what makes a row, and what each column takes. Read from TOML, checked whole.

rows = "obligation"          # or "definition", "sentence", "section", "document"

[[field]]
name = "who"
take = "who"                 # what the program knows to find, see TAKES

[[field]]
name = "form"
pattern = "[A-Z]{3}-F-\\d+"  # a regular expression; its first group, if it has one

[[field]]
name = "owner"
keyword = "document owner"   # what follows these words in their sentence or line

[[field]]
name = "purpose"
heading = "purpose"          # what stands below a heading with these words

[[field]]
name = "retention"
question = "How long are logs kept?"   # asked of the reader; rows of sections and documents only
"""

import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from ingest.errors import UsageError

ANYWHERE = ("sentence", "deadline", "amount", "date", "role", "contact", "condition", "reference")
"""What can be taken from any text."""
TAKES: dict[str, tuple[str, ...]] = {
    "obligation": ("who", "duty", "what", *ANYWHERE),
    "definition": ("term", "meaning", *ANYWHERE),
    "sentence": ANYWHERE,
    "section": ANYWHERE,
    "document": ANYWHERE,
}
"""What makes a row, and what its columns can take."""
WAYS = ("take", "pattern", "keyword", "heading", "question")
READY = ("obligations", "definitions", "facts")
"""Names of the schemas that come with the program."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its name, the way its cells are found, and what that way needs to know."""

    name: str
    way: str  # one of WAYS
    what: str  # the type, the pattern, the words, the question


@dataclass(frozen=True, slots=True)
class Schema:
    """A table's rows and columns."""

    rows: str  # a key of TAKES
    fields: tuple[Field, ...]

    @property
    def asks(self) -> bool:
        """Whether a column asks the reader."""
        return any(field.way == "question" for field in self.fields)


def load(name: str) -> Schema:
    """The schema of this name, or in this file. Raises UsageError with what is wrong and what is known."""
    path = Path(name)
    if name in READY and not path.exists():
        return parse(files("rag").joinpath("schemas", f"{name}.toml").read_text(encoding="utf-8"), name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"The schema {name!r} cannot be read ({reason}); name a TOML file, or what is ready: {', '.join(READY)}."
        ) from error
    return parse(text, name)


def parse(text: str, name: str) -> Schema:
    """A schema from TOML. Raises UsageError."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The schema {name} is not valid TOML ({error}).") from error
    if unknown := sorted(set(values) - {"rows", "field"}):
        raise UsageError(f"The schema {name} has an unknown entry {unknown[0]!r}; known are rows and [[field]].")
    rows = values.get("rows", "sentence")
    if rows not in TAKES:
        raise UsageError(f"The schema {name} has rows = {rows!r}; known are {', '.join(TAKES)}.")
    entries = values.get("field")
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"The schema {name} has no [[field]]; give it at least one, with a name and one of {_ways()}.")
    fields = tuple(_field(entry, rows, name) for entry in entries)
    names = [field.name for field in fields]
    if double := next((one for one in names if names.count(one) > 1), None):
        raise UsageError(f"The schema {name} has two fields named {double!r}; give each its own name.")
    return Schema(rows, fields)


def _ways() -> str:
    return ", ".join(WAYS)


def _field(entry: Any, rows: str, name: str) -> Field:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"].strip():
        raise UsageError(f'A [[field]] of the schema {name} has no name; write name = "…".')
    title = entry["name"].strip()
    where = f"The field {title!r} of the schema {name}"
    given = [way for way in WAYS if way in entry]
    if unknown := sorted(set(entry) - {"name", *WAYS}):
        raise UsageError(f"{where} has an unknown entry {unknown[0]!r}; known are name, {_ways()}.")
    if len(given) != 1:
        raise UsageError(f"{where} needs exactly one of {_ways()}; it has {', '.join(given) or 'none'}.")
    way, what = given[0], entry[given[0]]
    if not isinstance(what, str) or not what.strip():
        raise UsageError(f"{where} has {way} = {what!r}; it has to be a text.")
    if way == "take" and what not in TAKES[rows]:
        raise UsageError(f"{where} takes {what!r}; rows of {rows!r} know {', '.join(TAKES[rows])}.")
    if way == "pattern":
        try:
            re.compile(what)
        except re.error as error:
            raise UsageError(f"{where} has a pattern that is no regular expression ({error}).") from error
    if way in ("question", "heading") and rows not in ("section", "document"):
        raise UsageError(f'{where} has a {way}; that goes with rows = "section" or "document", not {rows!r}.')
    return Field(title, way, what)
