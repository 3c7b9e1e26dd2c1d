"""Kernels of infinite width: closed forms, Gaussian means by quadrature, and wide networks."""

import math

import numpy as np
import pytest
import torch

import cases
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.random_streams import stream
from landscape_core.models.architectures.ntk_mlp import NTKMLP
from landscape_core.models.derivatives import jacobians
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.wide_kernels import kappa0, kappa1, wide_kernels


def test_arc_cosine_kernels_at_the_angles_0_60_90_and_180_degrees():
    cosine = torch.tensor([1.0, 0.5, 0.0, -1.0], dtype=torch.float64)
    expected0 = [1.0, 2 / 3, 0.5, 0.0]
    expected1 = [1.0, math.sqrt(3) / (2 * math.pi) + 1 / 3, 1 / math.pi, 0.0]
    np.testing.assert_allclose(kappa0(cosine), expected0, atol=1e-15)
    np.testing.assert_allclose(kappa1(cosine), expected1, atol=1e-15)


@pytest.mark.parametrize("angle", [0.1, 1.0, 2.5])
def test_arc_cosine_kernels_are_twice_the_gaussian_means(angle):
    """In polar coordinates: E r² = 2, and the direction is uniform."""
    phi = np.linspace(-math.pi, math.pi, 200_001)[:-1]
    u, v = np.cos(phi), np.cos(phi - angle)
    cosine = torch.tensor(math.cos(angle), dtype=torch.float64)
    both = np.maximum(u, 0) * np.maximum(v, 0)
    assert float(kappa1(cosine)) == pytest.approx(2 * 2 * both.mean(), rel=1e-8)
    assert float(kappa0(cosine)) == pytest.approx(2 * ((u > 0) & (v > 0)).mean(), abs=2e-5)


def test_without_hidden_layers_both_kernels_are_that_of_the_linear_model():
    x, y = cases.normal(4, 3), cases.normal(5, 3, seed=1)
    found = wide_kernels(x, y, depth=0, sigma=1.3, beta=0.4)
    expected = 1.3**2 / 3 * x @ y.T + 0.16
    assert torch.allclose(found.covariance, expected, rtol=1e-13)
    assert torch.equal(found.covariance, found.tangent)


def test_with_variance_preserving_scale_the_diagonals_are_closed():
    """σ = √2 and β = 0: Σ(x, x) = 2‖x‖²/d and Θ(x, x) = (depth + 1) Σ(x, x)."""
    x = cases.normal(4, 3)
    for depth in (1, 4):
        found = wide_kernels(x, depth=depth, sigma=math.sqrt(2), beta=0.0)
        length = 2 / 3 * x.square().sum(1)
        assert torch.allclose(found.covariance.diag(), length, rtol=1e-7)
        assert torch.allclose(found.tangent.diag(), (depth + 1) * length, rtol=1e-6)
    opposite = wide_kernels(x, -x, depth=1, sigma=math.sqrt(2), beta=0.0)
    assert opposite.tangent.diag().abs().max() < 1e-6


def test_kernels_of_pairs_are_blocks_of_the_symmetric_kernel_of_all():
    x, y = cases.normal(4, 3), cases.normal(5, 3, seed=1)
    scales = {"depth": 3, "sigma": 1.5, "beta": 0.3}
    whole = wide_kernels(torch.cat([x, y]), **scales)
    assert torch.allclose(wide_kernels(x, y, **scales).tangent, whole.tangent[:4, 4:], rtol=1e-9)
    assert torch.allclose(whole.tangent, whole.tangent.T, rtol=1e-9)
    assert torch.linalg.eigvalsh(whole.tangent)[0] > 0


def test_an_input_at_zero_without_biases_has_no_kernel_and_no_nan():
    x = torch.tensor([[0.0, 0.0], [1.0, 2.0]], dtype=torch.float64)
    found = wide_kernels(x, depth=2, sigma=1.0, beta=0.0)
    assert found.tangent[0].tolist() == [0.0, 0.0]
    assert bool(found.tangent.isfinite().all())


@pytest.mark.parametrize(("depth", "width", "count"), [(1, 4096, 1), (2, 256, 40)])
def test_the_empirical_kernel_of_very_wide_networks_is_the_analytic_one(depth, width, count):
    x, scales = cases.normal(5, 3, seed=2), {"sigma": 1.2, "beta": 0.5}
    kernels, covariances = [], []
    for seed in range(count):
        recipe = NTKMLP(depth=depth, width=width, **scales)
        network = recipe.build((3,), 1, stream(seed, "init")).double()
        objective = ModelObjective(network, SquaredError(), x, torch.zeros(5, 1).double())
        J = jacobians(objective, objective.start)[:, 0]
        kernels.append(J @ J.T)
        with torch.no_grad():
            hidden = network[:-1](x)
        covariances.append(1.2**2 / width * hidden @ hidden.T + 0.25)
    expected = wide_kernels(x, depth=depth, **scales)
    # An entry of one network deviates by a few parts in the root of its width; the mean of networks
    # with two layers has a bias of a few parts in the width itself.
    for found, limit in ((kernels, expected.tangent), (covariances, expected.covariance)):
        error = (torch.stack(found).mean(0) - limit).norm() / limit.norm()
        assert float(error) < 0.05


def test_the_output_scale_multiplies_outputs_and_leaves_the_start():
    x = cases.normal(4, 3)
    plain, scaled = (
        NTKMLP(depth=2, width=6, output_scale=scale).build((3,), 2, stream(1, "init")).double()
        for scale in (1.0, 0.25)
    )
    assert all(map(torch.equal, plain.parameters(), scaled.parameters()))
    assert torch.allclose(scaled(x), 0.25 * plain(x), rtol=1e-12)


def test_a_negative_depth_is_refused():
    with pytest.raises(SpecError, match="depth must be at least 0; got -1"):
        wide_kernels(cases.normal(2, 2), depth=-1, sigma=1.0, beta=0.0)
