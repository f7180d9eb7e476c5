"""Questions are read whole or not at all, and judged by pattern, page and group."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import UsageError
from rag.answer import validate
from rag.judge import Question, groups_at, holds_answer, read_questions, verdict
from tests.running import ROOT

ROW: dict[str, Any] = {
    "id": "a-1",
    "question": "How soon must an incident be reported?",
    "kind": "deadline",
    "answer": "Within one hour.",
    "answer_patterns": [r"\b(1|one)\s+hour"],
    "reject_patterns": [r"\bdays?\b"],
    "evidence": [
        {"file": "a.pdf", "page": 3, "quote": "within one hour", "group": 1},
        {"file": "b.pdf", "page": 1, "quote": "one hour", "group": 1},
        {"file": "c.txt", "page": None, "quote": "by telephone", "group": 2},
    ],
}
ABSENT = {"id": "a-2", "question": "Who pays for it?", "kind": "unanswerable", "evidence": []}


def read(tmp_path: Path, *rows: Any, split: str | None = None) -> list[Question]:
    """The questions of a file with these lines: objects, or text as it is."""
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return read_questions(path, validate, split)


@pytest.fixture
def question(tmp_path: Path) -> Question:
    return read(tmp_path, ROW)[0]


def test_a_question_as_it_stands_in_the_file(tmp_path: Path) -> None:
    known, absent = read(tmp_path, ROW, "", ABSENT, "  ")
    assert (known.id, known.kind, known.answer, known.groups) == ("a-1", "deadline", "Within one hour.", (1, 2))
    assert known.evidence[0].page == 3
    assert known.answerable
    assert (absent.answerable, absent.groups, absent.patterns) == (False, (), ())


def test_the_sample_office_has_this_form() -> None:
    questions = read_questions(ROOT / "data/questions.jsonl", validate)
    dev = read_questions(ROOT / "data/questions.jsonl", validate, "dev")
    assert len(questions) > len(dev) > 0
    assert {question.id for question in dev} < {question.id for question in questions}


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in ROW.items() if name != key}


MALFORMED = {
    "no JSON": "{",
    "not an object": "[1]",
    "deep nesting": "[" * 100_000,
    "no id": without("id"),
    "an id that is a list": ROW | {"id": []},
    "no question": without("question"),
    "an empty question": ROW | {"question": "  "},
    "a question that is a number": ROW | {"question": 4},
    "no kind": without("kind"),
    "a pattern that is none": ROW | {"answer_patterns": ["("]},
    "patterns that are a text": ROW | {"answer_patterns": "one hour"},
    "page 0": ROW | {"evidence": [{"file": "a.pdf", "page": 0}]},
    "a page that is a text": ROW | {"evidence": [{"file": "a.pdf", "page": "3"}]},
    "evidence without a file": ROW | {"evidence": [{"page": 3}]},
    "evidence that is no list": ROW | {"evidence": {"file": "a.pdf"}},
    "several items without a group": ROW | {"evidence": [{"file": "a.pdf", "page": 1}, {"file": "b.pdf", "page": 1}]},
    "a group that is a list": ROW | {"evidence": [{"file": "a.pdf", "page": 1, "group": []}]},
    "neither evidence nor patterns": ROW | {"evidence": [], "answer_patterns": []},
    "unanswerable with evidence": ROW | {"kind": "unanswerable"},
    "the same id twice": ABSENT,
}


@pytest.mark.parametrize("row", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_line_is_named(row: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"questions\.jsonl, line 2: .*nothing was evaluated\.$"):
        read(tmp_path, ABSENT, row)


def test_a_file_without_questions(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no question;"):
        read(tmp_path, "")
    with pytest.raises(UsageError, match='holds no question with "split": "report"'):
        read(tmp_path, ROW | {"split": "dev"}, split="report")
    with pytest.raises(UsageError, match="cannot be read"):
        read_questions(tmp_path, validate)
    (tmp_path / "latin").write_bytes(b"\xff\xfe{}")
    with pytest.raises(UsageError, match="cannot be read"):
        read_questions(tmp_path / "latin", validate)


@given(st.text())
def test_any_line_is_a_question_or_an_error_with_its_number(
    tmp_path_factory: pytest.TempPathFactory, line: str
) -> None:
    path = tmp_path_factory.mktemp("lines") / "questions.jsonl"
    path.write_bytes(line.encode("utf-8", errors="replace"))
    with pytest.raises(UsageError, match=r"line \d+|holds no question"):
        read_questions(path, validate)


def test_the_page_of_evidence_or_an_alternative(question: Question) -> None:
    assert groups_at(question, "a.pdf", 3) == {1}
    assert groups_at(question, "b.pdf", 1) == {1}
    assert groups_at(question, "a.pdf", 4) == frozenset()
    assert groups_at(question, "z.pdf", 3) == frozenset()
    assert groups_at(question, "copy-of-a.pdf", 3, also=["a.pdf"]) == {1}


def test_a_file_without_pages_is_its_own_page(question: Question) -> None:
    assert groups_at(question, "c.txt", None) == {2}
    assert groups_at(question, "c.txt", 7) == {2}, "evidence without a page: any will do"
    assert groups_at(question, "a.pdf", None) == {1}


def test_a_record_is_told_from_its_neighbours(tmp_path: Path) -> None:
    (question,) = read(tmp_path, ROW | {"evidence": [{"file": "r.jsonl", "page": None, "record": "AC-2"}]})
    assert groups_at(question, "r.jsonl", None, "AC-2")
    assert not groups_at(question, "r.jsonl", None, "AC-3")


@pytest.mark.parametrize(
    ("found", "answer", "expected"),
    [
        (True, "It must be reported within one  hour [1].", "right"),
        (True, "Within ONE HOUR", "right"),
        (True, "Within one hour, at most two days.", "wrong"),
        (True, "Soon.", "wrong"),
        (False, "Not in your documents.", "refused"),
    ],
)
def test_verdicts(question: Question, found: bool, answer: str, expected: str) -> None:
    assert verdict(question, found, answer) == expected


def test_marks_are_not_what_an_answer_says(tmp_path: Path) -> None:
    (question,) = read(tmp_path, ROW | {"answer_patterns": [r"\b2\b"], "reject_patterns": []})
    assert verdict(question, True, "“Several people” [1] “and more” [2]") == "wrong"
    assert verdict(question, True, "At least 2 people [1]") == "right"


def test_without_patterns_an_answer_is_not_judged(tmp_path: Path) -> None:
    known, absent = read(tmp_path, without("answer_patterns"), ABSENT)
    assert verdict(known, True, "one hour") == "answered"
    assert verdict(absent, True, "one hour") == "answered"
    assert not holds_answer(known, ["one hour"])


def test_the_answer_of_several_groups_may_stand_in_several_passages(tmp_path: Path) -> None:
    patterns = ROW | {"answer_patterns": ["one", "two"]}
    (several,) = read(tmp_path, patterns)
    (one,) = read(tmp_path, patterns | {"evidence": ROW["evidence"][:1]})
    assert holds_answer(several, ["one", "two"])
    assert not holds_answer(one, ["one", "two"])
    assert holds_answer(one, ["-", "two and one"])
