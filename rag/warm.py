"""The caller's end of a warm process: `rag ask` and `rag search` are handed to it, where one runs for the same home.

It passes the command's own words, environment, folder and standard streams over a Unix socket; a copy of the warm
process (`rag/cli/warming.py`) takes them for its own and runs the command as if it had been started with them. So
output, colours, width and exit code are the command's own. Where nothing is warm, nothing happens here.

It stands before the guard, since it is to cost nothing: it imports the standard library alone, and opens no socket but
the one below the home.
"""

import json
import os
import signal
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag import __version__

if TYPE_CHECKING:
    from socket import socket

COMMANDS = frozenset({"ask", "search"})
FOLDER, SOCKET = "warm", "socket"  # below the home
LENGTH = struct.Struct("=Q")  # before a message: how many bytes it has
CREDENTIALS = struct.Struct("=3i")  # struct ucred: process, user, group
INTERRUPT = b"i"
_VALUED = frozenset({"--home", "--collection", "--embedding-model", "--reader-model", "--language-model"})
_DAMAGED = 2  # exit code where a warm process went away with the answer


def run(arguments: Sequence[str]) -> int | None:
    """Have a warm process run the command. Its exit code; None where none does, and it is to be run here."""
    if _command(arguments) not in COMMANDS or not hasattr(os, "sched_getaffinity"):
        return None
    address = _home(arguments) / FOLDER / SOCKET
    if not address.exists():
        return None
    line, why = _connect(address)
    if line is None:
        _say_why(arguments, why)
        return None
    with line:
        try:
            _send(line, arguments)
            said = receive(line)
        except (OSError, ValueError) as error:
            _say_why(arguments, f"it does not answer ({error})")
            return None
        if said is None or "refused" in said:
            _say_why(arguments, said["refused"] if said else "it has just ended")
            return None
        return _wait(line)


def program() -> dict[str, Any]:
    """What caller and warm process have to share: the program, its interpreter, the cores it may use."""
    return {
        "version": __version__,
        "package": str(Path(__file__).parent),
        "python": sys.executable,
        "cores": sorted(os.sched_getaffinity(0)),
    }


def receive(line: "socket") -> dict[str, Any] | None:
    """The next message; None at the end."""
    head = _exactly(line, LENGTH.size)
    return json.loads(_exactly(line, LENGTH.unpack(head)[0])) if head else None


def send(line: "socket", message: dict[str, Any]) -> None:
    """Send a message."""
    body = json.dumps(message).encode()
    line.sendall(LENGTH.pack(len(body)) + body)


def same_user(line: "socket") -> bool:
    """Whether the process at the other end belongs to this user, as the kernel says."""
    from socket import SO_PEERCRED, SOL_SOCKET

    return bool(CREDENTIALS.unpack(line.getsockopt(SOL_SOCKET, SO_PEERCRED, CREDENTIALS.size))[1] == os.getuid())


def _exactly(line: "socket", size: int) -> bytes:
    """`size` bytes, or none at the end."""
    got = b""
    while len(got) < size:
        piece = line.recv(size - len(got))
        if not piece:
            return b""
        got += piece
    return got


def _command(arguments: Sequence[str]) -> str:
    """The first word that is neither an option nor an option's value."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            return word
        if word in _VALUED:
            next(words, None)
    return ""


def _home(arguments: Sequence[str]) -> Path:
    """The home as `rag.config.resolve` finds it."""
    named = ""
    words = iter(arguments)
    for word in words:
        if word == "--":
            break
        if word == "--home":
            named = next(words, "")
        elif word.startswith("--home="):
            named = word.partition("=")[2]
    named = named or os.environ.get("RAG_HOME", "")
    if not named:
        import platformdirs

        return platformdirs.user_data_path("strongroom")
    return Path(named).expanduser()


def _connect(address: Path) -> "tuple[socket | None, str]":
    """A line to the warm process, or why there is none. A socket that nobody listens to any more is removed."""
    import socket

    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.connect(str(address))
        if same_user(line):
            return line, ""
        why = "it belongs to another user"
    except ConnectionRefusedError:
        # It is made aside and moved into place when somebody listens to it (`rag/cli/warming.py`).
        with suppress(OSError):
            address.unlink()
        why = "it has ended; its socket was removed"
    except OSError as error:
        why = f"it cannot be reached ({error})"
    line.close()
    return None, why


def _send(line: "socket", arguments: Sequence[str]) -> None:
    import socket

    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        socket.send_fds(line, [b"f"], [*(stream.fileno() for stream in _streams()), here])
    finally:
        os.close(here)
    request = program() | {
        "arguments": list(arguments),
        "environment": dict(os.environ),
        "streams": [[stream.encoding, stream.errors, stream.line_buffering] for stream in _streams()],
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
    }
    send(line, request)


def _streams() -> tuple[Any, ...]:
    streams = (sys.stdin, sys.stdout, sys.stderr)
    if None in streams:
        raise ValueError("a standard stream is closed")
    return streams


def _wait(line: "socket") -> int:
    """The exit code; an interrupt is passed on to whoever runs the command."""

    def pass_on(*_: object) -> None:
        with suppress(OSError):
            line.sendall(INTERRUPT)

    signal.signal(signal.SIGINT, pass_on)
    try:
        said = receive(line)
    except OSError:
        said = None
    if said is None:
        _say("Error: the warm process ended before the command had; run it again.")
        return _DAMAGED
    code = int(said["code"])
    if code < 0:  # ended by a signal, and so does this
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _say_why(arguments: Sequence[str], why: str) -> None:
    """Say why the command is run here, to whoever asks for details."""
    if "--debug" in arguments:
        _say(f"The warm process was not used: {why}.")


def _say(text: str) -> None:
    from rag.term import escape, say

    say(escape(text))
