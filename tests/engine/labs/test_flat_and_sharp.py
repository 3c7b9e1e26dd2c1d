"""Rescaling two layers of a ReLU network: the same function, another sharpness, exactly."""

import numpy as np
import pytest
import torch

from landscape_core.curvature.eigenpairs import eigenpairs
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.labs import flat_and_sharp
from landscape_core.models.architectures.mlp import MLP


@pytest.fixture(scope="module")
def network():
    objective = flat_and_sharp.digits(MLP(width=12), 7, points=100).in_double()
    drawn = torch.Generator().manual_seed(0)
    moved = torch.randn(len(objective.start), generator=drawn, dtype=torch.float64)
    theta = objective.start + 0.05 * moved  # biases that are not zero
    return objective, theta, flat_and_sharp.rescaled(objective, theta, 7.0)


def test_rescaled_layers_compute_the_same_function(network):
    objective, theta, other = network
    torch.testing.assert_close(
        objective.outputs(theta), objective.outputs(other), rtol=1e-12, atol=1e-12
    )
    assert not torch.allclose(theta, other)


@pytest.mark.parametrize("seed", range(3))
def test_the_filter_normalized_curve_is_the_same_and_the_raw_one_another(network, seed):
    """Li et al., 2018, section 3."""
    objective, *both = network
    curves = {
        name: [flat_and_sharp.along_lines(objective, t, name, seed, lines=1) for t in both]
        for name in ("filter", "raw")
    }
    np.testing.assert_allclose(*curves["filter"], atol=1e-8)
    assert np.abs(np.subtract(*curves["raw"])).max() >= 0.1


def test_the_filter_width_is_the_same_and_the_raw_width_and_the_eigenvalue_others(network):
    """Dinh et al., 2017: sharpness is what one makes it, the function being the same."""
    objective, *both = network
    for name, same in (("filter", True), ("raw", False)):
        lines = [flat_and_sharp.along_lines(objective, t, name, 7, lines=3) for t in both]
        widths = [flat_and_sharp.width(each, flat_and_sharp.PLACES[name]) for each in lines]
        assert np.isclose(*widths, rtol=1e-6) == same
    one, other = (float(eigenpairs(Hessian().at(objective, t), 1).values[0]) for t in both)
    assert other > 2 * one


def test_a_width_is_the_mean_of_where_lines_have_risen():
    places = np.linspace(0.0, 4.0, 401)
    losses = np.stack([1 + places**2, 1 + places])
    expected = (0.1**0.5 + 0.1) / 2
    assert flat_and_sharp.width(losses, places) == pytest.approx(expected, abs=1e-3)


def test_a_line_that_does_not_rise_has_no_width():
    places = np.linspace(0.0, 1.0, 5)
    assert np.isnan(flat_and_sharp.width(np.ones((2, 5)), places))
