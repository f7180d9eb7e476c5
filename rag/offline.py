"""Keeps the process, its native code and its children off the internet, and shows that it does.

`engage()` is the first thing the program does: it stands before every heavy import, because libraries read their
switches, and some report home, while they are imported. Four layers, each of which stands without the others:

    environment   libraries are told to stay offline and send no telemetry     everywhere; a request, no barrier
    python        an audit hook refuses internet sockets and name lookups      everywhere; this process's Python code
    kernel        a seccomp filter refuses every socket but AF_UNIX            Linux; native code and children too
    files         Landlock lets nothing be written but where it is named       Linux 5.13 and later; likewise

None of them can be lifted again in the process that engaged it, and none has an exception for the hosts that
`config.toml` names (`allow`): a process beside it connects to those, and hands it a Unix socket
(`rag/guard/relay.py`). Whatever is refused can be read from `attempts()`, with who tried: of Python code its line, of
native code and child programs what the kernel tells (`rag/guard/watcher.py`). What the layers do not cover, so that
nobody believes it: a service on the same machine that is reached through a Unix socket with a path and talks to the
network for others (a container daemon, a resolver such as nscd or systemd-resolved asked by native code), and a UDP
socket that was open before or is handed over by another process.

Imports the standard library, the error tree and the way to the terminal only. Knows nothing about models, stores or
documents.
"""

import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from ingest.errors import HostError, OfflineError, UsageError
from rag.guard import hook, landlock, relay, seccomp, switches, syscalls, watcher
from rag.guard.types import Attempt, Host, Layer
from rag.term import escape, say


class _Guard:
    """What was engaged in this process; there is one, since neither hook nor filter can be taken back."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.owner = 0
        self.hook: hook.Hook | None = None
        self.watcher: watcher.Watcher | None = None
        self.kernel = Layer("kernel", False, "not engaged")
        self.files = Layer("files", False, "not engaged in this process")
        self.told: dict[tuple[str, str, str], int] = {}
        self.allowed: tuple[Host, ...] = ()


_guard = _Guard()


def engage() -> None:
    """Put all layers up but that of files. Idempotent; never fails: a layer that cannot stand says so in `layers()`."""
    with _guard.lock:
        if _guard.hook is not None:
            return
        switches.set_all()
        _guard.kernel = _engage_kernel()
        _guard.hook = hook.Hook(_pass_on)
        _guard.owner = os.getpid()
        sys.addaudithook(_guard.hook)


def confine(home: Path, outputs: Iterable[Path] = ()) -> None:
    """Let this process and what it starts write below `home`, `outputs`, the temp folder and some devices alone.

    Before other threads are started: the kernel binds the calling one. Says how it went in `layers()`.
    """
    temp = Path(tempfile.gettempdir())
    # A link in the home leads to where the user keeps that part of it; rules are about places, not names.
    allowed = list(dict.fromkeys(place.resolve() for place in (home, *_links(home), *outputs, temp)))
    os.environ["SQLITE_TMPDIR"] = str(temp.resolve())  # else SQLite takes /var/tmp, which it believes it may write
    _guard.files = landlock.layer(landlock.restrict_writing(allowed), allowed)


def adopt() -> None:
    """Make this copy of the process, just forked, the guard's owner: it asks for what was refused, and is told."""
    _guard.owner = os.getpid()
    if _guard.watcher is not None:
        _guard.watcher.adopt()


def detach() -> None:
    """Let go of the terminal in the watcher, too: whoever reads this process's output waits for all who could write."""
    if _guard.watcher is not None:
        _guard.watcher.detach()


def allow(hosts: Sequence[Host]) -> None:
    """Name the hosts that may be reached, once and for all: whoever names others later is refused, whoever it is.

    Raises:
        UsageError: hosts are named, and there is nothing here that could keep all others out.
        OfflineError: other hosts were named before.
    """
    if _guard.watcher is None or os.getpid() != _guard.owner:
        if hosts:
            raise UsageError(
                "config.toml allows hosts, which takes a Linux kernel of 5.9 or later with the whole guard in place; "
                "`rag doctor` shows what is missing. Take [network] and [model] out of it to work without them."
            )
        return
    if not _guard.watcher.allow(hosts):
        raise OfflineError(
            "Other hosts than config.toml names were allowed in this process before, or its watcher is gone; nothing "
            "was sent. Look for a library that has tampered with the guard."
        )
    _guard.allowed = tuple(hosts)


def allowed() -> tuple[Host, ...]:
    """The hosts that may be reached from this process."""
    return _guard.allowed


def connections() -> dict[str, int]:
    """How often each allowed host was connected to, by its name. What a killed watcher knew is gone: then HostError."""
    if _guard.watcher is None or not _guard.allowed:
        return {}
    try:
        return _guard.watcher.connections()
    except (OSError, ValueError) as error:
        raise HostError(f"It cannot be told which hosts were connected to: the watcher is gone ({error}).") from error


def connect(host: str, seconds: float, *, trial: bool = False) -> socket.socket:
    """A stream to an allowed host: a Unix socket whose other end passes on to it.

    Args:
        host: its name as `config.toml` has it.
        seconds: how long the stream may be silent before it raises TimeoutError.
        trial: to see that it is refused; that is not listed as an attempt.

    Raises:
        OfflineError: it is not allowed; that is an attempt as any other.
        HostError: it cannot be reached.
    """
    line = b""
    if _guard.watcher is not None:
        try:
            stream = _guard.watcher.connect(host, trial=trial)
            stream.settimeout(seconds)
            line = relay.heard(stream)
        except OSError as error:
            raise HostError(f"{host} cannot be reached ({error}); nothing was sent to it.") from error
        if line == relay.CONNECTED:
            return stream
        stream.close()
    if _guard.watcher is None or line == relay.REFUSED:
        raise OfflineError(f"{host} is not allowed for this command; nothing was sent.")
    raise HostError(f"{host} cannot be reached ({line.decode() or 'no relay'}); nothing was sent to it.")


def layers() -> tuple[Layer, ...]:
    """The layers as they stand at this moment, outermost request first."""
    engaged = _guard.hook is not None
    detail = "audit hook refuses internet sockets and name lookups of Python code" if engaged else "not engaged"
    return switches.layer(), Layer("python", engaged, detail), _guard.kernel, _guard.files


def attempts() -> tuple[Attempt, ...]:
    """What was refused since `engage()` in this process and its children, in order of time; the guard's own tries are
    left out.

    Tries of Python code in child processes stand here as the kernel saw them; those processes name the line on stderr.
    """
    found = _guard.hook.attempts() if _guard.hook is not None else []
    found += _guard.watcher.attempts() if _guard.watcher is not None else []
    own = str(Path(__file__).with_name("guard"))
    return tuple(sorted((entry for entry in found if not entry.caller.startswith(own)), key=lambda entry: entry.when))


def untold() -> tuple[Attempt, ...]:
    """`attempts()` that this function has not returned before, or that were made again since."""
    news = []
    for attempt in attempts():
        key = (attempt.event, attempt.target, attempt.caller)
        if attempt.count > _guard.told.get(key, 0):
            news.append(attempt)
        _guard.told[key] = attempt.count
    return tuple(news)


def _engage_kernel() -> Layer:
    wanted = syscalls.abi() is not None and not seccomp.in_place()
    watching = watcher.start() if wanted and seccomp.can_tell() else None
    installed = seccomp.install(tell=watching is not None)
    if watching is not None and installed.listener is not None:
        watching.watch(installed.listener)
        _guard.watcher = watching
    elif watching is not None:
        watching.dismiss()
    if not wanted:
        return installed.layer
    network = landlock.restrict_network()
    if not network.holds:
        return installed.layer
    return Layer("kernel", installed.layer.holds, installed.layer.detail + "; Landlock refuses TCP over older sockets")


def _pass_on(attempt: Attempt) -> None:
    """In a worker, whose own list nobody reads: name the line on stderr, and let the kernel tell the watcher."""
    if _guard.watcher is None or os.getpid() != _guard.owner:
        say(escape(attempt.sentence))
        if syscalls.abi() is not None:
            syscalls.native_socket(socket.AF_INET, socket.SOCK_STREAM)


def _links(folder: Path) -> list[Path]:
    try:
        return [entry for entry in folder.iterdir() if entry.is_symlink()]
    except OSError:
        return []
