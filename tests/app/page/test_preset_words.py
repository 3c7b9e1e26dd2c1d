"""The question of a preset is shown as long as it fits the data."""

from dataclasses import replace

import pytest

from landscape_lab.page.preset_words import words_of
from landscape_lab.state.link import place
from landscape_lab.state.preset import presets


@pytest.mark.parametrize(
    "changed", ["", "&run.optimizer=sgd", "&run.problem.dataset.noise=0.2", "&step=3"]
)
def test_the_question_is_there_with_other_settings_of_the_same_data(changed):
    question, watch, shows, lab = words_of(place(f"preset=spirals{changed}"))
    preset = presets()["spirals"]
    assert (question, watch, shows) == (preset.question, preset.watch, preset.shows)
    assert (lab is None) == (not preset.lab)


def test_of_other_data_nothing_is_asked_about_those_of_the_preset():
    other = words_of(place("preset=spirals&run.problem.dataset=moons"))
    assert other == ("The data are not those of the preset “Two spirals”.", "", "", None)


def test_a_scene_without_a_preset_has_no_words():
    assert words_of(replace(place(""), preset="")) is None
