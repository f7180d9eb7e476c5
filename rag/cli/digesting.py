"""`rag summarize --digest`: many documents to one page."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.errors import NothingFound
from rag.cli.documents import reading, say_unread
from rag.cli.opening import open_recorder
from rag.config import Settings
from rag.term import bold, counted, mark, one_line, say, show, show_json

if TYPE_CHECKING:
    from ingest.types import FileReport
    from rag.models.embed import TextEmbedder
    from rag.personal.mask import Masker
    from rag.types import Generator

SOME_UNREAD = 3
NAME = "digest"


def digest(
    settings: Settings,
    paths: list[Path],
    out: Path | None,
    load: Callable[[], Generator | None],
    embedder: Callable[[], TextEmbedder],
    words: int | None,
    masker: Masker | None,
    password_file: Path | None,
    *,
    ocr: bool,
    as_json: bool,
) -> int:
    """Read documents one after the other, and tell what they say together; the exit code."""
    from ingest.walk import walk
    from rag.batch import write_file
    from rag.digest import WORDS, Digester
    from rag.digest_report import digest_entry, render_digest
    from rag.files import File, unread_files
    from rag.personal.reports import masked_entry
    from rag.record.notes import of_digest

    walked = walk(paths)
    asked = words or WORDS
    reports: list[FileReport] = list(walked.reports)
    heard: list[FileReport] = []
    digester = Digester(embedder(), load(), max(asked // max(len(walked.files), 1), 1))
    with reading("Reading", walked.files, password_file, ocr=ocr) as read:
        for source in walked.files:
            report, document = read(source)
            reports.append(report)
            say_unread([File(report, document)])
            if document is not None:
                heard.append(report)
                digester.add(document)
    if not heard:
        raise NothingFound("None of these files holds text that could be summarised; name documents, not logs.")
    entry: dict[str, Any] = digest_entry(reports, heard, digester.finish(), asked)
    if masker is not None:
        entry = masked_entry(entry, masker)
    page = render_digest(entry)
    if out is not None:
        write_file(out / f"{NAME}.md", page)
        write_file(out / f"{NAME}.json", json.dumps(entry, indent=1) + "\n")
    if as_json:
        show_json(entry)
    elif out is None:
        show(page)
    else:
        show(bold(f"A digest of {counted(len(heard), 'document')}: {one_line(str(out / NAME))}.md"))
    if failure := open_recorder(settings).write(partial(of_digest, entry, embedder(), load())):
        say(mark(one_line(failure)))
    return SOME_UNREAD if unread_files([File(report, None) for report in reports]) else 0
