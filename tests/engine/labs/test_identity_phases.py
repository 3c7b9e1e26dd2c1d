"""The identity mapping: the expected loss and its gradient in closed form."""

import numpy as np
import pytest
import torch

from landscape_core.labs.identity_phases import (
    IdentityPhases,
    deficit,
    kernel,
    loss_and_gradient,
    pair,
    potential,
    relative,
)


def loss_of(neurons, target):
    level = float(kernel(target, target).sum())
    return float(loss_and_gradient(neurons, target, level)[0])


def test_the_gradient_is_that_of_finite_differences():
    neurons, target = pair(0, 6, 1.2)
    _, slope = loss_and_gradient(neurons, target, 0.0)
    for row, column in ((0, 0), (2, 4), (5, 1)):
        moved = torch.zeros_like(neurons)
        moved[row, column] = 1e-5
        change = (loss_of(neurons + moved, target) - loss_of(neurons - moved, target)) / 2e-5
        assert float(slope[row, column]) == pytest.approx(change, abs=1e-8)


def test_the_loss_is_the_mean_over_gaussian_inputs():
    neurons, target = pair(1, 4, 1.2)
    drawn = torch.Generator().manual_seed(0)
    inputs = torch.randn(200_000, 4, generator=drawn, dtype=torch.float64)
    error = ((inputs @ neurons.T).relu() - (inputs @ target.T).relu()).sum(1).square()
    bound = 5 * float(error.std()) / len(error) ** 0.5
    assert loss_of(neurons, target) == pytest.approx(float(error.mean()), abs=bound)


def test_the_loss_and_its_gradient_are_zero_at_the_target():
    _, target = pair(0, 10, 1.2)
    level = float(kernel(target, target).sum())
    loss, slope = loss_and_gradient(target, target, level)
    assert abs(float(loss)) < 1e-10 * level
    assert float(slope.abs().max()) < 1e-6


def test_the_kernel_of_a_vector_with_itself_is_half_its_square():
    rows = torch.tensor([[3.0, 4.0], [-4.0, 3.0]], dtype=torch.float64)
    found = kernel(rows, rows)
    assert found[0, 0] == pytest.approx(12.5, rel=1e-12)
    assert found[0, 1] == pytest.approx(25 / (2 * torch.pi), rel=1e-12)


def test_the_potential_is_half_of_the_deficit_at_initialization():
    neurons, target = pair(3, 20, 1.2)
    assert potential(neurons, target) == pytest.approx(deficit(neurons, target) / 2, rel=1e-9)


@pytest.mark.parametrize(
    ("losses", "found"),
    [((0.02, -1.8e-15), 2e11), ((0.0, 0.0), 1.0), ((-2e-15, 0.0), 1.0), ((-2e-15, 0.5), 2e-13)],
)
def test_rounding_errors_of_the_loss_do_not_speak_for_the_claim(losses, found):
    assert relative(np.array(losses), 1e-13) == pytest.approx(found)
    assert np.isnan(relative(np.array([np.nan, 1.0]), 1e-13))


def test_the_first_steps_lead_away_from_the_minimum():
    first = next(IdentityPhases().work(0))
    assert float(first["alignment"][0]) < 0
    assert float(first["away"][0]) == 1
    assert float(first["arrow_x"][0, 1]) < 0
    calm = next(IdentityPhases(target_norm=0.3, dimension=20).work(0))
    assert float(calm["alignment"][0]) > 0
