"""The main job on the sample office, with the real models, the real stores and real PDFs."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.running import OFFICE, ROOT, Outcome

Rag = Callable[..., Outcome]

pytestmark = pytest.mark.skipif(not OFFICE.is_dir(), reason="the sample office is missing")


def files() -> list[str]:
    return sorted(path.relative_to(OFFICE).as_posix() for path in OFFICE.rglob("*") if path.is_file())


@pytest.fixture(scope="session")
def shown() -> dict[tuple[Any, ...], str]:
    """Pages that were shown already."""
    return {}


@pytest.fixture
def exact(office: Rag, shown: dict[tuple[Any, ...], str]) -> Callable[[Iterable[dict[str, Any]], str], None]:
    """Check that passages (their text under a key) are spans of their pages, of files that are the files on disk."""

    def check(places: Iterable[dict[str, Any]], key: str) -> None:
        for place in places:
            where = (place["path"], place["page"], place["record"])
            if where not in shown:
                page = ["--page", str(place["page"])] if place["page"] else []
                record = ["--record", place["record"]] if place["record"] else []
                found = office("show", place["path"], *page, *record, "--json").json
                assert (found["path"], found["page"], found["sha256"]) == (where[0], where[1], place["sha256"])
                assert hashlib.sha256((OFFICE / place["path"]).read_bytes()).hexdigest() == place["sha256"]
                shown[where] = found["text"]
            assert shown[where][place["start"] : place["end"]] == place[key]
            assert place[key].strip()

    return check


SCAN = "records/site-inspection-saltbridge-2026-02-19.pdf"


# --- ingest -----------------------------------------------------------------------------------------------------------


def test_every_file_of_the_office_is_accounted_for(office_ingest: dict[str, Any]) -> None:
    assert sorted(entry["path"] for entry in office_ingest["files"]) == files()
    statuses = {entry["path"]: entry["status"] for entry in office_ingest["files"]}
    assert statuses["board/board-risk-briefing-2026-q1.pdf"] == "password"
    others = Counter(status for path, status in statuses.items() if not path.startswith("logs/"))
    assert others == {"indexed": len(files()) - 4, "password": 1}
    assert {status for path, status in statuses.items() if path.startswith("logs/")} == {"indexed"}


def test_pages_and_chunks_add_up(office_ingest: dict[str, Any], office: Rag) -> None:
    logs = [entry for entry in office_ingest["files"] if entry["events"]]
    assert {entry["path"] for entry in logs} == {path for path in files() if path.startswith("logs/")}
    assert not any(entry["pages"] or entry["chunks"] for entry in logs)
    indexed = [entry for entry in office_ingest["files"] if entry["status"] == "indexed" and entry not in logs]
    assert sum(entry["pages"] for entry in indexed) >= 100
    assert all(entry["chunks"] >= entry["pages"] > 0 for entry in indexed)
    totals = office_ingest["totals"]
    assert totals["chunks"] == sum(entry["chunks"] for entry in office_ingest["files"])
    assert office("status", "--json").json["totals"]["chunks"] == totals["chunks"]


def test_a_scan_is_read_and_marked_as_such(office_ingest: dict[str, Any], office: Rag, exact: Any) -> None:
    scan = next(entry for entry in office_ingest["files"] if entry["path"] == SCAN)
    assert (scan["status"], scan["pages_ocr"], scan["pages_without_text"]) == ("indexed", [1, 2, 3], [])
    hits = office("search", "Saltbridge collection point inspection", "--path", SCAN, "--json").json["hits"]
    assert hits
    assert all(hit["ocr"] for hit in hits)
    exact(hits, "text")
    assert "(read by OCR)" in office("search", "Saltbridge collection point inspection", "--path", SCAN).out


def test_the_index_is_sound(office: Rag) -> None:
    outcome = office("verify", "--json")
    assert (outcome.code, outcome.json["problems"]) == (0, [])


# --- questions --------------------------------------------------------------------------------------------------------

QUESTIONS = {
    "How fast must a member of staff report a suspected security incident?": (
        "policies/incident-response-procedure.pdf",
        "30 minutes",
    ),
    "How long are audit logs kept?": ("policies/", "log"),
    "Which control covers the review of audit records?": ("", ""),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_rests_on_exact_quotations(question: str, office: Rag, exact: Any) -> None:
    outcome = office("ask", question, "--json")
    answer = outcome.json
    assert outcome.code == (0 if answer["found"] else 1)
    assert answer["mode"] in ("written", "quoted"), "the office treats this"
    exact(answer["citations"], "quote")
    path, words = QUESTIONS[question]
    assert any(citation["path"].startswith(path) for citation in answer["citations"])
    assert words in " ".join(citation["quote"] for citation in answer["citations"])
    for citation in answer["citations"]:
        assert f"[{citation['number']}]" in answer["answer"]
    assert any("board-risk-briefing" in line for line in answer["unreadable"])


def test_what_the_office_does_not_treat_is_refused(office: Rag) -> None:
    outcome = office("ask", "How do I bake an apple pie with cinnamon and raisins?", "--json")
    assert outcome.code == 1
    answer = outcome.json
    assert (answer["found"], answer["mode"], answer["citations"], answer["model"]) == (False, "refused", [], None)
    assert answer["unreadable"], "an answer may stand where nobody could read"


def test_the_same_question_gives_the_same_answer(office: Rag) -> None:
    question = next(iter(QUESTIONS))
    first, second = (office("ask", question, "--json").json for _ in range(2))
    for answer in (first, second):
        answer.pop("timings_ms")
    assert first == second


def test_every_passage_of_a_search_is_exact(office: Rag, exact: Any, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (ROOT / "data/questions.jsonl").read_text(encoding="utf-8").splitlines()]
    batch = tmp_path / "batch.jsonl"
    batch.write_text("\n".join(json.dumps({"id": row["id"], "question": row["question"]}) for row in rows[::4]))
    outcome = office("search", "--batch", batch, "-k", "5")
    assert [row["id"] for row in outcome.lines] == [row["id"] for row in rows[::4]]
    for row in outcome.lines:
        assert [hit["rank"] for hit in row["hits"]] == [1, 2, 3, 4, 5]
        scores = [hit["score"] for hit in row["hits"]]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        exact(row["hits"], "text")


def test_search_finds_the_page_that_answers(office: Rag, tmp_path: Path) -> None:
    """Recall@10 over the office's own questions; no measurement of quality, but a floor that breakage falls below."""
    rows = [json.loads(line) for line in (ROOT / "data/questions.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["evidence"]]
    batch = tmp_path / "batch.jsonl"
    batch.write_text("\n".join(json.dumps({"id": row["id"], "question": row["question"]}) for row in rows))
    found = 0
    for row, result in zip(rows, office("search", "--batch", batch).lines, strict=True):
        places = {(hit["path"], hit["page"]) for hit in result["hits"]}
        found += any((evidence["file"], evidence["page"]) in places for evidence in row["evidence"])
    assert found / len(rows) >= 0.65


# --- summaries --------------------------------------------------------------------------------------------------------


def test_logs_are_counted_to_the_last_line(office: Rag) -> None:
    outcome = office("logs", OFFICE / "logs", "--all-lines", "--json")
    assert outcome.code == 0, outcome.err
    entries = {entry["path"]: entry for entry in outcome.json["files"]}
    assert set(entries) == {"auth.log", "cloudtrail-2026-03.jsonl", "lims-audit.csv"}
    for path, entry in entries.items():
        lines = (OFFICE / "logs" / path).read_bytes().count(b"\n")
        assert entry["lines"] == lines
        assert entry["event_lines"] + entry["blank_lines"] + entry["unparsed_lines"] == lines
        assert sum(template["count"] for template in entry["templates"]) == entry["events"]
        assert entry["findings"]


def test_summaries_are_resumed(office: Rag, tmp_path: Path) -> None:
    out = tmp_path / "reports"
    first = office("summarize", OFFICE / "logs", "--out", out, "--json")
    assert first.code == 0, first.err
    assert first.json["resumed"] == 0
    names = {"auth.log", "cloudtrail-2026-03.jsonl", "lims-audit.csv"}
    written = {path.name for path in out.iterdir()}
    assert written == {".batch"} | {
        f"{name}{suffix}" for name in (*names, "overall") for suffix in (".md", ".html", ".json")
    }
    assert all(entry["summary"] for entry in first.json["files"])
    overall = (out / "overall.md").read_text(encoding="utf-8")
    assert all(name.replace("_", "\\_") in overall or name in overall for name in names)

    before = {path: path.stat().st_mtime_ns for path in out.iterdir() if path.is_file()}
    second = office("summarize", OFFICE / "logs", "--out", out, "--json")
    assert (second.code, second.json["resumed"]) == (0, 3)
    assert second.json["files"] == first.json["files"]
    after = {path: path.stat().st_mtime_ns for path in before}
    changed = {path.stem for path in before if before[path] != after[path]}
    assert changed <= {"overall"}


def test_a_document_is_summarised_with_exact_quotations(office: Rag, exact: Any, tmp_path: Path) -> None:
    source = OFFICE / "policies" / "incident-response-procedure.pdf"
    outcome = office("summarize", source, "--no-model", "--json")
    assert outcome.code == 0, outcome.err
    (entry,) = outcome.json["files"]
    assert entry["pages"] > 3
    assert len(entry["citations"]) > 3
    pages = [citation["page"] for citation in entry["citations"]]
    assert pages == sorted(pages)
    exact([citation | {"path": f"policies/{citation['path']}"} for citation in entry["citations"]], "quote")


def test_files_that_cannot_be_summarised_are_named(office: Rag, tmp_path: Path) -> None:
    outcome = office("summarize", OFFICE / "board", "--no-model", "--out", tmp_path / "out")
    assert outcome.code == 3
    assert "password" in outcome.out
    assert (
        "Not read" in (tmp_path / "out" / "overall.md").read_text()
        or "not read" in (tmp_path / "out" / "overall.md").read_text()
    )


def test_a_log_that_is_binary(office: Rag, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "audit.log").write_bytes(bytes(range(256)) * 400)
    logs = office("logs", tmp_path / "logs", "--json")
    assert (logs.code, logs.out) == (2, "")
    assert "No log was recognised" in logs.err
    summary = office("summarize", tmp_path / "logs", "--json")
    assert summary.code == 0
    (entry,) = summary.json["files"]
    assert (entry["status"], entry["summary"]) == ("unsupported", "")
    assert entry["detail"]
