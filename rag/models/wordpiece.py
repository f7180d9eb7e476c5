"""The one door to the tokenizers library: the embedding model's own tokens."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ModelError


class WordPiece:
    """The tokenizer of a sentence-transformers folder. Satisfies `ingest.types.Tokenizer`."""

    def __init__(self, folder: Path, max_tokens: int) -> None:
        from tokenizers import Tokenizer  # late: 0.07 s

        self._made_from = (folder, max_tokens)
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise ModelError(f"{path} is missing; the embedding model needs its own tokenizer beside it.")
        self._whole = Tokenizer.from_file(str(path))
        self._whole.no_truncation()
        self._whole.no_padding()
        self._room = max_tokens - 2  # for a text's own tokens
        self.first, self.last = self._whole.encode("").ids  # the special tokens around a text: [CLS], [SEP]

    def __reduce__(self) -> tuple[type["WordPiece"], tuple[Path, int]]:
        """Sent to another process, it is read again there: that is faster than to send it."""
        return WordPiece, self._made_from

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Half-open code-point spans of the tokens of `text`, special tokens left out."""
        spans: list[tuple[int, int]] = self._whole.encode(text, add_special_tokens=False).offsets
        return spans

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Token ids of each text with the model's special tokens, cut at its limit."""
        rows = self._whole.encode_batch(list(texts), add_special_tokens=False)
        return [np.asarray([self.first, *row.ids[: self._room], self.last], dtype=np.int64) for row in rows]

    def plain(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Token ids of the whole `text` without special tokens, and their half-open code-point spans."""
        encoded = self._whole.encode(text, add_special_tokens=False)
        return encoded.ids, encoded.offsets


@lru_cache(maxsize=4)
def shared(folder: Path, max_tokens: int) -> WordPiece:
    """The tokenizer of a folder, read once a process: embedding model and reader have the same one. 0.03 s."""
    return WordPiece(folder, max_tokens)
