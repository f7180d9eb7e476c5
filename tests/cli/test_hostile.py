"""Hostile names and text through every command: nothing in them acts in a terminal, a page, Markdown or a table."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rag.test_term import HOSTILE, acts
from tests.running import Outcome

Rag = Callable[..., Outcome]

NAME = "po\x1b]0;l\x07\u202e<img src=x onerror=alert(1)>|`[a](http:\u2215\u2215evil.example)`\n=1+1"
MARKUP = '<script>alert(1)</script> <img src=x onerror="x"> [a](javascript:alert(1)) | `x`'
TEXT = re.sub("[\x07\x08\x7f]", "", HOSTILE)  # with these it would count as binary
QUESTION = f"How many minutes {HOSTILE} {MARKUP} until the Service Desk must be told?"
RULE = "Whoever notices an incident must tell the Service Desk within 30 minutes."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two versions of a policy, a log, labels and questions, all hostile."""
    folder = tmp_path / "docs"
    for version, minutes in (("old", 30), ("new", 20)):
        (folder / version).mkdir(parents=True)
        rule = RULE.replace("30", str(minutes))
        text = f"# {MARKUP} {TEXT}\n\n{rule}\n\n=cmd|'/c calc'!A1 must {TEXT} {MARKUP} report to the clerk.\n\n"
        contact = f"Contact {MARKUP} jane.doe@example.org within {minutes} days.\n"
        (folder / version / f"{NAME}.md").write_text(text + contact)
    (tmp_path / f"{NAME}.log".replace("\n", " ")).write_text(
        "".join(
            f"Mar  1 00:00:0{second} host sshd[1]: Failed password for {MARKUP}{HOSTILE.replace(chr(13), '')} "
            "from 192.0.2.1 port 1 ssh2\n"
            for second in range(9)
        )
    )
    (tmp_path / "labels.toml").write_text(
        "".join(
            f"[[label]]\nname = {json.dumps(name + MARKUP)}\ndescription = {json.dumps(text)}\n"
            for name, text in (("Reports", "Telling the Service Desk of incidents."), ("Meals", "What lunches cost."))
        )
    )
    row = {"id": f"1{MARKUP}{HOSTILE}", "question": QUESTION, "kind": "unanswerable", "answer": HOSTILE + MARKUP}
    (tmp_path / "questions.jsonl").write_text(json.dumps(row | {"answer_patterns": [], "evidence": []}) + "\n")
    return folder


def harmless(outcome: Outcome) -> None:
    assert outcome.code in (0, 1, 2, 3), outcome.err
    assert "unexpected" not in outcome.err
    assert set(acts(outcome.out + outcome.err)) <= {"\n", "\t"}


def harmless_files(folder: Path) -> int:
    """How many files lie there; none of them holds what could act where it is looked at."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        text = path.read_text()
        if path.suffix in (".html", ".md", ".json"):
            assert set(acts(text)) <= {"\n", "\t"}, path
        if path.suffix in (".html", ".md"):
            assert "<script" not in text, path
            assert "<img" not in text, path
        if path.suffix == ".md":
            assert not re.search(r"(?<!\\)\]\(", text), path
    return len(files)


def test_documents_in_commands_that_show_them(rag: Rag, folder: Path, tmp_path: Path) -> None:
    harmless(rag("ingest", folder))
    harmless(rag("search", QUESTION, "--explain"))
    harmless(rag("ask", QUESTION, "--redact"))
    typed = f"{QUESTION}\n/why\n/open 1\n/open {HOSTILE}\n/{HOSTILE}\n/save {tmp_path}/out/chat.md\n"
    harmless(rag("chat", typed=typed.replace("\r", "")))
    harmless(rag("scan", folder))
    harmless(rag("eval", tmp_path / "questions.jsonl", "--html", tmp_path / "out" / "eval.html"))
    for command in (["verify"], ["list"], ["show", "1"], ["show", "2"], ["export"], ["replay", "2"]):
        harmless(rag("record", *command))
    assert harmless_files(tmp_path / "out") >= 1
    harmless(rag("forget", next((folder / "old").iterdir())))
    harmless(rag("forget", f"{HOSTILE}{MARKUP}"))


def test_what_changed(rag: Rag, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    harmless(rag("diff", folder / "old", folder / "new", "--html", out / "a.html", "--markdown", out / "a.md"))
    assert harmless_files(out) == 2


def test_labels(rag: Rag, folder: Path, tmp_path: Path) -> None:
    harmless(rag("classify", folder, "--labels", tmp_path / "labels.toml", "--by", "section"))


def test_reports(rag: Rag, folder: Path, tmp_path: Path) -> None:
    harmless(rag("summarize", folder, "--no-model", "--out", tmp_path / "out"))
    harmless(rag("logs", *tmp_path.glob("*.log"), "--out", tmp_path / "logs"))
    for form in ("markdown", "json", "html"):
        harmless(rag("logs", *tmp_path.glob("*.log"), "--format", form))
    assert harmless_files(tmp_path / "out") + harmless_files(tmp_path / "logs") >= 6


def test_tables(rag: Rag, folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    harmless(rag("extract", folder, "--out", table))
    harmless(rag("extract", folder))
    cells = [cell for row in csv.reader(table.read_text().splitlines()) for cell in row]
    assert any("=cmd|" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
