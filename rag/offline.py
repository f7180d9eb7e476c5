"""Keeps the process, its native code and its children off the internet, and shows that it does.

`engage()` is the first thing the program does: it stands before every heavy import, because libraries read their
switches, and some report home, while they are imported. Three layers, each of which stands without the others:

    environment   libraries are told to stay offline and send no telemetry     everywhere; a request, no barrier
    python        an audit hook refuses internet sockets and name lookups      everywhere; this process's Python code
    kernel        a seccomp filter refuses every socket but AF_UNIX            Linux; native code and children too

None of them can be lifted again in the process that engaged it. What they do not cover, so that nobody believes it: a
service on the same machine that is reached through an AF_UNIX socket and talks to the network for others (a container
daemon, a resolver such as nscd or systemd-resolved asked by native code), and an internet socket that was open before
or is handed over by another process.

Imports the standard library and the error tree only. Knows nothing about models, stores or documents.
"""

import ctypes
import errno
import os
import platform
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from ingest.errors import OfflineError

SWITCHES: tuple[tuple[str, str, str], ...] = (
    ("HF_HUB_OFFLINE", "1", "huggingface_hub raises instead of asking its server for a file"),
    ("TRANSFORMERS_OFFLINE", "1", "the same switch as transformers and sentence-transformers read it"),
    ("HF_DATASETS_OFFLINE", "1", "the same for the datasets library, where someone has it installed"),
    ("HF_HUB_DISABLE_TELEMETRY", "1", "huggingface_hub counts its users otherwise"),
    ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1", "a stored hub token is never read, so it cannot leave"),
    ("ANONYMIZED_TELEMETRY", "False", "chromadb reports its use to PostHog unless this says False"),
    ("POSTHOG_DISABLED", "1", "the PostHog client itself, should another library bring it"),
    ("DO_NOT_TRACK", "1", "the convention that many smaller tools honour (consoledonottrack.com)"),
    ("OTEL_SDK_DISABLED", "true", "OpenTelemetry, which chromadb depends on, exports traces by environment alone"),
    ("OTEL_TRACES_EXPORTER", "none", "an exporter set in the user's shell would be built in spite of the line above"),
    ("OTEL_METRICS_EXPORTER", "none", "as above"),
    ("OTEL_LOGS_EXPORTER", "none", "as above"),
    ("HF_HUB_DISABLE_UPDATE_CHECK", "1", "huggingface_hub asks the package index for a newer version of itself"),
    ("ORT_DISABLE_TELEMETRY", "1", "onnxruntime 1.32 uploads events to Microsoft and keeps a device id in ~/.cache"),
    ("TOKENIZERS_PARALLELISM", "false", "tokenizers' threads and fork() do not mix: it warns and may hang workers"),
)
"""Environment variables that are set, with the reason for each. The user's own values are overwritten on purpose."""

REMOVED = frozenset(
    {"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "ws_proxy", "wss_proxy"}  # one more way out
    | {"chroma_otel_collection_endpoint"}  # chromadb sends its traces to whatever address stands here
)
"""Environment variables that are taken away, in capitals or not."""

_LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
_TRANSFERS = frozenset({"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"})
_LOCAL_FAMILIES = frozenset({getattr(socket, "AF_UNIX", None)})
_OWN_FILE = __file__


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the guard, as it stands now."""

    name: str  # "environment", "python" or "kernel"
    holds: bool
    detail: str  # what it does, or why it does not hold


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try to reach the internet that the audit hook refused."""

    event: str  # CPython's name for it: "socket.connect", "socket.getaddrinfo", ...
    target: str  # the address or name, as far as the event tells it
    caller: str  # "file:function:line" of the code that tried


@dataclass(frozen=True, slots=True)
class Trial:
    """The outcome of one try that `probe` made."""

    name: str
    refused: bool
    detail: str  # what happened, in words


class _Guard:
    """What was engaged in this process; there is one, since neither hook nor filter can be taken back."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.attempts: list[Attempt] = []  # list.append is atomic, so the hook needs no lock
        self.hooked = False
        self.kernel = Layer("kernel", False, "not engaged")


_guard = _Guard()


def engage() -> None:
    """Put all layers up. Idempotent; never fails: a layer that cannot stand says so in `layers()`."""
    with _guard.lock:
        if _guard.hooked:
            return
        for name, value, _reason in SWITCHES:
            os.environ[name] = value
        for name in _unwanted():
            del os.environ[name]
        _guard.kernel = _install_filter()
        sys.addaudithook(_refuse_internet)
        _guard.hooked = True


def layers() -> tuple[Layer, ...]:
    """The layers as they stand at this moment, outermost request first."""
    wrong = [name for name, value, _reason in SWITCHES if os.environ.get(name) != value]
    wrong += _unwanted()
    environment = Layer(
        "environment",
        not wrong,
        f"not as it should be: {', '.join(wrong)}"
        if wrong
        else f"{len(SWITCHES)} switches set: hubs offline, telemetry off, no proxies",
    )
    python = Layer(
        "python",
        _guard.hooked,
        "audit hook refuses internet sockets and name lookups of Python code" if _guard.hooked else "not engaged",
    )
    return environment, python, _guard.kernel


def attempts() -> tuple[Attempt, ...]:
    """What the audit hook refused since `engage()`, in order; tries made by `probe` are left out."""
    return tuple(attempt for attempt in _guard.attempts if not attempt.caller.startswith(_OWN_FILE))


# ---------------------------------------------------------------------------------------------------------------------
# Python layer


def _refuse_internet(event: str, args: tuple[Any, ...]) -> None:
    """Audit hook. Called for every audited event of the interpreter, so the common case is one comparison."""
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
    caller = _caller(sys._getframe(1))
    _guard.attempts.append(Attempt(event, target, caller))
    raise OfflineError(
        f"Strongroom works offline and refused {event} ({target}), called from {caller}; nothing was sent. "
        f"`rag doctor` shows the state of the offline guard."
    )


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


def _unwanted() -> list[str]:
    return [name for name in os.environ if name.lower() in REMOVED]


# ---------------------------------------------------------------------------------------------------------------------
# Kernel layer. Numbers are those of the kernel's user API: linux/seccomp.h, linux/filter.h, linux/audit.h,
# linux/prctl.h, asm/unistd.h. https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html


@dataclass(frozen=True, slots=True)
class _Abi:
    """System call numbers of one processor."""

    audit_arch: int
    socket: int
    seccomp: int
    x32: bool  # the processor has a second table of calls above bit 30


_ABIS = {
    "x86_64": _Abi(audit_arch=0xC000003E, socket=41, seccomp=317, x32=True),
    "aarch64": _Abi(audit_arch=0xC00000B7, socket=198, seccomp=277, x32=False),
}
_IO_URING = (425, 426, 427)  # setup, enter, register: same numbers on every processor. A ring opens sockets unseen
_X32_BIT = 0x40000000

_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _RETURN = 0x20, 0x15, 0x35, 0x06
_OFFSET_CALL, _OFFSET_ARCH, _OFFSET_ARGUMENT0 = 0, 4, 16  # in struct seccomp_data; both processors are little-endian
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 38, 22
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, _SECCOMP_MODE_FILTER = 1, 1, 2


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _filter_program(abi: _Abi) -> bytes:
    """The filter as struct sock_filter[]: (code, jump if true, jump if false, k)."""
    refuse, missing, allow = _ERRNO | errno.EACCES, _ERRNO | errno.ENOSYS, _ALLOW
    # Each test returns at once where it refuses, so that no jump crosses more than one instruction.
    steps: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _OFFSET_ARCH),
        (_JUMP_EQUAL, 1, 0, abi.audit_arch),
        (_RETURN, 0, 0, refuse),  # 32-bit calls have other numbers (and socketcall): none is let through
        (_LOAD, 0, 0, _OFFSET_CALL),
    ]
    if abi.x32:
        steps += [(_JUMP_GREATER_EQUAL, 0, 1, _X32_BIT), (_RETURN, 0, 0, refuse)]
    for number in _IO_URING:
        # "No such call", as on an older kernel: libraries then fall back to ordinary calls.
        steps += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, missing)]
    steps += [
        (_JUMP_EQUAL, 1, 0, abi.socket),
        (_RETURN, 0, 0, allow),
        (_LOAD, 0, 0, _OFFSET_ARGUMENT0),
        (_JUMP_EQUAL, 0, 1, int(socket.AF_UNIX)),
        (_RETURN, 0, 0, allow),
        (_RETURN, 0, 0, refuse),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _install_filter() -> Layer:
    """Install the filter for all threads of this process, try it, and say how that went."""
    if sys.platform != "linux":
        return Layer("kernel", False, f"{platform.system()} has no seccomp: native code and children are not refused")
    abi = _ABIS.get(platform.machine())
    if abi is None or ctypes.sizeof(ctypes.c_void_p) != 8:
        return Layer("kernel", False, f"no filter is written for {platform.machine()} with this Python")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    program = _filter_program(abi)
    buffer = ctypes.create_string_buffer(program, len(program))
    record = _Program(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    one, zero = ctypes.c_ulong(1), ctypes.c_ulong(0)
    # Without this promise (no setuid program gains rights from here on) only root may install a filter.
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, one, zero, zero, zero) != 0:
        return Layer("kernel", False, f"prctl(NO_NEW_PRIVS) failed: {os.strerror(ctypes.get_errno())}")
    detail = "seccomp refuses every socket but AF_UNIX, in native code and children too"
    outcome = libc.syscall(
        ctypes.c_long(abi.seccomp),
        ctypes.c_ulong(_SECCOMP_SET_MODE_FILTER),
        ctypes.c_ulong(_SECCOMP_FILTER_FLAG_TSYNC),
        ctypes.byref(record),
    )
    if outcome != 0:
        if libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.byref(record), zero, zero) != 0:
            return Layer("kernel", False, f"the kernel refuses a seccomp filter: {os.strerror(ctypes.get_errno())}")
        detail += "; threads that ran before are not covered"
    failure = _native_socket_errno(libc)
    if failure != errno.EACCES:
        return Layer("kernel", False, "the seccomp filter was accepted, but an internet socket could still be opened")
    return Layer("kernel", True, detail)


def _native_socket_errno(libc: Any) -> int:
    """Errno of `socket(AF_INET, SOCK_STREAM, 0)` called past Python; 0 if it was opened (and closed again)."""
    descriptor = libc.socket(int(socket.AF_INET), int(socket.SOCK_STREAM), 0)
    if descriptor >= 0:
        os.close(descriptor)
        return 0
    return ctypes.get_errno()


# ---------------------------------------------------------------------------------------------------------------------
# Probe


_PROBE_NAME = "strongroom-probe.invalid"  # RFC 2606: belongs to nobody, and resolvers do not pass it on
_CHILD = "import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM).close(); print('opened')"
_CHILD_SECONDS = 30.0


def probe() -> tuple[Trial, ...]:
    """Really try to get out in the ways there are, and say what happened. Sends nothing even where it succeeds."""
    return (
        _try("Python socket, IPv4", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()),
        _try("Python socket, IPv6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()),
        _try("name lookup", lambda: socket.getaddrinfo(_PROBE_NAME, 443)),
        _try_native(),
        _try_child(),
    )


def _try(name: str, action: Callable[[], object]) -> Trial:
    try:
        action()
    except OfflineError:
        return Trial(name, True, "refused by the audit hook")
    except PermissionError:
        return Trial(name, True, "refused by the kernel")
    except OSError as error:
        return Trial(name, False, f"not refused, though it failed: {error}")
    return Trial(name, False, "not refused")


def _try_native() -> Trial:
    name = "native socket"
    if os.name != "posix":
        return Trial(name, False, "not tried on this system")
    failure = _native_socket_errno(ctypes.CDLL(None, use_errno=True))
    if failure == errno.EACCES:
        return Trial(name, True, "refused by the kernel")
    return Trial(name, False, f"not refused, though it failed: {os.strerror(failure)}" if failure else "opened")


def _try_child() -> Trial:
    """A plain Python child without the audit hook: only the kernel can refuse it."""
    name = "child process"
    try:
        # -I: the child takes nothing from this folder or the environment, so it is as foreign as a child can be.
        child = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _CHILD], capture_output=True, text=True, timeout=_CHILD_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Trial(name, False, f"{Path(sys.executable).name} could not be started: {error}")
    if child.returncode == 0 and child.stdout.strip() == "opened":
        return Trial(name, False, "opened an internet socket")
    if "PermissionError" in child.stderr:
        return Trial(name, True, "refused by the kernel")
    return Trial(name, False, f"not refused, though it failed: {child.stderr.strip().splitlines()[-1:]}")
