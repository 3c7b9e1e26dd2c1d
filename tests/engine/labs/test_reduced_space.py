"""Gradients of the networks against differences, their form against plain loops."""

import math

import numpy as np
import pytest
import torch

from landscape_core.labs import reduced_space as lab
from landscape_core.labs.reduced_space import FREE, REDUCED, START, Problem, ReducedSpace
from landscape_core.models.normalizations.unit_sphere import UnitSphere


def small(d):
    """Networks of four units, a step after their start, on their first examples."""
    problem = Problem.drawn(3, d, 4, 2.0)
    problem.step()
    return problem


@pytest.mark.parametrize("d", [1, 2])
def test_the_gradient_is_that_of_differences(d):
    problem, h = small(d), 1e-6
    found, theta = problem.gradient(), problem.theta.copy()
    for index in range(theta.shape[-1]):
        shift = h * np.eye(theta.shape[-1])[index]
        problem.theta = theta + shift
        above = problem.losses()
        problem.theta = theta - shift
        # Kinks within h of an example would show; the tolerance leaves room for rounding alone.
        slope = (above - problem.losses()) / (2 * h)
        np.testing.assert_allclose(found[..., index], slope, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("d", [1, 2])
def test_outputs_are_those_of_a_plain_loop(d):
    problem = small(d)
    x = np.random.default_rng(0).uniform(-1, 1, (5, d))
    found, _ = problem.forward(lab.with_ones(x)[None])
    for kind in (FREE, REDUCED, START):
        row = problem.theta[kind, 1]
        v, beta, c = row[: 4 * d].reshape(4, d), row[4 * d : 4 * d + 4], row[4 * d + 4 : -1]
        for n in range(5):
            total = row[-1]
            for j in range(4):
                w, b = v[j], beta[j]
                if kind == REDUCED:
                    w = w / math.sqrt(sum(w * w))
                    b = math.sqrt(d) * math.sin(b / math.sqrt(d))
                total += c[j] * max(0.0, float(w @ x[n] + b))
            assert found[kind, 1, n] == pytest.approx(total, rel=1e-12)


def test_a_step_is_that_of_adam():
    problem = small(1)
    theta = torch.from_numpy(problem.theta.copy()).requires_grad_()
    rule = torch.optim.Adam([theta], lr=lab.RATE)
    problem.moments[:], problem.count = 0, 0
    for _ in range(3):
        theta.grad = torch.from_numpy(problem.gradient())
        rule.step()
        problem.step()
    np.testing.assert_allclose(problem.theta, theta.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_kinds_start_with_the_same_directions_and_outer_weights():
    problem = Problem.drawn(0, 2, 50, 4.0)
    (w, b), theta = problem.units(), problem.theta
    lengths = np.linalg.norm(w, axis=-1)
    for kind in (REDUCED, START):
        np.testing.assert_allclose(lengths[kind], 1, rtol=1e-12)
        np.testing.assert_allclose(w[kind], w[FREE] / lengths[FREE][..., None], rtol=1e-12)
        np.testing.assert_array_equal(theta[kind, :, 150:], theta[FREE, :, 150:])
        assert np.abs(b[kind]).max() <= math.sqrt(2)


def test_the_reduced_space_starts_as_the_normalization_of_the_catalogue():
    layer = torch.nn.Linear(2, 30).double()
    with torch.no_grad():
        layer.bias.mul_(4)
    lengths = layer.weight.detach().norm(dim=1)
    plain = (layer.bias.detach() / lengths).numpy()
    UnitSphere(bound=1.5).reparametrize(layer)
    beta = lab.reduced_thresholds(plain, 1.5)
    np.testing.assert_allclose(1.5 * np.sin(beta / 1.5), layer.bias.detach().numpy(), rtol=1e-9)


def test_a_free_network_equals_its_reduced_form():
    assert small(2).gap() < 1e-10


def test_targets_are_those_of_the_paper_at_four_half_waves():
    x = np.array([[0.3, -0.7], [0.1, 0.9]])
    expected = np.sin(np.pi * x[:, 0]) * np.cos(np.pi * x[:, 1]) + np.abs(x[:, 0] - x[:, 1]) / 2
    np.testing.assert_allclose(lab.target(x, 4.0), expected)
    np.testing.assert_allclose(lab.target(x[:, :1], 4.0), np.sin(4 * np.pi * x[:, 0]))


def test_the_kinks_of_the_reduced_network_lie_in_the_domain():
    first = next(ReducedSpace(width=6).work(1))
    assert np.abs(first["kinks"].values[0]).max() <= 1
    assert np.isnan(first["kinks"].values[1:]).all()
