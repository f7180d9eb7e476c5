"""The table of contents of the command line."""

from typing import Annotated

import typer

from rag import __version__
from rag.cli import (
    answering,
    chatting,
    classifying,
    comparing,
    erasing,
    evaluating,
    extracting,
    house,
    indexing,
    logbook,
    recording,
    scanning,
    showing,
)
from rag.cli.command import (
    CollectionOption,
    DebugOption,
    EmbeddingOption,
    HomeOption,
    LanguageOption,
    NoRecordOption,
    ReaderOption,
    command,
    keep,
)
from rag.term import show

app = typer.Typer(
    name="rag",
    help="Ask questions of confidential documents, on this machine alone: cited answers, or a plain no.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: the boxes cost 0.1 s of the 0.3 s that help may take
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
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
    no_record: NoRecordOption = False,
    debug: DebugOption = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Options that stand before a command hold for it as if they stood behind it."""
    keep(context, home, collection, embedding_model, reader_model, language_model, no_record, debug)


app.command("ingest")(command(indexing.ingest))
app.command("search")(command(answering.search))
app.command("ask")(command(answering.ask, reaches=True))
app.command("chat")(command(chatting.chat, here=True, reaches=True))  # /save FILE
app.command("show")(command(showing.show_page))
app.command("summarize")(command(logbook.summarize, reaches=True))
app.command("logs")(command(logbook.logs))
app.command("diff")(command(comparing.diff))
app.command("extract")(command(extracting.extract))
app.command("classify")(command(classifying.classify))
app.command("status")(command(indexing.status))
app.command("verify")(command(indexing.verify))
app.command("forget")(command(erasing.forget))
app.command("scan")(command(scanning.scan))
app.add_typer(recording.app, name="record")
app.command("models")(command(house.models))
app.command("eval")(command(evaluating.evaluate, reaches=True))
# Proving takes namespaces; each of its steps confines itself.
app.command("doctor")(command(house.doctor, reaches=True, unconfined_with="prove"))
