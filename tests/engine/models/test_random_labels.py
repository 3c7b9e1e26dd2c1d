"""Random labels on any data set: as many as asked, uniform, in training alone."""

import numpy as np
import pytest
import torch

from landscape_core.foundation.registry import entries
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.base import ProblemData
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.datasets.friedman1 import Friedman1
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.problems.supervised import Supervised
from landscape_core.models.random_labels import with_random_labels
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.run import Run, train

GENERATED = [name for name, kind in entries(ProblemData).items() if not kind.place]


@pytest.mark.parametrize("name", GENERATED)
def test_every_data_set_keeps_all_but_training_labels(name):
    clean = entries(ProblemData)[name]().build(1)
    found, again = (with_random_labels(clean, 0.5, 1) for _ in range(2))
    assert torch.equal(found.train.targets, again.train.targets)
    assert found.train.targets.dtype == clean.train.targets.dtype
    assert found.train.targets.shape == clean.train.targets.shape
    assert found.train.inputs is clean.train.inputs
    assert found.test is clean.test
    if clean.train.targets.unique(dim=0).shape[0] > 1:
        assert not torch.equal(found.train.targets, clean.train.targets)
        other = with_random_labels(clean, 0.5, 2)
        assert not torch.equal(other.train.targets, found.train.targets)


def test_no_random_labels_are_the_data_themselves():
    clean = Digits(points=100).build(0)
    assert with_random_labels(clean, 0.0, 0) is clean


@pytest.mark.parametrize("probability", [0.3, 1.0])
def test_labels_are_replaced_with_their_probability_by_uniform_classes(probability):
    clean = Digits(points=1700).build(0)
    found = with_random_labels(clean, probability, 0)
    changed = (found.train.targets != clean.train.targets).double().mean()
    # One in ten of the new labels is the true one.
    assert float(changed) == pytest.approx(0.9 * probability, abs=0.04)
    if probability == 1.0:
        counts = np.bincount(found.train.targets.numpy(), minlength=10)
        assert ((counts - 170) ** 2 / 170).sum() < 27.9  # χ² with nine degrees of freedom, 0.999


def test_more_random_labels_contain_the_fewer_ones():
    clean = Digits(points=500).build(3)
    few, more = (with_random_labels(clean, share, 3).train.targets for share in (0.2, 0.6))
    replaced = few != clean.train.targets
    assert torch.equal(few[replaced], more[replaced])
    assert int((more != clean.train.targets).sum()) > int(replaced.sum()) > 0


def test_targets_of_a_regression_are_permuted():
    clean = Friedman1(points=400).build(0)
    found = with_random_labels(clean, 0.5, 0).train.targets
    torch.testing.assert_close(found.sort(0).values, clean.train.targets.sort(0).values)
    moved = (found != clean.train.targets).double().mean()
    assert float(moved) == pytest.approx(0.5, abs=0.1)
    whole = with_random_labels(clean, 1.0, 0).train.targets
    both = torch.corrcoef(torch.cat([whole, clean.train.targets], 1).T)
    assert abs(float(both[0, 1])) < 0.2


def test_a_problem_trains_on_random_labels_and_is_tested_on_true_ones():
    clean = Supervised(dataset=Digits(points=200))
    noisy = clean.replace(random_labels=1.0)
    one, other = clean.build(5), noisy.build(5)
    assert torch.equal(one.start, other.start)
    assert torch.equal(one.data.test.targets, other.data.test.targets)
    assert not torch.equal(one.data.train.targets, other.data.train.targets)
    assert torch.equal(other.train.targets, other.data.train.targets)
    assert float(one.test.loss(one.start)) == float(other.test.loss(other.start))
    fixed = noisy.replace(data_seed=9)
    assert torch.equal(fixed.build(1).data.train.targets, fixed.build(2).data.train.targets)


def test_a_regression_has_random_labels_as_well():
    problem = Supervised(dataset=Friedman1(points=50), loss=SquaredError(), random_labels=1.0)
    found, clean = problem.build(0), problem.replace(random_labels=0.0).build(0)
    assert not torch.equal(found.train.targets, clean.train.targets)
    assert torch.equal(found.train.targets.sort(0).values, clean.train.targets.sort(0).values)


def test_a_network_fits_random_labels_and_learns_nothing():
    problem = Supervised(
        dataset=Digits(points=100), architecture=MLP(width=128), random_labels=1.0, data_seed=0
    )
    run = Run(problem=problem, optimizer=Adam(learning_rate=3e-3), steps=150, batch_size=100)
    *_, state = train(run)
    instance = problem.build(run.seed)
    assert float(instance.train.loss(state.theta)) < 0.1
    assert float(instance.test.loss(state.theta)) > 2.3  # worse than that of equal probabilities
