"""Several slices side by side with one scale of colours; lines in one picture."""

import math
import textwrap
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import marked, named, own_path, part_of, runs, title_of
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.curves import finish
from landscape_lab.figures.matplotlib.heights import bar_on, key_on, map_on, name_axes, scaled
from landscape_lab.figures.matplotlib.line import Line
from landscape_lab.figures.matplotlib.paper import HEIGHT, WIDTH
from landscape_lab.figures.matplotlib.slice import Slice
from landscape_lab.figures.matplotlib.tracks import path_on, run_on
from landscape_lab.figures.reduced import over, reduced_together
from landscape_lab.figures.slice_parts import shown_of, sides_of, splits_of

SIDE, ROW = 4.8, 3.3
"""Inches that one of the slices is wide, and high."""

MOST = 12
"""Slices that are compared, at most."""

ABOVE = 21
"""Points between the pictures of the first row and their titles: a key of one row is there."""

MORE = 12
"""Points that each further row of the key takes."""

LETTERS = 12
"""Letters of a title in an inch."""


class Comparison(Drawing[Mapping[str, xr.Dataset]]):
    """Slices of two dimensions each on its own plane, in rows of two; or lines above each other."""

    rank: ClassVar[int] = 10
    needs: ClassVar[str] = f"2 to {MOST} slices of as many dimensions, by name or in a list"

    def draws(self, dataset: object) -> bool:
        return (
            isinstance(dataset, Mapping)
            and not isinstance(dataset, xr.Dataset)
            and 2 <= len(dataset) <= MOST
            and any(
                all(kind.draws(one) and kind.variables(one) for one in dataset.values())
                for kind in (Slice(), Line())
            )
        )

    def variables(self, dataset: Mapping[str, xr.Dataset]) -> list[str]:
        first, *rest = (
            [name for name in _kind(one).variables(one) if name] for one in dataset.values()
        )
        return [name for name in first if all(name in others for others in rest)]

    def size(self, dataset: Mapping[str, xr.Dataset]) -> tuple[float, float]:
        if not _planar(dataset):
            return WIDTH, HEIGHT
        rows, columns = shape_of(len(dataset))
        return columns * SIDE, rows * ROW

    def draw(self, place: Place, dataset: Mapping[str, xr.Dataset], options: PlotOptions) -> Any:
        dataset = reduced_together(dataset)
        options = options.reduced(next(iter(dataset.values())))
        if not _planar(dataset):
            return _overlaid(place.axes(), dataset, options)
        shown = {
            name: shown_of(one, options.variable, part_of_split(one, options.split))
            for name, one in dataset.items()
        }
        heights = np.concatenate(
            [scaled(one.values, options.scale).ravel() for one in shown.values()]
        )
        ends = theme.range_of(heights, options.limits, options.scale)
        every = place.panels(*shape_of(len(dataset)))
        image = None
        for axes, (name, one) in zip(every.flat, shown.items(), strict=False):
            path = own_path(dataset[name]) if options.path else None
            image = map_on(axes, one, ends, options, labelled=True, avoid=path)
            if path is not None and "beta" in path and path.sizes["step"]:
                path_on(axes, marked(dataset[name], path), dataset[name].attrs.get("seen"))
            for run, color, other in runs(dataset[name]) if options.path else []:
                run_on(axes, run, color, other)
            name_axes(axes, one)
        drawn = list(every.flat)[: len(shown)]
        above = ABOVE + MORE * max(0, key_on(*drawn) - 1)
        for axes, name in zip(drawn, shown, strict=True):
            words = "\n".join(textwrap.wrap(name, int(LETTERS * SIDE)))
            pad = above if axes in every[0] else 4
            axes.set_title(words, loc="left", fontsize=9, color=theme.INK, pad=pad)
        for axes in list(every.flat)[len(shown) :]:
            axes.set_axis_off()
        title = title_of(next(iter(dataset.values())), options.variable, options.split)
        cut = bool((heights[np.isfinite(heights)] > ends[1]).any())
        bar_on(place.figure, image, list(every.flat), title, options.scale, cut=cut)
        return every.flat[0]


def _kind(slice_: xr.Dataset) -> Drawing:
    return Slice() if Slice().draws(slice_) else Line()


def _planar(dataset: Mapping[str, xr.Dataset]) -> bool:
    return all(Slice().draws(one) for one in dataset.values())


def shape_of(count: int) -> tuple[int, int]:
    """Rows and columns of so many pictures."""
    columns = 2 if count <= 4 else 3
    return math.ceil(count / columns), columns


def part_of_split(slice_: xr.Dataset, split: str) -> str:
    """The split that is asked for; the first one, where a slice has not that one."""
    known = splits_of(slice_)
    return split if split in known or not known else known[0]


def _overlaid(axes: Any, slices: Mapping[str, xr.Dataset], options: PlotOptions) -> Any:
    """Lines in one picture, by the colours of classes."""
    for number, (name, one) in enumerate(slices.items()):
        side = sides_of(one)[0]
        values = shown_of(one, options.variable, part_of_split(one, options.split)).values
        axes.plot(
            np.sort(one[side].values), np.where(np.isfinite(values), values, np.nan), label=name,
            color=theme.CLASSES[number % len(theme.CLASSES)], linewidth=1.8,
        )  # fmt: skip
    names = {named(one[sides_of(one)[0]]) for one in slices.values()}
    axes.set_xlabel(names.pop() if len(names) == 1 else "α along each line")
    end = over(next(iter(slices.values())), options.variable)
    finish(axes, f"{part_of(options.split)} {options.variable}".strip() + end, options)
    axes.legend(frameon=False, fontsize="small")
    return axes
