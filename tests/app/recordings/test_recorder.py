"""A recorded run against the exact slices of runs that are trained anew to each of its steps."""

import json
from collections import deque

import numpy as np
import pytest

from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.session.session import Session
from landscape_lab.recordings.recorder import digest_of, record
from landscape_lab.recordings.recording import recording
from landscape_lab.state.link import place
from landscape_lab.state.place import Origin

SMALL = (
    "preset=spirals&run.problem.dataset.points=40&run.problem.architecture.width=4"
    "&run.batch_size=20&slice.resolution=9&step=6"
)
MOVING = SMALL + "&slice.directions=random"


def exact(link, step):
    """The picture of a run that is trained to a step and looked at there."""
    scene = place(link).start
    session = Session(scene.run, scene.computed_slice)
    session.advance_to(step)
    (last,) = deque(session.refine(), maxlen=1)
    return last


@pytest.fixture(scope="module", params=[SMALL, MOVING], ids=["one plane", "a plane that moves"])
def recorded(request):
    return request.param, record(place(request.param), "A run")


def test_every_frame_has_the_exact_slice_within_the_stated_error(recorded):
    link, found = recorded
    assert found.steps.tolist() == list(range(7))
    assert len(found.codes) == (7 if link is MOVING else 1)
    low, high = found.range
    for frame in (0, 3, 6):
        picture = exact(link, int(found.steps[frame]) if found.moves else 6)
        heights = np.log10(picture.slice["loss"].sel(split="train").values)
        error = np.abs(found.heights(frame) - heights).max() / (high - low)
        assert error <= 1.01 * found.error < 1e-5
        assert found.extent[:2] == tuple(picture.slice["alpha"].values[[0, -1]])
        assert found.extent[2:] == tuple(picture.slice["beta"].values[[0, -1]])


def test_path_and_losses_are_those_of_the_run(recorded):
    link, found = recorded
    picture = exact(link, 6)
    np.testing.assert_allclose(found.train, picture.path["loss"], rtol=1e-6)
    np.testing.assert_allclose(found.test, picture.curves["loss"].sel(split="test"), rtol=1e-6)
    for side in ("alpha", "beta"):
        where = np.zeros(7) if found.moves else picture.path[side].values
        np.testing.assert_allclose(getattr(found, side), where, atol=1e-6)
    assert found.parameters == len(Session(place(link).start.run).state.theta)
    assert (found.network, found.minimized, found.scale) == (True, True, "log")


def test_a_model_of_two_parameters_has_one_surface_on_which_it_moves():
    link = "preset=saddle&slice.resolution=9&step=6"
    found, picture = record(place(link), "A run"), exact(link, 6)
    assert not found.moves
    for side in ("alpha", "beta"):
        np.testing.assert_allclose(getattr(found, side), picture.path[side].values, rtol=1e-6)
    assert found.beta[0] - found.beta[-1] > 0.1


def test_on_planes_of_two_parameters_a_larger_model_is_where_it_was_on_each():
    link = SMALL + "&slice.directions=parameters"
    found = record(place(link), "A run")
    assert found.moves
    for side in ("alpha", "beta"):
        where = [float(exact(link, step).path[side][-1]) for step in (0, 3, 6)]
        np.testing.assert_allclose(getattr(found, side)[[0, 3, 6]], where, rtol=1e-6)
    assert np.ptp(found.alpha) > 1e-3


def test_it_is_read_as_it_was_written(recorded):
    _, found = recorded
    again = recording(found.text())
    assert again.plain() == found.plain()
    np.testing.assert_array_equal(again.heights(2), found.heights(2))


def test_all_heights_share_one_range_and_the_colours_stay(recorded):
    _, found = recorded
    heights = np.stack([found.heights(frame) for frame in range(7)])
    assert heights.min() == pytest.approx(found.range[0])
    assert heights.max() == pytest.approx(found.range[1])
    low, high = found.limits
    assert low <= heights.min()
    assert np.percentile(heights, 95) <= high


def test_a_thumbnail_is_the_last_surface_on_fewer_points(recorded):
    _, found = recorded
    small = found.small()
    assert len(small.text()) < 4000
    last = found.heights(6)
    low, high = found.range
    assert np.abs(small.heights(0) - last).max() <= 1.01 * small.error * (high - low)
    assert small.alpha[-1] == found.alpha[-1]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ("&display.side_panel=curvature", True),
        ("&display.speed=7", True),
        ("&run.seed=5", False),
        ("&slice.span=2", False),
        ("&display.scale=linear", False),
        ("&step=5", False),
    ],
)
def test_the_digest_is_that_of_what_is_recorded(change, same):
    known = digest_of(place(SMALL))
    assert (
        digest_of(
            place(SMALL.replace("&step=6", "") + (change + "&step=6" * ("step" not in change)))
        )
        == known
    ) is same


def test_a_run_from_a_point_of_another_is_refused():
    there = place(SMALL)
    origin = Origin(there, 0.0, 0.0)
    with pytest.raises(SpecError, match="from its start"):
        record(type(there)(there.preset, there.start, 6, origin=origin), "")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "other", "version": 1}', "nonsense"])
def test_other_files_are_refused(text):
    with pytest.raises(FileFormatError, match="recording"):
        recording(text)


def test_a_damaged_file_is_refused(recorded):
    _, found = recorded
    plain = json.loads(found.text())
    for key, value in (
        ("train", ""),
        ("heights", "AAAA"),
        ("bits", 9),
        ("alpha", "?"),
        ("steps", ""),
    ):
        with pytest.raises(FileFormatError, match="recording"):
            recording(json.dumps({**plain, key: value}))
