"""`rag diff`: what changed between two versions of a document, or of a folder of documents."""

from __future__ import annotations

import textwrap
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.errors import UsageError
from rag.cli.command import WRITTEN, JsonOption
from rag.cli.documents import OcrOption, PasswordsOption, reading
from rag.cli.opening import open_embedder
from rag.cli.writing import refuse_folder, write_page
from rag.config import Settings
from rag.term import bold, dim, mark, one_line, say, show, show_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.types import FileReport, SourceFile
    from rag.changes import Change, Side
    from rag.diff import Compared, Matched
    from rag.files import File

SOME_UNREAD = 3
NOTHING = 1
_COLUMN = 48  # characters of one side; two of them and a gap fill 100 columns
_WIDTH = 2 * _COLUMN + 3


def diff(
    settings: Settings,
    old: Annotated[Path, typer.Argument(help="The old version: a file or a folder.", show_default=False)],
    new: Annotated[Path, typer.Argument(help="The new version.", show_default=False)],
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page, side by side, to this file, too."), WRITTEN
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="Write it as Markdown to this file, too."), WRITTEN
    ] = None,
    ocr: OcrOption = True,
    password_file: PasswordsOption = None,
    as_json: JsonOption = False,
) -> int:
    """Say what changed from one version to the next: duties, periods, figures, roles, scope, and what only moved."""
    from rag.diff import compare_files, entry, unread
    from rag.diff_report import render_markdown, render_page
    from rag.files import File

    refuse_folder(html, "--html")
    refuse_folder(markdown, "--markdown")
    ours, theirs = _files(old, new)
    embedder = open_embedder(settings)
    with reading("Comparing", (*ours, *theirs), password_file, ocr=ocr) as read:

        @cache
        def file_of(source: SourceFile) -> File:
            return File(*read(source))

        matched = _matched(ours, theirs, file_of, single=old.is_file())
        pairs = [compare_files(file_of(one), file_of(other), embedder.embed) for one, other in matched.pairs]
        removed, added = ([file_of(source).report for source in side] for side in (matched.removed, matched.added))
    if old.is_file():
        _refuse_strangers(old, new, pairs[0])
    if as_json:
        rest = {"removed": [report.path for report in removed], "added": [report.path for report in added]}
        show_json({"pairs": [entry(pair) for pair in pairs], **rest})
    else:
        _show(pairs, removed, added)
    if html is not None:
        write_page(html, render_page(pairs, removed, added), "--html")
    if markdown is not None:
        write_page(markdown, render_markdown(pairs, removed, added), "--markdown")
    if not pairs:
        say("No file of one folder belongs to a file of the other, by name or by what it says: nothing was compared.")
        return NOTHING
    return SOME_UNREAD if unread(pairs) else 0


def _files(old: Path, new: Path) -> tuple[Sequence[SourceFile], Sequence[SourceFile]]:
    from ingest.walk import walk

    ours, theirs = walk([old]), walk([new])
    if old.is_dir() != new.is_dir():
        folder, file = (old, new) if old.is_dir() else (new, old)
        raise UsageError(
            f"{folder} is a folder and {file} a file; name two files, or two folders whose files belong together."
        )
    for report in (*ours.reports, *theirs.reports):
        say(f"  {report.status} {one_line(report.path)}: {one_line(report.detail)}")
    return ours.files, theirs.files


def _matched(
    ours: Sequence[SourceFile], theirs: Sequence[SourceFile], file_of: Callable[[SourceFile], File], *, single: bool
) -> Matched:
    from rag.diff import Matched, bag_of, match

    if single:
        return Matched(((ours[0], theirs[0]),), (), ())
    return match(ours, theirs, lambda source: bag_of(file_of(source).document))


def _refuse_strangers(old: Path, new: Path, pair: Compared) -> None:
    from rag.diff import NOTHING

    found = pair.comparison
    if found is not None and found.alike < NOTHING:
        total = found.old_sentences + found.new_sentences
        raise UsageError(
            f"{old} and {new} have next to nothing in common: {found.paired} of {total} sentences have a counterpart. "
            "Name two versions of one document."
        )


def _show(pairs: Sequence[Compared], removed: Sequence[FileReport], added: Sequence[FileReport]) -> None:
    from rag.diff import verdict, walked
    from rag.diff_report import notes

    for where, files in (("old", removed), ("new", added)):
        for report in files:
            show(f"{mark(f'only in the {where} folder')} {one_line(report.path)}")
    for pair in pairs:
        show(bold(one_line(f"{pair.old.path} → {pair.new.path}")))
        for note in notes(pair):
            show(mark(_wrapped(note)))
        if pair.comparison is None:
            continue
        show(_wrapped(verdict(pair.comparison)))
        for title, changes in walked(pair.comparison.changes):
            show()
            show(bold(title))
            for change in changes:
                _show_change(pair, change)
        show()


def _show_change(pair: Compared, change: Change) -> None:
    show()
    label = mark(change.kind) if change.level == "high" else change.kind.value
    show(f"{label}  {_wrapped(change.says, len(change.kind) + 2)}")
    rows = zip_longest(_column(pair.old, change.old), _column(pair.new, change.new), fillvalue="")
    for number, (left, right) in enumerate(rows):
        line = f"  {left:<{_COLUMN}} {right}".rstrip()
        show(dim(line) if number == 0 else line)


def _column(file: File, side: Side | None) -> list[str]:
    """A side as lines: where it stands, then its text."""
    from rag.diff import place

    if side is None:
        return ["–"]
    return [one_line(place(file, side)), *textwrap.wrap(one_line(side.text), _COLUMN - 1, break_long_words=True)]


def _wrapped(text: str, indent: int = 0) -> str:
    """A line of text that may come from anywhere, its first line behind `indent` characters."""
    return textwrap.fill(one_line(text), _WIDTH, initial_indent=" " * indent, subsequent_indent="  ")[indent:]
