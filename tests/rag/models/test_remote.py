"""A model on another host, spoken to over a pair of sockets; tests/rag/guard/test_hosts.py has real servers."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ingest.errors import HostError
from rag import offline
from rag.config import Remote
from rag.models import remote
from rag.models.remote import RemoteGenerator

REMOTE = Remote("tiny", "10.0.0.5:8000", "/v1", encrypted=False)
ASKED = [{"role": "user", "content": "How soon?"}]
Serve = Callable[[bytes], list[bytes]]


def events(*contents: str) -> bytes:
    """Server-sent events as a server writes them."""
    lines = (json.dumps({"choices": [{"delta": {"content": content}}]}) for content in contents)
    return b"HTTP/1.1 200 OK\r\n\r\n" + b"".join(b"data: " + line.encode() + b"\n\n" for line in lines)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Lets the next connection be to a server with this reply; returns the list of what it is sent."""
    threads: list[threading.Thread] = []

    def start(reply: bytes) -> list[bytes]:
        got: list[bytes] = []
        ours, its = socket.socketpair()

        def run() -> None:
            with its, suppress(BrokenPipeError):  # who has heard enough hangs up
                asked = its.makefile("rb")
                head = b"".join(iter(asked.readline, b"\r\n"))
                length = re.search(rb"Content-Length: (\d+)", head)
                got.append(head + b"\r\n" + asked.read(int(length[1]) if length else 0))
                its.sendall(reply)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        monkeypatch.setattr(offline, "connect", lambda host, seconds: ours)
        return got

    yield start
    for thread in threads:
        thread.join()


def reply(maximum: int = 10) -> str:
    return "".join(RemoteGenerator(REMOTE).generate(ASKED, maximum, ["\n"]))


def test_a_reply_comes_in_pieces_and_one_request_is_all_that_is_sent(serve: Serve) -> None:
    got = serve(events("Within ", "", "one hour.") + b"data: [DONE]\n\n" + events("not heard"))
    assert reply() == "Within one hour."
    head, _, body = got[0].partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"POST /v1/chat/completions HTTP/1.1"
    names = {line.split(b":")[0] for line in head.splitlines()[1:]}
    assert names == {b"Host", b"Accept-Encoding", b"Content-Length", b"Content-Type"}
    assert json.loads(body) == {
        "model": "tiny",
        "messages": ASKED,
        "max_tokens": 10,
        "temperature": 0.0,
        "stream": True,
        "stop": ["\n"],
    }


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.6/\r\n\r\n", "302 Found: a way to another place"),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", "401 Unauthorized"),
        (b"HTTP/1.1 500 \x1b[31mred\r\n\r\n", "500"),
        (b"", "no reply that can be read"),
        (b"SSH-2.0-OpenSSH\r\n", "no reply that can be read"),
        (b"HTTP/1.1 200 OK\r\n\r\ndata: {\n\n", "no reply that can be read"),
        (b"HTTP/1.1 200 OK\r\n\r\ndata: []\n\n", "no reply that can be read"),
        (b'HTTP/1.1 200 OK\r\n\r\ndata: {"choices": [{"delta": "x"}]}\n\n', "no reply that can be read"),
        (b"HTTP/1.1 200 OK\r\n\r\ndata: " + b"9" * (remote.MAX_LINE + 1), "no reply that can be read"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "ended before it had come to an end"),
        (events("cut "), "ended before it had come to an end"),
        (events(*["again "] * 500), "does not come to an end"),
    ],
)
def test_what_is_no_reply_is_told_and_was_sent(answer: bytes, says: str, serve: Serve) -> None:
    serve(answer)
    with pytest.raises(HostError, match=says) as caught:
        reply()
    assert caught.value.sent
    assert "tiny at 10.0.0.5:8000" in str(caught.value)


def test_its_tokens_are_counted_rather_high(generator: object) -> None:
    text = "The officer (not the clerk) has to report § 4.2.1 within 24 hours."
    assert RemoteGenerator(REMOTE).count(text) >= generator.count(text)  # type: ignore[attr-defined]


@pytest.mark.parametrize("setting", ["ca", "key_file"])
def test_files_that_are_not_there_are_named(setting: str, tmp_path: Path) -> None:
    files = {setting: tmp_path / "nothing"}
    with pytest.raises(HostError, match=f"nothing, {setting} in"):
        RemoteGenerator(Remote("tiny", "10.0.0.5:8000", "/v1", encrypted=True, **files))
