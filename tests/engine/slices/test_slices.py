"""Slices against a plain loop over `load_state_dict`, interpolation against SciPy."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.interpolate import RectBivariateSpline
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import cases
import oracles
from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.foundation.registry import entries, from_plain
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.measures.loss import LossMeasure
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.base import Directions
from landscape_core.planes.directions.pca import PCA
from landscape_core.planes.directions.random import Random
from landscape_core.planes.plane import Plane
from landscape_core.slices.grid import Grid
from landscape_core.slices.interpolation import filled, lines_of
from landscape_core.slices.model_plan import probe_of
from landscape_core.slices.one_call import landscape
from landscape_core.slices.probe import probe
from landscape_core.slices.readers import Readers
from landscape_core.slices.slice_key import slice_key
from landscape_core.slices.strategies.base import Strategy
from landscape_core.slices.strategies.plane_algebra import PlaneAlgebra
from landscape_core.slices.sweep import coarse, levels, sweep
from landscape_core.storage import schema
from waiting import take

SMALL = Grid.square(0.7, 13)
RELATIVE = {torch.float32: 1e-5, torch.float64: 1e-10}


def mlp_probe(**choices):
    objective = ModelObjective(cases.mlp(), CrossEntropy(), *cases.vectors())
    return probe_of({"train": objective}, Random(), **choices)


def expected_slice(module, loss, data, plane, grid):
    """Loss (beta, alpha) by the oracle."""
    alpha, beta = np.meshgrid(grid.alpha(), grid.beta())
    where = np.stack([alpha.ravel(), beta.ravel()], axis=1)
    values = oracles.plain_loop(module, loss, *data, plane.origin, plane.axes, where)
    return values.reshape(alpha.shape)


@pytest.mark.parametrize("dtype", RELATIVE, ids=str)
@pytest.mark.parametrize(
    ("module", "data"),
    [(cases.mlp(), cases.vectors()), (cases.residual(), cases.images())],
    ids=["mlp", "residual"],
)
def test_a_slice_agrees_with_a_plain_loop_over_load_state_dict(module, data, dtype):
    module = module.to(dtype)
    inputs, targets = data[0].to(dtype), data[1]
    objective = ModelObjective(module, CrossEntropy(), inputs, targets)
    read = probe_of({"train": objective}, Random())
    found = landscape(module, CrossEntropy(), (inputs, targets), resolution=13, span=0.7)
    expected = expected_slice(module, cross_entropy, (inputs, targets), read.plane, SMALL)
    np.testing.assert_allclose(found["loss"].sel(split="train"), expected, rtol=RELATIVE[dtype])
    assert bool(found["computed"].all())


@pytest.mark.parametrize("dtype", RELATIVE, ids=str)
def test_batch_statistics_agree_with_a_plain_loop_in_training_mode(dtype):
    module = cases.residual().to(dtype)
    inputs, targets = cases.images()
    inputs = inputs.to(dtype)
    found = landscape(
        module, cross_entropy, (inputs, targets), resolution=5, span=0.7, batch_norm="batch"
    )
    running = landscape(module, cross_entropy, (inputs, targets), resolution=5, span=0.7)
    objective = ModelObjective(module, cross_entropy, inputs, targets)
    plane = probe_of({"train": objective}, Random()).plane

    class InTraining(nn.Module):
        """Batch normalization in training mode whatever the mode of the whole."""

        def __init__(self):
            super().__init__()
            self.inner = cases.residual()

        def load_state_dict(self, state):
            return self.inner.load_state_dict(state)

        def state_dict(self):
            return self.inner.state_dict()

        def named_parameters(self, **choices):
            return self.inner.named_parameters(**choices)

        def forward(self, values):
            return self.inner.train()(values)

    expected = expected_slice(
        InTraining(), cross_entropy, (inputs, targets), plane, Grid.square(0.7, 5)
    )
    np.testing.assert_allclose(found["loss"][0], expected, rtol=RELATIVE[dtype])
    assert float(np.abs(running["loss"] - found["loss"]).max()) > 1e-2


def test_accuracy_is_the_share_of_right_answers_on_each_split():
    module, train, test = cases.mlp(), cases.vectors(20), cases.vectors(9, seed=5)
    found = landscape(module, CrossEntropy(), train, test=test, resolution=5)
    assert found["accuracy"].dims == ("split", "beta", "alpha")
    for split, (inputs, targets) in {"train": train, "test": test}.items():
        with torch.no_grad():
            right = float((module(inputs).argmax(1) == targets).double().mean())
        at = found["accuracy"].sel(split=split, alpha=0, beta=0)
        assert float(at) == pytest.approx(right, abs=1e-12)


def test_a_line_has_one_coordinate_and_is_the_middle_of_the_plane():
    data = cases.vectors()
    line = landscape(cases.mlp(), CrossEntropy(), data, resolution=21, dimensions=1)
    plane = landscape(cases.mlp(), CrossEntropy(), data, resolution=21)
    assert line["loss"].dims == ("split", "alpha")
    np.testing.assert_allclose(line["loss"], plane["loss"].sel(beta=0), rtol=1e-10)


def test_levels_are_nested_and_the_first_is_about_a_hundred_points():
    for resolution in (2, 11, 12, 26, 51, 101, 200):
        lines = lines_of(resolution)
        assert len(lines[0]) <= 11
        assert list(lines[-1]) == list(range(resolution))
        for some, more in itertools.pairwise(lines):
            assert set(some) < set(more)
    assert levels(Grid()) == [121, 441, 1681, 2601]
    assert levels(Grid(), 1) == [11, 21, 41, 51]


def test_interpolation_is_bicubic_as_in_scipy():
    side = np.linspace(-1, 1, 51)
    smooth = np.exp(np.sin(3 * side)[:, None] * np.cos(2 * side))
    lines = lines_of(51)[0]
    found = filled(smooth[np.ix_(lines, lines)], lines, 51)
    spline = RectBivariateSpline(side[lines], side[lines], smooth[np.ix_(lines, lines)])
    np.testing.assert_allclose(found, spline(side, side), rtol=1e-10)
    error = np.sqrt(np.mean((found - smooth) ** 2)) / np.ptp(smooth)
    assert error < 0.003


def test_values_that_are_not_finite_stay_and_spoil_no_neighbour():
    lines = lines_of(51)[0]
    known = np.add.outer(lines, lines).astype(float)
    known[3, 4], known[9, 9] = np.nan, np.inf
    found = filled(known, lines, 51)
    assert np.isnan(found[15, 20])
    assert np.isposinf(found[45, 45])
    assert not np.isfinite(found[14:17, 19:22]).any()
    linear = np.add.outer(np.arange(51), np.arange(51))
    away = np.isfinite(found)
    assert away.mean() > 0.97
    nearby = np.abs(found - linear)[away]
    assert nearby.max() < 10  # beside a gap the finite corners alone speak
    assert np.abs(found - linear)[25:40, :].max() < 1e-10


def test_a_cliff_does_not_make_the_interpolation_swing_below_all_values():
    lines = lines_of(51)[0]
    known = np.ones((11, 11))
    known[:, -1] = 1e30
    found = filled(known, lines, 51)
    assert found.min() == 1.0
    assert np.array_equal(found[np.ix_(lines, lines)], known)


def test_a_one_dimensional_interpolation_keeps_its_knots():
    lines = lines_of(30)[0]
    known = np.sin(lines / 5.0)
    found = filled(known, lines, 30)
    np.testing.assert_array_equal(found[lines], known)
    np.testing.assert_allclose(found, np.sin(np.arange(30) / 5.0), atol=5e-3)


def test_a_sweep_goes_from_coarse_to_fine_and_every_dataset_is_complete():
    read = mlp_probe()
    seen = list(sweep(read, Grid()))
    counts = [int(dataset["computed"].sum()) for dataset in seen]
    assert counts[0] == 121
    assert counts == sorted(counts)
    assert counts[-1] == 51**2
    last = seen[-1]["loss"]
    for dataset in seen:
        schema.check(dataset)
        assert bool(np.isfinite(dataset["loss"]).all())
        same = dataset["loss"].where(dataset["computed"]) == last.where(dataset["computed"])
        assert bool(same.where(dataset["computed"], True).all())


def test_each_level_is_what_the_sweep_shows_on_its_way():
    read = mlp_probe()
    by_count = {int(d["computed"].sum()): d for d in sweep(read, SMALL)}
    for level, count in enumerate(levels(SMALL)):
        # Other batches of points, so the last digits may differ.
        xr.testing.assert_allclose(coarse(read, SMALL, level), by_count[count], rtol=1e-10)


def counting(read, wait=0.0):
    """A probe that counts its points, and takes its time."""
    counted = []
    reader = read.strategies["train"].reader(read.reading("train"))

    def slow(coords):
        counted.append(len(coords))
        take(wait * len(coords))
        return reader(coords)

    seconds = wait or read.seconds
    readers = Readers()
    readers.put("train", read.strategies["train"], slow)
    slowed = dataclasses.replace(read, seconds=seconds, readers=readers)
    return slowed, counted


def test_a_slow_sweep_tells_news_ten_times_a_second():
    read, _ = counting(mlp_probe(), wait=0.002)
    told = sum(1 for _ in sweep(read, Grid.square(resolution=31)))
    # 840 points of 2 ms come after the first picture: 1.7 s at least.
    assert 8 < told < 840


@pytest.mark.parametrize("spread", [None, lambda call, items: enumerate(map(call, items))])
def test_slow_points_that_are_computed_together_are_asked_for_together(spread):
    read, counted = counting(mlp_probe(strategy=PlaneAlgebra()), wait=0.003)
    together = read.together
    assert together > 1
    for _ in sweep(read, SMALL, spread=spread):
        pass
    # What is left at the end of each level may be less.
    assert sum(count % together > 0 for count in counted) <= len(levels(SMALL))
    assert sum(counted) == 13**2


def test_whoever_stops_asking_has_cancelled_the_sweep():
    read, counted = counting(mlp_probe())
    next(sweep(read, Grid()))
    assert sum(counted) == 121


def test_no_point_is_computed_twice():
    read, counted = counting(mlp_probe())
    for _ in sweep(read, Grid()):
        pass
    assert sum(counted) == 51**2


def test_results_cannot_be_changed():
    dataset = coarse(mlp_probe(), SMALL, 0)
    for name in ("loss", "accuracy", "computed"):
        with pytest.raises(ValueError, match="read-only"):
            dataset[name].values[...] = 0


def test_nan_and_infinity_are_results():
    module = nn.Sequential(nn.Linear(3, 3, bias=False)).double()
    objective = ModelObjective(module, lambda o, _: o.exp().exp().mean(), *cases.vectors())
    axes = 1e2 * torch.ones(1, 9, dtype=torch.float64)
    read = probe({"train": objective}, Plane(objective.start, axes), {"loss": LossMeasure()})
    *_, last = sweep(read, Grid.square(1.0, 25))
    first = coarse(read, Grid.square(1.0, 25), 0)
    for dataset in (first, last):
        assert bool(np.isposinf(dataset["loss"]).any())
        assert bool(np.isfinite(dataset["loss"]).any())
    assert bool(last["computed"].all())


def test_a_slice_says_how_to_make_it_again():
    module, data = cases.mlp(), cases.vectors()
    asked = Random(normalization="layer")
    dataset = landscape(
        module, CrossEntropy(), data, test=cases.vectors(7), directions=asked, seed=4, resolution=5
    )
    attrs = dataset.attrs
    assert from_plain(Directions, json.loads(attrs["directions"])) == asked
    assert from_plain(Grid, json.loads(attrs["grid"])) == Grid.square(1.0, 5)
    line = landscape(module, CrossEntropy(), data, dimensions=1, resolution=5).attrs["grid"]
    assert set(json.loads(line)) == {"kind", "resolution", "alpha_low", "alpha_high"}
    assert from_plain(Grid, json.loads(line)) == Grid.square(1.0, 5)
    assert (attrs["seed"], attrs["examples"], attrs["batch_norm"]) == (4, [20, 7], "none")
    assert set(attrs["strategy"]) <= set(entries(Strategy))
    assert dataset["alpha"].attrs["units"] == "multiples of the axis"
    assert dataset["alpha"].attrs["long_name"] == "random direction 1"


def test_a_pca_slice_of_saved_states_names_what_its_axes_explain():
    module = cases.mlp()
    path = [cases.mlp(seed=seed).state_dict() for seed in range(4)] + [module.state_dict()]
    dataset = landscape(
        module, CrossEntropy(), cases.vectors(), directions=PCA(), path=path, resolution=5
    )
    share = dataset.attrs["explained_variance_ratio"][0]
    assert dataset.attrs["names"] == ["PC1", "PC2"]
    assert dataset["alpha"].attrs["long_name"] == f"PC1 ({share:.0%} of the variance)"


def test_ones_own_module_needs_one_line_and_is_not_changed():
    module = cases.residual().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    loader = DataLoader(TensorDataset(*cases.images()), batch_size=5)
    dataset = landscape(module, cross_entropy, loader, resolution=3)
    assert list(dataset.data_vars) == ["loss", "accuracy", "computed"]
    assert dataset.attrs["examples"] == [12]
    assert module.training
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_key_changes_with_everything_that_changes_the_slice():
    inputs, targets = cases.vectors()
    objective = ModelObjective(cases.mlp(), CrossEntropy(), inputs, targets)

    def key(part=objective, seed=0, grid=SMALL):
        return slice_key(probe_of({"train": part}, Random(), seed=seed), grid)

    other_data = ModelObjective(cases.mlp(), CrossEntropy(), 2 * inputs, targets)
    other_weights = ModelObjective(cases.mlp(seed=1), CrossEntropy(), inputs, targets)
    changed = [
        key(seed=1),
        key(grid=SMALL.replace(resolution=12)),
        key(other_data),
        key(other_weights),
        key(objective.with_batch_norm("batch")),
        key(objective.first(19)),
    ]
    assert len({key(), *changed}) == 1 + len(changed)
    assert key() == key(ModelObjective(cases.mlp(), CrossEntropy(), inputs, targets))


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: Grid.square(0.0), "span must be larger than 0"),
        (lambda: Grid(alpha_low=1.0, alpha_high=1.0), "alpha_high must be larger"),
        (lambda: Grid(resolution=1), "between 2 and 1001"),
        (lambda: probe({}, mlp_probe().plane, {"loss": LossMeasure()}), "at least one objective"),
        (
            lambda: probe(
                mlp_probe().parts,
                Plane(torch.zeros(3), torch.eye(3)[:2]),
                {"loss": LossMeasure()},
            ),
            "must be the network's",
        ),
    ],
)
def test_what_cannot_be_sliced_is_refused_by_name(ask, says):
    with pytest.raises(SpecError, match=says):
        ask()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda d: d.drop_vars("loss"), "'loss'"),
        (lambda d: d.drop_vars("computed"), "'computed'"),
        (lambda d: d.drop_vars("alpha"), "'alpha'"),
        (lambda d: d.transpose("alpha", "beta", "split"), "dimensions"),
        (lambda d: d.assign(computed=d["computed"].astype(float)), "boolean"),
        (lambda d: d.assign(loss=d["loss"].isel(split=0)), "'loss' must have"),
    ],
)
def test_a_dataset_that_is_no_slice_is_refused_by_name(spoil, says):
    with pytest.raises(FileFormatError, match=says):
        schema.check(spoil(coarse(mlp_probe(), SMALL, 0)))
