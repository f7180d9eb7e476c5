"""Bundles of models: what was written can be read, and nothing else can. With small models of the test's own."""

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.errors import ModelError, StorageError
from rag.models import bundle, catalogue
from rag.models.bundle import read, write
from rag.models.catalogue import ModelEntry, imported, locate

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")

FILES = {"weights.onnx": b"weights" * 300, "folder/config.json": b"{}"}


def entry(name: str, module: str) -> ModelEntry:
    digests = {file: hashlib.sha256(content).hexdigest() for file, content in FILES.items()}
    return ModelEntry(name, "reader", "none==1", module, "", digests, "MIT", "nowhere")


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ModelEntry, ...]:
    """A catalogue of two models, in packages of their own."""
    entries = (entry("first", "first_weights"), entry("second", "second_weights"))
    for one in entries:
        package = tmp_path / "packages" / one.module
        for file, content in FILES.items():
            (package / file).parent.mkdir(parents=True, exist_ok=True)
            (package / file).write_bytes(content)
        (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    monkeypatch.setattr(bundle, "CATALOGUE", entries)
    return entries


@pytest.fixture
def written(two: tuple[ModelEntry, ...], tmp_path: Path) -> Path:
    write(tmp_path / "models.tar", tmp_path / "home", None)
    return tmp_path / "models.tar"


def key(folder: Path, name: str = "key") -> Path:
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def alter(source: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], object]) -> Path:
    """A copy of a bundle after `change` of its members."""
    with tarfile.open(source) as archive:
        members = [(member, (archive.extractfile(member) or io.BytesIO()).read()) for member in archive]
    change(members)
    target = source.with_name("altered.tar")
    with tarfile.open(target, "w") as archive:
        for member, content in members:
            if member.isreg():
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return target


def nothing_is_left(models: Path) -> bool:
    return not models.exists() or list(models.iterdir()) == []


def test_there_and_back(two: tuple[ModelEntry, ...], written: Path, tmp_path: Path) -> None:
    done = read(written, tmp_path / "models", None)
    assert (done.models, done.signed_by, done.checked) == (("first", "second"), "", False)
    for one in two:
        for file, content in FILES.items():
            assert (imported(one, tmp_path / "models") / file).read_bytes() == content
    read(written, tmp_path / "models", None)  # again: replaced
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["imported"]


def test_the_same_models_give_the_same_bytes(written: Path, tmp_path: Path) -> None:
    write(tmp_path / "again.tar", tmp_path / "home", None)
    assert written.read_bytes() == (tmp_path / "again.tar").read_bytes()


def test_imported_models_are_found_where_no_package_is(
    written: Path, tmp_path: Path, two: tuple[ModelEntry, ...]
) -> None:
    read(written, tmp_path / "models", None)
    alone = entry("first", "no_such_package")
    assert locate(alone, tmp_path / "models") == imported(alone, tmp_path / "models")
    assert catalogue.verify(alone, models=tmp_path / "models").is_dir()
    (imported(alone, tmp_path / "models") / "weights.onnx").write_bytes(b"other")
    with pytest.raises(ModelError, match="do not use it"):
        catalogue.verify(alone, models=tmp_path / "models")
    with pytest.raises(ModelError, match="rag models import"):
        locate(alone)


@needs_ssh
def test_signed_bundles(two: tuple[ModelEntry, ...], written: Path, tmp_path: Path) -> None:
    mine, other = key(tmp_path), key(tmp_path, "other")
    signed = tmp_path / "signed.tar"
    write(signed, tmp_path / "home", mine)
    done = read(signed, tmp_path / "models", mine.with_suffix(".pub"))
    assert done.checked
    assert done.signed_by.startswith("ED25519 key SHA256:")
    assert not read(signed, tmp_path / "models", None).checked
    with pytest.raises(ModelError, match="is not signed by"):
        read(signed, tmp_path / "elsewhere", other.with_suffix(".pub"))
    with pytest.raises(ModelError, match="is not signed, and"):
        read(written, tmp_path / "elsewhere", mine.with_suffix(".pub"))
    with pytest.raises(ModelError, match="no public key"):
        read(signed, tmp_path / "elsewhere", mine)
    assert nothing_is_left(tmp_path / "elsewhere")


@needs_ssh
def test_a_signature_can_be_checked_without_us(two: tuple[ModelEntry, ...], tmp_path: Path) -> None:
    mine = key(tmp_path)
    write(tmp_path / "signed.tar", tmp_path / "home", mine)
    with tarfile.open(tmp_path / "signed.tar") as archive:
        archive.extractall(tmp_path / "out", filter="data")
    (tmp_path / "allowed").write_text(f"me {mine.with_suffix('.pub').read_text()}")
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "me", "-n", "strongroom-models"]
    done = subprocess.run(
        [*command, "-s", "out/manifest.json.sig"],
        input=(tmp_path / "out" / "manifest.json").read_bytes(),
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@needs_ssh
def test_a_changed_manifest_under_an_old_signature(two: tuple[ModelEntry, ...], tmp_path: Path) -> None:
    write(tmp_path / "signed.tar", tmp_path / "home", key(tmp_path))

    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        members[0] = (members[0][0], members[0][1].replace(b"MIT", b"GPL"))

    with pytest.raises(ModelError, match="does not belong to what was signed"):
        read(alter(tmp_path / "signed.tar", change), tmp_path / "models", None)


def renamed(name: str) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], object]:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        members[1][0].name = name

    return change


def retyped(kind: bytes) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], object]:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        member, _ = members[1]
        member.type, member.linkname, member.size = kind, "/etc/passwd", 0
        members[1] = (member, b"")

    return change


def extra(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members.append((tarfile.TarInfo("../../evil.py"), b"import os"))


def manifest(change: Callable[[dict[str, object]], object]) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], object]:
    def altered(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        content = json.loads(members[0][1])
        change(content)
        members[0] = (members[0][0], json.dumps(content).encode())

    return altered


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (renamed("../../evil"), "was altered"),
        (renamed("/etc/evil"), "was altered"),
        (renamed("first/../first/weights.onnx"), "was altered"),
        (retyped(tarfile.SYMTYPE), "was altered"),
        (retyped(tarfile.LNKTYPE), "was altered"),
        (retyped(tarfile.CHRTYPE), "was altered"),
        (extra, "does not belong there"),
        (lambda members: members.append(members[-1]), "does not belong there"),
        (lambda members: members.pop(), "cut off"),
        (lambda members: members.pop(0), "does not begin with"),
        (lambda members: members.insert(0, members.pop()), "does not begin with"),
        (lambda members: members.__setitem__(1, (members[1][0], b"other")), "not the file that the catalogue"),
        (lambda members: members.__setitem__(0, (members[0][0], b"[]")), "not as Strongroom writes it"),
        (lambda members: members.__setitem__(0, (members[0][0], b" " * (1 << 20) + b"x")), "bytes long"),
        (manifest(lambda content: content.update(format=2)), "of format 2"),
        (manifest(lambda content: content["models"].pop()), "same files"),  # type: ignore[attr-defined]
        (lambda members: members.clear(), "does not begin with"),
    ],
)
def test_whatever_was_altered_is_refused_and_leaves_nothing(
    change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], object], says: str, written: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=says):
        read(alter(written, change), tmp_path / "models", None)
    assert nothing_is_left(tmp_path / "models")
    assert not (tmp_path.parent / "evil").exists()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_anywhere_that_matters_is_refused(data: st.DataObject, written: Path, tmp_path: Path) -> None:
    """Of the files' contents every byte; elsewhere the result is the catalogue's files, or an error."""
    content = bytearray(written.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / "flipped.tar").write_bytes(content)
    models = tmp_path / "flipped"
    try:
        read(tmp_path / "flipped.tar", models, None)
    except ModelError:
        assert nothing_is_left(models)
    else:
        found = {path.relative_to(models).as_posix(): path.read_bytes() for path in models.rglob("*") if path.is_file()}
        names = {f"imported/{name}/{file}": text for name in ("first", "second") for file, text in FILES.items()}
        assert found == names
        shutil.rmtree(models)


@given(size=st.integers(0, 4000))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_bundle_that_was_cut_off_is_refused(size: int, written: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.tar").write_bytes(written.read_bytes()[:size])
    with pytest.raises(ModelError):
        read(tmp_path / "cut.tar", tmp_path / "cut", None)
    assert nothing_is_left(tmp_path / "cut")


def test_what_is_missing_is_said(written: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no bundle"):
        read(tmp_path / "none.tar", tmp_path / "models", None)
    with pytest.raises(StorageError, match="name another file"):
        write(tmp_path / "nowhere" / "models.tar", tmp_path / "home", None)
    with pytest.raises(ModelError, match="no key"):
        write(tmp_path / "m.tar", tmp_path / "home", tmp_path / "nokey")
