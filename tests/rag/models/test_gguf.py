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


@given(st.integers(0, 2**32), st.integers(1, 20), st.integers(1, 20), st.integers(1, 4))
def test_an_adapter_is_added_for_good(seed: int, rows: int, columns: int, rank: int) -> None:
    random = np.random.default_rng(seed)
    weight, other = random.standard_normal((rows, columns)), random.standard_normal((3, 3))
    down, up = random.standard_normal((rank, columns)), random.standard_normal((rows, rank))
    with TemporaryDirectory() as folder:
        path, adapter = Path(folder) / "weights.gguf", Path(folder) / "adapter.gguf"
        gguf.write(path, {"name": "x"}, {"w": weight, "other": other})
        gguf.write(adapter, {"adapter.lora.alpha": 8.0}, {"w.lora_a": down, "w.lora_b": up})
        before = gguf.read(path)
        gguf.add(path, adapter)
        after = gguf.read(path)
        added = gguf.read(adapter).tensors
    assert (after.metadata, after.tensors["other"].tolist()) == (before.metadata, before.tensors["other"].tolist())
    expected = before.tensors["w"] + 8.0 / rank * (added["w.lora_b"] @ added["w.lora_a"])
    np.testing.assert_allclose(after.tensors["w"], expected, rtol=2e-3, atol=2e-3)


def test_an_adapter_for_other_weights_is_refused(tmp_path: Path) -> None:
    path, adapter = tmp_path / "weights.gguf", tmp_path / "adapter.gguf"
    gguf.write(path, {}, {"w": np.ones((4, 5))})
    for tensors in (
        {"w.lora_a": np.ones((2, 4)), "w.lora_b": np.ones((4, 2))},  # turned
        {"v.lora_a": np.ones((2, 5)), "v.lora_b": np.ones((4, 2))},
        {"w.lora_a": np.ones((2, 5))},
    ):
        gguf.write(adapter, {"adapter.lora.alpha": 4.0}, tensors)
        with pytest.raises(ModelError, match="cannot be added"):
            gguf.add(path, adapter)
    assert (gguf.read(path).tensors["w"] == 1).all()


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
