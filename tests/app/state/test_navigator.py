"""The navigator: every frame has the place at which its picture was taken."""

from collections import deque
from dataclasses import replace
from itertools import islice

from landscape_core.slices.strategies.loop import Loop
from landscape_lab.state.form_model import assign
from landscape_lab.state.link import opening
from landscape_lab.state.navigator import Navigator

RATE = "run.optimizer.learning_rate"


def arrived(step=6):
    there = opening("spirals")
    scene = assign(there.start, "slice.resolution", 11)
    there = replace(there, start=assign(scene, "run.problem.dataset.points", 80), step=step)
    navigator = Navigator(there, strategy=Loop())
    (last,) = deque(navigator.travel(), maxlen=1)
    return navigator, last


def test_the_last_frame_on_the_way_is_at_the_place_that_was_wanted():
    navigator, last = arrived()
    assert last.place == navigator.here()
    assert (last.place.step, last.picture.readings.step) == (6, 6)


def test_frames_of_a_playing_run_are_where_their_pictures_were_taken():
    navigator, _ = arrived()
    for frame in islice(navigator.play(2), 3):
        assert frame.place == navigator.here()
        assert frame.place.step == frame.picture.readings.step
    assert frame.place.step == 12


def test_after_looking_back_the_recorded_steps_are_shown_again_and_then_the_run_goes_on():
    navigator, _ = arrived()
    back = navigator.frame_of(seek=3)
    assert (back.place.step, back.place.seen, back.picture.seen) == (6, 3, 3)
    found = [(frame.place.step, frame.place.seen) for frame in islice(navigator.play(1), 5)]
    assert found == [(6, 4), (6, 5), (6, None), (7, None), (8, None)]


def test_the_same_settings_leave_the_session_as_it_is():
    navigator, last = arrived()
    session, before = navigator.session, list(navigator.session.history)
    assert navigator.change_settings(last.place.scene)
    assert navigator.here() == last.place
    assert navigator.change_settings(assign(last.place.scene, RATE, 0.3))
    assert navigator.session is session
    assert len(session.history) == len(before) + 1
    assert not navigator.change_settings(assign(last.place.scene, "run.problem", "valley"))
