"""`rag encrypt`, `rag decrypt`, `rag passphrase`: a home that tells nothing to whoever gets the disk, and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.errors import UsageError
from rag import private
from rag.cli.command import JsonOption
from rag.cli.opening import open_recorder
from rag.cli.unlocking import new_passphrase, unlocked
from rag.config import Settings
from rag.term import bold, counted, mark, one_line, say, show, show_json

if TYPE_CHECKING:
    from rag.vault.cipher import Key


def encrypt(settings: Settings, as_json: JsonOption = False) -> int:
    """Encrypt the home: every collection, the record, what was typed and answered. Asks for a passphrase, twice."""
    from rag.store.lock import home_lock
    from rag.vault import convert, header

    private.claim(settings.home)
    with home_lock(settings.home, alone=True):
        found = header.read(settings.home)
        if found is not None and found.state == "encrypted":
            raise UsageError(f"{settings.home} is encrypted already; `rag passphrase` changes its passphrase.")
        if found is None:
            convert.check(settings.home, None)
            made, key = header.new(new_passphrase(settings.home, settings.key_file))
        else:
            made, key = replace(found, state="encrypting"), unlocked(settings, found)
        header.write(settings.home, made)
        convert.convert(settings.home, None, key, _told)
        header.write(settings.home, replace(made, state="encrypted"))
        number, strangers = len(convert.collections(settings.home)), convert.strangers(settings.home)
    failure = _record(settings, key, "encrypted")
    if as_json:
        show_json(_about(settings, True) | {"collections": number, "left_in_plain": strangers})
    else:
        held = f"{counted(number, 'collection')}, the record, what was typed"
        show(bold(one_line(f"{settings.home} is encrypted: {held}.")))
        if strangers:
            show(mark(f"Not the program's own, and left as they are: {one_line(', '.join(strangers))}"))
        show("Without the passphrase nobody can read it again, us included; the documents themselves are untouched.")
        show(f"Keep a copy of {header.NAME} elsewhere: where it is lost or damaged, the passphrase opens nothing.")
        if number:
            show("What was in plain until now may still be in freed blocks of the disk, in snapshots and in backups.")
    return _end(failure)


def decrypt(settings: Settings, as_json: JsonOption = False) -> int:
    """Bring an encrypted home back into plain."""
    from rag.store.lock import home_lock
    from rag.vault import convert, header

    with home_lock(settings.home, alone=True):
        found = header.read(settings.home)
        if found is None:
            raise UsageError(f"{settings.home} is not encrypted.")
        key = unlocked(settings, found)
        if found.state == "encrypted":
            convert.check(settings.home, key)
        header.write(settings.home, replace(found, state="decrypting"))
        convert.convert(settings.home, key, None, _told)
        header.remove(settings.home)
    failure = _record(settings, None, "decrypted")
    if as_json:
        show_json(_about(settings, False))
    else:
        show(bold(one_line(f"{settings.home} is in plain again.")))
    return _end(failure)


def change(
    settings: Settings,
    new_key_file: Annotated[
        Path | None,
        typer.Option("--new-key-file", help="A file that holds the new passphrase; else it is asked for, twice."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Change the passphrase of an encrypted home. Nothing but its header is written anew."""
    from rag.store.lock import home_lock
    from rag.vault import header

    with home_lock(settings.home, alone=True):
        found = header.read(settings.home)
        if found is None:
            raise UsageError(f"{settings.home} is not encrypted; `rag encrypt` does that.")
        key = unlocked(settings, found)
        made, _ = header.new(new_passphrase(settings.home, new_key_file, "--new-key-file"), key, found.state)
        header.write(settings.home, made)
    failure = _record(settings, key, "passphrase changed") if found.state == "encrypted" else ""
    if as_json:
        show_json(_about(settings, True))
    else:
        show(bold(one_line(f"{settings.home} has a new passphrase.")))
        show(
            f"Copies of {header.NAME} from before still open it by the old one: destroy them. If others may know that, "
            "`rag decrypt` and `rag encrypt` make a new key."
        )
    return _end(failure)


def _told(what: str) -> None:
    say(one_line(what))


def _about(settings: Settings, encrypted: bool) -> dict[str, Any]:
    return {"home": str(settings.home), "encrypted": encrypted}


def _record(settings: Settings, key: Key | None, what: str) -> str:
    from rag.record.notes import of_encryption

    return open_recorder(replace(settings, key=key)).write(lambda: of_encryption(what))


def _end(failure: str) -> int:
    if failure:
        say(mark(one_line(failure)))
    return 0
