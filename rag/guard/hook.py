"""The Python layer: an audit hook that refuses internet sockets and name lookups, and names the caller.

It sees this process's Python code only, on every system. Audit events: https://docs.python.org/3/library/audit_events.html
"""

import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

from ingest.errors import OfflineError
from rag.guard.types import Attempt

_LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
_TRANSFERS = frozenset({"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"})
_LOCAL_FAMILIES = frozenset({getattr(socket, "AF_UNIX", None)})


class Hook:
    """The audit hook and what it refused. It cannot be taken out again."""

    def __init__(self, pass_on: Callable[[Attempt], None]) -> None:
        """`pass_on` is called with each refusal; it tells another process where nobody will ask this one."""
        self._lock = threading.RLock()  # a signal's handler may try while it is held
        self._seen: dict[tuple[str, str, str], Attempt] = {}
        self._pass_on = pass_on

    def attempts(self) -> list[Attempt]:
        """What was refused so far."""
        with self._lock:
            return list(self._seen.values())

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        """Called for every audited event of the interpreter, so the common case is one comparison."""
        if not event.startswith("socket."):
            return
        if event == "socket.__new__":
            family = args[1]
            # -1: the socket is made from a descriptor that exists already (dup, accept). Its family is not known yet;
            # connect, bind and send below look at it again.
            if family == -1 or family in _LOCAL_FAMILIES:
                return
            target = f"family {_family_name(family)}"
        elif event in _TRANSFERS:
            if args[0].family in _LOCAL_FAMILIES:
                return
            target = f"{args[1]!r}"
        elif event in _LOOKUPS:
            target = f"{args[0]!r}"
        else:
            return
        attempt = self._write_down(event, target, _caller(sys._getframe(1)))
        self._pass_on(attempt)
        raise OfflineError(attempt.sentence)

    def _write_down(self, event: str, target: str, caller: str) -> Attempt:
        now = Attempt(event, target, caller, "python", time.time())
        with self._lock:
            known = self._seen.get((event, target, caller))
            self._seen[event, target, caller] = replace(known, count=known.count + 1) if known else now
        return now


def _caller(frame: FrameType | None) -> str:
    """`file:function:line` of the nearest frame outside the standard library's socket module."""
    while frame is not None and frame.f_code.co_filename == socket.__file__ and frame.f_back is not None:
        frame = frame.f_back
    if frame is None:
        return "native code"
    return f"{frame.f_code.co_filename}:{frame.f_code.co_name}:{frame.f_lineno}"


def _family_name(family: int) -> str:
    try:
        return socket.AddressFamily(family).name
    except ValueError:
        return str(family)
