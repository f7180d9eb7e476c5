"""Signatures of OpenSSH over a file: made and checked by `ssh-keygen -Y`, with keys that people have already.

Any key that ssh knows will do, one on a hardware token included, and anybody can check a bundle without Strongroom.
Format: PROTOCOL.sshsig in OpenSSH's sources; `man ssh-keygen`.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from ingest.errors import ModelError

NAMESPACE = "strongroom-models"  # a signature made for something else is not taken for one of a bundle

_WHO = "signer"
_SECONDS = 300.0  # whoever has a passphrase to type, or a token to touch


def sign(data: bytes, key: Path) -> bytes:
    """The signature of `data` by a private key file (a passphrase is asked for by ssh-keygen). Raises ModelError."""
    if not key.is_file():
        raise ModelError(f"There is no key {key}; `ssh-keygen -t ed25519 -f {key}` makes one.")
    with tempfile.TemporaryDirectory(prefix="strongroom-") as folder:
        message = Path(folder, "message")
        message.write_bytes(data)
        done = _run("sign", "-f", str(key), "-n", NAMESPACE, str(message))
        if done.returncode != 0:
            raise ModelError(f"ssh-keygen could not sign with {key} ({_reason(done)}).")
        return message.with_suffix(".sig").read_bytes()


def signer(data: bytes, signature: bytes) -> str:
    """Kind and fingerprint of the key that signed `data`, whosever it is. Raises ModelError: not its signature."""
    with tempfile.TemporaryDirectory(prefix="strongroom-") as folder:
        Path(folder, "signature").write_bytes(signature)
        done = _run("check-novalidate", "-n", NAMESPACE, "-s", str(Path(folder, "signature")), typed=data)
    found = re.search(r"with (\S+ key SHA256:\S+)", done.stdout)
    if done.returncode != 0 or found is None:
        raise ModelError(f"The signature does not belong to what was signed ({_reason(done)}); do not use the bundle.")
    return found[1]


def check(data: bytes, signature: bytes, key: Path) -> None:
    """Raise ModelError unless `signature` is that of `data` by the public key in a file, as `ssh-keygen` writes it."""
    try:
        words = key.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"The public key {key} cannot be read ({error}).") from error
    if len(words) < 2 or not re.fullmatch(r"(ssh|ecdsa|sk)-[\w@.-]+", words[0]):
        raise ModelError(f"{key} is no public key of ssh; name the file that ends in .pub.")
    with tempfile.TemporaryDirectory(prefix="strongroom-") as folder:
        allowed, proof = Path(folder, "allowed"), Path(folder, "signature")
        allowed.write_text(f'{_WHO} namespaces="{NAMESPACE}" {words[0]} {words[1]}\n', encoding="ascii")
        proof.write_bytes(signature)
        done = _run("verify", "-f", str(allowed), "-I", _WHO, "-n", NAMESPACE, "-s", str(proof), typed=data)
    if done.returncode != 0:
        raise ModelError(f"The bundle is not signed by {key} ({_reason(done)}); do not use it.")


def _run(action: str, *arguments: str, typed: bytes = b"") -> "subprocess.CompletedProcess[str]":
    program = shutil.which("ssh-keygen")
    if program is None:
        raise ModelError("ssh-keygen, which makes and checks signatures, is not installed; it comes with OpenSSH.")
    try:
        done = subprocess.run(
            [program, "-Y", action, *arguments], input=typed, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"ssh-keygen gave no answer within {_SECONDS:.0f} s.") from error
    out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def _reason(done: "subprocess.CompletedProcess[str]") -> str:
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return said[-1] if said else f"exit code {done.returncode}"
