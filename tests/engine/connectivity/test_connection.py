"""Connections of trained networks: two minima on one data set, and the work as a whole."""

import numpy as np
import pytest
import torch

import cases
from landscape_core.connectivity.barrier_height import barrier
from landscape_core.connectivity.connected_runs import connect_runs
from landscape_core.connectivity.connection import Connection
from landscape_core.connectivity.curve_search import compute_connection, curve_of
from landscape_core.connectivity.paths.base import batches, plane_of_curve, project_curve
from landscape_core.connectivity.paths.bezier import Bezier
from landscape_core.connectivity.paths.polygon import Polygon
from landscape_core.connectivity.paths.straight import Straight
from landscape_core.experiments.trajectory import record_run
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.progress import result
from landscape_core.foundation.random_streams import stream
from landscape_core.models.architectures.convnet import ConvNet
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.architectures.resnet import ResNet
from landscape_core.models.content_key import content_key
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.datasets.moons import Moons
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.normalizations.batch import Batch
from landscape_core.models.problems.supervised import Supervised
from landscape_core.storage.store import Store
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.run import Run, Training


def small(seed=0, architecture=None, **changes):
    """A short run of a small network on two moons."""
    problem = Supervised(dataset=Moons(), architecture=architecture or MLP(width=6))
    return Run(problem=problem, optimizer=Adam(), steps=40, seed=seed, dtype="float64", **changes)


def asked(**changes):
    """A connection of two short runs."""
    path = Bezier(steps=20)
    return Connection(first=small(0), second=small(1), path=path, points=11).replace(**changes)


def digits(seed, steps=600):
    """The trained network 64-100-100-10 on digits, and its objective, the data being seed 0's."""
    data = Digits().build(0)
    network = MLP(width=100).build((64,), 10, stream(seed, "init"))
    inputs, targets = data.train.inputs.float(), data.train.targets
    objective = ModelObjective(network, CrossEntropy(), inputs, targets)
    optimizer, theta = Adam(), objective.start
    memory = optimizer.init(theta)
    for _, part in zip(range(steps), batches(objective, 128, seed), strict=False):
        theta, memory = optimizer.step(part, theta, memory)
    return objective, theta


@pytest.mark.exhaustive
def test_a_bezier_curve_joins_two_minima_that_a_line_does_not():
    objective, first = digits(0)
    _, last = digits(1)
    *_, found = compute_connection(objective, first, last, path=Bezier(), seed=0)
    across, around = float(found["straight_barrier"][0]), float(found["barrier"][0])
    assert across >= 0.2
    assert around < 0.1 * across
    assert found["accuracy"].min() > 0.95
    assert found["length"] > found["straight_length"]


def test_a_barrier_is_the_largest_excess_over_the_straight_interpolation():
    losses = np.array([[0.0, 3.0, 1.0, 2.0, 4.0], [1.0, 1.0, 1.0, 1.0, 1.0]])
    np.testing.assert_allclose(barrier(losses), [2.0, 0.0])


def test_a_barrier_of_infinite_losses_is_not_finite():
    found = barrier(np.array([[0.0, np.inf, 0.0], [np.inf, 1.0, np.inf], [0.0, np.nan, 0.0]]))
    assert found[0] == np.inf
    assert np.isnan(found[1:]).all()


def test_the_losses_are_those_of_the_points_of_the_curve():
    objective = cases.mlp_objective()
    parts = {"train": objective, "test": objective.first(7)}
    first, last = cases.normal(2, objective.layout.size)
    *_, found = compute_connection(parts, first, last, path=Polygon(steps=10, bends=2), points=9)
    t = torch.linspace(0, 1, 9, dtype=torch.float64)
    points = curve_of(found).points(t)
    line = first + t[:, None] * (last - first)
    for split, part in parts.items():
        along, across = part.losses(points).numpy(), part.losses(line).numpy()
        np.testing.assert_allclose(found["loss"].sel(split=split), along, rtol=1e-12)
        np.testing.assert_allclose(found["straight_loss"].sel(split=split), across, rtol=1e-12)
        np.testing.assert_allclose(found["barrier"].sel(split=split), barrier(along))
        right = [(part.outputs(p).argmax(1) == part.targets).double().mean() for p in points]
        np.testing.assert_allclose(found["accuracy"].sel(split=split), right, rtol=1e-12)
    assert float(found["straight_length"]) == pytest.approx(float((last - first).norm()))


def test_a_function_that_is_no_network_has_losses_alone():
    bowl = cases.bowl([1.0, 2.0, 3.0])
    *_, found = compute_connection(bowl, bowl.minimum - 1, bowl.minimum + 1, path=Straight())
    assert "accuracy" not in found
    # Half the curvature along the line, at its middle less than at its ends by this much.
    ends, middle = found["loss"].values[0, [0, -1]], found["loss"].values[0, 30]
    np.testing.assert_allclose(ends, bowl.loss(bowl.minimum + 1).item(), rtol=1e-12)
    assert abs(middle - bowl.loss(bowl.minimum).item()) < 1e-12
    assert found["barrier"] == 0


def test_what_cannot_be_connected_is_refused():
    objective, wrong = cases.mlp_objective(), cases.normal(5)
    with pytest.raises(SpecError, match="size of first"):
        next(compute_connection(objective, wrong, wrong))
    with pytest.raises(SpecError, match="finite"):
        next(
            compute_connection(
                objective, objective.start, torch.full_like(objective.start, torch.inf)
            )
        )
    with pytest.raises(SpecError, match="at least one objective"):
        next(compute_connection({}, wrong, wrong))


@pytest.mark.exhaustive
def test_the_datasets_on_the_way_are_complete_and_the_last_is_the_result():
    objective = cases.mlp_objective()
    first, last = cases.normal(2, objective.layout.size)
    shown = list(compute_connection(objective, first, last, path=Bezier(steps=400), points=5))
    assert len(shown) >= 2
    assert all(set(one.data_vars) == set(shown[-1].data_vars) for one in shown)
    expected = list(Bezier(steps=400).connect(objective, first, last, 0))[-1]
    np.testing.assert_array_equal(shown[-1]["nodes"], expected.nodes.numpy())


def test_the_ends_are_where_the_runs_ended_and_the_data_the_first_ones():
    found = result(connect_runs(asked()))
    ends = [result(record_run(small(seed)))["theta"].values[-1] for seed in (0, 1)]
    np.testing.assert_array_equal(found["nodes"].values[[0, -1]], ends)
    instance = Training(small(0)).instance
    for split, part in (("train", instance.train), ("test", instance.test)):
        expected = part.losses(torch.from_numpy(np.stack(ends))).numpy()
        np.testing.assert_allclose(found["loss"].sel(split=split)[[0, -1]], expected, rtol=1e-12)


def test_progress_counts_both_runs_and_the_path():
    told = list(connect_runs(asked()))
    assert {one.total for one in told} == {40 + 40 + 21}
    assert [one.done for one in told] == sorted(one.done for one in told)
    assert told[-1].done == told[-1].total


def test_a_connection_is_kept(tmp_path):
    store = Store(tmp_path)
    found = result(connect_runs(asked(), store))
    again = list(connect_runs(asked(), store))
    assert len(again) == 1
    assert again[0].dataset.identical(found)
    for run in (asked().first, asked().second):
        assert store.get(content_key("trajectory", run)) is not None


@pytest.mark.parametrize("architecture", [MLP(width=6), MLP(width=6, normalization=Batch())])
@pytest.mark.parametrize(
    "batch_norm",
    [
        "running",
        *(pytest.param(one, marks=pytest.mark.exhaustive) for one in ("batch", "reestimated")),
    ],
)
def test_aligning_moves_the_second_end_but_not_what_it_computes(architecture, batch_norm):
    runs = {"first": small(0, architecture), "second": small(1, architecture)}
    found = result(connect_runs(asked(**runs, align=True, batch_norm=batch_norm)))
    assert found["aligned_length"] < found["straight_length"]
    for name in ("loss", "aligned_loss", "straight_loss"):
        ends = found[name].values[:, [0, -1]]
        np.testing.assert_allclose(ends, found["straight_loss"].values[:, [0, -1]], rtol=1e-9)
    ends = curve_of(found).nodes[[0, -1]]
    assert float((ends[1] - ends[0]).norm()) == pytest.approx(float(found["aligned_length"]))


def test_running_statistics_are_those_of_each_end():
    architecture = MLP(width=6, normalization=Batch())
    runs = {"first": small(0, architecture), "second": small(1, architecture)}
    found = result(connect_runs(asked(**runs, batch_norm="running")))
    train = Training(runs["first"]).instance.train
    for end, run in ((0, runs["first"]), (-1, runs["second"])):
        path = result(record_run(run))
        flat, buffers = torch.from_numpy(path["buffer"].values[-1]), {}
        for name, value in train.buffers.items():
            piece, flat = flat[: value.numel()], flat[value.numel() :]
            buffers[name] = piece.view(value.shape).to(value)
        theta = torch.from_numpy(path["theta"].values[-1])
        expected = float(train.with_buffers(buffers).loss(theta))
        assert float(found["loss"][0, end]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("architecture", [MLP(width=7), MLP(width=6, activation="tanh")])
def test_runs_of_different_networks_are_refused(architecture):
    with pytest.raises(SpecError, match="first one's network"):
        next(connect_runs(asked(second=small(1, architecture))))


def test_a_network_that_cannot_be_aligned_is_refused_before_any_work():
    def run(seed):
        problem = Supervised(dataset=Digits(shape="images"), architecture=ResNet())
        return Run(problem=problem, seed=seed)

    with pytest.raises(SpecError, match="chain of linear or convolutional layers"):
        next(connect_runs(Connection(first=run(0), second=run(1), align=True)))


def test_convolutional_networks_are_aligned_too():
    problem = Supervised(
        dataset=Digits(points=100, shape="images"), architecture=ConvNet(channels=4)
    )
    runs = [Run(problem=problem, optimizer=Adam(), steps=10, seed=seed) for seed in (0, 1)]
    ask = Connection(first=runs[0], second=runs[1], path=Straight(), align=True, points=5)
    found = result(connect_runs(ask))
    np.testing.assert_allclose(found["loss"], found["aligned_loss"])
    assert found["aligned_length"] < found["straight_length"]


def test_the_curve_of_a_dataset_lies_in_its_plane():
    curve = curve_of(result(connect_runs(asked())))
    assert curve.kind == "bezier"
    coords, distances = project_curve(curve, plane_of_curve(curve), 11)
    assert coords.shape == (11, 2)
    assert float(distances.max()) < 1e-9


@pytest.mark.parametrize("normalization", [{}, {"normalization": Batch()}])
def test_the_picture_of_the_plane_is_the_loss_on_it_and_holds_the_curve(normalization):
    architecture = MLP(width=6, **normalization)
    ask = asked(first=small(0, architecture), second=small(1, architecture), resolution=7)
    found = result(connect_runs(ask))
    curve = curve_of(found)
    plane = plane_of_curve(curve)
    instance = Training(ask.first).instance
    for split, part in (("train", instance.train), ("test", instance.test)):
        one = part.with_batch_norm("reestimated").with_reference(instance.train.inputs)
        for row, column in ((0, 0), (2, 5), (6, 3)):
            at = found.sel(split=split).isel(beta=row, alpha=column)
            where = torch.tensor([[float(at["alpha"]), float(at["beta"])]], dtype=torch.float64)
            expected = float(one.loss(plane.points(where)[0]))
            assert float(at["plane_loss"]) == pytest.approx(expected, rel=1e-9)
    ends = found.isel(t=[0, -1])
    np.testing.assert_allclose(ends["curve_alpha"], [0, 1], atol=1e-9)
    np.testing.assert_allclose(ends["curve_beta"], [0, 0], atol=1e-9)
    assert float(found["curve_distance"].max()) < 1e-9
    for side in ("alpha", "beta"):
        assert float(found[side].min()) < float(found[f"curve_{side}"].min())
        assert float(found[side].max()) > float(found[f"curve_{side}"].max())


def test_a_straight_line_and_an_objective_without_a_network_have_no_plane():
    assert "plane_loss" not in result(connect_runs(asked(path=Straight())))
    assert "plane_loss" not in result(connect_runs(asked(resolution=0)))
    bowl = cases.bowl([1.0, 2.0, 3.0])
    *_, found = compute_connection(
        bowl, bowl.minimum - 1, bowl.minimum + 1, path=Bezier(steps=3), resolution=5
    )
    assert "plane_loss" not in found
    with pytest.raises(SpecError, match=r"Connection\.resolution must be 0, or between 3"):
        asked(resolution=2)
