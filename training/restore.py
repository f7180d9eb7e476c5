"""The weights that ship, back to a checkpoint: a next training goes on from them instead of beginning anew.

    python -m training.restore RUN_FOLDER [reader.int8.onnx]

int8 weights are multiplied out to float32; what rounding took is learnt again within a few hundred steps. The
optimiser begins anew.
"""

import sys
from pathlib import Path

from rag.models.catalogue import EMBEDDING, READER, verify
from rag.tune.cross_encoder import CrossEncoder, fill
from training.train import Learner


def main(folder: Path, source: Path) -> None:
    """Write `folder`/checkpoint.pt."""
    folder.mkdir(parents=True, exist_ok=True)
    network = CrossEncoder(verify(EMBEDDING))
    fill(network, source)
    Learner(network).save(folder / "checkpoint.pt")


if __name__ == "__main__":
    run, *given = map(Path, sys.argv[1:])
    (shipped,) = READER.files
    main(run, given[0] if given else verify(READER) / shipped)
