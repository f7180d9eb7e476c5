"""Ten planted offenders: programs that try to reach the internet, each in another way, and ignore every polite request.

None sends anything to anybody even where nothing stops it: addresses are of this machine, names belong to nobody (RFC
2606). Run by the tests behind the guard, and by `benchmarks/offenders.py` with and without it.
"""

from dataclasses import dataclass

PRELUDE = """
import os
for name in list(os.environ):
    if name.startswith(("HF_", "OTEL_", "TRANSFORMERS_")): del os.environ[name]
"""
"""What the environment layer has asked for is undone: an offender that means it would do the same."""


@dataclass(frozen=True, slots=True)
class Offender:
    """One way out. `code` is a program; `names` is a word that the report of it has to hold."""

    name: str
    code: str
    names: str


OFFENDERS = (
    Offender("requests", "import requests\nrequests.get('http://127.0.0.1:9/')", "urllib3"),
    Offender("httpx", "import httpx\nhttpx.get('http://127.0.0.1:9/')", "httpcore"),
    Offender("urllib", "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9/')", "http/client.py"),
    Offender(
        "raw socket",
        "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
        "<string>:<module>",
    ),
    Offender(
        "connect by ctypes",
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "libc.connect(libc.socket(2, 1, 0), b'\\2\\0\\0\\11\\177\\0\\0\\1' + bytes(8), 16)",
        "libffi",
    ),
    Offender(
        "a child, curl", "import subprocess\nsubprocess.run(['curl', '-s', '-m', '5', 'http://127.0.0.1:9/'])", "curl"
    ),
    Offender("DNS by getaddrinfo", "import socket\nsocket.getaddrinfo('strongroom-probe.invalid', 80)", "<string>"),
    Offender(
        "UDP",
        "import socket\nsocket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('::1', 9))",
        "<string>:<module>",
    ),
    Offender(
        "a hub download",
        "from huggingface_hub import snapshot_download\n"
        "snapshot_download('nobody/strongroom-probe', endpoint='http://127.0.0.1:9', etag_timeout=1)",
        "httpcore",
    ),
    Offender(
        "a telemetry client, OpenTelemetry over gRPC",
        "from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import SimpleSpanProcessor\n"
        "provider = TracerProvider()\n"
        "exporter = OTLPSpanExporter('http://127.0.0.1:9', insecure=True, timeout=1)\n"
        "provider.add_span_processor(SimpleSpanProcessor(exporter))\n"
        "provider.get_tracer('offender').start_span('secret').end()",
        "cygrpc",
    ),
)

REPORT = """
import json as _json
print("REPORT " + _json.dumps([(entry.layer, entry.event, entry.target, entry.caller) for entry in offline.attempts()]))
"""


def guarded(offender: Offender, allowed: str = "") -> str:
    """A program that engages the guard, runs the offender's code, and prints what was refused as the last line.

    `allowed`: a host as config.toml may name it; "" for none.
    """
    allow = f"from rag.guard.hosts import parse\noffline.allow([parse({allowed!r})])\n" if allowed else ""
    return f"from rag import offline\noffline.engage()\n{allow}{_caught(offender)}{REPORT}"


def unguarded(offender: Offender) -> str:
    """The same program without the guard: the control, which has to reach for the network."""
    return _caught(offender)


def _caught(offender: Offender) -> str:
    # Compiled apart, so that its caller is told as <string>. What it raises is swallowed, as telemetry clients do.
    return f"try:\n    exec(compile({PRELUDE + offender.code!r}, '<string>', 'exec'))\nexcept Exception: pass\n"
