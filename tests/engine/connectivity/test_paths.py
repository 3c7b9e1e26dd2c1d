"""Curves against de Casteljau and finite differences, paths against a known mountain pass."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import cases
import oracles
from landscape_core.connectivity.paths.base import Curve, Path, plane_of_curve, project_curve
from landscape_core.connectivity.paths.bezier import Bezier
from landscape_core.connectivity.paths.nudged import Band, Nudged, forces, inserted, tangents
from landscape_core.connectivity.paths.polygon import Polygon
from landscape_core.connectivity.paths.straight import Straight
from landscape_core.foundation.errors import PlaneError, SpecError
from landscape_core.foundation.registry import entries
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.optimizers.path_sgd import PathSGD
from landscape_core.training.optimizers.sgd import SGD

QUICK = {
    "bezier": Bezier(steps=30, batch_size=7),
    "nudged": Nudged(steps=30, batch_size=7, pivots=4, insert=True),
    "polygon": Polygon(steps=30, batch_size=7, bends=2),
    "straight": Straight(),
}
FIRST, LAST = torch.tensor([[-1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)


class Pass(Objective):
    """(x² − 1)² + 2 (y − ½(1 − x²))²: minima at (±1, 0), a saddle of height 1 at (0, ½).

    On the straight line between the minima, y = 0, the loss is at most 1 + ½, at x = 0.
    """

    layout = Layout.of_shapes({"xy": (2,)})
    examples = 1

    def loss(self, theta):
        x, y = theta
        return (x**2 - 1) ** 2 + 2 * (y - 0.5 * (1 - x**2)) ** 2

    def restricted(self, indices):
        return self


def last(path, objective=None, first=FIRST, end=LAST, seed=0):
    """The last curve of a path."""
    *_, curve = path.connect(objective or Pass(), first, end, seed)
    return curve


def highest(curve, objective, count=1001):
    """The largest loss along a curve."""
    return float(objective.losses(curve.points(places(count))).max())


def way_down():
    """The path of least loss from the saddle to (1, 0), by integrating the gradient flow (n, 2)."""

    def flow(_, xy):
        x, y = xy
        bend = y - 0.5 * (1 - x**2)
        return [-4 * x * (x**2 - 1) - 4 * bend * x, -4 * bend]

    found = solve_ivp(flow, (0, 30), [1e-6, 0.5], rtol=1e-9, atol=1e-9, max_step=0.01)
    return torch.from_numpy(found.y.T)


def places(count):
    return torch.linspace(0, 1, count, dtype=torch.float64)


def de_casteljau(nodes, t):
    """The point of a Bezier curve by repeated interpolation."""
    while len(nodes) > 1:
        nodes = [(1 - t) * a + t * b for a, b in itertools.pairwise(nodes)]
    return nodes[0]


@given(seed=st.integers(0, 1000), count=st.integers(2, 9), t=st.floats(0, 1))
def test_a_bezier_curve_is_that_of_de_casteljau(seed, count, t):
    nodes = cases.normal(count, 3, seed=seed)
    found = Curve(nodes, "bezier").points(torch.tensor([t], dtype=torch.float64))[0]
    torch.testing.assert_close(found, de_casteljau(list(nodes), t), rtol=1e-11, atol=1e-12)


@given(seed=st.integers(0, 1000), count=st.integers(2, 9))
def test_a_polygon_is_interpolated_node_by_node(seed, count):
    nodes = cases.normal(count, 3, seed=seed)
    t = places(41)
    found = Curve(nodes).points(t)
    knots = np.linspace(0, 1, count)
    expected = np.stack([np.interp(t, knots, column) for column in nodes.T.numpy()], axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["polygon", "bezier"])
def test_a_curve_begins_and_ends_at_its_ends_bit_for_bit(kind):
    nodes = cases.normal(5, 40).float()
    ends = Curve(nodes, kind).points(torch.tensor([0.0, 1.0]))
    assert torch.equal(ends, nodes[[0, -1]])


@pytest.mark.parametrize("kind", ["polygon", "bezier"])
def test_the_length_is_that_of_many_chords(kind):
    curve = Curve(cases.normal(5, 7), kind)
    chords = curve.points(places(4 * 5000 + 1)).diff(dim=0).norm(dim=1).sum()
    # n chords fall short of a smooth curve by about 1/n².
    assert curve.length() == pytest.approx(float(chords), rel=1e-7)


def test_a_quarter_of_a_parabola_has_the_length_of_the_formula():
    nodes = torch.tensor([[0.0, 0.0], [0.5, 0.0], [1.0, 1.0]], dtype=torch.float64)  # y = x²
    exact = np.sqrt(5) / 2 + np.arcsinh(2) / 4
    assert Curve(nodes, "bezier").length() == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("t", [[-0.1], [1.1], [float("nan")]])
def test_places_outside_the_curve_are_refused(t):
    with pytest.raises(SpecError, match="between 0 and 1"):
        Curve(cases.normal(3, 2)).points(torch.tensor(t))


def test_a_curve_has_two_ends_and_a_kind():
    with pytest.raises(SpecError, match="at least 2"):
        Curve(cases.normal(1, 2))


@pytest.mark.parametrize("kind", ["polygon", "bezier"])
def test_the_gradient_of_the_curve_loss_is_that_of_differences(kind, monkeypatch):
    """Of the objective that the optimizer of the nodes is given, at the place drawn for a step."""
    objective = cases.mlp_objective()
    first, last = cases.normal(2, objective.layout.size)
    asked, drawn, points = [], [], Curve.points

    def noted(self, t):
        drawn.append(t)
        return points(self, t)

    def step(self, objective, theta, memory):
        asked.append((objective, theta))
        return theta + cases.normal(1, len(theta), seed=len(asked))[0], memory

    monkeypatch.setattr(SGD, "step", step)
    path = {"polygon": Polygon, "bezier": Bezier}[kind](
        bends=2, steps=3, batch_size=objective.examples, optimizer=SGD()
    )
    curves = list(path.connect(objective, first, last, 0))
    monkeypatch.setattr(Curve, "points", noted)
    for curve, (loss, theta) in zip(curves, asked, strict=False):
        torch.testing.assert_close(theta, curve.inner.flatten(), rtol=0, atol=0)
        value, gradient = loss.value_and_gradient(theta)
        (t,) = drawn.pop()
        torch.testing.assert_close(value, objective.loss(curve.points(t[None])[0]))
        torch.testing.assert_close(loss.loss(theta), value)
        expected = oracles.difference_gradient(loss.loss, theta)
        torch.testing.assert_close(gradient, expected, rtol=1e-6, atol=1e-8)
    assert len(asked) == 3


@pytest.mark.parametrize("name", list(entries(Path)))
def test_the_ends_never_move(name):
    objective = cases.mlp_objective()
    size = objective.layout.size
    first, end = cases.normal(size, seed=1), cases.normal(size, seed=2)
    curves = list(QUICK[name].connect(objective, first, end, 0))
    assert len(curves) == QUICK[name].curves
    for curve in curves:
        assert torch.equal(curve.nodes[0], first)
        assert torch.equal(curve.nodes[-1], end)


@pytest.mark.parametrize("name", list(entries(Path)))
def test_the_same_seed_gives_the_same_curve(name):
    objective = cases.mlp_objective()
    first, end = cases.normal(2, objective.layout.size)
    one, two, other = (last(QUICK[name], objective, first, end, seed) for seed in (3, 3, 4))
    assert torch.equal(one.nodes, two.nodes)
    assert name == "straight" or not torch.equal(one.nodes, other.nodes)


@pytest.mark.parametrize("name", list(entries(Path)))
def test_ends_that_do_not_fit_are_refused(name):
    with pytest.raises(SpecError, match="must be 2"):
        last(QUICK[name], first=torch.zeros(3), end=torch.ones(3))
    with pytest.raises(SpecError, match="finite"):
        last(QUICK[name], end=torch.tensor([1.0, torch.nan], dtype=torch.float64))


@pytest.mark.parametrize("path", [Bezier(optimizer=PathSGD()), Nudged(optimizer=PathSGD())])
def test_an_optimizer_of_networks_alone_is_refused_before_the_first_curve(path):
    objective = cases.rectified_objective()
    first, end = cases.normal(2, objective.layout.size)
    with pytest.raises(SpecError, match="Path-SGD"):
        next(path.connect(objective, first, end, 0))


def test_the_straight_line_climbs_over_the_shoulder_of_the_pass():
    assert highest(last(Straight()), Pass()) == pytest.approx(1.5, rel=1e-12)


@pytest.mark.parametrize("pivots", [9, pytest.param(10, marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("insert", [pytest.param(False, marks=pytest.mark.exhaustive), True])
def test_the_band_finds_the_height_of_the_saddle(pivots, insert):
    # Segments between pivots cut the bend of the path by O(1 / pivots²).
    band = Nudged(pivots=pivots, steps=600, optimizer=SGD(learning_rate=0.05), insert=insert)
    curve = last(band)
    assert highest(curve, Pass()) == pytest.approx(1.0, rel=0.02)
    right = torch.stack([curve.inner[:, 0].abs(), curve.inner[:, 1]], dim=1)  # it is symmetric
    assert float(torch.cdist(right, way_down()).min(dim=1).values.max()) < 0.03


def test_the_springs_keep_the_pivots_at_even_distances():
    curve = last(Nudged(pivots=9, steps=600, optimizer=SGD(learning_rate=0.05)))
    gaps = curve.nodes.diff(dim=0).norm(dim=1)
    assert float(gaps.max() / gaps.min()) < 1.05


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", [Bezier(steps=1500), Polygon(steps=1500, bends=3)])
def test_trained_curves_pass_below_the_straight_line(path):
    # They minimize the mean loss, so their highest point is no saddle; it is lower than the line's.
    curve = last(path)
    t = places(201)
    line = last(Straight())
    assert Pass().losses(curve.points(t)).mean() < 0.95 * Pass().losses(line.points(t)).mean()
    assert highest(curve, Pass()) < 1.5


def test_tangents_look_uphill_and_turn_smoothly_over_the_top():
    nodes = torch.tensor([[0.0, 0], [1, 0], [1, 2], [3, 2], [3, 5]], dtype=torch.float64)
    losses = torch.tensor([0.0, 1, 4, 3, 0], dtype=torch.float64)
    found = tangents(nodes, losses)
    # Henkelman and Jonsson, equations (8) to (12), by hand: uphill to the next; at the top the
    # changes are 3 from behind and 1 ahead, and the neighbour ahead is the higher one, so the step
    # ahead counts 3 and the step behind 1; downhill the step from the previous.
    expected = torch.tensor([[0.0, 1], [6 / 40**0.5, 2 / 40**0.5], [1, 0]], dtype=torch.float64)
    torch.testing.assert_close(found, expected)


def test_on_level_ground_the_tangent_is_the_mean_of_both_sides():
    nodes = torch.tensor([[0.0, 0], [1, 0], [1, 1]], dtype=torch.float64)
    found = tangents(nodes, torch.zeros(3, dtype=torch.float64))
    torch.testing.assert_close(found, torch.full((1, 2), 0.5**0.5, dtype=torch.float64))


def test_across_the_band_the_loss_pulls_and_along_it_the_springs():
    nodes, gradients = cases.normal(5, 6), cases.normal(3, 6, seed=1)
    losses = cases.normal(5, seed=2)
    tau, found = tangents(nodes, losses), forces(nodes, losses, gradients, 3.0)
    gaps = nodes.diff(dim=0).norm(dim=1)
    torch.testing.assert_close((found * tau).sum(dim=1), 3.0 * (gaps[1:] - gaps[:-1]))
    pull = -gradients + (gradients * tau).sum(dim=1, keepdim=True) * tau
    torch.testing.assert_close(found - (found * tau).sum(dim=1, keepdim=True) * tau, pull)


def test_the_band_tells_the_mean_loss_of_its_pivots():
    curve = Curve(cases.normal(5, 2))
    band = Band(Pass(), curve, 1.0)
    theta = curve.inner.flatten()
    torch.testing.assert_close(band.value_and_gradient(theta)[0], band.loss(theta).detach())
    torch.testing.assert_close(band.loss(theta), Pass().losses(curve.inner).mean())


def test_a_pivot_is_inserted_where_the_loss_rises_between_two():
    sides = torch.tensor([[-1.0, 0.0], [-0.5, 0.375], [0.5, 0.375], [1.0, 0.0]])
    curve = inserted(Pass(), Curve(sides.double()))
    # Between the middle two the loss is 1.03 at x = 0 and .5625 at both; elsewhere it hardly bends.
    assert len(curve.nodes) == 5
    torch.testing.assert_close(curve.nodes[2], torch.tensor([0.0, 0.375]).double())
    assert len(inserted(Pass(), last(Nudged(pivots=30, steps=5))).nodes) == 32


def test_a_curve_that_diverges_ends_with_its_last_finite_nodes():
    path = Bezier(steps=200, optimizer=HeavyBall(learning_rate=50.0))
    curves = list(path.connect(Pass(), FIRST, LAST, 0))
    assert len(curves) < path.curves
    assert bool(curves[-1].nodes.isfinite().all())


@pytest.mark.parametrize("kind", ["polygon", "bezier"])
def test_the_plane_of_three_nodes_holds_the_whole_curve(kind):
    curve = Curve(cases.normal(3, 8), kind)
    plane = plane_of_curve(curve)
    coords, distances = project_curve(curve, plane, 21)
    assert float(distances.max()) < 1e-12
    expected = torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(coords[[0, -1]], expected, rtol=0, atol=1e-12)
    lengths = plane.axes.norm(dim=1)
    torch.testing.assert_close(lengths[0], lengths[1])
    assert abs(float(plane.axes[0] @ plane.axes[1])) < 1e-12
    assert float(coords[:, 1].sum()) > 0


def test_the_plane_of_many_nodes_leaves_least_of_them_out():
    curve = Curve(cases.normal(9, 12))
    plane = plane_of_curve(curve)
    nodes = curve.nodes.numpy()
    u = (nodes[-1] - nodes[0]) / np.linalg.norm(nodes[-1] - nodes[0])
    offsets = nodes[1:-1] - nodes[0]
    offsets = offsets - np.outer(offsets @ u, u)
    _, singular, rows = np.linalg.svd(offsets)
    v = plane.axes[1] / plane.axes[1].norm()
    assert abs(float(v @ torch.from_numpy(rows[0]))) == pytest.approx(1.0, abs=1e-12)
    left = float((plane.distance(curve.nodes) ** 2).sum())
    assert left == pytest.approx((singular[1:] ** 2).sum(), rel=1e-10)


def test_curves_that_determine_no_plane_are_refused():
    with pytest.raises(PlaneError, match="straight"):
        plane_of_curve(last(Straight()))
    with pytest.raises(PlaneError, match="straight"):
        plane_of_curve(Curve(torch.linspace(0, 1, 5)[:, None] * cases.normal(6).float()))
    with pytest.raises(PlaneError, match="coincide"):
        plane_of_curve(Curve(torch.stack([FIRST, LAST, FIRST])))
