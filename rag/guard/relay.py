"""The relay: a process that alone holds a connection to an allowed host, and passes bytes on to the program and back.

It is started by the watcher, which knows what is allowed; the program gets one end of a pair of Unix sockets. So the
program never holds an internet socket: one that is connected could be led to another host by native code (connect to
AF_UNSPEC, then anew), and what the other layers refuse stays refused without an exception. The relay does not
look into what it passes on; TLS is between the program and the host.
"""

import select
import socket

from rag.guard.types import Host

CONNECTED, REFUSED = b"connected", b"not allowed"
"""The first line that the program reads; any other says why the host cannot be reached."""

_SECONDS = 10.0  # until a connection is given up
_BLOCK = 1 << 16  # bytes


def run(inside: socket.socket, host: Host) -> None:
    """Connect, say how it went, and pass on until one side has ended."""
    outside = socket.socket(socket.AF_INET6 if ":" in host.address else socket.AF_INET, socket.SOCK_STREAM)
    outside.settimeout(_SECONDS)
    try:
        outside.connect((host.address, host.port))
    except OSError as error:
        answer(inside, (error.strerror or "no answer").encode())
        return
    outside.settimeout(None)
    answer(inside, CONNECTED)
    other = {inside: outside, outside: inside}
    while True:
        for ready in select.select([inside, outside], [], [])[0]:
            data = ready.recv(_BLOCK)
            if not data:
                return
            other[ready].sendall(data)


def answer(inside: socket.socket, line: bytes) -> None:
    """Tell the program how its wish went."""
    inside.sendall(line + b"\n")


def heard(stream: socket.socket) -> bytes:
    """The relay's first line, read by the program; b"" if it ended without one."""
    line = b""
    while not line.endswith(b"\n"):
        letter = stream.recv(1)  # byte by byte: what follows is the host's
        if not letter:
            return b""
        line += letter
    return line[:-1]
