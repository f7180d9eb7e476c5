"""Nothing in a record changes unseen, nothing is lost by a kill or a full disk, and what is dropped is gone."""

import errno
import hashlib
import json
import os
import random
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import NothingFound, RecordDamaged, StorageError
from rag.record import ledger as module
from rag.record.chain import Head, check
from rag.record.entry import GENESIS, Leaf, canonical, entry, leaf, parse
from rag.record.ledger import HEAD_FILE, RECORD, Ledger
from tests.killing import die_at, in_child
from tests.rag.record.altered import EDITS, Edit, cut_off_entries, rewrite_from_here

QUESTIONS = ("Who approves exceptions?", "Was Xanthippe dismissed?", "How long are logs kept? “§ 7”\n", "", "Ünï\udc80")


def write(folder: Path, number: int = len(QUESTIONS)) -> Ledger:
    """A record of some questions with answers."""
    ledger = Ledger(folder)
    for question in QUESTIONS[:number]:
        ledger.append("answer", {"found": True, "confidence": 0.5}, [leaf("question", question), leaf("answer", [1])])
    return ledger


def whats(ledger: Ledger, kept: Head | None = None) -> list[str]:
    return [problem.what for problem in ledger.problems(kept)]


def test_what_is_written_can_be_read_and_verifies(tmp_path: Path) -> None:
    ledger = write(tmp_path / "record")
    entries = list(ledger.entries())
    assert [one.number for one in entries] == [1, 2, 3, 4, 5]
    assert [one.content()["question"] for one in entries] == list(QUESTIONS)
    assert entries[0].previous == GENESIS
    assert ledger.head() == Head(5, entries[-1].hash, (ledger.folder / RECORD).stat().st_size)
    assert ledger.entry(2).content()["question"] == QUESTIONS[1]
    assert whats(ledger) == []
    with pytest.raises(NothingFound, match="rag record list"):
        ledger.entry(6)


def test_a_record_that_never_was_is_empty_and_sound(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "record")
    assert (ledger.exists(), list(ledger.entries()), ledger.head()) == (False, [], Head())
    assert ledger.redact(lambda _: [0], "forget") == ()
    assert not (tmp_path / "record").exists()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """A record with a redaction, to be altered and put back."""
    ledger = write(tmp_path_factory.mktemp("record"))
    ledger.redact(lambda one: [0] if one.number == 2 else [], "forget")
    return ledger


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_every_edit_is_detected(edit: Edit, seed: int, sound: Ledger) -> None:
    path = sound.folder / RECORD
    data = path.read_bytes()
    altered = edit(data, random.Random(seed))
    path.write_bytes(altered)
    found = whats(sound)
    path.write_bytes(data)
    assert (found == []) == (altered == data)
    assert whats(sound) == []


@given(place=st.integers(0, 511), bit=st.integers(0, 7))
def test_every_flipped_bit_of_the_head_is_detected(place: int, bit: int, sound: Ledger) -> None:
    path = sound.folder / HEAD_FILE
    data = path.read_bytes()
    path.write_bytes(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :])
    found = whats(sound)
    path.write_bytes(data)
    assert found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"dismissed", b"promoted!"), *lines[2:]], "Entry 2 was changed"),
        (lambda lines: [lines[0], *lines[2:]], "Entry 3 stands where entry 2 should"),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], "Entry 3 stands where entry 2 should"),
        (lambda lines: lines[1:], "Entries 1 to 1 are missing"),
        (lambda lines: lines[:3], "The record ends with entry 3, its head names entry 5"),
        (lambda lines: [], "The record is empty, its head names entry 5"),
        (lambda lines: [*lines, b"{}\n"], "Behind entry 5 stand 3 bytes"),
        (lambda lines: [b"{\n", *lines[1:]], "Line 1 is not as it was written"),
    ],
)
def test_a_problem_says_where(tmp_path: Path, change: Any, message: str) -> None:
    ledger = write(tmp_path)
    path = tmp_path / RECORD
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    assert any(what.startswith(message) for what in whats(ledger)), whats(ledger)


def test_a_head_kept_elsewhere_shows_what_a_rewritten_record_and_head_hide(tmp_path: Path) -> None:
    ledger = write(tmp_path, 3)
    kept = ledger.head()
    ledger.append("answer", {}, [leaf("question", "Later")])
    assert whats(ledger, kept) == []
    path, chance = tmp_path / RECORD, random.Random(1)
    for edit in (rewrite_from_here, cut_off_entries):
        honest = path.read_bytes(), (tmp_path / HEAD_FILE).read_bytes()
        altered = edit(honest[0], chance)
        path.write_bytes(altered)
        lines = altered.splitlines(keepends=True)
        ledger._write_head(Head(len(lines), parse(lines[-1])[0].hash if lines else GENESIS, len(altered)))
        assert whats(ledger) == []
        assert whats(ledger, kept)
        path.write_bytes(honest[0])
        (tmp_path / HEAD_FILE).write_bytes(honest[1])


def test_the_same_question_twice_leaves_two_different_hashes() -> None:
    assert leaf("question", "Who?").hash != leaf("question", "Who?").hash


def test_a_redaction_drops_the_content_and_keeps_the_chain(tmp_path: Path) -> None:
    ledger = write(tmp_path)
    kept = ledger.head()
    gone = ledger.redact(lambda one: [0] if "Xanthippe" in str(one.content().get("question")) else [], "forget")
    assert gone == (2,)
    assert b"Xanthippe" not in (tmp_path / RECORD).read_bytes()
    assert ledger.entry(2).content() == {"answer": [1]}
    last = ledger.entry(6)
    assert (last.kind, last.facts) == ("redaction", {"why": "forget", "entries": {"2": [0]}})
    assert whats(ledger, kept) == []
    assert ledger.redact(lambda one: [0] if one.number == 2 else [], "forget") == ()  # it is gone already
    ledger.append("answer", {}, [])
    assert whats(ledger, kept) == []


def test_entries_whose_time_is_over_go_and_the_chain_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        today = datetime(2026, 1, 1, tzinfo=UTC)

        @classmethod
        def now(cls, tz: Any = None) -> "Clock":
            return cls.today  # type: ignore[return-value]

    monkeypatch.setattr(module, "datetime", Clock)
    ledger = Ledger(tmp_path)
    for _ in range(6):
        ledger.append("answer", {}, [leaf("question", "Who?")], days=3)
        Clock.today += timedelta(days=1)
    numbers = [one.number for one in ledger.entries()]
    assert numbers == [3, 4, 5, 6, 7]  # 1 and 2 were four and three days old when 6 came; 6 says that they are gone
    retention = next(one for one in ledger.entries() if one.kind == "retention")
    assert {key: retention.facts[key] for key in ("days", "from", "through")} == {"days": 3, "from": 1, "through": 2}
    assert whats(ledger) == []
    assert whats(ledger, Head(1, "0" * 64)) == [
        "Entry 1, whose hash was kept, was removed when its time was over: it cannot be compared."
    ]
    path = tmp_path / RECORD
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    assert any("no entry says that their time was over" in what for what in whats(ledger))


def append_and_redact(folder: Path, number: int, tally: Path) -> None:
    die_at(number, tally, folder)
    ledger = Ledger(folder)
    ledger.append("answer", {}, [leaf("question", "Was Xanthippe dismissed?")])
    ledger.redact(lambda one: [0] if "Xanthippe" in str(one.content()) else [], "forget")


def test_killed_at_any_write_the_record_is_sound_and_goes_on(tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    assert in_child(append_and_redact, write(tmp_path / "whole").folder, 0, tally) == 0
    writes = int(tally.read_text())
    assert writes > 8
    for number in range(1, writes + 1):
        ledger = write(tmp_path / str(number))
        assert in_child(append_and_redact, ledger.folder, number, tally) == -9
        assert whats(ledger) == [], number
        ledger.append("answer", {}, [leaf("question", "And now?")])
        assert whats(ledger) == [], number
        questions = [one.content().get("question") for one in ledger.entries()]
        assert [questions[0], *questions[2:5]] == [QUESTIONS[0], *QUESTIONS[2:]]  # the second may be redacted
        assert questions[-1] == "And now?"
        assert sorted(path.name for path in ledger.folder.iterdir()) == [HEAD_FILE, "lock", RECORD]


@pytest.mark.parametrize("room", [0, 1, 100])
def test_a_full_disk_loses_the_entry_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    ledger = write(tmp_path)
    real = os.write

    def full(descriptor: int, data: Any) -> int:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name != RECORD:
            return real(descriptor, data)
        if not room or real(descriptor, bytes(data[:room])):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StorageError, match="No space left"):
            ledger.append("answer", {}, [leaf("question", "x" * 500)])
    assert whats(ledger) == []
    assert ledger.head().count == 5
    ledger.append("answer", {}, [])
    assert whats(ledger) == []


@pytest.mark.parametrize("cut", range(1, 400, 37))
def test_half_a_line_that_was_announced_is_taken_away(tmp_path: Path, cut: int) -> None:
    """What a power failure leaves: the head knows what comes, of the line a part has reached the disk."""
    ledger = write(tmp_path, 2)
    head = ledger.head()
    coming = entry(3, "2026-01-01T00:00:00.000+00:00", "answer", {}, [leaf("question", "y" * 300)], head.hash)
    ledger._write_head(head, Head(3, coming.hash, head.bytes + len(coming.line())))
    with (tmp_path / RECORD).open("ab") as file:
        file.write(coming.line()[:cut])
    assert whats(ledger) == []
    assert ledger.append("answer", {}, []).number == 3
    assert whats(ledger) == []


def test_a_damaged_record_takes_no_more_entries(tmp_path: Path) -> None:
    ledger = write(tmp_path)
    with (tmp_path / RECORD).open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(RecordDamaged, match="rag record verify"):
        ledger.append("answer", {}, [])
    (tmp_path / HEAD_FILE).unlink()
    with pytest.raises(RecordDamaged, match=r"head\.json is gone"):
        ledger.append("answer", {}, [])
    assert whats(ledger)


def append_many(folder: Path, who: int) -> None:
    for number in range(20):
        Ledger(folder).append("answer", {"who": who, "number": number}, [leaf("question", "x" * 1000)])


def test_many_processes_and_threads_append_at_once(tmp_path: Path) -> None:
    threads = [threading.Thread(target=in_child, args=(append_many, tmp_path, who)) for who in range(3)]
    threads += [threading.Thread(target=append_many, args=(tmp_path, who)) for who in range(3, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [(one.facts["who"], one.facts["number"]) for one in Ledger(tmp_path).entries()]
    assert sorted(found) == [(who, number) for who in range(5) for number in range(20)]
    assert whats(Ledger(tmp_path)) == []


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        ledger = write(tmp_path / "home" / "record", 1)
        ledger.redact(lambda _: [0], "forget")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [ledger.folder, *ledger.folder.iterdir()]}
    assert modes == {"record": 0o700, RECORD: 0o600, HEAD_FILE: 0o600, "lock": 0o600}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_an_entry_is_read_as_it_was_written(value: Any, fact: Any) -> None:
    made = entry(1, "2026-01-01T00:00:00.000+00:00", "answer", {"fact": fact}, [leaf("value", value)], GENESIS)
    read, stated = parse(made.line())
    assert (read, stated, read.line()) == (made, made.hash, made.line())
    assert check([made.line()], Head(1, made.hash)) == []
    dropped = made.without([0])
    assert dropped.hash == made.hash
    assert parse(dropped.line())[0] == dropped


@given(st.binary(max_size=200))
def test_rubbish_is_no_entry(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(data)


def test_the_documented_recipe_gives_the_same_hashes(tmp_path: Path) -> None:
    """What an auditor would write from the documentation alone."""
    ledger = write(tmp_path)
    previous = "0" * 64
    for line in (tmp_path / RECORD).read_text(encoding="utf-8").splitlines():
        fields = json.loads(line)
        leaves = [
            part if isinstance(part, str) else hashlib.sha256(canonical(part)).hexdigest() for part in fields["leaves"]
        ]
        covered = {key: fields[key] for key in ("entry", "facts", "kind", "time")} | {"leaves": leaves}
        assert hashlib.sha256(previous.encode() + canonical(covered)).hexdigest() == fields["hash"]
        assert fields["previous"] == previous
        previous = fields["hash"]
    assert previous == ledger.head().hash


def test_texts_of_a_leaf_are_all_its_strings() -> None:
    assert list(Leaf("x", {"a": ["b", {"c": "d"}], "e": 1}, "").texts()) == ["a", "b", "c", "d", "e"]
