"""Logs in the folder: ingested, asked, searched, shown, counted and erased."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import Outcome

Rag = Callable[..., Outcome]

LINES = [
    "Mar  1 00:00:01 host sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2",
    "Mar  1 00:00:02 host sshd[1]: Failed password for ann from 192.0.2.1 port 1 ssh2",
    "Mar  2 00:00:03 host sshd[1]: Accepted password for ann from 192.0.2.1 port 1 ssh2",
    "Mar  3 00:00:04 host useradd[1]: new user: name=bobby, UID=7, GID=7, home=/home/bobby, shell=/bin/sh",
]
POLICY = "Passwords must have at least 14 characters. Accounts of people who leave must be deleted on their last day.\n"


@pytest.fixture
def office(rag: Rag, tmp_path: Path) -> Path:
    """A folder with a policy and a log, in the index."""
    folder = tmp_path / "office"
    (folder / "logs").mkdir(parents=True)
    (folder / "policy.txt").write_text(POLICY)
    (folder / "logs" / "auth.log").write_text("".join(f"{line}\n" for line in LINES))
    assert rag("ingest", folder).code == 0
    return folder


def test_a_log_is_indexed_and_counted(rag: Rag, office: Path) -> None:
    status = rag("status", "--json").json
    entry = next(file for file in status["files"] if file["path"] == "logs/auth.log")
    assert (entry["status"], entry["lines"], entry["events"], entry["chunks"]) == ("indexed", 4, 4, 0)
    assert (status["totals"]["log_lines"], status["totals"]["log_events"]) == (4, 4)
    assert "; of logs 4 events on 4 lines." in rag("status").out
    assert {file["status"] for file in rag("ingest", office, "--json").json["files"]} == {"unchanged"}


def test_a_question_is_answered_by_counting(rag: Rag, office: Path) -> None:
    answer = rag("ask", "How many log-ins from 192.0.2.1 failed?", "--json").json
    assert (answer["found"], answer["mode"], answer["model"]) == (True, "written", None)
    assert answer["answer"].startswith("2 events")
    assert answer["counted"]["events"] == 2
    assert [log["lines"] for log in answer["counted"]["logs"]] == [[1, 2]]
    text = rag("show", "logs/auth.log", "--json").json["text"]
    for citation in answer["citations"]:
        assert (citation["page"], citation["record"]) == (None, None)
        assert text[citation["start"] : citation["end"]] == citation["quote"]
        assert citation["quote"] == LINES[citation["lines"][0] - 1]


def test_people_see_file_and_line(rag: Rag, office: Path) -> None:
    shown = rag("ask", "When was the user bobby created?")
    assert shown.code == 0
    assert "[1] logs/auth.log:4 · 2026-" in shown.out
    assert "Counted: events with " in shown.out
    assert "Counted from 1 event, no model." in shown.out
    assert "2  " + LINES[1] in rag("show", "1").out
    assert LINES[3] in rag("show", "1").out


def test_what_is_in_no_log_is_refused_and_rules_are_asked_of_documents(rag: Rag, office: Path) -> None:
    refused = rag("ask", "When did zoe log in?", "--quotes-only")
    assert refused.code == 1
    assert "“zoe”" in refused.out
    rule = rag("ask", "How many characters must a password have?", "--quotes-only", "--json").json
    assert [citation["path"] for citation in rule["citations"]] == ["policy.txt"]
    assert rule["counted"] is None


def test_search_finds_events(rag: Rag, office: Path) -> None:
    hits = rag("search", "failed log-ins of ann", "--json").json["hits"]
    assert [(hit["rank"], hit["path"], hit["lines"], hit["text"]) for hit in hits[:1]] == [
        (1, "logs/auth.log", [2], LINES[1])
    ]
    assert [hit["rank"] for hit in hits] == list(range(1, len(hits) + 1))
    assert all(not hit["lines"] for hit in rag("search", "characters of passwords", "--json").json["hits"])
    assert "logs/auth.log:2" in rag("search", "failed log-ins of ann").out


def test_lines_are_shown_with_those_around(rag: Rag, office: Path) -> None:
    row = rag("show", "logs/auth.log", "--lines", "2-3", "--json").json
    assert row["text"] == f"{LINES[1]}\n{LINES[2]}"
    assert row["start"] == len(LINES[0]) + 1
    assert [line[3:] for line in rag("show", "logs/auth.log", "--lines", "4").out.splitlines()] == LINES[1:]
    assert "there is no line 9" in rag("show", "logs/auth.log", "--lines", "9").err
    assert "names no lines" in rag("show", "logs/auth.log", "--lines", "3-2").err
    assert "no log 'policy.txt'" in rag("show", "policy.txt", "--lines", "1").err


def test_a_log_that_grows_is_read_again(rag: Rag, office: Path) -> None:
    with (office / "logs" / "auth.log").open("a") as file:
        file.write(LINES[1].replace("00:00:02", "00:00:09") + "\n")
    assert rag("ingest", office).code == 0
    assert rag("ask", "How many log-ins of ann failed?", "--json").json["counted"]["events"] == 2


def test_forget_leaves_nothing_of_a_log(rag: Rag, office: Path) -> None:
    rag("ask", "When was the user bobby created?")
    receipt = rag("forget", "logs/auth.log", "--json")
    assert (receipt.code, receipt.json["found"]) == (0, [])
    assert receipt.json["pieces"] > 0
    assert rag("ask", "When was the user bobby created?", "--quotes-only").code == 1
    assert rag("verify").code == 0


def test_a_register_that_looks_like_a_log_stays_a_document(rag: Rag, tmp_path: Path) -> None:
    folder = tmp_path / "registers"
    folder.mkdir()
    rows = ["date,user,action,outcome", "2026-03-01,ann,Review the firewall rules,success"]
    (folder / "tasks.csv").write_text("\n".join(rows) + "\n")
    (folder / "events.jsonl").write_text(
        json.dumps({"time": "2026-03-01T00:00:00Z", "user": "ann", "action": "DeleteRole", "outcome": "success"}) + "\n"
    )
    files = {file["path"]: file for file in rag("ingest", folder, "--json").json["files"]}
    assert (files["tasks.csv"]["events"], files["tasks.csv"]["chunks"]) == (0, 1)
    assert (files["events.jsonl"]["events"], files["events.jsonl"]["chunks"]) == (1, 0)


def test_personal_data_in_an_indexed_log_is_found(rag: Rag, office: Path) -> None:
    files = {file["path"]: file for file in rag("scan", "--index", "--json").json["files"]}
    assert [place["line"] for place in files["logs/auth.log"]["places"]] == [1, 2, 3]
