"""What the lock file brings: nothing that phones home or talks to a cloud, but what two lists name with the reason.

The first looks at names, the second at what is really in the packages, so that a client inside another name is found.
"""

import re
from functools import lru_cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]

CLIENTS = re.compile(
    r"""^(
      boto|aws|azure|google-(cloud|api|auth)|gcloud|kubernetes|openai|anthropic|cohere|mistralai|replicate|langsmith
    | posthog|sentry|mixpanel|segment|analytics|amplitude|datadog|ddtrace|newrelic|scarf|rollbar|bugsnag|honeycomb
    | logfire
    | opentelemetry-(exporter|instrumentation)|prometheus|statsd|wandb|mlflow|comet|neptune|clearml|hf-|huggingface
    | pinecone|weaviate|qdrant|milvus|redis|pymongo|elasticsearch|psycopg|paramiko|grpcio$|googleapis
    )""",
    re.VERBOSE,
)
"""Beginnings of names of packages whose purpose is to talk to a service."""

NAMED = {
    "googleapis-common-protos": "message types of the exporter below; no code that sends",
    "grpcio": "chromadb's client for its own server, which is never started; told and stopped in tests/offenders.py",
    "hf-xet": "faster downloads for huggingface-hub; native, so the kernel's layer is what stops it",
    "huggingface-hub": "transformers and sentence-transformers need it to load a folder; HF_HUB_OFFLINE",
    "kubernetes": "chromadb needs it for its distributed server; imported by nothing that runs here",
    "opentelemetry-exporter-otlp-common": "part of the exporter below",
    "opentelemetry-exporter-otlp-proto-common": "part of the exporter below",
    "opentelemetry-exporter-otlp-proto-grpc": "chromadb's traces; built only with an endpoint, which the guard removes",
}
"""Packages with such names that are in the lock file, and why they do nothing here."""

WAYS_OUT = re.compile(
    rb"""^[ \t]*(?:from|import)[ \t]+
    (requests|httpx2?|httpcore2?|aiohttp|urllib3|urllib\.request|http\.client|grpc|websockets?|boto3|botocore|posthog
    |sentry_sdk|kubernetes|huggingface_hub|ftplib|smtplib|opentelemetry\.exporter|azure|google\.cloud|wandb|mlflow)\b""",
    re.VERBOSE | re.MULTILINE,
)
"""Imports through which Python code leaves the machine."""

REACHING = {
    "aiohttp": "HTTP client, of fsspec and kubernetes",
    "aiohttp-retry": "HTTP client, of kubernetes",
    "chromadb": "client of its own server; embedding functions of services, none is used",
    "fsspec": "file systems by HTTP and others, chosen by URL; torch and the hub hand it paths",
    "grpcio": "see NAMED",
    "googleapis-common-protos": "see NAMED",
    "httpx": "HTTP client, of chromadb",
    "httpx2": "HTTP client, of huggingface-hub",
    "huggingface-hub": "see NAMED",
    "jsonschema": "fetches schemas by URL; no schema is checked here",
    "kubernetes": "see NAMED",
    "llama-cpp-python": "from_pretrained and its server; neither is called",
    "lxml": "lxml.html can submit forms; the readers parse bytes with no_network",
    "numpy": "fetches data sets by URL; paths alone are given",
    "oauthlib": "part of kubernetes",
    "onnxruntime": "tools that fetch test data; the telemetry in its native part: ORT_DISABLE_TELEMETRY",
    "opentelemetry-api": "propagates headers",
    "opentelemetry-exporter-otlp-common": "see NAMED",
    "opentelemetry-exporter-otlp-proto-common": "see NAMED",
    "opentelemetry-exporter-otlp-proto-grpc": "see NAMED",
    "opentelemetry-proto": "services of the exporter",
    "opentelemetry-sdk": "OTEL_SDK_DISABLED",
    "py3langid": "a server of its own, not started",
    "pydantic-settings": "reads secrets of AWS where asked to",
    "pygments": "scripts that update its own tables",
    "python-stdnum": "asks tax offices about a number where told to; here it computes check digits",
    "rapidocr": "downloads networks that are not there; all are named, see ingest/ocr/engine.py",
    "requests": "HTTP client",
    "requests-oauthlib": "part of kubernetes",
    "scikit-learn": "fetches data sets; none is",
    "sentence-transformers": "the hub; folders alone are given",
    "setuptools": "installs packages",
    "sympy": "a script of its own",
    "tiktoken": "get_encoding downloads and is never called",
    "torch": "torch.hub; not called",
    "tqdm": "posts progress to chat services where asked to",
    "transformers": "the hub; local_files_only",
    "truststore": "certificates for HTTP clients",
    "urllib3": "HTTP client",
    "uvicorn": "chromadb's server; not started",
    "websocket-client": "part of kubernetes",
    "websockets": "part of uvicorn",
}
"""Packages of the lock file whose code could leave the machine, and why it does not. Behind the guard none can."""


def locked() -> dict[str, Requirement]:
    """The lock file's packages that this machine needs, by normal name."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    needed = [Requirement(line.split("#")[0]) for line in lines if line and line[0] not in "# "]
    here = {key: str(value) for key, value in default_environment().items()}
    return {normal(one.name): one for one in needed if one.marker is None or one.marker.evaluate(here)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@lru_cache(maxsize=1)
def reaching() -> frozenset[str]:
    """Installed packages of the lock file with a way out in their code."""
    return frozenset(name for name, package in installed().items() if _reaches(package))


def installed() -> dict[str, Distribution]:
    needed = locked()
    return {normal(one.metadata["Name"]): one for one in distributions() if normal(one.metadata["Name"]) in needed}


def _reaches(package: Distribution) -> bool:
    code = (file for file in package.files or () if file.suffix == ".py" and not {"test", "tests"} & set(file.parts))
    paths = (Path(str(file.locate())) for file in code)
    return any(WAYS_OUT.search(path.read_bytes()) for path in paths if path.is_file())


def test_no_client_of_a_service_enters_the_lock_file_but_those_named() -> None:
    found = {name for name in locked() if CLIENTS.match(name)}
    assert found - set(NAMED) == set(), "a client of a service entered: leave it out, or show why it does nothing here"
    assert set(NAMED) - found == set(), "no longer in the lock file: strike it off"


def test_no_other_package_has_a_way_out_in_its_code() -> None:
    assert reaching() - set(REACHING) == set(), "look what these do with the network before they are listed"


def test_the_list_holds_nothing_that_is_gone() -> None:
    assert set(REACHING) - reaching() == set()


def test_the_whole_lock_file_is_looked_at() -> None:
    assert set(locked()) - set(installed()) == set()


def test_a_way_out_is_found(tmp_path: Path) -> None:
    """The search can fail: a package that hides a client is found."""
    (tmp_path / "inert").mkdir()
    (tmp_path / "inert" / "deep.py").write_text("def quiet():\n    import posthog\n")
    info = tmp_path / "inert-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: inert\nVersion: 1\n")
    (info / "RECORD").write_text("inert/deep.py,,\n")
    (package,) = distributions(path=[str(tmp_path)])
    assert _reaches(package)
    (tmp_path / "inert" / "deep.py").write_text("# import posthog\nfrom urllib.parse import quote\n")
    assert not _reaches(package)
