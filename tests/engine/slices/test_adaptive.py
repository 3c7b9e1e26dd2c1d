"""Slices to a tolerance: against whole grids, on smooth, chaotic and broken landscapes."""

import numpy as np
import pytest
import torch
from scipy.interpolate import RBFInterpolator
from torch import nn
from torch.nn.functional import cross_entropy

import cases
from landscape_core.foundation.errors import SpecError
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.measures.loss import LossMeasure
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.random import Random
from landscape_core.planes.plane import Plane
from landscape_core.slices.adaptive import refine
from landscape_core.slices.cells import border
from landscape_core.slices.grid import Grid
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.probe import Probe
from landscape_core.slices.scattered_spline import Scattered, first_nodes
from landscape_core.slices.strategies.plane_algebra import PlaneAlgebra
from landscape_core.slices.sweep import exact
from landscape_core.slices.tolerance import Tolerance
from landscape_core.storage import schema

ONE = Tolerance(relative_tolerance=0.01)


class Analytic(Probe):
    """A probe of functions of (alpha, beta), one for each split, that counts what it is asked."""

    def __init__(self, *functions, dimensions=2):
        objective = cases.mlp_objective()
        axes = cases.normal(dimensions, len(objective.start))
        parts = dict(zip(("train", "test"), [objective] * len(functions), strict=False))
        super().__init__(Plane(objective.start, axes), parts, {"loss": LossMeasure()}, {})
        self.__dict__.update(functions=functions, asked=[])

    def __call__(self, coords):
        self.asked.extend(map(tuple, coords.tolist()))
        with np.errstate(all="ignore"):
            values = [function(*coords.T) * np.ones(len(coords)) for function in self.functions]
        return np.array(values, dtype=float)[:, None]


def bowl(alpha, beta):
    return alpha**2 + 2 * (beta - 0.3) ** 2


def waves(alpha, beta):
    return np.sin(9 * alpha + 3 * beta) * np.cos(7 * beta) + alpha


def whole(functions, grid, dimensions=2):
    sides = np.meshgrid(*(grid.alpha(), grid.beta())[:dimensions])
    coords = np.stack([side.ravel() for side in sides], axis=1)
    return Analytic(*functions, dimensions=dimensions)(coords).reshape(-1, *sides[0].shape)


def resolved(*functions, resolution=51, dimensions=2, tolerance=ONE):
    """The slice of functions, the truth, and the probe that was asked."""
    grid = Grid.square(1.0, resolution)
    probe = Analytic(*functions, dimensions=dimensions)
    *_, found = refine(probe, grid, tolerance)
    return found, whole(functions, grid, dimensions), probe


def largest_error(found, truth, scale="linear"):
    """The largest error as a share of the range of its split, on the scale of the display."""
    shown = found["loss"].values
    if scale == "log":
        shown, truth = np.log10(shown), np.log10(truth)
    return max(np.abs(s - t).max() / np.ptp(t) for s, t in zip(shown, truth, strict=True))


def trained(features=2):
    """A small network after a short training on two rings of points, and noise beside them."""
    inputs = cases.normal(200, features)
    targets = (inputs[:, :2].norm(dim=1) > 1.1).long()
    module = cases.filled(
        nn.Sequential(
            *(nn.Linear(features, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
        )
    )
    optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        cross_entropy(module(inputs), targets).backward()
        optimizer.step()
    return ModelObjective(module, CrossEntropy(), inputs, targets)


def on_twenty_planes(objective, resolution, scale="linear"):
    """The shares computed, the largest errors and those stated, each (20,)."""
    grid, found = Grid.square(1.0, resolution), []
    for seed in range(20):
        read = probe_of({"train": objective}, Random(), {}, seed=seed, strategy=PlaneAlgebra())
        *_, full = exact(read, grid)
        *_, part = refine(read, grid, Tolerance(relative_tolerance=0.01, scale=scale))
        mask, truth = part["computed"].values, full["loss"].values
        np.testing.assert_allclose(part["loss"].values[0][mask], truth[0][mask], rtol=1e-12)
        error = largest_error(part, truth, scale)
        found.append((mask.mean(), error, part.attrs["estimated_error"]))
    return np.array(found).T


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_on_twenty_random_planes_of_a_network_the_error_is_as_small_as_stated(scale):
    shares, errors, stated = on_twenty_planes(trained(), 51, scale)
    assert shares.mean() < (1 / 5 if scale == "linear" else 1 / 3)
    assert (errors <= 0.01).sum() >= 19
    assert (errors <= stated).sum() >= 19


def relu(values):
    return np.maximum(values, 0)


def deep(seed, depth=20, width=16, bend=relu):
    """The loss along a plane of a network of so many layers without skips, filters normalized."""
    rng = np.random.default_rng(seed)
    inputs, targets = rng.normal(size=(width, 12)), rng.integers(4, size=12)
    layers = []
    for _ in range(depth):
        parts = rng.normal(size=(3, width, width))
        norms = np.linalg.norm(parts, axis=2, keepdims=True)
        layers.append(parts / norms * norms[0] * np.sqrt(2 / width))

    def loss(alpha, beta):
        coords = np.stack([np.ones_like(alpha), alpha, beta])
        found = inputs
        for parts in layers:
            found = np.einsum("pk,pij->kij", coords, parts) @ bend(found)
        found = found[:, :4] - found[:, :4].max(axis=1, keepdims=True)
        right = found[:, targets, np.arange(12)]
        return (np.log(np.exp(found).sum(axis=1)) - right).mean(axis=1)

    return loss


def on_planes_of_deep_networks(depth, bend, resolution, scale):
    """The shares computed, the largest errors and those stated, each (20,)."""
    found = []
    for seed in range(20):
        asked = Tolerance(relative_tolerance=0.01, scale=scale)
        function = deep(seed, depth, bend=bend)
        part, truth, _ = resolved(function, resolution=resolution, tolerance=asked)
        error = largest_error(part, truth, scale)
        found.append((part["computed"].values.mean(), error, part.attrs["estimated_error"]))
    return np.array(found).T


def test_on_planes_of_networks_of_twenty_layers_the_error_is_as_small_as_stated():
    shares, errors, stated = on_planes_of_deep_networks(20, relu, 51, "linear")
    assert shares.max() <= 0.6
    assert (errors <= stated).sum() >= 19
    assert np.median(stated / errors) <= 5


@pytest.mark.exhaustive
@pytest.mark.parametrize("resolution", [25, 31, 51])
@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("bend", [relu, np.tanh], ids=["relu", "tanh"])
@pytest.mark.parametrize("depth", [8, 20])
def test_on_planes_of_deep_networks_the_error_is_as_small_as_stated(depth, bend, scale, resolution):
    shares, errors, stated = on_planes_of_deep_networks(depth, bend, resolution, scale)
    assert shares.max() <= 0.6
    assert (errors <= stated).sum() >= 19
    assert np.median(stated / errors) <= 5


@pytest.mark.parametrize(("features", "most"), [(32, 2 / 9), (2, 2 / 5)], ids=["smooth", "kinked"])
def test_on_small_planes_the_error_is_as_small_as_stated(features, most):
    shares, errors, stated = on_twenty_planes(trained(features), 25)
    assert shares.mean() < most
    assert (errors <= 0.01).sum() >= 19
    assert (errors <= stated).sum() >= 19


def nodes_and_values():
    """Forty nodes of a grid of 13 points a side, and values at them."""
    flat = np.random.default_rng(0).permutation(169)[:40]
    nodes = np.stack(np.divmod(flat, 13), axis=1)
    return nodes, waves(*(nodes.T / 6.0 - 1.0))


def test_the_spline_through_scattered_points_is_the_polyharmonic_one():
    nodes, known = nodes_and_values()
    theirs = RBFInterpolator(nodes / 6.0 - 1.0, known, kernel="quintic", degree=2)
    every = np.stack(np.divmod(np.arange(169), 13), axis=1)
    ours = Scattered.through(nodes, 13).values(known)
    np.testing.assert_allclose(ours, theirs(every / 6.0 - 1.0), atol=1e-9)


def test_a_residual_is_what_a_node_misses_when_it_is_left_out_over_its_power():
    nodes, known = nodes_and_values()
    residuals = Scattered.through(nodes, 13).residual @ known
    for left_out in (0, 17):
        others = np.arange(40) != left_out
        spline = Scattered.through(nodes[others], 13)
        at = int(nodes[left_out] @ [13, 1])
        missed = known[left_out] - spline.values(known[others])[at]
        np.testing.assert_allclose(residuals[left_out], missed / spline.power[at], rtol=1e-6)


def test_further_points_are_new_apart_from_each_other_and_where_errors_are():
    nodes = first_nodes(25)
    spline = Scattered.through(nodes, 25)
    errors = spline.errors(np.exp(nodes[:, 0] / 6.0))
    assert not errors[nodes @ [25, 1]].any()
    further = spline.further(errors, 0.0, 12)
    assert len(set(further) | set(nodes @ [25, 1])) == 12 + 49
    assert (further // 25).mean() > 12
    assert len(spline.further(errors, errors.max(), 12)) == 0


def test_the_first_picture_comes_after_about_a_hundred_points_and_none_is_computed_twice():
    grid, probe = Grid.square(1.0, 51), Analytic(waves)
    counts = []
    for found in refine(probe, grid, Tolerance(relative_tolerance=0.001)):
        schema.check(found)
        assert np.isfinite(found["loss"].values).all()
        counts.append(int(found["computed"].sum()))
    assert len(probe.asked) == len(set(probe.asked)) == counts[-1]
    assert int(found["computed"].sum()) < 51**2


def test_a_slow_probe_shows_a_complete_picture_early(monkeypatch):
    monkeypatch.setattr("landscape_core.slices.refinement.UPDATE_INTERVAL", 0.0)
    first = next(iter(refine(Analytic(waves), Grid.square(1.0, 51), ONE)))
    assert 80 <= int(first["computed"].sum()) <= 130
    assert np.isfinite(first["loss"].values).all()


def test_what_is_marked_computed_is_exact_and_has_no_error():
    found, truth, _ = resolved(waves)
    mask = found["computed"].values
    assert np.array_equal(found["loss"].values[0][mask], truth[0][mask])
    assert (found["error"].values[mask] == 0).all()
    assert (found["error"].values[~mask] > 0).any()
    assert found.attrs["estimated_error"] == found["error"].values.max()


@pytest.mark.parametrize(
    ("scale", "unit"),
    [
        ("linear", "fraction of the range of the loss"),
        ("log", "fraction of the range of log10(loss)"),
    ],
)
def test_the_unit_of_an_error_is_that_of_its_tolerance(scale, unit):
    asked = Tolerance(relative_tolerance=0.01, scale=scale)
    found, _, _ = resolved(lambda *at: 2 + waves(*at), tolerance=asked)
    assert found["error"].attrs["units"] == unit


def test_whether_a_tolerance_was_reached_is_an_attribute():
    reached, _, _ = resolved(waves)
    assert reached.attrs["tolerance_reached"] == 1

    def noise(alpha, beta):
        return np.modf(43758.5453 * np.sin(12.9898 * alpha + 78.233 * beta))[0]

    missed, _, _ = resolved(noise)
    assert missed.attrs["estimated_error"] > 0.01
    assert missed.attrs["tolerance_reached"] == 0


def test_a_bowl_needs_few_points_and_waves_need_more():
    easy, truth, _ = resolved(bowl)
    assert largest_error(easy, truth) < 1e-6
    assert easy["computed"].values.mean() < 0.12
    hard, truth, _ = resolved(waves)
    assert largest_error(hard, truth) <= 0.01
    assert hard["computed"].values.mean() > easy["computed"].values.mean()


def test_points_gather_where_the_landscape_bends():
    found, truth, _ = resolved(lambda alpha, _: np.tanh(20 * (alpha - 0.4)))
    mask, alpha = found["computed"].values, found["alpha"].values
    bend = np.abs(alpha - 0.4) < 0.2
    assert mask[:, bend].mean() > 3 * mask[:, alpha < 0].mean()
    assert largest_error(found, truth) <= 0.01


@pytest.mark.parametrize("resolution", [25, 51])
def test_white_noise_is_computed_in_part_and_a_larger_error_is_stated(resolution):
    def noise(alpha, beta):
        return np.modf(43758.5453 * np.sin(12.9898 * alpha + 78.233 * beta))[0]

    found, truth, probe = resolved(noise, resolution=resolution)
    assert 0.55 < found["computed"].values.mean() <= 0.6
    assert largest_error(found, truth) <= found.attrs["estimated_error"] < 5
    assert len(probe.asked) == len(set(probe.asked))


@pytest.mark.parametrize("resolution", [13, 16])
def test_on_a_grid_of_few_points_white_noise_is_computed_wholly(resolution):
    found, _, _ = resolved(
        lambda alpha, beta: np.sin(1e6 * (alpha + 3 * beta)), resolution=resolution
    )
    assert found["computed"].values.mean() > 0.95


def test_the_edge_of_a_plane_is_looked_at_as_well():
    """Waves along the border that are nought in the middle of all cells."""

    def edge(alpha, beta):
        return bowl(alpha, beta) + 0.2 * np.maximum(0, alpha - 0.93) / 0.07 * np.sin(9 * beta)

    found, truth, _ = resolved(edge)
    assert largest_error(found, truth) <= found.attrs["estimated_error"] <= 0.01


def test_the_edges_of_cells_on_the_border_are_found_with_their_cells():
    lines = np.array([0, 4, 8, 12])
    cells, tests = border(np.array([[0, 0], [1, 1], [1, 2]]), lines)
    assert cells.tolist() == [[0, 0], [0, 0], [1, 2]]
    assert tests.tolist() == [[0, 2], [2, 0], [6, 12]]
    assert len(border(np.array([[0], [2]]), lines)[0]) == 0


def test_few_points_are_wrong_even_where_no_cell_could_tell():
    def spikes(alpha, beta):
        at = np.rint(25 * (alpha + 1)), np.rint(25 * (beta + 1))
        return bowl(alpha, beta) + 3.0 * ((at[0] % 5 == 1) & (at[1] % 5 == 1))

    found, truth, _ = resolved(spikes)
    wrong = np.abs(found["loss"].values - truth) > 0.01 * np.ptp(truth)
    interpolated = ~found["computed"].values
    assert wrong.sum() <= 3 / found.attrs["checks"] * interpolated.sum()
    assert found["computed"].values.mean() > 0.2


def test_checks_are_told_with_the_largest_error_seen_at_them():
    found, _, _ = resolved(waves)
    assert found.attrs["checks"] == round(0.02 * 51**2)
    assert 0 < found.attrs["checked_error"] <= 0.01


@pytest.mark.parametrize("resolution", [25, 51])
@pytest.mark.parametrize(
    "function",
    [
        lambda alpha, _: np.where(alpha > 0.3, np.nan, alpha),
        lambda alpha, beta: np.where(alpha * beta > 0.2, np.inf, beta),
        lambda alpha, beta: np.where(alpha + beta > 0.5, 1e3, beta),
    ],
    ids=["NaN", "infinity", "cliff"],
)
def test_edges_are_found_and_nothing_is_smeared_over_them(function, resolution):
    found, truth, _ = resolved(function, resolution=resolution)
    shown, truth = found["loss"].values[0], truth[0]
    assert np.array_equal(np.isnan(shown), np.isnan(truth))
    assert np.array_equal(np.isinf(shown), np.isinf(truth))
    finite = np.isfinite(truth)
    assert np.abs(shown[finite] - truth[finite]).max() <= 0.01 * np.ptp(truth[finite])


def test_a_landscape_that_is_nowhere_finite_ends():
    found, _, _ = resolved(lambda alpha, _: np.nan * alpha)
    assert np.isnan(found["loss"].values).all()


@pytest.mark.parametrize("resolution", [25, 51])
def test_a_flat_landscape_is_done_at_once(resolution):
    found, _, probe = resolved(lambda alpha, _: 0 * alpha + 2.5, resolution=resolution)
    np.testing.assert_allclose(found["loss"].values, 2.5, rtol=1e-12)
    assert len(probe.asked) < 0.12 * resolution**2


@pytest.mark.parametrize("resolution", [25, 51])
def test_on_the_logarithmic_scale_the_valley_counts(resolution):
    def valley(alpha, beta):
        return 1e-6 + (alpha**2 + beta**2) ** 2

    linear, truth, _ = resolved(valley, resolution=resolution)
    log, _, _ = resolved(
        valley, resolution=resolution, tolerance=Tolerance(relative_tolerance=0.01, scale="log")
    )
    assert largest_error(log, truth, "log") <= 0.01 < largest_error(linear, truth, "log")
    assert (linear["loss"].values > 0).all()


@pytest.mark.parametrize("resolution", [25, 51])
def test_losses_at_or_below_zero_do_no_harm_on_the_logarithmic_scale(resolution):
    found, truth, _ = resolved(
        lambda alpha, beta: np.maximum(alpha + beta, -0.5),
        resolution=resolution,
        tolerance=Tolerance(relative_tolerance=0.01, scale="log"),
    )
    mask = found["computed"].values
    assert np.array_equal(found["loss"].values[0][mask], truth[0][mask])
    assert (found["computed"].values | (truth[0] > 0)).all()


def test_on_a_line_it_works_too():
    found, truth, _ = resolved(lambda alpha: np.sin(6 * alpha), resolution=401, dimensions=1)
    assert found["loss"].dims == ("split", "alpha")
    assert largest_error(found, truth) <= 0.01
    assert found["computed"].values.mean() < 0.2


@pytest.mark.parametrize("resolution", [25, 51])
def test_both_splits_are_within_the_tolerance_of_their_own_range(resolution):
    parts = bowl, lambda alpha, beta: 1e-3 * waves(alpha, beta)
    found, truth, _ = resolved(*parts, resolution=resolution)
    assert found["split"].values.tolist() == ["train", "test"]
    assert largest_error(found, truth) <= 0.01


@pytest.mark.parametrize("resolution", [2, 3, 7, 12])
def test_small_grids_are_computed_wholly(resolution):
    found, truth, _ = resolved(waves, resolution=resolution)
    assert found["computed"].values.all()
    assert np.array_equal(found["loss"].values, truth)


@pytest.mark.parametrize("resolution", [13, 14, 25, 26, 50, 101])
def test_any_resolution_will_do(resolution):
    found, truth, _ = resolved(waves, resolution=resolution)
    assert largest_error(found, truth) <= 0.01


def test_a_smaller_tolerance_gives_a_smaller_error_for_more_points():
    shares, errors = [], []
    for share in (0.1, 0.01, 0.001):
        found, truth, _ = resolved(waves, tolerance=Tolerance(relative_tolerance=share))
        shares.append(found["computed"].values.mean())
        errors.append(largest_error(found, truth))
        assert errors[-1] <= max(share, found.attrs["estimated_error"])
    assert shares == sorted(shares)
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("resolution", [25, 51])
def test_an_unfinished_slice_goes_on_from_its_points(monkeypatch, resolution):
    monkeypatch.setattr("landscape_core.slices.refinement.UPDATE_INTERVAL", 0.0)
    grid, asked = Grid.square(1.0, resolution), Tolerance(relative_tolerance=0.001)
    *_, straight = refine(Analytic(waves), grid, asked)
    begun = Analytic(waves)
    seen = refine(begun, grid, asked)
    part = [next(seen) for _ in range(2)][-1]
    seen.close()
    again = Analytic(waves)
    *_, found = refine(again, grid, asked, start=part)
    done = {(round(a, 9), round(b, 9)) for a, b in begun.asked}
    assert not done & {(round(a, 9), round(b, 9)) for a, b in again.asked}
    assert np.array_equal(found["loss"].values, straight["loss"].values)


@pytest.mark.parametrize("share", [0.0, -0.1, 2.0, float("nan")])
def test_a_tolerance_that_is_no_share_is_refused(share):
    with pytest.raises(SpecError, match=r"Tolerance\.relative_tolerance"):
        Tolerance(relative_tolerance=share)


def test_a_scale_that_is_not_known_is_refused():
    with pytest.raises(SpecError, match=r"Tolerance\.scale.*linear, log"):
        Tolerance(scale="sqrt")
