"""`rag search`, `rag ask`: questions and passages."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.errors import StorageError, UsageError
from rag.cli.command import JsonOption, NoReaderOption, RedactOption
from rag.cli.opening import (
    load_models,
    open_answerer,
    open_catalog,
    open_retriever,
    parse_filter,
    say_filtered,
    say_mended,
)
from rag.config import HITS, Settings
from rag.term import bold, columns, counted, dim, link, mark, one_line, say, show, show_json, wrapped

if TYPE_CHECKING:
    from ingest.types import Hidden
    from rag.personal.mask import Masker
    from rag.types import Answer, Citation, Hit, Sentence

NOT_FOUND = 1
_INDENT = "    "  # of quoted text
_LONG = 450  # characters of a quotation, about five lines; of a longer one the sentences around the answer are shown
_PREVIEW = 180  # characters of a passage that is no answer

QuestionArgument = Annotated[str | None, typer.Argument(help="In plain words.", show_default=False)]
BatchOption = Annotated[
    Path | None,
    typer.Option(
        "--batch",
        help='A file of JSON Lines {"id", "question"}, or .txt, a question a line; one JSON line is printed for each.',
    ),
]
PathOption = Annotated[
    str | None, typer.Option("--path", help='Only files whose path matches this pattern, e.g. "policies/*".')
]

SectionOption = Annotated[
    str | None,
    typer.Option("--section", help='Only passages below a heading with this text, or of this pattern, e.g. "3.2*".'),
]
TypeOption = Annotated[
    str | None,
    typer.Option(
        "--type",
        help="Only these types, with commas between: suffixes such as docx, or pdf, word, sheet, slides, mail, web, "
        "text, record, image.",
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        help="Only files modified since this date (2024-05-31), or this long ago (30d, 6w, 3m, 2y). The time of the "
        "last modification is read from the disk now.",
    ),
]


def search(
    settings: Settings,
    query: QuestionArgument = None,
    batch: BatchOption = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many passages.")] = HITS,
    path: PathOption = None,
    section: SectionOption = None,
    types: TypeOption = None,
    since: SinceOption = None,
    no_reader: NoReaderOption = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show why each passage is where it is.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Find passages by words and by meaning. No language model is used."""
    models = load_models(settings, read=not no_reader)
    from rag.answer import ask_logs, validate
    from rag.explain import Explanation
    from rag.explain import explain as reasons

    questions = _questions(query, batch, validate)
    only = parse_filter(path, section, types, since)
    catalog = open_catalog(settings)
    say_filtered(catalog, only)
    retriever = open_retriever(settings, catalog, read=not no_reader, models=models)

    def find(text: str) -> dict[str, Any]:
        started = time.perf_counter()
        hits = retriever.search(text, k, only)
        took = round((time.perf_counter() - started) * 1000, 1)
        hidden = catalog.hidden([hit.stored.id for hit in hits])
        rows = [_hit(rank, hit, hidden.get(hit.stored.id, ())) for rank, hit in enumerate(hits, start=1)]
        if explain:
            for row, reason in zip(rows, reasons(catalog, retriever.wording(text), hits), strict=True):
                row["explain"] = asdict(reason)
        logged = ask_logs(catalog, text, only)
        if logged is not None and logged.standing != "nothing":
            # What was counted goes first; where documents may answer better, last.
            events = [_event(citation, logged.confidence) for citation in logged.citations]
            rows = ([*events, *rows] if logged.standing == "answer" else [*rows[: max(0, k - len(events))], *events])[
                :k
            ]
            rows = [row | {"rank": rank} for rank, row in enumerate(rows, start=1)]
        return {"query": text, "hits": rows, "timings_ms": {"total": took}}

    if batch is not None:
        for number, text in questions:
            show_json({"id": number} | find(text))
        return 0
    say_mended(retriever, questions[0][1])
    result = find(questions[0][1])
    if as_json:
        show_json(result)
    else:
        for hit in result["hits"]:
            show(f"{hit['rank']:>2}. {bold(_source(hit))}  {dim(format(hit['score'], '.2f'))}")
            show(_indented(hit["text"] if not hit["lines"] else _cut(hit["text"], _LONG)))
            if "explain" in hit:
                for line in Explanation(**hit["explain"]).lines():
                    show(dim(_indented(line)))
            for piece in hit["hidden"]:
                show(mark(f"    Holds text that is hidden in the document ({piece['why']})."))
            if hit["similar"]:
                show(dim(f"    The same also in {'; '.join(map(_place, hit['similar']))}"))
        if not result["hits"]:
            show("Nothing found.")
    return 0 if result["hits"] else NOT_FOUND


def ask(
    settings: Settings,
    question: QuestionArgument = None,
    batch: BatchOption = None,
    path: PathOption = None,
    section: SectionOption = None,
    types: TypeOption = None,
    since: SinceOption = None,
    no_reader: NoReaderOption = False,
    quotes_only: Annotated[bool, typer.Option("--quotes-only", help="Quotations alone, no language model.")] = False,
    redact: RedactOption = False,
    as_json: JsonOption = False,
) -> int:
    """Answer a question from the documents, with checked citations, or say that they do not."""
    models = load_models(settings, read=not no_reader)
    from rag.answer import validate
    from rag.personal.answers import redacted
    from rag.personal.mask import Masker
    from rag.store import last

    questions = _questions(question, batch, validate)
    only = parse_filter(path, section, types, since)
    answerer = open_answerer(settings, only, read=not no_reader, write=not quotes_only, models=models)
    masker = Masker() if redact else None
    if batch is not None:
        for number, text in questions:
            answer = answerer.ask(text, only=only)
            show_json({"id": number} | asdict(redacted(answer, masker) if masker else answer))
        return 0
    say_mended(answerer.retriever, questions[0][1])
    if as_json:
        answer = answerer.ask(questions[0][1], only=only)
        show_json(asdict(redacted(answer, masker) if masker else answer))
    else:
        printer = Printer(masker)
        answer = answerer.ask(questions[0][1], only=only, on_hits=printer.hits, on_sentence=printer.sentence)
        printer.finish(redacted(answer, masker) if masker else answer)
    try:
        last.keep(settings.index, answer.citations or answer.nearest, settings.key)
    except StorageError as error:  # the answer stands all the same
        say(one_line(str(error)))
    return 0 if answer.found else NOT_FOUND


class Printer:
    """Shows an answer as it comes: sentences when they have passed, then the sources."""

    def __init__(self, masker: Masker | None = None) -> None:
        """`masker`: of the sentences; what `finish` gets is masked already."""
        self._masker = masker

    def hits(self, hits: list[Hit]) -> None:
        """The passages that were found; where they come from is worth knowing while the model reads."""
        files = list(dict.fromkeys(hit.stored.chunk.path for hit in hits))
        if files:
            named = ", ".join(map(one_line, files[:3])) + " …" * (len(files) > 3)
            told = f"Reading {counted(len(hits), 'passage')} from {named}"
            say(dim(textwrap.shorten(told, columns(), placeholder=" …"), sys.stderr))

    def sentence(self, sentence: Sentence) -> None:
        """One checked sentence."""
        text = str(sentence)
        show(bold(_wrap(self._masker.text(text) if self._masker else text)))

    def finish(self, answer: Answer) -> None:
        """Whatever was not shown while it came."""
        if answer.mode == "refused":
            show(bold(answer.answer))
            show(f"Searched: {counted(answer.searched, 'file')}. {_nearest(answer)}")
            for citation in answer.nearest:
                show(f"  {_source(asdict(citation))}")
                show(dim(_indented(f"“{_preview(citation)}”")))
            for warning in answer.warnings:
                show(mark(_wrap(warning)))
            if answer.unreadable:
                show("These could not be read, and may say more:")
                for line in answer.unreadable:
                    show(f"  {mark(one_line(line))}")
            return
        if answer.counted is not None:
            for line in answer.answer.split("\n"):
                show(bold(_wrap(line)))
        if answer.mode == "quoted":
            show(bold("The documents say:"))
        show()
        for citation in answer.citations:
            show(f"[{citation.number}] {bold(_source(asdict(citation)))}")
            show(textwrap.indent(_quotation(citation), _INDENT))
        show()
        show(dim(f"Confidence {answer.confidence:.0%}. {_how(answer)}"))
        for warning in answer.warnings:
            show(mark(_wrap(warning)))
        if answer.unreadable:
            places = counted(len(answer.unreadable), "place")
            show(dim(f"{places} in the documents could not be read; `rag status` names them."))


def _quotation(citation: Citation) -> str:
    """The quotation, its answering words bold; what the line above says already and what is far from them left out."""
    start, end = _shown(citation)
    before, after = "… " * (start > 0), " …" * (end < len(citation.quote))
    marked = None
    if citation.words:
        shift = len(f"“{before}") - citation.start - start
        marked = citation.words[0] + shift, citation.words[1] + shift
    return wrapped(f"“{before}{citation.quote[start:end]}{after}”", columns() - len(_INDENT), marked)


def _shown(citation: Citation) -> tuple[int, int]:
    """Which characters of a quotation are shown."""
    from ingest.headings import SEPARATOR
    from ingest.sentences import sentences

    quote, words = citation.quote, citation.words
    heading = citation.section.split(SEPARATOR)[-1]
    start, end = 0, len(quote)
    # The heading that a quotation begins with stands in its source's line.
    if heading and quote.startswith(heading) and quote[len(heading) :].strip():
        start = len(heading) + len(quote[len(heading) :]) - len(quote[len(heading) :].lstrip())
    if words and words[0] - citation.start < start:
        start = 0
    if citation.lines and end - start > _LONG:
        end = start + _LONG  # what matters of a record stands above it
    if words and end - start > _LONG:
        holding = [
            span
            for span in sentences(quote)
            if span[0] < words[1] - citation.start and span[1] > words[0] - citation.start
        ]
        if holding:
            start, end = max(start, holding[0][0]), holding[-1][1]
    return start, end


def _preview(citation: Citation) -> str:
    """The beginning of what is no answer."""
    if citation.lines:  # lines of a log may have no blanks to be cut at
        return _cut(citation.quote, _PREVIEW)
    return shorten(citation.quote, _PREVIEW, placeholder=" …")


def _cut(text: str, most: int) -> str:
    return text[:most] + " …" * (len(text) > most)


def _nearest(answer: Answer) -> str:
    return "Nearest, and not taken for an answer:" if answer.nearest else "Nothing came near."


def _how(answer: Answer) -> str:
    dropped = answer.dropped_sentences
    lost = f"; {dropped} sentence{'s' * (dropped > 1)} failed the check and {'are' if dropped > 1 else 'is'} not shown"
    if answer.counted is not None:
        return f"Counted from {counted(answer.counted.events, 'event')}, no model."
    who = answer.model.name if answer.model and answer.mode == "written" else "no model"
    words = {"written": f"Worded by {one_line(who)}, checked against the quotations", "quoted": "Quotations only"}
    return f"{words[answer.mode]}{lost if dropped else ''}."


def _source(place: dict[str, Any]) -> str:
    section = f"  ·  {place['section']}" if place["section"] else ""
    scan = "  (read by OCR)" if place["ocr"] else ""
    masked = "  (masked)" if place.get("redacted") else ""
    also = f"  (the same file: {', '.join(place['also'])})" if place["also"] else ""
    hidden = "  (hidden in the document)" if place["hidden"] else ""
    source = one_line(f"{_place(place)}{section}{scan}{hidden}{masked}{also}")
    return link(source, Path(place["root"], place["path"]), place["page"])


def _place(place: dict[str, Any]) -> str:
    from rag.types import where

    return one_line(where(place["path"], place["page"], place["record"], place.get("lines", ())))


def _wrap(text: str) -> str:
    return wrapped(text, columns())


def _indented(text: str) -> str:
    return textwrap.indent(wrapped(text, columns() - len(_INDENT)), _INDENT)


def _hit(rank: int, hit: Hit, hidden: Sequence[Hidden]) -> dict[str, Any]:
    stored, chunk = hit.stored, hit.stored.chunk
    return {
        "rank": rank,
        "score": round(hit.score, 6),
        "id": stored.id,
        "path": chunk.path,
        "sha256": stored.sha256,
        "page": chunk.page,
        "section": chunk.section,
        "start": chunk.start,
        "end": chunk.end,
        "text": chunk.text,
        "record": chunk.record,
        "lines": [],
        "root": stored.root,
        "ocr": stored.ocr,
        "also": stored.also,
        "similar": [asdict(similar) for similar in hit.similar],
        "hidden": [asdict(piece) for piece in hidden],
    }


def _event(citation: Citation, score: float) -> dict[str, Any]:
    """An event of a log as a hit. It is no passage, and has no id."""
    row = (
        {"rank": 0, "score": score, "id": None}
        | asdict(citation)
        | {"text": citation.quote, "similar": [], "hidden": []}
    )
    return {name: value for name, value in row.items() if name not in ("number", "quote", "words", "redacted")}


def _questions(question: str | None, batch: Path | None, validate: Callable[[str], None]) -> list[tuple[Any, str]]:
    """`(id, question)` of one question or of a batch file. A batch is checked whole before any of it is answered."""
    from rag.questions import read_batch, well_formed

    if (question is None) == (batch is None):
        raise UsageError("Ask one question in quotation marks, or name a file with --batch FILE.")
    if batch is None:
        text = well_formed(question or "")
        validate(text)
        return [(None, text)]
    return read_batch(batch, validate)
