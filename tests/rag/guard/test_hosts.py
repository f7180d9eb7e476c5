"""Hosts that config.toml allows: those are reached, by a relay, and nothing else is. Real servers, real processes.

The servers listen on 127.0.0.1. What must not be reached is a server too, whose log has to stay empty.
"""

import json
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.errors import UsageError
from rag.guard import syscalls
from rag.guard.hosts import parse
from rag.guard.types import Host
from tests.offenders import OFFENDERS, Offender
from tests.running import PROGRAM, ROOT, prepare_home, program, refused

LINUX = pytest.mark.skipif(syscalls.abi() is None, reason="hosts can be allowed where the kernel keeps out all others")
QUESTION = "How soon is a security incident reported?"
TRUE = "Whoever notices a security incident reports it to the duty officer within one hour."
FALSE = "Whoever notices a security incident reports it to the duty officer within three days."


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs."""

    port: int
    log: Path

    @property
    def name(self) -> str:
        """As config.toml writes it."""
        return f"127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[dict[str, object]]:
        """What it was asked."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers of tests/model_server.py, and ends them."""
    running: list[subprocess.Popen[str]] = []

    def start(reply: str, *certificate: Path) -> Server:
        log = tmp_path / f"server-{len(running)}.jsonl"
        command = [sys.executable, "tests/model_server.py", str(log), reply, *map(str, certificate)]
        running.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
        out = running[-1].stdout
        assert out is not None
        port = out.readline()
        if not port:
            pytest.skip("no loopback here, as in a namespace where it is down; `ip link set lo up`")
        return Server(int(port), log)

    yield start
    for process in running:
        process.kill()
        process.communicate()


def run(code: str, *allowed: Server) -> list[str]:
    """Lines that `code` printed behind the guard, with these hosts allowed."""
    hosts = [Host(server.name, "127.0.0.1", server.port) for server in allowed]
    head = f"""
        import ctypes, os, signal, socket
        from rag import offline
        from rag.guard.types import Host
        from ingest.errors import HostError, OfflineError
        offline.engage()
        offline.allow({hosts!r})
        libc = ctypes.CDLL(None, use_errno=True)
        def tried(action):
            try: print("got through", action())
            except (HostError, OfflineError) as error: print(type(error).__name__, error)
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(head) + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


# ---------------------------------------------------------------------------------------------------------------------
# What may stand in config.toml


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text("127.0.0.1 localhost\n# 10.0.0.9 old.lan\n10.0.0.5\tllm.lan LLM # the big machine\n8.8.8.8 out\n")
    return path


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("10.0.0.5:8000", "10.0.0.5", 8000),
        ("llm.lan:8443", "10.0.0.5", 8443),
        ("llm:8443", "10.0.0.5", 8443),
        ("[fd00::5]:80", "fd00::5", 80),
        ("[::ffff:10.0.0.5]:80", "10.0.0.5", 80),
        ("100.64.0.1:1", "100.64.0.1", 1),
    ],
)
def test_hosts_of_the_own_network(text: str, address: str, port: int, table: Path) -> None:
    assert parse(text, table) == Host(text, address, port)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("8.8.8.8:443", "on the public internet"),
        ("[2606:4700::1]:443", "on the public internet"),
        ("[::ffff:8.8.8.8]:443", "on the public internet"),
        ("[64:ff9b::808:808]:443", "on the public internet"),
        ("out:443", "on the public internet"),
        ("old.lan:80", "DNS is not asked"),
        ("api.example.com:443", "DNS is not asked"),
        ("10.0.0.5", "no host and port"),
        ("10.0.0.5:0", "no host and port"),
        ("10.0.0.5:65536", "no host and port"),
        ("http://10.0.0.5:80", "no host and port"),
        ("10.0.0.0/8:80", "no host and port"),
        ("*:80", "no host and port"),
        ("", "no host and port"),
    ],
)
def test_what_is_no_host_of_the_own_network(text: str, says: str, table: Path) -> None:
    with pytest.raises(UsageError, match=says):
        parse(text, table)


# ---------------------------------------------------------------------------------------------------------------------
# The guard


@LINUX
def test_an_allowed_host_is_reached_over_a_unix_socket(serve: Callable[..., Server]) -> None:
    server = serve(TRUE)
    code = f"""
        stream = offline.connect({server.name!r}, 5)
        stream.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        print(stream.family.name, stream.recv(8))
        print(offline.connections(), offline.attempts())
    """
    assert run(code, server) == ["AF_UNIX b'HTTP/1.0'", f"{{'{server.name}': 1}} ()"]


@LINUX
def test_everything_else_stays_refused_and_is_told(serve: Callable[..., Server]) -> None:
    server, other = serve(TRUE), serve(TRUE)
    code = f"""
        tried(lambda: offline.connect({other.name!r}, 5))
        tried(lambda: offline.connect("127.0.0.2:{server.port}", 5))
        tried(lambda: offline.connect("localhost:{server.port}", 5))
        tried(lambda: socket.create_connection(("127.0.0.1", {server.port})))
        tried(lambda: socket.getaddrinfo("strongroom-probe.invalid", {server.port}))
        tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        print(libc.socket(2, 1, 0), libc.socket(2, 2, 0), libc.socket(10, 1, 0))
        print(len(offline.attempts()), offline.connections())
    """
    lines = run(code, server)
    assert [line.split()[0] for line in lines[:6]] == ["OfflineError"] * 6
    assert lines[6:] == ["-1 -1 -1", "8 {}"]
    assert other.requests == []


@LINUX
def test_a_stream_cannot_be_led_to_another_host(serve: Callable[..., Server]) -> None:
    """A connected TCP socket could: connect it to AF_UNSPEC, then anew."""
    server, other = serve(TRUE), serve(TRUE)
    code = f"""
        import struct
        number = offline.connect({server.name!r}, 5).detach()
        libc.connect(number, struct.pack("=H14x", 0), 16)
        there = struct.pack("=HH4s8x", 2, socket.htons({other.port}), bytes((127, 0, 0, 1)))
        print(libc.connect(number, there, 16))
    """
    assert run(code, server) == ["-1"]


@LINUX
def test_hosts_are_named_once(serve: Callable[..., Server]) -> None:
    server, other = serve(TRUE), serve(TRUE)
    code = f"""
        tried(lambda: offline.allow([Host({other.name!r}, "127.0.0.1", {other.port})]))
        tried(lambda: offline.allow([]))
        offline._guard.watcher.allow([Host({other.name!r}, "127.0.0.1", {other.port})])
        tried(lambda: offline.connect({other.name!r}, 5))
    """
    assert [line.split()[0] for line in run(code, server)] == ["OfflineError"] * 3
    assert other.requests == []


@LINUX
def test_before_any_is_named_and_in_a_child_none_is_allowed(serve: Callable[..., Server]) -> None:
    server = serve(TRUE)
    code = f"""
        child = os.fork()
        if child == 0:
            tried(lambda: offline.connect({server.name!r}, 5))
            os.sys.stdout.flush()
            os._exit(0)
        os.waitpid(child, 0)
        print([entry.event for entry in offline.attempts()], offline.connections())
    """
    first, second = run(code, server)
    assert first.startswith("OfflineError")
    assert second == "['connect'] {}"


@LINUX
def test_a_host_that_is_down_is_told(serve: Callable[..., Server]) -> None:
    down = Server(9, Path("none"))
    (line,) = run("tried(lambda: offline.connect('127.0.0.1:9', 5))", down)
    assert line.startswith("HostError 127.0.0.1:9 cannot be reached (")
    assert line.endswith("); nothing was sent to it.")


@LINUX
def test_without_the_watcher_nobody_connects(serve: Callable[..., Server]) -> None:
    server = serve(TRUE)
    code = f"""
        os.kill(offline._guard.watcher.pid, signal.SIGKILL)
        os.waitpid(offline._guard.watcher.pid, 0)
        tried(lambda: offline.connect({server.name!r}, 5))
        tried(offline.connections)
    """
    assert [line.split()[0] for line in run(code, server)] == ["HostError", "HostError"]


def test_where_others_could_not_be_kept_out_none_is_allowed() -> None:
    code = """
        import sys
        from rag.guard import syscalls
        syscalls.abi = lambda: None
        from rag import offline
        from rag.guard.types import Host
        from ingest.errors import UsageError
        offline.engage()
        offline.allow([])
        try: offline.allow([Host("10.0.0.5:1", "10.0.0.5", 1)])
        except UsageError as error: print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert "takes a Linux kernel" in done.stdout, done.stderr


@LINUX
@pytest.mark.parametrize("offender", OFFENDERS, ids=lambda offender: offender.name)
def test_offenders_are_stopped_with_a_host_allowed_as_without(offender: Offender, serve: Callable[..., Server]) -> None:
    """Each reaches for the very host that is allowed, and may not: it has to go through the relay."""
    reported = refused(offender, "127.0.0.1:9")
    assert any(offender.names in caller for *_, caller in reported), reported


# ---------------------------------------------------------------------------------------------------------------------
# The program


@pytest.fixture(scope="module")
def indexed(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the small sample, for copies."""
    home = prepare_home(tmp_path_factory.mktemp("hosts") / "home", models)
    done = program("--home", str(home), "ingest", str(ROOT / "rag" / "sample"))
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture
def configured(indexed: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a home whose config.toml names a server's model, with these lines besides."""

    def make(server: Server, *lines: str, scheme: str = "http") -> Path:
        home = tmp_path / "home"
        shutil.copytree(indexed, home, symlinks=True)
        url = f'url = "{scheme}://{server.name}/v1"'
        model = ["[model]", url, 'name = "tiny"', *([] if scheme == "https" else ["unencrypted = true"]), *lines]
        (home / "config.toml").write_text("\n".join(["[network]", f'hosts = ["{server.name}"]', *model]) + "\n")
        return home

    return make


def ask(home: Path, *options: str) -> tuple[dict[str, object], str]:
    """The answer, and what was said."""
    done = program("--home", str(home), "ask", QUESTION, "--json", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@LINUX
def test_a_model_on_an_allowed_host_words_the_answer_and_everybody_says_so(
    serve: Callable[..., Server], configured: Callable[..., Path], tmp_path: Path
) -> None:
    server = serve(TRUE)
    (tmp_path / "key").write_text("open sesame\n")
    home = configured(server, f'key_file = "{tmp_path / "key"}"')
    answer, said = ask(home)
    assert (answer["mode"], answer["answer"]) == ("written", f"{TRUE} [1]")
    assert answer["model"] == {"name": f"tiny at {server.name}", "sha256": None}
    (sent,) = [line for line in answer["warnings"] if "sent" in line]  # type: ignore[attr-defined]
    assert sent.startswith("The question and the text of ")
    assert f"sent to {server.name} (unencrypted), which config.toml allows." in sent
    assert f"Made, or tried, 1 connection to {server.name}, as config.toml allows; none to any other host." in said
    (request,) = server.requests
    assert request["path"] == "/v1/chat/completions"
    assert request["headers"]["Authorization"] == "Bearer open sesame"  # type: ignore[index]
    assert "User-Agent" not in request["headers"]  # type: ignore[operator]
    body = request["body"]
    assert (body["model"], body["temperature"], body["stream"]) == ("tiny", 0.0, True)  # type: ignore[index]

    record = program("--home", str(home), "record", "export").stdout.splitlines()
    entries = {entry["kind"]: entry for entry in map(json.loads, record)}
    assert entries["answer"]["facts"]["models"]["language"] == answer["model"]
    assert sent in entries["answer"]["content"]["answer"]["warnings"]
    assert entries["connection"]["facts"]["hosts"] == {server.name: 1}
    assert program("--home", str(home), "record", "verify").returncode == 0

    assert f"config.toml allows {server.name}; words from tiny at {server.name}" in (
        program("--home", str(home), "status").stdout
    )
    doctor = program("--home", str(home), "doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert f"ok   allowed host: {server.name}: answers" in doctor.stdout
    assert "NOT ENCRYPTED" in doctor.stdout
    assert "not allowed: refused by the watcher" in doctor.stdout
    assert "refused connect" not in doctor.stderr


@LINUX
def test_what_it_writes_is_checked_as_ever(serve: Callable[..., Server], configured: Callable[..., Path]) -> None:
    answer, _ = ask(configured(serve(FALSE)))
    assert (answer["mode"], answer["dropped_sentences"]) == ("quoted", 1)
    assert "three days" not in json.dumps(answer)


@LINUX
def test_a_way_to_another_host_is_not_followed(serve: Callable[..., Server], configured: Callable[..., Path]) -> None:
    other = serve(TRUE)
    server = serve(f"http://{other.name}/v1/chat/completions")
    answer, _ = ask(configured(server))
    assert answer["mode"] == "quoted"
    assert any("which is not followed" in line for line in answer["warnings"])  # type: ignore[attr-defined]
    assert (len(server.requests), other.requests) == (1, [])


@LINUX
def test_a_summary_names_the_host(serve: Callable[..., Server], configured: Callable[..., Path]) -> None:
    server = serve(TRUE)
    home = configured(server)
    done = program("--home", str(home), "summarize", str(ROOT / "rag" / "sample" / "security.md"), "--json")
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(done.stdout)["files"]
    assert entry["sent_to"] == f"{server.name} (unencrypted)"
    assert len(server.requests) == entry["parts"]


@LINUX
def test_commands_that_word_nothing_may_reach_nobody(
    serve: Callable[..., Server], configured: Callable[..., Path]
) -> None:
    """A library gone bad in `rag logs`, which reads hostile files: config.toml does not help it."""
    server = serve(TRUE)
    bad = (
        "from rag.cli import logbook; from rag import offline; real = logbook._jobs\n"
        "def evil(*args):\n"
        f"    try: offline.connect({server.name!r}, 5)\n"
        "    except Exception as error: print(error)\n"
        "    return real(*args)\n"
        "logbook._jobs = evil\n"
    )
    command = ["--home", str(configured(server)), "logs", str(ROOT / "rag" / "sample" / "auth.log")]
    done = subprocess.run(
        [sys.executable, "-c", bad + PROGRAM, *command], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert f"{server.name} is not allowed for this command; nothing was sent." in done.stdout
    assert f"refused connect ({server.name})" in done.stderr


@LINUX
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
@pytest.mark.parametrize("trusted", [True, False])
def test_a_certificate_is_verified_before_anything_is_sent(
    trusted: bool, serve: Callable[..., Server], configured: Callable[..., Path], tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=model"]
    where = ["-keyout", str(key), "-out", str(certificate), "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, *where], check=True, capture_output=True, timeout=60)
    server = serve(TRUE, certificate, key)
    home = configured(server, *([f'ca = "{certificate}"'] if trusted else []), scheme="https")
    answer, _ = ask(home)
    told = [line for line in answer["warnings"] if server.name in line]  # type: ignore[attr-defined]
    if trusted:
        assert answer["mode"] == "written"
        assert told[0].endswith(f"were sent to {server.name}, which config.toml allows.")
    else:
        assert answer["mode"] == "quoted"
        assert "could not be believed to be what it says" in told[0]
        assert server.requests == []
