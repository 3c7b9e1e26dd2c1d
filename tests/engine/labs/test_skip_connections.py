"""Networks evaluated at once against the architecture and the eigenvalues of the catalogue."""

import numpy as np
import pytest
import torch
import xarray as xr

from landscape_core.curvature.eigenpairs import eigenpairs
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.labs import skip_connections
from landscape_core.models.architectures.residual_mlp import ResidualMLP
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective

POWERS = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]


def networks(*shares, blocks=1, normalized=True):
    drawn = torch.Generator().manual_seed(0)
    inputs = torch.randn(30, 4, generator=drawn).double()  # float32 numbers, as a network has them
    targets = torch.randint(10, (30,), generator=drawn)
    return skip_connections.Networks(
        shares=torch.tensor(shares), blocks=blocks, normalized=normalized, seed=5,
        inputs=inputs, targets=targets,
    )  # fmt: skip


@pytest.mark.parametrize("on", [False, True])
def test_without_and_with_whole_skips_they_are_the_residual_networks_of_the_catalogue(on):
    several = networks(0.0, 1.0, blocks=3)
    drawn = torch.Generator().manual_seed(1)
    architecture = ResidualMLP(depth=6, width=32, skips=on)
    module = architecture.build((4,), 10, drawn)
    objective = ModelObjective(module, CrossEntropy(), several.inputs.float(), several.targets)
    objective = objective.in_double()
    moved = torch.randn(several.layout.size, generator=drawn, dtype=torch.float64)
    theta = several.start + 0.1 * moved
    own = list(several.layout.split(theta).values())
    fitting = iter(own)
    tensors = {}  # gains stay 1 and shifts 0
    for block in objective.layout.blocks:
        gain = ".branch.1." in block.name or ".branch.4." in block.name
        start = block.of(objective.start)
        tensors[block.name] = start if gain else next(fitting)
    expected = objective.loss(objective.layout.join(tensors))
    found = several(theta.repeat(2, 1))[int(on)]
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=0.0)
    if on:
        torch.testing.assert_close(several.loss(theta), expected, rtol=1e-10, atol=0.0)


def test_points_of_several_networks_are_evaluated_as_each_alone():
    both = networks(0.0, 0.7)
    drawn = torch.Generator().manual_seed(2)
    points = both.start + 0.1 * torch.randn(2, 3, len(both.start), generator=drawn)
    found = both(points.double())
    for i, share in enumerate((0.0, 0.7)):
        alone = networks(share)
        losses = torch.stack([alone.loss(point) for point in points[i].double()])
        torch.testing.assert_close(found[i], losses)


def test_the_ends_of_the_spectrum_are_those_of_the_catalogue():
    one = networks(1.0)
    drawn = torch.Generator().manual_seed(3)
    points = one.start + 0.05 * torch.randn(1, 2, len(one.start), generator=drawn).double()
    start = torch.randn(points.shape, generator=drawn).double()
    found = skip_connections.extremes(one, points, start, steps=40)[0]
    few = skip_connections.extremes(one, points, start, steps=skip_connections.LANCZOS)[0]
    for point, values, fewer in zip(points[0], found, few, strict=True):
        expected = eigenpairs(Hessian().at(one, point), 1, 1, tolerance=1e-6).values
        np.testing.assert_allclose([values[-1], values[0]], expected, rtol=1e-4)
        np.testing.assert_allclose([fewer[-1], fewer[0]], expected, rtol=0.1)


def test_training_lowers_the_loss_of_a_network_with_skips():
    both = networks(0.0, 1.0, blocks=2)
    path = skip_connections.trained(both, both.start.repeat(2, 1), 0)
    losses = [both(next(path)) for _ in range(60)]
    assert losses[-1][1] < 0.5 * losses[0][1]
    again = skip_connections.trained(both, both.start.repeat(2, 1), 0)
    assert torch.equal(both([next(again) for _ in range(60)][-1]), losses[-1])


def test_roughness_is_of_whole_slices_and_zero_for_a_quadratic():
    side = np.linspace(-1, 1, 17)
    bowl = side[:, None] ** 2 + 2 * side[None] ** 2
    waves = bowl + 0.3 * np.sin(9 * side)[None] * np.sin(7 * side)[:, None]
    missing = np.where(bowl > 2.5, np.nan, bowl)
    loss = xr.DataArray(
        [bowl, waves, missing], {"beta": side, "alpha": side}, ("share", "beta", "alpha")
    )
    found = skip_connections.rough(loss.rename("loss"))
    smooth, rough, unknown = found["roughness"][1]
    assert smooth < 1e-12
    columns = np.stack([side[:, None] ** i * side[None] ** j for i, j in POWERS], -1).reshape(-1, 6)
    fitted = columns @ np.linalg.lstsq(columns, waves.ravel(), rcond=None)[0]
    expected = np.sqrt(((waves.ravel() - fitted) ** 2).mean()) / np.ptp(waves)
    assert rough == pytest.approx(expected, rel=1e-9)
    assert np.isnan(unknown)
    assert found["variation_excess"][1][0] == pytest.approx(0.0, abs=1e-12)
