"""What the key encrypts comes back whole, or not at all; and the key shows itself to nobody."""

import pickle
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.store.catalog import Catalog
from rag.vault.cipher import MARK, MORE, PAGE, Key, decoded_line, encoded_line, is_encrypted, new_key, unwrapped
from tests.rag.store.test_catalog import put

KEY = new_key()
SECRET = b"0123456789abcdef0123456789abcdef"


@given(st.binary(max_size=200))
def test_what_was_encrypted_comes_back(data: bytes) -> None:
    assert KEY.decrypt(KEY.encrypt(data, "seal"), "seal") == data
    assert len(KEY.encrypt(data, "seal")) == len(data) + MORE
    line = encoded_line(KEY, data, "entry")
    assert line.count(b"\n") == 1
    assert decoded_line(KEY, line, "entry") == data


@given(st.binary(max_size=60), st.data())
def test_any_change_is_refused(data: bytes, changes: st.DataObject) -> None:
    for encrypted, opened in (
        (KEY.encrypt(data, "seal"), lambda changed: KEY.decrypt(changed, "seal")),
        (encoded_line(KEY, data, "seal"), lambda changed: decoded_line(KEY, changed, "seal")),
    ):
        changed = bytearray(encrypted)
        place = changes.draw(st.integers(0, len(changed) - 1))
        if changes.draw(st.booleans()):
            changed[place] ^= 1 << changes.draw(st.integers(0, 7))
        else:
            del changed[place:]
        with pytest.raises(ValueError, match=r"."):
            opened(bytes(changed))


def test_another_key_and_another_use_are_refused() -> None:
    data = KEY.encrypt(b"folders", "seal")
    with pytest.raises(ValueError, match="another key"):
        new_key().decrypt(data, "seal")
    with pytest.raises(ValueError, match="changed"):
        KEY.decrypt(data, "head")
    with pytest.raises(ValueError, match="not encrypted"):
        KEY.decrypt(b"{}", "seal")


def test_the_same_bytes_are_encrypted_differently_each_time() -> None:
    assert len({KEY.encrypt(b"yes", "seal") for _ in range(50)}) == 50


def test_a_key_is_wrapped_by_another_one() -> None:
    wrapped = KEY.wrapped(SECRET, "key")
    assert unwrapped(wrapped, SECRET, "key").catalog == KEY.catalog
    with pytest.raises(ValueError, match="another key"):
        unwrapped(wrapped, SECRET[::-1], "key")


def test_a_key_shows_itself_to_nobody() -> None:
    key = Key(SECRET)
    shown = f"{key} {key!r} {[key]}"
    with pytest.raises(TypeError, match="stays in the process"):
        pickle.dumps(key)
    try:
        key.decrypt(b"x" * 99, "seal")
    except ValueError:
        shown += traceback.format_exc()
    assert SECRET.decode() not in shown
    assert SECRET.hex() not in shown
    assert key.catalog not in shown
    assert not hasattr(key, "__dict__")


def test_files_tell_whether_they_are_encrypted(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(KEY.encrypt(b"", "seal"))
    (tmp_path / "other").write_bytes(b"{}")
    assert is_encrypted(tmp_path / "one")
    assert not is_encrypted(tmp_path / "other")
    assert not is_encrypted(tmp_path / "nothing")
    assert not MARK.startswith((b"{", b"["))


def test_pages_of_a_catalog_are_all_that_it_holds_rows_and_remains(tmp_path: Path) -> None:
    """The search of an erasure relies on it: what SQL no longer shows is seen, too."""
    path = tmp_path / "catalog.sqlite"
    catalog = Catalog(path, create=True, key=KEY)
    put(catalog, "greek.pdf", "alpha beta gamma")
    catalog._db.execute("PRAGMA secure_delete = OFF")
    put(catalog, "secret.pdf", "Xanthippe " * 3000)
    catalog.remove("/office", "secret.pdf")
    catalog.checkpoint()
    assert list(catalog.known("/office")) == ["greek.pdf"]
    catalog.close()
    pages = list(KEY.pages(path))
    assert len(pages) == path.stat().st_size / PAGE
    assert b"alpha beta gamma" in b"".join(pages)
    assert b"Xanthippe Xanthippe" in b"".join(pages)
    assert b"Xanthippe" not in path.read_bytes()
    assert not path.read_bytes().startswith(b"SQLite")
