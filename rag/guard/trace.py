"""What a program asked the kernel for, by strace: each socket it made or tried to make, in all threads and children.

strace is a stranger to Strongroom, which is the point: it sees calls before any filter does.
"""

import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

LOCAL = frozenset({"AF_UNIX", "AF_LOCAL"})

_CALLS = "trace=socket,connect,io_uring_setup"
_SOCKET = re.compile(r"\bsocket\((?P<family>\w+)")
_PATH = re.compile(r'\bconnect\(\d+, \{sa_family=AF_UNIX, sun_path=(?P<path>@?"(?:[^"\\]|\\.)*")')
_RING = re.compile(r"\bio_uring_setup\(")
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Sockets:
    """What a trace holds."""

    families: dict[str, int]  # sockets asked for, by family, whether they were given or not
    services: tuple[str, ...]  # Unix sockets of other programs it asked to connect to
    rings: int  # io_uring instances asked for, through which sockets could be opened unseen

    @property
    def internet(self) -> int:
        """Sockets of any family but AF_UNIX."""
        return sum(count for family, count in self.families.items() if family not in LOCAL)


def strace() -> tuple[str, str]:
    """Path of a strace that works here, and ""; or "" and why there is none."""
    path = shutil.which("strace")
    if path is None:
        return "", "strace is not installed" if sys.platform == "linux" else "strace is Linux's"
    try:
        done = subprocess.run(
            [path, "-f", "-qq", "-e", _CALLS, sys.executable, "-I", "-S", "-c", ""],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"strace does not work here ({error})"
    if done.returncode != 0:
        return "", f"strace does not work here ({' '.join(done.stderr.split())[:200]})"
    return path, ""


def traced(strace: str, log: Path, command: list[str]) -> list[str]:
    """`command` under strace, which writes to `log`."""
    return [strace, "-f", "-qq", "-e", "signal=none", "-e", _CALLS, "-o", str(log), *command]


def read(log: Path) -> Sockets:
    """The sockets in a log of `traced`."""
    return read_text(log.read_text(encoding="utf-8", errors="replace"))


def read_text(log: str) -> Sockets:
    """The sockets in the text of such a log."""
    families: Counter[str] = Counter()
    services: dict[str, None] = {}
    rings = 0
    for line in log.splitlines():
        if found := _SOCKET.search(line):
            families[found["family"]] += 1
        elif found := _PATH.search(line):
            services[found["path"]] = None
        elif _RING.search(line):
            rings += 1
    return Sockets(dict(sorted(families.items())), tuple(services), rings)
