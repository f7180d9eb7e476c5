"""An empty network namespace for a child: no interface but a loopback that is down, so there is nothing to send over.

Linux only, and only where the system lets this user make one: root always may, others need user namespaces.
https://man7.org/linux/man-pages/man7/network_namespaces.7.html
"""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # linux/sched.h

_LIST = "print(open('/proc/self/net/dev').read())"
_SECONDS = 30.0


def enter() -> None:
    """Move this process into an empty network namespace; for `preexec_fn`. Raises OSError where it may not."""
    user, group = os.getuid(), os.getgid()
    flags = _NEW_NETWORK if user == 0 else _NEW_NETWORK | _NEW_USER
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    if flags & _NEW_USER:  # the same user inside as outside, or files could not be made
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")


def refusal() -> str:
    """Why this process cannot start children in an empty namespace; "" if it can: one was started and looked around."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    try:
        child = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _LIST], preexec_fn=enter, capture_output=True, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"this system does not let this user make one ({error})"
    interfaces = [line.split(b":")[0].strip().decode() for line in child.stdout.splitlines() if b":" in line]
    return (
        ""
        if interfaces == ["lo"]
        else f"the namespace is not empty: {', '.join(interfaces) or 'nothing could be read'}"
    )
