"""Folders that would run code while they are loaded are refused before any library looks into them."""

import json
import pickle
from pathlib import Path

import pytest

from ingest.errors import ModelError
from rag.models.embed import load_embedder
from rag.models.folder import PICKLES, refuse_code
from rag.models.reader import load_reader


class Bomb:
    """Runs when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.mark,))


def planted(folder: Path, name: str = "pytorch_model.bin") -> Path:
    """A model's folder whose weights are a pickle that leaves a mark; returns the mark."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(pickle.dumps(Bomb(folder.parent / "exploded")))
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "architectures": ["BertModel"]}))
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    return folder.parent / "exploded"


def test_the_bomb_is_one(tmp_path: Path) -> None:
    mark = planted(tmp_path / "folder")
    pickle.loads((tmp_path / "folder" / "pytorch_model.bin").read_bytes())
    assert mark.exists()


@pytest.mark.parametrize("ending", sorted(PICKLES))
def test_weights_that_are_a_pickle(ending: str, tmp_path: Path) -> None:
    mark = planted(tmp_path / "folder", f"weights{ending}")
    with pytest.raises(ModelError, match="which can run code"):
        load_embedder(tmp_path / "models", tmp_path / "folder", lambda _: None)
    assert not mark.exists()


def test_a_pickle_of_a_later_module(tmp_path: Path) -> None:
    planted(tmp_path / "folder", "2_Dense/pytorch_model.bin")
    (tmp_path / "folder" / "model.safetensors").touch()
    with pytest.raises(ModelError, match=r"2_Dense.pytorch_model\.bin"):
        refuse_code(tmp_path / "folder")


def test_a_pickle_beside_safetensors_is_let_be(tmp_path: Path) -> None:
    planted(tmp_path / "folder")
    (tmp_path / "folder" / "model.safetensors").touch()
    refuse_code(tmp_path / "folder")


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "deep/config.json"])
def test_code_of_the_folders_own(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / name).parent.mkdir(parents=True)
    (folder / "model.safetensors").touch()
    mark = tmp_path / "exploded"
    (folder / "evil.py").write_text(f"import pathlib; pathlib.Path({str(mark)!r}).touch()")
    (folder / "modules.json").write_text("[]")
    (folder / name).write_text(json.dumps({"model_type": "bert", "auto_map": {"AutoModel": "evil.Model"}}))
    with pytest.raises(ModelError, match="never run"):
        load_embedder(tmp_path / "models", folder, lambda _: None)
    with pytest.raises(ModelError, match="never run"):
        load_reader(folder)
    assert not mark.exists()


@pytest.mark.parametrize("kind", ["os.system", "evil.Module", "sentence_transformersx.Evil", 7, None])
def test_classes_that_are_not_the_librarys(kind: object, tmp_path: Path) -> None:
    planted(tmp_path / "folder")
    (tmp_path / "folder" / "model.safetensors").touch()
    (tmp_path / "folder" / "modules.json").write_text(json.dumps([{"idx": 0, "path": "", "type": kind}]))
    with pytest.raises(ModelError, match="not one of sentence-transformers' own"):
        load_embedder(tmp_path / "models", tmp_path / "folder", lambda _: None)


def test_a_library_that_falls_back_to_a_pickle_gets_an_error(tmp_path: Path) -> None:
    """Even if the folder's look deceived us."""
    import torch

    from rag.models.export import _no_pickles

    mark = planted(tmp_path / "folder")
    with _no_pickles(), pytest.raises(ModelError, match="safetensors"):
        torch.load(tmp_path / "folder" / "pytorch_model.bin", weights_only=False)
    assert not mark.exists()


def test_a_folder_that_is_in_order_and_one_that_is_odd(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    refuse_code(tmp_path)
    refuse_code(tmp_path / "nowhere")
