"""`rag extract`: the sample office's obligations, tables in files, and what is wrong with a schema."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import OFFICE, Outcome

Rag = Callable[..., Outcome]

POLICY = OFFICE / "policies/remote-access-policy-v3.1.pdf"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("1 Duties\n1.1 The owner must review the list every quarter.\n")
    (folder / "b.md").write_text("Nothing binds anybody here, it is a mere note on the weather.\n")
    return folder


def test_obligations_of_a_policy(rag: Rag) -> None:
    outcome = rag("extract", POLICY)
    assert outcome.code == 0
    assert "  by when       within two hours" in outcome.out
    found = rag("extract", POLICY, "--json").json
    lost = next(row for row in found["rows"] if row["number"] == "4.2.2")
    assert lost["cells"]["who"]["value"] == "A remote worker who loses a managed device, or believes it stolen"
    assert lost["cells"]["who"]["citations"][0]["page"] == lost["page"] == 3


def test_tables_in_files(rag: Rag, folder: Path, tmp_path: Path) -> None:
    for name in ("table.csv", "table.json"):
        outcome = rag("extract", folder, "--out", tmp_path / name)
        assert (outcome.code, outcome.out) == (0, "")
        assert "1 row from 2 files" in outcome.err
    (line,) = csv.DictReader((tmp_path / "table.csv").read_text().splitlines())
    assert (line["path"], line["who"], line["by when"]) == ("a.md", "The owner", "every quarter")
    assert json.loads((tmp_path / "table.json").read_text())["rows"][0]["cells"]["duty"]["value"] == "must"


def test_a_question_of_the_users_own_is_asked_of_the_reader(rag: Rag, tmp_path: Path) -> None:
    schema = tmp_path / "own.toml"
    schema.write_text(
        'rows = "document"\n[[field]]\nname = "lost"\nquestion = "To whom must a lost device be reported?"\n'
        '[[field]]\nname = "soup"\nquestion = "How long is the soup cooked?"\n'
    )
    (row,) = rag("extract", POLICY, "--schema", schema, "--json").json["rows"]
    assert "Service Desk" in row["cells"]["lost"]["value"]
    assert row["cells"]["soup"] == {"value": "", "citations": []}


def test_nothing_found_is_exit_code_one(rag: Rag, folder: Path) -> None:
    assert rag("extract", folder / "b.md").code == 1


def test_errors_say_what_to_do(rag: Rag, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('[[field]]\nname = "x"\ntake = "colour"\n')
    for arguments, said in (
        (("--schema", "none.toml"), "what is ready"),
        (("--schema", str(tmp_path / "bad.toml")), "takes 'colour'"),
        (("--out", "table.docx"), "ends in none of"),
    ):
        outcome = rag("extract", folder, *arguments)
        assert outcome.code == 2
        assert said in outcome.err


def test_scans_are_named(rag: Rag) -> None:
    outcome = rag("extract", OFFICE / "records", "--no-ocr")
    assert outcome.code == 3
    assert "scans, left out by --no-ocr" in outcome.err
