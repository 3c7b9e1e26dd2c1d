"""Data sets: seeded, in shape, and read from files in their original formats."""

import gzip
import pickle
import struct

import numpy as np
import pytest
import torch

from landscape_core.catalogue import entries
from landscape_core.datasets.base import Dataset
from landscape_core.datasets.cifar10 import CIFAR10
from landscape_core.datasets.mnist import MNIST
from landscape_core.datasets.xor import Xor
from landscape_core.errors import FileFormatError, MissingDataError

MADE = [name for name in entries(Dataset) if "folder" not in entries(Dataset)[name].__annotations__]


@pytest.mark.parametrize("name", MADE)
def test_a_seed_makes_the_same_data_and_another_seed_others(name):
    recipe = entries(Dataset)[name]()
    first, again, other = recipe.build(4), recipe.build(4), recipe.build(5)
    assert torch.equal(first.train.inputs, again.train.inputs)
    assert torch.equal(first.test.targets, again.test.targets)
    assert not torch.equal(first.train.inputs, other.train.inputs)


@pytest.mark.parametrize("name", MADE)
def test_inputs_and_targets_are_in_shape(name):
    recipe = entries(Dataset)[name]()
    data = recipe.build(0)
    assert len(data.train.inputs) == recipe.points
    for part in (data.train, data.test):
        assert part.inputs.dtype == torch.float64
        assert part.inputs.shape[1:] == data.input_shape
        assert part.inputs.isfinite().all()
        assert len(part.targets) == len(part.inputs) > 0
        if data.classes is None:
            assert part.targets.dtype == torch.float64
            assert part.targets.ndim == 2
        else:
            assert part.targets.dtype == torch.int64
            assert set(part.targets.tolist()) <= set(range(data.classes))


def test_the_first_examples_are_a_fair_sample_of_the_classes():
    targets = entries(Dataset)["spirals"]().build(0).train.targets
    assert 0.3 < targets[:60].double().mean() < 0.7


def test_only_training_labels_are_flipped_and_as_many_as_asked():
    clean, noisy = Xor(points=2000, flipped=0.0).build(1), Xor(points=2000, flipped=0.2).build(1)
    share = (clean.train.targets != noisy.train.targets).double().mean()
    assert float(share) == pytest.approx(0.2, abs=0.03)
    assert torch.equal(clean.test.targets, noisy.test.targets)


def idx(values):
    head = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.astype(np.uint8).tobytes()


@pytest.fixture
def mnist(tmp_path):
    rng = np.random.default_rng(0)
    for name, count in (("train", 12), ("t10k", 5)):
        images, labels = rng.integers(0, 256, (count, 28, 28)), np.arange(count) % 10
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(idx(images))
        (tmp_path / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return tmp_path


def test_mnist_is_read_plain_and_compressed(mnist):
    data = MNIST(folder=str(mnist), limit=8).build(0)
    assert data.train.inputs.shape == (8, 1, 28, 28)
    assert data.test.inputs.shape == (5, 1, 28, 28)
    raw = np.frombuffer((mnist / "t10k-images-idx3-ubyte").read_bytes()[16:], np.uint8)
    expected = (np.sort(raw / 255.0) - 0.1307) / 0.3081
    np.testing.assert_allclose(np.sort(data.test.inputs.numpy().ravel()), expected)


def test_a_missing_file_of_mnist_is_named_with_its_folder(tmp_path):
    with pytest.raises(MissingDataError, match="train-images-idx3-ubyte") as caught:
        MNIST(folder=str(tmp_path)).build(0)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("cut", [2, 10, 100])
def test_a_file_of_mnist_cut_short_is_refused(mnist, cut):
    path = mnist / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FileFormatError, match="train-images"):
        MNIST(folder=str(mnist)).build(0)


@pytest.fixture
def cifar(tmp_path):
    rng = np.random.default_rng(0)
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        images = rng.integers(0, 256, (4, 3072)).astype(np.uint8)
        batch = {b"data": images, b"labels": [0, 3, 9, 1]}
        (tmp_path / name).write_bytes(pickle.dumps(batch, protocol=2))
    return tmp_path


def test_cifar_is_read_from_its_pickles(cifar):
    data = CIFAR10(folder=str(cifar), limit=10).build(0)
    assert data.train.inputs.shape == (10, 3, 32, 32)
    assert data.test.inputs.shape == (4, 3, 32, 32)
    assert sorted(data.test.targets.tolist()) == [0, 1, 3, 9]


def test_a_missing_file_of_cifar_is_named_with_its_folder(tmp_path):
    with pytest.raises(MissingDataError, match="data_batch_1") as caught:
        CIFAR10(folder=str(tmp_path)).build(0)
    assert str(tmp_path) in str(caught.value)


class Hostile:
    def __reduce__(self):
        return print, ("run by a pickle",)


@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps(Hostile())])
def test_a_damaged_or_hostile_pickle_is_refused(cifar, content, capsys):
    (cifar / "test_batch").write_bytes(content)
    with pytest.raises(FileFormatError, match="test_batch"):
        CIFAR10(folder=str(cifar)).build(0)
    assert capsys.readouterr().out == ""
