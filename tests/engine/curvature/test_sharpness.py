"""Sharpness against closed forms on quadratics, and each definition's word on rescaling."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import cases
from landscape_core.curvature.sharpness.adaptive_perturbation import AdaptivePerturbation
from landscape_core.curvature.sharpness.adaptive_sharpness import AdaptiveSharpness
from landscape_core.curvature.sharpness.base import Sharpness
from landscape_core.curvature.sharpness.epsilon_sharpness import EpsilonSharpness
from landscape_core.curvature.sharpness.perturbation import Perturbation
from landscape_core.foundation.registry import entries
from landscape_core.models.network_objective import ModelObjective

VALUES = [0.5, 1.0, 4.0]


def bowl():
    return cases.bowl(VALUES)


def test_noise_on_a_quadratic_costs_half_the_trace_times_the_variance():
    found = Perturbation(sigma=0.3, samples=4000).read(bowl(), bowl().minimum + 1)
    expected = 0.5 * 0.3**2 * sum(VALUES)
    assert abs(found.value - expected) < 4 * found.standard_error
    assert found.standard_error < 0.2


def test_adaptive_noise_on_a_quadratic_weighs_the_diagonal_by_the_parameters():
    problem, theta = bowl(), bowl().minimum
    found = AdaptivePerturbation(sigma=0.3, samples=4000).read(problem, theta)
    expected = 0.5 * 0.3**2 * float((theta.square() * problem.hessian.diag()).sum())
    assert abs(found.value - expected) < 4 * found.standard_error
    assert found.standard_error < 0.1 * expected


def test_epsilon_sharpness_of_a_quadratic_is_the_best_corner_of_the_box():
    problem, theta = bowl(), bowl().minimum
    half = 0.01 * (theta.abs() + 1)
    signs = torch.tensor(np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, -1).T)
    corners = theta + signs * half
    here = float(problem.loss(theta))
    expected = 100 * (float(problem.losses(corners).max()) - here) / (1 + here)
    # Another start may end in another corner: the best of some is the maximum.
    sharpness = EpsilonSharpness(epsilon=0.01, iterations=50)
    found = max((sharpness.read(problem, theta, seed) for seed in range(8)), key=lambda r: r.value)
    assert found.value == pytest.approx(expected, rel=1e-3)


def test_adaptive_sharpness_of_a_quadratic_is_the_leading_scaled_eigenvalue():
    problem, theta = bowl(), bowl().minimum
    scale = theta.abs().diag()
    leading = float(torch.linalg.eigvalsh(scale @ problem.hessian @ scale)[-1])
    found = AdaptiveSharpness(rho=0.1, steps=200).read(problem, theta + 1e-7)
    assert found.value == pytest.approx(0.5 * 0.1**2 * leading, rel=1e-2)


def rescaled(factor):
    """A ReLU network whose first layer is multiplied and second divided: the same function."""
    layers = [nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 3)]
    module = cases.filled(nn.Sequential(*layers))
    with torch.no_grad():
        module[0].weight *= factor
        module[0].bias *= factor
        module[2].weight /= factor
    return ModelObjective(module, cross_entropy, *cases.vectors())


@pytest.mark.parametrize("name", entries(Sharpness))
def test_a_definition_stays_under_rescaling_exactly_if_it_says_so(name):
    kind = entries(Sharpness)[name]
    plain, scaled = rescaled(1.0), rescaled(8.0)
    torch.testing.assert_close(plain.loss(plain.start), scaled.loss(scaled.start))
    before = kind().read(plain, plain.start, 3).value
    after = kind().read(scaled, scaled.start, 3).value
    if kind.invariant:
        assert after == pytest.approx(before, rel=1e-6)
    else:
        assert abs(after / before - 1) > 0.1


@pytest.mark.parametrize("name", entries(Sharpness))
def test_a_definition_says_what_it_is_and_repeats_itself(name):
    kind = entries(Sharpness)[name]
    assert all((kind.formula, kind.source, kind.label))
    objective = cases.mlp_objective()
    first, again = (kind().read(objective, objective.start, 1) for _ in range(2))
    assert first == again
    assert first.value > 0 or not kind.formula.startswith("max")
    assert first.evaluations > 1


def test_at_a_trained_minimum_epsilon_sharpness_is_above_a_single_sign_step():
    objective = cases.mlp_objective()
    theta = objective.start
    for _ in range(2000):
        theta = theta - 0.3 * objective.gradient(theta)
    epsilon = 1e-3
    corner = theta + epsilon * (theta.abs() + 1) * objective.gradient(theta).sign()
    here = float(objective.loss(theta))
    least = 100 * (float(objective.loss(corner)) - here) / (1 + here)
    found = EpsilonSharpness(epsilon=epsilon).read(objective, theta)
    assert least > 0
    assert found.value >= least
