"""Adapters: kept whole, loaded only as they were learnt and beside what they were learnt for, carried elsewhere."""

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.errors import ModelError, UsageError
from rag.models import adapters
from rag.models.adapters import Adapter, Gain

GAIN = Gain("nDCG@10 of evidence pages", 0.5, 0.6, 0.02, 0.18, 0.01, 40)
ADAPTER = Adapter("mine", "search", "MiniLM", "a" * 64, "", "default", "2026-01-01T00:00:00+00:00", 40, GAIN)


def kept(home: Path, name: str = "mine", content: bytes = b"learnt") -> Adapter:
    return adapters.keep(home, replace(ADAPTER, name=name), lambda path: path.write_bytes(content) and None)


def test_what_is_kept_is_listed_and_found(tmp_path: Path) -> None:
    stored = kept(tmp_path)
    assert adapters.listed(tmp_path) == [stored] == [adapters.find(tmp_path, "mine")]
    assert stored.file(tmp_path).read_bytes() == b"learnt"
    assert len(stored.sha256) == 64


def test_nothing_is_in_use_until_it_is_switched_on_and_after_it_is_switched_off(tmp_path: Path) -> None:
    stored = kept(tmp_path)
    assert adapters.in_use(tmp_path, "default", "search", "a" * 64) is None
    adapters.use(tmp_path, "default", "search", "mine")
    assert adapters.in_use(tmp_path, "default", "search", "a" * 64) == stored
    assert adapters.in_use(tmp_path, "another", "search", "a" * 64) is None
    assert adapters.in_use(tmp_path, "default", "writer", "a" * 64) is None
    assert adapters.used_in(tmp_path, "mine") == ["default"]
    adapters.use(tmp_path, "default", "search", None)
    assert adapters.in_use(tmp_path, "default", "search", "a" * 64) is None


def test_a_file_that_was_altered_is_not_loaded(tmp_path: Path) -> None:
    stored = kept(tmp_path)
    adapters.use(tmp_path, "default", "search", "mine")
    stored.file(tmp_path).write_bytes(b"Learnt")
    with pytest.raises(ModelError, match=r"SHA-256 differs.*rag tune use none --kind search --collection default"):
        adapters.in_use(tmp_path, "default", "search", "a" * 64)


def test_an_adapter_is_not_loaded_beside_another_model(tmp_path: Path) -> None:
    kept(tmp_path)
    adapters.use(tmp_path, "default", "search", "mine")
    with pytest.raises(ModelError, match="learnt for MiniLM"):
        adapters.in_use(tmp_path, "default", "search", "b" * 64)


def test_an_adapter_that_is_in_use_and_gone_is_no_silence(tmp_path: Path) -> None:
    adapters.use(tmp_path, "default", "search", "mine")
    with pytest.raises(ModelError, match="'mine', which is in use, is gone"):
        adapters.in_use(tmp_path, "default", "search", "a" * 64)


def test_dropped_is_erased_and_switched_off(tmp_path: Path) -> None:
    kept(tmp_path)
    adapters.use(tmp_path, "default", "search", "mine")
    adapters.drop(tmp_path, "mine")
    assert adapters.in_use(tmp_path, "default", "search", "a" * 64) is None
    assert [path.name for path in tmp_path.iterdir()] == [adapters.IN_USE]
    with pytest.raises(UsageError, match="there is none yet"):
        adapters.drop(tmp_path, "mine")


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    kept(tmp_path)
    with pytest.raises(UsageError, match=r"--name.*rag tune drop"):
        kept(tmp_path, content=b"other")
    assert adapters.find(tmp_path, "mine").file(tmp_path).read_bytes() == b"learnt"


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a" * 65, "in-use.json", "a b"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name for an adapter"):
        kept(tmp_path, name)


def test_what_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        adapters.keep(tmp_path, ADAPTER, lambda path: path.write_bytes(bytes(1 // 0)) and None)
    assert list(tmp_path.iterdir()) == []


def test_exported_and_imported_it_is_the_same(tmp_path: Path) -> None:
    stored = kept(tmp_path / "one")
    adapters.export(tmp_path / "one", "mine", tmp_path / "mine.tar")
    assert adapters.import_(tmp_path / "two", tmp_path / "mine.tar", None) == stored
    assert adapters.import_(tmp_path / "two", tmp_path / "mine.tar", "theirs") == replace(stored, name="theirs")
    adapters.export(tmp_path / "one", "mine", tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == (tmp_path / "mine.tar").read_bytes()


def archive(path: Path, *members: tuple[str, bytes]) -> Path:
    with tarfile.open(path, "w") as file:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return path


def test_an_archive_that_was_altered_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    kept(tmp_path / "one")
    adapters.export(tmp_path / "one", "mine", tmp_path / "mine.tar")
    with tarfile.open(tmp_path / "mine.tar") as file:
        manifest = file.extractfile("manifest.json")
        assert manifest is not None
        head = manifest.read()
    bad = archive(tmp_path / "bad.tar", ("manifest.json", head), ("search.npz", b"planted"))
    with pytest.raises(ModelError, match="altered or damaged"):
        adapters.import_(tmp_path / "two", bad, None)
    assert adapters.listed(tmp_path / "two") == []
    climbing = archive(tmp_path / "up.tar", ("manifest.json", head), ("../../search.npz", b"learnt"))
    with pytest.raises(ModelError, match="not where it has to stand"):
        adapters.import_(tmp_path / "two", climbing, None)
    named = json.loads(head) | {"name": "../up"}
    renamed = archive(tmp_path / "name.tar", ("manifest.json", json.dumps(named).encode()), ("search.npz", b"learnt"))
    with pytest.raises(ModelError, match="manifest"):
        adapters.import_(tmp_path / "two", renamed, None)
    (tmp_path / "text.tar").write_text("no archive")
    with pytest.raises(ModelError, match="no adapter that"):
        adapters.import_(tmp_path / "two", tmp_path / "text.tar", None)


def test_what_runs_that_were_cut_off_have_left_is_erased_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / ".search-0a.jsonl").write_text("{}")
    (tmp_path / ".reader-0b").mkdir()
    (tmp_path / ".reader-0b" / "part-0.onnx").write_bytes(b"learnt")
    (tmp_path / "mine-1").mkdir()
    adapters.discard_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine-1"]
