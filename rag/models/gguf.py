"""GGUF files as arrays: read a model's weights, write an adapter, add one to weights. Knows the format alone.

The format: ggml's `docs/gguf.md`, version 3, little-endian. Read are the tensor types that llama.cpp writes when it
requantises to Q8_0: F32, F16 and Q8_0.
"""

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import ModelError

_MAGIC, _VERSION, _ALIGNMENT = b"GGUF", 3, 32
_STRING, _ARRAY, _FLOAT, _UINT = 8, 9, 6, 4
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_F32, _F16, _Q8_0 = 0, 1, 8
_BLOCK = 32  # weights of a Q8_0 block, which share a scale
_TYPES: dict[int, np.dtype[Any]] = {
    _F32: np.dtype("<f4"),
    _F16: np.dtype("<f2"),
    _Q8_0: np.dtype([("scale", "<f2"), ("values", "i1", (_BLOCK,))]),
}


@dataclass(frozen=True, slots=True)
class Weights:
    """A GGUF file."""

    metadata: Mapping[str, Any]
    tensors: Mapping[str, NDArray[np.float32]]  # as numpy counts: `(rows, columns)`, the last axis contiguous


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor stands in a file."""

    start: int  # byte
    shape: tuple[int, ...]
    kind: int


def read(path: Path) -> Weights:
    """Everything in a file, weights multiplied out to float32.

    Raises:
        ModelError: no GGUF file of version 3, cut off, or with weights of another type.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data, path).weights()
    except (struct.error, ValueError, OSError) as error:
        raise ModelError(f"{path} is no sound GGUF file ({error}); name one that llama.cpp wrote.") from error


def add(path: Path, adapter: Path) -> None:
    """Add a low-rank adapter to the float16 weights in `path`, for good: nothing is left to be computed at run time.

    For each weight W that it names, W + alpha / rank · B A, as llama.cpp would (Hu et al., "LoRA", 2021).

    Raises:
        ModelError: one of the files is not sound, or the adapter is not for these weights.
    """
    learnt = read(adapter)
    alpha = float(learnt.metadata.get("adapter.lora.alpha", 0.0))
    try:
        with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
            _, places = _Reader(data, path).head()
            for name, down in learnt.tensors.items():
                weight, _, part = name.rpartition(".lora_")
                if part != "a":
                    continue
                up, place = learnt.tensors[f"{weight}.lora_b"], places[weight]
                if place.kind != _F16 or place.shape != (up.shape[0], down.shape[1]):
                    raise ValueError(f"{weight} is not the float16 matrix that {adapter.name} was learnt for")
                stored = np.ndarray(place.shape, _TYPES[_F16], data, place.start)
                stored[:] = stored.astype(np.float32) + alpha / down.shape[0] * (up @ down)
                del stored  # a view would keep the file mapped
    except (struct.error, ValueError, KeyError, OSError) as error:
        raise ModelError(f"{adapter} cannot be added to {path} ({error}); reinstall Strongroom.") from error


class _Reader:
    """Walks through a file's bytes."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self._data, self._path, self._at = data, path, 0

    def weights(self) -> Weights:
        metadata, places = self.head()
        return Weights(metadata, {name: self._tensor(place) for name, place in places.items()})

    def head(self) -> tuple[dict[str, Any], dict[str, _Place]]:
        """Metadata, and where the tensors stand."""
        if self._data[:4] != _MAGIC:
            raise ValueError("it does not begin with GGUF")
        self._at = 4
        version, count, pairs = self._take("I"), self._take("Q"), self._take("Q")
        if version != _VERSION:
            raise ValueError(f"version {version}, only {_VERSION} is read")
        metadata = {self._string(): self._value(self._take("I")) for _ in range(pairs)}
        described = [self._description() for _ in range(count)]
        alignment = metadata.get("general.alignment", _ALIGNMENT)
        start = -(-self._at // alignment) * alignment
        return metadata, {name: _Place(start + at, shape, kind) for name, at, shape, kind in described}

    def _take(self, kind: str) -> Any:
        (value,) = struct.unpack_from(f"<{kind}", self._data, self._at)
        self._at += struct.calcsize(kind)
        return value

    def _string(self) -> str:
        size = self._take("Q")
        self._at += size
        return self._data[self._at - size : self._at].decode("utf-8", "replace")

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            inner, size = self._take("I"), self._take("Q")
            return [self._value(inner) for _ in range(size)]
        if kind not in _SCALARS:
            raise ValueError(f"a value of the unknown type {kind}")
        return self._take(_SCALARS[kind])

    def _description(self) -> tuple[str, int, tuple[int, ...], int]:
        """Name, offset, shape and type of a tensor."""
        name = self._string()
        sizes = [self._take("Q") for _ in range(self._take("I"))]
        kind, offset = self._take("I"), self._take("Q")
        return name, offset, tuple(reversed(sizes)), kind

    def _tensor(self, place: _Place) -> NDArray[np.float32]:
        shape, kind = place.shape, place.kind
        if kind not in _TYPES:
            raise ModelError(f"{self._path} has weights of ggml's type {kind}; only F32, F16 and Q8_0 are read.")
        size = int(np.prod(shape, dtype=np.int64)) // (_BLOCK if kind == _Q8_0 else 1)
        stored = np.frombuffer(self._data, _TYPES[kind], size, place.start)
        if kind == _Q8_0:
            whole = stored["values"].astype(np.float32) * stored["scale"].astype(np.float32)[:, None]
            return whole.reshape(shape)
        return stored.astype(np.float32).reshape(shape)


def write(path: Path, metadata: Mapping[str, str | int | float], tensors: Mapping[str, NDArray[np.float32]]) -> None:
    """Write a file, its weights as float16; equal content, equal bytes. Whole numbers are written as uint32."""
    head = _MAGIC + struct.pack("<IQQ", _VERSION, len(tensors), len(metadata))
    for key, value in metadata.items():
        head += _packed(key)
        if isinstance(value, str):
            head += struct.pack("<I", _STRING) + _packed(value)
        else:
            head += struct.pack("<II", _UINT, value) if isinstance(value, int) else struct.pack("<If", _FLOAT, value)
    offset = 0
    stored = {name: np.ascontiguousarray(tensor, dtype=_TYPES[_F16]) for name, tensor in tensors.items()}
    for name, tensor in stored.items():
        sizes = tuple(reversed(tensor.shape))
        head += _packed(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, _F16, offset)
        offset += tensor.nbytes + -tensor.nbytes % _ALIGNMENT
    with path.open("wb") as file:
        file.write(head + bytes(-len(head) % _ALIGNMENT))
        for tensor in stored.values():
            file.write(tensor.tobytes() + bytes(-tensor.nbytes % _ALIGNMENT))


def _packed(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data
