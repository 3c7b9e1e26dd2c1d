"""The signs of axes that a rule leaves open: a function of the plane and the path alone."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

import cases
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.base import Viewpoint
from landscape_core.planes.directions.hessian import HessianEigenvectors
from landscape_core.planes.directions.pca import PCA
from landscape_core.planes.orientation import oriented
from landscape_core.planes.plane import Plane

FLIPS = list(itertools.product([False, True], repeat=2))


def path_in(coords, axes):
    return torch.as_tensor(coords, dtype=torch.float64) @ axes


def check_signs(plane, path):
    alpha, beta = plane.coords(path - path[0] + plane.origin).T
    assert alpha[-1] > 0
    assert beta.max() >= -beta.min()


@given(seed=st.integers(0, 10_000), steps=st.integers(1, 30))
def test_of_all_signs_of_the_axes_one_remains(seed, steps):
    axes, path = cases.normal(2, 7, seed=seed), cases.normal(steps, 7, seed=seed + 1)
    plane = Plane(path[-1], axes)
    expected = oriented(plane, path)
    for flips in FLIPS:
        assert torch.equal(oriented(plane.flipped(flips), path).axes, expected.axes)


@given(seed=st.integers(0, 10_000))
def test_the_start_lies_left_of_the_end_and_the_largest_excursion_leads_upwards(seed):
    axes, path = cases.normal(2, 7, seed=seed), cases.normal(20, 7, seed=seed + 1)
    check_signs(oriented(Plane(path[-1], axes), path), path)


@pytest.mark.parametrize(
    ("coords", "signs"),
    [
        ([[0, 0], [2, -1], [-1, 0.5]], (-1, -1)),
        (
            [[0, 0], [-2, 1], [1, -1], [0, -0.5]],
            (-1, -1),
        ),  # the end at the start; as far up as down
        ([[0, 0], [1, 1], [-1, -1], [0, 0]], (1, 1)),  # both: the axis itself
        ([[3, 4]], (1, 1)),
        ([[3, 4], [3, 4]], (1, 1)),
    ],
)
@pytest.mark.parametrize("flips", FLIPS)
def test_ties_and_paths_that_do_not_move_have_one_orientation(coords, signs, flips):
    axes = torch.eye(2, 5, dtype=torch.float64) + 0.1
    path = path_in(coords, axes)
    found = oriented(Plane(path[-1], axes).flipped(flips), path)
    torch.testing.assert_close(found.axes, axes * torch.tensor(signs)[:, None])


def test_excursions_that_are_equal_but_for_rounding_are_a_tie():
    axes = torch.eye(2, 3, dtype=torch.float64)
    for nudge in (-1e-9, 1e-9):
        path = path_in([[0, 0], [1, 1 + nudge], [1, -1], [nudge, 0.5]], axes)
        assert torch.equal(oriented(Plane(path[-1], axes), path).axes, axes)


@pytest.mark.parametrize("directions", [PCA(), PCA(last=0.5), HessianEigenvectors()])
def test_components_and_eigenvectors_have_the_signs_of_the_path_not_of_the_solver(
    directions, monkeypatch
):
    objective = ModelObjective(cases.mlp(), cross_entropy, *cases.vectors())
    path = objective.start + torch.cumsum(cases.normal(12, len(objective.start)), dim=0) / 9
    view = Viewpoint(objective, path[-1], path, 0)
    found = directions.span(view)
    solve = torch.linalg.eigh

    def mirrored(matrix, *args, **kwargs):
        values, vectors = solve(matrix, *args, **kwargs)
        return values, -vectors

    monkeypatch.setattr(torch.linalg, "eigh", mirrored)
    np.testing.assert_allclose(directions.span(view).axes, found.axes, atol=1e-9)
    check_signs(found, path)
