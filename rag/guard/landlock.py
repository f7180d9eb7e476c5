"""The files layer: by Landlock, this process, its native code and its children write only below folders that are named.

It also refuses TCP connections over sockets that were open before the guard (seccomp refuses new ones) and abstract
Unix sockets of other programs. What this kernel's Landlock does not know yet is left out, and `Restriction` says so.
Rules hold for the calling thread and what it starts, so they are set before there are other threads. Nothing is said
about reading: documents may lie anywhere. Interface: https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.guard import syscalls
from rag.guard.types import Layer

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # same numbers on every processor
_GET_VERSION = 1  # flag of _CREATE
_RULE_PATH = 1  # LANDLOCK_RULE_PATH_BENEATH

_WRITE_FILE, _TRUNCATE, _IOCTL_DEVICE = 1 << 1, 1 << 14, 1 << 15
_REMOVE_AND_MAKE = sum(
    1 << bit for bit in range(4, 13)
)  # remove folder, file; make device, folder, file, socket, …, link
_REFER = 1 << 13
_BIND_AND_CONNECT_TCP = 0b11
_ABSTRACT_SOCKETS = 0b1
_SINCE = {_REFER: 2, _TRUNCATE: 3, _IOCTL_DEVICE: 5}  # which version of Landlock's interface knows a right
_SINCE_NETWORK, _SINCE_SCOPE = 4, 6

DEVICES = ("null", "zero", "full", "tty", "shm", "kfd", "dri", "dxg")
"""Below /dev: what programs write to as a matter of course, semaphores of worker processes, graphics processors."""


@dataclass(frozen=True, slots=True)
class Restriction:
    """What Landlock was asked to do here."""

    version: int  # of the kernel's interface; 0: it has none
    failure: int = 0  # errno of the call that failed

    @property
    def holds(self) -> bool:
        """Whether the rules are in force."""
        return self.version > 0 and not self.failure


def version() -> int:
    """The version of Landlock's interface that this kernel has; 0: none."""
    if syscalls.abi() is None:
        return 0
    return max(0, syscalls.call(_CREATE, 0, 0, _GET_VERSION))


def restrict_network() -> Restriction:
    """No TCP connection or binding, whatever socket is used, and no abstract Unix socket of another program."""
    known = version()
    if known < _SINCE_NETWORK:
        return Restriction(known)
    # Rules that do not speak of moving between folders forbid it everywhere, so these allow it.
    return _restrict(known, rights=_REFER, network=_BIND_AND_CONNECT_TCP, folders=[Path("/")])


def restrict_writing(folders: Iterable[Path]) -> Restriction:
    """Writing, making, renaming and removing files only below `folders` (those that exist) and in DEVICES."""
    known = version()
    if not known:
        return Restriction(0)
    rights = _WRITE_FILE | _REMOVE_AND_MAKE
    rights |= sum(right for right, since in _SINCE.items() if known >= since)
    devices = [Path("/dev", name) for name in DEVICES] + sorted(Path("/dev").glob("nvidia*"))
    return _restrict(known, rights, network=0, folders=(*folders, *devices))


def layer(restriction: Restriction, folders: Sequence[Path]) -> Layer:
    """How the files layer stands after `restrict_writing(folders)`."""
    if not restriction.version:
        return Layer("files", False, "this kernel has no Landlock: writing is bound by the user's permissions alone")
    if restriction.failure:
        return Layer("files", False, f"the kernel refuses Landlock's rules: {os.strerror(restriction.failure)}")
    named = ", ".join(map(str, folders))
    return Layer("files", True, f"Landlock (version {restriction.version}) lets nothing be written but below {named}")


def _restrict(known: int, rights: int, network: int, folders: Iterable[Path]) -> Restriction:
    scope = _ABSTRACT_SOCKETS if known >= _SINCE_SCOPE and network else 0
    # struct landlock_ruleset_attr grew with the versions; a kernel takes no fields that it does not know.
    fields = (rights, network, scope)[: 3 if known >= _SINCE_SCOPE else 2 if known >= _SINCE_NETWORK else 1]
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = syscalls.call(_CREATE, ctypes.create_string_buffer(attributes, len(attributes)), len(attributes), 0)
    if ruleset < 0:
        return Restriction(known, -ruleset)
    try:
        for folder in folders:
            if failure := _allow(ruleset, folder, rights):
                return Restriction(known, failure)
        # No program gains rights from here on: without this promise only root may restrict itself.
        failure = -syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1) or -syscalls.call(_RESTRICT, ruleset, 0)
        return Restriction(known, max(failure, 0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> int:
    """Allow `rights` below `path`. errno; 0 if it is allowed, or not there."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _WRITE_FILE | _TRUNCATE | _IOCTL_DEVICE  # the others are about what a folder holds
        rule = struct.pack("=Qi", rights, descriptor)  # struct landlock_path_beneath_attr, packed
        buffer = ctypes.create_string_buffer(rule, len(rule))
        return max(0, -syscalls.call(_ADD_RULE, ruleset, _RULE_PATH, buffer, 0))
    finally:
        os.close(descriptor)
