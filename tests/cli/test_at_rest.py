"""What commands leave on disk: readable for nobody else, and without the text of a document where none belongs."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.answer import Answerer
from tests.running import Outcome, program

Rag = Callable[..., Outcome]

SECRET = "Xanthippe Mortimer reported the falsified calibration of the spectrometer on Tuesday."


@pytest.fixture
def lax(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder for documents, with a umask that lets everybody read and write."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "complaint.txt").write_text(SECRET + "\n")
    (tmp_path / "docs" / "policy.txt").write_text("Exceptions must be approved by the Head of Information Security.\n")
    return tmp_path


def open_to_others(home: Path) -> list[str]:
    """What below a home, links left out, anybody but its owner may touch."""
    found = [path for path in [home, *home.rglob("*")] if not path.is_symlink()]
    return [f"{path} {stat.S_IMODE(path.stat().st_mode):o}" for path in found if path.stat().st_mode & 0o077]


def test_every_file_below_the_home_is_private_under_a_lax_umask(lax: Path, models: Path) -> None:
    home, docs, questions = lax / "new" / "home", lax / "docs", lax / "questions.jsonl"
    row = {"id": 1, "question": "Who approves exceptions?", "kind": "answerable", "answer": "Head"}
    evidence = [{"file": "policy.txt", "page": None, "quote": "approved by the Head", "group": 1}]
    questions.write_text(json.dumps(row | {"answer_patterns": ["Head"], "evidence": evidence}) + "\n")
    before = os.umask(0)
    try:
        home.mkdir(parents=True, mode=0o700)
        (home / "models").symlink_to(models, target_is_directory=True)
        for arguments in (
            ("ingest", docs),
            ("ask", "Who approves exceptions?", "--quotes-only"),
            ("summarize", docs, "--no-model"),
            ("eval", questions),
            ("forget", "complaint.txt"),
            ("verify",),
            ("record", "verify"),
        ):
            done = program("--home", str(home), *map(str, arguments), TMPDIR=str(lax / "elsewhere"))
            assert done.returncode == 0, (arguments, done.stderr)
            assert open_to_others(home) == [], arguments
    finally:
        os.umask(before)
    assert list((lax / "elsewhere").iterdir()) == []
    assert list((home / "tmp").iterdir()) == []
    names = {path.name for path in home.rglob("*")}
    assert {"catalog.sqlite", "chroma.sqlite3", "record.jsonl", "seal.json"} <= names
    raw = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file() and "models" not in path.parts)
    assert b"xanthippe" not in raw.lower()


def test_an_unexpected_error_does_not_quote_a_document(rag: Rag, lax: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError(f"cannot parse {SECRET!r}")

    assert rag("ingest", lax / "docs").code == 0
    monkeypatch.setattr(Answerer, "ask", fail)
    outcome = rag("ask", "Who approves exceptions?", "--quotes-only")
    assert outcome.code == 2
    assert outcome.err.startswith("Error: unexpected ValueError in test_at_rest.py, line ")
    assert "Xanthippe" not in outcome.out + outcome.err
