"""Questions with known answers: reads them, and judges passages and answers by them. Knows no model and no store.

One form everywhere, a JSON object a line: `{"id", "question", "kind", "answer", "answer_patterns", "reject_patterns"?,
"evidence": [{"file", "page", "quote", "group"}]}`. Items of evidence of one `group` are alternatives; one of every
group is needed. Of kind "unanswerable", a question has neither evidence nor patterns: the right answer is a refusal.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ingest.errors import UsageError

UNANSWERABLE = "unanswerable"  # the kind of a question that the documents do not answer

Verdict = Literal["right", "wrong", "refused", "answered"]
"""Of a question with patterns: right, wrong or refused. Of any other: answered or refused."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where an answer stands."""

    file: str  # as the index names it
    page: int | None  # None: any page of the file will do
    record: str | None  # None: any record of the file will do
    quote: str
    group: int | str


@dataclass(frozen=True, slots=True)
class Question:
    """A question and all that is known of its answer."""

    id: str
    question: str
    kind: str
    answer: str  # for people; "" where none is given
    patterns: tuple[re.Pattern[str], ...]  # a right answer matches all of them
    rejects: tuple[re.Pattern[str], ...]  # ... and none of these
    evidence: tuple[Evidence, ...]

    @property
    def answerable(self) -> bool:
        """Whether the documents answer it."""
        return self.kind != UNANSWERABLE

    @property
    def groups(self) -> tuple[int | str, ...]:
        """The groups of its evidence, in order."""
        return tuple(dict.fromkeys(item.group for item in self.evidence))


def read_questions(path: Path, validate: Callable[[str], None], split: str | None = None) -> list[Question]:
    """The questions of a file of JSON Lines.

    Args:
        validate: raises UsageError for a question that cannot be asked.
        split: only questions whose "split" is this; None: all.

    Raises:
        UsageError: the file cannot be read, holds no question, or has a line that is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}); name a file of JSON Lines in UTF-8.") from error
    questions: dict[str, Question] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            question = _question(row)
            validate(question.question)
            if question.id in questions:
                raise ValueError(f"the id {question.id!r} stands on an earlier line, too")
        except (ValueError, re.error, RecursionError, UsageError) as error:
            raise UsageError(
                f"{path}, line {number}: not a question with a known answer ({str(error).rstrip('.')}); mend the line, "
                "nothing was evaluated."
            ) from error
        if split is None or row.get("split") == split:
            questions[question.id] = question
    if not questions:
        wanted = f' with "split": {json.dumps(split)}' if split is not None else ""
        raise UsageError(f"{path} holds no question{wanted}; write one JSON object a line.")
    return list(questions.values())


def _question(row: Any) -> Question:
    """One line's object as a question. Raises ValueError where something is missing or of the wrong type."""
    if not isinstance(row, dict):
        raise ValueError("it has to be a JSON object")
    kind = _text(row, "kind")
    evidence = tuple(_evidence(item) for item in _list(row, "evidence", dict))
    patterns, rejects = (
        tuple(re.compile(pattern, re.IGNORECASE) for pattern in _list(row, key, str))
        for key in ("answer_patterns", "reject_patterns")
    )
    if kind == UNANSWERABLE and (evidence or patterns):
        raise ValueError(f'of kind "{UNANSWERABLE}", it can have neither "evidence" nor "answer_patterns"')
    if kind != UNANSWERABLE and not (evidence or patterns):
        raise ValueError(f'it needs "evidence" or "answer_patterns", or the kind "{UNANSWERABLE}"')
    if len(evidence) > 1 and any("group" not in item for item in row["evidence"]):
        raise ValueError('of several items of "evidence" each needs a "group": the same for alternatives')
    number = row.get("id")
    if isinstance(number, bool) or not isinstance(number, str | int) or number == "":
        raise ValueError('"id" has to be a text or a whole number')
    return Question(
        id=_clean(str(number)),
        question=_text(row, "question"),
        kind=kind,
        answer=_text(row, "answer") if row.get("answer") is not None else "",
        patterns=patterns,
        rejects=rejects,
        evidence=evidence,
    )


def _evidence(item: Mapping[str, Any]) -> Evidence:
    page, record, group = item.get("page"), item.get("record"), item.get("group", 1)
    if page is not None and (isinstance(page, bool) or not isinstance(page, int) or page < 1):
        raise ValueError('"page" of "evidence" has to be a whole number from 1, or null')
    if not isinstance(group, str | int):
        raise ValueError('"group" of "evidence" has to be a number or a text')
    return Evidence(
        file=_text(item, "file"),
        page=page,
        record=None if record is None else _clean(str(record)),
        quote=_text(item, "quote") if item.get("quote") is not None else "",
        group=group,
    )


def _text(row: Mapping[str, Any], key: str) -> str:
    if not isinstance(row.get(key), str):
        raise ValueError(f'"{key}" has to be a text')
    return _clean(row[key])


def _clean(text: str) -> str:
    """`text` without halves of surrogate pairs, which escapes in JSON can spell and no output can carry."""
    return text.encode("utf-8", errors="replace").decode()


def _list(row: Mapping[str, Any], key: str, kind: type) -> list[Any]:
    items = row.get(key, [])
    if not isinstance(items, list) or not all(isinstance(item, kind) for item in items):
        raise ValueError(f'"{key}" has to be a list of {"objects" if kind is dict else "texts"}')
    return items


# --- judging ----------------------------------------------------------------------------------------------------------


def groups_at(
    question: Question, path: str, page: int | None, record: str | None = None, also: Sequence[str] = ()
) -> frozenset[int | str]:
    """Groups of the question's evidence that stand on a page: that of a passage or of a citation.

    Args:
        page: None where the format has no pages; then the file is enough.
        also: other names of the very same file.
    """
    return frozenset(
        item.group
        for item in question.evidence
        if (item.file == path or item.file in also)
        and (page is None or item.page in (None, page))
        and item.record in (None, record)
    )


def holds_answer(question: Question, texts: Sequence[str]) -> bool:
    """Whether the answer stands in passages: all patterns in one of them; of several groups, in all together."""
    whole = ["\n".join(texts)] if len(question.groups) > 1 else texts
    return bool(question.patterns) and any(_matches_all(question, text) for text in whole)


def verdict(question: Question, found: bool, answer: str) -> Verdict:
    """What an answer is worth, by the question's patterns. Marks such as [1] are not part of what it says."""
    if not found:
        return "refused"
    if not question.patterns:
        return "answered"
    said = _MARK.sub("", answer)
    right = _matches_all(question, said) and not any(pattern.search(said) for pattern in question.rejects)
    return "right" if right else "wrong"


_MARK = re.compile(r"\s*\[\d{1,3}\]")


def _matches_all(question: Question, text: str) -> bool:
    return all(pattern.search(text) for pattern in question.patterns)
