"""Finds the files below the roots that the user named, and says what it left out.

Stays inside each root. Knows nothing about formats: every regular file is handed on, and its reader says whether it can
be read. Decisions:

- Entries whose name begins with a dot (`.git`, `.DS_Store`) are not read: their owner hid them. They are counted in
  `Walk.hidden`, a folder as one entry. A root is read even if its own name begins with a dot.
- A symbolic link to a file inside its root is a file under the link's name. A link to a folder is never entered (a
  folder inside the root is read under its own name, and so no loop of links can matter), nor is a link that leaves the
  root read; both are reported.
- A root inside another root is read as part of the outer one, unless a hidden folder lies between.
- A root that is missing or holds no file is an error before anything else happens, because a disk that is not mounted
  looks the same, and an index must not be emptied by that.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import NothingFound, UsageError
from ingest.types import FileReport, FileStatus, SourceFile


@dataclass(frozen=True, slots=True)
class Walk:
    """What lies below the roots."""

    roots: tuple[Path, ...]  # resolved, in the order given, without duplicates and without roots inside others
    files: tuple[SourceFile, ...]  # by root, then by path
    reports: tuple[FileReport, ...]  # what was left out, by root, then by path: FAILED (unseen) or UNSUPPORTED
    hidden: int  # entries whose name begins with a dot

    def unseen(self, root: str, path: str) -> bool:
        """Whether `path` lies in a folder that could not be read: then it is not known to be gone."""
        return any(
            report.status is FileStatus.FAILED and report.root == root and path.startswith(f"{report.path}/")
            for report in self.reports
        )


def walk(roots: Sequence[Path]) -> Walk:
    """Find every file below `roots`.

    Raises UsageError where a root is missing or cannot be read, NothingFound where one holds no file.
    """
    if not roots:
        raise UsageError("No folder or file was named; give at least one path.")
    kept = _without_nested(list(dict.fromkeys(_resolve(root) for root in roots)))
    found = [_Root(root).walk() for root in kept]
    return Walk(
        tuple(kept),
        tuple(file for root in found for file in sorted(root.files, key=lambda file: file.path)),
        tuple(report for root in found for report in sorted(root.reports, key=lambda report: report.path)),
        sum(root.hidden for root in found),
    )


def _resolve(root: Path) -> Path:
    try:
        resolved = root.resolve(strict=True)
        mode = resolved.stat().st_mode
    except FileNotFoundError:
        raise UsageError(
            f"There is no file or folder {str(root)!r}; check the path, or whether its disk is mounted. "
            f"Nothing was changed."
        ) from None
    except (OSError, RuntimeError, ValueError) as error:  # no permission; a loop of links; a null byte in the name
        raise UsageError(f"{str(root)!r} cannot be opened ({error}); nothing was changed.") from error
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise UsageError(f"{str(root)!r} is neither a file nor a folder; name a file or a folder of documents.")
    return resolved


def _without_nested(roots: list[Path]) -> list[Path]:
    """Leave out roots that the walk of another root reaches anyway."""

    def reached(root: Path) -> bool:
        return any(
            other != root
            and root.is_relative_to(other)
            and not any(part.startswith(".") for part in root.relative_to(other).parts)
            for other in roots
        )

    return [root for root in roots if not reached(root)]


class _Root:
    """The walk of one root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: list[SourceFile] = []
        self.reports: list[FileReport] = []
        self.hidden = 0

    def walk(self) -> "_Root":
        if not self.root.is_dir():
            self.files.append(SourceFile(self.root, self.root.name))
            return self
        folders = [""]  # a list, not recursion: folders may be nested deeper than Python's stack
        while folders:
            folders += self._enter(folders.pop())
        if not self.files:
            left_out = len(self.reports) + self.hidden
            also = f" ({left_out} hidden or skipped)" if left_out else ""
            raise NothingFound(
                f"The folder {str(self.root)!r} holds no files to read{also}; check whether its disk is mounted. "
                f"Nothing was changed."
            )
        return self

    def _enter(self, folder: str) -> list[str]:
        """Sort the entries of one folder into files and what is left out; return the folders in it."""
        inner = []
        try:
            with os.scandir(self.root / folder) as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.name.startswith("."):
                        self.hidden += 1
                    elif entry.is_symlink():
                        self._link(path)
                    elif entry.is_dir(follow_symlinks=False):
                        inner.append(path)
                    elif entry.is_file(follow_symlinks=False):
                        self.files.append(SourceFile(self.root, path))
                    else:
                        self._leave(path, FileStatus.UNSUPPORTED, "a device, pipe or socket, not a document")
        except OSError as error:
            if not folder:
                raise UsageError(
                    f"The folder {str(self.root)!r} cannot be read ({error.strerror}); nothing was changed."
                ) from error
            self._leave(folder, FileStatus.FAILED, f"the folder cannot be read: {error.strerror}")
        return inner

    def _link(self, path: str) -> None:
        try:
            target = (self.root / path).resolve(strict=True)
            mode = target.stat().st_mode
        except (OSError, RuntimeError):  # RuntimeError: Path.resolve's word for a loop
            self._leave(path, FileStatus.UNSUPPORTED, "a symbolic link that leads nowhere or in a circle")
            return
        if not target.is_relative_to(self.root):
            self._leave(path, FileStatus.UNSUPPORTED, "a symbolic link that leaves the folder")
        elif stat.S_ISREG(mode):
            self.files.append(SourceFile(self.root, path))
        else:
            self._leave(path, FileStatus.UNSUPPORTED, "a symbolic link to a folder, which is read under its own name")

    def _leave(self, path: str, status: FileStatus, why: str) -> None:
        self.reports.append(FileReport(path, str(self.root), None, status, detail=why))
