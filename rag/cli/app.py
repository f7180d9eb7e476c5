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
    says: str  # its line in the list of commands, which is printed without importing any of them
    here: bool = False
    reaches: bool = False  # hosts that config.toml names
    unconfined_with: str | None = None
    opens: Callable[[Mapping[str, Any]], bool] = always


COMMANDS = {
    "ingest": Entry(
        "indexing.ingest",
        "Make the index equal to the given folders.",
        opens=lambda options: not options["encrypt"],  # else it begins one
    ),
    "search": Entry("answering.search", "Find passages by words and by meaning."),
    "ask": Entry("answering.ask", "Answer a question from the documents, with checked citations.", reaches=True),
    "chat": Entry(
        "chatting.chat",
        "Ask several questions; a follow-up leans on the one before.",
        here=True,  # /save FILE
        reaches=True,
    ),
    "show": Entry("showing.show_page", "Print a page's text as it was indexed, or lines of a log."),
    "summarize": Entry("logbook.summarize", "Summarise documents and logs, many at once.", reaches=True),
    "logs": Entry("logbook.logs", "Count what is in logs, and say what stands out.", opens=never),
    "diff": Entry("comparing.diff", "Say what changed from one version to the next.", opens=never),
    "extract": Entry("extracting.extract", "Make a table of obligations, definitions, amounts and more.", opens=never),
    "classify": Entry("classifying.classify", "Sort documents by your own labels.", opens=never),
    "status": Entry("indexing.status", "Show what is indexed, and what could not be read."),
    "verify": Entry("indexing.verify", "Check every byte of the index."),
    "forget": Entry("erasing.forget", "Erase a file's text, vectors and names from the index."),
    "scan": Entry("scanning.scan", "Find and count personal data.", opens=lambda options: options["index"]),
    "record": Entry("recording", "What was asked and answered: verify, show, replay, export."),
    # These three open the home themselves.
    "encrypt": Entry("encrypting.encrypt", "Encrypt the home: collections, record, everything.", opens=never),
    "decrypt": Entry("encrypting.decrypt", "Bring an encrypted home back into plain.", opens=never),
    "passphrase": Entry("encrypting.change", "Change the passphrase of an encrypted home.", opens=never),
    "warm": Entry(
        "warming.start",
        "Keep the models loaded, so that `rag ask` answers sooner.",
        opens=never,  # it holds models alone
    ),
    "models": Entry("house.models", "Check the models; carry them; make them fast here.", opens=never),
    "eval": Entry(
        "evaluating.evaluate",
        "Measure recall, citations and refusals on your questions.",
        reaches=True,
        opens=lambda options: not options["compare"],
    ),
    "tune": Entry("tuning", "Learn from your own questions, and keep what wins."),
    "cost": Entry("costing.cost", "Measure what an answer costs here, beside the cloud.", reaches=True),
    # A proof takes namespaces, and each of its steps confines itself.
    "doctor": Entry(
        "house.doctor",
        "Check the machine, the models and the offline guard.",
        reaches=True,
        unconfined_with="prove",
        opens=never,
    ),
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

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """The list in the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.says) for name, entry in COMMANDS.items()])


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
