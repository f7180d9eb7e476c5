"""The kernel layer: a seccomp filter that refuses every socket but AF_UNIX, in native code and in children too.

Where the kernel can (5.9 and later) a refusal is first told to the watcher (`rag/guard/watcher.py`), which writes down
who tried and then says no; else the kernel says no by itself, and nobody hears of tries from native code. Formats:
linux/seccomp.h, linux/filter.h, https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html
"""

import ctypes
import errno
import os
import platform
import re
import socket
import struct
import sys
from dataclasses import dataclass

from rag.guard import syscalls
from rag.guard.syscalls import Abi
from rag.guard.types import Layer

ASKED = 0x5352  # a protocol that no family has: the filter answers a socket of it with IN_PLACE, so it shows itself
TRIED = 0x5353  # another: the watcher knows such a try as the guard's own (`rag/guard/probe.py`)
IN_PLACE = 117  # EUCLEAN: an errno that socket(2) never gives by itself

_IO_URING = (425, 426, 427)  # setup, enter, register: same numbers on every processor. A ring opens sockets unseen
_X32_BIT = 0x40000000

_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _RETURN = 0x20, 0x15, 0x35, 0x06
_OFFSET_CALL, _OFFSET_ARCH, _OFFSET_ARGUMENT0, _OFFSET_ARGUMENT2 = 0, 4, 16, 32  # in struct seccomp_data
_ALLOW, _ERRNO, _NOTIFY = 0x7FFF0000, 0x00050000, 0x7FC00000

_SET_MODE_FILTER, _MODE_FILTER = 1, 2
_TSYNC, _NEW_LISTENER, _TSYNC_ESRCH = 1, 8, 16
_TELLS_SINCE = (5, 9)


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


@dataclass(frozen=True, slots=True)
class Installed:
    """How it went."""

    layer: Layer
    listener: int | None  # the descriptor on which refusals are told; None: they are not


def program(abi: Abi, *, tell: bool) -> bytes:
    """The filter as struct sock_filter[]: (code, jump if true, jump if false, k). `tell`: refusals go to a listener."""
    refuse = _NOTIFY if tell else _ERRNO | errno.EACCES
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
        steps += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    steps += [
        (_JUMP_EQUAL, 1, 0, abi.socket),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _OFFSET_ARGUMENT2),
        (_JUMP_EQUAL, 0, 1, ASKED),
        (_RETURN, 0, 0, _ERRNO | IN_PLACE),
        (_LOAD, 0, 0, _OFFSET_ARGUMENT0),
        (_JUMP_EQUAL, 0, 1, int(socket.AF_UNIX)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, refuse),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def can_tell() -> bool:
    """Whether this kernel tells a listener of refusals, and also when nobody is left who could be refused (5.9)."""
    release = re.match(r"(\d+)\.(\d+)", platform.release())
    return release is not None and (int(release[1]), int(release[2])) >= _TELLS_SINCE


def in_place() -> bool:
    """Whether the filter is in force here, put up by this process or inherited from the one that started it."""
    return syscalls.native_socket(socket.AF_UNIX, socket.SOCK_STREAM, ASKED) == IN_PLACE


def install(*, tell: bool) -> Installed:
    """Install the filter for all threads of this process, see that it holds, and say how that went."""
    abi = syscalls.abi()
    if abi is None:
        return Installed(Layer("kernel", False, _why_none()), None)
    if in_place():
        return Installed(Layer("kernel", True, "seccomp filter inherited; the process that put it up tells"), None)
    # Without this promise (no setuid program gains rights from here on) only root may install a filter.
    if (failure := syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)) < 0:
        return Installed(Layer("kernel", False, f"prctl(NO_NEW_PRIVS) failed: {os.strerror(-failure)}"), None)
    detail = "seccomp refuses every socket but AF_UNIX, in native code and children too"
    listener = _load(abi, tell=True, flags=_TSYNC | _NEW_LISTENER | _TSYNC_ESRCH) if tell else -1
    if listener >= 0:
        detail += ", and tells who tried"
    else:
        detail += "; tries of native code and children are not told, the kernel cannot"
        failure = _load(abi, tell=False, flags=_TSYNC)
        if failure != 0:
            failure = _load(abi, tell=False, flags=None)
            detail += "; threads that ran before are not covered"
        if failure != 0:
            why = f"the kernel refuses a seccomp filter: {os.strerror(-failure)}"
            return Installed(Layer("kernel", False, why), None)
    holds = in_place()
    if not holds:
        detail = "the seccomp filter was accepted, and is not in force"
    return Installed(Layer("kernel", holds, detail), listener if listener >= 0 else None)


def _load(abi: Abi, *, tell: bool, flags: int | None) -> int:
    """Hand the filter to the kernel, by seccomp(2) with `flags`, or the older prctl. Its result, or -errno."""
    code = program(abi, tell=tell)
    buffer = ctypes.create_string_buffer(code, len(code))
    record = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    if flags is None:
        return syscalls.prctl(syscalls.PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(record))
    return syscalls.call(abi.seccomp, _SET_MODE_FILTER, flags, ctypes.byref(record))


def _why_none() -> str:
    if sys.platform != "linux":
        return f"{platform.system()} has no seccomp: native code and children are not refused by it"
    return f"no filter is written for {platform.machine()} with this Python"
