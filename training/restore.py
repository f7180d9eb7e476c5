"""The weights that ship, back to a checkpoint: a next training goes on from them instead of beginning anew.

    python -m training.restore RUN_FOLDER [reader.int8.onnx]

int8 weights are multiplied out to float32; what rounding took is learnt again within a few hundred steps. The
optimiser begins anew.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from rag.models.catalogue import EMBEDDING, READER, verify
from training.network import Reader
from training.train import Learner

_PRODUCT = re.compile(r"/(?:Gemm_)?MatMul_quant$")
_QUANTISED = "_quantized", "_scale", "_zero_point"  # how ONNX Runtime names the three parts of a weight


def main(folder: Path, source: Path) -> None:
    """Write `folder`/checkpoint.pt."""
    folder.mkdir(parents=True, exist_ok=True)
    network = Reader(verify(EMBEDDING))
    fill(network, source)
    Learner(network).save(folder / "checkpoint.pt")


def fill(network: Reader, source: Path) -> None:
    """Give `network` the weights of an int8 file that `training/export.py` wrote.

    Raises:
        SystemExit: the file lacks a weight, or holds one of another shape.
    """
    graph = onnx.load(source).graph
    stored = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    # A matrix lost its name when it was transposed for the product; the product's node still has its module's.
    products = {
        _PRODUCT.sub("", node.name).strip("/").replace("/", "."): node.input[1]
        for node in graph.node
        if node.op_type == "MatMulInteger"
    }
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not parameter.requires_grad:
                continue  # as packaged, and not rounded
            module = name.removesuffix(".weight")
            if name in stored:
                value = stored[name]
            elif f"{name}_quantized" in stored:
                value = _whole(stored, name)
            elif module in products:
                value = _whole(stored, products[module].removesuffix("_quantized")).T
            else:
                raise SystemExit(f"{source} has no weight {name}.")
            if value.shape != tuple(parameter.shape):
                raise SystemExit(f"{source}: {name} is {value.shape}, not {tuple(parameter.shape)}.")
            parameter.copy_(torch.tensor(value))


def _whole(stored: Mapping[str, NDArray[np.generic]], name: str) -> NDArray[np.float32]:
    values, scale, zero = (stored[name + part].astype(np.float32) for part in _QUANTISED)
    whole: NDArray[np.float32] = (values - zero) * scale
    return whole


if __name__ == "__main__":
    run, *given = map(Path, sys.argv[1:])
    (shipped,) = READER.files
    main(run, given[0] if given else verify(READER) / shipped)
