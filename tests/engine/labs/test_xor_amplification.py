"""XOR: gradients, logistic regression and cosines against plain computations."""

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid

from landscape_core.labs.xor_amplification import (
    accuracy,
    cosines,
    examples,
    gained,
    gradient,
    linear,
    outputs,
)


@pytest.fixture
def network():
    drawn = torch.Generator().manual_seed(0)
    weight = torch.randn(8, 5, generator=drawn, dtype=torch.float64)
    output = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(4) / 8**0.5
    return weight, output


def test_the_gradient_is_that_of_autograd(network):
    weight, output = network
    inputs, labels = examples(3, "train", 40, 5)
    labels[:7] *= -1
    weight.requires_grad_()
    loss = -logsigmoid(labels * outputs(weight, output, inputs)).mean()
    (expected,) = torch.autograd.grad(loss, weight)
    found = gradient(weight.detach(), output, inputs, labels)
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_logistic_regression_ends_where_its_gradient_is_zero():
    inputs, labels = examples(1, "train", 200, 5)
    found = linear(inputs, labels)
    slope = inputs.T @ (-labels * (-labels * (inputs @ found)).sigmoid()) / len(labels)
    assert float(slope.abs().max()) < 1e-8
    tests, test_labels = examples(1, "test", 2000, 5)
    assert abs(accuracy(tests @ found, test_labels) - 0.5) < 0.1


def test_logistic_regression_of_separable_data_stays_finite():
    inputs, _ = examples(1, "train", 50, 60)
    labels = inputs[:, 3].sign()
    found = linear(inputs, labels)
    assert found.isfinite().all()
    assert accuracy(inputs @ found, labels) == 1.0


def test_labels_are_those_of_xor():
    inputs, labels = examples(0, "train", 500, 40)
    first, second = inputs[:, 0].abs(), inputs[:, 1].abs()
    assert torch.equal(labels, torch.where(first > second, 1.0, -1.0).double())
    signs = (inputs[:, 0] > 0)[labels > 0].double().mean()
    assert 0.4 < float(signs) < 0.6


def test_the_cosine_is_that_with_the_nearer_useful_direction(network):
    weight, output = network
    axes = torch.eye(5, dtype=torch.float64)
    for w, a, found in zip(weight, output, cosines(weight, output), strict=True):
        useful = axes[0] if a > 0 else axes[1]
        expected = max(float(w @ (sign * useful) / w.norm()) for sign in (1, -1))
        assert float(found) == pytest.approx(expected, rel=1e-12)


def test_what_is_gained_is_a_difference_of_fractions():
    start, end = np.array([0.1, 0.2, 0.3, 0.8]), np.array([0.1, 0.9, 0.9, 0.9])
    assert gained(start, end) == 0.5
    assert gained(end, end) == 0.0
    assert np.isnan(gained(start, np.full(4, np.nan)))
