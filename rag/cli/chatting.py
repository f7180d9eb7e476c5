"""`rag chat`: questions one after the other, each of which may lean on the ones before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.errors import StorageError, StrongroomError, UsageError
from rag.cli.answering import PathOption, Printer, SectionOption, SinceOption, TypeOption
from rag.cli.command import NoReaderOption
from rag.cli.opening import open_answerer, parse_filter
from rag.config import Settings
from rag.term import counted, dim, escape, mark, one_line, say, show
from rag.types import Citation, where

if TYPE_CHECKING:
    from rag.conversation import Conversation, Turn

HELP = """/why            passages and scores behind the last answer
/open N         open source N of the last answer in its program, or print its page where there is no screen
/save FILE      write a Markdown transcript of this conversation
/help           this list
/quit           end, as Ctrl-D does; Ctrl-C stops an answer"""
_PASSAGES = 5  # shown by /why
_HISTORY = 1000  # lines that are kept


def chat(
    settings: Settings,
    path: PathOption = None,
    section: SectionOption = None,
    types: TypeOption = None,
    since: SinceOption = None,
    no_reader: NoReaderOption = False,
    quotes_only: Annotated[bool, typer.Option("--quotes-only", help="Quotations alone, no language model.")] = False,
) -> int:
    """Ask several questions; a follow-up leans on the one before. Recorded as `rag ask` is."""
    from rag.conversation import Conversation

    only = parse_filter(path, section, types, since)
    answerer = open_answerer(settings, only, read=not no_reader, write=not quotes_only)
    conversation = Conversation(answerer, only)
    files = len(answerer.retriever.catalog.stored_files())
    say(f"Ask about {counted(files, 'file')}. /help lists commands, Ctrl-C stops an answer, Ctrl-D ends.")
    for line in _typed(settings):
        try:
            if not line.startswith("/"):
                _ask(conversation, line)
            elif line in ("/quit", "/exit"):
                break
            else:
                _obey(conversation, *line.split(maxsplit=1))
        except StrongroomError as error:  # of one line; the conversation goes on
            say(f"Error: {escape(str(error))}")
        except KeyboardInterrupt:
            say("Stopped.")
    return 0


def _typed(settings: Settings) -> Iterator[str]:
    """Lines as they are typed, without empty ones. On a terminal with editing, and a history where it is to be kept."""
    if not sys.stdin.isatty():
        yield from filter(None, map(str.strip, sys.stdin))
        return
    try:
        import readline  # input() edits lines once it is there; Python on some systems is built without
    except ImportError:
        readline = None  # type: ignore[assignment]
    if readline and settings.chat_history:
        for line in _remembered(settings):
            readline.add_history(line)
    try:
        yield from _edited()
    finally:
        if readline and settings.chat_history:
            last = readline.get_current_history_length()
            lines = [readline.get_history_item(place) for place in range(max(last - _HISTORY, 0) + 1, last + 1)]
            _keep(settings, lines)


def _edited() -> Iterator[str]:
    while True:
        try:
            if line := input("> ").strip():
                yield line
        except KeyboardInterrupt:  # the line is thrown away
            say("")
        except EOFError:
            say("")
            return


def _remembered(settings: Settings) -> list[str]:
    """The lines of earlier conversations."""
    from rag.vault.cipher import decoded
    from rag.vault.files import TYPED_ABOUT

    try:
        return decoded(settings.key, settings.typed.read_bytes(), TYPED_ABOUT).decode().splitlines()
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        say(one_line(f"What you typed before cannot be read from {settings.typed} ({error}); it will be written anew."))
        return []


def _keep(settings: Settings, lines: Sequence[str]) -> None:
    """Write the history for its owner alone. What was typed is no reason to end with an error."""
    from rag.vault.cipher import encoded
    from rag.vault.files import TYPED_ABOUT

    data = "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")
    try:
        descriptor = os.open(settings.typed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            file.write(encoded(settings.key, data, TYPED_ABOUT))
    except OSError as error:
        say(one_line(f"What you typed could not be kept in {settings.typed} ({error.strerror})."))


def _ask(conversation: Conversation, question: str) -> None:
    understood = conversation.understand(question)
    if understood != question:
        say(dim(one_line(f"Understood as: {understood}")))
    printer = Printer()
    printer.finish(conversation.ask(question, printer.hits, printer.sentence).answer)


def _obey(conversation: Conversation, command: str, argument: str = "") -> None:
    if command == "/help":
        show(HELP)
        return
    if command not in _COMMANDS:
        raise UsageError(f"There is no {command!r}; /help lists the commands.")
    if not conversation.turns:
        raise UsageError(f"{command} is about an answer; ask something first.")
    _COMMANDS[command](conversation, argument)


def _why(conversation: Conversation, _: str) -> None:
    from rag.explain import explain

    turn, answerer = conversation.turns[-1], conversation.answerer
    relation = "at or above" if turn.answer.confidence >= answerer.threshold else "below"
    show(f"Confidence {turn.answer.confidence:.2f}, {relation} the threshold of {answerer.threshold:.2f}.")
    wording = answerer.retriever.wording(turn.understood)
    reasons = explain(answerer.retriever.catalog, wording, turn.hits[:_PASSAGES])
    for number, (hit, reason) in enumerate(zip(turn.hits, reasons, strict=False), start=1):
        chunk = hit.stored.chunk
        show(f"{number}. {one_line(f'{chunk.path}, {chunk.section}' if chunk.section else chunk.path)}")
        for line in reason.lines():
            show(dim(textwrap.indent(one_line(line), "   ")))


def _open(conversation: Conversation, argument: str) -> None:
    turn = conversation.turns[-1]
    source = next((item for item in turn.sources if str(item.number) == argument), None)
    if source is None:
        raise UsageError(f"The last answer has {_numbers(turn)}; /open takes the number of one.")
    file = Path(source.root, source.path)
    program = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    seen = sys.platform == "darwin" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    if program is None or not seen:
        _print(conversation, source)
        return
    # What is opened runs behind the same guard: it cannot reach the internet either.
    subprocess.Popen([program, str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    show(one_line(f"Opened {file}" + (f"; look at page {source.page}." if source.page else ".")))


def _print(conversation: Conversation, source: Citation) -> None:
    """The page of a source as it was indexed, where there is no screen to open it on."""
    found = conversation.answerer.retriever.catalog.page(source.path, source.page, source.record)
    if found is None:
        raise UsageError(f"The index no longer has {where(source.path, source.page, source.record)}; ask again.")
    text = found[2].text
    say(one_line(f"There is no screen to open it on; {where(source.path, source.page, source.record)} says:"))
    show(escape(text[: source.start]) + mark(escape(text[source.start : source.end])) + escape(text[source.end :]))


def _numbers(turn: Turn) -> str:
    return counted(len(turn.sources), "source")


def _save(conversation: Conversation, argument: str) -> None:
    from rag.batch import write_file
    from rag.conversation import transcript

    if not argument:
        raise UsageError("Name a file: /save answers.md")
    path = Path(argument).expanduser()
    if path.exists():
        raise UsageError(f"{path} is there already; name another file.")
    try:
        write_file(path, transcript(conversation.turns))
    except StorageError as error:
        if path.resolve().is_relative_to(Path.cwd()):
            raise
        raise UsageError(
            f"{path} cannot be written: a conversation is saved below the folder it was started in, {Path.cwd()}."
        ) from error
    show(one_line(f"Wrote {counted(len(conversation.turns), 'question')} to {path}."))


_COMMANDS: dict[str, Callable[[Conversation, str], None]] = {"/why": _why, "/open": _open, "/save": _save}
