"""`rag scan` and `--redact`: personal data by file and page, masked unless asked; answers and reports without it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from tests.running import Outcome, run_rag

Rag = Callable[..., Outcome]

PRIVACY = "Questions about privacy must be sent to ada@example.org within ten working days."


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "privacy.txt").write_text(PRIVACY + "\n")
    lines = [f"Mar  1 00:00:0{n} host sshd[1]: Failed password for root from 203.0.113.{n} port 1\n" for n in (1, 2, 1)]
    (folder / "auth.log").write_text("".join(lines))
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    return folder


@pytest.fixture
def scan(tmp_path: Path) -> Rag:
    return lambda *arguments: run_rag("--home", str(tmp_path / "home"), "scan", *map(str, arguments))


def test_personal_data_is_told_by_file_and_place(scan: Rag, docs: Path) -> None:
    outcome = scan(docs)
    assert outcome.code == 3
    assert "privacy.txt\n    e-mail address     a••@•••••••.•rg\n" in outcome.out
    assert "auth.log\n    IP address         2••.•.••3.1  2 times, lines 1, 3\n" in outcome.out
    assert "damaged  broken.pdf: " in outcome.out
    assert "3 files, 2 of them with personal data: 1 e-mail address, 3 IP addresses." in outcome.out
    assert "Names of people (see --names-model) and addresses are not looked for." in outcome.err
    assert "ada@example.org" in scan(docs / "privacy.txt", "--show-values").out


def test_pages_are_named(scan: Rag, docs: Path) -> None:
    canvas = Canvas(str(docs / "pages.pdf"))
    for text in ("Nothing here.", "Card 4111 1111 1111 1111."):
        canvas.drawString(72, 700, text)
        canvas.showPage()
    canvas.save()
    assert "pages.pdf, page 2\n    payment card       4••• •••• •••• ••11" in scan(docs / "pages.pdf").out


def test_json_has_exact_places(scan: Rag, docs: Path) -> None:
    result = scan(docs / "privacy.txt", "--json").json
    (found,) = result["files"][0]["places"][0]["found"]
    assert PRIVACY[found["start"] : found["end"]] == "ada@example.org"
    assert (found["value"], result["masked"], result["totals"]) == ("a••@•••••••.•rg", True, {"email": 1})
    assert scan(docs / "privacy.txt", "--json", "--show-values").json["masked"] is False
    lines = scan(docs / "auth.log", "--json", "--show-values").json["files"][0]["places"]
    assert [(place["line"], place["found"][0]["value"]) for place in lines] == [
        (1, "203.0.113.1"), (2, "203.0.113.2"), (3, "203.0.113.1")
    ]  # fmt: skip


def test_what_cannot_be_scanned_is_said(scan: Rag, docs: Path, tmp_path: Path) -> None:
    assert "or give --index" in scan().err
    assert "or give --index" in scan(docs, "--index").err
    assert "'XX' is no country" in scan(docs, "--region", "US,XX").err
    assert "There is no index" in scan("--index").err
    assert scan(tmp_path / "nowhere").code == 2


def test_the_index_is_scanned_and_answers_are_masked(rag: Rag, docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_ANSWER_THRESHOLD", "0")  # one document alone gives little confidence
    assert rag("ingest", docs / "privacy.txt").code == 0
    assert "privacy.txt\n    e-mail address     a••@•••••••.•rg\n" in rag("scan", "--index").out
    question = "Where must questions about privacy be sent, ada@example.org?"
    shown = rag("ask", question, "--quotes-only", "--redact").out
    assert "[1] privacy.txt (masked)" in shown
    assert "sent to [EMAIL-1] within" in shown
    assert "Personal data is masked: [1] no longer say exactly what their pages say." in shown
    answer = rag("ask", question, "--quotes-only", "--redact", "--json").json
    assert answer["question"] == "Where must questions about privacy be sent, [EMAIL-1]?"
    assert [citation["redacted"] for citation in answer["citations"]] == [True]
    assert "ada@" not in str(answer)
    whole = rag("ask", question, "--quotes-only", "--json").json
    assert [citation["redacted"] for citation in whole["citations"]] == [False]
    exported = rag("record", "export", "--redact")
    assert "ada@" not in exported.out
    assert exported.lines[-1]["content"]["question"] == "Where must questions about privacy be sent, [EMAIL-1]?"
    assert "ada@" in rag("record", "export").out


def test_summaries_are_masked(rag: Rag, docs: Path, tmp_path: Path) -> None:
    (docs / "privacy.txt").write_text(PRIVACY * 3)
    out = tmp_path / "reports"
    for _ in range(2):  # marks of one run mean nothing in another, so nothing is taken from an earlier run
        done = rag("summarize", docs, "--out", out, "--no-model", "--redact", "--json").json
        assert done["resumed"] == 0
    written = "".join(path.read_text() for path in out.rglob("*.md")) + str(done)
    assert "[IP-1]" in str(done)
    assert "[EMAIL-1]" in str(done)
    assert "ada@" not in written
    assert "203.0.113" not in written
