"""A run being watched: pictures of the landscape around it, the path on them, what they hide."""

import itertools
import json
import math
from collections import deque

import numpy as np
import pytest
import torch
import xarray as xr

import oracles
from landscape_core.connectivity.paths.bezier import Bezier
from landscape_core.connectivity.restart import another_start, to_another_start
from landscape_core.curvature.monitor import Watch
from landscape_core.curvature.spectrum import Spectrum, compute_spectrum
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.registry import from_plain, make
from landscape_core.models.problems.base import Problem
from landscape_core.models.weight_change import WeightChange
from landscape_core.planes.directions.base import Viewpoint
from landscape_core.planes.directions.gradient import Gradient
from landscape_core.planes.directions.hessian import HessianEigenvectors
from landscape_core.planes.directions.pca import PCA
from landscape_core.planes.directions.random import Random
from landscape_core.planes.directions.update import Update
from landscape_core.planes.extent import framed
from landscape_core.session import plane_tracker
from landscape_core.session.picture import under
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.slices.strategies.cuda_graph import CudaGraph
from landscape_core.slices.strategies.loop import Loop
from landscape_core.storage.store import Store
from landscape_core.training.run import Run, Training, continues, train


def run_of(**changes):
    plain = {"problem": {"kind": "supervised", "dataset": {"kind": "spirals", "points": 80}}}
    return from_plain(Run, plain | {"batch_size": 20, "steps": 40} | changes)


def last(pictures):
    return deque(pictures, maxlen=1)[0]


def thetas_of(session):
    """The recorded iterates of a session, (T, P)."""
    return torch.from_numpy(session.trajectory()["theta"].values)


def network_of(session):
    """The training objective with the statistics of the state in which the run stands."""
    return Training(session.run).instance.train.with_buffers(session.state.buffers)


def viewpoint_of(session):
    network = Training(session.run).instance.train
    return Viewpoint(network, session.state.theta, thetas_of(session), session.run.seed)


def test_the_last_picture_is_the_loss_at_its_points():
    session = Session(run_of(), SliceSpec(resolution=11, directions=Random()))
    session.advance(10)
    picture = last(session.refine())
    assert picture.slice["computed"].all()
    plane = Random().span(viewpoint_of(session))
    objective = network_of(session)
    for row, column in ((0, 0), (3, 8), (10, 10)):
        where = [picture.slice["alpha"].values[column], picture.slice["beta"].values[row]]
        theta = plane.points(torch.tensor([where], dtype=torch.float64))[0]
        expected = float(objective.loss(theta))
        found = float(picture.slice["loss"].values[0, row, column])
        assert found == pytest.approx(expected, rel=1e-5)


def test_the_path_ends_at_the_current_point_and_lies_in_the_frame():
    session = Session(run_of(), SliceSpec())
    session.advance_to(20)
    picture = session.picture()
    alpha, beta = picture.slice["alpha"].values, picture.slice["beta"].values
    assert alpha[0] < picture.path["alpha"].min()
    assert alpha[-1] > picture.path["alpha"].max()
    assert beta[0] < picture.path["beta"].min()
    assert beta[-1] > picture.path["beta"].max()
    assert float(picture.path["distance"][-1]) == pytest.approx(0.0, abs=1e-5)
    assert int(picture.path["step"][-1]) == 20
    assert picture.path["loss"].values[-1] == pytest.approx(picture.readings.values["train_loss"])


def test_the_explained_variance_agrees_with_its_definition_and_with_the_axes_of_pca():
    session = Session(run_of(), SliceSpec())
    session.advance_to(20)
    picture = session.picture()
    thetas = thetas_of(session).double().numpy()
    moved = thetas - thetas.mean(axis=0)
    axes = session.plane.axes.double().numpy()
    inside = moved @ np.linalg.pinv(axes) @ axes
    expected = (inside**2).sum() / (moved**2).sum()
    assert picture.captured == pytest.approx(expected, rel=1e-4)
    ratios = picture.slice.attrs["explained_variance_ratio"]
    assert picture.captured == pytest.approx(sum(ratios), rel=1e-4)


def test_playing_is_the_same_training_as_without_looking():
    run = run_of(steps=15)
    session = Session(run, SliceSpec(resolution=11))
    picture = last(session.play(4))
    assert picture.status == "finished"
    assert torch.equal(session.state.theta, list(train(run))[-1].theta)


def test_a_wild_run_is_shown_in_the_plane_of_its_path_from_the_third_iterate_on():
    wild = run_of(optimizer={"kind": "adam", "learning_rate": 100.0})
    session = Session(wild, SliceSpec(directions=PCA(), resolution=5))
    for _ in range(8):
        session.advance(1)
        picture = session.picture()
        inside = [
            np.abs(picture.path[axis].values - picture.slice[axis].mean().item())
            <= np.ptp(picture.slice[axis].values) / 2
            for axis in ("alpha", "beta")
        ]
        if session.step > 1:
            assert picture.notice == ""
            assert session.plane.names == ("PC1", "PC2")
            assert np.all(inside)


def test_the_explained_variance_is_that_of_the_whole_path_also_where_it_leaves_the_picture():
    quiet, wild = (
        run_of(optimizer={"kind": "adam", "learning_rate": rate}) for rate in (1e-4, 100.0)
    )
    session = Session(quiet, SliceSpec(directions=PCA(), resolution=5))
    session.advance(5)
    session.continue_with(wild)
    session.advance(1)
    picture = session.picture()
    assert "before step 6" in picture.notice
    path, plane = thetas_of(session), session.plane
    assert picture.captured == pytest.approx(plane.captured(path), rel=1e-9)
    assert picture.captured != pytest.approx(plane.captured(path[:6]), rel=1e-3)


def test_before_there_is_a_path_the_plane_is_random_and_says_so():
    session = Session(run_of(), SliceSpec(directions=PCA()))
    assert "random plane" in session.picture().notice
    session.advance_to(10)
    assert session.picture().notice == ""


def test_an_axis_of_a_plane_that_follows_flips_only_once_while_the_path_grows():
    session = Session(run_of(steps=200), SliceSpec(directions=PCA()))
    session.advance_to(10)
    before, flips = None, torch.zeros(2)
    for picture in session.play(2):
        axes = session.plane.axes
        if before is not None:
            flips += (axes * before).sum(dim=1) < 0
        before = axes
        if picture.readings.step >= 60:
            break
    assert bool((flips <= 1).all())


def test_a_fixed_plane_stays():
    session = Session(run_of(), SliceSpec(follow=False))
    session.advance_to(10)
    session.picture()
    plane = session.plane
    session.advance(5)
    session.picture()
    assert torch.equal(session.plane.axes, plane.axes)
    assert torch.equal(session.plane.origin, plane.origin)


@pytest.mark.parametrize("extent", [1e-6, 0.03, 1.0, 77.0])
def test_a_frame_holds_the_path_with_a_margin_and_moves_seldom_while_it_grows(extent):
    way = np.linspace(0.0, 1.0, 200)
    path = extent * np.stack([3 * way, 0.3 * way**2], axis=1)
    frames = [framed(path[:length]) for length in range(2, 201)]
    for length, frame in enumerate(frames, 2):
        beyond = np.abs(path[:length] - frame.middle) / frame.half
        assert beyond.max() <= 1 / 1.06
    low, high = frames[-1].middle - frames[-1].half, frames[-1].middle + frames[-1].half
    assert (high - low)[0] <= 1.85 * 3 * extent
    grown = frames[19:]  # by ten times
    moves = sum(not np.array_equal(a.half, b.half) for a, b in itertools.pairwise(grown))
    assert moves <= 36  # of 180


def test_only_step_sizes_batch_size_and_end_let_a_run_go_on():
    same = run_of()
    rate = same.optimizer.replace(learning_rate=0.01)
    assert continues(same, same.replace(optimizer=rate, batch_size=5, steps=7))
    assert not continues(same, same.replace(seed=1))
    assert not continues(same, run_of(optimizer="adam"))


def test_a_batch_too_large_leaves_the_run_as_it_was():
    session = Session(run_of(), SliceSpec())
    with pytest.raises(SpecError, match=r"Run\.batch_size"):
        session.continue_with(session.run.replace(batch_size=81))
    assert session.run.batch_size == 20


def test_a_picture_asked_again_comes_from_the_store(tmp_path):
    def opened():
        session = Session(run_of(), SliceSpec(resolution=15), Store(tmp_path))
        session.advance_to(10)
        return list(session.refine())

    first, again = opened(), opened()
    assert len(again) == 1
    np.testing.assert_array_equal(first[-1].slice["loss"], again[-1].slice["loss"])


def test_a_diverged_run_keeps_its_path_and_a_picture():
    run = run_of(
        optimizer={"kind": "sgd", "learning_rate": 100.0},
        problem={"kind": "supervised", "loss": "squared_error"},
        steps=500,
        batch_size=64,
    )
    session = Session(run, SliceSpec(resolution=11))
    picture = last(session.play(1))
    assert picture.status == "diverged"
    assert np.isnan(picture.readings.values["train_loss"])
    assert len(picture.path["step"]) >= 2
    assert np.isfinite(picture.path["alpha"]).all()


@pytest.mark.parametrize("dataset", ["regression_1d", "digits"])
def test_other_inputs_have_a_curve_or_no_boundary(dataset):
    loss = "squared_error" if dataset == "regression_1d" else "cross_entropy"
    problem = {"kind": "supervised", "dataset": dataset, "loss": loss}
    session = Session(run_of(problem=problem), SliceSpec(resolution=11, max_examples=50))
    session.advance(2)
    picture = session.picture()
    if dataset == "digits":
        assert picture.boundary is None
    else:
        assert picture.boundary["output"].dims == ("x",)
        assert "accuracy" not in picture.slice


def test_the_loss_under_the_path_is_that_of_the_picture():
    session = Session(run_of(), SliceSpec(resolution=31))
    session.advance_to(20)
    picture = last(session.refine())
    path = under(picture.path, picture.slice, "train")
    present = path.isel(step=-1)
    # On the plane the two are one; off it they differ, and the path says by how far it is off.
    assert float(present["under"]) == pytest.approx(float(present["loss"]), rel=0.02)
    assert float(present["off"]) == pytest.approx(0, abs=1e-5)
    start = path.isel(step=0)
    thetas = thetas_of(session)
    moved = (thetas - thetas[0]).norm(dim=1).max()
    assert float(start["off"]) == pytest.approx(float(start["distance"]) / float(moved), rel=1e-5)
    session.change_slice(SliceSpec(resolution=11, span=0.05))
    narrow = session.picture()
    assert np.isnan(under(narrow.path, narrow.slice, "train")["under"].values[0])


def test_curvature_is_followed_only_when_asked_and_within_its_share():
    session = Session(run_of(steps=400), SliceSpec(resolution=11))
    session.advance(10)
    assert session.picture().curvature is None
    session.watch(Watch(max_overhead=1.0, top=2))
    for _ in range(30):
        session.advance(10)
    picture = session.picture()
    found = picture.curvature
    assert found is not None
    assert found["eigenvalue"].dims == ("step", "rank")
    assert found.attrs["seconds"] <= picture.readings.seconds + found.attrs["seconds"] / len(
        found["step"]
    )
    at, step = found.isel(step=-1), int(found["step"][-1])
    states = {state.index: state for state in train(run_of(steps=400)) if state.index == step}
    objective = Training(session.run).instance.train.first(256)
    exact = torch.linalg.eigvalsh(oracles.dense_hessian(objective, states[step].theta))[-1]
    assert float(at["eigenvalue"][0]) == pytest.approx(float(exact), rel=0.1)
    session.watch(None)
    assert session.picture().curvature is None


def test_a_study_is_of_the_present_point_and_kept(tmp_path):
    asked = Spectrum(top=2, bottom=0, probes=2, steps=10, each_layer=True)
    begun = []

    def study(stand):
        def work():
            begun.append(stand.step)
            yield from compute_spectrum(stand.train, stand.train.start, asked)

        return stand.kept(asked, work())

    session = Session(run_of(), SliceSpec(resolution=11), Store(tmp_path))
    session.advance(20)
    assert not list(session.study("spectrum", study))  # nothing is shown yet
    deque(session.refine(), maxlen=0)
    grown = list(session.study("spectrum", study))
    assert len(grown) > 1
    assert grown[0].slice["computed"].values.all()
    found = grown[-1].studies["spectrum"]
    assert list(found["block"].values) == ["network", "0", "2", "4"]
    expected = last(compute_spectrum(network_of(session), session.state.theta, asked))
    xr.testing.assert_allclose(found["eigenvalue"], expected["eigenvalue"])
    again = list(session.study("spectrum", study))
    assert len(again) == 1
    assert begun == [20]
    xr.testing.assert_identical(again[0].studies["spectrum"], found)
    session.advance(1)
    session.picture()
    deque(session.study("spectrum", study), maxlen=0)
    assert begun == [20, 21]


def test_a_study_without_news_leaves_the_picture_as_it_was():
    session = Session(run_of(), SliceSpec(resolution=11))
    picture = session.picture()
    one = xr.Dataset({"a": 1})
    shown = list(session.study("a", lambda stand: iter([None, one, None])))
    assert shown[0] is picture
    assert [dict(each.studies) for each in shown[1:]] == [{"a": one}, {"a": one}]


def test_what_depends_on_the_plane_is_kept_by_the_plane(tmp_path):
    session = Session(run_of(), SliceSpec(resolution=11), Store(tmp_path))
    session.advance(5)
    asked, counted = Spectrum(), []

    def study(stand):
        def work():
            counted.append(stand.plane.names)
            yield xr.Dataset({"a": 1})

        return stand.kept(asked, work(), on_plane=True)

    for view in (
        SliceSpec(resolution=11),
        SliceSpec(resolution=13),
        SliceSpec(directions=Gradient()),
    ):
        session.change_slice(view)
        for _ in range(2):
            session.picture()
            deque(session.study("a", study), maxlen=0)
    assert len(counted) == 3


def test_a_study_is_made_anew_where_the_run_goes_on_otherwise(tmp_path):
    session, made = Session(run_of(), SliceSpec(resolution=11), Store(tmp_path)), []

    def study(stand):
        def work():
            made.append(stand.run.batch_size)
            yield xr.Dataset({"a": 1})

        return stand.kept(Spectrum(), work())

    session.advance(5)
    for batch_size in (20, 10, 20):  # what another run would do depends on it
        session.continue_with(run_of(batch_size=batch_size))
        session.picture()
        deque(session.study("a", study), maxlen=0)
    assert made == [20, 10]


def test_a_connection_leads_to_another_start_on_the_same_data(tmp_path):
    session = Session(run_of(), SliceSpec(resolution=11), Store(tmp_path))
    session.advance(20)
    session.picture()

    def study(stand):
        for progress in to_another_start(
            stand.parts, stand.run, path=Bezier(steps=30), align=True, store=stand.store
        ):
            assert progress.done <= progress.total
            yield progress.dataset

    found = last(session.study("connection", study)).studies["connection"]
    readings = session.picture().readings.values
    for split in ("train", "test"):
        at = found.sel(split=split)
        assert float(at["straight_loss"][0]) == pytest.approx(readings[f"{split}_loss"], rel=1e-4)
        assert float(at["barrier"]) <= float(at["straight_barrier"])
    other = Training(another_start(run_of(steps=20)))
    end = last(train(another_start(run_of(steps=20))))
    assert torch.equal(other.instance.train.inputs, network_of(session).inputs)
    theta = torch.from_numpy(found["nodes"].values[-1]).to(end.theta)
    assert float(other.instance.train.loss(theta)) == pytest.approx(
        float(other.instance.train.loss(end.theta)), rel=1e-4
    )
    assert found["plane_loss"].dims == ("split", "beta", "alpha")


@pytest.mark.parametrize(
    "directions",
    [PCA(), PCA(center=False), HessianEigenvectors(), Update()],
    ids=["PCA", "PCA around the end", "Hessian", "update"],
)
def test_a_picture_of_a_running_training_has_the_axes_of_the_held_one(directions, monkeypatch):
    monkeypatch.setattr(plane_tracker, "QUICK", math.inf)  # computed anew for every picture
    session = Session(run_of(), SliceSpec(resolution=5, directions=directions))
    for _ in range(30):
        session.advance(1)
        session.picture()
        live = session.plane
        session.settle()
        session.span()
        assert torch.equal(live.axes, session.plane.axes)
        assert live.names == session.plane.names


def test_a_run_leaves_the_same_held_picture_however_it_was_watched():
    view = SliceSpec(resolution=11, directions=PCA())
    changed = run_of(optimizer={"kind": "sgd", "learning_rate": 0.5})
    watched = Session(run_of(), view, strategy=Loop())
    for pace in (1, 7, 2):
        watched.advance(pace)
        watched.picture()
    watched.revisit(4)
    watched.inspect(0.1, 0.2)
    watched.continue_with(changed)
    for _ in range(24):
        watched.advance(1)
        watched.picture()
    travelled = Session(run_of(), view, strategy=Loop())
    deque(travelled.travel(10), maxlen=0)
    travelled.continue_with(changed)
    deque(travelled.travel(34), maxlen=0)
    assert watched.history == travelled.history == [(0, run_of()), (10, changed)]
    one, other = last(watched.refine()), last(travelled.refine())
    xr.testing.assert_identical(one.slice, other.slice)
    xr.testing.assert_identical(one.path, other.path)
    xr.testing.assert_identical(one.curves, other.curves)
    assert one.curves["loss"].sel(split="train")[-1] != one.curves["loss"].sel(split="train")[10]


@pytest.mark.parametrize("directions", [PCA(), Random()])
def test_looking_back_shows_a_recorded_iterate_and_leaves_the_run_where_it_is(directions):
    session = Session(run_of(), SliceSpec(resolution=11, directions=directions), strategy=Loop())
    session.advance_to(30)
    held = last(session.refine())
    theta = session.state.theta
    back = session.revisit(12)
    assert back.seen == back.readings.step == 12
    assert list(back.path["step"].values) == list(range(31))
    then = Session(run_of(), SliceSpec(resolution=11, directions=directions), strategy=Loop())
    then.advance_to(12)
    xr.testing.assert_identical(back.boundary, then.picture().boundary)
    assert back.readings.values == then.picture().readings.values
    if directions == PCA():  # the plane of the whole run stays, and so does its slice
        xr.testing.assert_identical(back.slice, held.slice)
    else:  # the plane goes through the iterate
        xr.testing.assert_identical(last(session.refine()).slice, last(then.refine()).slice)
    session.advance(1)
    assert session.picture().seen == 31
    again = Session(run_of(), SliceSpec(resolution=11))
    again.advance_to(31)
    assert torch.equal(session.state.theta, again.state.theta)
    assert not torch.equal(session.state.theta, theta)
    assert [picture.seen for picture in session.replay(28)] == [29, 30, 31]


def test_a_place_of_the_picture_can_be_looked_at_and_started_from():
    session = Session(run_of(), SliceSpec(resolution=11))
    session.advance_to(20)
    held = last(session.refine())
    alpha, beta = float(held.slice["alpha"][3]), float(held.slice["beta"][8])
    seen = session.inspect(alpha, beta)
    there = float(held.slice["loss"].sel(split="train")[8, 3])
    assert seen.point.values["train_loss"] == pytest.approx(there, rel=1e-5)
    assert not seen.boundary.equals(held.boundary)
    begun = Session(run_of(), SliceSpec(resolution=11), start=session.state_at(alpha, beta))
    assert begun.picture().readings.values["train_loss"] == pytest.approx(there, rel=1e-5)
    begun.advance(3)
    assert begun.step == 3
    wide = from_plain(
        Run, {"problem": {"kind": "supervised", "architecture": {"kind": "mlp", "width": 9}}}
    )
    with pytest.raises(SpecError, match="start must be the network's"):
        Session(wide, SliceSpec(), start=session.state_at(alpha, beta))


def test_data_keep_their_seed_while_weights_change():
    problem = run_of().problem
    one, other = (problem.replace(data_seed=5).build(seed) for seed in (1, 2))
    assert torch.equal(one.train.inputs, other.train.inputs)
    assert not torch.equal(one.start, other.start)
    assert torch.equal(problem.build(5).train.inputs, one.train.inputs)


def test_a_plane_that_takes_long_is_renewed_seldom_and_always_when_held(monkeypatch):
    session = Session(run_of(steps=400), SliceSpec(resolution=11, directions=Gradient()))
    monkeypatch.setattr(plane_tracker, "QUICK", 0.0)
    monkeypatch.setattr(plane_tracker, "SELDOM", 1e6)
    session.advance(5)
    session.span()
    first = session.plane
    session.advance(50)
    session.span()
    moving = session.plane
    assert torch.equal(moving.axes, first.axes)
    assert torch.equal(moving.origin, session.state.theta)
    deque(session.refine(), maxlen=0)
    held = session.plane
    expected = Gradient().span(viewpoint_of(session))
    torch.testing.assert_close(held.axes.abs(), expected.axes.abs())


def test_the_loss_on_test_examples_is_refused_where_there_are_none():
    run = Run(problem=make(Problem, "bilinear_game"))
    with pytest.raises(SpecError, match=r"SliceSpec\.split must be train"):
        Session(run, SliceSpec(split="test"))
    session = Session(run, SliceSpec())
    with pytest.raises(SpecError, match=r"SliceSpec\.split must be train"):
        session.change_slice(SliceSpec(split="test"))
    assert session.spec == SliceSpec()


def test_who_travels_to_a_step_again_finds_its_picture_in_the_store(tmp_path):
    store, view = Store(tmp_path), SliceSpec(resolution=13)
    first, again = (Session(run_of(), view, store) for _ in range(2))
    on_the_way = list(first.travel(24))
    assert [picture.readings.step for picture in on_the_way] == list(range(2, 26, 2))
    assert not list(first.travel(24))
    made = last(first.refine())
    assert len(store.entries()) == 1
    next(iter(again.travel(24)))  # who has looked at another picture, too
    last(again.travel(24))
    found = last(again.refine())
    assert len(store.entries()) == 1
    xr.testing.assert_identical(found.slice["loss"], made.slice["loss"])
    assert np.array_equal(found.path["alpha"], made.path["alpha"])


@pytest.mark.parametrize("directions", [PCA(), Random()])
def test_a_path_that_flies_off_is_shown_until_it_leaves_the_picture(directions):
    session = Session(run_of(steps=100), SliceSpec(resolution=11, directions=directions))
    session.advance_to(10)
    faster = session.run.optimizer.replace(learning_rate=90.0)
    session.continue_with(session.run.replace(optimizer=faster))
    session.advance_to(100)
    held = last(session.refine())
    thetas = thetas_of(session).double()
    far = (thetas - thetas[0]).norm(dim=1) > 100 * thetas[0].norm()
    gone = session.recorded[int(far.int().argmax())]
    assert 10 < gone < 100
    assert f"before step {gone}," in held.notice
    assert np.isfinite(held.slice["loss"]).all()
    assert abs(held.slice["alpha"]).max() < 1e4
    assert list(held.path["step"].values) == session.recorded


def test_a_tolerance_is_of_the_scale_that_the_view_asks_for():
    run = run_of()
    found = {}
    for scale in ("linear", "log"):
        session = Session(run, SliceSpec(resolution=33, tolerance=0.01, scale=scale))
        session.advance(10)
        found[scale] = last(session.refine()).slice
    assert json.loads(found["log"].attrs["tolerance"])["scale"] == "log"
    assert found["linear"]["error"].attrs["units"] != found["log"]["error"].attrs["units"]


def test_pictures_of_a_run_that_goes_on_share_one_recording(monkeypatch):
    made, real = [], CudaGraph.reader

    def reader(strategy, reading):
        made.append(reading.objective.examples)
        return real(strategy, reading)

    monkeypatch.setattr(CudaGraph, "applies", lambda *_: True)  # without a card it records nothing
    monkeypatch.setattr(CudaGraph, "reader", reader)
    dataset = {"kind": "spirals", "points": 80}
    network = {"kind": "mlp", "normalization": {"kind": "batch"}}
    run = run_of(problem={"kind": "supervised", "dataset": dataset, "architecture": network})
    spec = SliceSpec(resolution=5, directions=Random())
    sessions = [Session(run, spec, strategy=one) for one in (CudaGraph(), Loop())]
    for _ in range(3):
        for one in sessions:
            one.advance(3)
        found, expected = (last(one.refine()).slice["loss"].values for one in sessions)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert len(made) == 1


def test_a_network_with_weights_set_by_hand_has_its_own_measures_and_its_place_on_the_plane():
    session = Session(run_of(dtype="float64"), SliceSpec(resolution=5))
    session.side_results.shows_network = True
    session.advance(6)
    held = session.picture()
    changes = [WeightChange("0.bias", (1,), 0.75), WeightChange("2.weight", (0, 3), -1.5)]
    picture = session.inspect(None, None, changes)
    theta = session.state.theta.clone()
    parts = session.live_run.training.instance.train.layout.split(theta)
    parts["0.bias"][1], parts["2.weight"][0, 3] = 0.75, -1.5
    loss = float(network_of(session).loss(theta))
    assert picture.point.values["train_loss"] == pytest.approx(loss, rel=1e-12)
    axes, origin = session.plane.axes.double().numpy(), session.plane.origin.double().numpy()
    offset = theta.double().numpy() - origin
    coord, *_ = np.linalg.lstsq(axes.T, offset, rcond=None)
    np.testing.assert_allclose((picture.point.alpha, picture.point.beta), coord, rtol=1e-8)
    off = np.linalg.norm(offset - coord @ axes)
    assert picture.point.distance == pytest.approx(off, rel=1e-8)
    assert off > 0.1
    assert picture.network["bias"].values[0, 1] == 0.75
    assert picture.network["weight"].values[1, 0, 3] == -1.5
    assert held.network["bias"].values[0, 1] != 0.75
    start = session.state_at(None, None, changes)
    again = Session(run_of(dtype="float64"), SliceSpec(resolution=5), start=start)
    assert again.picture().readings.values["train_loss"] == pytest.approx(loss, rel=1e-12)
    back = session.picture()
    assert back.point is None
    xr.testing.assert_identical(back.network, held.network)


def test_weights_are_set_by_hand_at_a_point_of_the_picture_too():
    session = Session(run_of(dtype="float64"), SliceSpec(resolution=5))
    session.advance(6)
    session.picture()
    plain = session.state_at(0.5, -0.25).theta
    moved = session.state_at(0.5, -0.25, [WeightChange("0.bias", (0,), 2.0)]).theta
    assert (moved != plain).sum() == 1
    point = session.inspect(0.5, -0.25, [WeightChange("0.bias", (0,), 2.0)]).point
    assert point.changes
    with pytest.raises(SpecError, match="changed weight"):
        session.inspect(0.5, -0.25, [WeightChange("9.bias", (0,), 2.0)])


def test_the_network_is_read_where_asked_for_and_not_at_every_picture_of_a_running_training():
    session = Session(run_of(), SliceSpec(resolution=5))
    assert session.picture().network is None
    session.side_results.shows_network = True
    shown = [picture.network for picture in session.play(1)]
    assert all(network is not None for network in shown)
    assert len({id(network) for network in shown}) < len(shown)
    end = session.picture()
    layout = session.live_run.training.instance.train.layout
    bias = layout.split(session.state.theta)["0.bias"][:12]
    np.testing.assert_allclose(end.network["bias"][0], bias, rtol=1e-6)
