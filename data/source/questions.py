"""Turns the questions' source into data/questions.jsonl: finds the page of each quote and splits dev from report.

A quote that stands on no page or on two is an error, so a change of a policy's text cannot silently break a question.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

from source.texts import find_page, pages_of


def split_of(question_id: str) -> str:
    """Return "dev" or "report", about half of the questions each, fixed by the id alone."""
    return "dev" if hashlib.sha256(question_id.encode()).digest()[0] % 2 == 0 else "report"


def build(source: Path, office: Path) -> list[dict[str, Any]]:
    """Return the questions in the form that `rag eval` reads, in the order of the source.

    Raises:
        LookupError: a quote cannot be located.
    """
    texts: dict[str, list[str]] = {}
    questions = []
    for entry in tomllib.loads(source.read_text(encoding="utf-8"))["q"]:
        question: dict[str, Any] = {key: entry[key] for key in ("id", "question", "kind")}
        if entry["kind"] == "unanswerable":
            question |= {"near": entry["near"], "why": entry["why"], "checked": entry["absent"], "evidence": []}
        else:
            question |= {"answer": entry["answer"], "answer_patterns": entry["patterns"]}
            if "reject" in entry:
                question["reject_patterns"] = entry["reject"]
            question["evidence"] = []
            for file, quote, group, *record in entry["e"]:
                if file not in texts:
                    texts[file] = pages_of(office / file)
                page: int | None
                try:
                    page = entry["page"] if "page" in entry else find_page(texts[file], quote)
                except LookupError as error:
                    raise LookupError(f"{entry['id']}: {file}: {error}") from error
                page = page if file.endswith(".pdf") else None
                evidence = {"file": file, "page": page, "quote": quote, "group": group}
                if record:
                    evidence["record"] = record[0]
                question["evidence"].append(evidence)
        if "requires" in entry:
            question["requires"] = entry["requires"]
        question["split"] = split_of(entry["id"])
        questions.append(question)
    return questions
