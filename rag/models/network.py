"""The one door to ONNX Runtime: run an exported network, and quantise one to int8."""

import logging
import os
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ModelError, StorageError
from rag.models.derived import derived

OPTIMISED = ".optimised.onnx"
SLOW = [
    "SkipLayerNormFusion"
]  # its kernel takes six times as long as the two that it stands for: 3.5 of 23 ms a passage


def quantise(source: Path, target: Path) -> None:
    """Write `source` with int8 weights, one scale a channel; activations are quantised at run time."""
    from onnxruntime.quantization import QuantType, quantize_dynamic  # late: imports onnx

    # It advises a shape-inference pass that changes nothing here, through the root logger.
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    # onnx names a temporary file by uuid1, for which libuuid opens an internet socket: it wants the card's number.
    named, uuid.uuid1 = uuid.uuid1, lambda *_: uuid.uuid4()
    try:
        quantize_dynamic(str(source), str(target), per_channel=True, weight_type=QuantType.QInt8)
    finally:
        uuid.uuid1 = named
        root.setLevel(level)


def optimised(models: Path, name: str, parent_sha256: str, recipe: str, source: Callable[[], Path]) -> Path:
    """The network in the file `source()` with its graph optimised once for all: opened in 0.05 s instead of 0.15 s.

    Where nothing can be kept, the file as it is.

    Args:
        models, name, parent_sha256, recipe: see `rag.models.derived.derived`.
    """
    import onnxruntime  # late: 0.05 s

    def make(target: Path) -> None:
        options = _options(onnxruntime)
        # Not ENABLE_ALL: that may lay weights out for the very processor.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(target)
        _open(source(), options)

    try:
        return derived(
            models,
            name,
            parent_sha256,
            f"{recipe}, optimised by ONNX Runtime {onnxruntime.__version__} without {', '.join(SLOW)}",
            make,
        )
    except StorageError:
        return source()


def _options(onnxruntime: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    return options


def _open(path: Path, options: Any) -> Any:
    import onnxruntime

    try:
        return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"], disabled_optimizers=SLOW)
    except Exception as error:  # ONNX Runtime raises its own unrelated types for a bad file
        raise ModelError(
            f"{path} cannot be loaded by ONNX Runtime ({error}); delete it and it is made again."
        ) from error


class Network:
    """An exported network: int64 arrays in by name, float32 arrays out in the order of `outputs`.

    `run` takes one core; any number of threads may call it.
    """

    def __init__(self, path: Path, outputs: Sequence[str]) -> None:
        import onnxruntime

        options = _options(onnxruntime)
        if path.name.endswith(OPTIMISED):
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session = _open(path, options)
        self._outputs = list(outputs)

    def run(self, **inputs: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """The outputs for inputs of one batch, each `(batch, tokens)`."""
        results: list[NDArray[np.float32]] = self._session.run(self._outputs, inputs)
        return results


def usable_cores() -> int:
    """Cores this process may use; fewer than the machine has, in a container."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
