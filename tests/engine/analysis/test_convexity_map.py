"""The map of convexity against the dense Hessian at every point."""

import dataclasses
import sys

import numpy as np
import pytest
import torch
from torch import nn

import cases
import oracles
from landscape_core.analysis.convexity_map import Convexity, compute_convexity
from landscape_core.curvature import eigenpairs as eigenpairs_module
from landscape_core.curvature.matrices.gauss_newton import GaussNewton
from landscape_core.foundation.errors import SpecError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.plane import Plane
from landscape_core.slices.grid import Grid

GRID = Grid.square(1.0, 5)
EXACT = Convexity(tolerance=1e-8, most=100_000)


def plane_of(objective, dimensions=2, seed=0):
    axes = 0.5 * cases.normal(dimensions, objective.layout.size, seed=seed)
    return Plane(objective.start, axes, tuple(f"axis {i}" for i in range(dimensions)))


def last(*arguments):
    *_, found = compute_convexity(*arguments)
    return found


def dense_ratio(objective, point):
    values = torch.linalg.eigvalsh(oracles.dense_hessian(objective, point))
    low, high = float(values[0]), float(values[-1])
    return abs(min(low, 0) / high), low, high


@pytest.mark.parametrize("dense", [True, False])
def test_at_every_point_the_ratio_is_that_of_the_dense_hessian(dense, monkeypatch):
    if not dense:
        monkeypatch.setattr(eigenpairs_module, "DENSE", 0)
    objective = cases.mlp_objective()
    plane = plane_of(objective)
    found = last(objective, plane, GRID, EXACT)
    assert found["ratio"].dims == ("beta", "alpha")
    for alpha in GRID.alpha():
        for beta in GRID.beta():
            point = plane.origin + alpha * plane.axes[0] + beta * plane.axes[1]
            ratio, low, high = dense_ratio(objective, point)
            here = found.sel(alpha=alpha, beta=beta)
            assert float(here["ratio"]) == pytest.approx(ratio, rel=1e-5, abs=1e-9)
            assert float(here["lambda_min"]) == pytest.approx(low, rel=1e-6, abs=1e-9)
            assert float(here["lambda_max"]) == pytest.approx(high, rel=1e-6, abs=1e-9)
    assert found["alpha"].attrs["long_name"] == "axis 0"


def test_the_axes_tell_the_variance_that_they_explain_where_it_is_known():
    objective = cases.mlp_objective()
    plane = dataclasses.replace(plane_of(objective), explained_variance_ratio=(0.8, 0.15))
    found = last(objective, plane, Grid.square(1.0, 3), Convexity())
    titles = [found[side].attrs["long_name"] for side in ("alpha", "beta")]
    assert titles == ["axis 0 (80% of the variance)", "axis 1 (15% of the variance)"]


def linear(inputs=3):
    """A positive definite bowl: a linear network under the squared error."""
    network = cases.filled(nn.Linear(inputs, 2))
    examples = 10 * inputs
    data = cases.normal(examples, inputs), cases.normal(examples, 2, seed=1)
    return ModelObjective(network, nn.MSELoss(), *data)


def test_a_positive_definite_bowl_has_a_ratio_of_zero():
    objective = linear()
    found = last(objective, plane_of(objective), GRID)
    assert (found["lambda_min"] > 0).all()
    assert (found["ratio"] == 0).all()


def test_a_hill_has_a_ratio_above_one():
    objective = linear()
    upside_down = objective.with_loss(lambda outputs, targets: -((outputs - targets) ** 2).mean())
    found = last(upside_down, plane_of(objective), GRID)
    assert (found["lambda_max"] < 0).all()
    assert (found["ratio"] > 1).all()


def test_a_landscape_that_is_flat_is_nowhere_negative():
    objective = cases.mlp_objective().with_loss(lambda outputs, targets: 0 * outputs.mean())
    assert (last(objective, plane_of(objective), GRID)["ratio"] == 0).all()


@pytest.mark.parametrize("holes", ["right", "all"])
def test_where_the_loss_is_not_finite_there_is_no_ratio_and_the_map_fills_all_the_same(
    holes, monkeypatch
):
    monkeypatch.setattr(
        sys.modules["landscape_core.analysis.convexity_map"], "UPDATE_INTERVAL", 0.0
    )
    objective = cases.mlp_objective()
    axes = torch.zeros(2, objective.layout.size, dtype=torch.float64)
    axes[0, 0], axes[1, 1] = 1.0, 0.1
    limit = float(objective.start[0]) + (0.75 if holes == "right" else -9.0)
    module = Walled(objective.module, limit)
    walled = ModelObjective(module, objective.loss_function, objective.inputs, objective.targets)
    shown = list(compute_convexity(walled, Plane(walled.start, axes), GRID, EXACT))
    assert len(shown) == 26  # after each point, and the whole
    assert np.isfinite(shown[4]["ratio"][1:]).sum() == 0
    finite = np.isfinite(shown[-1]["ratio"]).sum("beta").values.tolist()
    assert finite == ([5, 5, 5, 5, 0] if holes == "right" else [0] * 5)


class Walled(nn.Module):
    """A network whose outputs are not finite where its first weight exceeds a limit."""

    def __init__(self, inner, limit):
        super().__init__()
        self.inner, self.limit = inner, limit

    def forward(self, inputs):
        weight = next(self.inner.parameters()).flatten()[0]
        return self.inner(inputs) + torch.where(weight > self.limit, torch.nan, 0.0)


def test_a_line_has_a_map_of_one_dimension():
    objective = cases.mlp_objective()
    line = plane_of(objective, dimensions=1)
    found = last(objective, line, GRID, EXACT)
    assert found["ratio"].dims == ("alpha",)
    for alpha in GRID.alpha():
        ratio, *_ = dense_ratio(objective, line.origin + alpha * line.axes[0])
        here = float(found["ratio"].sel(alpha=alpha))
        assert here == pytest.approx(ratio, rel=1e-5, abs=1e-9)


def test_the_gauss_newton_matrix_is_nowhere_negative():
    objective = cases.mlp_objective()
    found = last(objective, plane_of(objective), GRID, Convexity(matrix=GaussNewton()))
    assert float(found["ratio"].max()) < 1e-12


def test_what_did_not_converge_is_nan(monkeypatch):
    monkeypatch.setattr(eigenpairs_module, "DENSE", 0)
    objective = linear(inputs=80)
    asked = Convexity(tolerance=1e-10, most=10)
    found = last(objective, plane_of(objective), GRID, asked)
    missing = found["lambda_min"].isnull() | found["lambda_max"].isnull()
    assert missing.any()
    assert (found["ratio"].isnull() == missing).all()


def test_a_plane_of_another_network_is_refused():
    objective = cases.mlp_objective()
    other = plane_of(linear())
    with pytest.raises(SpecError, match="59"):
        next(compute_convexity(objective, other, GRID))


def test_a_network_of_one_parameter_is_refused():
    network = nn.Linear(1, 1, bias=False).double()
    objective = ModelObjective(network, nn.MSELoss(), cases.normal(5, 1), cases.normal(5, 1))
    with pytest.raises(SpecError, match="at least 2"):
        next(compute_convexity(objective, plane_of(objective, dimensions=1), GRID))
