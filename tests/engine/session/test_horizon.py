"""A plane of the whole trajectory is known from the start of a run, and stays until its horizon."""

from collections import deque

import numpy as np
import pytest
import torch
import xarray as xr

from landscape_core.experiments.horizon import GROWTH, horizon
from landscape_core.experiments.slice_of_run import plan_slice, slice_of_run
from landscape_core.experiments.trajectory import record_run
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.progress import result
from landscape_core.foundation.registry import from_plain
from landscape_core.models.user_model import user_problem
from landscape_core.planes.directions.random import Random
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.slices.strategies.loop import Loop
from landscape_core.training.run import Run

SPEC = SliceSpec(resolution=5, horizon=12)


def run_of(**changes):
    problem = {"kind": "supervised", "dataset": "moons"}
    return from_plain(Run, {"problem": problem, "steps": 200, "dtype": "float64"} | changes)


def shown(session):
    plane = session.plane
    slice_ = session.live_slice.projected
    return plane.axes, plane.origin, torch.tensor(slice_.low), torch.tensor(slice_.high)


def test_plane_and_extent_stay_up_to_the_horizon_and_then_up_to_eight_times_as_many_steps():
    session = Session(run_of(), SPEC)
    changed, before = [], None
    for picture in session.play(1):
        now = shown(session)
        if before is not None and not all(map(torch.equal, now, before)):
            changed.append(picture.readings.step)
        before = now
        if picture.readings.step == 30:
            break
    assert changed == [13]
    assert picture.spec.horizon == 12
    *_, held = session.refine()
    assert all(map(torch.equal, shown(session), before))  # pausing moves nothing
    plane = session.live_slice.plane
    session.change_slice(SPEC.replace(resolution=7))
    session.span()
    assert session.live_slice.plane is plane  # nothing is trained ahead once more
    assert held.slice.sizes["alpha"] == 5
    session.change_slice(SPEC.replace(resolution=7, span=2.0))
    session.span()
    assert shown(session)[3][0] > before[3][0]
    np.testing.assert_array_equal(held.path["alpha"], picture.path["alpha"])


def test_the_plane_is_that_of_the_trajectory_up_to_the_horizon():
    session, later = Session(run_of(), SPEC), Session(run_of(), SliceSpec(resolution=5))
    session.span()
    later.advance_to(12)
    later.span()
    for ahead, there in zip(shown(session), shown(later), strict=True):
        torch.testing.assert_close(ahead, there, rtol=1e-9, atol=1e-12)
    assert session.step == 0
    assert len(session.picture().path["step"]) == 1  # the future is not shown


def test_the_library_computes_the_slice_of_a_run_that_is_on_its_way():
    library = result(slice_of_run(run_of(steps=8), SPEC))
    session = Session(run_of(), SPEC)
    session.advance_to(8)
    *_, app = session.refine()
    for axis in ("alpha", "beta"):
        np.testing.assert_array_equal(app.slice[axis], library[axis])
        np.testing.assert_allclose(app.path[axis], library[f"path_{axis}"], atol=1e-12)
    np.testing.assert_allclose(
        app.slice["loss"].sel(split="train"), library["loss"].sel(split="train"), rtol=1e-12
    )


def test_a_trajectory_of_another_run_has_no_horizon():
    path = result(record_run(run_of(steps=8)))
    other = path.assign(theta=path["theta"] + 0.5)
    with pytest.raises(SpecError, match=r"SliceSpec\.horizon"):
        plan_slice(other, SPEC)


def test_a_run_whose_settings_change_has_the_same_picture_however_it_was_watched():
    changed = run_of(optimizer={"kind": "sgd", "learning_rate": 0.5})
    watched, travelled = (Session(run_of(), SPEC, strategy=Loop()) for _ in range(2))
    pictures = watched.play(1)
    deque((next(pictures) for _ in range(7)), maxlen=0)
    before = shown(watched)
    travelled.advance_to(7)
    for session in (watched, travelled):
        session.continue_with(changed)
    pictures = watched.play(2)
    deque((next(pictures) for _ in range(10)), maxlen=0)  # trains ahead on the way
    watched.revisit(3)
    watched.change_slice(SPEC.replace(resolution=7))
    watched.change_slice(SPEC)
    watched.advance_to(40)
    deque(travelled.travel(40), maxlen=0)
    assert not torch.equal(before[0], shown(watched)[0])
    one, other = deque(watched.refine(), 1)[0], deque(travelled.refine(), 1)[0]
    xr.testing.assert_identical(one.slice, other.slice)
    xr.testing.assert_identical(one.path, other.path)


def test_pictures_of_a_plane_that_stays_get_finer_until_nothing_is_computed_anew():
    session = Session(run_of(), SPEC.replace(resolution=21))
    pictures = session.play(1, budget=1.0)
    slices = [next(pictures).slice for _ in range(12)]
    computed = [int(each["computed"].sum()) for each in slices]
    assert computed == sorted(computed)
    assert computed[-1] == 21 * 21
    assert slices[-1] is slices[-2]


def test_a_horizon_follows_the_run_and_ends_with_it():
    run = run_of(steps=300)
    assert [horizon(run, SPEC, step) for step in (0, 12, 13, 97)] == [12, 12, 12 * GROWTH, 300]
    assert horizon(run, SPEC.replace(horizon=0), 5) == 0
    assert horizon(run, SPEC.replace(directions=Random()), 5) == 0
    assert horizon(run, SPEC.replace(follow=False), 5) == 0
    assert horizon(run_of(steps=5), SPEC, 5) == 12
    wide = {"kind": "mlp", "width": 4096, "depth": 4}
    problem = {"kind": "supervised", "dataset": "moons", "architecture": wide}
    assert horizon(run_of(problem=problem), SPEC, 5) == 0  # would take long


def test_the_plane_of_a_network_of_ones_own_stays_where_a_horizon_is_asked_for():
    net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    before = [one.detach().clone() for one in net.parameters()]
    inputs = torch.randn(40, 2, generator=torch.Generator().manual_seed(1))
    given = inputs, (inputs[:, 0] > 0).long()
    problem = user_problem(net, torch.nn.functional.cross_entropy, given)
    session, seen = Session(Run(problem=problem, steps=40, batch_size=20), SPEC), []
    for steps in (1, 4, 6):
        session.advance(steps)
        session.picture()
        seen.append(shown(session))
    assert all(
        torch.equal(one, other) for now in seen[1:] for one, other in zip(seen[0], now, strict=True)
    )
    assert all(map(torch.equal, before, net.parameters()))
