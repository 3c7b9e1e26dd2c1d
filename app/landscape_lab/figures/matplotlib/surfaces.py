"""Several slices side by side as lit surfaces, with one scale of heights and colours."""

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import title_of
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.comparison import (
    LETTERS,
    MOST,
    Comparison,
    part_of_split,
    shape_of,
)
from landscape_lab.figures.matplotlib.heights import bar_on, key_on, scaled
from landscape_lab.figures.matplotlib.relief import PAD_OF_SEVERAL
from landscape_lab.figures.matplotlib.slice import Slice
from landscape_lab.figures.matplotlib.surface import surface_on
from landscape_lab.figures.reduced import reduced_together
from landscape_lab.figures.slice_parts import shown_of

SIDE, ROW = 4.8, 4.0
"""Inches that one of the surfaces is wide, and high."""

ABOVE, MORE = 22, 12
"""Points between the surfaces and their titles for a key of one row, and for each further row."""


class Surfaces(Drawing[Mapping[str, xr.Dataset]]):
    """Surfaces under one camera, in rows of two; by its rank it is drawn only if asked for."""

    rank: ClassVar[int] = 66
    needs: ClassVar[str] = f"2 to {MOST} slices of two dimensions, by name or in a list"

    def draws(self, dataset: object) -> bool:
        return (
            isinstance(dataset, Mapping)
            and Comparison().draws(dataset)
            and all(Slice().draws(one) for one in dataset.values())
        )

    def variables(self, dataset: Mapping[str, xr.Dataset]) -> list[str]:
        return Comparison().variables(dataset)

    def size(self, dataset: Mapping[str, xr.Dataset]) -> tuple[float, float]:
        rows, columns = shape_of(len(dataset))
        return columns * SIDE, rows * ROW

    def draw(self, place: Place, dataset: Mapping[str, xr.Dataset], options: PlotOptions) -> Any:
        dataset = reduced_together(dataset)
        options = options.reduced(next(iter(dataset.values())))
        return surfaces_on(place, dataset, options)


def surfaces_on(
    place: Place, dataset: Mapping[str, xr.Dataset], options: PlotOptions, *, own: bool = False
) -> Any:
    """Draw slices as surfaces; the first Axes comes back.

    Args:
        place: where.
        dataset: the slices, whose values can be drawn as they are.
        options: what is shown, and how.
        own: whether each has its own range of heights and its own bar of colours.
    """
    every = list(place.panels(*shape_of(len(dataset)), deep=True).flat)
    parts = {name: part_of_split(one, options.split) for name, one in dataset.items()}
    found = [shown_of(one, options.variable, parts[name]) for name, one in dataset.items()]
    heights = np.concatenate([scaled(one.values, options.scale).ravel() for one in found])
    ends = theme.range_of(heights, options.limits, options.scale)
    values = (10 ** ends[0], 10 ** ends[1]) if options.scale == "log" else ends
    title = title_of(next(iter(dataset.values())), options.variable, options.split)
    for axes, (name, one) in zip(every, dataset.items(), strict=False):
        look = replace(options, split=parts[name], limits=None if own else values)
        colors = surface_on(axes, one, title if own else "", look)
    drawn = every[: len(dataset)]
    pad = ABOVE + MORE * max(0, key_on(*drawn) - 1)
    for axes, name in zip(drawn, dataset, strict=True):
        words = "\n".join(textwrap.wrap(name, int(LETTERS * SIDE)))
        axes.set_title(words, loc="left", fontsize=9, color=theme.INK, pad=pad)
    for axes in every[len(dataset) :]:
        axes.set_axis_off()
    if not own:
        cut = bool((heights[np.isfinite(heights)] > ends[1]).any())
        bar_on(place.figure, colors, every, title, options.scale, cut=cut, pad=PAD_OF_SEVERAL / 2)
    return every[0]
