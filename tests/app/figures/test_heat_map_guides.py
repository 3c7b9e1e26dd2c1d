"""Guides over a heat map, each in a colour of its own, and the dot at a place."""

import numpy as np
import xarray as xr

from landscape_core.experiments.lab_pictures import Guide, HeatMap
from landscape_core.experiments.picture_attributes import attribute
from landscape_lab.figures.lab_pictures import reading
from landscape_lab.figures.lab_pictures.marks import Dots


def test_two_guides_over_a_heat_map_can_be_told_apart():
    picture = HeatMap(
        title="Values",
        x="x",
        y="y",
        value="z",
        guides=(Guide(label="a", variable="one"), Guide(label="b", variable="two")),
    )
    x = np.arange(3.0)
    dataset = xr.Dataset(
        {"z": (("y", "x"), np.eye(3)), "one": ("x", x), "two": ("x", x + 1)},
        {"x": x, "y": x},
        attribute([picture]),
    )
    (declared,) = reading.declared(dataset)
    (panel,) = reading.panels(dataset, declared)
    lines = panel.marks[1:]
    assert [line.label for line in lines] == ["a", "b"]
    assert len({line.color for line in lines}) == 2


def test_a_dot_stands_at_the_median_place_once_that_is_known():
    picture = HeatMap(
        title="V", x="x", y="y", value="z", spot_x="one", spot_y="two", spot_label="here"
    )
    x = np.arange(3.0)
    dataset = xr.Dataset(
        {
            "z": (("y", "x"), np.eye(3)),
            "one": ("seed", [0.5, np.nan, 0.7, 2.0]),
            "two": ((), 1.5),
        },
        {"x": x, "y": x, "seed": range(4)},
        attribute([picture]),
    )
    (declared,) = reading.declared(dataset)
    (panel,) = reading.panels(dataset, declared)
    dots = [mark for mark in panel.marks if isinstance(mark, Dots)]
    assert [(*dot.x, *dot.y) for dot in dots] == [(0.7, 1.5)] * 2
    assert [dot.label for dot in dots] == ["", "here"]
    (panel,) = reading.panels(dataset.assign(two=np.nan), declared)
    assert not [mark for mark in panel.marks if isinstance(mark, Dots)]
