"""What `rag ingest` is told by its options, and `rag forget`: passwords, scans, receipts, with the real models."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import OFFICE, Outcome

Rag = Callable[..., Outcome]

PASSWORD = "Kingsmere-Larch-47"
LOCKED = "board-risk-briefing-2026-q1.pdf"
SCAN = "site-inspection-saltbridge-2026-02-19.pdf"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder


def passwords(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "passwords.txt"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_a_password_opens_a_file_and_is_kept_nowhere(rag: Rag, docs: Path, tmp_path: Path) -> None:
    shutil.copy(OFFICE / "board" / LOCKED, docs)
    refused = rag("ingest", docs)
    assert refused.code == 3
    assert "--password-file" in refused.out
    wrong = rag("ingest", docs, "--password-file", passwords(tmp_path, "wrong", "also wrong"))
    assert (wrong.code, "also wrong" in wrong.out + wrong.err) == (3, False)
    opened = rag("ingest", docs, "--password-file", passwords(tmp_path, "wrong", PASSWORD), "--json")
    assert (opened.code, [entry["status"] for entry in opened.json["files"]]) == (0, ["indexed"])
    again = rag("ingest", docs)
    assert again.code == 0, "what is indexed needs its password no more"
    home = tmp_path / "home"
    written = [path for path in (home / "collections").rglob("*") if path.is_file()]
    assert len(written) > 5
    assert not any(PASSWORD.encode() in path.read_bytes() for path in written)
    assert PASSWORD not in refused.out + opened.out + opened.err + rag("status", "--json").out


def test_a_password_file_that_cannot_be_read(rag: Rag, docs: Path, tmp_path: Path) -> None:
    (docs / "a.txt").write_text("Laptops are encrypted.")
    missing = rag("ingest", docs, "--password-file", tmp_path / "none.txt")
    assert (missing.code, "No such file" in missing.err) == (2, True)
    (tmp_path / "latin.txt").write_bytes(b"geheim\xe4\n")
    assert rag("ingest", docs, "--password-file", tmp_path / "latin.txt").code == 2


def test_scans_left_for_later_are_said_and_then_read(rag: Rag, docs: Path) -> None:
    shutil.copy(OFFICE / "records" / SCAN, docs)
    later = rag("ingest", docs, "--no-ocr", "--json")
    (entry,) = later.json["files"]
    assert (later.code, entry["status"], entry["pages_skipped"]) == (3, "no-text", [1, 2, 3])
    assert "--no-ocr" in entry["detail"]
    assert rag("ingest", docs, "--no-ocr", "--json").json["files"][0]["pages_skipped"] == [1, 2, 3]
    (entry,) = rag("ingest", docs, "--json").json["files"]
    assert (entry["status"], entry["pages_ocr"], entry["pages_skipped"]) == ("indexed", [1, 2, 3], [])
    assert "read by OCR: pages 1-3" in rag("status").out


def test_forgetting_prints_a_receipt(rag: Rag, docs: Path) -> None:
    (docs / "kept.txt").write_text("Laptops are encrypted before they leave the house.")
    (docs / "complaint.txt").write_text(
        "Xanthippe Mortimer reported the missing morphine ampoules on the ninth of May."
    )
    assert rag("ingest", docs).code == 0
    assert rag("search", "morphine ampoules", "-k", "1").out.count("complaint.txt") == 1
    receipt = rag("forget", "complaint.txt")
    assert receipt.code == 0
    assert "0 occurrences left." in receipt.out
    assert "next `rag ingest`" in receipt.err
    assert "complaint.txt" not in rag("search", "morphine ampoules").out
    assert rag("verify").code == 0
    unknown = rag("forget", "complaint.txt", "--json")
    assert (unknown.code, unknown.out, "rag status" in unknown.err) == (2, "", True)


def test_the_same_file_under_two_names_is_cited_under_both(rag: Rag, docs: Path) -> None:
    for name in ("first.txt", "second.txt"):
        (docs / name).write_text("Morphine ampoules are counted at each change of shift, by two people.")
    assert rag("ingest", docs, "--json").json["totals"]["files"] == 2
    (hit,) = rag("search", "morphine ampoules", "--json").json["hits"]
    assert (hit["path"], hit["also"]) == ("first.txt", ["second.txt"])
    assert "(the same file: second.txt)" in rag("ask", "Who counts morphine ampoules?", "--quotes-only").out
