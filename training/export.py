"""A checkpoint to the file that ships: ONNX, then int8.

    python -m training.export RUN_FOLDER/checkpoint.pt TARGET_FOLDER

Writes `reader.fp32.onnx` and `reader.int8.onnx` and prints their sizes and SHA-256.
"""

import sys
from pathlib import Path

import torch

from rag.models.catalogue import EMBEDDING, sha256, verify
from rag.models.export import write_onnx
from rag.models.network import quantise
from rag.models.reader import OUTPUTS
from training.network import Reader

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def main(checkpoint: Path, target: Path) -> None:
    """Write both files."""
    network = load(checkpoint).eval()
    target.mkdir(parents=True, exist_ok=True)
    whole, small = target / "reader.fp32.onnx", target / "reader.int8.onnx"
    sample = tuple(torch.ones(2, 8, dtype=torch.long) for _ in INPUTS)
    axes = {0: "batch", 1: "tokens"}
    write_onnx(
        network,
        sample,
        whole,
        dict.fromkeys(INPUTS, axes) | dict(zip(OUTPUTS, ({0: "batch"}, {0: "batch"}, axes), strict=True)),
    )
    quantise(whole, small)
    for path in (whole, small):
        print(path.name, path.stat().st_size, sha256(path))


def load(checkpoint: Path) -> Reader:
    """The trained network in float32, from the optimiser's own copies."""
    state = torch.load(checkpoint, weights_only=True)
    network = Reader(verify(EMBEDDING)).float()
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    with torch.no_grad():
        for parameter, master in zip(trained, state["masters"], strict=True):
            parameter.copy_(master)
    return network


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
