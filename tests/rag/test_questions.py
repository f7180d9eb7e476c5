"""Files of questions: JSON Lines and plain text, checked whole."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import UsageError
from rag.questions import read_batch, well_formed


def refuse_why(question: str) -> None:
    if question.startswith("why"):
        raise UsageError("No reasons are given.")


def test_json_lines_keep_their_ids_and_blank_lines_are_none(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"id": "a", "question": "Who?", "kind": "x"}\n\n{"question": "When?"}\n')
    assert read_batch(path, refuse_why) == [("a", "Who?"), (None, "When?")]


def test_a_text_has_a_question_a_line(tmp_path: Path) -> None:
    path = tmp_path / "q.TXT"
    path.write_text("Who?\n\n  When? \n")
    assert read_batch(path, refuse_why) == [(1, "Who?"), (3, "When?")]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("q.jsonl", "Who?\n", "line 1: not an object"),
        ("q.jsonl", '{"id": 1}\n', "line 1: not an object"),
        ("q.jsonl", '{"question": 5}\n', "line 1: not an object"),
        ("q.jsonl", '["question"]\n', "line 1: not an object"),
        ("q.txt", "Who?\nwhy\n", "line 2: No reasons are given. Nothing was answered."),
    ],
)
def test_one_bad_line_is_named_and_nothing_is_asked(tmp_path: Path, name: str, text: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        read_batch(path, refuse_why)
    assert words in str(error.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="JSON Lines in UTF-8"):
        read_batch(tmp_path / "none.jsonl", refuse_why)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=1).map(str.strip).filter(bool)
)
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, question: str) -> None:
    path = tmp_path_factory.mktemp("questions") / "q.jsonl"
    path.write_text(json.dumps({"id": 7, "question": question}), encoding="utf-8")
    assert read_batch(path, lambda _: None) == [(7, question)]


def test_halves_of_pairs_are_no_question() -> None:
    assert well_formed("a\ud800b") == "a?b"
