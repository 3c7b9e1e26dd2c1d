"""Pictures that sessions of the same run share: computed once, and the same as one's own."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from landscape_core.curvature.monitor import Watch
from landscape_core.foundation.registry import from_plain
from landscape_core.session import plane_tracker
from landscape_core.session.frames import SharedFrames
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.slices.strategies.loop import Loop
from landscape_core.training.run import Run

SPEC = SliceSpec(resolution=5)


@pytest.fixture(autouse=True)
def every_plane_is_new(monkeypatch):
    """However slow the machine is: planes that take long are renewed seldom."""
    monkeypatch.setattr(plane_tracker, "QUICK", 600.0)


def run_of(**changes):
    plain = {"problem": {"kind": "supervised", "dataset": {"kind": "spirals", "points": 40}}}
    return from_plain(Run, plain | {"batch_size": 20, "steps": 40} | changes)


def watched(frames=None, run=None, spec=SPEC, pictures=4, steps=2):
    """A session and the pictures of its first steps, in a time that is enough for all points."""
    session = Session(run or run_of(), spec, strategy=Loop(), frames=frames)
    return session, list(itertools.islice(session.play(steps, 10.0), pictures))


def held(session):
    *_, last = session.refine()
    return last


def test_the_second_who_comes_to_a_step_gets_the_picture_of_the_first():
    frames = SharedFrames()
    first, second = (watched(frames)[1] for _ in range(2))
    assert all(one.slice is other.slice for one, other in zip(first, second, strict=True))
    assert all(one.path is other.path for one, other in zip(first, second, strict=True))


def test_a_run_on_other_examples_of_the_same_recipe_shares_nothing(monkeypatch):
    frames, run = SharedFrames(), run_of()
    _, before = watched(frames, run)
    kind = type(run.problem.dataset)
    build = kind.build

    def changed(self, seed):
        split = build(self, seed)
        return replace(split, train=replace(split.train, inputs=2 * split.train.inputs))

    monkeypatch.setattr(kind, "build", changed)  # as a file that was replaced
    _, after = watched(frames, run)
    _, alone = watched(None, run)
    for old, new, own in zip(before, after, alone, strict=True):
        assert not np.array_equal(old.slice["loss"], new.slice["loss"])
        np.testing.assert_array_equal(new.slice["loss"], own.slice["loss"])


def test_a_shared_picture_is_the_one_that_would_have_been_computed():
    frames = SharedFrames()
    watched(frames)
    _, shared = watched(frames)
    _, alone = watched()
    for one, other in zip(shared, alone, strict=True):
        np.testing.assert_array_equal(one.slice["loss"], other.slice["loss"])
        np.testing.assert_array_equal(one.path["alpha"], other.path["alpha"])
        assert (one.readings.step, one.readings.values) == (
            other.readings.step,
            other.readings.values,
        )


def test_who_overtakes_the_first_goes_on_alone_and_pausing_holds_the_same_picture():
    frames = SharedFrames()
    watched(frames, pictures=2)
    ahead, pictures = watched(frames, pictures=4)
    alone, own = watched(pictures=4)
    np.testing.assert_array_equal(pictures[-1].slice["loss"], own[-1].slice["loss"])
    np.testing.assert_array_equal(held(ahead).slice["loss"], held(alone).slice["loss"])


def test_the_readings_are_ones_own():
    frames = SharedFrames()
    _, first = watched(frames)
    session, second = watched(frames)
    assert second[-1].readings.seconds != first[-1].readings.seconds
    assert second[-1].points is session.side_results.points


@pytest.mark.parametrize(
    "other",
    [
        {"run": run_of(seed=1)},
        {"run": run_of(batch_size=10)},
        {"spec": SliceSpec(resolution=7)},
    ],
    ids=["seed", "batch", "slice"],
)
def test_what_differs_in_anything_is_not_shared(other):
    frames = SharedFrames()
    _, first = watched(frames)
    _, second = watched(frames, **other)
    assert not {id(one.slice) for one in first} & {id(one.slice) for one in second}


def test_a_plane_that_is_held_is_shared_with_nobody():
    frames, spec = SharedFrames(), SPEC.replace(follow=False)
    first, second = (watched(frames, spec=spec)[1] for _ in range(2))
    assert not {id(one.slice) for one in first} & {id(one.slice) for one in second}


def test_a_run_whose_curvature_is_watched_is_shared_with_nobody():
    frames = SharedFrames()
    _, first = watched(frames)
    session = Session(run_of(), SPEC, strategy=Loop(), frames=frames)
    session.watch(Watch())
    second = list(itertools.islice(session.play(2, 10.0), 4))
    assert not {id(one.slice) for one in first} & {id(one.slice) for one in second}
    assert second[-1].curvature is not None


def test_settings_that_are_changed_on_the_way_are_part_of_what_is_shared():
    frames, ends = SharedFrames(), []
    for size in (20, 10):
        session, _ = watched(frames, pictures=2)
        session.continue_with(run_of(batch_size=size))
        ends.append(next(session.play(2, 10.0)))
    assert ends[0].slice is not ends[1].slice


def test_only_so_many_are_kept():
    frames = SharedFrames(most=3)
    _, first = watched(frames, pictures=4)
    _, second = watched(frames, pictures=4)
    assert first[0].slice is not second[0].slice


def test_curves_and_boundary_may_follow_more_slowly_and_are_exact_when_held():
    session = Session(run_of(), SPEC, strategy=Loop())
    pictures = list(itertools.islice(session.play(2, 10.0, pause=lambda: 600.0), 4))
    assert all(one.boundary is pictures[0].boundary for one in pictures)
    assert all(one.curves is pictures[0].curves for one in pictures)
    assert [one.readings.step for one in pictures] == [2, 4, 6, 8]
    last = held(session)
    assert last.boundary is not pictures[0].boundary
    assert int(last.curves["step"][-1]) == 8


def test_the_boundary_of_a_point_that_was_looked_at_does_not_stay():
    session, _ = watched()
    looked_at = session.inspect(0.1, 0.1)
    after = next(session.play(2, 10.0, pause=lambda: 600.0))
    assert after.point is None
    assert after.boundary is not looked_at.boundary
