"""Sparse features: how often each occurs, and how much it tells."""

import numpy as np
import pytest
import torch

from landscape_core.models.datasets.sparse_features import SparseFeatures


def test_features_are_signs_and_occur_with_their_probabilities():
    recipe = SparseFeatures(points=20_000, dimension=12, exponent=1.5, frequency=0.8)
    inputs = recipe.build(0).train.inputs
    assert set(inputs.unique().tolist()) == {-1.0, 0.0, 1.0}
    expected = 0.8 * np.arange(1, 13) ** -1.5
    np.testing.assert_allclose(recipe.probabilities(), expected)
    error = np.sqrt(expected * (1 - expected) / 20_000)
    assert (np.abs((inputs != 0).double().mean(0).numpy() - expected) < 5 * error).all()
    assert (np.abs(inputs.mean(0).numpy()) < 5 * np.sqrt(expected / 20_000)).all()


def test_a_feature_cannot_be_more_frequent_than_always():
    recipe = SparseFeatures(points=50, dimension=3, exponent=0.0, frequency=1.0)
    assert recipe.probabilities().tolist() == [1.0, 1.0, 1.0]
    assert (recipe.build(1).train.inputs != 0).all()


def test_the_rarer_a_feature_the_more_it_tells_where_it_occurs():
    recipe = SparseFeatures(points=50_000, dimension=30, exponent=1.2)
    data = recipe.build(2).train
    labels = 2.0 * data.targets - 1

    def agreement(feature):
        there = data.inputs[:, feature] != 0
        return abs(float((labels * data.inputs[:, feature])[there].mean()))

    frequent, rare = (np.mean([agreement(i) for i in rows]) for rows in (range(3), range(24, 30)))
    assert rare > 2 * frequent
    assert agreement(29) > 0.5


def test_the_labels_are_those_of_a_linear_classifier():
    data = SparseFeatures(points=2000, dimension=10, exponent=0.5).build(0)
    signs = 2 * data.train.targets.double()[:, None] - 1
    weights = torch.linalg.lstsq(data.train.inputs, signs).solution
    scale = SparseFeatures(dimension=10, exponent=0.5).probabilities() ** -0.5
    teacher = weights[:, 0].sign() * torch.from_numpy(scale)
    right = (data.test.inputs @ teacher > 0) == (data.test.targets == 1)
    decided = (data.test.inputs @ teacher).abs() > 1e-9
    assert right[decided].all()


@pytest.mark.parametrize("flipped", [0.0, 0.3])
def test_only_training_labels_are_flipped(flipped):
    clean = SparseFeatures(points=3000).build(1)
    noisy = SparseFeatures(points=3000, flipped=flipped).build(1)
    share = (clean.train.targets != noisy.train.targets).double().mean()
    assert float(share) == pytest.approx(flipped, abs=0.03)
    assert torch.equal(clean.test.targets, noisy.test.targets)
    assert float(clean.train.targets.double().mean()) == pytest.approx(0.5, abs=0.05)
