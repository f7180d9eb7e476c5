"""A seal names every byte that counts, stands what Chroma does when it is opened, and is not believed when damaged."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.store import seal
from rag.store.seal import CATALOG
from rag.store.vectors import COARSE, FOLDER, Canary

CHROMA = f"{FOLDER}/chroma.sqlite3"
CANARIES = [Canary(7, 0.25)]


def sealed(folder: Path) -> Path:
    """A folder with files like those of a collection, and their seal."""
    (folder / FOLDER / "graph").mkdir(parents=True)
    (folder / CATALOG).write_bytes(b"catalog" * 99)
    (folder / COARSE).write_bytes(b"coarse")
    (folder / FOLDER / "graph" / "links.bin").write_bytes(b"links")
    with closing(sqlite3.connect(folder / CHROMA)) as database:
        database.executescript(
            "CREATE TABLE acquire_write (id INTEGER PRIMARY KEY, lock_status INTEGER NOT NULL);"
            "CREATE TABLE vectors (id INTEGER PRIMARY KEY, text TEXT);"
            "INSERT INTO vectors (text) VALUES ('one'), ('two');"
        )
    seal.write(folder, CANARIES, ["/office"], {"embedding_model": "word counts"})
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sealed(tmp_path_factory.mktemp("sealed"))


def differences(folder: Path) -> list[str]:
    found = seal.read(folder)
    assert found is not None
    return seal.differences(folder, found)


def test_what_was_written_is_read_back(folder: Path) -> None:
    found = seal.read(folder)
    assert found is not None
    assert set(found.files) == {CATALOG, COARSE, CHROMA, f"{FOLDER}/graph/links.bin"}
    assert (list(found.canaries), found.roots) == (CANARIES, ("/office",))
    assert found.identity == {"embedding_model": "word counts"}
    assert differences(folder) == []


def test_no_seal_is_none_and_breaking_one_twice_is_no_error(tmp_path: Path) -> None:
    assert seal.read(sealed(tmp_path)) is not None
    seal.remove(tmp_path)
    seal.remove(tmp_path)
    assert seal.read(tmp_path) is None


@given(st.sampled_from([CATALOG, COARSE, f"{FOLDER}/graph/links.bin"]), st.data())
def test_any_flipped_bit_and_any_cut_is_noticed(folder: Path, name: str, data: st.DataObject) -> None:
    path = folder / name
    whole = path.read_bytes()
    changed = bytearray(whole)
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        changed[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del changed[place:]
    try:
        path.write_bytes(changed)
        assert differences(folder) == [f"{path} is not what was written there"]
        path.unlink()
        assert differences(folder) == [f"{path} is gone"]
    finally:
        path.write_bytes(whole)


@given(st.data())
def test_a_damaged_seal_is_believed_in_nothing(folder: Path, data: st.DataObject) -> None:
    path = folder / seal.NAME
    whole, true = path.read_bytes(), seal.read(folder)
    changed = bytearray(whole)
    place = data.draw(st.integers(0, len(whole) - 1))
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        path.write_bytes(changed)
        assert seal.read(folder) == true or differences(folder)
        path.write_bytes(whole[:place])
        assert differences(folder)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '"x"', json.dumps({"sha256": "x", "files": {}})])
def test_a_seal_that_is_none_differs_from_everything(tmp_path: Path, text: str) -> None:
    (sealed(tmp_path) / seal.NAME).write_text(text)
    assert differences(tmp_path)


def test_chroma_may_note_that_it_was_opened(tmp_path: Path) -> None:
    """It adds a row at each opening, and in time pages behind the last one."""
    before = (sealed(tmp_path) / CHROMA).stat().st_size
    for _ in range(3):
        with closing(sqlite3.connect(tmp_path / CHROMA)) as database:
            database.executemany("INSERT INTO acquire_write (lock_status) VALUES (?)", [(1,)] * 1000)
            database.commit()
        assert differences(tmp_path) == []
    assert (tmp_path / CHROMA).stat().st_size > before


def test_other_changes_of_chromas_database_are_noticed(tmp_path: Path) -> None:
    with closing(sqlite3.connect(sealed(tmp_path) / CHROMA)) as database:
        database.execute("UPDATE vectors SET text = 'owt' WHERE text = 'two'")
        database.commit()
    assert differences(tmp_path) == [f"{tmp_path / CHROMA} is not what was written there"]
    os.truncate(tmp_path / CHROMA, 4096)
    assert differences(tmp_path)
    os.truncate(tmp_path / CHROMA, 50)
    assert differences(tmp_path)


def test_an_unwritable_seal_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true = seal.read(sealed(tmp_path))

    def fail(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        seal.write(tmp_path, [], [], {})
    assert seal.read(tmp_path) == true
