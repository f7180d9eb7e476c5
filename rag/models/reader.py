"""A question and passages to readings: how relevant each passage is, whether the answer is in it, and where.

The default reader is Strongroom's own cross-encoder (`training/`), shipped as int8 ONNX. A folder the user names may
hold any cross-encoder or extractive question-answering model of the transformers kind.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.models.catalogue import EMBEDDING, READER, sha256, verify
from rag.models.export import FolderNetwork
from rag.models.network import OPTIMISED, Network, optimised, usable_cores
from rag.models.pairs import MAX_TOKENS, encode
from rag.models.wordpiece import WordPiece, shared

MAX_ANSWER = 40  # tokens of an answering span; longer ones are clauses, and those are found by their part
OUTPUTS = ("relevance", "answerable", "span")


@dataclass(frozen=True, slots=True)
class Spans:
    """Where in a passage the answer may stand: a distribution over spans, and over "nowhere".

    As in Devlin et al., "BERT", 2019, section 4.3: a span's score is the sum of the logits of its first and last token,
    "nowhere" is the score of the first position of the sequence.
    """

    offsets: NDArray[np.int64]  # (t, 2) half-open code points of the passage's tokens
    starts: NDArray[np.float32]  # (t,) logits
    ends: NDArray[np.float32]  # (t,)
    nowhere: float

    @property
    def margin(self) -> float:
        """Score of the best span over that of "nowhere": above 0, an answer is more likely than none."""
        table = self._table()
        return float(table.max() - self.nowhere) if table.size else -np.inf

    def best(self) -> tuple[int, int]:
        """The most likely span, half-open code points of the passage; (0, 0) for a passage without tokens."""
        table = self._table()
        if not table.size:
            return 0, 0
        start, length = np.unravel_index(int(table.argmax()), table.shape)
        return int(self.offsets[start, 0]), int(self.offsets[start + length, 1])

    def inside(self, places: Sequence[tuple[int, int]]) -> list[float]:
        """Log-probability, for each place (half-open code points), that the answer stands in it as a whole."""
        table = self._table()
        everything = np.logaddexp(_logsumexp(table), self.nowhere)
        found = []
        for left, right in places:
            # A token belongs to the place it begins in; `last` is one past.
            first, last = np.searchsorted(self.offsets[:, 0], (left, right)).tolist()
            part = table[first:last].copy()
            for row in range(part.shape[0]):
                part[row, last - first - row :] = -np.inf  # ends beyond the place
            found.append(float(_logsumexp(part) - everything))
        return found

    def _table(self) -> NDArray[np.float64]:
        """(t, MAX_ANSWER): score of the span that starts at token i and ends at token i + j."""
        count = len(self.starts)
        width = min(MAX_ANSWER, count)
        ends = np.concatenate([self.ends, np.full(width, -np.inf)])
        windows = np.lib.stride_tricks.sliding_window_view(ends, width)[:count] if count else np.empty((0, 0))
        table: NDArray[np.float64] = self.starts[:, None].astype(np.float64) + windows
        return table


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader makes of one passage. Logits: comparable between passages, not probabilities."""

    relevance: float
    answerable: float
    spans: Spans | None  # None from a model that only ranks


class Reader(Protocol):
    """Reads passages for a question."""

    name: str
    sha256: str

    def read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[Reading]:
        """A reading for each `(context, text)`; context is what the text stands under, "" for none."""
        ...


@dataclass(slots=True)
class OnnxReader:
    """Strongroom's own reader, int8."""

    name: str
    sha256: str
    tokenizer: WordPiece
    _network: Network

    def read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[Reading]:
        """See `Reader`. Each pair runs alone, as many at once as there are cores (why: `OnnxEmbedder.embed`)."""

        def one(passage: tuple[str, str]) -> Reading:
            return self._one(question, *passage)

        if len(passages) < 2:
            return [one(passage) for passage in passages]
        with ThreadPoolExecutor(usable_cores()) as threads:
            return list(threads.map(one, passages))

    def _one(self, question: str, context: str, text: str) -> Reading:
        pair = encode(self.tokenizer, question, context, text)
        ids = np.asarray([pair.ids], dtype=np.int64)
        types = np.asarray([pair.types], dtype=np.int64)
        relevance, answerable, span = self._network.run(
            input_ids=ids, attention_mask=np.ones_like(ids), token_type_ids=types
        )
        passage = span[0, pair.first : pair.first + len(pair.offsets)]
        offsets = np.asarray(pair.offsets, dtype=np.int64).reshape(-1, 2)
        spans = Spans(offsets, passage[:, 0], passage[:, 1], float(span[0, 0].sum()))
        return Reading(float(relevance[0]), float(answerable[0]), spans)


@dataclass(slots=True)
class FolderReader:
    """A cross-encoder or SQuAD-style folder that the user names, run by transformers."""

    name: str
    sha256: str
    _network: FolderNetwork

    def read(self, question: str, passages: Sequence[tuple[str, str]]) -> list[Reading]:
        """See `Reader`. Without spans of its own, how likely an answer is has to be read off the relevance."""
        readings = []
        for context, text in passages:
            prefix = f"{context}: " if context else ""
            result = self._network.run(question, prefix + text)
            if result.span is None:
                readings.append(Reading(result.score, result.score, None))
                continue
            offsets = result.offsets - len(prefix)
            inside = offsets[:, 0] >= 0
            starts, ends = result.span[inside, 0], result.span[inside, 1]
            spans = Spans(offsets[inside], starts, ends, result.nowhere)
            readings.append(Reading(spans.margin, spans.margin, spans))
        return readings


def load_reader(folder: Path | None, models: Path | None = None) -> Reader:
    """The reader: Strongroom's own, or `folder` where the user names one.

    Args:
        models: the home's folder for models, where imported ones lie.

    Raises:
        ModelError: weights missing or not the catalogue's; a folder that holds no model of either kind.
    """
    if folder is not None:
        network = FolderNetwork(folder)  # first: it says what is missing
        return FolderReader(folder.name, sha256(folder / "model.safetensors"), network)
    (file,) = READER.files
    digest = READER.files[file]

    def checked() -> Path:
        return verify(READER, models=models) / file

    path = (
        checked() if models is None else optimised(models, f"{READER.name}{OPTIMISED}", digest, "as shipped", checked)
    )
    return onnx_reader(path, READER.name, digest, models)


def onnx_reader(path: Path, name: str, sha256: str, models: Path | None = None) -> OnnxReader:
    """The reader in a file as `training/export.py` writes it, unchecked: whoever calls knows where it comes from."""
    tokenizer = shared(verify(EMBEDDING, "tokenizer.json", models=models), MAX_TOKENS)
    return OnnxReader(name, sha256, tokenizer, Network(path, OUTPUTS))


def _logsumexp(table: NDArray[np.float64]) -> np.float64:
    top = table.max(initial=-np.inf)
    if not np.isfinite(top):
        return np.float64(-np.inf)
    return np.float64(top + np.log(np.exp(table - top).sum()))
