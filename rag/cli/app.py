"""The table of contents of the command line."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from rag import __version__
from rag.cli.command import (
    CollectionOption,
    DebugOption,
    EmbeddingOption,
    HomeOption,
    KeyFileOption,
    LanguageOption,
    NoRecordOption,
    ReaderOption,
    always,
    command,
    keep,
    never,
)
from rag.term import show


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command stands, and what it may write beside the home; see `rag.cli.command.command`."""

    place: str  # module.function below rag.cli; or a module alone, whose `app` is a group of commands
    here: bool = False
    reaches: bool = False  # hosts that config.toml names
    unconfined_with: str | None = None
    opens: Callable[[Mapping[str, Any]], bool] = always


COMMANDS = {
    "ingest": Entry("indexing.ingest", opens=lambda options: not options["encrypt"]),  # else it begins one
    "search": Entry("answering.search"),
    "ask": Entry("answering.ask", reaches=True),
    "chat": Entry("chatting.chat", here=True, reaches=True),  # /save FILE
    "show": Entry("showing.show_page"),
    "summarize": Entry("logbook.summarize", reaches=True),
    "logs": Entry("logbook.logs", opens=never),
    "diff": Entry("comparing.diff", opens=never),
    "extract": Entry("extracting.extract", opens=never),
    "classify": Entry("classifying.classify", opens=never),
    "status": Entry("indexing.status"),
    "verify": Entry("indexing.verify"),
    "forget": Entry("erasing.forget"),
    "scan": Entry("scanning.scan", opens=lambda options: options["index"]),
    "record": Entry("recording"),
    "encrypt": Entry("encrypting.encrypt", opens=never),  # they open the home themselves
    "decrypt": Entry("encrypting.decrypt", opens=never),
    "passphrase": Entry("encrypting.change", opens=never),
    "warm": Entry("warming.start", opens=never),  # it holds models alone
    "models": Entry("house.models", opens=never),
    "eval": Entry("evaluating.evaluate", reaches=True, opens=lambda options: not options["compare"]),
    "tune": Entry("tuning"),
    "cost": Entry("costing.cost", reaches=True),
    # A proof takes namespaces, and each of its steps confines itself.
    "doctor": Entry("house.doctor", reaches=True, unconfined_with="prove", opens=never),
}


class _OnDemand(Mapping[str, Any]):
    """The commands by name; the module of one is imported when it is looked at, so that none pays for the others."""

    def __getitem__(self, name: str) -> Any:
        entry = COMMANDS[name]
        module, _, function = entry.place.partition(".")
        found = import_module(f"rag.cli.{module}")
        if not function:
            return typer.main.get_command(found.app)
        one = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=_HELP)
        run = command(
            getattr(found, function),
            here=entry.here,
            reaches=entry.reaches,
            unconfined_with=entry.unconfined_with,
            opens=entry.opens,
        )
        one.command(name)(run)
        return typer.main.get_command(one)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Commands(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _OnDemand()  # type: ignore[assignment]


_HELP = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="rag",
    cls=_Commands,
    help="Ask questions of confidential documents, on this machine alone: cited answers, or a plain no.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: the boxes cost 0.1 s of the 0.3 s that help may take
    pretty_exceptions_enable=False,
    context_settings=_HELP,
)


def _version(value: bool) -> None:
    if value:
        show(f"rag {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    home: HomeOption = None,
    collection: CollectionOption = None,
    embedding_model: EmbeddingOption = None,
    reader_model: ReaderOption = None,
    language_model: LanguageOption = None,
    key_file: KeyFileOption = None,
    no_record: NoRecordOption = False,
    debug: DebugOption = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Options that stand before a command hold for it as if they stood behind it."""
    keep(context, home, collection, embedding_model, reader_model, language_model, key_file, no_record, debug)
