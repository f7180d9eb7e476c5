"""`rag record`: what commands did is there, verifies, can be replayed, and is forgotten when its document is."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rag import offline
from rag.guard.types import Attempt
from rag.record.entry import parse
from rag.record.ledger import HEAD_FILE, RECORD, Ledger
from tests.running import Outcome

Rag = Callable[..., Outcome]

POLICY = "Exceptions must be approved by the Head of Information Security within ten working days.\n"
OTHER = "Laptops are encrypted by the Service Desk before they leave the building.\n"
ASKED = "Who approves exceptions?"
NONSENSE = "What does the canteen charge for lunch?"


@pytest.fixture
def asked(rag: Rag, tmp_path: Path) -> Path:
    """A home with a record of an ingestion, an answer and a refusal; the folder of its documents beside it."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "policy.txt").write_text(POLICY)
    (docs / "laptops.txt").write_text(OTHER)
    assert rag("ingest", docs).code == 0
    assert rag("ask", ASKED, "--quotes-only").code == 0
    assert rag("ask", NONSENSE, "--quotes-only").code == 1
    return tmp_path / "home"


def test_commands_are_recorded_and_the_record_is_sound(rag: Rag, asked: Path) -> None:
    listed = rag("record", "list").out.splitlines()
    assert [line.split()[:4:3] for line in listed] == [["1", "ingestion"], ["2", "answer"], ["3", "refusal"]]
    assert [ASKED in listed[1], NONSENSE in listed[2]] == [True, True]
    assert rag("record", "verify").out.startswith("The record is as it was written: 3 entries, head ")
    assert rag("record", "verify", "--json").json["sound"]
    entry = rag("record", "show", "2", "--json").json
    assert entry["content"]["question"] == ASKED
    assert entry["facts"]["models"]["embedding"]["name"] == "all-MiniLM-L6-v2"
    assert entry["content"]["passages"][0]["path"] == "policy.txt"
    assert entry["content"]["answer"]["citations"][0]["quote"] in POLICY
    shown = rag("record", "show", "2").out
    assert f"Question: {ASKED}" in shown
    assert "policy.txt, characters 0 to" in shown
    exported = rag("record", "export", "--after", "1").lines
    assert [line["entry"] for line in exported] == [2, 3]
    assert exported[0] == entry


def test_what_is_not_to_be_recorded_is_not(rag: Rag, asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rag("ask", ASKED, "--quotes-only", "--no-record").code == 0
    assert rag("--no-record", "ask", ASKED, "--quotes-only").code == 0
    monkeypatch.setenv("RAG_RECORD", "false")
    assert rag("ask", ASKED, "--quotes-only").code == 0
    monkeypatch.delenv("RAG_RECORD")
    (asked / "config.toml").write_text("record = false\n")
    assert rag("ask", ASKED, "--quotes-only").code == 0
    assert len(rag("record", "export").lines) == 3
    (asked / "config.toml").write_text('record = "perhaps"\n')
    assert "it has to be true or false" in rag("record", "list").err
    (asked / "config.toml").write_text("record_days = -1\n")
    assert "or 0 for ever" in rag("record", "list").err


def test_batches_chats_and_summaries_are_recorded(rag: Rag, asked: Path, tmp_path: Path) -> None:
    batch = tmp_path / "batch.jsonl"
    batch.write_text("".join(json.dumps({"id": n, "question": q}) + "\n" for n, q in enumerate((ASKED, NONSENSE))))
    assert rag("ask", "--batch", batch, "--quotes-only").code == 0
    assert rag("chat", "--quotes-only", typed=f"{ASKED}\n").code == 0
    assert rag("summarize", tmp_path / "docs" / "policy.txt", "--no-model").code == 0
    lines = rag("record", "export", "--after", "3").lines
    assert [line["kind"] for line in lines] == ["answer", "refusal", "answer", "summary"]
    assert lines[-1]["content"]["source"]["path"] == "policy.txt"
    assert "Head of Information Security" in lines[-1]["content"]["summary"]["summary"]


def test_a_replay_says_the_same_or_what_has_changed(rag: Rag, asked: Path, tmp_path: Path) -> None:
    for number in ("2", "3"):
        replayed = rag("record", "replay", number)
        assert (replayed.code, "The same as entry" in replayed.out) == (0, True)
    assert rag("record", "replay", "2", "--json").json["same"]
    (tmp_path / "docs" / "policy.txt").write_text(POLICY.replace("ten", "five"))
    assert rag("ingest", tmp_path / "docs").code == 0
    replayed = rag("record", "replay", "2")
    assert replayed.code == 1
    assert "The answer has other words." in replayed.out
    assert "policy.txt is in the index with other bytes now." in replayed.out
    assert "The index has changed since." in replayed.out
    assert len(rag("record", "export").lines) == 4  # a replay is no answer to anybody
    assert "answers and refusals can be replayed" in rag("record", "replay", "1").err
    assert "has no entry 99" in rag("record", "replay", "99").err


def test_a_change_is_told_with_its_place(rag: Rag, asked: Path) -> None:
    path = asked / "record" / RECORD
    path.write_bytes(path.read_bytes().replace(b"canteen", b"kitchen"))
    outcome = rag("record", "verify")
    assert (outcome.code, outcome.out.splitlines()[0]) == (4, "Entry 3 was changed after it was written.")
    assert rag("record", "verify", "--json").json["problems"][0]["entry"] == 3


def test_a_head_that_was_kept_shows_a_record_written_anew(rag: Rag, asked: Path) -> None:
    kept = rag("record", "head").out.strip()
    assert re.fullmatch(r"3:[0-9a-f]{64}", kept)
    assert "Compared with the head that you kept" in rag("record", "verify", "--head", kept).out
    ledger = Ledger(asked / "record")
    head, data = ledger.head(), (asked / "record" / RECORD).read_bytes().splitlines(keepends=True)
    last = replace(parse(data[2])[0], time="2020-01-01T00:00:00.000+00:00")
    (asked / "record" / RECORD).write_bytes(b"".join([*data[:2], last.line()]))
    ledger._write_head(replace(head, hash=last.hash))
    assert rag("record", "verify").code == 0
    outcome = rag("record", "verify", "--head", kept)
    assert (outcome.code, outcome.out.splitlines()[0]) == (4, "Entry 3 is not the one whose hash was kept.")
    for file in (RECORD, HEAD_FILE, "lock"):
        (asked / "record" / file).unlink()
    assert "is not in the record" in rag("record", "verify", "--head", kept).out
    assert "is no head of a record" in rag("record", "verify", "--head", "3").err


def test_what_is_forgotten_leaves_the_record(rag: Rag, asked: Path) -> None:
    assert rag("record", "show", "2").out.count("Head of Information Security")
    receipt = rag("forget", "policy.txt", "--json").json
    assert (receipt["redacted"], receipt["found"]) == ([1, 2, 3], [])  # the refusal had it among its passages
    assert b"Head of Information" not in (asked / "record" / RECORD).read_bytes()
    assert [line["kind"] for line in rag("record", "export", "--after", "3").lines] == ["redaction", "erasure"]
    assert rag("record", "verify").code == 0
    assert "(content dropped)" in rag("record", "list").out
    assert "lost its content to an erasure" in rag("record", "replay", "2").err
    assert "were dropped; their hashes stay" in rag("record", "show", "2").out


def test_an_answer_is_given_where_it_cannot_be_recorded_and_that_is_said(rag: Rag, asked: Path) -> None:
    (asked / "record" / HEAD_FILE).write_bytes(b"{}")
    answer = rag("ask", ASKED, "--quotes-only", "--json")
    assert (answer.code, answer.json["found"]) == (0, True)
    assert answer.json["warnings"][-1].startswith("This is NOT in the record: ")
    assert "This is NOT in the record" in rag("ask", ASKED, "--quotes-only").out


def test_where_nothing_was_recorded_that_is_said(rag: Rag) -> None:
    for command in (("list",), ("verify",), ("head",), ("show", "1"), ("export",)):
        outcome = rag("record", *command)
        assert (outcome.code, "There is no record in" in outcome.err) == (2, True)


def test_a_refused_try_to_reach_the_internet_is_recorded(
    rag: Rag, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = Attempt("socket.connect", "198.51.100.7:443", "library.py:phone_home:12", "python", 0.0, 3)
    monkeypatch.setattr(offline, "untold", lambda: (attempt,))
    assert "library.py:phone_home:12" in rag("status").err
    monkeypatch.undo()
    entry = rag("record", "show", "4", "--json").json
    assert (entry["kind"], entry["facts"]["attempts"]) == ("attempt", 3)
    assert "198.51.100.7:443" in json.dumps(entry["content"])
    assert rag("record", "verify").code == 0
