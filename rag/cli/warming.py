"""`rag warm`: a process in the background that holds the models, so that `rag ask` need not load them.

It answers nothing itself. It loads the models, computes nothing with them, and waits; for each command that a caller
hands over (`rag/warm.py`) it forks a copy of itself, which takes the caller's streams, environment and folder and runs
the command as the program does. So one question leaves nothing behind for the next, several can be asked at once, and
a crash is the crash of one command. The guard holds in every copy, Landlock too.

Forking is safe because there is nothing to tear: no other Python thread, no thread of ONNX Runtime (one core a run),
none of llama.cpp (they begin with the first prompt), and neither Chroma nor SQLite is open.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import signal
import socket
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ingest.errors import LockedError, StorageError, StrongroomError, UsageError
from rag import offline, warm
from rag.cli.command import CONFINED
from rag.config import Settings
from rag.guard import switches
from rag.store.lock import is_locked, write_lock
from rag.term import escape, say, show

_NEEDED = (
    "rag.cli.answering",
    "rag.answer",
    "rag.explain",
    "rag.personal.answers",
    "rag.record.ledger",
    "rag.record.notes",
    "rag.store.last",
)
"""What `rag ask` and `rag search` import when they run."""

IDLE = 15.0  # minutes without a question after which it ends
_STREAMS = 3  # standard input, output and error; the caller's folder comes as a fourth descriptor
_PATIENCE = 5.0  # seconds for a caller to say what it wants, or for a process that is to stop


def start(
    settings: Settings,
    idle: Annotated[float, typer.Option("--idle", min=0.01, help="Minutes without a question before it ends.")] = IDLE,
    stop: Annotated[bool, typer.Option("--stop", help="End it.")] = False,
) -> int:
    """Keep the models loaded in the background, so that `rag ask` and `rag search` answer at once."""
    if not hasattr(socket, "SO_PEERCRED"):
        raise UsageError("A warm process needs Linux, where the kernel says who calls; here each command loads anew.")
    folder = settings.home / warm.FOLDER
    if stop:
        show("The warm process has ended." if _stop(folder) else "No warm process runs.")
        return 0
    if settings.hosts:
        raise UsageError("config.toml allows hosts, and a warm process may reach none; take [network] out of it first.")
    try:
        with write_lock(folder):
            process = _start(settings, folder, idle)
    except LockedError:
        show(f"A warm process runs already ({holder(folder)}); `rag warm --stop` ends it.")
        return 0
    show(f"Warm: process {process} holds the models, and ends {idle:g} minutes after the last question.")
    return 0


def holder(folder: Path) -> str:
    """ "process 7 since 2026-01-31 12:00:00": the warm process of the home's folder for it; "" if none runs."""
    if not is_locked(folder):
        return ""
    with contextlib.suppress(OSError):
        return (folder / "lock").read_text(encoding="utf-8", errors="replace").strip()
    return "another process"


def _start(settings: Settings, folder: Path, idle: float) -> int:
    """Fork the warm process, which inherits the lock, and wait until it is ready. Raises what kept it from that."""
    told, tell = os.pipe()
    process = _fork()
    if process == 0:
        os.close(told)
        _live(settings, folder, idle, tell)
    os.close(tell)
    with os.fdopen(told, encoding="utf-8") as pipe:
        said = pipe.read()
    if not said:
        raise StorageError(f"The warm process could not start below {folder}; run `rag doctor`.")
    failure = json.loads(said)
    if failure:
        raise UsageError(failure)
    return process


def _stop(folder: Path) -> bool:
    """End the warm process; False if there is none."""
    if not is_locked(folder):
        return False
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with line, contextlib.suppress(OSError):
        line.connect(str(folder / warm.SOCKET))
        if warm.same_user(line):
            line.sendall(b"s")
    deadline = time.monotonic() + _PATIENCE
    while is_locked(folder) and time.monotonic() < deadline:
        time.sleep(0.01)
    if is_locked(folder):
        raise LockedError(f"The warm process still answers a question ({holder(folder)}); it ends when it has.")
    return True


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 counts the threads of numpy's library
        return os.fork()


# ---------------------------------------------------------------------------------------------------------------------
# In the warm process


@dataclass(slots=True)
class _Running:
    """A command that a copy of this process runs."""

    line: socket.socket  # to its caller
    process: int
    ended: int  # descriptor that can be read when it has ended


def _live(settings: Settings, folder: Path, idle: float, tell: int) -> NoReturn:
    os.setsid()  # signals of the terminal are for whoever is in front of it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    offline.adopt()
    try:
        (folder / "lock").write_text(
            f"process {os.getpid()} since {time.strftime('%Y-%m-%d %H:%M:%S')}", encoding="utf-8"
        )
        changed = _hold(settings)
        listener = _listen(folder)
    except StrongroomError as error:
        os.write(tell, json.dumps(str(error)).encode())
        os._exit(0)
    except Exception as error:  # noqa: BLE001 - told by whoever started it
        os.write(tell, json.dumps(f"{type(error).__name__}: {error}").encode())
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(_STREAMS):
        os.dup2(nothing, number)
    offline.detach()
    os.write(tell, b'""')
    os.close(tell)
    with contextlib.suppress(BaseException):
        _Service(listener, idle * 60, changed, settings).serve()
    os._exit(0)


def _hold(settings: Settings) -> Callable[[], str]:
    """Load everything that a question needs. Returns what says why that is not what lies on the disk any more."""
    for name in _NEEDED:
        import_module(name)
    from rag.cli import opening
    from rag.stems import stem
    from rag.store import seal, vectors

    vectors.prepare()
    stem("prepared")
    embedder = opening.open_embedder(settings, asks=True)
    reader = opening.open_reader(settings)
    generator = opening.load_writer(settings)
    loaded = _state(settings)  # not before: the first start makes files
    opening.held = opening.Models(opening.models_key(settings), lambda: embedder, lambda: reader, lambda: generator)
    seal.seen = seal.Seen()

    def changed() -> str:
        return "" if _state(settings) == loaded else "the program or a model has changed since it began"

    return changed


def _state(settings: Settings) -> dict[str, tuple[int, ...]]:
    """How the program's files and the models' lie on the disk."""
    package = Path(warm.__file__).parent
    places = [settings.models, settings.embedding_model, settings.reader_model, settings.language_model]
    files = [*package.rglob("*.py"), *(package.parent / "ingest").rglob("*.py"), settings.home / "config.toml"]
    for place in filter(None, places):
        files += place.rglob("*") if place.is_dir() else [place]
    found: dict[str, tuple[int, ...]] = {}
    for file in files:
        with contextlib.suppress(OSError):
            lies = file.stat()
            found[str(file)] = (lies.st_ino, lies.st_size, lies.st_mtime_ns)
    return found


def _listen(folder: Path) -> socket.socket:
    """The socket below the home. It is made aside and moved into place, so that what can be seen is listened to."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    aside = folder / f"{warm.SOCKET}.new"
    aside.unlink(missing_ok=True)
    try:
        listener.bind(str(aside))
    except OSError as error:
        raise StorageError(
            f"{aside} cannot be made ({error}); a socket's path has at most 107 bytes, choose a shorter --home."
        ) from error
    aside.chmod(0o600)
    listener.listen()
    aside.replace(folder / warm.SOCKET)
    return listener


class _Service:
    """Takes commands until nobody has asked for long, or until it is stopped."""

    def __init__(self, listener: socket.socket, idle: float, changed: Callable[[], str], settings: Settings) -> None:
        self._listener: socket.socket | None = listener
        self._idle = idle  # seconds
        self._changed = changed
        self._settings = settings
        self._running: list[_Running] = []

    def serve(self) -> None:
        signal.signal(signal.SIGTERM, lambda *_: self._close())
        self._look()
        last = time.monotonic()
        while self._listener is not None or self._running:
            poll = select.poll()
            for descriptor in self._watched():
                poll.register(descriptor, select.POLLIN)
            left = self._idle - (time.monotonic() - last)
            events = dict(poll.poll(1000 * max(left, 0) if not self._running else None))
            if self._listener is not None and events.get(self._listener.fileno()):
                self._accept()
            for running in list(self._running):
                if events.get(running.ended):
                    self._finish(running)
                elif events.get(running.line.fileno()):
                    self._pass_on(running)
            if events:
                last = time.monotonic()
            elif not self._running and left <= 0:
                self._close()

    def _watched(self) -> list[int]:
        listening = [] if self._listener is None else [self._listener.fileno()]
        return [*listening, *(place for each in self._running for place in (each.line.fileno(), each.ended))]

    def _close(self) -> None:
        """Take no more commands; those that run are finished."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                Path(self._listener.getsockname()).with_name(warm.SOCKET).unlink()
            self._listener.close()
            self._listener = None

    def _look(self) -> None:
        """Read what a question is going to check, so that the copies find it checked."""
        from rag.store import seal

        sealed = seal.read(self._settings.index)
        if sealed is not None:
            seal.differences(self._settings.index, sealed)

    def _accept(self) -> None:
        assert self._listener is not None  # whoever calls has heard from it
        line, _ = self._listener.accept()
        if not warm.same_user(line):
            line.close()
            return
        line.settimeout(_PATIENCE)
        descriptors: list[int] = []
        try:
            word, descriptors, _, _ = socket.recv_fds(line, 1, _STREAMS + 1)
            if word == b"s":
                self._close()
                return
            request = warm.receive(line)
            if request is None or len(descriptors) != _STREAMS + 1:
                return
            if why := self._refusal(request):
                warm.send(line, {"refused": why})
                return
            self._look()
            warm.send(line, {"taken": True})
            line.settimeout(None)
            process = _fork()
            if process == 0:
                self._become(request, descriptors)
            self._running.append(_Running(line, process, os.pidfd_open(process)))
            return
        except (OSError, ValueError, KeyError):
            pass  # the caller went away, or is none: it runs its command itself
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
            if not any(running.line is line for running in self._running):
                line.close()

    def _refusal(self, request: dict[str, Any]) -> str:
        """Why the caller is not served; "" if it is."""
        own = warm.program()
        for name, what in (
            ("version", "it is version {} of the program"),
            ("package", "it is the program in {}"),
            ("python", "it is run by {}"),
            ("cores", "it may use the cores {}"),
        ):
            if request[name] != own[name]:
                return what.format(own[name])
        if why := self._changed():
            self._close()
            return f"{why}, and ends"
        return ""

    def _pass_on(self, running: _Running) -> None:
        """The caller was interrupted, or is gone."""
        try:
            word = running.line.recv(1)
        except OSError:
            word = b""
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.process, signal.SIGINT if word == warm.INTERRUPT else signal.SIGTERM)
        if not word:  # nobody is left to hear of the end
            os.waitpid(running.process, 0)
            self._forget(running)

    def _finish(self, running: _Running) -> None:
        _, status = os.waitpid(running.process, 0)
        offline.untold()  # the copy has told its caller
        with contextlib.suppress(OSError):
            warm.send(running.line, {"code": os.waitstatus_to_exitcode(status)})
        self._forget(running)

    def _forget(self, running: _Running) -> None:
        running.line.close()
        os.close(running.ended)
        self._running.remove(running)

    def _become(self, request: dict[str, Any], descriptors: list[int]) -> NoReturn:
        """In the copy: run the command as the program itself would. Never returns."""
        code = 2
        try:
            offline.adopt()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for place in self._watched():
                os.close(place)
            *streams, here = descriptors
            for number, descriptor in enumerate(streams):
                os.dup2(descriptor, number)
            os.fchdir(here)
            _take_streams(request["streams"])
            os.environ.clear()
            os.environ.update(request["environment"])
            switches.set_all()
            if request["nice"] > os.getpriority(os.PRIO_PROCESS, 0):
                os.setpriority(os.PRIO_PROCESS, 0, request["nice"])
            sys.argv = ["rag", *request["arguments"]]
            code = _run()
        except BaseException:  # noqa: BLE001 - as the interpreter itself ends a program
            sys.excepthook(*sys.exc_info())
            code = 1
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)


def _take_streams(kinds: list[list[Any]]) -> None:
    """Make the standard streams those of the caller, of the same encoding."""
    streams = []
    for number, (encoding, errors, by_line) in enumerate(kinds):
        raw = io.FileIO(number, "r" if number == 0 else "w", closefd=False)
        buffered = io.BufferedReader(raw) if number == 0 else io.BufferedWriter(raw)
        streams.append(io.TextIOWrapper(buffered, encoding, errors, line_buffering=by_line))
    sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__ = streams  # type: ignore[misc]


def _run() -> int:
    from rag.cli.app import app

    try:
        app(obj={CONFINED: True})
    except SystemExit as end:
        if isinstance(end.code, str):
            say(escape(end.code))
            return 1
        return end.code or 0
    return 0
