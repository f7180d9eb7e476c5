"""What every command shares: the options for settings, and errors as sentences with the right exit code."""

import contextlib
import functools
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from ingest.errors import HostError, StrongroomError
from rag import offline, private
from rag.cli.opening import close_catalogs
from rag.config import Settings, resolve
from rag.guard.types import Attempt, Host
from rag.term import counted, escape, say

if TYPE_CHECKING:
    from rag.record.notes import Note

INTERRUPTED = 130
CONFINED = "confined"
"""The key of the context's object that says: this is the program, which ends with its command."""

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Folder for everything Strongroom writes. [env: RAG_HOME]", show_default=False),
]
CollectionOption = Annotated[
    str | None, typer.Option("--collection", help="Which index inside the home. [env: RAG_COLLECTION]")
]
EmbeddingOption = Annotated[
    Path | None,
    typer.Option("--embedding-model", help="A sentence-transformers folder to use instead of the default model."),
]
ReaderOption = Annotated[
    Path | None,
    typer.Option(
        "--reader-model", help="A folder with a cross-encoder or question-answering model to use instead of our reader."
    ),
]
LanguageOption = Annotated[
    Path | None, typer.Option("--language-model", help="A GGUF file to use instead of the default model.")
]
KeyFileOption = Annotated[
    Path | None,
    typer.Option(
        "--key-file", help="A file that holds the passphrase of an encrypted home. [env: RAG_PASSPHRASE_FILE]"
    ),
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks; they may quote documents.")]
NoReaderOption = Annotated[
    bool, typer.Option("--no-reader", help="Rank by words and meaning alone: faster, and less often right.")
]
NoRecordOption = Annotated[
    bool, typer.Option("--no-record", help="Write nothing about this into the record. [env: RAG_RECORD=false]")
]
RedactOption = Annotated[
    bool, typer.Option("--redact", help="Mask personal data: [EMAIL-1], [PHONE-2]; the same value, the same mark.")
]
WRITTEN = "written"
"""Beside an option in `Annotated`: a file or folder that the command writes, besides the home."""
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")]

_SHARED: dict[str, Any] = {
    "home": HomeOption,
    "collection": CollectionOption,
    "embedding_model": EmbeddingOption,
    "reader_model": ReaderOption,
    "language_model": LanguageOption,
    "key_file": KeyFileOption,
    "no_record": NoRecordOption,
    "debug": DebugOption,
}


def keep(
    context: typer.Context,
    home: HomeOption = None,
    collection: CollectionOption = None,
    embedding_model: EmbeddingOption = None,
    reader_model: ReaderOption = None,
    language_model: LanguageOption = None,
    key_file: KeyFileOption = None,
    no_record: NoRecordOption = False,
    debug: DebugOption = False,
) -> None:
    """Remember options given before the command; `command` merges them with those given after it."""
    given = {name: value for name, value in locals().items() if name in _SHARED and value}
    context.obj = dict(context.obj or {}) | given


def _place(error: BaseException) -> str:
    """ "module.py, line 12": where an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}"


def always(_: Mapping[str, Any]) -> bool:
    """For `opens`: the command works with what the home holds."""
    return True


def never(_: Mapping[str, Any]) -> bool:
    """For `opens`: the command works with what lies outside the home."""
    return False


def command(
    function: Callable[..., int | None],
    *,
    here: bool = False,
    reaches: bool = False,
    unconfined_with: str | None = None,
    opens: Callable[[Mapping[str, Any]], bool] = always,
) -> Callable[..., None]:
    """Make a function a command: its first argument is the resolved Settings, its result the exit code (None: 0).

    In the program itself (`rag.cli.main`) the command may write below the home, the temp folder and the places that its
    options marked WRITTEN name, and nowhere else; see `rag.offline.confine`. What the guard refuses meanwhile is said.

    Args:
        here: it may also write below the folder it was started in.
        reaches: it may connect to the hosts that config.toml names; all others may not, whatever stands there.
        unconfined_with: the option that, where given, takes the bounds of writing off.
        opens: told its options, whether it needs what the home holds. Then an encrypted home is opened before anything
            is done, and nobody encrypts or decrypts it meanwhile.
    """
    hints = get_type_hints(function, include_extras=True)
    written = [name for name, hint in hints.items() if WRITTEN in getattr(hint, "__metadata__", ())]

    @functools.wraps(function)
    def run(context: typer.Context, **options: Any) -> None:
        shared = dict(context.obj or {}) | {name: value for name in _SHARED if (value := options.pop(name, None))}
        private.engage()
        debug = bool(shared.pop("debug", False))
        record = False if shared.pop("no_record", False) else None
        confined = shared.pop(CONFINED, False) and not (unconfined_with and options[unconfined_with])
        said = ""
        settings = None
        held = contextlib.ExitStack()
        try:
            settings = resolve(shared.pop("home", None), record=record, **shared)
            if settings.home.is_dir():  # else there is nothing to keep yet; what begins a home claims it
                private.claim(settings.home)
            if confined:
                outputs = [Path(options[name]) for name in written if options[name]]
                _confine(settings.home, [*outputs, *([Path.cwd()] if here else [])])
            offline.allow(_hosts(settings) if reaches else ())
            if opens(options) and settings.home.is_dir():
                from rag.cli.unlocking import opened

                settings = replace(settings, key=held.enter_context(opened(settings)))
            code = function(settings, **options)
        except StrongroomError as error:
            if debug:
                raise
            said = str(error)
            say(f"Error: {escape(said)}")
            code = error.exit_code
        except KeyboardInterrupt:
            say("Interrupted; everything finished before is kept.")
            code = INTERRUPTED
        except BrokenPipeError:
            # The reader of our output went away (`rag search … | head`). Nothing is left to say to it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        except Exception as error:
            if debug:
                raise
            # Not its message: a library's may quote what it was reading.
            say(f"Error: unexpected {type(error).__name__} in {_place(error)}. Run it again with --debug for details.")
            code = 2
        finally:
            close_catalogs()
            refused = offline.untold()
            for attempt in refused:
                if attempt.sentence != said:
                    say(escape(attempt.sentence))
            if refused and settings is not None:
                _record_attempts(settings, refused)
            if settings is not None:
                _tell_connections(settings)
            held.close()
        raise typer.Exit(code or 0)

    own = list(inspect.signature(function).parameters.values())[1:]
    extra = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False if name in ("debug", "no_record") else None,
            annotation=annotation,
        )
        for name, annotation in _SHARED.items()
    ]
    head = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[parameter.name]) for parameter in own
    ]
    signature = inspect.Signature([head, *own, *extra])
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    return run


def _hosts(settings: Settings) -> list[Host]:
    if not settings.hosts:
        return []
    from rag.guard.hosts import parse

    return [parse(host) for host in settings.hosts]


def _tell_connections(settings: Settings) -> None:
    """Say and write down which hosts were connected to, by the count of whoever connected: not of who asked for it."""
    try:
        made = offline.connections()
    except HostError as error:
        say(escape(str(error)))
        return
    if made:
        from rag.record.notes import of_connections

        listed = ", ".join(f"{counted(count, 'connection')} to {host}" for host, count in made.items())
        say(f"Made, or tried, {listed}, as config.toml allows; none to any other host.")
        _record(settings, lambda: of_connections(made))


def _record_attempts(settings: Settings, refused: Sequence[Attempt]) -> None:
    """Write refused tries into the record of a home that is there. Whether they could be is said, as everywhere."""
    from rag.record.notes import of_attempts

    _record(settings, lambda: of_attempts(refused))


def _record(settings: Settings, note: Callable[[], "Note"]) -> None:
    from rag.cli.opening import open_recorder
    from rag.vault import header

    if not settings.home.is_dir():
        return
    if settings.key is None and (settings.home / header.NAME).exists():
        say("This is NOT in the record: the home is encrypted, and this command has not opened it.")
    elif failure := open_recorder(settings).write(note):
        say(escape(failure))


def _confine(home: Path, outputs: list[Path]) -> None:
    """Bound this process's writing to the home, which is made first, and to where outputs are going to lie."""
    with contextlib.suppress(OSError):  # whoever needs it says what is wrong with it
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    places = (next(place for place in (path, *path.absolute().parents) if place.is_dir()) for path in outputs)
    offline.confine(home, places)
