"""The first layer: libraries are asked by their own switches to stay offline. A request, no barrier."""

import os

from rag.guard.types import Layer

SWITCHES: tuple[tuple[str, str, str], ...] = (
    ("HF_HUB_OFFLINE", "1", "huggingface_hub raises instead of asking its server for a file"),
    ("TRANSFORMERS_OFFLINE", "1", "the same switch as transformers and sentence-transformers read it"),
    ("HF_DATASETS_OFFLINE", "1", "the same for the datasets library, where someone has it installed"),
    ("HF_HUB_DISABLE_TELEMETRY", "1", "huggingface_hub counts its users otherwise"),
    ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1", "a stored hub token is never read, so it cannot leave"),
    ("ANONYMIZED_TELEMETRY", "False", "chromadb reports its use to PostHog unless this says False"),
    ("POSTHOG_DISABLED", "1", "the PostHog client itself, should another library bring it"),
    ("DO_NOT_TRACK", "1", "the convention that many smaller tools honour (consoledonottrack.com)"),
    ("OTEL_SDK_DISABLED", "true", "OpenTelemetry, which chromadb depends on, exports traces by environment alone"),
    ("OTEL_TRACES_EXPORTER", "none", "an exporter set in the user's shell would be built in spite of the line above"),
    ("OTEL_METRICS_EXPORTER", "none", "as above"),
    ("OTEL_LOGS_EXPORTER", "none", "as above"),
    ("HF_HUB_DISABLE_UPDATE_CHECK", "1", "huggingface_hub asks the package index for a newer version of itself"),
    ("ORT_DISABLE_TELEMETRY", "1", "onnxruntime 1.32 uploads events to Microsoft and keeps a device id in ~/.cache"),
    ("TOKENIZERS_PARALLELISM", "false", "tokenizers' threads and fork() do not mix: it warns and may hang workers"),
)
"""Environment variables that are set, with the reason for each. The user's own values are overwritten on purpose."""

REMOVED = frozenset(
    {"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "ws_proxy", "wss_proxy"}  # one more way out
    | {"chroma_otel_collection_endpoint"}  # chromadb sends its traces to whatever address stands here
)
"""Environment variables that are taken away, in capitals or not."""


def set_all() -> None:
    """Set and remove what has to be, in this process and so for its children."""
    for name, value, _reason in SWITCHES:
        os.environ[name] = value
    for name in _unwanted():
        del os.environ[name]


def layer() -> Layer:
    """How the switches stand at this moment."""
    wrong = [name for name, value, _reason in SWITCHES if os.environ.get(name) != value]
    wrong += _unwanted()
    if wrong:
        return Layer("environment", False, f"not as it should be: {', '.join(wrong)}")
    return Layer("environment", True, f"{len(SWITCHES)} switches set: hubs offline, telemetry off, no proxies")


def _unwanted() -> list[str]:
    return [name for name in os.environ if name.lower() in REMOVED]
