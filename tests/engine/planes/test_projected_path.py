"""A trajectory projected onto a plane, against linear algebra of NumPy in double precision."""

import numpy as np
import pytest
import torch

from landscape_core.planes.plane import Plane
from landscape_core.planes.projected_path import before_escape, project


def iterates(steps=9, size=6, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(np.cumsum(rng.normal(size=(steps, size)), axis=0))


def plane_of(thetas, *, ratio=None, dimensions=2):
    axes = np.linalg.svd((thetas - thetas.mean(dim=0)).numpy(), full_matrices=False)[2][:dimensions]
    names = ("PC1", "PC2")[:dimensions]
    return Plane(thetas[-1], torch.from_numpy(axes), names, ratio)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_a_plane_that_the_trajectory_determines_begins_at_the_start_and_shows_all(dimensions):
    thetas = iterates()
    plane = plane_of(thetas, ratio=(0.8, 0.2)[:dimensions], dimensions=dimensions)
    found = project(plane, thetas)
    axes = plane.axes.numpy()
    expected = (thetas - thetas[0]).numpy() @ axes.T
    np.testing.assert_allclose(found.coords, expected, atol=1e-12)
    rest = (thetas - thetas[-1]).numpy()
    distance = np.linalg.norm(rest - rest @ axes.T @ axes, axis=1)
    np.testing.assert_allclose(found.distance, distance, atol=1e-12)
    moved = np.linalg.norm((thetas - thetas[0]).numpy(), axis=1).max()
    np.testing.assert_allclose(found.relative_distance, distance / moved, atol=1e-12)
    assert (found.low < expected.min(axis=0)).all()
    assert (found.high > expected.max(axis=0)).all()
    assert list(found.columns()) == ["alpha", "beta"][:dimensions]


def test_any_other_plane_reaches_as_far_as_the_span():
    thetas = iterates()
    found = project(plane_of(thetas), thetas, span=0.5)
    assert found.low.tolist() == [-0.5, -0.5]
    assert found.high.tolist() == [0.5, 0.5]
    np.testing.assert_allclose(found.coords[-1], 0, atol=1e-12)


def test_given_ends_come_before_the_span():
    thetas = iterates()
    found = project(plane_of(thetas, ratio=(0.8, 0.2)), thetas, span=9, ends=(-1, 2, -3, 4))
    assert found.low.tolist() == [-1, -3]
    assert found.high.tolist() == [2, 4]


def test_the_span_scales_the_extent_that_shows_the_trajectory_around_its_middle():
    thetas = iterates()
    plane = plane_of(thetas, ratio=(0.8, 0.2))
    one, two = (project(plane, thetas, span=span) for span in (1.0, 2.0))
    np.testing.assert_allclose(two.high + two.low, one.high + one.low, atol=1e-12)
    np.testing.assert_allclose(two.high - two.low, 2 * (one.high - one.low), atol=1e-12)


def test_other_runs_are_shown_and_iterates_far_away_are_not():
    thetas = iterates()
    plane = plane_of(thetas, ratio=(0.8, 0.2))
    other = thetas + 30 * plane.axes[0]
    shown = project(plane, thetas, others=[other])
    assert shown.high[0] > float(plane.coords(other).max()) - 60
    assert shown.high[0] > project(plane, thetas).high[0] + 20
    flown = torch.cat([thetas, thetas[:1] + 1e6])
    near = before_escape(flown)
    assert near == len(thetas)
    assert project(plane, flown, near=near).high[0] == project(plane, thetas).high[0]


def test_the_start_is_never_far_away():
    assert before_escape(torch.zeros(1, 3)) == 1
    assert before_escape(torch.tensor([[0.0], [0.5], [1.0], [99.0], [101.0], [0.0]])) == 4


def test_far_away_is_measured_by_the_first_steps_where_they_are_long():
    flown = torch.tensor([[1.0], [900.0], [1800.0], [1.7e5], [2e5], [0.0]])
    assert before_escape(flown) == 4
    assert before_escape(flown[:2]) == 2
