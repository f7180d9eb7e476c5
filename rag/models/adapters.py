"""What was learnt from the user's own text: kept in the home by name, switched on for a collection, exported.

    adapters/NAME/manifest.json   what it is, what it belongs to, what it won, the SHA-256 of its file
    adapters/NAME/FILE
    adapters/in-use.json          for each collection and kind of adapter the name of the one that is in use

A file is loaded only with the hash of its manifest, and beside the very weights that it was learnt for. Knows nothing
about how an adapter is learnt or applied.
"""

import io
import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from ingest.errors import ModelError, StorageError, UsageError
from rag.models import archive
from rag.models.catalogue import sha256

Kind = Literal["search", "reader", "writer"]

MANIFEST, IN_USE = "manifest.json", "in-use.json"
FORMAT = 1
FILES: Mapping[Kind, str] = {"search": "search.npz", "reader": "reader.onnx", "writer": "writer.gguf"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LARGEST = 1 << 30  # bytes of an adapter's file in an archive; ours have under 30 million
_LARGEST_HEAD = 1 << 20  # bytes of a manifest; it has about a thousand


@dataclass(frozen=True, slots=True)
class Gain:
    """What an adapter won on questions it was not learnt from, by groups that stand on pages of their own."""

    measure: str  # in words
    before: float
    after: float
    low: float  # of the 95 % interval of the difference
    high: float
    p: float  # 0..1: how often chance alone makes a difference as large
    questions: int  # measured on


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter of a home."""

    name: str
    kind: Kind
    parent: str  # the model it was learnt for
    parent_sha256: str
    sha256: str  # of its file
    collection: str  # whose text it was learnt from
    made: str  # ISO 8601
    examples: int
    gain: Gain

    def file(self, home: Path) -> Path:
        """Where its file lies."""
        return home / self.name / FILES[self.kind]


def named(name: str) -> str:
    """The name, if it can be one. Raises UsageError."""
    if not _NAME.fullmatch(name) or name == IN_USE:
        raise UsageError(f"{name!r} is no name for an adapter; use up to 64 letters, digits, '.', '_' and '-'.")
    return name


def keep(home: Path, adapter: Adapter, make: Callable[[Path], None]) -> Adapter:
    """Store an adapter, its file made by `make(path)`, whole or not at all; returns it with the file's hash.

    Raises:
        UsageError: there is one of this name.
        StorageError: the home cannot be written.
    """
    if (home / named(adapter.name)).exists():
        raise UsageError(
            f"There is an adapter {adapter.name!r} already; name another by --name, or `rag tune drop` it."
        )
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=home) as aside:
            work = Path(aside) / adapter.name
            work.mkdir()
            path = work / FILES[adapter.kind]
            make(path)
            stored = replace(adapter, sha256=sha256(path))
            _write(work / MANIFEST, {"format": FORMAT} | asdict(stored))
            work.rename(home / adapter.name)
    except OSError as error:
        raise StorageError(
            f"Cannot write {home} ({error.strerror}); free some space or check its permissions."
        ) from error
    return stored


def listed(home: Path) -> list[Adapter]:
    """All adapters of a home, by name. Raises ModelError for a manifest that is none."""
    return [_read(path.parent) for path in sorted(home.glob(f"*/{MANIFEST}"))] if home.is_dir() else []


def find(home: Path, name: str) -> Adapter:
    """The adapter of a name. Raises UsageError if there is none."""
    folder = home / named(name)
    if not (folder / MANIFEST).is_file():
        known = ", ".join(adapter.name for adapter in listed(home))
        raise UsageError(f"There is no adapter {name!r}; {f'there are {known}' if known else 'there is none yet'}.")
    return _read(folder)


def in_use(home: Path, collection: str, kind: Kind, parent_sha256: str) -> Adapter | None:
    """The adapter of this kind that is in use in a collection, verified; None where none is.

    Raises:
        ModelError: it is gone, altered, or belongs to another model than the one that is loaded.
    """
    name = chosen(home, collection, kind)
    if name is None:
        return None
    away = f"`rag tune use none --kind {kind} --collection {collection}` goes on without it"
    folder = home / name
    if not (folder / MANIFEST).is_file():
        raise ModelError(f"The adapter {name!r}, which is in use, is gone from {folder}; {away}.")
    adapter = _read(folder)
    if adapter.parent_sha256 != parent_sha256:
        raise ModelError(
            f"The adapter {name!r} was learnt for {adapter.parent}, and another model is in use now; name that model, "
            f"or {away}."
        )
    path = adapter.file(home)
    if not path.is_file() or sha256(path) != adapter.sha256:
        raise ModelError(f"{path} is not the file that was learnt: its SHA-256 differs; do not use it. {away}.")
    return adapter


def chosen(home: Path, collection: str, kind: Kind) -> str | None:
    """The name of the adapter that is in use, unverified."""
    return _in_use(home).get(collection, {}).get(kind)


def use(home: Path, collection: str, kind: Kind, name: str | None) -> None:
    """Switch an adapter on for a collection, or, with None, the one of that kind off."""
    known = _in_use(home)
    kinds = known.setdefault(collection, {})
    if name is None:
        kinds.pop(kind, None)
    else:
        kinds[kind] = name
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = home / f"{IN_USE}.part"
        _write(aside, known)
        aside.replace(home / IN_USE)
    except OSError as error:
        raise StorageError(f"Cannot write {home / IN_USE} ({error.strerror}); check its permissions.") from error


def used_in(home: Path, name: str) -> list[str]:
    """The collections in which an adapter is in use."""
    return sorted(collection for collection, kinds in _in_use(home).items() if name in kinds.values())


def drop(home: Path, name: str) -> Adapter:
    """Erase an adapter and switch it off wherever it is in use. Raises UsageError if there is none."""
    adapter = find(home, name)
    for collection in used_in(home, name):
        use(home, collection, adapter.kind, None)
    shutil.rmtree(home / name)
    return adapter


def discard_unfinished(home: Path) -> None:
    """Erase what runs that were cut off have left to go on from."""
    for path in home.glob(".*-*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def export(home: Path, name: str, target: Path) -> Adapter:
    """Write an adapter as one file, a plain tar without times and owners: the same adapter gives the same bytes."""
    adapter = find(home, name)
    with archive.written(target) as file:
        for member in (MANIFEST, FILES[adapter.kind]):
            content = (home / name / member).read_bytes()
            file.addfile(archive.member(member, len(content), 0o600), io.BytesIO(content))
    return adapter


def import_(home: Path, source: Path, name: str | None) -> Adapter:
    """Take over what `export` wrote, under its own or another name.

    Raises:
        ModelError: no such archive, or its file has not the hash that its manifest names.
        UsageError: there is an adapter of that name.
    """
    try:
        with tarfile.open(source, "r:") as file:
            head, body = file.next(), file.next()
            manifest = _member(file, head, MANIFEST, _LARGEST_HEAD)
            adapter = _parsed(json.loads(manifest), source)
            content = _member(file, body, FILES[adapter.kind], _LARGEST)
    except (tarfile.TarError, OSError, ValueError) as error:
        raise ModelError(f"{source} is no adapter that `rag tune export` wrote ({error}).") from error

    def make(path: Path) -> None:
        path.write_bytes(content)
        if sha256(path) != adapter.sha256:
            raise ModelError(f"{source} was altered or damaged: its SHA-256 is not the manifest's; do not use it.")

    return keep(home, replace(adapter, name=name or adapter.name), make)


def now() -> str:
    """The time, for `Adapter.made`."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _in_use(home: Path) -> dict[str, dict[str, str]]:
    path = home / IN_USE
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return {str(one): {str(kind): str(name) for kind, name in kinds.items()} for one, kinds in known.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(
            f"{path} cannot be read ({error}); delete it, and switch on again by `rag tune use`."
        ) from error


def _read(folder: Path) -> Adapter:
    path = folder / MANIFEST
    try:
        adapter = _parsed(json.loads(path.read_text(encoding="utf-8")), path)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}); delete its folder.") from error
    if adapter.name != folder.name:
        raise ModelError(f"{path} names the adapter {adapter.name!r}; delete its folder, or give it that name.")
    return adapter


def _parsed(content: Any, where: Path) -> Adapter:
    """An adapter from a manifest's content, which may come from anywhere. Raises ModelError."""
    try:
        fields = dict(content)
        if fields.pop("format") != FORMAT:
            raise ValueError(f"format {content['format']!r}")
        adapter = Adapter(**fields | {"gain": Gain(**fields["gain"])})
        texts = (adapter.name, adapter.parent, adapter.parent_sha256, adapter.sha256, adapter.collection, adapter.made)
        if adapter.kind not in get_args(Kind) or not all(isinstance(text, str) for text in texts):
            raise ValueError("a value of another type")
        named(adapter.name)
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise ModelError(f"{where} has no manifest as this version writes it ({error}).") from error
    return adapter


def _member(file: tarfile.TarFile, member: tarfile.TarInfo | None, wanted: str, most: int) -> bytes:
    if member is None or member.name != wanted or not member.isreg() or member.size > most:
        raise ValueError(f"{wanted} is not where it has to stand")
    content = file.extractfile(member)
    assert content is not None  # a regular file
    return content.read()


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
