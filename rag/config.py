"""Settings, resolved once into one immutable value: flag, environment, `config.toml` in the home, default."""

import json
import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from ingest.errors import StorageError, UsageError
from rag.vault.cipher import Key

HITS = 10  # passages `rag search` shows
ANSWER_THRESHOLD = 0.5  # confidence below which `rag ask` refuses; rag/answerable.py says what it is made of

_TYPES: dict[str, type] = {
    "collection": str,
    "embedding_model": str,
    "reader_model": str,
    "language_model": str,
    "answer_threshold": float,
    "chat_history": bool,
    "record": bool,
    "record_days": int,
}
_YES_OR_NO = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class Settings:
    """What every command needs to know. Paths are absolute."""

    home: Path
    collection: str = "default"
    embedding_model: Path | None = None  # a sentence-transformers folder; None: the catalogue's
    reader_model: Path | None = None  # a folder with a cross-encoder or question-answering model; None: our own
    language_model: Path | None = None  # a GGUF file; None: the catalogue's
    answer_threshold: float = ANSWER_THRESHOLD
    chat_history: bool = False  # keep the lines typed in `rag chat` for the next one
    record: bool = True  # write down what was asked, answered, summarised, ingested and erased
    record_days: int = 0  # days that entries of the record are kept; 0: until somebody moves it away
    key_file: Path | None = None  # a file that holds the passphrase of an encrypted home; None: ask for it
    key: Key | None = field(default=None, repr=False)  # of an encrypted home that was opened

    @property
    def models(self) -> Path:
        """Files made here from verified weights."""
        return self.home / "models"

    @property
    def adapters(self) -> Path:
        """What `rag tune` has learnt."""
        return self.home / "adapters"

    @property
    def index(self) -> Path:
        """The folder of the chosen collection."""
        return self.home / "collections" / self.collection

    @property
    def typed(self) -> Path:
        """The lines typed in `rag chat`, where they are kept."""
        return self.home / "chat_history"

    @property
    def ledger(self) -> Path:
        """The folder of the record."""
        return self.home / "record"


def resolve(home: Path | None = None, key_file: Path | None = None, **flags: str | float | None) -> Settings:
    """Settings from flags (None: not given), environment, `config.toml` and defaults.

    Where a passphrase lies is no setting of `config.toml`: that lies beside what it would open.

    Raises:
        UsageError: a setting has the wrong type or an unknown name, or `config.toml` is not TOML.
    """
    chosen = (home or Path(os.environ.get("RAG_HOME") or platformdirs.user_data_path("strongroom"))).expanduser()
    chosen = Path(os.path.abspath(chosen))  # noqa: PTH100 - keeps symbolic links as the user named them
    path = chosen / "config.toml"
    values = _read(path)
    for name, kind in _TYPES.items():
        given = flags.get(name)
        if given is None:
            given = os.environ.get(f"RAG_{name.upper()}") or None
        if given is not None:
            values[name] = _convert(name, given, kind, "--" + name.replace("_", "-"))
        elif name in values:
            values[name] = _convert(name, values[name], kind, str(path))
    collection = values.get("collection", "default")
    if not collection or not all(letter.isalnum() or letter in "._-" for letter in collection) or collection[0] == ".":
        raise UsageError(f"{collection!r} is no collection name; use letters, digits, '.', '_' and '-'.")
    threshold = values.get("answer_threshold", ANSWER_THRESHOLD)
    if not 0 <= threshold <= 1:
        raise UsageError(f"answer_threshold is {threshold}; it is a probability, name a value from 0 to 1.")
    days = values.get("record_days", 0)
    if days < 0:
        raise UsageError(f"record_days is {days}; name for how many days entries are kept, or 0 for ever.")
    return Settings(
        home=chosen,
        collection=collection,
        embedding_model=_path(values.get("embedding_model")),
        reader_model=_path(values.get("reader_model")),
        language_model=_path(values.get("language_model")),
        answer_threshold=threshold,
        chat_history=values.get("chat_history", False),
        record=values.get("record", True),
        record_days=days,
        key_file=key_file or _path(os.environ.get("RAG_PASSPHRASE_FILE")),
    )


def remember(home: Path, name: str, value: float | str) -> Path:
    """Write one setting into `config.toml`, leaving every other line of it as it is; returns the file.

    Raises:
        StorageError: it cannot be written.
    """
    path = home / "config.toml"
    line = f"{name} = {json.dumps(value)}"  # TOML writes strings and numbers as JSON does
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        places = [place for place, text in enumerate(lines) if text.partition("=")[0].strip() == name]
        if places:
            lines[places[0]] = line
        else:
            lines.insert(0, line)  # before any table
        aside = path.with_suffix(".part")
        aside.write_text("\n".join(lines) + "\n", encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({error.strerror}); check its permissions.") from error
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML ({error}); mend it or move it away.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
    if unknown := sorted(set(values) - set(_TYPES)):
        raise UsageError(f"{path} has an unknown setting {unknown[0]!r}; known are {', '.join(_TYPES)}.")
    return values


def _convert(name: str, value: Any, kind: type, where: str) -> Any:
    if kind is bool:
        try:
            return value if isinstance(value, bool) else _YES_OR_NO[str(value).lower()]
        except KeyError as error:
            raise UsageError(f"{name} in {where} is {value!r}; it has to be true or false.") from error
    try:
        return kind(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name} in {where} is {value!r}; it has to be a {kind.__name__}.") from error


def _path(value: str | None) -> Path | None:
    return Path(value).expanduser().absolute() if value else None
