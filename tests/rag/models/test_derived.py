"""A file made from weights is made once, whole, and again when anything about it does not fit."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.errors import ModelError, StorageError
from rag.models.derived import derived


class Maker:
    """Writes a file, and counts how often it was asked to."""

    def __init__(self, content: bytes = b"made") -> None:
        self.content = content
        self.calls = 0

    def __call__(self, path: Path) -> None:
        self.calls += 1
        path.write_bytes(self.content)


def make(models: Path, maker: Callable[[Path], None], parent: str = "parent", recipe: str = "recipe") -> Path:
    return derived(models, "model.onnx", parent, recipe, maker)


def test_it_is_made_once(tmp_path: Path) -> None:
    maker = Maker()
    path = make(tmp_path / "models", maker)
    assert make(tmp_path / "models", maker) == path
    assert (path.read_bytes(), maker.calls) == (b"made", 1)
    manifest = json.loads((path.parent / "manifest.json").read_text())
    assert manifest["parent_sha256"] == "parent"
    assert manifest["recipe"] == "recipe"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"mad"),
        lambda path: path.write_bytes(b"MADE"),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
        lambda path: (path.parent / "manifest.json").unlink(),
        lambda path: (path.parent / "manifest.json").write_text("{"),
        lambda path: (path.parent / "manifest.json").write_text("[]"),
        lambda path: (path.parent / "manifest.json").write_text("{}"),
        lambda path: (path.parent / "manifest.json").write_bytes(b"\xff\xfe"),
    ],
    ids=["cut", "changed", "emptied", "gone", "no manifest", "half a manifest", "a list", "an empty one", "no text"],
)
def test_what_does_not_fit_is_made_again(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    maker = Maker()
    path = make(tmp_path, maker)
    spoil(path)
    assert make(tmp_path, maker).read_bytes() == b"made"
    assert maker.calls == 2


def test_another_parent_or_recipe_makes_another_file(tmp_path: Path) -> None:
    make(tmp_path, Maker(b"one"))
    assert make(tmp_path, Maker(b"two"), parent="other").read_bytes() == b"two"
    assert make(tmp_path, Maker(b"three"), parent="other", recipe="other").read_bytes() == b"three"


def test_half_a_file_is_never_left(tmp_path: Path) -> None:
    def stop(path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, stop)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_old_file(tmp_path: Path) -> None:
    path = make(tmp_path, Maker(b"old"))

    def fail(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="No space left on device"):
        make(tmp_path, fail, recipe="newer")
    assert path.read_bytes() == b"old"


def test_a_maker_that_makes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="left no file"):
        make(tmp_path, lambda path: None)


def test_a_second_process_may_finish_first(tmp_path: Path) -> None:
    def overtaken(path: Path) -> None:
        path.write_bytes(b"made")
        make(tmp_path, Maker())

    assert make(tmp_path, overtaken).read_bytes() == b"made"
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(StorageError, match="another home"):
        make(tmp_path / "home" / "models", Maker())
