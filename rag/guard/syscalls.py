"""System calls that Python has no functions for, by number. Linux on x86_64 and aarch64.

Numbers are those of the kernel's user API: linux/audit.h, linux/prctl.h, asm/unistd.h. Both processors are
little-endian, which the layouts of structures here rely on.
"""

import ctypes
import os
import platform
import sys
from dataclasses import dataclass

PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 15, 22, 38
PR_SET_PTRACER = 0x59616D61  # "Yama": who may look into this process where only parents may


@dataclass(frozen=True, slots=True)
class Abi:
    """System call numbers of one processor."""

    audit_arch: int
    socket: int
    seccomp: int
    x32: bool  # the processor has a second table of calls above bit 30


_ABIS = {
    "x86_64": Abi(audit_arch=0xC000003E, socket=41, seccomp=317, x32=True),
    "aarch64": Abi(audit_arch=0xC00000B7, socket=198, seccomp=277, x32=False),
}

_libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
if _libc is not None:
    _libc.syscall.restype = ctypes.c_long


def abi() -> Abi | None:
    """This processor's numbers; None where the guard has none: another system, another processor, a 32-bit Python."""
    if sys.platform != "linux" or ctypes.sizeof(ctypes.c_void_p) != 8:
        return None
    return _ABIS.get(platform.machine())


def call(number: int, *args: object) -> int:
    """A system call; integers are passed as unsigned long. Returns its result, or -errno."""
    assert _libc is not None
    passed = [ctypes.c_ulong(arg) if isinstance(arg, int) else arg for arg in args]
    result = int(_libc.syscall(ctypes.c_long(number), *passed))
    return -ctypes.get_errno() if result == -1 else result


def prctl(option: int, first: object, *more: int) -> int:
    """prctl(2). Returns its result, or -errno."""
    assert _libc is not None
    rest = [ctypes.c_ulong(arg) for arg in (*more, 0, 0, 0)[:3]]
    head = ctypes.c_ulong(first) if isinstance(first, int) else first
    result = int(_libc.prctl(option, head, *rest))
    return -ctypes.get_errno() if result == -1 else result


def native_socket(family: int, kind: int, protocol: int = 0) -> int:
    """errno of socket(2) called past Python; 0 if a socket was opened (and closed again)."""
    assert _libc is not None
    descriptor = int(_libc.socket(int(family), int(kind), protocol))
    if descriptor >= 0:
        os.close(descriptor)
        return 0
    return ctypes.get_errno()
