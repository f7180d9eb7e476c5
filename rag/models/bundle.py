"""One file with all models of the catalogue, for a machine that is on no network: written, checked, and unpacked.

    manifest.json        what is in it: of each model name, kind, licence and source, of each file SHA-256 and size
    manifest.json.sig    a signature of OpenSSH over the manifest, where a key was given
    NAME/FILE …          the files, in the manifest's order

It is a plain tar without times and owners: the same models give the same bytes. Nothing in a bundle is believed: files
go where the catalogue says and not where an archive does, and only with the catalogue's SHA-256.
"""

import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ingest.errors import ModelError, StorageError
from rag import __version__
from rag.models import archive, signing
from rag.models.catalogue import CATALOGUE, ModelEntry, imported, sha256, verify

MANIFEST, SIGNATURE = "manifest.json", "manifest.json.sig"
FORMAT = 1

_LARGEST_HEAD = 1 << 20  # bytes of a manifest or a signature; both have some thousand
_READ = 1 << 20


@dataclass(frozen=True, slots=True)
class Imported:
    """What was unpacked."""

    models: tuple[str, ...]
    signed_by: str  # kind and fingerprint of the key; "" if the bundle is not signed
    checked: bool  # against a key that the user named


def write(target: Path, models: Path, key: Path | None) -> str:
    """Write all models into `target`, signed with the private `key` if one is given. Returns the file's SHA-256.

    Args:
        models: the home's folder for models, where imported ones lie.

    Raises:
        ModelError: a model is missing or not the catalogue's; the key cannot sign.
        StorageError: `target` cannot be written.
    """
    places = [(entry, verify(entry, models=models)) for entry in CATALOGUE]
    manifest = json.dumps(_manifest(places), indent=2).encode() + b"\n"
    heads = {MANIFEST: manifest} | ({SIGNATURE: signing.sign(manifest, key)} if key else {})
    with archive.written(target) as file:
        for name, content in heads.items():
            file.addfile(archive.member(name, len(content), 0o644), io.BytesIO(content))
        for entry, folder in places:
            for name in entry.files:
                with (folder / name).open("rb") as source:
                    size = (folder / name).stat().st_size
                    file.addfile(archive.member(f"{entry.name}/{name}", size, 0o644), source)
    return sha256(target)


def read(source: Path, models: Path, key: Path | None) -> Imported:
    """Check a bundle and unpack its models below `models`; either all of them or none.

    Args:
        key: the public key that must have signed it; None: it need not be signed, the catalogue's hashes decide.

    Raises:
        ModelError: damaged, altered, not signed by `key`, or of another version of the catalogue.
        StorageError: `models` cannot be written.
    """
    try:
        models.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix=".import-", dir=models) as work:
            with source.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:") as file:
                members = iter(file)
                signed_by, first = _check_manifest(file, members, key)
                _unpack(file, first, members, Path(work))
            for entry in CATALOGUE:
                place = imported(entry, models)
                place.parent.mkdir(exist_ok=True, mode=0o700)
                if place.exists():
                    shutil.rmtree(place)
                Path(work, entry.name).rename(place)
    except tarfile.TarError as error:
        raise ModelError(f"{source} is damaged or no bundle ({error}); copy it again.") from error
    except FileNotFoundError as error:
        raise ModelError(f"There is no bundle {source}.") from error
    except OSError as error:
        raise StorageError(f"{source} cannot be unpacked below {models} ({error.strerror or error}).") from error
    return Imported(tuple(entry.name for entry in CATALOGUE), signed_by, key is not None)


def _manifest(places: Sequence[tuple[ModelEntry, Path]]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "strongroom": __version__,
        "models": [
            {
                "name": entry.name,
                "kind": entry.kind,
                "licence": entry.licence,
                "source": entry.source,
                "files": {
                    name: {"sha256": digest, "bytes": (folder / name).stat().st_size}
                    for name, digest in entry.files.items()
                },
            }
            for entry, folder in places
        ],
    }


def _check_manifest(
    archive: tarfile.TarFile, members: Iterator[tarfile.TarInfo], key: Path | None
) -> tuple[str, tarfile.TarInfo | None]:
    """Who signed it ("": nobody), and the first member behind manifest and signature."""
    head = next(members, None)
    if head is None or head.name != MANIFEST:
        raise ModelError(f"The bundle does not begin with {MANIFEST}; it is none, or was altered.")
    manifest = _head(archive, head)
    following = next(members, None)
    signature = None
    if following is not None and following.name == SIGNATURE:
        signature, following = _head(archive, following), next(members, None)
    signed_by = signing.signer(manifest, signature) if signature is not None else ""
    if key is not None:
        if signature is None:
            raise ModelError(f"The bundle is not signed, and {key} was asked for; do not use it.")
        signing.check(manifest, signature, key)
    _check_content(manifest)
    return signed_by, following


def _check_content(manifest: bytes) -> None:
    """Raise ModelError unless the manifest names the catalogue's models, files and hashes, and nothing else."""
    try:
        content = json.loads(manifest)
        named = {
            (model["name"], file, fields["sha256"])
            for model in content["models"]
            for file, fields in model["files"].items()
        }
        version = content["format"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"The bundle's {MANIFEST} is not as Strongroom writes it; it was altered or damaged."
        ) from error
    if version != FORMAT:
        raise ModelError(
            f"The bundle is of format {version!r}, this Strongroom reads {FORMAT}; make it with this version."
        )
    wanted = {(entry.name, file, digest) for entry in CATALOGUE for file, digest in entry.files.items()}
    if named != wanted:
        name, file, _ = sorted(named ^ wanted)[0]
        raise ModelError(
            f"The bundle and this version's catalogue do not name the same files ({name}/{file}); make the bundle with "
            f"Strongroom {__version__}."
        )


def _unpack(
    archive: tarfile.TarFile, first: tarfile.TarInfo | None, members: Iterator[tarfile.TarInfo], work: Path
) -> None:
    """Write the catalogue's files below `work`, in the catalogue's order, which is the bundle's."""
    member = first
    for entry in CATALOGUE:
        for name, digest in entry.files.items():
            wanted = f"{entry.name}/{name}"
            if member is None:
                raise ModelError(f"The bundle ends before {wanted}; it was cut off, copy it again.")
            content = _content(archive, member, wanted)
            path = work / entry.name / name  # both from the catalogue: what the archive calls it leads nowhere
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = hashlib.sha256()
            with path.open("wb") as file:
                while block := content.read(_READ):
                    found.update(block)
                    file.write(block)
            if found.hexdigest() != digest:
                raise ModelError(
                    f"{wanted} in the bundle is not the file that the catalogue names (SHA-256 "
                    f"{found.hexdigest()[:12]}…, expected {digest[:12]}…); it was altered or damaged, do not use it."
                )
            member = next(members, None)
    if member is not None:
        raise ModelError(
            f"The bundle holds {member.name!r}, which does not belong there; it was altered, do not use it."
        )


def _head(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > _LARGEST_HEAD:
        raise ModelError(f"The bundle's {member.name} is {member.size:,} bytes long; it was altered, do not use it.")
    return _content(archive, member, member.name).read()


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, wanted: str) -> IO[bytes]:
    content = archive.extractfile(member) if member.isreg() and member.name == wanted else None
    if content is None:
        raise ModelError(
            f"The bundle holds {member.name!r} where {wanted} has to stand; it was altered, do not use it."
        )
    return content
