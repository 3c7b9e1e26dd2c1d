"""Data sets: seeded, in shape, and read from files in their original formats."""

import gzip
import pickle
import struct

import numpy as np
import pytest
import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import FileFormatError, MissingDataError, SpecError
from landscape_core.foundation.registry import entries
from landscape_core.models.datasets.base import ProblemData
from landscape_core.models.datasets.cifar10 import CIFAR10
from landscape_core.models.datasets.constant_target import ConstantTarget
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.datasets.friedman1 import Friedman1
from landscape_core.models.datasets.gaussian_teacher import GaussianTeacher
from landscape_core.models.datasets.linear_teacher import LinearTeacher
from landscape_core.models.datasets.mnist import MNIST
from landscape_core.models.datasets.mnist_1d import MNIST1D
from landscape_core.models.datasets.modular_addition import ModularAddition
from landscape_core.models.datasets.sparse_features import SparseFeatures
from landscape_core.models.datasets.unique_features import UniqueFeatures
from landscape_core.models.datasets.xor import Xor
from landscape_core.models.datasets.xor_clusters import XorClusters

MADE = [name for name in entries(ProblemData) if not entries(ProblemData)[name].place]


@pytest.mark.parametrize("name", MADE)
def test_a_seed_makes_the_same_data_and_another_seed_others(name):
    recipe = entries(ProblemData)[name]()
    first, again, other = recipe.build(4), recipe.build(4), recipe.build(5)
    assert torch.equal(first.train.inputs, again.train.inputs)
    assert torch.equal(first.test.targets, again.test.targets)
    assert not torch.equal(first.train.inputs, other.train.inputs)


@pytest.mark.parametrize("name", MADE)
def test_inputs_and_targets_are_in_shape(name):
    recipe = entries(ProblemData)[name]()
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
    targets = entries(ProblemData)["spirals"]().build(0).train.targets
    assert 0.3 < targets[:60].double().mean() < 0.7


@pytest.mark.parametrize("name", MADE)
def test_training_and_test_parts_are_of_one_distribution(name):
    data = entries(ProblemData)[name]().build(3)
    for kind in ("inputs", "targets"):
        parts = [getattr(part, kind).double() for part in (data.train, data.test)]
        one, other = (part.reshape(len(part), -1) for part in parts)
        error = (one.var(0) / len(one) + other.var(0) / len(other)).sqrt()
        # Of so few coordinates none differs by chance by five standard errors.
        assert bool(((one.mean(0) - other.mean(0)).abs() <= 5 * error).all())


@pytest.mark.parametrize("kind", [Xor, XorClusters])
def test_only_training_labels_are_flipped_and_as_many_as_asked(kind):
    clean, noisy = kind(points=2000, flipped=0.0).build(1), kind(points=2000, flipped=0.2).build(1)
    share = (clean.train.targets != noisy.train.targets).double().mean()
    assert float(share) == pytest.approx(0.2, abs=0.03)
    assert torch.equal(clean.test.targets, noisy.test.targets)


def test_clusters_lie_around_their_centres_and_opposite_ones_are_of_one_class():
    data = XorClusters(points=4000, dimension=12, noise=0.6, flipped=0.0).build(0).train
    along = data.inputs[:, :2]
    axis = along.abs().argmax(dim=1)
    assert float((axis == 1 - data.targets).double().mean()) > 0.999
    for target, sign in ((1, 1), (1, -1), (0, 1), (0, -1)):
        centre = torch.zeros(12, dtype=torch.float64)
        centre[1 - target] = sign
        own = data.inputs[(data.targets == target) & (sign * along[:, 1 - target] > 0)]
        assert len(own) == pytest.approx(1000, abs=120)
        noise = own - centre
        assert float(noise.mean(0).abs().max()) < 5 * 0.6 / np.sqrt(12 * len(own))
        assert float(noise.square().sum(1).mean()) == pytest.approx(0.36, rel=0.05)


def test_a_linear_classifier_of_the_clusters_is_at_chance():
    data = XorClusters(points=4000, flipped=0.0).build(0)
    signs = 2 * data.train.targets.double()[:, None] - 1
    slopes = torch.linalg.lstsq(data.train.inputs, signs).solution
    right = (data.test.inputs @ slopes)[:, 0].sign() == 2 * data.test.targets - 1
    assert float(right.double().mean()) == pytest.approx(0.5, abs=0.04)


def test_the_constant_target_is_that_constant_over_the_unit_cube():
    data = ConstantTarget(points=2000, dimension=4, target=-3.0).build(0)
    for part in (data.train, data.test):
        assert set(part.targets.ravel().tolist()) == {-3.0}
        assert 0 <= float(part.inputs.min()) < float(part.inputs.max()) <= 1
        np.testing.assert_allclose(part.inputs.var(0), 1 / 12, rtol=0.1)


def test_the_linear_teacher_has_its_rank_and_singular_values_and_its_noise():
    asked = LinearTeacher(points=400, dimension=7, targets=5, rank=3, noise=0.0)
    clean, noisy = asked.build(2), asked.replace(noise=0.3).build(2)
    found = torch.linalg.lstsq(clean.train.inputs, clean.train.targets).solution
    values = torch.linalg.svdvals(found).tolist()
    assert values == pytest.approx([2.0, 1.5, 1.0, 0.0, 0.0], abs=1e-12)
    torch.testing.assert_close(clean.test.inputs @ found, clean.test.targets)
    noise = noisy.train.targets - clean.train.targets
    assert float(noise.std()) == pytest.approx(0.3, rel=0.06)


def test_each_example_has_features_of_its_own_more_of_the_rarer_class():
    data = UniqueFeatures(points=60, majority=0.7).build(3)
    inputs = torch.cat([data.train.inputs, data.test.inputs])
    signs = 2 * torch.cat([data.train.targets, data.test.targets]) - 1
    assert torch.equal(inputs[:, 0], signs.double())
    assert torch.equal(inputs[:, 1:3], torch.ones(120, 2, dtype=torch.float64))
    own = inputs[:, 3:]
    assert torch.equal(own.sum(1), torch.where(signs > 0, 1.0, 5.0).double())
    assert own.sum(0).max() == 1  # no two examples share one
    assert 0.55 < float((signs > 0).double().mean()) < 0.85
    size = UniqueFeatures(points=60).estimated_size()
    assert size.sample.input_shape == data.input_shape


def test_words_are_as_frequent_as_zipf_says_and_the_classes_are_linearly_separable():
    words = 12
    asked = SparseFeatures(points=3000, dimension=50, words=words, exponent=1.2)
    data = asked.build(1).train
    shares = np.arange(1.0, 51) ** -1.2
    expected = 1 - (1 - shares / shares.sum()) ** words
    seen = data.inputs.mean(0).numpy()
    np.testing.assert_array_less(np.abs(seen - expected), 5 * (expected / 3000) ** 0.5)
    assert set(data.inputs.unique().tolist()) == {0.0, 1.0}
    assert 0.3 < float(data.targets.double().mean()) < 0.7
    teacher = random_streams.numpy_stream(1, "teacher").standard_normal(50)
    scores = data.inputs.numpy() @ teacher
    labels = data.targets.numpy() == 1
    assert scores[labels].min() > scores[~labels].max()


def test_bags_that_all_hold_the_same_words_are_refused():
    with pytest.raises(SpecError, match=r"SparseFeatures\.words must be fewer"):
        SparseFeatures(points=20, dimension=2, words=200).build(0)
    one_word = SparseFeatures(points=20, dimension=2, words=1).build(0)
    assert set(one_word.train.targets.tolist()) == {0, 1}


def test_a_rank_above_the_shorter_side_is_refused():
    with pytest.raises(SpecError, match=r"LinearTeacher\.rank must be at most 4.*got 5"):
        LinearTeacher(dimension=9, targets=4, rank=5)


def test_the_teacher_near_the_identity_is_as_far_from_it_as_asked():
    same = GaussianTeacher(points=50, dimension=6, norm=0.0).build(0).train
    torch.testing.assert_close(same.targets[:, 0], same.inputs.relu().sum(1))
    one = GaussianTeacher(points=50, dimension=1, norm=0.4).build(0).train
    slopes = (one.targets / one.inputs)[one.inputs > 0]
    assert float((slopes - 1).abs().min()) == pytest.approx(0.4)
    assert float((slopes - 1).abs().max()) == pytest.approx(0.4)
    far = GaussianTeacher(points=5000, dimension=6, norm=0.5).build(0).train
    moved = (far.targets[:, 0] - far.inputs.relu().sum(1)).abs() / far.inputs.norm(dim=1)
    # |f(x) - Σ ReLU(xᵢ)| <= Σ |<wᵢ, x>| <= √d |Wᵀx| <= √d 0.5 |x|.
    assert 0.1 < float(moved.max()) <= 0.5 * np.sqrt(6)


def test_friedman_is_the_published_function_in_standard_units():
    data = Friedman1(points=500, noise=0.0).build(1)
    x = (data.train.inputs.numpy() + 1) / 2
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2
    y += 10 * x[:, 3] + 5 * x[:, 4]
    np.testing.assert_allclose(data.train.targets[:, 0], (y - y.mean()) / y.std(), atol=1e-12)
    assert -1 <= float(data.train.inputs.min()) < -0.9
    assert 0.9 < float(data.train.inputs.max()) <= 1
    noisy = Friedman1(points=500, noise=5.0).build(1).train
    assert float(noisy.targets.std(correction=0)) == pytest.approx(1)


def test_every_pair_of_numbers_is_once_in_training_or_test_with_its_sum():
    data = ModularAddition(points=40, modulus=7).build(3)
    assert len(data.train.inputs) == 40
    assert data.classes == 7
    seen = []
    for part in (data.train, data.test):
        for row, target in zip(part.inputs.tolist(), part.targets.tolist(), strict=True):
            assert sorted(row) == [0.0] * 12 + [1.0] * 2
            first, second = row.index(1.0), row.index(1.0, 7) - 7
            assert target == (first + second) % 7
            seen.append((first, second))
    assert sorted(seen) == [(a, b) for a in range(7) for b in range(7)]


def test_modular_addition_without_pairs_for_the_test_is_refused():
    with pytest.raises(SpecError, match=r"ModularAddition\.points must be below .* 49; got 49"):
        ModularAddition(points=49, modulus=7)


def test_signals_of_digits_have_correlated_noise_where_the_shape_leaves_room():
    still, noisy, loud = (MNIST1D(points=400, noise=s).build(0) for s in (0.0, 0.25, 0.5))
    added = noisy.train.inputs - still.train.inputs
    torch.testing.assert_close(loud.train.inputs - still.train.inputs, 2 * added)
    assert 0.05 < float((added == 0).double().mean()) < 0.3
    neighbours = torch.corrcoef(torch.stack([added[:, :-1].ravel(), added[:, 1:].ravel()]))
    assert float(neighbours[0, 1]) > 0.6
    shares = torch.bincount(still.train.targets, minlength=10) / 400
    assert float((shares - 0.1).abs().max()) < 0.06


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


def test_a_label_of_mnist_that_is_no_class_is_refused(mnist):
    path = mnist / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(idx(np.array([0, 1, 2, 10, 200]))))
    with pytest.raises(
        FileFormatError, match=r"t10k-labels.* has the label 10, and there are 0 to"
    ):
        MNIST(folder=str(mnist)).build(0)


def test_labels_in_place_of_images_are_refused(mnist):
    (mnist / "train-images-idx3-ubyte").write_bytes(idx(np.arange(12)))
    with pytest.raises(FileFormatError, match=r"train-images.* with 3 dimensions"):
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


@pytest.mark.parametrize("label", [-1, 10])
def test_a_label_of_cifar_that_is_no_class_is_refused(cifar, label):
    batch = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, label]}
    (cifar / "test_batch").write_bytes(pickle.dumps(batch, protocol=2))
    with pytest.raises(FileFormatError, match=f"test_batch has the label {label}, and"):
        CIFAR10(folder=str(cifar)).build(0)


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


def test_digits_by_components_are_those_of_an_independent_pca_in_single_precision():
    from sklearn.decomposition import PCA  # takes a while to import

    pixels = Digits(points=300).build(2)
    split = Digits(points=300, components=16).build(2)
    fitted = PCA(16, svd_solver="full").fit(pixels.train.inputs.numpy())
    scores = fitted.transform(pixels.train.inputs.numpy())
    deviation = scores.std(ddof=1)
    for part, whole in ((split.train, pixels.train), (split.test, pixels.test)):
        expected = fitted.transform(whole.inputs.numpy()) / deviation
        signs = np.sign((part.inputs.numpy() * expected).sum(0))
        np.testing.assert_allclose(part.inputs.numpy(), expected * signs, atol=1e-6)
        assert torch.equal(part.inputs, part.inputs.float().double())
        assert torch.equal(part.targets, whole.targets)
    assert split.input_shape == (16,)


def test_images_have_no_principal_components():
    with pytest.raises(
        SpecError, match=r"Digits\.components must be 0 with the shape images; got 4"
    ):
        Digits(shape="images", components=4)
