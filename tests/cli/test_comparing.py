"""`rag diff`: the two versions of a policy in the sample office, folders, and what cannot be compared."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import OFFICE, ROOT, Outcome

Rag = Callable[..., Outcome]

OLD = OFFICE / "policies/remote-access-policy-v2.0.pdf"
NEW = OFFICE / "policies/remote-access-policy-v3.1.pdf"
TEXT = (
    "1 Badges\n1.1 Staff must wear a badge within 5 days.\n1.2 Visitors are accompanied by their host at all times.\n"
)


def error(outcome: Outcome) -> str:
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("Error: ")
    return outcome.err


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    old, new = (tmp_path_factory.mktemp(name) for name in ("old", "new"))
    (old / "badges-v1.md").write_text(TEXT)
    (new / "badges-v2.md").write_text(TEXT.replace("5 days", "9 days"))
    (old / "gone.md").write_text("Onions are fried in butter until golden.\n")
    (new / "come.md").write_text("A tide table lists high water at the bridge.\n")
    return old, new


def test_every_known_difference_of_the_two_versions_is_found(rag: Rag) -> None:
    found = rag("diff", OLD, NEW, "--json").json["pairs"][0]
    shown = {
        side: " ".join(change[side]["text"] for change in found["changes"] if change[side]) for side in ("old", "new")
    }
    known = tomllib.loads((ROOT / "data/source/remote_access_differences.toml").read_text())["difference"]
    for difference in known:
        for side in ("old", "new"):
            wanted = difference[side].removeprefix("5.3.1 ").removeprefix("3.3.1 ")
            assert wanted in shown[side], difference["topic"]
    moved = [change for change in found["changes"] if change["kind"] == "moved"]
    assert [change["says"] for change in moved] == ["Moved word for word: 5.3 and 5.3.1 is now 3.3 and 3.3.1."]


def test_the_weightiest_stands_first_side_by_side(rag: Rag) -> None:
    outcome = rag("diff", OLD, NEW)
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    start = lines.index("What matters most")
    assert lines[start + 2].startswith("obligation  What was a recommendation is now a duty: “should” became “must”.")
    assert lines[start + 4] == f"  {'3.1.3, page 2':<48} 3.1.3, page 2"


def test_the_same_file_is_no_change(rag: Rag) -> None:
    outcome = rag("diff", OLD, OLD)
    assert "No change: every sentence stands in both, word for word." in outcome.out


def test_folders_are_paired_and_the_rest_is_named(rag: Rag, versions: tuple[Path, Path], tmp_path: Path) -> None:
    page, notes = tmp_path / "diff.html", tmp_path / "diff.md"
    outcome = rag("diff", *versions, "--html", page, "--markdown", notes)
    assert outcome.code == 0
    assert "only in the old folder gone.md" in outcome.out
    assert "only in the new folder come.md" in outcome.out
    says = "The period “within 5 days” became “within 9 days”, longer."
    for text in (outcome.out, page.read_text(), notes.read_text()):
        assert says in text
    found = rag("diff", *versions, "--json").json
    assert (found["removed"], found["added"]) == (["gone.md"], ["come.md"])


def test_folders_without_a_file_in_common_are_not_compared(
    rag: Rag, versions: tuple[Path, Path], tmp_path: Path
) -> None:
    for folder, name in zip(versions, ("gone.md", "come.md"), strict=True):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text((folder / name).read_text())
    outcome = rag("diff", tmp_path / "gone.md", tmp_path / "come.md")
    assert outcome.code == 1
    assert "nothing was compared" in outcome.err


def test_a_folder_is_not_compared_with_a_file(rag: Rag, versions: tuple[Path, Path]) -> None:
    assert "is a folder and" in error(rag("diff", versions[0], versions[1] / "come.md"))


def test_strangers_are_refused(rag: Rag, versions: tuple[Path, Path]) -> None:
    assert "have next to nothing in common" in error(rag("diff", versions[0] / "gone.md", versions[1] / "come.md"))


def test_two_policies_of_one_office_are_strangers(rag: Rag) -> None:
    other = OFFICE / "policies/travel-and-expenses-policy.pdf"
    assert "have next to nothing in common" in error(rag("diff", OLD, other))


def test_a_missing_file_is_an_error(rag: Rag, tmp_path: Path) -> None:
    assert "There is no file or folder" in error(rag("diff", tmp_path / "no.pdf", OLD))


def test_a_locked_file_is_said_and_remembered_in_the_exit_code(rag: Rag) -> None:
    outcome = rag("diff", OFFICE / "board/board-risk-briefing-2026-q1.pdf", OLD)
    assert outcome.code == 3
    assert "could not be read (password)" in outcome.out


def test_scanned_pages_that_are_left_out_are_named(rag: Rag) -> None:
    scan = OFFICE / "records/site-inspection-saltbridge-2026-02-19.pdf"
    outcome = rag("diff", scan, scan, "--no-ocr")
    assert outcome.code == 3
    assert "left out by --no-ocr" in " ".join(outcome.out.split())
