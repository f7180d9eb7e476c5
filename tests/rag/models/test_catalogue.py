"""Weights are found without importing their packages, and refused when they are not the catalogue's."""

import hashlib
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.errors import ModelError
from rag.models import catalogue
from rag.models.catalogue import CATALOGUE, EMBEDDING, WRITER, ModelEntry, locate, sha256, verify
from rag.models.llama import PARENT


@pytest.fixture
def entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """A model of one small file in a package that ends the test if it is imported."""
    package = tmp_path / "packages" / "some_weights"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "model" / "weights").write_bytes(b"right")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    files = {"weights": hashlib.sha256(b"right").hexdigest()}
    return replace(EMBEDDING, name="some", package="some==1", module="some_weights", folder="model", files=files)


def weights(entry: ModelEntry) -> Path:
    return locate(entry) / "weights"


def test_it_is_found_and_not_imported(entry: ModelEntry) -> None:
    assert verify(entry) == weights(entry).parent
    assert "some_weights" not in sys.modules


def test_one_changed_bit_is_refused(entry: ModelEntry) -> None:
    weights(entry).write_bytes(b"righu")
    with pytest.raises(ModelError, match=r"not the file that the catalogue names.*do not use it"):
        verify(entry)


def test_a_missing_file_is_named(entry: ModelEntry) -> None:
    path = weights(entry)
    path.unlink()
    with pytest.raises(ModelError, match="weights is missing; reinstall it"):
        verify(entry)


def test_a_missing_package_is_named(entry: ModelEntry) -> None:
    with pytest.raises(ModelError, match="is not installed; run `make setup`"):
        verify(replace(entry, module="no_such_weights"))


def test_only_the_named_files_are_checked(entry: ModelEntry) -> None:
    more = replace(entry, files=entry.files | {"other": "0" * 64})
    verify(more, "weights")
    with pytest.raises(ModelError, match="other is missing"):
        verify(more)


def test_large_files_are_hashed_whole(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000  # more than two reads, not a multiple of one
    (tmp_path / "file").write_bytes(data)
    assert sha256(tmp_path / "file") == hashlib.sha256(data).hexdigest()


def test_the_real_weights_are_the_catalogues(models: Path) -> None:
    assert all(verify(entry).is_dir() for entry in CATALOGUE)
    assert {entry.kind for entry in CATALOGUE} == {"embedding", "question", "language", "writer", "reader"}


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.kind)
def test_a_tampered_model_is_never_made_into_anything(
    entry: ModelEntry, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The very loaders that commands use, with a copy of the package in which one file has one more byte."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in entry.files:
        (copy / name).parent.mkdir(exist_ok=True)
        shutil.copy(locate(entry) / name, copy / name)
        with (copy / name).open("ab") as file:
            file.write(b"\x00")
    real = catalogue.locate
    monkeypatch.setattr(catalogue, "locate", lambda other, *rest: copy if other is entry else real(other, *rest))
    from rag.models.embed import load_embedder
    from rag.models.llama import load_generator
    from rag.models.reader import load_reader

    prepared = tmp_path / "prepared"  # all but what would be made of the copy
    shutil.copytree(models, prepared, ignore=shutil.ignore_patterns(f"{entry.name}*"))
    loaders = {
        "embedding": lambda: load_embedder(tmp_path / "models", None, lambda _: None),
        "question": lambda: load_embedder(prepared, None, lambda _: None).embed_question("Who signs?"),
        "language": lambda: load_generator(tmp_path / "models", None, lambda _: None),
        "writer": lambda: load_generator(tmp_path / "models", None, lambda _: None),
        "reader": lambda: load_reader(None),
    }
    with pytest.raises(ModelError, match="do not use it"):
        loaders[entry.kind]()
    assert [path for path in (tmp_path / "models").rglob("*") if path.is_file()] == []


def test_the_language_models_parent_is_named_with_its_answers(generator: object) -> None:
    assert generator.sha256 == PARENT  # type: ignore[attr-defined]
    assert generator.name == f"SmolLM2-135M-Instruct+{WRITER.name}"  # type: ignore[attr-defined]
