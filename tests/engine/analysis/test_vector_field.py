"""The vector field over a plane, against finite differences of the value and dense products."""

import numpy as np
import pytest
import torch

from cases import mlp_objective, normal
from landscape_core.analysis.vector_field import field
from landscape_core.foundation.errors import SpecError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.bilinear_game import BilinearGame
from landscape_core.models.problems.quadratic_game import QuadraticGame
from landscape_core.planes.plane import Plane
from landscape_core.slices.grid import Grid

GRID = Grid(resolution=3, alpha_low=-0.4, alpha_high=0.6, beta_low=-0.5, beta_high=0.3)


def built(problem, seed=0):
    return problem.build(seed, dtype=torch.float64).train


def plane_at(origin, seed=3):
    """A plane whose axes are neither orthogonal nor of one length."""
    axes = normal(2, len(origin), seed=seed)
    axes[1] = 3 * axes[1] + axes[0]
    return Plane(origin, axes)


def last(objective, plane, grid=GRID):
    *_, found = field(objective, plane, grid)
    return found


def motions(objective, plane, signs):
    """−F at each point of the grid by central differences of the value, (beta, alpha, P)."""
    h = 1e-6
    steps = h * torch.eye(len(plane.origin), dtype=torch.float64)
    found = []
    for beta in GRID.beta():
        for alpha in GRID.alpha():
            point = plane.origin + alpha * plane.axes[0] + beta * plane.axes[1]
            pairs = [objective.loss(point + s) - objective.loss(point - s) for s in steps]
            found.append(-signs * torch.stack(pairs) / (2 * h))
    return torch.stack(found).reshape(3, 3, -1).numpy()


@pytest.mark.parametrize("problem", ["game", "network"])
def test_the_field_is_that_of_the_value_and_its_shadow_the_least_squares(problem):
    objective = built(QuadraticGame(size=3)) if problem == "game" else mlp_objective()
    plane = plane_at(objective.start)
    signs = torch.ones_like(objective.start)
    if problem == "game":
        signs[3:] = -1.0
    expected = motions(objective, plane, signs)
    found = last(objective, plane)
    axes = plane.axes.numpy()
    for index in np.ndindex(3, 3):
        rates, *_ = np.linalg.lstsq(axes.T, expected[index], rcond=None)
        here = [float(found[name][index]) for name in ("alpha_rate", "beta_rate")]
        # Central differences have an error of about 1e-9.
        np.testing.assert_allclose(here, rates, rtol=1e-6, atol=1e-8)
        length = np.linalg.norm(expected[index])
        assert float(found["length"][index]) == pytest.approx(length, rel=1e-6)
        share = np.sum((axes.T @ rates) ** 2) / length**2
        assert float(found["share"][index]) == pytest.approx(share, abs=1e-6)
    np.testing.assert_array_equal(found["alpha"], GRID.alpha())
    np.testing.assert_array_equal(found["beta"], GRID.beta())


def test_a_plane_through_all_parameters_holds_the_whole_field_which_turns():
    objective = built(BilinearGame())
    plane = Plane(objective.start, torch.eye(2, dtype=torch.float64), ("x", "y"))
    found = last(objective, plane)
    np.testing.assert_allclose(found["share"], 1.0, rtol=1e-12)
    speed = np.hypot(found["alpha_rate"], found["beta_rate"])
    np.testing.assert_allclose(speed, found["length"], rtol=1e-12)
    # −F = (−σy − p, σx − q): no divergence, and a curl of 2σ.
    over_alpha = found.differentiate("alpha")
    over_beta = found.differentiate("beta")
    np.testing.assert_allclose(over_alpha["alpha_rate"] + over_beta["beta_rate"], 0, atol=1e-12)
    sigma = float(objective.inputs[:, 1].mean())
    curl = over_alpha["beta_rate"] - over_beta["alpha_rate"]
    np.testing.assert_allclose(curl, 2 * sigma, rtol=1e-10)
    assert found["alpha"].attrs["long_name"] == "x"


def test_points_where_it_is_not_finite_are_holes_and_where_it_vanishes_it_has_no_share():
    module = torch.nn.Linear(1, 2, bias=False).double()
    with torch.no_grad():
        module.weight.zero_()
    inputs, targets = torch.ones(1, 1).double(), torch.zeros(1, 1).double()

    def loss(outputs, targets):
        del targets
        return outputs[:, 0].square() + 0 * (outputs[:, 1] + 0.25).log()

    objective = ModelObjective(module, loss, inputs, targets)
    plane = Plane(objective.start, torch.eye(2, dtype=torch.float64))
    found = last(objective, plane, Grid.square(1.0, 5))
    assert found["length"].sel(beta=[-1.0, -0.5]).isnull().all()
    above = found.sel(beta=[0.0, 0.5, 1.0])
    np.testing.assert_allclose(
        above["alpha_rate"], -2 * found["alpha"].broadcast_like(above["alpha_rate"])
    )
    assert above["share"].sel(alpha=0.0).isnull().all()
    np.testing.assert_allclose(above["share"].sel(alpha=[-1.0, 0.5]), 1.0)


def test_it_comes_row_by_row(monkeypatch):
    monkeypatch.setattr("landscape_core.analysis.vector_field.UPDATE_INTERVAL", -1.0)
    objective = built(BilinearGame())
    plane = Plane(objective.start, torch.eye(2, dtype=torch.float64))
    known = [int(found["length"].notnull().sum()) for found in field(objective, plane, GRID)]
    assert known == [3, 6, 9, 9]


def test_what_is_no_plane_of_the_network_is_refused():
    objective = built(BilinearGame())
    with pytest.raises(SpecError, match="parameters"):
        last(objective, plane_at(torch.zeros(3, dtype=torch.float64)))
    line = Plane(objective.start, torch.eye(2, dtype=torch.float64)[:1])
    with pytest.raises(SpecError, match="axes"):
        last(objective, line)
