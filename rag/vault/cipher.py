"""What the key of an encrypted home does with bytes; the one door to cryptography. Knows no passphrase and no disk.

The key is 32 random bytes. What uses it has a key of its own, derived by HKDF's expand step (RFC 5869) from the name of
the use. Files and lines are AES-256-GCM with a random nonce (NIST SP 800-38D), so what was changed does not decrypt:

    MARK  nonce (12 bytes)  encrypted bytes  tag (16 bytes)

What the bytes are (`about`) is authenticated with them: one kind of file cannot be put in another's place. The catalog
is SQLCipher's, which is given its key by `Key.catalog`.
"""

import base64
import hmac
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

MARK = b"strong1\n"  # how whatever is encrypted begins; nothing that the program writes in plain does
BYTES = 32  # of a key: AES-256
NONCE, TAG = 12, 16  # bytes, of AES-GCM
MORE = len(MARK) + NONCE + TAG  # bytes that are encrypted are longer by
PAGE = 8192  # bytes of the catalog's pages; a document's has about 2,500, and alone in SQLite's usual 4,096 wastes much
_RESERVED = 80  # bytes at the end of each page: 16 of initialisation vector, 64 of HMAC-SHA512 (SQLCipher 4)
_SALT = 16  # bytes at the beginning of the file, in the place of SQLite's own mark


class Key:
    """The key of an encrypted home. Shows itself to nobody: no text form, no copy in another process."""

    __slots__ = ("_files", "_secret")

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._files = _aes(_derived(secret, "files"))

    def __repr__(self) -> str:
        return "Key(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key stays in the process that opened it")

    def encrypt(self, data: bytes, about: str) -> bytes:
        """`data`, encrypted; it is longer by MORE."""
        return _encrypted(self._files, data, about)

    def decrypt(self, data: bytes, about: str) -> bytes:
        """What `encrypt` was given. Raises ValueError where `data` is not what it returned for the same `about`."""
        return _decrypted(self._files, data, about)

    @property
    def catalog(self) -> str:
        """The key of the catalog, as 64 hexadecimal digits."""
        return _derived(self._secret, "catalog").hex()

    def pages(self, path: Path) -> Iterator[bytes]:
        """What each page of a catalog holds, those that are free too; unlike SQLCipher, which shows rows alone."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        cipher = algorithms.AES(_derived(self._secret, "catalog"))
        with path.open("rb") as file:
            file.seek(_SALT)
            body = PAGE - _RESERVED - _SALT
            while page := file.read(body + _RESERVED):
                vector = page[body : body + 16]
                yield Cipher(cipher, modes.CBC(vector)).decryptor().update(page[:body])
                body = PAGE - _RESERVED

    def wrapped(self, by: bytes, about: str) -> bytes:
        """The key itself, encrypted by another one of BYTES bytes."""
        return _encrypted(_aes(by), self._secret, about)


def new_key() -> Key:
    """A key that nobody has had."""
    return Key(secrets.token_bytes(BYTES))


def unwrapped(data: bytes, by: bytes, about: str) -> Key:
    """The key that was `wrapped`. Raises ValueError where it was not by this one."""
    return Key(_decrypted(_aes(by), data, about))


def encoded(key: Key | None, data: bytes, about: str) -> bytes:
    """`data` as it is written to disk: encrypted where there is a key."""
    return data if key is None else key.encrypt(data, about)


def decoded(key: Key | None, data: bytes, about: str) -> bytes:
    """What was `encoded`. Raises ValueError where a key does not fit."""
    return data if key is None else key.decrypt(data, about)


def encoded_line(key: Key | None, line: bytes, about: str) -> bytes:
    """A line with its end, as it is written to disk: a line again."""
    return line if key is None else base64.b64encode(key.encrypt(line, about)) + b"\n"


def decoded_line(key: Key | None, line: bytes, about: str) -> bytes:
    """What was `encoded_line`. Raises ValueError where a key does not fit."""
    if key is None:
        return line
    data = base64.b64decode(line.removesuffix(b"\n"), validate=True)
    if base64.b64encode(data) + b"\n" != line:  # the last letter has bits that decoding leaves out
        raise ValueError("it is not encrypted")
    return key.decrypt(data, about)


def is_encrypted(path: Path) -> bool:
    """Whether a file is there and begins as what is encrypted does."""
    try:
        with path.open("rb") as file:
            return file.read(len(MARK)) == MARK
    except OSError:
        return False


def _derived(secret: bytes, use: str) -> bytes:
    return hmac.digest(secret, f"strongroom {use}".encode() + b"\x01", "sha256")


def _aes(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # late: a home in plain does without

    return AESGCM(key)


def _encrypted(cipher: Any, data: bytes, about: str) -> bytes:
    nonce = secrets.token_bytes(NONCE)
    sealed: bytes = cipher.encrypt(nonce, data, MARK + about.encode())
    return MARK + nonce + sealed


def _decrypted(cipher: Any, data: bytes, about: str) -> bytes:
    from cryptography.exceptions import InvalidTag

    if len(data) < MORE or not data.startswith(MARK):
        raise ValueError("it is not encrypted")
    nonce, sealed = data[len(MARK) : len(MARK) + NONCE], data[len(MARK) + NONCE :]
    try:
        plain: bytes = cipher.decrypt(nonce, sealed, MARK + about.encode())
    except InvalidTag:
        raise ValueError("it was changed, or encrypted by another key") from None
    return plain
