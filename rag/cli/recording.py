"""`rag record`: what was asked, answered, summarised, ingested and erased; is it still what was written?"""

from __future__ import annotations

import json
import textwrap
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.errors import NothingFound, UsageError
from rag.cli.command import JsonOption, RedactOption, command
from rag.cli.opening import open_answerer
from rag.config import Settings
from rag.term import bold, counted, dim, escape, mark, one_line, say, show, show_json

if TYPE_CHECKING:
    from rag.record.chain import Head
    from rag.record.entry import Entry
    from rag.record.ledger import Ledger

DIFFERS, DAMAGED = 1, 4
_WIDTH = 100
_LISTED = 20
_KEPT = ("path", "root", "sha256", "text_sha256")  # what places are told by is not masked

NumberArgument = Annotated[int, typer.Argument(metavar="N", min=1, help="The entry's number.", show_default=False)]

app = typer.Typer(
    help="What was asked, answered, summarised, ingested and erased: every entry chained to the one before.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def verify(
    settings: Settings,
    head: Annotated[
        str | None,
        typer.Option("--head", help="A line that `rag record head` printed earlier; its entry has to be there."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Check that no entry was changed, removed, inserted, moved or cut off, and say where."""
    kept = _parse_head(head)
    ledger = _ledger(settings, needed=kept is None)
    found = ledger.problems(kept)
    end = ledger.head() if not found else None
    if as_json:
        show_json(
            {
                "sound": not found,
                "problems": [asdict(problem) for problem in found],
                "head": asdict(end) if end else None,
            }
        )
    elif end is None:
        for problem in found[:_LISTED]:
            show(mark(one_line(problem.what)))
        if len(found) > _LISTED:
            show(mark(f"And {counted(len(found) - _LISTED, 'more problem')}; --json lists all."))
        show(f"The record in {settings.ledger} is NOT as it was written. Keep it as it is; it is evidence.")
    else:
        against = " Compared with the head that you kept." if kept else ""
        show(f"The record is as it was written: {_entries(end.count)}, head {end.hash}.{against}")
    return DAMAGED if found else 0


def head(settings: Settings, as_json: JsonOption = False) -> int:
    """Print number and hash of the last entry, to be kept where nobody can change it, for `verify --head`."""
    end = _ledger(settings).head()
    if as_json:
        show_json(asdict(end))
    else:
        show(f"{end.count}:{end.hash}")
    return 0


def list_entries(
    settings: Settings,
    last: Annotated[int, typer.Option("--last", min=1, help="How many, the newest.")] = _LISTED,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only answer, refusal, summary, ingestion, erasure, …")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """List entries, one a line."""
    entries: deque[Entry] = deque(maxlen=last)
    older = 0
    for entry in _ledger(settings).entries():
        if kind in (None, entry.kind):
            older += len(entries) == last
            entries.append(entry)
    if as_json:
        show_json({"entries": list(map(_exported, entries)), "older": older})
        return 0
    if older:
        say(f"{older:,} older {'entry is' if older == 1 else 'entries are'} not shown; --last N shows more.")
    for entry in entries:
        when = entry.time[:19].replace("T", " ")
        collection = one_line(str(entry.facts.get("collection", "")))
        show(f"{entry.number:>6}  {when}  {one_line(entry.kind):<9}  {collection:<10}  {one_line(_gist(entry))}")
    return 0


def show_entry(settings: Settings, number: NumberArgument, as_json: JsonOption = False) -> int:
    """Print one entry whole."""
    entry = _ledger(settings).entry(number)
    if as_json:
        show_json(_exported(entry))
        return 0
    show(bold(f"Entry {entry.number}, {one_line(entry.kind)}, {one_line(entry.time)}"))
    content = entry.content()
    for line in _told(content) if "answer" in content and "question" in content else _pages(content):
        show(line)
    show()
    for line in _pages(entry.facts):
        show(dim(line))
    if entry.dropped:
        show(mark(f"{len(entry.dropped)} of {len(entry.leaves)} parts of its content were dropped; their hashes stay."))
    show(dim(f"hash {entry.hash}"))
    show(dim(f"previous {entry.previous}"))
    return 0


def replay(settings: Settings, number: NumberArgument, as_json: JsonOption = False) -> int:
    """Ask a recorded question again with the settings it was asked with, and compare."""
    from rag.record.notes import of_answer
    from rag.record.replay import compare, recorded_question, to_json

    entry = _ledger(settings).entry(number)
    question, only = recorded_question(entry)
    then = entry.facts["settings"]
    settings = replace(settings, collection=entry.facts["collection"], answer_threshold=then["threshold"], record=False)
    answerer = open_answerer(settings, only, read=entry.facts["models"]["reader"] is not None, write=then["writes"])
    notes = []

    def witness(answer: Any, course: Any, only: Any) -> Any:
        notes.append(of_answer(answer, course, only, answerer, settings.index))
        return answer

    answerer.witness = witness
    answer = answerer.ask(question, only=only)
    result = compare(entry, notes[0], answerer, answer)
    if as_json:
        show_json({"entry": number} | to_json(result))
    else:
        show(bold(one_line(question)))
        for line in result.differences:
            show(mark(one_line(line)))
        if not result.differences:
            show(f"The same as entry {number} says: the same words, from the same places.")
        for line in result.changes:
            show(one_line(line))
        if result.differences and not result.changes:
            show("Program, models, settings and index are what they were: please report this.")
        if result.differences:
            show(f"Then: {one_line(entry.content()['answer']['answer'])}")
            show(f"Now:  {one_line(answer.answer)}")
    return DIFFERS if result.differences else 0


def export(
    settings: Settings,
    after: Annotated[int, typer.Option("--after", min=0, help="Only entries with a higher number than this.")] = 0,
    redact: RedactOption = False,
) -> int:
    """Print every entry as one line of JSON, for a log collector (SIEM)."""
    from rag.personal.mask import Masker

    masker = Masker() if redact else None
    for entry in _ledger(settings).entries():
        if entry.number > after:
            row = _exported(entry)
            show_json(row | {"content": masker.json(row["content"], _KEPT)} if masker else row)
    return 0


def _ledger(settings: Settings, *, needed: bool = True) -> Ledger:
    from rag.record.ledger import Ledger

    ledger = Ledger(settings.ledger, settings.key)
    if needed and not ledger.exists():
        raise NothingFound(f"There is no record in {settings.ledger} yet; `rag ask` and `rag ingest` begin one.")
    return ledger


def _parse_head(text: str | None) -> Head | None:
    from rag.record.chain import Head

    if text is None:
        return None
    count, _, digest = text.strip().partition(":")
    if not count.isdecimal() or len(digest) != 64:
        raise UsageError(f"{text!r} is no head of a record; `rag record head` prints one, such as 17:3f2a…, 64 digits.")
    return Head(int(count), digest.lower())


def _exported(entry: Entry) -> dict[str, Any]:
    """An entry for machines; the README documents the fields."""
    return {
        "entry": entry.number,
        "time": entry.time,
        "kind": entry.kind,
        "facts": entry.facts,
        "content": entry.content(),
        "dropped": len(entry.dropped),
        "previous": entry.previous,
        "hash": entry.hash,
    }


def _entries(number: int) -> str:
    return f"{number:,} {'entry' if number == 1 else 'entries'}"


def _gist(entry: Entry) -> str:
    """An entry in a line."""
    content, facts = entry.content(), entry.facts
    if entry.kind == "ingestion":
        return ", ".join(f"{count} {name}" for name, count in facts.get("totals", {}).items() if count)
    if entry.kind == "erasure":
        return f"{counted(facts['files'], 'file')}, {counted(facts['passages'], 'passage')}"
    if entry.kind == "encryption":
        return f"the home: {facts['what']}"
    if entry.kind == "connection":
        return ", ".join(f"{counted(count, 'connection')} to {host}" for host, count in facts["hosts"].items())
    if entry.kind == "redaction":
        return f"what entry {', '.join(facts['entries'])} held, for: {facts['why']}"
    if entry.kind == "retention":
        return f"entries {facts['from']} to {facts['through']}, older than {counted(facts['days'], 'day')}"
    if entry.kind == "cost":
        return f"{counted(facts['asked'], 'question')} asked, {facts['measured']['seconds']['value']:.2f} s each"
    if "source" in content:
        sources = content["source"] if isinstance(content["source"], list) else [content["source"]]
        several = f"digest of {counted(facts['documents'], 'document')}: " if "documents" in facts else ""
        return textwrap.shorten(several + ", ".join(source["path"] for source in sources), _WIDTH, placeholder=" …")
    return textwrap.shorten(str(content.get("question", "(content dropped)")), _WIDTH, placeholder=" …")


def _told(content: dict[str, Any]) -> Iterator[str]:
    """An answer as an auditor reads it: what was asked and said, from where, and how it came about."""
    answer = content["answer"]
    yield f"Question: {one_line(content['question'])}"
    if "filter" in content:
        yield f"Only: {one_line(json.dumps(content['filter']))}"
    yield f"Answer, {one_line(answer['mode'])}, confidence {answer['confidence']:.0%}:"
    if answer["mode"] != "quoted":  # else its words are those of its citations
        yield from _wrapped(escape(answer["answer"]), "  ")
    for citation in answer["citations"] or answer["nearest"]:
        yield f"[{citation['number']}] {_place(citation)}"
        yield from _wrapped(f"“{one_line(citation['quote'])}”", "    ")
    for warning in answer["warnings"]:
        yield from _wrapped(one_line(warning), "")
    yield "Passages that were found:"
    for passage in content["passages"]:
        yield f"  {_place(passage)}, text {passage['text_sha256'][:12]}"
    if "prompt" in content:
        yield "Prompt:"
        for message in content["prompt"]:
            yield from _wrapped(f"{one_line(message['role'])}: {escape(message['content'])}", "  ")
        yield "What the model wrote, and the check:"
        for check in content["checks"]:
            failures = "; ".join(check["failures"]) or ("shown" if check["responsive"] else "not about the question")
            yield from _wrapped(f"“{one_line(check['text'])}”: {one_line(failures)}", "  ")


def _place(item: dict[str, Any]) -> str:
    from rag.types import where

    place = one_line(where(item["path"], item["page"], item["record"]))
    return f"{place}, characters {item['start']} to {item['end']}, file {item['sha256'][:12]}"


def _pages(value: Any, depth: int = 0) -> Iterator[str]:
    """A JSON value as indented lines."""
    indent = "  " * depth
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, dict | list) and inner:
                yield f"{indent}{one_line(name)}:"
                yield from _pages(inner, depth + 1)
            else:
                yield from _wrapped(f"{one_line(name)}: {_plain(inner)}", indent)
    elif isinstance(value, list):
        for number, inner in enumerate(value, start=1):
            if isinstance(inner, dict | list) and inner:
                yield f"{indent}{number}."
                yield from _pages(inner, depth + 1)
            else:
                yield from _wrapped(f"{number}. {_plain(inner)}", indent)


def _plain(value: Any) -> str:
    return escape(value) if isinstance(value, str) else json.dumps(value)


def _wrapped(text: str, indent: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from textwrap.wrap(line, _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ") or [""]


app.command("verify")(command(verify))
app.command("head")(command(head))
app.command("list")(command(list_entries))
app.command("show")(command(show_entry))
app.command("replay")(command(replay, reaches=True))
app.command("export")(command(export))
