"""Asymmetric directions of functions whose slopes are known, and of a network by a plain loop."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import cases
from landscape_core.analysis.diagnostics.asymmetry import Asymmetry, ratios_of
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.models.network_objective import ModelObjective


class Valley(nn.Module):
    """½ Σ kᵢ wᵢ², with one curvature k for wᵢ > 0 and another for wᵢ < 0."""

    def __init__(self, size, right, left):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1, size, dtype=torch.float64))
        self.right, self.left = right, left

    def forward(self, x):
        curvature = torch.where(self.w > 0, self.right, self.left)
        return (0.5 * curvature * self.w.square()).sum() + 0.0 * x


def valley(size, right, left):
    nothing = torch.zeros(3, 1, dtype=torch.float64)
    return ModelObjective(Valley(size, right, left), lambda out, y: out[:, 0], nothing, nothing)


@pytest.mark.parametrize(("left", "share"), [(1.0, 0.0), (7.9, 0.0), (8.1, 1.0), (50.0, 1.0)])
def test_a_valley_is_asymmetric_from_the_ratio_of_curvatures_c_r_over_zeta_on(left, share):
    """All directions point to the right; slopes are right · l and left · l."""
    asked = Asymmetry(reach=2.0, near=0.25, factor=2.0, distribution="uniform", directions=5)
    objective = valley(4, 1.0, left)
    found = asked.at(objective, objective.start)
    assert float(found["share"]) == share
    np.testing.assert_allclose(found["ratio"], 4.0 / max(left, 1 / left))
    lengths = np.linspace(0.5, 2.0, 8)
    np.testing.assert_allclose(found["length"], lengths)
    for side, curvature in (("flat", 1.0), ("steep", left)):
        rise, slope = (found[name].sel(side=side) for name in ("rise", "slope"))
        np.testing.assert_allclose(rise, 0.5 * curvature * lengths**2)
        np.testing.assert_allclose(slope, curvature * lengths)
    assert float(found["tilt"]) == 0


def test_normal_directions_have_the_ratio_of_their_own_mixture_of_curvatures():
    objective, asked = valley(3, 1.0, 30.0), Asymmetry(directions=200, points=2, seed=4)
    found = asked.at(objective, objective.start)
    rng, expected = random_streams.stream(4, "asymmetry"), []
    for _ in range(200):
        u = torch.randn(3, generator=rng, dtype=torch.float64).numpy()
        squares = (u / np.linalg.norm(u)) ** 2
        plus, minus = (np.where(s * u > 0, 1.0, 30.0) @ squares for s in (1, -1))
        expected.append(2.0 * min(plus / minus, minus / plus))
    np.testing.assert_allclose(found["ratio"], expected)
    share = np.mean(np.array(expected) < 0.5)
    assert 0.2 < share < 0.9
    assert float(found["share"]) == pytest.approx(share)
    assert float(found["share_error"]) == pytest.approx(math.sqrt(share * (1 - share) / 200))


def test_slopes_of_a_network_are_those_of_differences():
    objective = cases.mlp_objective()
    theta, asked = objective.start, Asymmetry(directions=1, points=3, reach=0.5, seed=2)
    found = asked.at(objective, theta)
    rng = random_streams.stream(2, "asymmetry")
    u = torch.randn(len(theta), generator=rng, dtype=torch.float64)
    u = u / u.norm()

    def loss(length):
        return float(objective.losses((theta + length * u)[None]))

    ends = {side: loss(side * 0.5) for side in (1, -1)}
    order = sorted((1, -1), key=ends.get)
    for name, side in zip(("flat", "steep"), order, strict=True):
        for length in (0.25, 0.375, 0.5):
            slope = (loss(side * (length + 1e-5)) - loss(side * (length - 1e-5))) / 2e-5
            here = found.sel(side=name, length=length)
            assert float(here["slope"]) == pytest.approx(slope, abs=1e-8)
            assert float(here["rise"]) == pytest.approx(loss(side * length) - loss(0.0))
    tilt = abs((loss(1e-5) - loss(-1e-5)) / 2e-5)
    assert float(found["tilt"]) == pytest.approx(tilt, abs=1e-8)


def test_a_side_that_falls_is_flat_and_one_that_is_not_steep_all_along_is_none():
    def ratio(one, other):
        return float(ratios_of(torch.tensor([[one, other]], dtype=torch.float64)))

    assert ratio([-1.0, 0.5], [2.0, 4.0]) == 0.25
    assert ratio([2.0, 4.0], [-1.0, 0.5]) == 0.25
    assert ratio([-2.0, -1.0], [3.0, 4.0]) < 0
    assert ratio([1.0, 2.0], [1.0, 2.0]) == 2.0
    assert math.isnan(ratio([-1.0, 1.0], [-1.0, 2.0]))
    assert math.isnan(ratio([math.nan, 1.0], [-1.0, 2.0]))


def test_a_fraction_of_the_whole_reach_is_refused():
    with pytest.raises(SpecError, match=r"Asymmetry\.near must be less than 1"):
        Asymmetry(near=1.0)
