"""The guard cannot be taken down again, so each test engages it in a Python of its own."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rag import offline
from rag.guard import seccomp

ROOT = Path(__file__).parents[2]
LINUX_KERNEL = sys.platform == "linux" and os.uname().machine in {"x86_64", "aarch64"}


def guarded(code: str, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a new Python after `engage()`, and `before` before; warnings are errors there too."""
    program = textwrap.dedent(before) + "\nfrom rag import offline\noffline.engage()\n" + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        timeout=120,
    )


def output(code: str, before: str = "", **environment: str) -> str:
    done = guarded(code, before, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_it_imports_nothing_heavy() -> None:
    heavy = output(
        "import sys; print([m for m in ('numpy', 'torch', 'chromadb', 'huggingface_hub') if m in sys.modules])"
    )
    assert heavy.strip() == "[]"


def test_engaging_twice_adds_nothing() -> None:
    code = """
        import sys
        hooks = []
        sys.addaudithook(lambda event, args: hooks.append(event) if event == "sys.addaudithook" else None)
        offline.engage()
        print(hooks)
    """
    assert output(code).strip() == "[]"


@pytest.mark.skipif(not LINUX_KERNEL, reason="the kernel layer is for Linux")
def test_every_layer_holds_and_every_try_is_refused() -> None:
    code = """
        from pathlib import Path
        from rag.guard.probe import probe
        offline.confine(Path('nowhere'))
        print([layer.name for layer in offline.layers() if not layer.holds])
        print([trial for trial in probe() if not trial.refused])
        print(offline.attempts())
    """
    assert output(code).splitlines() == ["[]", "[]", "()"]


@pytest.mark.parametrize(
    "call",
    [
        "socket.socket()",
        "socket.socket(socket.AF_INET6)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "socket.getaddrinfo('strongroom-probe.invalid', 80)",
        "socket.getaddrinfo('127.0.0.1', 80)",
        "socket.gethostbyname('strongroom-probe.invalid')",
        "socket.gethostbyname_ex('strongroom-probe.invalid')",
        "socket.gethostbyaddr('127.0.0.1')",
        "socket.getnameinfo(('127.0.0.1', 80), 0)",
        "socket.create_connection(('127.0.0.1', 9))",
        "urllib.request.urlopen('http://127.0.0.1:9/')",
        "http.client.HTTPConnection('127.0.0.1', 9).connect()",
    ],
)
def test_python_code_is_refused_with_the_callers_place(call: str) -> None:
    code = f"""
        import socket, urllib.request, http.client
        from ingest.errors import OfflineError
        def culprit():
            {call}
        try:
            culprit()
        except OfflineError as error:
            print(error)
        print(len(offline.attempts()))
    """
    lines = output(code).splitlines()
    assert "nothing was sent" in lines[0]
    assert ":culprit:" in lines[0] or "urllib" in call or "http.client" in call
    assert lines[1] == "1"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="descriptors are inherited on POSIX")
def test_a_socket_inherited_from_outside_cannot_connect_bind_or_send() -> None:
    """Such a descriptor was opened before the filter: the hook looks at its family when it is used."""
    program = """
        import socket, sys
        outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        from rag import offline
        from ingest.errors import OfflineError
        offline.engage()
        again = socket.socket(fileno=outside.detach())
        there = ("127.0.0.1", 9)
        for use in (lambda: again.connect(there), lambda: again.bind(there),
                    lambda: again.sendto(b"x", there), lambda: again.sendmsg([b"x"], [], 0, there)):
            try:
                use()
            except OfflineError:
                print("refused")
        again.close()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.stdout.split() == ["refused"] * 4, done.stderr


@pytest.mark.skipif(not LINUX_KERNEL, reason="the kernel layer is for Linux")
@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET"])
def test_native_code_gets_eacces(family: str) -> None:
    code = f"""
        import ctypes, errno, socket
        libc = ctypes.CDLL(None, use_errno=True)
        print(libc.socket(int(socket.{family}), int(socket.SOCK_RAW), 0), errno.errorcode[ctypes.get_errno()])
    """
    assert output(code).split() == ["-1", "EACCES"]


@pytest.mark.skipif(not LINUX_KERNEL, reason="the kernel layer is for Linux")
def test_io_uring_is_not_there() -> None:
    code = """
        import ctypes, errno
        libc = ctypes.CDLL(None, use_errno=True)
        print(libc.syscall(425, 1, 0), errno.errorcode[ctypes.get_errno()])
    """
    assert output(code).split() == ["-1", "ENOSYS"]


@pytest.mark.skipif(not LINUX_KERNEL or os.uname().machine != "x86_64", reason="x32 calls exist on x86_64")
def test_x32_calls_are_refused() -> None:
    code = """
        import ctypes, errno
        libc = ctypes.CDLL(None, use_errno=True)
        libc.syscall.restype = ctypes.c_long
        print(libc.syscall(ctypes.c_long(0x40000000 + 41), 2, 1, 0), errno.errorcode[ctypes.get_errno()])
    """
    assert output(code).split() == ["-1", "EACCES"]


@pytest.mark.skipif(not LINUX_KERNEL, reason="the kernel layer is for Linux")
def test_threads_that_ran_before_are_covered() -> None:
    program = """
        import ctypes, threading
        from rag import offline
        go, libc = threading.Event(), ctypes.CDLL(None, use_errno=True)
        def late():
            go.wait()
            print(libc.socket(2, 1, 0))
        thread = threading.Thread(target=late)
        thread.start()
        offline.engage()
        go.set()
        thread.join()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.stdout.strip() == "-1", done.stderr


@pytest.mark.skipif(not LINUX_KERNEL, reason="the kernel layer is for Linux")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_worker_processes_work_and_are_covered(method: str, tmp_path: Path) -> None:
    script = tmp_path / "workers.py"
    script.write_text(
        textwrap.dedent(f"""
        import ctypes, multiprocessing
        from rag import offline
        def native_socket(_):
            return ctypes.CDLL(None).socket(2, 1, 0)
        if __name__ == "__main__":
            offline.engage()
            with multiprocessing.get_context("{method}").Pool(2) as pool:
                print(pool.map(native_socket, range(2)))
        """)
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert done.stdout.strip() == "[-1, -1]", done.stderr


def test_local_sockets_and_event_loops_still_work() -> None:
    code = """
        import asyncio, socket
        left, right = socket.socketpair()
        left.sendall(b"x")
        print(right.recv(1))
        left.close(); right.close()
        asyncio.run(asyncio.sleep(0))
    """
    assert output(code).strip() == "b'x'"


def test_proxies_are_removed_and_switches_win_over_the_users_own() -> None:
    code = """
        import os
        from rag.guard import switches
        print([n for n in os.environ if "proxy" in n.lower() or "OTEL_COLLECTION" in n])
        print([n for n, value, _ in switches.SWITCHES if os.environ[n] != value])
    """
    users = {
        "HTTPS_PROXY": "http://u:p@proxy.example:1",
        "http_proxy": "http://proxy.example:1",
        "CHROMA_OTEL_COLLECTION_ENDPOINT": "http://collector.example",
        "HF_HUB_OFFLINE": "0",
        "ANONYMIZED_TELEMETRY": "True",
    }
    assert output(code, **users).splitlines() == ["[]", "[]"]


def test_a_switch_taken_back_later_is_seen() -> None:
    code = """
        import os
        os.environ["HF_HUB_OFFLINE"] = "0"
        print([layer.name for layer in offline.layers() if not layer.holds][:1])
    """
    assert output(code).strip() == "['environment']"


@pytest.mark.skipif(not LINUX_KERNEL, reason="the kernel layer is for Linux")
def test_a_kernel_that_refuses_the_filter_is_reported_and_nothing_fails() -> None:
    code = """
        print(offline.layers()[2], offline.attempts())
    """
    refusing = """
        from rag.guard import syscalls
        syscalls.call = lambda *args: -22
        real = syscalls.prctl
        syscalls.prctl = lambda option, *args: -22 if option == syscalls.PR_SET_SECCOMP else real(option, *args)
    """
    said = output(code, before=refusing)
    assert "holds=False" in said
    assert "refuses a seccomp filter: Invalid argument" in said
    assert said.strip().endswith("()")


@pytest.mark.skipif(not LINUX_KERNEL, reason="the kernel layer is for Linux")
def test_a_kernel_that_tells_nobody_still_refuses_and_the_layer_says_so() -> None:
    """As where another program listens already. The refusal stands, what tried does not come to the list."""
    older = """
        from rag.guard import seccomp, syscalls
        real = syscalls.call
        syscalls.call = lambda number, *args: (
            -22 if number == syscalls.abi().seccomp and args[1] & seccomp._NEW_LISTENER else real(number, *args)
        )
    """
    code = """
        import ctypes
        print(ctypes.CDLL(None).socket(2, 1, 0), offline.layers()[2].detail, offline.attempts())
    """
    said = output(code, before=older)
    assert said.startswith("-1 ")
    assert "are not told" in said
    assert said.strip().endswith("()")


@pytest.mark.parametrize(
    ("release", "tells"),
    [("4.19.0", False), ("5.8.18-generic", False), ("5.9.0", True), ("6.18.44-fc", True), ("?", False)],
)
def test_which_kernels_tell(release: str, tells: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp.platform, "release", lambda: release)
    assert seccomp.can_tell() is tells


def test_an_unknown_processor_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp.platform, "machine", lambda: "riscv64")
    layer = seccomp.install(tell=True).layer
    assert not layer.holds
    assert "riscv64" in layer.detail or sys.platform != "linux"


def test_an_unengaged_process_says_so() -> None:
    assert {layer.name: layer.holds for layer in offline.layers()}["python"] is False
    details = [layer.detail for layer in offline.layers()]
    assert details[1:] == ["not engaged", "not engaged", "not engaged in this process"]


@pytest.mark.skipif(not LINUX_KERNEL, reason="the kernel layer is for Linux")
def test_the_real_chroma_runs_behind_the_guard_and_tries_nothing(tmp_path: Path) -> None:
    code = f"""
        import warnings
        warnings.simplefilter("default")  # chromadb's own dependencies deprecate things while they are imported
        import chromadb, onnxruntime
        collection = chromadb.PersistentClient({str(tmp_path)!r}).create_collection("guarded")
        collection.add(ids=["a", "b"], embeddings=[[1.0, 0.0], [0.0, 1.0]])
        print(collection.query(query_embeddings=[[1.0, 0.1]], n_results=1)["ids"], offline.attempts())
    """
    assert output(code).strip() == "[['a']] ()"


def test_chromas_client_for_servers_is_stopped_even_from_this_machine() -> None:
    """There is no store on another host: its client makes sockets of its own, whatever config.toml allows."""
    code = """
        import warnings
        warnings.simplefilter("default")
        import chromadb
        try: chromadb.HttpClient("127.0.0.1", 9)
        except Exception as error: print(type(error).__name__)
        print({entry.event for entry in offline.attempts()} <= {"socket.getaddrinfo", "socket.__new__", "socket"})
        print(any("httpcore" in entry.caller for entry in offline.attempts()))
    """
    assert output(code).splitlines()[1:] == ["True", "True"]


@pytest.mark.skipif(not LINUX_KERNEL, reason="the folder is the one that onnxruntime uses on Linux")
def test_onnxruntime_keeps_no_telemetry_in_the_users_home(tmp_path: Path) -> None:
    """Unasked, onnxruntime 1.32 writes a device id and an event database there, and uploads the events."""
    code = """
        import warnings
        warnings.simplefilter("default")
        import onnxruntime
        from onnx import TensorProto, helper
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
        graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", values[:1], values[1:])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnxruntime.InferenceSession(model.SerializeToString())
    """
    output(code, HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert list(tmp_path.rglob("*")) == []
