"""Reading what strace wrote, and namespaces that are really empty."""

import subprocess
import sys
from pathlib import Path

import pytest

from rag.guard import namespace, trace

LOG = r"""
4711  socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0) = 3
4711  connect(3, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT (No such file or directory)
4711  connect(3, {sa_family=AF_UNIX, sun_path=@"/tmp/.X11-unix/X0"}, 20) = -1 EPERM (Operation not permitted)
4712  socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, IPPROTO_IP <unfinished ...>
4711  socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP) = -1 EACCES (Permission denied)
4712  <... socket resumed>)             = -1 EACCES (Permission denied)
4711  socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = -1 EACCES (Permission denied)
4711  socket(0x5352 /* AF_??? */, SOCK_STREAM, 0) = -1 EACCES (Permission denied)
4711  io_uring_setup(8, {flags=0}) = -1 ENOSYS (Function not implemented)
4711  +++ exited with 0 +++
"""


def test_every_socket_is_counted_once_by_family(tmp_path: Path) -> None:
    log = tmp_path / "trace.log"
    log.write_text(LOG)
    found = trace.read(log)
    assert found.families == {"0x5352": 1, "AF_INET": 1, "AF_INET6": 1, "AF_NETLINK": 1, "AF_UNIX": 1}
    assert found.internet == 4
    assert found.services == ('"/var/run/nscd/socket"', '@"/tmp/.X11-unix/X0"')
    assert found.rings == 1


def test_nothing_in_an_empty_log(tmp_path: Path) -> None:
    (tmp_path / "trace.log").write_bytes(b"\xff\xfe\n")
    assert trace.read(tmp_path / "trace.log").internet == 0


def test_no_strace_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    path, why = trace.strace()
    assert path == ""
    assert "strace is" in why


@pytest.mark.skipif(namespace.refusal() != "", reason="namespaces are not allowed here")
def test_in_the_namespace_there_is_nothing_to_send_over() -> None:
    code = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], preexec_fn=namespace.enter, capture_output=True, text=True, timeout=30
    )
    assert "Network is unreachable" in done.stderr


def test_where_namespaces_are_not_allowed_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError(1, "unshare")

    monkeypatch.setattr(namespace, "enter", refuse)
    assert "not let this user" in namespace.refusal() or sys.platform != "linux"
