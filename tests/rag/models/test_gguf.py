"""GGUF files: what is written is read back, what is none is refused."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ingest.errors import ModelError
from rag.models import gguf

names = st.text(min_size=1, max_size=20)
tensors = arrays.arrays(
    np.float16, arrays.array_shapes(max_dims=3, max_side=9), elements=st.floats(-1000, 1000, width=16)
)
values = st.one_of(st.text(max_size=30), st.integers(0, 2**32 - 1), st.floats(width=32, allow_nan=False))


@given(st.dictionaries(names, values, max_size=5), st.dictionaries(names, tensors, max_size=5))
def test_what_was_written_is_read(metadata: dict[str, str | int | float], written: dict[str, np.ndarray]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "any.gguf"
        gguf.write(path, metadata, written)
        found = gguf.read(path)
    assert found.metadata == metadata
    assert found.tensors.keys() == written.keys()
    assert all((found.tensors[name] == tensor).all() for name, tensor in written.items())


def test_a_block_of_q8_0_is_its_values_times_its_scale(tmp_path: Path) -> None:
    path = tmp_path / "blocks.gguf"
    gguf.write(path, {}, {"w": np.zeros((1, 17))})  # 34 bytes, as many as a block of 32 weights
    data = bytearray(path.read_bytes())
    start = len(data) - 64
    data[start : start + 34] = np.float16(0.5).tobytes() + np.arange(-16, 16, dtype=np.int8).tobytes()
    kind = data.index(b"w") + 1 + 4 + 16
    data[kind - 16 : kind] = np.array([32, 1], dtype="<u8").tobytes()
    data[kind : kind + 4] = (8).to_bytes(4, "little")
    path.write_bytes(data)
    assert gguf.read(path).tensors["w"].tolist() == [[value / 2 for value in range(-16, 16)]]


@pytest.mark.parametrize(
    "content", [b"", b"GGUF", b"PK\x03\x04 something else", b"GGUF" + bytes(40), b"GGUF" + b"\xff" * 60]
)
def test_what_is_no_gguf_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"bad\.gguf is no sound GGUF file"):
        gguf.read(path)


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    gguf.write(path, {"a": "b"}, {"w": np.ones((40, 40))})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelError, match="no sound GGUF file"):
        gguf.read(path)
