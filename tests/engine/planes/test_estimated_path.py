"""Coordinates estimated from random projections: their law over many matrices."""

import numpy as np
import pytest
import torch
from scipy import stats

from landscape_core.planes.estimated_path import estimated
from landscape_core.planes.plane import Plane
from landscape_core.storage.random_projection import RandomProjection

SIZE = 100


def case(dimensions):
    """A plane of oblique axes of different lengths, and two states off it."""
    generator = torch.Generator().manual_seed(dimensions)
    normal = torch.randn(5, SIZE, dtype=torch.float64, generator=generator)
    axes = torch.stack([0.1 * normal[0], 2 * normal[1] + normal[0]])[:dimensions]
    plane = Plane(normal[2], axes)
    coords = torch.tensor([[3.0, -0.5], [0.0, 0.2]], dtype=torch.float64)[:, :dimensions]
    thetas = plane.points(coords) + normal[3:]
    return plane, thetas


def over_seeds(plane, thetas, components, seeds):
    for seed in seeds:
        projection = RandomProjection(components, seed)
        yield estimated(plane, projection.of_vectors(thetas), projection)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_errors_in_units_of_the_standard_error_have_students_distribution(dimensions):
    plane, thetas = case(dimensions)
    exact = plane.coords(thetas).numpy()
    free = 30 - dimensions
    found = list(over_seeds(plane, thetas, 30, range(1000)))
    scores = np.array([(one.coords - exact) / one.errors for one in found])
    for state in range(2):
        for axis in range(dimensions):
            assert stats.kstest(scores[:, state, axis], stats.t(free).cdf).pvalue > 1e-4
    squares = np.square([one.distance for one in found]) / plane.distance(thetas).numpy() ** 2
    for state in range(2):
        assert stats.kstest(squares[:, state] * free, stats.chi2(free).cdf).pvalue > 1e-4


def test_the_error_shrinks_like_the_square_root_of_the_number_of_projections():
    plane, thetas = case(2)
    exact = plane.coords(thetas).numpy()
    inverse = np.diag(np.linalg.inv((plane.axes @ plane.axes.T).numpy()))
    variances = np.outer(plane.distance(thetas).numpy() ** 2, inverse)
    for components in (20, 80, 320):
        found = list(over_seeds(plane, thetas, components, range(100)))
        errors = np.square([one.coords - exact for one in found]).mean(axis=0)
        ratios = errors / (variances / (components - 3))
        assert np.abs(ratios - 1).max() < 4 * np.sqrt(2 / 100) * 1.2
        stated = np.square([one.errors for one in found]).mean(axis=0)
        np.testing.assert_allclose(stated, errors, rtol=0.6)


def test_a_state_on_the_plane_is_found_up_to_rounding():
    plane, _ = case(2)
    coords = torch.tensor([[0.0, 0.0], [3.0, -0.5]], dtype=torch.float64)
    (found,) = over_seeds(plane, plane.points(coords), 12, [0])
    np.testing.assert_allclose(found.coords, coords, atol=1e-11)
    assert max(found.distance.max(), found.errors.max()) < 1e-10
