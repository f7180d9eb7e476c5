"""The mean of two checkpoints of one run: keeps more of both than the later one alone.

    python -m training.average RUN_FOLDER/checkpoint.pt OTHER_FOLDER/checkpoint.pt TARGET_FOLDER

As in Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time", 2022. TARGET_FOLDER/checkpoint.pt can be exported, or trained on: the optimiser's state is
the first's.
"""

import sys
from pathlib import Path
from typing import Any

import torch


def main(one: Path, other: Path, target: Path) -> None:
    """Write the mean."""
    first, second = (torch.load(path, map_location="cpu", weights_only=True) for path in (one, other))
    target.mkdir(parents=True, exist_ok=True)
    mixed = {key: mean(first[key], second[key]) for key in ("network", "masters")}
    torch.save(first | mixed, target / "checkpoint.pt")


def mean(one: Any, other: Any) -> Any:
    """Of two tensors, or of two lists or mappings of such; what is no number of floating point is the first's."""
    if isinstance(one, dict):
        return {key: mean(value, other[key]) for key, value in one.items()}
    if isinstance(one, list):
        return [mean(*pair) for pair in zip(one, other, strict=True)]
    if isinstance(one, torch.Tensor) and one.is_floating_point():
        return ((one.float() + other.float()) / 2).to(one.dtype)
    return one


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
