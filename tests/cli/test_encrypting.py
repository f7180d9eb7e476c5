"""`rag encrypt`, `decrypt`, `passphrase`, and every other command on an encrypted home, with the real models."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rag import offline
from rag.guard.types import Attempt
from rag.store.lock import home_lock
from rag.vault import header
from tests.running import Outcome, prepare_home, run_rag, terminal, until

Rag = Callable[..., Outcome]

WORDS = "correct horse battery staple"
POLICY = "Exceptions must be approved by the Head of Information Security within ten working days.\n"
COMPLAINT = "Xanthippe Mortimer reported the falsified calibration of the spectrometer on Tuesday.\n"
ASKED = "Who approves exceptions?"
NONSENSE = "What does the canteen charge for lunch?"
TRACES = ("xanthippe", "spectrometer", "exceptions", "canteen", "complaint.txt", "zebra-documents", "approves")


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes guessing dear would make tests slow."""
    monkeypatch.setattr(header, "COST", 1 << 10)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    docs = tmp_path / "zebra-documents"
    docs.mkdir()
    (docs / "policy.txt").write_text(POLICY)
    (docs / "complaint.txt").write_text(COMPLAINT)
    return docs


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "passphrase"
    file.write_text(f"{WORDS}\n")
    return file


@pytest.fixture
def opened(home: Path, key_file: Path) -> Rag:
    """`rag` with the key file, on an empty home of the test's own."""
    return lambda *arguments, typed=None: run_rag(
        "--home", str(home), "--key-file", str(key_file), *map(str, arguments), typed=typed
    )


@pytest.fixture
def encrypted(opened: Rag, docs: Path) -> Rag:
    """The same on a home that was begun encrypted."""
    assert opened("ingest", docs, "--encrypt").code == 0
    return opened


def anywhere(home: Path) -> list[str]:
    """Which traces stand in any file below the home, the models left out, or in its name."""
    files = [path for path in home.rglob("*") if path.is_file() and "models" not in path.relative_to(home).parts]
    raw = b"\n".join(path.read_bytes() + str(path.relative_to(home)).encode() for path in files).lower()
    return [trace for trace in TRACES if trace.encode() in raw]


def state(home: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and "models" not in path.relative_to(home).parts
    }


# --- the main job -----------------------------------------------------------------------------------------------------


def test_the_main_job_leaves_no_word_in_any_file(encrypted: Rag, home: Path, docs: Path, tmp_path: Path) -> None:
    answer = encrypted("ask", ASKED, "--json").json
    assert answer["citations"][0]["quote"] in POLICY
    assert encrypted("ask", NONSENSE, "--quotes-only").code == 1
    assert encrypted("ask", ASKED, "--quotes-only").code == 0
    assert POLICY.strip() in encrypted("show", "1").out
    assert "policy.txt" in encrypted("search", ASKED).out
    assert encrypted("record", "replay", "4").code == 0
    assert encrypted("chat", "--quotes-only", typed=f"{ASKED}\n").code == 0
    assert encrypted("summarize", docs, "--no-model", "--out", tmp_path / "reports").code == 0
    (docs / "late.txt").write_text(COMPLAINT.replace("Tuesday", "Friday"))
    assert encrypted("ingest", docs).code == 0
    assert encrypted("verify").code == 0
    assert encrypted("record", "verify").code == 0
    assert encrypted("scan", "--index").code == 0
    assert ASKED in encrypted("record", "show", "2").out
    assert encrypted("record", "replay", "4").code == 1, "another file came in since"
    assert anywhere(home) == []
    erased = encrypted("forget", "complaint.txt", "--json").json
    assert erased["found"] == []
    assert erased["redacted"]
    assert anywhere(home) == []
    assert encrypted("record", "verify", "--json").json["sound"]
    assert not list(home.glob("collections/*/chroma"))


def test_status_and_doctor_say_that_it_is_encrypted(encrypted: Rag, home: Path, rag: Rag) -> None:
    assert "encrypted" in encrypted("status").out.splitlines()[0]
    assert encrypted("status", "--json").json["encrypted"] is True
    findings = {finding["what"]: finding for finding in rag("doctor", "--json").json["findings"]}
    assert findings["encryption"]["good"]
    assert "AES-256" in findings["encryption"]["detail"]
    assert "indexes --corpus in plain" in rag("doctor", "--prove", "--corpus", home).err


# --- what opens it ----------------------------------------------------------------------------------------------------

COMMANDS = (
    ("ask", ASKED),
    ("search", ASKED),
    ("status",),
    ("verify",),
    ("verify", "--repair"),
    ("forget", "policy.txt"),
    ("record", "list"),
    ("record", "verify"),
    ("show", "policy.txt"),
    ("scan", "--index"),
    ("chat",),
)


def test_without_the_passphrase_every_command_names_both_ways_and_touches_nothing(
    encrypted: Rag, home: Path, docs: Path, rag: Rag
) -> None:
    before = state(home)
    for command in (*COMMANDS, ("ingest", docs), ("ingest", docs, "--rebuild"), ("summarize", docs), ("decrypt",)):
        outcome = rag(*command)
        assert (outcome.code, outcome.out) == (2, ""), command
        assert "--key-file FILE, or RAG_PASSPHRASE_FILE" in outcome.err, command
        assert "terminal" in outcome.err
    assert state(home) == before


def test_a_wrong_passphrase_is_one_sentence_and_touches_nothing(
    encrypted: Rag, home: Path, docs: Path, tmp_path: Path
) -> None:
    before, wrong = state(home), tmp_path / "wrong"
    wrong.write_text("incorrect horse")
    for command in (*COMMANDS, ("ingest", docs), ("decrypt",), ("passphrase",), ("ingest", docs, "--encrypt")):
        outcome = run_rag("--home", str(home), *map(str, command), "--key-file", str(wrong))
        assert (outcome.code, outcome.out) == (2, ""), command
        assert outcome.err == f"Error: This passphrase does not open {home}; nothing was touched.\n", command
    assert state(home) == before


def test_the_environment_names_the_file_too(
    encrypted: Rag, home: Path, rag: Rag, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_PASSPHRASE_FILE", str(key_file))
    assert rag("status").code == 0
    assert rag("record", "list").code == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "cannot be read"), (b"", "is empty"), (b"\n", "is empty"), (b"x" * (9 << 20), "longer")],
)
def test_a_key_file_that_holds_no_passphrase(rag: Rag, home: Path, tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    outcome = rag("encrypt", "--key-file", file)
    assert (outcome.code, says in outcome.err) == (2, True)
    assert not (home / header.NAME).exists()


def test_what_a_key_file_must_not_be(rag: Rag, home: Path, key_file: Path) -> None:
    assert "is not encrypted, but a key file is named" in rag("status", "--key-file", key_file).err
    (home / "key").write_text(WORDS)
    assert "lies in the home that it would open" in rag("encrypt", "--key-file", home / "key").err
    assert not (home / header.NAME).exists()


def test_a_damaged_or_missing_header_is_damage(encrypted: Rag, home: Path) -> None:
    path = home / header.NAME
    whole = path.read_text()
    path.write_text(whole.replace('"key"', '"yek"'))
    outcome = encrypted("status")
    assert (outcome.code, "put a copy of it back" in outcome.err) == (4, True)
    path.unlink()
    for command in (*COMMANDS, ("encrypt",), ("decrypt",)):
        outcome = encrypted(*command)
        assert (outcome.code, "encryption.json is gone" in outcome.err) == (4, True), command
    path.write_text(whole)
    assert encrypted("status").code == 0


def test_who_asks_on_a_terminal_is_asked(home: Path, docs: Path) -> None:
    """Typed twice when it is made, once when it opens; never shown."""
    with terminal(home, "encrypt") as (ours, child):
        until(ours, "New passphrase for ")
        os.write(ours, f"{WORDS}\n".encode())
        shown = until(ours, "The same again: ")
        os.write(ours, b"something else\n")
        shown += until(ours, "nothing was done.")
        assert child.wait(60) == 2
    assert not (home / header.NAME).exists()
    with terminal(home, "ingest", str(docs), "--encrypt") as (ours, child):
        for prompt in ("New passphrase for ", "The same again: "):
            until(ours, prompt)
            os.write(ours, f"{WORDS}\n".encode())
        shown += until(ours, "Searchable from here")
        assert child.wait(60) == 0
    with terminal(home, "chat", "--quotes-only", RAG_CHAT_HISTORY="yes") as (ours, child):
        until(ours, "Passphrase of ")
        os.write(ours, f"{WORDS}\n".encode())
        shown += until(ours, "> ")
        os.write(ours, f"{ASKED}\n".encode())
        shown += until(ours, "\n> ")
        os.write(ours, b"\x04")  # Ctrl-D
        assert child.wait(60) == 0
    assert (home / "chat_history").exists()
    assert anywhere(home) == []
    with terminal(home, "chat", "--quotes-only", RAG_CHAT_HISTORY="yes") as (ours, child):
        until(ours, "Passphrase of ")
        os.write(ours, f"{WORDS}\n".encode())
        until(ours, "> ")
        os.write(ours, b"\x1b[A")  # what was typed in the conversation before
        shown += until(ours, ASKED)
    assert WORDS not in shown


# --- there and back ---------------------------------------------------------------------------------------------------


def test_a_home_is_encrypted_and_brought_back_and_says_the_same(
    rag: Rag, opened: Rag, home: Path, docs: Path, key_file: Path
) -> None:
    assert rag("ingest", docs).code == 0
    assert rag("ask", ASKED, "--quotes-only").code == 0
    before = rag("ask", ASKED, "--quotes-only", "--json").json
    assert anywhere(home)
    (home / "reports").mkdir()
    kept = rag("record", "head").out.strip()
    assert "not encrypted; run `rag encrypt` first" in opened("ingest", docs, "--encrypt").err
    done = opened("encrypt")
    assert done.code == 0, done.err
    assert "Not the program's own, and left as they are: reports" in done.out
    assert anywhere(home) == []
    assert POLICY.strip() in opened("show", "1").out
    after = opened("ask", ASKED, "--quotes-only", "--json").json
    assert (after["answer"], after["citations"]) == (before["answer"], before["citations"])
    assert opened("record", "verify", "--head", kept).code == 0
    assert "the home: encrypted" in opened("record", "list").out
    assert "is encrypted already" in opened("encrypt").err
    assert opened("decrypt", "--json").json == {"home": str(home), "encrypted": False}
    assert not (home / header.NAME).exists()
    again = rag("ask", ASKED, "--quotes-only", "--json").json
    assert (again["answer"], again["citations"]) == (before["answer"], before["citations"])
    assert rag("verify").code == 0
    assert rag("record", "verify", "--head", kept).code == 0
    assert "is not encrypted" in opened("decrypt").err
    assert "is not encrypted" in opened("passphrase").err


def test_what_was_cut_off_is_said_and_finished(encrypted: Rag, home: Path, docs: Path) -> None:
    found = header.read(home)
    assert found is not None
    for half, command in (("encrypting", "encrypt"), ("decrypting", "decrypt")):
        header.write(home, replace(found, state=half))  # type: ignore[arg-type]
        for refused in (("status",), ("ingest", docs), ("ingest", docs, "--encrypt")):
            outcome = encrypted(*refused)
            assert (outcome.code, f"`rag {command}` was cut off" in outcome.err) == (2, True), refused
        assert encrypted(command).code == 0
    assert not (home / header.NAME).exists()
    assert anywhere(home)


def test_the_passphrase_is_changed_without_writing_anything_else(encrypted: Rag, home: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.write_text("another passphrase")
    before = state(home)
    outcome = encrypted("passphrase", "--new-key-file", new)
    assert (outcome.code, "has a new passphrase" in outcome.out) == (0, True)
    after = state(home)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed - {"record/lock"} == {header.NAME, "record/head.json", "record/record.jsonl"}
    assert "does not open" in encrypted("status").err
    assert run_rag("--home", str(home), "--key-file", str(new), "status").code == 0
    listed = run_rag("--home", str(home), "--key-file", str(new), "record", "list").out
    assert "the home: passphrase changed" in listed


def test_nobody_works_in_a_home_while_it_is_turned_over(encrypted: Rag, home: Path, docs: Path) -> None:
    with home_lock(home):
        assert "Other `rag` commands are working" in encrypted("decrypt").err
        assert encrypted("status").code == 0
    with home_lock(home, alone=True):
        for command in (("status",), ("ingest", docs), ("ask", ASKED)):
            assert "is being encrypted or decrypted" in encrypted(*command).err


def test_a_command_that_opens_nothing_asks_for_nothing_and_says_what_is_not_recorded(
    encrypted: Rag, rag: Rag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "auth.log"
    log.write_text("Mar  1 00:00:01 host sshd[1]: Failed password for root from 192.0.2.1 port 1\n")
    assert rag("logs", log).code == 0
    attempt = Attempt("socket.connect", "198.51.100.7:443", "library.py:phone_home:12", "python", 0.0, 1)
    monkeypatch.setattr(offline, "untold", lambda: (attempt,))
    assert "This is NOT in the record: the home is encrypted" in rag("logs", log).err


def test_the_passphrase_stands_in_no_output_and_no_environment(
    encrypted: Rag, home: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = header.read(home)
    assert found is not None
    key = found.unlock(WORDS.encode(), home)
    said = "".join(
        outcome.out + outcome.err
        for outcome in (encrypted("status", "--json"), encrypted("doctor"), encrypted("record", "export"))
    )
    said += json.dumps(dict(os.environ)) + Path("/proc/self/environ").read_text(errors="replace")
    assert WORDS not in said
    assert key.catalog not in said
    empty = prepare_home(home.parent / "other", home.parent / "other-models")
    monkeypatch.setattr(header, "write", lambda *_: 1 / 0)
    outcome = run_rag("--home", str(empty), "encrypt", "--key-file", str(key_file))
    assert outcome.err.startswith("Error: unexpected ZeroDivisionError")
    assert WORDS not in outcome.err
