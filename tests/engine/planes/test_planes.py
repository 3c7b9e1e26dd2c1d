"""Planes against NumPy's least squares and the definition of a point."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import config

import cases
import oracles
from landscape_core.foundation.errors import PlaneError, SpecError
from landscape_core.planes.plane import Plane
from landscape_core.slices.one_call import landscape


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


def test_a_flipped_plane_has_the_chosen_axes_reversed():
    plane = skew_plane()
    assert plane.flipped([False, False]) is plane
    flipped = plane.flipped([False, True])
    torch.testing.assert_close(flipped.axes, torch.stack([plane.axes[0], -plane.axes[1]]))
    assert flipped.names == plane.names
    with pytest.raises(PlaneError, match="2 truth values"):
        plane.flipped([True])


@pytest.mark.parametrize(
    ("axes", "word"),
    [
        (torch.zeros(2, 4), "zero"),
        (torch.ones(2, 4), "parallel"),
        (torch.full((2, 4), float("nan")), "finite"),
        (torch.tensor([[1.0, 2, 0, 0], [-2, -4, 0, 0]]), "parallel"),
        (torch.tensor([[1.0, 2, 3, 4], [1e6, 2e6, 3e6, 4e6 + 1]]), "parallel"),
        (1e200 * torch.eye(2, 4, dtype=torch.float64), "length of alpha must be finite"),
    ],
)
def test_axes_that_span_nothing_are_refused(axes, word):
    with pytest.raises(PlaneError, match=word):
        Plane(torch.zeros(4), axes)


def test_a_zero_axis_is_refused_by_its_name():
    with pytest.raises(PlaneError, match=r"zero for second\.$"):
        Plane(torch.zeros(2), torch.tensor([[1.0, 0], [0, 0]]), ("first", "second"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_origin_that_is_not_finite_is_refused(value):
    with pytest.raises(PlaneError, match=r"origin.*finite"):
        Plane(torch.full((4,), value), torch.eye(2, 4))


@pytest.mark.parametrize(
    ("origin", "axes", "names", "says"),
    [
        (torch.zeros(4), torch.eye(3, 4), (), r"\(1, P\) or \(2, P\).*\(3, 4\) and \(4,\)"),
        (torch.zeros(4), torch.zeros(0, 4), (), r"\(1, P\) or \(2, P\).*\(0, 4\)"),
        (torch.zeros(4), torch.eye(2, 5), (), r"\(2, 5\) and \(4,\)"),
        (torch.zeros(4), torch.eye(2, 4), ("one",), r"2 names.*got \('one',\)"),
        (torch.zeros(4), torch.eye(1, 4), ("one", "two"), r"1 names.*got \('one', 'two'\)"),
        (np.zeros(4), torch.eye(2, 4), (), r"tensors.*ndarray and torch\.FloatTensor"),
        (torch.zeros(4), [[1.0, 0, 0, 0]], (), r"tensors.*FloatTensor and list"),
        (torch.zeros(4), torch.eye(2, 4, dtype=torch.int64), (), r"tensors.*LongTensor"),
    ],
)
def test_what_is_no_line_or_plane_is_refused(origin, axes, names, says, monkeypatch):
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # as it is outside the tests
    with pytest.raises(PlaneError, match=says):
        Plane(origin, axes, names)


def test_axes_without_names_are_alpha_and_beta():
    assert skew_plane().names == ("alpha", "beta")
    assert skew_plane(dimensions=1).names == ("alpha",)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda plane: plane.coords(torch.ones(3, 5)), r"\(K, 7\).*\(3, 5\)"),
        (lambda plane: plane.coords(torch.ones(3, 1)), r"\(K, 7\).*\(3, 1\)"),
        (lambda plane: plane.distance(torch.ones(3, 5)), r"\(K, 7\).*\(3, 5\)"),
        (lambda plane: plane.points(torch.ones(4, 3)), r"\(K, 2\).*\(4, 3\)"),
        (lambda _: Plane.through(torch.zeros(7), torch.ones(5)), r"one size.*\(7,\), \(5,\)"),
        (lambda _: Plane.through(torch.zeros(7), torch.ones(1)), r"one size.*\(7,\), \(1,\)"),
    ],
)
def test_vectors_of_another_size_are_refused_with_both_sizes(ask, says, monkeypatch):
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # as it is outside the tests
    with pytest.raises(PlaneError, match=says):
        ask(skew_plane())


def test_a_plane_of_another_model_is_refused_before_any_work():
    def loss(outputs, targets):
        raise AssertionError("the network was evaluated")

    with pytest.raises(SpecError, match=r"plane's parameters.*the network's 59; got 7\.$"):
        landscape(cases.mlp(), loss, cases.vectors(), directions=skew_plane())


def test_points_that_coincide_are_named():
    one, other = torch.zeros(4), torch.ones(4)
    for points, named in (((one, one), "1 and 2"), ((one, other, other), "2 and 3")):
        with pytest.raises(PlaneError, match=f"^points {named} coincide"):
            Plane.through(*points)


def test_a_plane_knows_where_its_points_lie_until_it_is_moved():
    plane = Plane.through(torch.zeros(4), torch.eye(4)[0], torch.eye(4)[1])
    points = torch.stack([torch.zeros(4), torch.eye(4)[0], torch.eye(4)[1]])
    np.testing.assert_array_equal(plane.coords(points), plane.given)
    assert plane.in_double().given == plane.like(torch.zeros(4).double()).given == plane.given
    assert plane.at(torch.eye(4)[0]).given == ()
    assert plane.spanned_by(plane.axes.flip(0)).given == ()
    assert plane.flipped([True, False]).given == ((0.0, 0.0), (-1.0, 0.0), (0.0, 1.0))
