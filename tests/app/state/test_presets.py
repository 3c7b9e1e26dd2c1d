"""What every preset has: few words over the picture, a sentence of its point, its own picture."""

import re

import pytest

from landscape_lab.components.examples.examples import THUMBNAILS
from landscape_lab.components.images import images
from landscape_lab.page.preset_words import shown_by
from landscape_lab.state.link import opening, place
from landscape_lab.state.preset import presets
from landscape_lab.state.show_steps import show_steps

MOST_WORDS = 25
PRESSED = re.compile(r"\b[Pp]ress (Keep|Compare|Reset)|then Reset")


@pytest.mark.parametrize("name", presets())
def test_at_most_twenty_five_words_are_over_the_picture(name):
    preset = presets()[name]
    assert len(f"{preset.question} {preset.watch}".split()) <= MOST_WORDS
    assert 3 <= len(preset.point.split()) <= 15
    assert preset.point.endswith(".")


@pytest.mark.parametrize("name", presets())
def test_what_is_to_be_pressed_is_shown_instead_of_said(name):
    preset = presets()[name]
    assert not PRESSED.search(preset.watch)
    assert len(preset.show) <= 4
    verbs = [step.verb for step in preset.show]
    assert ("keep" in verbs) == ("compare" in verbs)
    given = [{step.verb: step.value} if not step.path else {"set": {step.path: step.value}}
             for step in preset.show if step.verb == "set"]  # fmt: skip
    if given:
        assert [step.value for step in show_steps(given, preset.scene)] == [
            step.value for step in preset.show if step.verb == "set"
        ]


def test_comparisons_have_a_show_me():
    shown = {name for name, preset in presets().items() if preset.show}
    assert {"flat_minima", "large_batch", "deep_plain", "deep_skips", "saddle", "game"} <= shown


def test_of_other_data_nothing_is_shown():
    assert shown_by(opening("large_batch"))
    assert shown_by(place("preset=large_batch&run.problem.dataset=moons")) == ()


def test_every_preset_has_a_picture_in_the_gallery_and_no_other_has():
    assert set(images(THUMBNAILS)) == set(presets())
    for image in images(THUMBNAILS).values():
        assert image.startswith("<svg")
        assert len(image) < 20_000
        assert "<script" not in image
