"""A checkpoint to the file that ships: ONNX, then int8.

    python -m training.export RUN_FOLDER/checkpoint.pt TARGET_FOLDER

Writes `reader.fp32.onnx` and `reader.int8.onnx` and prints their sizes and SHA-256.
"""

import sys
from pathlib import Path

import torch

from rag.models.catalogue import EMBEDDING, sha256, verify
from rag.tune.cross_encoder import CrossEncoder, write


def main(checkpoint: Path, target: Path) -> None:
    """Write both files."""
    target.mkdir(parents=True, exist_ok=True)
    whole, small = target / "reader.fp32.onnx", target / "reader.int8.onnx"
    write(load(checkpoint), whole, small)
    for path in (whole, small):
        print(path.name, path.stat().st_size, sha256(path))


def load(checkpoint: Path) -> CrossEncoder:
    """The trained network in float32, from the optimiser's own copies."""
    state = torch.load(checkpoint, weights_only=True)
    network = CrossEncoder(verify(EMBEDDING)).float()
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    with torch.no_grad():
        for parameter, master in zip(trained, state["masters"], strict=True):
            parameter.copy_(master)
    return network


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
