"""Choosing a reader, and the limits that hold for every format."""

import os
from pathlib import Path

import pytest

from ingest import readers
from ingest.errors import ReadError
from ingest.readers import read
from ingest.types import FileStatus, Source, SourceFile


def source(folder: Path, name: str, data: bytes) -> SourceFile:
    (folder / name).write_bytes(data)
    return SourceFile(folder, name)


@pytest.mark.parametrize(
    ("name", "data", "status", "word"),
    [
        ("a.txt", b"", FileStatus.EMPTY, "no bytes"),
        ("a.pdf", b"", FileStatus.EMPTY, "no bytes"),
        ("a.txt", b" \n\t ", FileStatus.EMPTY, "white space"),
        ("a.docx", b"PK\x03\x04....", FileStatus.DAMAGED, "no valid Word document"),
        ("a.csv", b"PK\x03\x04....", FileStatus.UNSUPPORTED, "zip"),
        ("a.txt", b"PK\x03\x04....", FileStatus.UNSUPPORTED, "zip"),
        ("a.md", b"\x89PNG\r\n\x1a\n", FileStatus.UNSUPPORTED, "PNG"),
        ("a.jsonl", b"\x1f\x8b\x08", FileStatus.UNSUPPORTED, "gzip"),
        ("a.xyz", b"words", FileStatus.UNSUPPORTED, ".xyz files"),
        ("Makefile", b"words", FileStatus.UNSUPPORTED, "without a suffix"),
        ("a.pdf", b"not a pdf at all", FileStatus.DAMAGED, "not a valid PDF"),
        ("a.pdf", b"PK\x03\x04....", FileStatus.DAMAGED, "not a valid PDF"),
    ],
)
def test_every_refusal_has_its_status(tmp_path: Path, name: str, data: bytes, status: FileStatus, word: str) -> None:
    with pytest.raises(ReadError, match=word) as raised:
        read(source(tmp_path, name, data))
    assert raised.value.status is status


def test_suffixes_in_capitals_are_the_same(tmp_path: Path) -> None:
    assert read(source(tmp_path, "A.TXT", b"words")).pages[0].text == "words"


def test_a_file_that_is_gone_is_failed(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="No such file") as raised:
        read(SourceFile(tmp_path, "gone.txt"))
    assert raised.value.status is FileStatus.FAILED


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_failed(tmp_path: Path) -> None:
    file = source(tmp_path, "a.txt", b"words")
    file.absolute.chmod(0)
    with pytest.raises(ReadError, match="Permission denied") as raised:
        read(file)
    assert raised.value.status is FileStatus.FAILED


def test_a_file_over_the_limit_is_too_large_and_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(readers.MAX_BYTES + 1)  # sparse: takes no space
    with pytest.raises(ReadError, match="the limit is") as raised:
        read(SourceFile(tmp_path, "huge.txt"))
    assert raised.value.status is FileStatus.TOO_LARGE


def test_text_over_the_limit_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_CHARACTERS", 3)
    with pytest.raises(ReadError) as raised:
        read(source(tmp_path, "a.txt", b"words"))
    assert raised.value.status is FileStatus.TOO_LARGE


def test_running_out_of_memory_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(_source: Source) -> None:
        raise MemoryError

    monkeypatch.setitem(readers._BY_SUFFIX, ".txt", explode)
    with pytest.raises(ReadError, match="memory") as raised:
        read(source(tmp_path, "a.txt", b"words"))
    assert raised.value.status is FileStatus.FAILED
