"""What `rag tune search` has learnt for a collection: how questions are moved, and what marks weigh."""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ModelError
from rag.rank import MARKS


@dataclass(frozen=True, slots=True)
class Tuned:
    """An adapter of the search."""

    name: str
    sha256: str
    reader_sha256: str  # whose marks are weighed
    residual: NDArray[np.float32]  # (dim, dim); what is added to the identity
    weights: tuple[float, ...]  # of rank.MARKS

    def moved(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """A question's vector as the linear map has it; float32 `(dim,)`, of unit length, as the one that is given."""
        found = vector + self.residual @ vector
        return np.asarray(found / np.linalg.norm(found), dtype=np.float32)

    def write(self, path: Path) -> None:
        """Write it where `read` finds it."""
        with path.open("wb") as file:
            np.savez(
                file,
                residual=self.residual.astype(np.float32),
                weights=np.asarray(self.weights, np.float64),
                reader=np.frombuffer(self.reader_sha256.encode("ascii"), np.uint8),
            )


def read(path: Path, name: str, sha256: str) -> Tuned:
    """The adapter in a file whose hash was checked. Raises ModelError where it is none."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            residual, weights, reader = stored["residual"], stored["weights"], bytes(stored["reader"])
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise ModelError(f"{path} is no adapter of the search ({error}); `rag tune drop {name}`.") from error
    if residual.ndim != 2 or residual.shape[0] != residual.shape[1] or weights.shape != (len(MARKS),):
        raise ModelError(f"{path} was made by a version with other marks; `rag tune drop {name}`, and tune again.")
    return Tuned(name, sha256, reader.decode("ascii", "replace"), residual, tuple(weights.tolist()))
