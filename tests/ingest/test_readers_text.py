import codecs
import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import ReadError
from ingest.readers import read
from ingest.readers.text import decode
from ingest.types import FileStatus, SourceFile


def text_of(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    (page,) = read(SourceFile(folder, name)).pages
    assert (page.path, page.number, page.record) == (name, None, None)
    return page.text


def test_the_text_is_the_decoded_file_line_ends_included(tmp_path: Path) -> None:
    assert text_of(tmp_path, "a.txt", "Größe\r\nß \r end\n".encode()) == "Größe\r\nß \r end\n"


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_byte_order_marks_are_obeyed_and_left_out(tmp_path: Path, mark: bytes, encoding: str) -> None:
    assert text_of(tmp_path, "a.txt", mark + "Policy – §1".encode(encoding)) == "Policy – §1"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_recognised_and_noted(encoding: str) -> None:
    text, notes = decode("The retention period – §1 – is seven years.".encode(encoding))
    # UTF-16 of plain Latin letters is valid UTF-8 with null bytes; other letters are not valid UTF-8.
    assert text == "The retention period – §1 – is seven years."
    assert encoding in notes[0]


def test_windows_1252_is_a_guess_and_said(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Señor “García” – 5 €".encode("cp1252"))
    document = read(SourceFile(tmp_path, "a.txt"))
    assert document.pages[0].text == "Señor “García” – 5 €"
    assert "Windows-1252" in document.notes[0]


def test_damage_behind_a_byte_order_mark_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="byte 1") as raised:
        text_of(tmp_path, "a.txt", codecs.BOM_UTF8 + b"a\xff")
    assert raised.value.status is FileStatus.DAMAGED


@pytest.mark.parametrize("data", [b"\x00\x01\x02\x03" * 50, b"words\x00words", bytes(range(1, 32)) * 20])
def test_binary_content_is_unsupported(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ReadError, match="binary") as raised:
        text_of(tmp_path, "a.txt", data)
    assert raised.value.status is FileStatus.UNSUPPORTED


def test_a_form_feed_does_not_make_a_text_binary(tmp_path: Path) -> None:
    assert text_of(tmp_path, "a.txt", b"one\x0ctwo\x1b[0m") == "one\x0ctwo\x1b[0m"


def test_a_markdown_title(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("intro\n\n# Travel policy #\n\n## Scope\n")
    assert read(SourceFile(tmp_path, "a.md")).title == "Travel policy"
    (tmp_path / "a.txt").write_text("# not a title\n")
    assert read(SourceFile(tmp_path, "a.txt")).title is None


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1))
def test_utf8_comes_back_as_it_was(text: str) -> None:
    assert decode(text.encode("utf-8")) == (text.removeprefix("\ufeff"), ())


@given(st.binary())
def test_any_bytes_are_text_or_a_read_error(data: bytes) -> None:
    with contextlib.suppress(ReadError):
        decode(data)
