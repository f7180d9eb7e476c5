"""`rag eval`: a file of questions, the figures, what failed, and whether two runs differ; with the real models."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.config import ANSWER_THRESHOLD
from tests.rag.test_html import Outline
from tests.rag.test_term import HOSTILE, acts
from tests.running import OFFICE, ROOT, Outcome

Rag = Callable[..., Outcome]

POLICY = """# Incident policy

Whoever notices an incident must tell the Service Desk within 30 minutes, by telephone on extension 4400.

Laptops must be encrypted by the Service Desk before they leave the house.
"""
CAFETERIA = """# Cafeteria

The cafeteria serves soup on Mondays and fish on Fridays, and closes at two o'clock in the afternoon.
"""


def entry(number: str, question: str, pattern: str, file: str = "policy.md", **more: Any) -> dict[str, Any]:
    evidence = [{"file": file, "page": None, "quote": "as it stands there", "group": 1}]
    known = {"id": number, "question": question, "kind": "fact", "answer": "As expected.", "answer_patterns": [pattern]}
    return known | {"evidence": evidence} | more


QUESTIONS = [
    entry("minutes", "Within how many minutes must an incident be told to the Service Desk?", r"\b30\b", split="dev"),
    entry("laptops", "Who encrypts laptops before they leave the house?", "Service Desk"),
    entry("soup", "On which day does the cafeteria serve soup?", "no such words", "cafeteria.md"),
    entry("gone", "Who approves the budget?", "board", "budget.pdf"),
    {"id": "pie", "question": "How is an apple pie with cinnamon baked?", "kind": "unanswerable", "evidence": []},
]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    return written(tmp_path / "questions.jsonl", QUESTIONS)


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


@pytest.fixture
def indexed(rag: Rag, tmp_path: Path) -> Rag:
    """`rag` with two short files in its index."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "policy.md").write_text(POLICY)
    (folder / "cafeteria.md").write_text(CAFETERIA)
    assert rag("ingest", folder).code == 0
    return rag


def fails(outcome: Outcome) -> str:
    """The one sentence of a command that was used wrongly."""
    assert (outcome.code, outcome.out) == (2, "")
    assert "Traceback" not in outcome.err
    line = outcome.err.splitlines()[-1]
    assert line.startswith("Error: ")
    return line


def test_figures_for_people(indexed: Rag, questions: Path) -> None:
    outcome = indexed("eval", questions)
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert lines[0].startswith("5 questions (3 answerable, 1 unanswerable, 1 not judged) on 2 files")
    assert all(len(line) <= 100 for line in lines)
    for name in ("recall@1", "recall@10", "MRR", "nDCG@10", "page precision", "refused", "AUROC", "search, ms"):
        assert name in outcome.out
    assert "Look at these" in lines
    assert "Evidence found, answer wrong (1)" in lines
    assert any(line.startswith("soup: On which day") for line in lines)
    assert "cafeteria.md: “as it stands there”" in outcome.out
    assert "The cafeteria serves soup" in outcome.out


def test_a_file_that_is_not_indexed_is_said_once(indexed: Rag, tmp_path: Path) -> None:
    twice = written(tmp_path / "q.jsonl", [*QUESTIONS, entry("gone-2", "Who signs?", "x", "budget.pdf")])
    outcome = indexed("eval", twice, "--json")
    assert outcome.err.count("budget.pdf is not in the index; 2 questions name it as evidence") == 1
    assert outcome.json["counts"]["not_indexed"] == 2
    assert outcome.json["figures"]["recall@10"]["n"] == 3
    assert outcome.json["absent"] == {"budget.pdf": 2}


def test_figures_as_json(indexed: Rag, questions: Path) -> None:
    result = indexed("eval", questions, "--json").json
    assert [row["id"] for row in result["rows"]] == ["minutes", "laptops", "soup", "gone", "pie"]
    assert [row["verdict"] for row in result["rows"][:3]] == ["right", "right", "wrong"]
    assert result["rows"][4]["verdict"] == "refused"
    assert result["figures"]["recall@10"]["value"] == 1
    assert result["figures"]["right"]["value"] == pytest.approx(2 / 3)
    assert result["run"]["language_model"] is None
    assert result["run"]["questions"] == "questions.jsonl"
    assert set(result["latency_ms"]) == {"search", "ask"}
    assert len(result["recall"]) == len(result["answer"]) == 10


def test_one_split_alone(indexed: Rag, questions: Path) -> None:
    result = indexed("eval", questions, "--split", "dev", "--json").json
    assert ([row["id"] for row in result["rows"]], result["run"]["split"]) == (["minutes"], "dev")
    assert 'holds no question with "split": "test"' in fails(indexed("eval", questions, "--split", "test"))


def test_with_the_language_model(indexed: Rag, questions: Path) -> None:
    result = indexed("eval", questions, "--split", "dev", "--answers", "--json").json
    assert result["run"]["language_model"].startswith("SmolLM2")
    assert result["rows"][0]["verdict"] in ("right", "wrong")


def test_a_page_with_plots(indexed: Rag, questions: Path, tmp_path: Path) -> None:
    page = tmp_path / "reports" / "eval.html"
    outcome = indexed("eval", questions, "--html", page, "--json")
    assert (outcome.code, outcome.json["format"]) == (0, 1)
    outline = Outline(page.read_text(encoding="utf-8"))
    assert outline.tags.count("figure") == 4
    assert {"script", "link", "img"} & set(outline.tags) == set()
    assert "soup" in outline.texts


def test_hostile_questions_and_documents_do_not_act(indexed: Rag, tmp_path: Path) -> None:
    tags = "<script>alert(1)</script>" + HOSTILE.replace("\u2028", "")
    rows = [entry(f"a{tags}", f"Who encrypts laptops? {tags}", "no such words", answer=tags, kind=tags)]
    page = tmp_path / "page.html"
    outcome = indexed("eval", written(tmp_path / "q.jsonl", rows), "--html", page)
    assert outcome.code == 0
    assert set(acts(outcome.out)) <= {"\n"}
    assert "script" not in Outline(page.read_text(encoding="utf-8")).tags


def test_a_run_and_itself_do_not_differ(indexed: Rag, questions: Path, tmp_path: Path) -> None:
    saved = tmp_path / "a.json"
    saved.write_text(indexed("eval", questions, "--json").out)
    outcome = indexed("eval", "--compare", saved, saved)
    assert outcome.code == 0
    assert "the same" in outcome.out
    assert "better" not in outcome.out
    assert "worse" not in outcome.out
    assert all(len(line) <= 100 for line in outcome.out.splitlines())


def test_two_runs_are_compared_without_an_index(
    indexed: Rag, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, page = tmp_path / "a.json", tmp_path / "b.json", tmp_path / "c.html"
    a.write_text(indexed("eval", questions, "--json").out)
    monkeypatch.setenv("RAG_ANSWER_THRESHOLD", "1")
    b.write_text(indexed("eval", questions, "--json").out)
    outcome = indexed("--collection", "none-such", "eval", "--compare", a, b, "--json", "--html", page)
    assert outcome.code == 0, outcome.err
    result = outcome.json
    assert result["settings"] == {"answer_threshold": [ANSWER_THRESHOLD, 1.0]}
    assert result["measures"]["refused"]["difference"] == 1
    assert result["measures"]["refused"]["more_than_chance"] is False, "three questions prove nothing"
    assert result["changes"]["answered rightly"] == {"gained": [], "lost": ["minutes", "laptops"]}
    assert "Comparison of two runs" in page.read_text(encoding="utf-8")
    people = indexed("eval", "--compare", a, b)
    assert "no longer (2)" in people.out


def test_other_questions_are_not_compared(indexed: Rag, questions: Path, tmp_path: Path) -> None:
    a, b = tmp_path / "a.json", tmp_path / "b.json"
    a.write_text(indexed("eval", questions, "--json").out)
    b.write_text(indexed("eval", questions, "--split", "dev", "--json").out)
    assert "not over the same questions: 4 differ" in fails(indexed("eval", "--compare", a, b))


def test_used_wrongly(rag: Rag, questions: Path, tmp_path: Path) -> None:
    assert "Name a file of questions" in fails(rag("eval"))
    assert "Name a file of questions" in fails(rag("eval", questions, "--compare", questions, questions))
    assert "is not a saved run" in fails(rag("eval", "--compare", questions, questions))
    assert "saved runs" in fails(rag("eval", "--compare", questions, questions, "--answers"))
    assert "is a folder" in fails(rag("eval", questions, "--html", tmp_path))
    assert "cannot be read" in fails(rag("eval", tmp_path / "missing.jsonl"))
    assert "run `rag ingest FOLDER` first" in fails(rag("eval", questions))


def test_a_malformed_line_stops_everything(indexed: Rag, questions: Path) -> None:
    with questions.open("a") as file:
        file.write('{"id": "x", "question": "?"}\n')
    assert "questions.jsonl, line 6: " in fails(indexed("eval", questions))


def test_a_page_that_cannot_be_written(indexed: Rag, questions: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = indexed("eval", questions, "--html", tmp_path / "file" / "page.html")
    assert outcome.code == 2
    assert "name another file with --html" in outcome.err
    assert "recall@1" in outcome.out, "the figures are not lost"


@pytest.mark.skipif(not OFFICE.is_dir(), reason="the sample office is missing")
def test_the_sample_office(office: Rag) -> None:
    """No measurement of quality, but every question of the office is one that can be judged."""
    result = office("eval", ROOT / "data/questions.jsonl", "--split", "dev", "--json").json
    assert result["counts"]["not_indexed"] == 0
    assert result["figures"]["recall@10"]["value"] > 0.65
    assert len(result["rows"]) == result["counts"]["questions"] > 50
