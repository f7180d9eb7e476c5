"""A language model on another machine of the user's network, behind an OpenAI-compatible endpoint; the door to HTTP.

Speaks to one host, which `config.toml` names, over a stream that the guard hands it (`rag.offline.connect`). One
request a reply, and nothing but that: no list of models, no redirect, no proxy, no retry. What comes back is text like
that of a model of this machine, and is checked as that is. Protocol: https://platform.openai.com/docs/api-reference/chat
"""

import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ingest.errors import HostError
from rag import offline
from rag.config import Remote

SILENCE = 120.0  # seconds: a slow server reads a prompt of 700 tokens in less
MAX_LINE = 1 << 16  # bytes of one piece of a reply
MAX_PIECES = 20  # for each token that was asked for; servers send one a token, and some empty ones
BYTES_A_TOKEN = 3  # English has about 4; the vocabulary is not known here, and too few quotations do less harm


class RemoteGenerator:
    """Satisfies `rag.types.Generator`. Asks for greedy replies; whether the server gives them, nobody here can tell."""

    sha256: str | None = None

    def __init__(self, remote: Remote) -> None:
        """Reads the key where there is one, and connects to nothing yet.

        Raises:
            HostError: the key or the certificates cannot be read.
        """
        self.name = f"{remote.name} at {remote.host}"
        self.host = remote.host + ("" if remote.encrypted else " (unencrypted)")
        self._remote = remote
        machine, _, port = remote.host.rpartition(":")
        self._machine, self._port = machine.strip("[]"), int(port)
        self._headers = {"Content-Type": "application/json"}
        if remote.key_file:
            self._headers["Authorization"] = f"Bearer {_key(remote.key_file)}"
        try:
            self._tls = ssl.create_default_context(cafile=remote.ca) if remote.encrypted else None
        except OSError as error:
            raise HostError(f"{remote.ca}, ca in [model] in config.toml, cannot be used ({error}).") from error

    def count(self, text: str) -> int:
        """About how many tokens `text` has; rather more than less."""
        return len(text.encode()) // BYTES_A_TOKEN + 1

    def generate(
        self, messages: Sequence[Mapping[str, str]], max_tokens: int, stop: Sequence[str] = ()
    ) -> Iterator[str]:
        """Stream the reply in pieces of text. Raises HostError if the host does not answer, or not as it should."""
        asked = {
            "model": self._remote.name,
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": 0.0,
            "stream": True,
        }
        if stop:
            asked["stop"] = list(stop)
        connection = http.client.HTTPConnection(self._machine, self._port)
        connection.auto_open = 0  # the guard would refuse it
        connection.sock = self._stream()
        try:
            connection.request("POST", f"{self._remote.path}/chat/completions", json.dumps(asked), self._headers)
            with connection.getresponse() as response:
                if response.status != http.client.OK:
                    raise HostError(self._refused(response), sent=True)
                yield from self._pieces(response, MAX_PIECES * max_tokens)
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError, AttributeError) as error:
            raise HostError(
                f"{self.name} gave no reply that can be read ({type(error).__name__}: {error}); look at its server.",
                sent=True,
            ) from error
        finally:
            connection.close()

    def _stream(self) -> socket.socket:
        stream = offline.connect(self._remote.host, SILENCE)
        if self._tls is None:
            return stream
        try:
            return self._tls.wrap_socket(stream, server_hostname=self._machine)
        except OSError as error:
            stream.close()
            raise HostError(
                f"{self._remote.host} could not be believed to be what it says ({error}); nothing was sent. Name the "
                "certificates that its own is signed by as ca in [model] in config.toml."
            ) from error

    def _refused(self, response: http.client.HTTPResponse) -> str:
        what = f"{self.name} answered with {response.status} {response.reason}"
        if 300 <= response.status < 400:
            return f"{what}: a way to another place, which is not followed; write the place itself into config.toml."
        return f"{what}; see what its server says."

    def _pieces(self, response: http.client.HTTPResponse, limit: int) -> Iterator[str]:
        """The text in a stream of server-sent events. A server that does not stop is left."""
        for _ in range(2 * limit):  # events have an empty line between them
            line = response.readline(MAX_LINE)
            if not line:
                raise HostError(f"{self.name} ended before it had come to an end; look at its server.", sent=True)
            if line.strip() == b"data: [DONE]":
                return
            if not line.startswith(b"data:"):
                continue
            choices = json.loads(line[5:])["choices"]
            if choices and (text := choices[0]["delta"].get("content")):
                yield str(text)
        raise HostError(f"{self.name} does not come to an end; it was left.", sent=True)


def _key(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise HostError(f"{file}, key_file in [model] in config.toml, cannot be used ({error}).") from error
