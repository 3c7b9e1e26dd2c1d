"""Guides over a heat map: each in a colour of its own."""

import numpy as np
import xarray as xr

from landscape_core.experiments.lab_pictures import Guide, HeatMap
from landscape_core.experiments.picture_attributes import attribute
from landscape_lab.figures.lab_pictures import reading


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
