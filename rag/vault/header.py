"""The header of an encrypted home, `encryption.json`: what it takes to get from a passphrase to the key.

The key is random, and stands in the header encrypted by what scrypt (RFC 7914) makes of the passphrase and a random
salt; so another passphrase needs another header and nothing else written. Without the header nothing can be read any
more, with it and without the passphrase nothing either. A home without one is in plain.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ingest.errors import KeyDamaged, StorageError, UsageError
from rag.store.seal import sync
from rag.vault.cipher import BYTES, Key, is_encrypted, new_key, unwrapped

NAME = "encryption.json"
FORMAT = 1
COST = 1 << 17  # scrypt's N: 128 MiB and 0.67 s of processor time a try (as OWASP recommends, with r = 8, p = 1)
_BLOCK, _LANES = 8, 1  # scrypt's r and p
_MOST = 1 << 22  # the highest N that is believed: a spoilt header must not take all memory
_SALT = 16  # bytes
_ABOUT = "key"

State = Literal["encrypting", "encrypted", "decrypting"]
"""What a home is, or what was begun and has to be finished."""
_SIGNS = ("record/head.json", "collections/*/seal.json", "chat_history")  # files that show that a home is encrypted


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a home's encryption without its passphrase."""

    state: State
    cost: int  # scrypt's N
    salt: str  # hex
    key: str  # hex; encrypted

    @property
    def memory(self) -> int:
        """Bytes that a try of a passphrase takes."""
        return 128 * _BLOCK * self.cost

    def unlock(self, passphrase: bytes, home: Path) -> Key:
        """The key of `home`. Raises UsageError: the passphrase is another one."""
        try:
            return unwrapped(bytes.fromhex(self.key), _stretched(passphrase, self), _ABOUT)
        except ValueError:
            raise UsageError(f"This passphrase does not open {home}; nothing was touched.") from None


def new(passphrase: bytes, key: Key | None = None, state: State = "encrypting") -> tuple[Header, Key]:
    """A header for a new key, or for one that gets another passphrase."""
    key = key or new_key()
    header = Header(state, COST, secrets.token_hex(_SALT), "")
    return replace(header, key=key.wrapped(_stretched(passphrase, header), _ABOUT).hex()), key


def read(home: Path) -> Header | None:
    """The header of a home; None: the home is in plain.

    Raises:
        KeyDamaged: it is not what was written, or is gone from a home that is encrypted.
    """
    path = home / NAME
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if sign := next((sign for pattern in _SIGNS for sign in home.glob(pattern) if is_encrypted(sign)), None):
            raise KeyDamaged(
                f"{home} is encrypted ({sign.relative_to(home)} is), and its {NAME} is gone; put a copy of it back. "
                "Without it nothing there can be read; the documents themselves are untouched."
            ) from None
        return None
    except OSError as error:
        raise StorageError(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
    except ValueError:
        raise _damaged(path) from None
    try:
        if fields.pop("sha256") != _digest(fields) or fields.pop("format") != FORMAT:
            raise _damaged(path)
        scrypt = fields["scrypt"]
        header = Header(fields["state"], scrypt["n"], scrypt["salt"], fields["key"])
        if (scrypt["r"], scrypt["p"]) != (_BLOCK, _LANES) or not 1 < header.cost <= _MOST:
            raise _damaged(path)
    except (KeyError, TypeError, AttributeError):
        raise _damaged(path) from None
    return header


def write(home: Path, header: Header) -> None:
    """Write the header, whole or not at all; on disk before this returns. Raises StorageError."""
    fields: dict[str, Any] = {
        "format": FORMAT,
        "state": header.state,
        "cipher": "AES-256-GCM; catalog: SQLCipher 4",
        "scrypt": {"n": header.cost, "r": _BLOCK, "p": _LANES, "salt": header.salt},
        "key": header.key,
    }
    aside = home / f"{NAME}.new"
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(fields | {"sha256": _digest(fields)}, indent=1) + "\n")
        sync(aside)
        aside.replace(home / NAME)
        sync(home)
    except OSError as error:
        raise StorageError(f"{home / NAME} cannot be written ({error.strerror}); check its permissions.") from error


def remove(home: Path) -> None:
    """Take the header away: from here on the home is in plain."""
    (home / NAME).unlink()
    sync(home)


def _stretched(passphrase: bytes, header: Header) -> bytes:
    """The key that a passphrase stands for; takes time and memory on purpose."""
    salt, most = bytes.fromhex(header.salt), header.memory + (1 << 20)  # OpenSSL counts a little more than it says
    return hashlib.scrypt(passphrase, salt=salt, n=header.cost, r=_BLOCK, p=_LANES, maxmem=most, dklen=BYTES)


def _digest(fields: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the header itself: a spoilt one must not be taken for a wrong passphrase."""
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _damaged(path: Path) -> KeyDamaged:
    return KeyDamaged(
        f"{path} is not what was written there; put a copy of it back. Without it nothing in {path.parent} can be "
        "read; the documents themselves are untouched."
    )
