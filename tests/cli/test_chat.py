"""`rag chat` through its standard input and through a terminal, with the real models."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.conversation import Conversation
from rag.guard import landlock
from tests.running import PROGRAM, ROOT, Outcome, terminal, until

Rag = Callable[..., Outcome]

POLICY = """# Incident policy

Whoever notices an incident must tell the Service Desk within 30 minutes, by telephone on extension 4400.
"""


@pytest.fixture
def indexed(rag: Rag, tmp_path: Path) -> Rag:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "policy.md").write_text(POLICY)
    assert rag("ingest", folder).code == 0
    return rag


def test_a_conversation_with_every_command(indexed: Rag, tmp_path: Path) -> None:
    target = tmp_path / "talk.md"
    typed = f"""/why
Within how many minutes must an incident be told to the Service Desk?

And by which means?
/why
/open 99
/nothing
/save
/save {target}
/save {target}
/help
/quit
never asked"""
    outcome = indexed("chat", "--quotes-only", typed=typed)
    assert outcome.code == 0, outcome.err
    errors = [line for line in outcome.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 5
    for line, part in zip(
        errors, ("ask something first", "/open takes", "/nothing", "Name a file", "already"), strict=True
    ):
        assert part in line
    assert "Understood as: By which means (an incident be told to the Service Desk)?" in outcome.err
    assert outcome.out.count("within 30 minutes") >= 2
    assert "threshold" in outcome.out
    assert target.read_text().count("\n## ") == 2
    assert "never asked" not in outcome.out + outcome.err


def test_the_end_of_input_ends_it_and_nothing_is_kept_but_in_the_record(indexed: Rag, tmp_path: Path) -> None:
    def kept() -> list[str]:
        return [path.name for path in tmp_path.rglob("*") if path.is_file() and b"zebra" in path.read_bytes()]

    question = "Who is told of a zebra in the laboratory garden?"
    for options, names in ((["--no-record"], []), ([], ["record.jsonl"])):
        outcome = indexed("chat", "--quotes-only", *options, typed=question)
        assert outcome.code == 0
        assert "Searched: 1 file" in outcome.out
        assert kept() == names


def test_without_an_index_it_says_what_to_do(rag: Rag) -> None:
    outcome = rag("chat")
    assert (outcome.code, outcome.out) == (2, "")
    assert "rag ingest" in outcome.err


def test_an_interrupt_stops_an_answer_and_not_the_chat(indexed: Rag, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Conversation.ask
    stopped: list[str] = []

    def interrupted(self: Conversation, question: str, *rest: object) -> object:
        if not stopped:
            stopped.append(question)
            raise KeyboardInterrupt
        return ask(self, question, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Conversation, "ask", interrupted)
    question = "Within how many minutes must an incident be told?"
    outcome = indexed("chat", "--quotes-only", typed=f"{question}\n/why\n{question}\n")
    assert outcome.code == 0
    assert "Stopped." in outcome.err
    assert "ask something first" in outcome.err, "what was stopped is no turn"
    assert "within 30 minutes" in outcome.out


def test_without_a_screen_a_source_is_printed(indexed: Rag, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    outcome = indexed("chat", "--quotes-only", typed="Within how many minutes must an incident be told?\n/open 1\n")
    assert "There is no screen to open it on; policy.md says:" in outcome.err
    assert outcome.out.endswith(f"{POLICY}\n") or POLICY.strip() in outcome.out


@pytest.mark.parametrize("keeps", [False, True])
def test_on_a_terminal_lines_are_edited_recalled_and_kept_only_if_asked(indexed: Rag, home: Path, keeps: bool) -> None:
    pytest.importorskip("readline")
    with terminal(home, "chat", "--quotes-only", RAG_CHAT_HISTORY="yes" if keeps else "") as (ours, child):
        until(ours, "> ")
        os.write(ours, b"Within how many minutes must zebra\x7f\x7f\x7f\x7f\x7fan incident be told?\n")
        assert "within 30 minutes" in until(ours, "\n> ")
        os.write(ours, b"half a line")
        until(ours, "half a line")
        time.sleep(0.5)  # input() overlooks an interrupt that comes while it handles a letter, until the next line ends
        os.write(ours, b"\x03")  # Ctrl-C
        until(ours, "\n> ")
        os.write(ours, b"\x1b[A\n")  # the line before, again
        assert "within 30 minutes" in until(ours, "\n> ")
        os.write(ours, b"\x04")  # Ctrl-D
        assert child.wait(60) == 0
    kept = home / "chat_history"
    assert kept.exists() == keeps
    if keeps:
        assert kept.stat().st_mode & 0o777 == 0o600
        assert "an incident be told?" in kept.read_text()
        assert "half a line" not in kept.read_text()


@pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no Landlock")
def test_a_conversation_is_saved_below_the_folder_it_was_started_in(indexed: Rag, home: Path, tmp_path: Path) -> None:
    here, elsewhere, temp = (tmp_path / name for name in ("here", "elsewhere", "temp"))
    for folder in (here, elsewhere, temp):
        folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "--home", str(home), "chat", "--quotes-only", "--no-reader"],
        input=f"Who approves exceptions?\n/save here.md\n/save {elsewhere / 'there.md'}\n",
        capture_output=True,
        text=True,
        cwd=here,
        env=os.environ | {"TMPDIR": str(temp), "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert (here / "here.md").is_file()
    assert f"saved below the folder it was started in, {here}" in done.stderr
    assert list(elsewhere.iterdir()) == []
