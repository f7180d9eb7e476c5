"""Opens an encrypted home: by a passphrase that is typed, or that stands in a file. It is shown and written nowhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import UsageError
from rag.config import Settings
from rag.term import one_line

if TYPE_CHECKING:
    from rag.vault.cipher import Key
    from rag.vault.header import Header

_LONGEST = 8 << 20  # bytes of a key file, as of LUKS; more is a file that was named by mistake


@contextmanager
def opened(settings: Settings) -> Iterator[Key | None]:
    """The key of the settings' home, None where it is in plain; meanwhile nobody encrypts or decrypts it.

    Raises:
        UsageError: nobody gave the passphrase, or another one; or its encryption was cut off.
        KeyDamaged: the header of the home is not what was written.
    """
    from rag.store.lock import home_lock
    from rag.vault import header

    with home_lock(settings.home):
        found = header.read(settings.home)
        if found is None and settings.key_file is not None:
            raise UsageError(
                f"{settings.home} is not encrypted, but a key file is named (--key-file or RAG_PASSPHRASE_FILE); run "
                "`rag encrypt`, or begin a home by `rag ingest --encrypt`, or name no key file."
            )
        if found is not None and found.state != "encrypted":
            command = "encrypt" if found.state == "encrypting" else "decrypt"
            raise UsageError(
                f"`rag {command}` was cut off in {settings.home}, and part of that is still as it was; run it again, "
                "which finishes it. Nothing is lost."
            )
        yield None if found is None else unlocked(settings, found)


@contextmanager
def begun(settings: Settings) -> Iterator[Key]:
    """The key of the settings' home, which is begun encrypted where it is new. Raises UsageError: it is in plain."""
    from rag.store.lock import home_lock
    from rag.vault import convert, header

    key = None
    with home_lock(settings.home, alone=True):
        if header.read(settings.home) is None:
            if convert.holds_anything(settings.home):
                raise UsageError(
                    f"{settings.home} is there already, and not encrypted; run `rag encrypt` first, then ingest."
                )
            made, key = header.new(new_passphrase(settings.home, settings.key_file), state="encrypted")
            header.write(settings.home, made)
    if key is None:
        with opened(settings) as found:
            assert found is not None  # it has a header
            yield found
    else:
        with home_lock(settings.home):
            yield key


def unlocked(settings: Settings, found: Header) -> Key:
    """The key behind a header, by the passphrase of whoever runs this. Raises UsageError."""
    return found.unlock(_passphrase(settings), settings.home)


def new_passphrase(home: Path, file: Path | None, option: str = "--key-file") -> bytes:
    """A passphrase for a home: from a file, or typed twice. Raises UsageError."""
    if file is not None:
        if file.resolve().is_relative_to(home.resolve()):
            raise UsageError(f"{file} lies in the home that it would open; keep it elsewhere, and name it by {option}.")
        return _read(file)
    if not sys.stdin.isatty():
        raise UsageError(
            f"There is no terminal to ask for a passphrase for {home}; run this in one, or name a file that holds it: "
            f"{option} FILE."
        )
    typed = _typed(f"New passphrase for {home}:")
    if _typed("The same again:") != typed:
        raise UsageError("These are two different passphrases; nothing was done.")
    return typed


def _passphrase(settings: Settings) -> bytes:
    if settings.key_file is not None:
        return _read(settings.key_file)
    if not sys.stdin.isatty():
        raise UsageError(
            f"{settings.home} is encrypted. Run this in a terminal, to be asked for its passphrase, or name a file "
            "that holds it: --key-file FILE, or RAG_PASSPHRASE_FILE in the environment."
        )
    return _typed(f"Passphrase of {settings.home}:")


def _typed(prompt: str) -> bytes:
    try:
        typed = getpass(f"{one_line(prompt)} ")
    except EOFError:
        typed = ""
    if not typed:
        raise UsageError("No passphrase was typed; nothing was done.")
    return typed.encode(errors="surrogateescape")


def _read(file: Path) -> bytes:
    """The bytes of a key file, without the end of its line: what an editor adds is no part of a passphrase."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_LONGEST + 1)
    except OSError as error:
        raise UsageError(f"The key file {file} cannot be read ({error.strerror}); check its name.") from error
    data = data.removesuffix(b"\n").removesuffix(b"\r")
    if not data or len(data) > _LONGEST:
        size = "is empty" if not data else "is longer than 8 MiB"
        raise UsageError(f"The key file {file} {size}; it has to hold the passphrase and nothing else.")
    return data
