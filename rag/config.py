"""Settings, resolved once into one immutable value: flag, environment, `config.toml` in the home, default."""

import json
import os
import re
import tomllib
from collections.abc import Iterable
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
_TABLES: dict[str, dict[str, type]] = {
    "network": {"hosts": list},
    "model": {"url": str, "name": str, "ca": str, "key_file": str, "unencrypted": bool},
}
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<machine>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?P<path>/[A-Za-z0-9._/-]*)?"
)
_YES_OR_NO = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True)
class Remote:
    """A language model that runs on another machine, behind an OpenAI-compatible endpoint."""

    name: str  # what the server calls it
    host: str  # with the port, one of those that [network] allows
    path: str  # of the endpoint: what stands before "/chat/completions"
    encrypted: bool
    ca: Path | None = None  # certificates that its own is signed by; None: those the system trusts
    key_file: Path | None = None  # holds the key it wants


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
    hosts: tuple[str, ...] = ()  # of the user's own network, that may be reached; only config.toml names them
    remote: Remote | None = None  # words answers instead of a model of this machine; only config.toml names it

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
    hosts, remote = _network(values, path)
    if flags.get("language_model") or os.environ.get("RAG_LANGUAGE_MODEL"):
        remote = None  # the file's; a flag and the environment win over it
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
        hosts=hosts,
        remote=remote,
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
    _check_names(values, [*_TYPES, *_TABLES], str(path))
    return values


def _check_names(values: dict[str, Any], known: Iterable[str], where: str) -> None:
    if unknown := sorted(set(values) - set(known)):
        raise UsageError(f"{where} has an unknown setting {unknown[0]!r}; known are {', '.join(known)}.")


def _table(values: dict[str, Any], table: str, path: Path) -> dict[str, Any]:
    """A table of `config.toml`, its values of the right types; {} where it has none."""
    held = values.get(table, {})
    where = f"[{table}] in {path}"
    if not isinstance(held, dict):
        raise UsageError(f"{table} in {path} has to be a table; write it as [{table}], with its settings below.")
    _check_names(held, _TABLES[table], where)
    for name, value in held.items():
        if not isinstance(value, _TABLES[table][name]):
            raise UsageError(f"{name} in {where} is {value!r}; it has to be a {_TABLES[table][name].__name__}.")
    return held


def _network(values: dict[str, Any], path: Path) -> tuple[tuple[str, ...], Remote | None]:
    """The hosts that are allowed, and the model on one of them."""
    hosts = _table(values, "network", path).get("hosts", [])
    if odd := [host for host in hosts if not isinstance(host, str)]:
        raise UsageError(f'hosts in [network] in {path} holds {odd[0]!r}; write each as a text: "10.0.0.5:8000".')
    allowed = tuple(dict.fromkeys(map(str.lower, hosts)))
    model = _table(values, "model", path)
    if not model:
        return allowed, None
    if "url" not in model or "name" not in model:
        raise UsageError(f"[model] in {path} needs a url and the name that the server knows the model by.")
    if "language_model" in values:
        raise UsageError(f"{path} names two language models, language_model and [model]; take one of them out.")
    if (url := _URL.fullmatch(model["url"])) is None:
        raise UsageError(
            f"url in [model] in {path} is {model['url']!r}; it has to be like https://10.0.0.5:8443/v1, with no user, "
            "query or fragment."
        )
    encrypted = url["scheme"] == "https"
    if not encrypted and not model.get("unencrypted"):
        raise UsageError(
            f"url in [model] in {path} is not encrypted: whoever is on the network could read what is sent. Use https, "
            "or write unencrypted = true below it."
        )
    host = f"{url['machine'].lower()}:{url['port'] or (443 if encrypted else 80)}"
    if host not in allowed:
        raise UsageError(f'{host} of url in [model] is not allowed; write hosts = ["{host}"] in [network] in {path}.')
    ca, key_file = _path(model.get("ca")), _path(model.get("key_file"))
    return allowed, Remote(model["name"], host, (url["path"] or "").rstrip("/"), encrypted, ca, key_file)


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
