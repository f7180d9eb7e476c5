"""The table of contents of the command line."""

from typing import Annotated

import typer

from rag import __version__
from rag.cli import (
    answering,
    chatting,
    classifying,
    comparing,
    costing,
    encrypting,
    erasing,
    evaluating,
    extracting,
    house,
    indexing,
    logbook,
    recording,
    scanning,
    showing,
    tuning,
)
from rag.cli.command import (
    CollectionOption,
    DebugOption,
    EmbeddingOption,
    HomeOption,
    KeyFileOption,
    LanguageOption,
    NoRecordOption,
    ReaderOption,
    command,
    keep,
    never,
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
    key_file: KeyFileOption = None,
    no_record: NoRecordOption = False,
    debug: DebugOption = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Options that stand before a command hold for it as if they stood behind it."""
    keep(context, home, collection, embedding_model, reader_model, language_model, key_file, no_record, debug)


app.command("ingest")(command(indexing.ingest, opens=lambda options: not options["encrypt"]))  # else it begins one
app.command("search")(command(answering.search))
app.command("ask")(command(answering.ask))
app.command("chat")(command(chatting.chat, here=True))  # /save FILE
app.command("show")(command(showing.show_page))
app.command("summarize")(command(logbook.summarize))
app.command("logs")(command(logbook.logs, opens=never))
app.command("diff")(command(comparing.diff, opens=never))
app.command("extract")(command(extracting.extract, opens=never))
app.command("classify")(command(classifying.classify, opens=never))
app.command("status")(command(indexing.status))
app.command("verify")(command(indexing.verify))
app.command("forget")(command(erasing.forget))
app.command("scan")(command(scanning.scan, opens=lambda options: options["index"]))
app.add_typer(recording.app, name="record")
app.command("encrypt")(command(encrypting.encrypt, opens=never))  # they open the home themselves
app.command("decrypt")(command(encrypting.decrypt, opens=never))
app.command("passphrase")(command(encrypting.change, opens=never))
app.command("models")(command(house.models, opens=never))
app.command("eval")(command(evaluating.evaluate, opens=lambda options: not options["compare"]))
app.add_typer(tuning.app, name="tune")
app.command("cost")(command(costing.cost))
# A proof enters namespaces, and each of its steps confines itself.
app.command("doctor")(command(house.doctor, unconfined_with="prove", opens=never))
