"""Really tries to get out, in the ways there are, and says what happened. Sends nothing even where it succeeds."""

import errno
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.errors import OfflineError
from rag.guard import landlock, seccomp, syscalls
from rag.guard.types import Host, Trial

_PROBE_NAME = "strongroom-probe.invalid"  # RFC 2606: belongs to nobody, and resolvers do not pass it on
# The protocol is one that no kernel has; it tells the watcher whose try it is.
_CHILD = f"import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, {seccomp.TRIED}).close(); print('opened')"
_CHILD_SECONDS = 30.0
_REFUSED = 77  # exit code of the child that was refused, unlike any of Python's own


def probe() -> tuple[Trial, ...]:
    """Try every way; none of the tries is listed among the attempts of others."""
    return (
        _try("Python socket, IPv4", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()),
        _try("Python socket, IPv6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()),
        _try("name lookup", lambda: socket.getaddrinfo(_PROBE_NAME, 443)),
        _try_native(),
        _try_child(),
        _try_writing(),
    )


def try_other_port(connect: Callable[[str], socket.socket], allowed: Sequence[Host]) -> Trial:
    """Ask for a port of an allowed host that is not allowed."""
    names = {host.name for host in allowed}
    machine = allowed[0].name.rpartition(":")[0]
    other = next(name for port in range(1, len(names) + 2) if (name := f"{machine}:{port}") not in names)
    name = f"{other}, not allowed"
    try:
        connect(other).close()
    except OfflineError:
        return Trial(name, True, "refused by the watcher")
    return Trial(name, False, "connected")


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
    failure = syscalls.native_socket(socket.AF_INET, socket.SOCK_STREAM, seccomp.TRIED)
    if failure in (errno.EACCES, errno.EPERM):
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


def _try_writing() -> Trial:
    """A copy of this process that may write nowhere tries to: only the kernel can refuse it."""
    name = "file outside the home"
    if not landlock.version():
        return Trial(name, False, "this system has no Landlock; not tried")
    with tempfile.TemporaryDirectory(prefix="strongroom-") as folder:
        child = os.fork()
        if child == 0:
            landlock.restrict_writing(())
            try:
                Path(folder, "probe").touch()
            except PermissionError:
                os._exit(_REFUSED)
            finally:
                os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == _REFUSED:
        return Trial(name, True, "refused by the kernel")
    return Trial(name, False, "could be written")
