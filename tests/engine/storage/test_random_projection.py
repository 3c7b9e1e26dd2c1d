"""Random projections block by block: against the whole matrix, its numbers, memory."""

import tracemalloc

import numpy as np
import pytest
import torch

from landscape_core.foundation.random_streams import numpy_stream
from landscape_core.storage.random_projection import ENTRIES, RandomProjection


def matrix(projection, size):
    """R (K, P) as a whole."""
    blocks = []
    for number in range(-(-size // projection.block)):
        stream = numpy_stream(projection.seed, "projection", number)
        shape = (projection.block, projection.components)
        blocks.append(stream.standard_normal(shape, dtype=np.float32).astype(np.float64))
    return np.concatenate(blocks)[:size].T / np.sqrt(projection.components)


@pytest.mark.parametrize("block", [1, 7, 60, 61, 100])
def test_blocks_give_the_product_with_the_whole_matrix(block):
    projection = RandomProjection(12, seed=3, block=block)
    vectors = torch.randn(3, 60, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = vectors.numpy() @ matrix(projection, 60).T
    np.testing.assert_allclose(projection.of_vectors(vectors), expected, rtol=1e-12, atol=1e-12)
    first = vectors[0]
    tensors = [first[:20].reshape(5, 4), first[20:20], first[20], first[21:]]
    found = projection.of_tensors(tensors)
    np.testing.assert_allclose(found, expected[0], rtol=1e-12, atol=1e-12)


def test_types_and_orders_of_tensors_do_not_matter():
    projection = RandomProjection(10, block=5)
    numbers = torch.arange(12, dtype=torch.float64).reshape(3, 4) / 8
    expected = projection.of_tensors([numbers])
    for kind in (torch.float32, torch.bfloat16, torch.float16):
        assert projection.of_tensors([numbers.to(kind)]).tolist() == expected.tolist()
    turned = numbers.T.contiguous().T
    assert not turned.is_contiguous()
    assert projection.of_tensors([torch.nn.Parameter(turned)]).tolist() == expected.tolist()


def test_the_numbers_of_the_format_stay_as_they_are():
    pinned = [-1.1365091800689697, -0.4234744608402252, -0.1805436909198761]
    assert RandomProjection(16).checked()[:3] == pinned
    assert RandomProjection(16).block == ENTRIES // 16
    assert RandomProjection(16).checked() == RandomProjection(16).checked()
    assert RandomProjection(16).checked() != RandomProjection(16, seed=1).checked()


def test_entries_are_independent_of_mean_zero_and_variance_one_over_k():
    entries = matrix(RandomProjection(50, block=40), 2000) * np.sqrt(50)
    assert abs(entries.mean()) < 4 / np.sqrt(entries.size)
    assert abs(entries.var() - 1) < 4 * np.sqrt(2 / entries.size)
    assert abs(np.corrcoef(entries[:, :1960].ravel(), entries[:, 40:].ravel())[0, 1]) < 0.015


def test_the_matrix_is_never_in_memory():
    projection, vector = RandomProjection(64), torch.ones(200_000)
    tracemalloc.start()
    projection.of_tensors([vector])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * 8 * ENTRIES < 8 * 64 * 200_000 / 4
