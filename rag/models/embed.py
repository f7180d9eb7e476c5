"""Texts to vectors. The default model runs as int8 ONNX; a folder the user names runs through sentence-transformers."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag import offline
from rag.models.catalogue import EMBEDDING, sha256, verify
from rag.models.derived import derived
from rag.models.export import FolderEmbedder, export_onnx
from rag.models.network import Network, quantise
from rag.models.wordpiece import WordPiece

BATCH = 6  # texts a run; 4 to 8 are 1.4 times as fast on two cores as 32: less padding, and the work stays in cache
MAX_TOKENS = 256  # what all-MiniLM-L6-v2 was trained on, special tokens counted
RECIPE = "onnx opset 17, int8 dynamic per channel, v1"


class TextEmbedder(Protocol):
    """An embedder with an identity and a tokenizer."""

    name: str
    sha256: str  # of the weights: vectors of different weights are never mixed
    tokenizer: WordPiece

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 `(len(texts), dim)`, unit rows."""
        ...


@dataclass(slots=True)
class OnnxEmbedder:
    """all-MiniLM-L6-v2 as int8 ONNX. Cosine with the fp32 reference .99."""

    name: str
    sha256: str
    tokenizer: WordPiece
    _run: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 `(len(texts), dim)`, unit rows. Batches are made of texts of like length, so little is padding."""
        rows = self.tokenizer.encode(texts)
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        vectors: list[NDArray[np.float32]] = [np.empty(0, dtype=np.float32)] * len(rows)
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            width = len(rows[batch[-1]])
            ids = np.zeros((len(batch), width), dtype=np.int64)
            mask = np.zeros_like(ids)
            for line, index in enumerate(batch):
                ids[line, : len(rows[index])] = rows[index]
                mask[line, : len(rows[index])] = 1
            for index, vector in zip(batch, self._run(ids, mask), strict=True):
                vectors[index] = vector
        return np.stack(vectors) if vectors else np.empty((0, 0), dtype=np.float32)


@dataclass(slots=True)
class _Folder:
    name: str
    sha256: str
    tokenizer: WordPiece
    embed: Callable[[Sequence[str]], NDArray[np.float32]]


def load_embedder(models: Path, folder: Path | None, say: Callable[[str], None]) -> TextEmbedder:
    """The embedder: the catalogue's, or `folder` where the user names one.

    Args:
        models: the home's folder for files made from weights.
        say: told, for people, when something slow happens (the one-time export).

    Raises:
        ModelError: weights missing or not the catalogue's; not a sentence-transformers folder.
    """
    if folder is not None:
        embedder = FolderEmbedder(folder)
        weights = sha256(folder / "model.safetensors")
        return _Folder(folder.name, weights, WordPiece(folder, embedder.max_tokens), embedder.embed)

    def make(target: Path) -> None:
        say("Preparing the embedding model for this machine (once, about 15 seconds) …")
        whole = target.with_suffix(".fp32.onnx")
        # In a process of its own: torch's half gigabyte of memory goes when it ends.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=offline.engage) as child:
            child.submit(export_onnx, verify(EMBEDDING), whole).result()
        quantise(whole, target)
        whole.unlink()

    weights = EMBEDDING.files["model.safetensors"]
    network = Network(derived(models, f"{EMBEDDING.name}.int8.onnx", weights, RECIPE, make))
    tokenizer = WordPiece(verify(EMBEDDING, "tokenizer.json"), MAX_TOKENS)
    return OnnxEmbedder(EMBEDDING.name, weights, tokenizer, network.run)
