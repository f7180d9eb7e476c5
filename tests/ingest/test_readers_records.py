import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import ReadError
from ingest.readers import read
from ingest.readers.records import _page
from ingest.types import Document, FileStatus, SourceFile


def document_of(folder: Path, text: str) -> Document:
    (folder / "r.jsonl").write_bytes(text.encode())
    return read(SourceFile(folder, "r.jsonl"))


def test_one_record_is_one_page_with_its_id(tmp_path: Path) -> None:
    pages = document_of(
        tmp_path, '{"id": "a", "text": "One.", "title": "First", "more": 1}\n\n{"id": 7, "text": "Two.\\r\\n"}\r\n'
    ).pages
    assert [(page.record, page.title, page.text, page.number) for page in pages] == [
        ("a", "First", "One.", None),
        ("7", None, "Two.\r\n", None),
    ]


def test_a_record_may_be_empty(tmp_path: Path) -> None:
    assert document_of(tmp_path, '{"id": "a", "text": ""}').pages[0].text == ""


def test_line_separators_inside_a_record_do_not_end_its_line(tmp_path: Path) -> None:
    assert document_of(tmp_path, '{"id": "a", "text": "x\u2028y\x85z"}').pages[0].text == "x\u2028y\x85z"


def test_half_a_surrogate_pair_becomes_a_replacement_of_the_same_length(tmp_path: Path) -> None:
    assert document_of(tmp_path, r'{"id": "a", "text": "x\ud800y\ud83d\ude00"}').pages[0].text == "x\ufffdy\U0001f600"


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        (
            '{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}',
            FileStatus.DAMAGED,
            "line 2 repeats the id 'a' of line 1",
        ),
        ('{"id": 1, "text": "x"}\n{"id": "1", "text": "y"}', FileStatus.DAMAGED, "line 2 repeats"),
        ('{"id": "a", "text": "x"}\n\n{"id": "b", "te', FileStatus.DAMAGED, "line 3 is not JSON"),
        ('{"id": "a", "text": "x"}\n[1]', FileStatus.DAMAGED, "line 2 is not a JSON object"),
        ('{"id": "a", "text": "x"}\n{"id": "b"}', FileStatus.DAMAGED, 'line 2 has no "text"'),
        ('{"text": "x"}', FileStatus.DAMAGED, 'line 1 has no "id"'),
        ('{"id": true, "text": "x"}', FileStatus.DAMAGED, 'line 1 has no "id"'),
        ('{"id": "", "text": "x"}', FileStatus.DAMAGED, 'line 1 has no "id"'),
        ('{"id": "a", "text": 5}', FileStatus.DAMAGED, 'no "text" that is a text'),
        ('{"id": "a", "text": "x", "title": 5}', FileStatus.DAMAGED, 'no "title"'),
        ('{"eventTime": "2024-01-01", "actor": "x"}', FileStatus.UNSUPPORTED, "rag logs"),
        ("\n \n", FileStatus.EMPTY, "no records"),
        ("[" * 100_000, FileStatus.DAMAGED, "line 1 is not JSON"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, text: str, status: FileStatus, words: str) -> None:
    with pytest.raises(ReadError, match=words) as raised:
        document_of(tmp_path, text)
    assert raised.value.status is status


@given(st.text(min_size=1), st.text(), st.none() | st.text())
def test_a_record_comes_back_as_it_was(name: str, text: str, title: str | None) -> None:
    page = _page("r.jsonl", 1, json.dumps({"id": name, "text": text, "title": title}))
    assert (page.record, page.text, page.title) == (name, text, title)
