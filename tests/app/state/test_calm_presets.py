"""While a preset is played, its plane, its axes and its colours stay."""

import numpy as np
import pytest

from landscape_core.session.session import Session
from landscape_lab.figures.drawn_slice import drawn_slice
from landscape_lab.figures.steady_range import SteadyRange, natural_range
from landscape_lab.state.preset import presets

WIDTH, HEIGHT = 900, 600
"""Pixels of a large picture."""

FOLLOWING = ("deep_plain", "deep_skips", "flat_minima")
"""Planes around the latest iterate, whose landscape changes with each step."""

SHORT = ("first_slope", "game")
EVERY = [
    pytest.param(name, marks=() if name in SHORT else pytest.mark.exhaustive) for name in presets()
]


def ends_of(picture):
    return tuple(float(picture.slice[a][i]) for a in ("alpha", "beta") for i in (0, -1))


def range_of(scene, picture, steady):
    natural = natural_range(picture.slice, "loss", picture.spec.split, scene.display.scale)
    return steady.limits("run", natural, playing=True) or natural


def pixels(picture):
    left, right, bottom, top = ends_of(picture)
    x = (picture.path["alpha"].values - left) / (right - left) * WIDTH
    y = (picture.path["beta"].values - bottom) / (top - bottom) * HEIGHT
    return np.stack([x, y], axis=1)


@pytest.mark.parametrize("name", EVERY)
def test_nothing_but_the_run_moves_while_a_preset_is_played(name):
    preset = presets()[name]
    scene, steady = preset.scene, SteadyRange()
    session = Session(scene.run, scene.computed_slice)
    *_, picture = session.refine()
    plane, ends, range_ = session.plane, ends_of(picture), range_of(scene, picture, steady)
    axes_changed = range_changed = 0
    for picture in session.play(scene.display.speed):
        axes_changed += ends_of(picture) != ends
        ends, before, range_ = ends_of(picture), range_, range_of(scene, picture, steady)
        range_changed += range_ != before
        if picture.readings.step >= preset.steps:
            break
    assert axes_changed == 0
    if name in FOLLOWING:
        assert range_changed <= 3
    else:
        assert range_changed == 0
        assert np.array_equal(session.plane.axes, plane.axes)
        assert np.array_equal(session.plane.origin, plane.origin)
    live = pixels(picture)
    *_, held = session.refine()
    assert ends_of(held) == ends
    assert np.nanmax(np.abs(pixels(held) - live)) <= 2
    drawn = drawn_slice(held.slice, "loss", held.spec.split, scene.display.scale, None)
    assert drawn.ends == ends


def test_a_preset_whose_plane_the_trajectory_determines_states_its_steps_as_the_horizon():
    for preset in presets().values():
        spec = preset.scene.slice
        stays = spec.directions.whole_path and spec.follow
        assert spec.horizon == (preset.steps if stays else 0), preset.name
