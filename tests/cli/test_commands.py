"""A folder, a command, what comes out and the exit code: the contract of the command line, with the real models."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rag.test_term import HOSTILE, acts
from tests.running import PROGRAM, ROOT, Outcome, prepare_home, program, run_rag, without_privileges

Rag = Callable[..., Outcome]

POLICY = """# Incident policy

Whoever notices an incident must tell the Service Desk within 30 minutes, by telephone on extension 4400.

Laptops must be encrypted by the Service Desk before they leave the house.
"""
QUESTION = "Within how many minutes must an incident be told to the Service Desk?"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with one policy."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "policy.md").write_text(POLICY)
    return folder


@pytest.fixture
def indexed(rag: Rag, docs: Path) -> Rag:
    """`rag` with the policy in its index."""
    assert rag("ingest", docs).code == 0
    return rag


def says_what_to_do(outcome: Outcome) -> str:
    """The error of a failed command: one line on stderr, nothing on stdout, no traceback."""
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    line = outcome.err.rstrip("\n").splitlines()[-1]
    assert line.startswith("Error: ")
    assert len(line) > 40, "what, where and what to do next"
    return line


# --- without an index -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [["search", "x"], ["ask", "x"], ["show", "a.pdf"], ["status"], ["verify"]],
    ids=lambda command: command[0],
)
def test_no_index_yet(command: list[str], rag: Rag) -> None:
    outcome = rag(*command)
    assert outcome.code == 2
    assert "run `rag ingest FOLDER` first" in says_what_to_do(outcome)


def test_an_empty_folder(rag: Rag, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    outcome = rag("ingest", tmp_path / "empty")
    assert outcome.code == 2
    assert "holds no files" in says_what_to_do(outcome)


def test_a_folder_that_is_not_there(rag: Rag, tmp_path: Path) -> None:
    outcome = rag("ingest", tmp_path / "missing")
    assert outcome.code == 2
    assert "Nothing was changed" in says_what_to_do(outcome)
    assert "Traceback" not in outcome.err


def test_ingest_of_nothing(rag: Rag) -> None:
    assert "Name the folder" in says_what_to_do(rag("ingest"))
    assert "nothing to rebuild" in says_what_to_do(rag("ingest", "--rebuild"))


def test_an_index_without_text(rag: Rag, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert rag("ingest", tmp_path / "docs").code == 0
    outcome = rag("ask", "Is there anything?")
    assert outcome.code == 2
    assert "holds no text" in says_what_to_do(outcome)


# --- files of all kinds -----------------------------------------------------------------------------------------------

PDF = ROOT / "data/office/policies/access-control-policy.pdf"
LOCKED = ROOT / "data/office/board/board-risk-briefing-2026-q1.pdf"


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("a.txt", b"plain words", "indexed", 0),
        ("a.xyz", b"plain words", "unsupported", 0),
        ("a.txt", b"", "empty", 0),
        ("a.txt", b" \n\t\n", "empty", 0),
        ("a.txt", bytes(range(256)) * 20, "unsupported", 0),
        ("a.pdf", b"%PDF-1.4\n%%EOF", "damaged", 3),
        ("a.pdf", b"no PDF at all", "damaged", 3),
        ("a.jsonl", b'{"id": "1", "text": "one"}\n{"id": "1", "text": "two"}\n', "damaged", 3),
        ("whole.pdf", PDF, "indexed", 0),
        ("half.pdf", PDF, "damaged", 3),
        ("locked.pdf", LOCKED, "password", 3),
    ],
)
def test_every_file_gets_a_status(
    rag: Rag, tmp_path: Path, name: str, content: bytes | Path, status: str, code: int
) -> None:
    data = content if isinstance(content, bytes) else content.read_bytes()
    data = data[: len(data) // 3] if name.startswith("half") else data
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / name).write_bytes(data)
    outcome = rag("ingest", tmp_path / "docs", "--json")
    assert outcome.code == code
    (entry,) = outcome.json["files"]
    assert (entry["path"], entry["status"]) == (name, status)
    assert entry["detail"] or status == "indexed"
    listed = rag("status", "--json").json["files"]
    assert [(file["path"], file["status"]) for file in listed] == [(name, status)]


def test_what_ingest_prints_for_people(rag: Rag, docs: Path) -> None:
    (docs / "broken.pdf").write_bytes(b"%PDF-1.4\n%%EOF")
    outcome = rag("ingest", docs)
    assert outcome.code == 3
    assert re.fullmatch(
        r"  damaged +broken\.pdf: .+\n"
        r"2 files in [\d.]+ s: 1 damaged, 1 indexed\.\n"
        r"Searchable from here: 1 page \(1 with text\), in 1 passage\.\n",
        outcome.out,
    )
    assert "Traceback" not in outcome.err


def test_ingest_again_and_after_a_change(indexed: Rag, docs: Path) -> None:
    entry = indexed("ingest", docs, "--json").json["files"][0]
    assert (entry["status"], set(entry)) == (
        "unchanged",
        {
            *("path", "sha256", "status", "root", "pages", "pages_without_text", "chunks", "detail"),
            *("pages_ocr", "pages_failed", "pages_skipped", "lines", "events"),
        },
    )
    (docs / "policy.md").write_text("Visitors wear a badge.\n")
    (docs / "other.md").write_text(POLICY)
    statuses = {file["path"]: file["status"] for file in indexed("ingest", docs, "--json").json["files"]}
    assert statuses == {"policy.md": "indexed", "other.md": "indexed"}
    hit = indexed("search", "incident", "--json", "-k", "1").json["hits"][0]
    assert hit["path"] == "other.md"
    (docs / "other.md").unlink()
    assert {file["status"] for file in indexed("ingest", docs, "--json").json["files"]} == {"unchanged", "removed"}
    assert indexed("verify").code == 0


def test_two_folders_are_two_roots(indexed: Rag, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "visitors.txt").write_text("Visitors wear a badge at all times.\n")
    assert indexed("ingest", tmp_path / "more").code == 0
    assert {file["path"] for file in indexed("status", "--json").json["files"]} == {"policy.md", "visitors.txt"}


# --- search, ask, show ------------------------------------------------------------------------------------------------


def test_search(indexed: Rag) -> None:
    outcome = indexed("search", "encrypted laptops", "--json", "-k", "2")
    assert outcome.code == 0
    result = outcome.json
    assert set(result) == {"query", "hits", "timings_ms"}
    assert set(result["hits"][0]) == {
        *("rank", "score", "id", "path", "sha256", "page", "section", "start", "end", "text", "record", "root"),
        *("ocr", "lines", "also", "similar", "hidden"),
    }
    for rank, hit in enumerate(result["hits"], start=1):
        assert hit["rank"] == rank
        assert POLICY[hit["start"] : hit["end"]] == hit["text"]
    people = indexed("search", "encrypted laptops")
    assert people.out.startswith(" 1. policy.md")


def test_as_many_hits_as_were_asked_for(rag: Rag, tmp_path: Path) -> None:
    rows = [{"id": str(number), "text": f"Record {number} is about badges."} for number in range(150)]
    (tmp_path / "records.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert rag("ingest", tmp_path / "records.jsonl").code == 0
    assert len(rag("search", "badges", "-k", "150", "--json").json["hits"]) == 150


def test_search_where_nothing_matches_the_path(indexed: Rag) -> None:
    outcome = indexed("search", "laptops", "--path", "other/*")
    assert (outcome.code, outcome.out) == (1, "Nothing found.\n")
    assert "No indexed file matches the filter" in outcome.err


def test_search_without_the_reader(indexed: Rag) -> None:
    (hit,) = indexed("search", "encrypted laptops", "--no-reader", "--explain", "--json", "-k", "1").json["hits"]
    assert hit["explain"]["relevance"] is None
    assert hit["explain"]["fused"] == pytest.approx(hit["score"], abs=1e-5)
    answer = indexed("ask", QUESTION, "--no-reader", "--quotes-only", "--json").json
    assert answer["citations"][0]["path"] == "policy.md"


def test_search_explains_a_hit(indexed: Rag) -> None:
    hit = indexed("search", "encrypted laptops", "--explain", "--json").json["hits"][0]
    assert set(hit["explain"]) == {
        *("words", "matched", "cosine", "parts", "fused"),
        *("relevance", "answerable", "margin", "merged"),
    }
    assert set(hit["explain"]["matched"]) == {"encrypted", "laptops"}
    assert isinstance(hit["explain"]["relevance"], float)
    people = indexed("search", "encrypted laptops", "--explain").out
    assert re.search(
        r"\n    found \d\.\d\d = words \d\.\d\d (?:\+ page \d\.\d\d )?\+ meaning \d\.\d\d \(cosine \d\.\d\d\)\n", people
    )
    assert re.search(r"\n    words \d+\.\d: \w+ \d+\.\d, \w+ \d+\.\d\n", people)
    assert re.search(r"\n    read: relevance [+-]\d", people)
    assert "explain" not in indexed("search", "encrypted laptops", "--json").json["hits"][0]


@pytest.mark.parametrize("command", ["search", "ask"])
def test_a_typo_is_mended_and_said(indexed: Rag, command: str) -> None:
    outcome = indexed(command, "Where is an incidnet told?", "--json")
    assert "No document has 'incidnet'; also searched for 'incident'." in outcome.err
    assert "incidnet" not in indexed(command, "Where is an incident told?", "--json").err


@pytest.mark.parametrize("option", [("--type", "exe"), ("--since", "yesterday")])
@pytest.mark.parametrize("command", ["search", "ask"])
def test_an_unknown_filter_value_is_refused(indexed: Rag, command: str, option: tuple[str, str]) -> None:
    outcome = indexed(command, "laptops", *option)
    assert (outcome.code, outcome.out) == (2, "")
    assert option[1] in outcome.err


def test_filters_together_leave_what_fits_all(indexed: Rag) -> None:
    everything = indexed("search", "laptops", "--json").json["hits"]
    suffix = everything[0]["path"].rpartition(".")[2]
    some = indexed("search", "laptops", "--type", suffix, "--since", "2000-01-01", "--json").json["hits"]
    assert {hit["id"] for hit in some} == {hit["id"] for hit in everything if hit["path"].endswith(suffix)}
    assert indexed("search", "laptops", "--section", "no such heading").code == 1


def test_an_answer(indexed: Rag) -> None:
    outcome = indexed("ask", QUESTION, "--json")
    assert outcome.code == 0, outcome.out
    answer = outcome.json
    assert set(answer) == {
        *("question", "found", "answer", "mode", "confidence", "citations", "missing", "warnings"),
        *("nearest", "searched"),
        *("dropped_sentences", "unreadable", "model", "search_adapter", "counted", "timings_ms"),
    }
    assert "30 minutes" in answer["answer"]
    assert answer["mode"] in ("written", "quoted")
    assert set(answer["citations"][0]) == {
        *("number", "path", "sha256", "page", "section", "start", "end", "quote", "record", "root", "lines"),
        *("ocr", "also", "words", "hidden", "redacted"),
    }
    people = indexed("ask", QUESTION)
    assert people.code == 0
    assert "[1] policy.md" in people.out
    assert "30 minutes" in people.out


def test_quotations_alone_need_no_language_model(indexed: Rag, tmp_path: Path) -> None:
    none = tmp_path / "none.gguf"
    answer = indexed("ask", QUESTION, "--quotes-only", "--json", "--language-model", none).json
    assert (answer["mode"], answer["model"]) == ("quoted", None)


def test_not_in_the_documents(indexed: Rag) -> None:
    outcome = indexed("ask", "What is the recipe for an apple pie with cinnamon?", "--json")
    assert outcome.code == 1
    answer = outcome.json
    assert (answer["found"], answer["mode"], answer["citations"]) == (False, "refused", [])
    people = indexed("ask", "What is the recipe for an apple pie with cinnamon?")
    assert people.code == 1
    assert people.out.startswith("Not in your documents")


def test_show(indexed: Rag) -> None:
    outcome = indexed("show", "policy.md", "--json")
    assert outcome.code == 0
    assert outcome.json["text"] == POLICY
    assert {"path", "sha256", "page", "text"} <= set(outcome.json)
    assert indexed("show", "policy.md").out == POLICY + "\n"
    for arguments in (["policy.md", "--page", "2"], ["other.md"], ["policy.md", "--record", "x"]):
        missing = indexed("show", *arguments)
        assert missing.code == 2
        assert "`rag status` lists" in says_what_to_do(missing)


@pytest.mark.parametrize("command", ["ask", "search"])
@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("", "The question is empty"),
        (" \t\n", "The question is empty"),
        ("?!", "The question is empty"),
        ("word " * 10_000, "has 10000 words, at most 400"),
    ],
)
def test_questions_that_cannot_be_asked(indexed: Rag, command: str, question: str, words: str) -> None:
    outcome = indexed(command, question)
    assert outcome.code == 2
    assert words in says_what_to_do(outcome)


@pytest.mark.parametrize(
    "question",
    [
        '" OR NEAR(',
        "text: -incident* ^",
        "NOT AND OR",
        "incident\x00minutes",
        "half a pair \ud800",
        "ǰ" * 300,
        "a" * 9000,
    ],
)
@pytest.mark.parametrize("command", ["ask", "search"])
def test_odd_questions_are_answered_or_refused_but_never_break(indexed: Rag, command: str, question: str) -> None:
    outcome = indexed(command, question, "--json")
    assert outcome.code in (0, 1), outcome.err
    assert outcome.err.count("Error") == 0


def test_neither_a_question_nor_a_batch(indexed: Rag, tmp_path: Path) -> None:
    assert "--batch FILE" in says_what_to_do(indexed("ask"))
    (tmp_path / "batch.jsonl").write_text('{"id": 1, "question": "x"}\n')
    assert "--batch FILE" in says_what_to_do(indexed("ask", "x", "--batch", tmp_path / "batch.jsonl"))


def test_a_batch_is_answered_in_order_with_its_ids(indexed: Rag, tmp_path: Path) -> None:
    rows = [
        {"id": "q-2", "question": QUESTION},
        {"id": 7, "question": "How is an apple pie made?"},
        {"question": "Laptops?"},
    ]
    (tmp_path / "batch.jsonl").write_text("\n\n".join(json.dumps(row) for row in rows))
    outcome = indexed("ask", "--batch", tmp_path / "batch.jsonl", "--json")
    assert outcome.code == 0
    assert [(row["id"], row["question"]) for row in outcome.lines] == [
        ("q-2", QUESTION),
        (7, "How is an apple pie made?"),
        (None, "Laptops?"),
    ]
    assert [row["found"] for row in outcome.lines][:2] == [True, False]
    found = indexed("search", "--batch", tmp_path / "batch.jsonl", "-k", "1")
    assert [row["id"] for row in found.lines] == ["q-2", 7, None]
    assert all(len(row["hits"]) == 1 for row in found.lines)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2: not an object"),
        ("[]", "line 2: not an object"),
        ('"text"', "line 2: not an object"),
        ('{"id": 1}', "line 2: not an object"),
        ('{"id": 1, "question": 5}', "line 2"),
        ('{"id": 1, "question": null}', "line 2"),
        ('{"id": 1, "question": ""}', "line 2: The question is empty"),
    ],
)
def test_a_bad_line_of_a_batch_stops_it_before_anything_is_answered(
    indexed: Rag, tmp_path: Path, line: str, words: str
) -> None:
    (tmp_path / "batch.jsonl").write_text(f'{{"id": 0, "question": "Laptops?"}}\n{line}\n')
    outcome = indexed("ask", "--batch", tmp_path / "batch.jsonl")
    assert outcome.code == 2
    assert words in says_what_to_do(outcome)
    assert "othing was answered" in outcome.err


def test_a_batch_that_is_not_there_or_no_text(indexed: Rag, tmp_path: Path) -> None:
    assert "cannot be read" in says_what_to_do(indexed("ask", "--batch", tmp_path / "none.jsonl"))
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00\x01")
    assert "cannot be read" in says_what_to_do(indexed("ask", "--batch", tmp_path / "binary.jsonl"))


# --- settings, help ---------------------------------------------------------------------------------------------------


def test_the_home_may_stand_before_or_behind_the_command(models: Path, tmp_path: Path, docs: Path) -> None:
    home = str(prepare_home(tmp_path / "home", models))
    assert run_rag("--home", home, "ingest", str(docs)).code == 0
    assert run_rag("status", "--home", home, "--json").json["home"] == home
    assert run_rag("--home", "/nowhere", "status", "--home", home).code == 0
    assert run_rag("--home", home, "status", "--home", "/nowhere").code == 2


def test_the_home_may_come_from_the_environment(
    models: Path, tmp_path: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_HOME", str(prepare_home(tmp_path / "home", models)))
    assert run_rag("ingest", str(docs)).code == 0
    assert run_rag("status", "--json").json["home"] == str(tmp_path / "home")


def test_collections_are_apart(indexed: Rag, tmp_path: Path) -> None:
    (tmp_path / "board.txt").write_text("The board meets in March.\n")
    assert indexed("ingest", tmp_path / "board.txt", "--collection", "board").code == 0
    assert [file["path"] for file in indexed("status", "--collection", "board", "--json").json["files"]] == [
        "board.txt"
    ]
    assert [file["path"] for file in indexed("status", "--json").json["files"]] == ["policy.md"]
    assert indexed("status", "--collection", "../x").code == 2


def test_a_bad_config_file_is_named(rag: Rag, home: Path) -> None:
    (home / "config.toml").write_text("answer_threshold = 7\n")
    assert "from 0 to 1" in says_what_to_do(rag("status"))


def test_version_and_help() -> None:
    from rag import __version__

    outcome = run_rag("--version")
    assert (outcome.code, outcome.out) == (0, f"rag {__version__}\n")
    for arguments in (["--help"], ["-h"], ["ask", "--help"]):
        outcome = run_rag(*arguments)
        assert outcome.code == 0
        assert "Usage: rag" in outcome.out
    assert "Usage: rag" in run_rag().out + run_rag().err


@pytest.mark.parametrize("arguments", [["nonsense"], ["ask", "x", "--nonsense"], ["search", "x", "-k", "0"]])
def test_wrong_usage(arguments: list[str]) -> None:
    outcome = run_rag(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion(shell: str) -> None:
    done = program("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert done.returncode == 0, done.stderr
    assert "_RAG_COMPLETE" in done.stdout


# --- models and doctor ------------------------------------------------------------------------------------------------


def test_models_are_listed_and_verified(rag: Rag) -> None:
    outcome = rag("models", "list", "--json")
    assert outcome.code == 0
    assert [row["kind"] for row in outcome.json["models"]] == ["embedding", "question", "language", "writer", "reader"]
    assert all(row["sound"] for row in outcome.json["models"])
    assert "files verified in" in rag("models").out


def test_the_doctor_finds_the_guard_holding(rag: Rag) -> None:
    outcome = rag("doctor", "--json")
    # Landlock binds a command, not a run of tests: `tests/rag/guard/test_landlock.py` starts commands of its own.
    bad = [item for item in outcome.json["findings"] if not item["good"] and item["what"] != "offline, files"]
    if sys.platform == "linux":
        assert bad == []
    assert {"machine", "home", "embedding model", "language model"} <= {
        finding["what"] for finding in outcome.json["findings"]
    }
    assert "ok   home" in rag("doctor").out


def test_a_model_that_is_not_there_is_named(indexed: Rag, tmp_path: Path) -> None:
    outcome = indexed("ask", QUESTION, "--language-model", tmp_path / "none.gguf")
    assert outcome.code == 2
    assert "There is no model file" in outcome.err


def test_an_index_of_another_model_is_refused(indexed: Rag, home: Path) -> None:
    from rag.store.collection import changing

    with changing(home / "collections" / "default") as catalog:
        catalog.set_identity({"embedding_model": "another"})
    for command in (["ask", "x"], ["search", "x"]):
        assert "rag ingest --rebuild" in says_what_to_do(indexed(*command))


# --- a damaged index, a lock, a disk ----------------------------------------------------------------------------------


def spoil_vectors(index: Path) -> None:
    """Vectors taken away behind the program's back, and sealed as if that were right."""
    from contextlib import closing

    from rag.store import seal
    from rag.store.vectors import VectorIndex

    sealed = seal.read(index)
    assert sealed is not None
    with closing(VectorIndex(index)) as vectors:
        vectors.remove(range(1, 100))
    seal.write(index, sealed.canaries, sealed.roots, sealed.identity)


def test_an_index_that_lost_its_vectors_is_refused_and_repaired(rag: Rag, docs: Path, home: Path) -> None:
    (docs / "badges.md").write_text("Visitors wear a badge.\n")
    assert program("--home", str(home), "ingest", str(docs)).returncode == 0
    spoil_vectors(home / "collections" / "default")
    for command in (["ask", "x"], ["search", "x"]):
        outcome = rag(*command)
        assert outcome.code == 4
        assert "rag verify --repair" in says_what_to_do(outcome)
    assert rag("verify", "--json").code == 4
    repaired = rag("verify", "--repair", "--json")
    assert (repaired.code, repaired.json["sound"], repaired.json["repaired"]) == (0, True, True)
    assert rag("search", "laptops").code == 0


def test_a_vector_index_that_cannot_be_opened_is_repaired_by_the_program(docs: Path, home: Path) -> None:
    """In processes of their own, as a user would: Chroma keeps state of what it opened."""
    place = ("--home", str(home))
    assert program(*place, "ingest", str(docs)).returncode == 0
    (home / "collections" / "default" / "chroma" / "chroma.sqlite3").write_bytes(b"no database" * 999)
    broken = program(*place, "search", "laptops")
    assert broken.returncode == 4
    assert "rag verify --repair" in broken.stderr
    assert program(*place, "verify", "--repair").returncode == 0
    assert program(*place, "search", "laptops").returncode == 0


def test_a_damaged_catalog_is_said_and_rebuilt_from_the_documents(rag: Rag, home: Path, docs: Path) -> None:
    assert program("--home", str(home), "ingest", str(docs)).returncode == 0
    catalog = home / "collections" / "default" / "catalog.sqlite"
    catalog.write_bytes(b"no database" * 999)
    for command in (["ask", "x"], ["status"], ["ingest", docs]):
        outcome = rag(*command)
        assert outcome.code == 4, command
        assert "documents themselves are untouched" in says_what_to_do(outcome)
    assert rag("verify").code == 4
    docs.rename(docs.with_name("elsewhere"))
    assert "could not be made anew" in says_what_to_do(rag("verify", "--repair"))
    docs.with_name("elsewhere").rename(docs)
    assert rag("verify", "--repair").code == 0  # the seal remembers the folder
    assert rag("search", "laptops").code == 0
    for path in catalog.parent.glob("[cs]*"):  # nothing remembers it any more
        if path.is_file():
            path.write_bytes(b"no database" * 999)
    assert "rag ingest --rebuild FOLDER" in says_what_to_do(rag("verify", "--repair"))
    assert rag("ingest", "--rebuild", docs).code == 0
    assert rag("search", "laptops").code == 0


def test_rebuilding_reads_every_folder_again(docs: Path, home: Path) -> None:
    place = ("--home", str(home))
    assert program(*place, "ingest", str(docs)).returncode == 0
    done = program(*place, "ingest", "--rebuild", "--json")
    assert done.returncode == 0, done.stderr
    assert [file["status"] for file in json.loads(done.stdout)["files"]] == ["indexed"]
    assert program(*place, "verify").returncode == 0


def test_a_second_ingest_says_who_holds_the_lock(rag: Rag, home: Path, docs: Path) -> None:
    from rag.store.lock import write_lock

    with write_lock(home / "collections" / "default"):
        outcome = rag("ingest", docs)
    assert outcome.code == 2
    assert f"process {os.getpid()} since" in says_what_to_do(outcome)
    assert rag("ingest", docs).code == 0


def test_reading_goes_on_while_another_process_writes(indexed: Rag, home: Path) -> None:
    from rag.store.lock import write_lock

    with write_lock(home / "collections" / "default"):
        assert indexed("search", "laptops").code == 0


def test_a_home_that_is_a_file(docs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outcome = run_rag("--home", str(tmp_path / "file"), "ingest", str(docs))
    assert outcome.code == 2
    assert "another home with --home DIR" in says_what_to_do(outcome)
    assert run_rag("--home", str(tmp_path / "file"), "doctor").code == 2


@pytest.mark.skipif(sys.platform != "linux", reason="rights are given up the way Linux has it")
def test_a_home_that_cannot_be_written(docs: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "--home", str(home), "ingest", str(docs)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        preexec_fn=without_privileges,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(r"Error: Cannot write .+; check its permissions or choose another home", done.stderr)


def test_a_disk_that_fills_up_during_ingest_loses_nothing(docs: Path, home: Path) -> None:
    place = ("--home", str(home))
    assert program(*place, "ingest", str(docs)).returncode == 0
    (docs / "large.txt").write_text("Visitors wear a badge." + " " * 900_000 + "Badges are green.")  # little to embed
    code = """
import resource, signal, sys
sys.argv[0] = 'rag'
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
from rag.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *place, "ingest", str(docs)], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "free some space and run the command again" in done.stderr
    assert "Traceback" not in done.stderr
    assert program(*place, "search", "laptops").returncode == 0
    again = program(*place, "ingest", str(docs))
    assert again.returncode == 0, again.stderr
    assert program(*place, "verify").returncode == 0


def test_an_ingest_that_was_killed_is_ended_by_the_next_command(docs: Path, home: Path) -> None:
    """Killed after the catalog was written and before the vector index was."""
    place = ("--home", str(home))
    code = """
import os, sys
sys.argv[0] = 'rag'
from rag.store import collection
collection.update = lambda *arguments: os.kill(os.getpid(), 9)
from rag.cli import main
main()
"""
    killed = subprocess.run(
        [sys.executable, "-c", code, *place, "ingest", str(docs)], capture_output=True, cwd=ROOT, timeout=120
    )
    assert killed.returncode == -9
    done = program(*place, "search", "laptops", "--json")
    assert done.returncode == 0, done.stderr
    assert "was cut off" in done.stderr
    assert json.loads(done.stdout)["hits"][0]["path"] == "policy.md"
    assert program(*place, "verify").returncode == 0


# --- the terminal -----------------------------------------------------------------------------------------------------


def test_nothing_from_outside_acts_on_the_terminal(rag: Rag, tmp_path: Path) -> None:
    """File names, text, section titles, questions and errors: everything that a stranger may have written."""
    name = "pol\x1b]0;icy\x07 \u202etxt.md"
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / name).write_text(
        f"# Title {HOSTILE}\n\n" + POLICY.replace("minutes", f"{HOSTILE} minutes") * 3
    )
    (tmp_path / "docs" / "bad\x1b[31m.pdf").write_bytes(b"%PDF-1.4 nothing")
    question = f"How many minutes {HOSTILE} until the Service Desk must be told?"
    for command in (
        ["ingest", tmp_path / "docs"],
        ["status"],
        ["search", question],
        ["search", question, "--json"],
        ["ask", question],
        ["ask", question, "--json"],
        ["show", name],
        ["show", name, "--json"],
        ["show", "missing\x1b[31m"],
        ["ingest", tmp_path / "missing\x1b[31m"],
        ["summarize", tmp_path / "docs", "--no-model"],
        ["summarize", tmp_path / "docs", "--no-model", "--json"],
        ["summarize", tmp_path / "docs", "--no-model", "--out", tmp_path / "out"],
    ):
        outcome = rag(*command)
        assert outcome.code in (0, 1, 2, 3)
        assert set(acts(outcome.out + outcome.err)) <= {"\n", "\t"}, command


def test_a_reader_that_goes_away_is_no_error(docs: Path, home: Path) -> None:
    assert program("--home", str(home), "ingest", str(docs)).returncode == 0
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--home", str(home), "search", "laptops"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_unexpected_errors_are_a_sentence_and_a_traceback_only_on_request(
    indexed: Rag, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("something odd")

    monkeypatch.setattr("rag.store.catalog.Catalog.reports", fail)
    outcome = indexed("status")
    assert outcome.code == 2
    assert "unexpected RuntimeError in test_commands.py, line " in says_what_to_do(outcome)
    with pytest.raises(RuntimeError, match="something odd"):
        indexed("status", "--debug")


def test_an_interruption_is_said(indexed: Rag, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rag.store.catalog.Catalog.reports", interrupt)
    outcome = indexed("status")
    assert (outcome.code, outcome.out) == (130, "")
    assert "kept" in outcome.err


def test_a_rebuild_that_fails_keeps_the_old_index(docs: Path, rag: Rag) -> None:
    assert rag("ingest", docs).code == 0
    docs.rename(docs.with_name("elsewhere"))  # a disk that is not mounted looks the same
    assert rag("ingest", "--rebuild").code == 2
    assert rag("search", "laptops", "--json").json["hits"]
