"""The states that a run has recorded: each one's own loss lies at its point of the plane."""

from collections import deque

import numpy as np
import pytest
import torch

from landscape_core.connectivity.connected_runs import connect_runs
from landscape_core.connectivity.connection import Connection
from landscape_core.connectivity.paths.bezier import Bezier
from landscape_core.experiments.slice_of_run import plan_slice, slice_of_trajectory
from landscape_core.experiments.trajectory import buffers_at, record_run
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.progress import result
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.moons import Moons
from landscape_core.models.normalizations.batch import Batch
from landscape_core.models.problems.supervised import Supervised
from landscape_core.planes.directions.between import Between
from landscape_core.planes.directions.endpoints import Endpoints
from landscape_core.planes.directions.gradient import Gradient
from landscape_core.planes.directions.random import Random
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.storage import netcdf
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.run import Run, Training


def run_of(seed=0, normalization=None, steps=30):
    """A short run of a small network with batch normalization."""
    architecture = MLP(width=6, normalization=normalization or Batch())
    problem = Supervised(dataset=Moons(), architecture=architecture, data_seed=0)
    return Run(problem=problem, optimizer=Adam(), steps=steps, seed=seed, dtype="float64")


def own_loss(run, path, at, split="train"):
    """The loss of a recorded state by its own parameters and statistics."""
    instance = Training(run).instance
    part = getattr(instance, split).with_buffers(buffers_at(path, at, instance.train))
    return float(part.loss(torch.from_numpy(path["theta"].values[at])))


@pytest.mark.parametrize("dimensions", [1, 2])
@pytest.mark.parametrize("options", [{}, {"orthogonal": True}, {"length": "unit"}])
def test_the_ends_of_a_run_show_their_own_losses(dimensions, options):
    run = run_of()
    path = result(record_run(run))
    planned = plan_slice(path, SliceSpec(directions=Endpoints(**options), dimensions=dimensions))
    read, plane, thetas = planned.probe, planned.plane, torch.from_numpy(path["theta"].values)
    ends = [0, len(thetas) - 1]
    found = read(plane.coords(thetas[ends]).numpy())
    for at, values in zip(ends, found[:, 0].T, strict=True):
        for split, value in zip(("train", "test"), values, strict=True):
            assert value == pytest.approx(own_loss(run, path, at, split), rel=1e-12)
    assert read.parts["train"].batch_norm == "interpolated"


def test_the_farthest_detour_shows_its_own_loss():
    run = run_of()
    path = result(record_run(run))
    line = plan_slice(path, SliceSpec(directions=Endpoints(), dimensions=1)).plane
    planned = plan_slice(path, SliceSpec(directions=Endpoints()))
    read, plane, thetas = planned.probe, planned.plane, torch.from_numpy(path["theta"].values)
    at = int(line.distance(thetas).argmax())
    value = read(plane.coords(thetas[at : at + 1]).numpy())[0, 0, 0]
    assert value == pytest.approx(own_loss(run, path, at), rel=1e-12)


def test_the_end_of_another_run_is_a_state_with_its_statistics(tmp_path):
    one, other = run_of(0), run_of(1)
    paths = [result(record_run(run)) for run in (one, other)]
    netcdf.save(paths[1], tmp_path / "other.nc")
    asked = SliceSpec(
        directions=Between(first=str(tmp_path / "other.nc")), dimensions=1,
        resolution=3, measures="error",
    )  # fmt: skip
    found = result(slice_of_trajectory(paths[0], asked))
    losses = found["loss"].sel(split="train").values
    assert losses[1] == pytest.approx(own_loss(one, paths[0], -1), rel=1e-12)
    assert losses[2] == pytest.approx(own_loss(one, paths[1], -1), rel=1e-12)
    stale = result(slice_of_trajectory(paths[0], asked.replace(batch_norm="running")))
    assert abs(float(stale["loss"].sel(split="train")[2]) - losses[2]) > 1e-6


def test_what_goes_through_one_state_alone_is_refused_before_any_work():
    with pytest.raises(
        SpecError, match=r"SliceSpec\.batch_norm must be running, batch or .*interpolat"
    ):
        SliceSpec(directions=Random(), batch_norm="interpolated")
    session = Session(run_of(), SliceSpec(resolution=11))
    with pytest.raises(SpecError, match=r"SliceSpec\.batch_norm must be running, batch or"):
        session.change_slice(SliceSpec(batch_norm="interpolated"))


def test_directions_are_found_with_the_statistics_of_the_state():
    run = run_of()
    path = result(record_run(run))
    plane = plan_slice(path, SliceSpec(directions=Gradient(), dimensions=1)).plane
    train = Training(run).instance.train
    part = train.with_buffers(buffers_at(path, -1, train))
    gradient = part.gradient(torch.from_numpy(path["theta"].values[-1]))
    cosine = torch.nn.functional.cosine_similarity(plane.axes[0], -gradient, dim=0)
    assert float(cosine) == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("choice", ["usual", "interpolated", "running"])
def test_a_session_shows_its_states_and_starts_from_what_is_shown(choice):
    run = run_of()
    view = SliceSpec(directions=Endpoints(), batch_norm=choice, resolution=11, max_examples=1000)
    session = Session(run, view)
    assert session.picture().slice.attrs["batch_norm"] == "running"  # a random plane for now
    session.advance(run.steps)
    *_, picture = session.refine()
    named = "running" if choice == "running" else "interpolated"
    assert picture.slice.attrs["batch_norm"] == named
    path = session.trajectory()
    coords = picture.path[["alpha", "beta"]]
    for at in (0, -1):
        place = coords.isel(step=at)
        state = session.state_at(float(place["alpha"]), float(place["beta"]))
        expected = buffers_at(path, -1 if choice == "running" else at, Training(run).instance.train)
        for name, value in expected.items():
            if value.is_floating_point():
                torch.testing.assert_close(state.buffers[name], value, rtol=1e-9, atol=1e-9)
    points = []
    deque(session.study("", lambda point: iter([points.append(point)])), maxlen=0)
    assert points[0].over_plane.batch_norm == named


@pytest.mark.parametrize(
    "choice", ["interpolated", pytest.param("running", marks=pytest.mark.exhaustive)]
)
def test_a_connections_plane_shows_the_losses_of_both_ends(choice):
    ask = Connection(
        first=run_of(0), second=run_of(1), path=Bezier(steps=5), points=5, resolution=41,
        batch_norm=choice,
    )  # fmt: skip
    found = result(connect_runs(ask))
    plane = found["plane_loss"].sel(split="train")
    assert plane.attrs["batch_norm"] == "interpolated"
    paths = [result(record_run(run)) for run in (ask.first, ask.second)]
    for at, path in enumerate(paths):
        assert float(found["loss"][0, -at]) == pytest.approx(own_loss(ask.first, path, -1))
        near = plane.interp(alpha=float(at), beta=0.0)
        np.testing.assert_allclose(float(near), own_loss(ask.first, path, -1), rtol=0.03)


def test_a_network_without_batch_normalization_is_read_as_before():
    problem = Supervised(dataset=Moons(), architecture=MLP(width=6))
    run = run_of().replace(problem=problem)
    read = plan_slice(result(record_run(run)), SliceSpec(directions=Endpoints())).probe
    assert read.parts["train"].batch_norm == "running"
    assert read.plane.states == 3
