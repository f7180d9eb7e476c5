import os
import sys
from pathlib import Path

import pytest

from ingest.errors import NothingFound, UsageError
from ingest.types import FileStatus
from ingest.walk import walk


def paths(*roots: Path) -> list[str]:
    return [file.path for file in walk(roots).files]


def tree(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def test_files_are_found_sorted_with_forward_slashes(tmp_path: Path) -> None:
    root = tree(tmp_path, "b.txt", "a/z.pdf", "a/b/c.md", "a.txt")
    found = walk([root])
    assert [file.path for file in found.files] == ["a.txt", "a/b/c.md", "a/z.pdf", "b.txt"]
    assert all(file.absolute.is_file() and file.root == root.resolve() for file in found.files)
    assert (found.reports, found.hidden) == ((), 0)


def test_a_root_may_be_a_file(tmp_path: Path) -> None:
    root = tree(tmp_path, "policy.pdf") / "policy.pdf"
    (file,) = walk([root]).files
    assert (file.path, file.absolute) == ("policy.pdf", root.resolve())


def test_hidden_files_and_folders_are_counted_not_read(tmp_path: Path) -> None:
    root = tree(tmp_path, "a.txt", ".secret", ".git/config", ".git/objects/x", "b/.DS_Store")
    assert paths(root) == ["a.txt"]
    assert walk([root]).hidden == 3


def test_a_root_that_is_hidden_itself_is_read(tmp_path: Path) -> None:
    assert paths(tree(tmp_path / ".notes", "a.txt")) == ["a.txt"]


def test_roots_keep_their_order_and_are_read_once(tmp_path: Path) -> None:
    first, second = tree(tmp_path / "z", "1.txt"), tree(tmp_path / "a", "2.txt")
    assert paths(first, second, first, first / ".." / "z") == ["1.txt", "2.txt"]


def test_a_root_inside_another_belongs_to_the_outer_one(tmp_path: Path) -> None:
    outer = tree(tmp_path, "a.txt", "inner/b.txt")
    found = walk([outer / "inner", outer, outer / "a.txt"])
    assert found.roots == (outer.resolve(),)
    assert [file.path for file in found.files] == ["a.txt", "inner/b.txt"]


def test_a_root_in_a_hidden_folder_of_another_is_read_for_itself(tmp_path: Path) -> None:
    outer = tree(tmp_path, "a.txt", ".hidden/b.txt")
    assert paths(outer, outer / ".hidden") == ["a.txt", "b.txt"]


def test_no_roots_are_an_error() -> None:
    with pytest.raises(UsageError, match="at least one path"):
        walk([])


def test_a_missing_root_is_an_error_and_not_a_removal(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no file or folder .*Nothing was changed"):
        walk([tree(tmp_path, "a.txt"), tmp_path / "gone"])


@pytest.mark.parametrize("names", [(), (".hidden",), ("folder/.hidden",)])
def test_an_empty_root_is_an_error_and_not_a_removal(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(NothingFound, match=r"holds no files .*disk is mounted"):
        walk([tree(tmp_path, *names)])


def test_a_null_byte_in_a_root_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        walk([tmp_path / "a\0b"])


posix = pytest.mark.skipif(os.name != "posix", reason="symbolic links and odd names are for POSIX here")


@posix
def test_links_that_leave_the_root_are_reported_and_not_followed(tmp_path: Path) -> None:
    outside = tree(tmp_path / "outside", "secret.txt", "folder/deep.txt")
    root = tree(tmp_path / "root", "a.txt")
    (root / "file").symlink_to(outside / "secret.txt")
    (root / "folder").symlink_to(outside / "folder")
    (root / "up").symlink_to("..")
    found = walk([root])
    assert [file.path for file in found.files] == ["a.txt"]
    assert [report.path for report in found.reports] == ["file", "folder", "up"]
    assert {report.status for report in found.reports} == {FileStatus.UNSUPPORTED}
    assert all("leaves the folder" in report.detail for report in found.reports)


@posix
def test_a_neighbour_with_the_roots_name_as_a_prefix_is_outside(tmp_path: Path) -> None:
    root, other = tree(tmp_path / "docs", "a.txt"), tree(tmp_path / "docs-private", "b.txt")
    (root / "link").symlink_to(other / "b.txt")
    assert paths(root) == ["a.txt"]


@posix
def test_links_within_the_root_are_files_and_folders_are_not_entered_twice(tmp_path: Path) -> None:
    root = tree(tmp_path, "a.txt", "folder/b.txt")
    (root / "again.txt").symlink_to("a.txt")
    (root / "folder" / "loop").symlink_to("..")
    found = walk([root])
    assert [file.path for file in found.files] == ["a.txt", "again.txt", "folder/b.txt"]
    assert [report.path for report in found.reports] == ["folder/loop"]


@posix
def test_links_in_a_circle_or_to_nothing_are_reported(tmp_path: Path) -> None:
    root = tree(tmp_path, "a.txt")
    (root / "x").symlink_to("y")
    (root / "y").symlink_to("x")
    (root / "gone").symlink_to("nowhere")
    found = walk([root])
    assert [file.path for file in found.files] == ["a.txt"]
    assert ["leads nowhere" in report.detail for report in found.reports] == [True] * 3


@posix
def test_a_root_that_is_a_link_is_followed(tmp_path: Path) -> None:
    tree(tmp_path / "real", "a.txt")
    (tmp_path / "named").symlink_to("real")
    assert walk([tmp_path / "named"]).roots == ((tmp_path / "real").resolve(),)


@posix
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS allows only names in UTF-8")
def test_names_with_newlines_and_invalid_utf8_survive(tmp_path: Path) -> None:
    for name in (b"new\nline.txt", b"caf\xe9.txt", "naïve – ‮name.txt".encode()):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("x")
    found = walk([tmp_path]).files
    assert [file.path for file in found] == ["caf\udce9.txt", "naïve – ‮name.txt", "new\nline.txt"]
    assert all(file.absolute.read_text() == "x" for file in found)


@posix
def test_pipes_and_sockets_are_reported(tmp_path: Path) -> None:
    root = tree(tmp_path, "a.txt")
    os.mkfifo(root / "pipe")
    found = walk([root])
    assert [(report.path, report.status) for report in found.reports] == [("pipe", FileStatus.UNSUPPORTED)]
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        walk([root / "pipe"])


@posix
def test_a_folder_that_cannot_be_read_is_reported_and_what_lies_in_it_is_not_known_to_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulated, since the superuser may read everything."""
    root = tree(tmp_path, "a.txt", "locked/b.txt", "locked-not/c.txt")
    scandir = os.scandir

    def refusing(path: Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("ingest.walk.os.scandir", refusing)
    found = walk([root])
    assert [file.path for file in found.files] == ["a.txt", "locked-not/c.txt"]
    assert [(report.path, report.status) for report in found.reports] == [("locked", FileStatus.FAILED)]
    assert found.unseen(str(root.resolve()), "locked/b.txt")
    assert not found.unseen(str(root.resolve()), "locked-not/c.txt")
    assert not found.unseen("/elsewhere", "locked/b.txt")


def test_folders_deeper_than_pythons_stack(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(300):
        folder = folder / "d"
    folder.mkdir(parents=True)
    (folder / "deep.txt").write_text("x")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(220)
    try:
        assert paths(tmp_path) == ["d/" * 300 + "deep.txt"]
    finally:
        sys.setrecursionlimit(limit)
