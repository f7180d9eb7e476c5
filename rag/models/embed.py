"""Texts to vectors. The default model runs as int8 ONNX; a folder the user names runs through sentence-transformers.

What is asked is also read by a network of its own, tuned to put a question near the passage that answers it, where
the packaged one puts it near others that are worded alike (`training/question.py`). A question's vector is the mean of
both: alone, the tuned one does no better on policies, and worse on regulations. Passages have the packaged one's.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag import offline
from rag.models.catalogue import EMBEDDING, QUESTION, sha256, verify
from rag.models.derived import derived
from rag.models.export import FolderEmbedder, accelerator, export_onnx
from rag.models.network import OPTIMISED, Network, optimised, quantise, usable_cores
from rag.models.wordpiece import WordPiece, shared
from rag.types import ModelInfo

MAX_TOKENS = 256  # what all-MiniLM-L6-v2 was trained on, special tokens counted
RECIPE = "onnx opset 17, int8 dynamic per channel, v1"


class TextEmbedder(Protocol):
    """An embedder with an identity and a tokenizer."""

    name: str
    sha256: str  # of the weights: vectors of different weights are never mixed
    tokenizer: WordPiece
    question: ModelInfo | None  # what reads questions, too; None: the same as reads passages

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 `(len(texts), dim)`, unit rows."""
        ...

    def embed_question(self, question: str) -> NDArray[np.float32]:
        """float32 `(dim,)`, of unit length, to be compared with the vectors of passages and sentences."""
        ...


@dataclass(slots=True)
class OnnxEmbedder:
    """all-MiniLM-L6-v2 as int8 ONNX. Cosine with the fp32 reference .99."""

    name: str
    sha256: str
    tokenizer: WordPiece
    question: ModelInfo | None
    _network: Network
    _questions: Callable[[], Network]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 `(len(texts), dim)`, unit rows.

        Each text is run alone, and as many at once as there are cores. The int8 scales are chosen for a run as a whole,
        so in company a text's vector would be another one (six at a time: cosine .96 at worst), and an interrupted
        ingestion would not end like one that was not. It is also faster, without padding and without threads that wait
        for each other: 178 passages a second on two cores, against 126 six at a time.
        """
        rows = self.tokenizer.encode(texts)
        if not rows:
            return np.empty((0, 0), dtype=np.float32)
        if len(rows) == 1:
            return self._alone(rows[0])
        with ThreadPoolExecutor(usable_cores()) as threads:
            return np.concatenate(list(threads.map(self._alone, rows)))

    def embed_question(self, question: str) -> NDArray[np.float32]:
        """See `TextEmbedder`."""
        (row,) = self.tokenizer.encode([question])
        both = (_run(self._network, row) + _run(self._questions(), row))[0]
        vector: NDArray[np.float32] = both / np.linalg.norm(both)
        return vector

    def _alone(self, row: NDArray[np.int64]) -> NDArray[np.float32]:
        return _run(self._network, row)


@dataclass(slots=True)
class _Folder:
    name: str
    sha256: str
    tokenizer: WordPiece
    embed: Callable[[Sequence[str]], NDArray[np.float32]]
    question: ModelInfo | None = None

    def embed_question(self, question: str) -> NDArray[np.float32]:
        """See `TextEmbedder`. A folder has one network for everything."""
        vector: NDArray[np.float32] = self.embed([question])[0]
        return vector


def load_embedder(
    models: Path, folder: Path | None, say: Callable[[str], None], *, bulk: bool = False, asks: bool = False
) -> TextEmbedder:
    """The embedder: the catalogue's, or `folder` where the user names one.

    Args:
        models: the home's folder for files made from weights.
        say: told, for people, when something slow happens (the one-time export).
        bulk: many texts are to come, so that a graphics processor is worth the 6 s it takes to reach it. Its vectors
            are those of the full-precision model, near enough to the int8 ones to be compared with them (cosine .975
            and more on real passages).
        asks: questions are to come: what reads them is loaded now, and not with the first.

    Raises:
        ModelError: weights missing or not the catalogue's; not a sentence-transformers folder.
    """
    device = accelerator() if bulk or folder else None
    if folder is not None:
        embedder = FolderEmbedder(folder, device or "cpu")
        weights = sha256(folder / "model.safetensors")
        return _Folder(folder.name, weights, WordPiece(folder, embedder.max_tokens), embedder.embed)
    weights = EMBEDDING.files["model.safetensors"]
    if device is not None:
        home = verify(EMBEDDING, models=models)
        return _Folder(EMBEDDING.name, weights, WordPiece(home, MAX_TOKENS), FolderEmbedder(home, device).embed)

    def make(target: Path) -> None:
        say("Preparing the embedding model for this machine (once, about 15 seconds) …")
        whole = target.with_suffix(".fp32.onnx")
        # In a process of its own: torch's half gigabyte of memory goes when it ends.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=offline.engage) as child:
            child.submit(export_onnx, verify(EMBEDDING, models=models), whole).result()
        quantise(whole, target)
        whole.unlink()

    def exported() -> Path:
        return derived(models, f"{EMBEDDING.name}.int8.onnx", weights, RECIPE, make)

    path = optimised(models, f"{EMBEDDING.name}.int8{OPTIMISED}", weights, RECIPE, exported)
    network = Network(path, ["vectors"])
    tokenizer = shared(verify(EMBEDDING, "tokenizer.json", models=models), MAX_TOKENS)

    ((file, digest),) = QUESTION.files.items()

    @cache  # who only ingests, asks nothing
    def questions() -> Network:
        def checked() -> Path:
            return verify(QUESTION, models=models) / file

        return Network(optimised(models, f"{QUESTION.name}{OPTIMISED}", digest, "as shipped", checked), ["vectors"])

    if asks:
        questions()
    return OnnxEmbedder(EMBEDDING.name, weights, tokenizer, ModelInfo(QUESTION.name, digest), network, questions)


def _run(network: Network, row: NDArray[np.int64]) -> NDArray[np.float32]:
    """float32 `(1, dim)` for the token ids `row`."""
    ids = row[None, :]
    return network.run(input_ids=ids, attention_mask=np.ones_like(ids))[0]
