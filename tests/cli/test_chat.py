"""`rag chat` through its standard input, with the real models."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.guard import landlock
from tests.running import PROGRAM, ROOT, Outcome

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
    assert "Understood as: Within how many minutes" in outcome.err
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
