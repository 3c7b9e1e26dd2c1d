"""What is shipped: a recording of each preset as it is now, and of each step of a tour."""

import numpy as np
import pytest

from landscape_core.foundation.errors import MissingDataError
from landscape_lab.content.tour import GUIDES, tours
from landscape_lab.recordings.recorder import digest_of
from landscape_lab.recordings.recording import LARGEST
from landscape_lab.recordings.shipped import FOLDER, of_step, place_of, read, shipped, wanted
from landscape_lab.state.preset import presets

WANTED = list(wanted())


@pytest.mark.parametrize(
    ("path", "place"), [one[:2] for one in WANTED], ids=lambda one: str(one)[-30:-5]
)
def test_a_recording_is_that_of_its_settings(path, place):
    assert read(path).digest == digest_of(place), "run `make recordings`"
    assert 3000 < path.stat().st_size < min(LARGEST, 150_000)


def test_no_other_recording_is_shipped():
    assert {path for path, _, _ in WANTED} == set(FOLDER.glob("*.json"))


@pytest.mark.parametrize("name", presets())
def test_a_recording_has_the_words_of_its_preset_and_goes_to_its_step(name):
    found, preset = shipped(name), presets()[name]
    assert (found.title, found.question, found.shows) == (
        preset.title,
        preset.question,
        preset.shows,
    )
    assert found.steps[0] == 0
    assert found.steps[-1] == preset.steps
    assert found.error < 0.01
    assert found.limits[0] < found.limits[1]
    (a0, a1, b0, b1) = found.extent
    assert a0 <= found.alpha.min() <= found.alpha.max() <= a1
    assert b0 <= found.beta.min() <= found.beta.max() <= b1
    if not found.moves:
        assert np.hypot(found.alpha, found.beta).std() > 0.01 * (a1 - a0)


def test_runs_of_networks_go_downhill_and_the_game_does_not_look_for_a_lowest_point():
    found = {name: shipped(name) for name in presets()}
    minimized = {name: one.train for name, one in found.items() if one.minimized}
    assert [name for name, loss in minimized.items() if loss[-1] >= loss[0]] == ["divergence"]
    assert [name for name, one in found.items() if not one.minimized] == ["game"]
    others = [name for name, one in found.items() if not one.network]
    assert others == ["curved_valley", "saddle", "game"]


def test_every_step_of_a_tour_that_shows_a_run_has_its_recording():
    steps = [step for tour in tours(GUIDES).values() for step in tour.steps]
    shown = [step for step in steps if (there := place_of(step)) and there.step]
    assert len(shown) > 15
    assert all(of_step(step) is not None for step in shown)


def test_a_name_without_a_recording_is_refused():
    with pytest.raises(MissingDataError, match="spirals"):
        shipped("nothing")
