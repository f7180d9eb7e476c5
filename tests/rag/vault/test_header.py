"""The header of an encrypted home: a wrong passphrase is told from damage, and damage from a home in plain."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import KeyDamaged, StorageError, StrongroomError, UsageError
from rag.store import collection
from rag.vault import header
from tests.rag.store.test_catalog import put

WORDS = b"correct horse battery staple"


@pytest.fixture(autouse=True, scope="module")
def _cheap() -> Iterator[None]:
    """What makes guessing dear would make tests slow."""
    patch = pytest.MonkeyPatch()
    patch.setattr(header, "COST", 2)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("encrypted") / "home"
    header.write(home, header.new(WORDS, state="encrypted")[0])
    return home


def test_what_was_written_is_read_back_and_opened(tmp_path: Path) -> None:
    made, key = header.new(WORDS)
    header.write(tmp_path / "new" / "home", made)
    found = header.read(tmp_path / "new" / "home")
    assert found == made
    assert found.state == "encrypting"
    assert found.unlock(WORDS, tmp_path).catalog == key.catalog
    assert (tmp_path / "new" / "home" / header.NAME).stat().st_mode & 0o777 == 0o600


def test_another_passphrase_is_one_sentence(home: Path) -> None:
    found = header.read(home)
    assert found
    for wrong in (b"", WORDS[:-1], WORDS.upper()):
        with pytest.raises(UsageError, match=r"does not open .* nothing was touched") as error:
            found.unlock(wrong, home)
        assert WORDS.decode() not in str(error.value)


def test_a_new_passphrase_opens_the_same_key_and_the_old_one_none(tmp_path: Path) -> None:
    made, key = header.new(WORDS, state="encrypted")
    again, same = header.new(b"another one", key, made.state)
    assert same is key
    assert again.unlock(b"another one", tmp_path).catalog == key.catalog
    assert again.salt != made.salt
    with pytest.raises(UsageError):
        again.unlock(WORDS, tmp_path)


def test_what_is_written_holds_no_passphrase_and_no_key(home: Path) -> None:
    text = (home / header.NAME).read_text()
    found = header.read(home)
    assert found
    assert WORDS.decode() not in text
    assert found.unlock(WORDS, home)._secret.hex() not in text


@given(st.data())
def test_any_damage_is_told_and_is_no_wrong_passphrase(home: Path, data: st.DataObject) -> None:
    path = home / header.NAME
    whole, true = path.read_bytes(), header.read(home)
    changed = bytearray(whole)
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        changed[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del changed[place:]
    try:
        path.write_bytes(changed)
        if changed.split() == whole.split():  # a blank that is another blank says the same
            assert header.read(home) == true
        else:
            with pytest.raises(KeyDamaged, match="put a copy of it back"):
                header.read(home)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '"x"', json.dumps({"sha256": "x"})])
def test_a_header_that_is_none_is_damage(tmp_path: Path, text: str) -> None:
    (tmp_path / header.NAME).write_text(text)
    with pytest.raises(KeyDamaged):
        header.read(tmp_path)


def test_a_cost_that_would_take_all_memory_is_not_believed(tmp_path: Path) -> None:
    header.write(tmp_path, replace(header.new(WORDS)[0], cost=1 << 40))
    with pytest.raises(KeyDamaged):
        header.read(tmp_path)


def test_an_encrypted_home_without_its_header_is_not_taken_for_one_in_plain(tmp_path: Path) -> None:
    assert header.read(tmp_path) is None
    _, key = header.new(WORDS)
    with collection.changing(tmp_path / "collections" / "default", key=key) as catalog:
        put(catalog, "greek.pdf", "alpha")
    with pytest.raises(KeyDamaged, match=r"is gone; put a copy of it back"):
        header.read(tmp_path)


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"):
        header.write(tmp_path / "file", header.new(WORDS)[0])
    with pytest.raises(StrongroomError):
        header.write(tmp_path / "file" / "home", header.new(WORDS)[0])
