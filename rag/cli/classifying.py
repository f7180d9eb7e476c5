"""`rag classify`: documents, or their sections, sorted by the user's own labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.cli.command import JsonOption
from rag.cli.documents import OcrOption, PasswordsOption, reading, say_unread
from rag.cli.opening import open_embedder
from rag.config import Settings
from rag.term import bold, counted, dim, mark, one_line, say, show, show_json, wrapped
from rag.types import where

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.clauses import Sentence
    from rag.classify import Outcome, Sorted
    from rag.files import File

SOME_UNREAD = 3
NOTHING = 1
_WIDTH = 100
_NONE = "none of these"


class By(StrEnum):
    """What is sorted."""

    DOCUMENT = "document"
    SECTION = "section"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class _Text:
    """Something to sort: a file, or a part of it, with its sentences."""

    file: File
    section: str
    sentences: tuple[Sentence, ...]

    @property
    def page(self) -> int | None:
        """Where it begins."""
        assert self.file.document is not None
        return self.file.document.pages[self.sentences[0].pieces[0].page].number


def classify(
    settings: Settings,
    paths: Annotated[list[Path], typer.Argument(help="Folders or files.", show_default=False)],
    labels: Annotated[
        Path, typer.Option("--labels", help="A TOML file of labels with descriptions, and examples if there are any.")
    ],
    by: Annotated[By, typer.Option("--by", help="Sort whole documents, their sections, or their pages.")] = By.DOCUMENT,
    ocr: OcrOption = True,
    password_file: PasswordsOption = None,
    as_json: JsonOption = False,
) -> int:
    """Sort documents by your own labels: the label, how sure, the deciding sentences, and what to look at by hand."""
    from ingest.walk import walk
    from rag.classify import classify as sort
    from rag.files import File, file_entry, unread_files
    from rag.labels import read_labels, trains

    known = read_labels(labels)
    train = trains(known)
    walked = walk(paths)
    with reading("Reading", walked.files, password_file, ocr=ocr) as read:
        files = [File(*read(source)) for source in walked.files]
    texts = [text for file in files for text in _texts(file, by)]
    if not texts:
        say_unread(files)
        say("None of these files holds text that could be sorted.")
        return SOME_UNREAD if unread_files(files) else NOTHING
    embedder = open_embedder(settings)
    outcome = sort([[one.text for one in text.sentences] for text in texts], known, embedder.embed, train=train)
    rows = list(zip(texts, outcome.texts, strict=True))
    if as_json:
        show_json(
            {
                "by": by,
                "labels": [label.name for label in known],
                "trained": None if outcome.trained is None else _trained(outcome),
                "texts": [_entry(text, found) for text, found in rows],
                "files": [file_entry(file) for file in files],
            }
        )
    else:
        _show(rows, outcome, by)
    say_unread(files)
    return SOME_UNREAD if unread_files(files) else 0


def _texts(file: File, by: By) -> Iterator[_Text]:
    """The parts of a file that are sorted; headings and what stands below them go together."""
    from ingest.clauses import clauses
    from ingest.headings import SEPARATOR

    if file.document is None:
        return
    groups: dict[object, tuple[str, list[Sentence]]] = {}
    for clause in clauses(file.document):
        for sentence in clause.sentences:
            top = clause.section.split(SEPARATOR)[0]
            key = {By.DOCUMENT: "", By.SECTION: top, By.PAGE: sentence.pieces[0].page}[by]
            section = top if by is By.SECTION else ""
            groups.setdefault(key, (section, []))[1].append(sentence)
    for section, sentences in groups.values():
        yield _Text(file, section, tuple(sentences))


def _trained(outcome: Outcome) -> dict[str, Any]:
    assert outcome.trained is not None
    return {
        "examples": outcome.trained.examples,
        "accuracy": round(outcome.trained.accuracy, 4),
        "macro_f1": round(outcome.trained.macro_f1, 4),
        "macro_f1_by_descriptions": round(outcome.trained.described, 4),
    }


def _entry(text: _Text, found: Sorted) -> dict[str, Any]:
    from rag.files import citation

    return {
        "path": text.file.report.path,
        "sha256": text.file.report.sha256,
        "page": text.page,
        "section": text.section,
        "label": found.label,
        "confidence": round(found.confidence, 4),
        "look": found.unsure,
        "shares": {name: round(share, 4) for name, share in found.shares},
        "none": round(found.none, 4),
        "deciding": [citation(text.file, piece) for index in found.deciding for piece in text.sentences[index].pieces],
    }


def _show(rows: Sequence[tuple[_Text, Sorted]], outcome: Outcome, by: By) -> None:
    counts = Counter(found.label or _NONE for _, found in rows)
    told = ", ".join(f"{count} {one_line(name)}" for name, count in counts.most_common())
    show(bold(f"{counted(len(rows), by)}: {told}"))
    if (trained := outcome.trained) is not None:
        show(
            f"A head was trained on {counted(trained.examples, 'example')}. On examples it had not seen: macro-F1 "
            f"{trained.macro_f1:.2f}, {trained.accuracy:.0%} right; by descriptions alone {trained.described:.2f}."
        )
    sure = [row for row in rows if not row[1].unsure]
    unsure = sorted((row for row in rows if row[1].unsure), key=lambda row: row[1].confidence)
    if sure:
        show()
        show(bold("Sorted"))
        for text, found in sure:
            _show_text(text, found, by)
    if unsure:
        show()
        show(mark("Look at these by hand"))
        for text, found in unsure:
            _show_text(text, found, by)


def _show_text(text: _Text, found: Sorted, by: By) -> None:
    place = where(text.file.path, None if by is By.DOCUMENT else text.page, None)
    place = " · ".join(part for part in (place, text.section) if part)
    if found.label is None:
        told, second = _NONE, f" (nearest: {found.shares[0][0]} {found.confidence:.0%})"
    else:
        told = f"{found.label} {found.confidence:.0%}"
        second = f", else {found.shares[1][0]} {found.shares[1][1]:.0%}" if found.unsure else ""
    show()
    show(f"{bold(one_line(told))}{dim(one_line(second))}  {one_line(place)}")
    for index in found.deciding[:2]:
        quote = text.sentences[index].text
        for line in wrapped(f"“{quote}”", _WIDTH - 4).splitlines()[:3]:
            show(f"    {line}")
