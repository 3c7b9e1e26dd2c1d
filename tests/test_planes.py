"""Planes against NumPy's least squares and the definition of a point."""

import cases
import numpy as np
import oracles
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from landscape_core.errors import PlaneError
from landscape_core.planes import Plane


def skew_plane(size=7, dimensions=2, seed=0, scale=1.0):
    axes = cases.normal(dimensions, size, seed=seed + 1)
    axes[0] *= scale
    return Plane(cases.normal(size, seed=seed), axes)


@given(seed=st.integers(0, 1000), dimensions=st.integers(1, 2))
def test_coordinates_undo_points(seed, dimensions):
    plane = skew_plane(seed=seed, dimensions=dimensions)
    coords = cases.normal(5, dimensions, seed=seed + 2)
    torch.testing.assert_close(plane.coords(plane.points(coords)), coords, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_coordinates_are_the_least_squares_solution_for_axes_of_any_length(scale):
    plane = skew_plane(scale=scale)
    thetas = cases.normal(9, 7, seed=5)
    expected = oracles.least_squares_coords(plane.origin, plane.axes, thetas)
    np.testing.assert_allclose(plane.coords(thetas).numpy(), expected, rtol=1e-9)


def test_the_projection_of_a_trajectory_in_float32_is_computed_in_float64():
    plane = skew_plane()
    single = Plane(plane.origin.float(), plane.axes.float())
    thetas = cases.normal(9, 7, seed=5).float()
    expected = oracles.least_squares_coords(single.origin, single.axes, thetas)
    found = single.coords(thetas)
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)


def test_distance_is_what_least_squares_leaves():
    plane = skew_plane()
    thetas = cases.normal(9, 7, seed=5)
    coords = oracles.least_squares_coords(plane.origin, plane.axes, thetas)
    rest = thetas.numpy() - plane.origin.numpy() - coords @ plane.axes.numpy()
    np.testing.assert_allclose(plane.distance(thetas).numpy(), np.linalg.norm(rest, axis=1))


def test_a_plane_moved_to_another_origin_has_zero_there():
    plane, theta = skew_plane(), cases.normal(7, seed=9)
    assert plane.at(theta).coords(theta[None]).abs().max() < 1e-12


def test_a_plane_faces_the_side_of_its_predecessor():
    plane = skew_plane()
    turned = Plane(plane.origin, -plane.axes)
    torch.testing.assert_close(turned.facing(plane).axes, plane.axes)
    assert turned.facing(None) is turned


@pytest.mark.parametrize(
    ("axes", "word"),
    [
        (torch.zeros(2, 4), "zero"),
        (torch.ones(2, 4), "parallel"),
        (torch.full((2, 4), float("nan")), "finite"),
    ],
)
def test_axes_that_span_nothing_are_refused(axes, word):
    with pytest.raises(PlaneError, match=word):
        Plane(torch.zeros(4), axes)
