"""The watcher: a small process beside the program that is told by the kernel of each refused socket, and by whom.

The seccomp filter cannot speak for itself: a refusal in native code or in a child program would be an error number that
only the culprit sees. So each is handed to this process, which writes down program, process and the library that asked,
and then answers "permission denied"; nothing is ever let through. It is a process and not a thread because whoever asks
may hold the interpreter's lock while it waits. It was started before the filter was put up, needs nothing but the two
descriptors below, and ends when the last process behind the filter has ended. If it is killed, the kernel refuses by
itself (ENOSYS), and `Watcher.attempts` says that it is gone.

Hosts that `config.toml` allows are told to it once, before a command does anything, and never again; most commands name
none. The program alone, no child of it, may then ask for a connection to one of them, which a relay makes
(`rag/guard/relay.py`). A wish for any other host is written down as an attempt.

Interface: linux/seccomp.h, https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html#userspace-notification
"""

import array
import contextlib
import errno
import fcntl
import json
import os
import re
import select
import signal
import socket
import struct
import threading
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.guard import relay, seccomp, syscalls
from rag.guard.types import Attempt, Host

KINDS = 100
"""Different tries that are listed one by one; a program that invents more is counted under the last."""

_RECEIVE, _SEND = 0xC0502100, 0xC0182101  # SECCOMP_IOCTL_NOTIF_RECV, _SEND
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")  # struct seccomp_notif: id, pid, flags, call, arch, instruction, arguments
_RESPONSE = struct.Struct("=Qqii")  # struct seccomp_notif_resp: id, value, error, flags
_ANSWER_BYTES = 1 << 20  # KINDS entries of at most some hundred bytes
_REQUEST_BYTES = 1 << 16  # hundreds of hosts
_CREDENTIALS = struct.Struct("=3i")  # struct ucred: process, user, group
_ANSWER_SECONDS = 5.0
_STACK_BYTES = 16384  # of the caller's stack that are searched for the library that called; most are within 2 kB

_FAMILIES = {int(family): family.name for family in socket.AddressFamily}


class Watcher:
    """This process's end of the line to its watcher."""

    def __init__(self, line: socket.socket, pid: int) -> None:
        self._line = line.detach()  # a bare descriptor: it is to stay open until the process has ended
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self.pid = pid

    def watch(self, listener: int) -> None:
        """Hand over the filter's descriptor; from here on refusals are answered."""
        # Where only a parent may look into a process (Yama), the watcher could not name the library that asked.
        syscalls.prctl(syscalls.PR_SET_PTRACER, self.pid)
        line = socket.socket(fileno=self._line)
        socket.send_fds(line, [b"listener"], [listener])
        line.detach()
        os.close(listener)

    def adopt(self) -> None:
        """This process, a copy of the one that started it, may ask, too."""
        self._owner = os.getpid()

    def detach(self) -> None:
        """Have the watcher let go of stderr, as a process does that goes to the background."""
        self._ask({"ask": "detach"})

    def dismiss(self) -> None:
        """End the watcher, where there is nothing to watch after all."""
        os.close(self._line)
        os.waitpid(self.pid, 0)

    def attempts(self) -> list[Attempt]:
        """What was refused in this process and its children so far; empty in a copy of the process that was forked."""
        if os.getpid() != self._owner:
            return []
        try:
            return [Attempt(**entry) for entry in self._ask({"ask": "attempts"})]
        except (OSError, ValueError) as error:
            gone = f"no answer ({error}); native code may have tried more than is listed"
            return [Attempt("watcher", gone, f"process {self.pid}", "kernel", time.time())]

    def allow(self, hosts: Sequence[Host]) -> bool:
        """Name the hosts that may be reached. Only the first call counts; whether these are the ones that hold now."""
        wanted = [[host.name, host.address, host.port] for host in hosts]
        try:
            return bool(self._ask({"ask": "allow", "hosts": wanted}) == wanted)
        except (OSError, ValueError):
            return False

    def connections(self) -> dict[str, int]:
        """How often each host was connected to. Raises OSError or ValueError if the watcher is gone."""
        return dict(self._ask({"ask": "connections"}))

    def connect(self, name: str, *, trial: bool = False) -> socket.socket:
        """A stream to an allowed host, on which `relay.heard` says first whether there is one. Raises OSError.

        A refusal of a `trial` of the guard's own is no attempt.
        """
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with self._lock, its:
            line = socket.socket(fileno=self._line)
            try:
                socket.send_fds(
                    line, [json.dumps({"ask": "connect", "host": name, "trial": trial}).encode()], [its.fileno()]
                )
            finally:
                line.detach()
        return ours

    def _ask(self, request: dict[str, Any]) -> Any:
        with self._lock:
            os.write(self._line, json.dumps(request).encode())
            poll = select.poll()
            poll.register(self._line, select.POLLIN)
            return json.loads(os.read(self._line, _ANSWER_BYTES) if poll.poll(1000 * _ANSWER_SECONDS) else b"")


def start() -> Watcher | None:
    """Start the watcher of this process, before the filter is put up. None where processes cannot be forked."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    its.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)  # the kernel tells which process asks
    try:
        with warnings.catch_warnings():
            # Python 3.12 warns of forking beside threads; the child runs none of their code, takes no lock of theirs.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
    except OSError:
        ours.close()
        its.close()
        return None
    if pid == 0:
        with contextlib.suppress(BaseException):
            _live(its)
        os._exit(0)
    its.close()
    return Watcher(ours, pid)


# ---------------------------------------------------------------------------------------------------------------------
# In the watcher's own process


def _live(line: socket.socket) -> None:
    os.setsid()  # signals of the terminal are for the program
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # relays leave nothing behind
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)  # whoever reads the program's output waits for the end of all who could write to it
    for entry in list(Path("/proc/self/fd").iterdir()):
        if (descriptor := int(entry.name)) > 2 and descriptor != line.fileno():
            with contextlib.suppress(OSError):  # the one that the list itself was read from
                os.close(descriptor)
    _data, listeners, _pid = _received(line)
    if listeners:
        _Register(line, listeners[0]).run()


def _received(line: socket.socket) -> tuple[bytes, Sequence[int], int]:
    """A message of the program, the descriptors that came with it, and which process sent it."""
    room = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(4)
    data, ancillary, _flags, _address = line.recvmsg(_REQUEST_BYTES, room)
    with_it = {kind: content for _level, kind, content in ancillary}
    pid, _user, _group = _CREDENTIALS.unpack(with_it.get(socket.SCM_CREDENTIALS, bytes(_CREDENTIALS.size)))
    return data, array.array("i", with_it.get(socket.SCM_RIGHTS, b"")), pid


class _Register:
    """What was refused, by kind; which hosts are allowed, and how often each was connected to."""

    def __init__(self, line: socket.socket, listener: int) -> None:
        self._line: socket.socket | None = line
        self._listener = listener
        self._parent = os.getppid()
        self._seen: dict[tuple[str, str, str], Attempt] = {}
        self._told = True  # whether the program has been told of all
        self._hosts: dict[str, Host] | None = None  # by name; None: nothing was said yet, and nothing is allowed
        self._connections: dict[str, int] = {}

    def run(self) -> None:
        """Answer the kernel and the program until nobody is left behind the filter."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        if self._line is not None:
            poll.register(self._line, select.POLLIN)
        while True:
            events = dict(poll.poll())
            state = events.get(self._listener, 0)
            if state & select.POLLIN:
                self._refuse()
            elif state:
                self._speak()
                return  # the last process behind the filter has ended
            if self._line is not None and events.get(self._line.fileno()) and not self._serve(self._line):
                self._speak()  # the program has ended; children of it may still run
                poll.unregister(self._line)
                self._line = None

    def _serve(self, line: socket.socket) -> bool:
        """Answer one request of the program; False where it has ended."""
        data, descriptors, pid = _received(line)
        if not data:
            return False
        request = json.loads(data)
        if request["ask"] == "attempts":
            self._reply(line, [_fields(entry) for entry in self._seen.values()])
            self._told = True
        elif request["ask"] == "connections":
            self._reply(line, self._connections)
        elif request["ask"] == "allow":
            if self._hosts is None and pid == self._parent:
                self._hosts = {name: Host(name, address, port) for name, address, port in request["hosts"]}
            held = (self._hosts or {}).values()
            self._reply(line, [[host.name, host.address, host.port] for host in held])
        elif request["ask"] == "detach":
            os.dup2(1, 2)
            self._reply(line, None)
        elif request["ask"] == "connect":
            with socket.socket(fileno=descriptors[0]) as inside:
                self._connect(request["host"], pid, inside, trial=request["trial"])
        return True

    def _reply(self, line: socket.socket, answer: object) -> None:
        line.send(json.dumps(answer).encode())

    def _connect(self, name: str, pid: int, inside: socket.socket, *, trial: bool) -> None:
        host = (self._hosts or {}).get(name)
        if host is None or pid != self._parent:
            if not trial:
                self._add("connect", name, pid)
            relay.answer(inside, relay.REFUSED)
            return
        self._connections[name] = self._connections.get(name, 0) + 1
        if os.fork() == 0:
            with contextlib.suppress(BaseException):
                os.close(self._listener)
                if self._line is not None:
                    self._line.close()
                os.dup2(1, 2)
                relay.run(inside, host)
            os._exit(0)

    def _refuse(self) -> None:
        buffer = bytearray(_NOTIFICATION.size)
        try:
            fcntl.ioctl(self._listener, _RECEIVE, buffer)
        except OSError:
            return  # whoever asked was killed meanwhile
        number, pid, _flags, call, arch, _instruction, *arguments = _NOTIFICATION.unpack(buffer)
        try:
            self._write_down(pid, call, arch, arguments)
        finally:
            response = _RESPONSE.pack(number, 0, -errno.EACCES, 0)
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._listener, _SEND, response)

    def _write_down(self, pid: int, call: int, arch: int, arguments: list[int]) -> None:
        abi = syscalls.abi()
        if abi is not None and arch == abi.audit_arch and call == abi.socket:
            if arguments[2] & 0xFFFFFFFF == seccomp.TRIED:
                return
            family = arguments[0] & 0xFFFFFFFF
            target = _FAMILIES.get(family, f"family {family}")
        else:
            target = f"call {call & 0xFFFFFFFF:#x} of another architecture, {arch:#x}"
        self._add("socket", target, pid)

    def _add(self, event: str, target: str, pid: int) -> None:
        key = (event, target, _who(pid, self._parent))
        if key not in self._seen and len(self._seen) >= KINDS:
            key = ("socket", "of any family", "further programs, not listed one by one")
        known = self._seen.get(key)
        when, count = (known.when, known.count + 1) if known else (time.time(), 1)
        self._seen[key] = Attempt(*key, layer="kernel", when=when, count=count)
        self._told = False

    def _speak(self) -> None:
        """Say on stderr what the program was not told before it ended: it was killed, or has crashed."""
        if not self._told:
            for entry in self._seen.values():
                line = entry.sentence.encode("ascii", "backslashreplace").decode()
                os.write(2, (re.sub(r"[^ -~]", "?", line) + "\n").encode())
            self._told = True
        os.dup2(1, 2)


def _fields(entry: Attempt) -> dict[str, object]:
    return {name: getattr(entry, name) for name in Attempt.__slots__}


def _who(pid: int, parent: int) -> str:
    """Program, process and, where this may be looked up, the library that called; `pid` waits in its call meanwhile."""
    try:
        program = str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        program = "an unknown program"
    # The number that the kernel gives is that of a thread; people know the process.
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        process = re.search(r"^Tgid:\s+(\d+)", status, re.MULTILINE)
    except OSError:
        process = None
    number = int(process[1]) if process else pid
    process_name = "this program itself" if number == parent else f"process {number}"
    return f"{program} ({', '.join(part for part in (process_name, _library(pid, program)) if part)})"


def _library(pid: int, program: str) -> str:
    """ "by" and the nearest shared library, but the C library, on the stack of a thread that waits in a system call.

    "" if unknown. A heuristic: a word of the stack that points into a library's code is taken for a return address.
    """
    try:
        stack = int(Path(f"/proc/{pid}/syscall").read_text(encoding="ascii").split()[-2], 16)
        maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines()
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            memory.seek(stack)
            words = memory.read(_STACK_BYTES)
    except (OSError, ValueError, IndexError):
        return ""  # not ours to look into, or gone
    code: list[tuple[int, int, str]] = []
    for line in maps:
        place, rights, *_, file = line.split(maxsplit=5)
        if "x" in rights and file.startswith("/"):
            start, end = (int(part, 16) for part in place.split("-"))
            code.append((start, end, file))
    for (word,) in struct.iter_unpack("=Q", words[: len(words) // 8 * 8]):
        name = next((name for start, end, name in code if start <= word < end), "")
        if name and name != program and not re.match(r"(libc|ld|libpthread)[-.]", Path(name).name):
            return f"by {name}"
    return ""
