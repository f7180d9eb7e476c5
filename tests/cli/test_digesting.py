"""`rag summarize --digest`: one page over several documents, with the real models; bad input."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.markdown import escape_markdown
from tests.running import OFFICE, Outcome

Rag = Callable[..., Outcome]

POLICIES = OFFICE / "policies"
VERSIONS = [POLICIES / f"remote-access-policy-v{version}.pdf" for version in ("2.0", "3.1")]


def test_two_versions_of_a_policy(rag: Rag, tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = rag("summarize", *VERSIONS, "--digest", "--no-model", "--words", "120", "--out", out, "--json")
    assert outcome.code == 0, outcome.err
    found = outcome.json
    assert found == json.loads((out / "digest.json").read_text())
    assert [file["status"] for file in found["files"]] == ["indexed", "indexed"]
    assert all(file["coverage"] and file["heard"] for file in found["files"])
    cited = {citation["number"]: citation for citation in found["citations"]}
    assert sorted(cited) == list(range(1, len(cited) + 1))
    for said in found["statements"]:
        assert said["text"] in " ".join(cited[said["citations"][0]]["quote"].split())
    odds = {odd["differ"]: odd for odd in found["at_odds"]}
    lost = odds["“within 24 hours” / “within two hours”"]
    assert [cited[lost[side][0]]["path"] for side in ("one", "other")] == [path.name for path in VERSIONS]
    page = (out / "digest.md").read_text()
    assert page.startswith("# Digest of 2 documents\n")
    assert "## At odds" in page
    assert "## Said by several documents" in page
    assert "It speaks of" in page


def test_quotations_can_be_looked_up(rag: Rag) -> None:
    found = rag("summarize", VERSIONS[1], "--digest", "--no-model", "--json").json
    assert rag("ingest", VERSIONS[1]).code == 0
    for citation in found["citations"]:
        page = rag("show", citation["path"], "--page", citation["page"], "--json").json
        assert page["sha256"] == citation["sha256"]
        assert page["text"][citation["start"] : citation["end"]] == citation["quote"]


def test_what_could_not_be_read_is_named_and_the_record_has_it(rag: Rag, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "policy.md").write_text(
        "# Badges\n\nEvery member of staff must wear the badge at all times.\n"
    )
    (tmp_path / "docs" / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing")
    outcome = rag("summarize", tmp_path / "docs", "--digest", "--no-model")
    assert outcome.code == 3
    assert "## Not in this digest" in outcome.out
    assert "`broken.pdf`: damaged" in outcome.out
    assert "digest of 1 document: policy.md" in rag("record", "list", "--last", "1").out


def test_files_of_one_name_in_two_folders_are_told_apart(rag: Rag, tmp_path: Path) -> None:
    for name, word in (("a", "building"), ("b", "laboratory")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "p.md").write_text(f"# Badges\n\nStaff must wear the badge at all times in the {word}.\n")
    outcome = rag("summarize", tmp_path / "a", tmp_path / "b", "--digest", "--no-model")
    assert outcome.code == 0
    for name in "ab":
        assert f"`{escape_markdown(str(tmp_path / name / 'p.md'))}`" in outcome.out


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--since", "7d"], "about documents"), (["--format", "html"], "about documents"), (["--all-lines"], "documents")],
)
def test_options_about_logs_are_refused(rag: Rag, options: list[str], words: str) -> None:
    outcome = rag("summarize", VERSIONS[0], "--digest", *options)
    assert outcome.code == 2
    assert words in outcome.err


def test_logs_alone_make_no_digest(rag: Rag) -> None:
    outcome = rag("summarize", OFFICE / "logs" / "auth.log", "--digest", "--no-model")
    assert outcome.code == 2
    assert "name documents, not logs" in outcome.err


def test_personal_data_is_masked(rag: Rag, tmp_path: Path) -> None:
    file = tmp_path / "contact.md"
    file.write_text("# Reporting\n\nEvery incident must be reported to ada.lovelace@example.org without delay.\n")
    found = rag("summarize", file, "--digest", "--no-model", "--redact", "--json").json
    assert "[EMAIL-1]" in found["statements"][0]["text"]
    assert found["citations"][0]["redacted"]
    assert "lovelace" not in json.dumps(found)
