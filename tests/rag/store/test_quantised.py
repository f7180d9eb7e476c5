"""A vector's direction survives being kept in one byte a dimension."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rag.store.quantised import pack, unpack


@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.sampled_from([8, 64, 384, 768]))
def test_the_cosine_with_the_original_is_above_999(seed: int, count: int, dimensions: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert ((unpack(pack(vectors)) * vectors).sum(axis=1) > 0.999).all()


@given(st.integers(0, 2**32 - 1))
def test_unpacked_rows_have_length_one_and_one_byte_a_dimension(seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(3, 384)).astype(np.float32)
    blobs = pack(vectors)
    assert [len(blob) for blob in blobs] == [384] * 3
    assert np.allclose(np.linalg.norm(unpack(blobs), axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("vector", [np.zeros(8), np.eye(8)[3], -np.eye(8)[0], np.full(8, 1e-30)])
def test_odd_vectors(vector: NDArray[np.float64]) -> None:
    (found,) = unpack(pack(vector.astype(np.float32)[None, :]))
    assert np.isfinite(found).all()
    assert found @ vector >= 0


def test_none() -> None:
    assert pack(np.empty((0, 8), dtype=np.float32)) == []
    assert unpack([]).shape == (0, 0)
