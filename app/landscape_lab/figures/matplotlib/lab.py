"""What a lab found: its pictures side by side, as the lab declares them."""

from typing import Any, ClassVar

import xarray as xr

from landscape_lab.figures.lab_pictures import reading
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.marked_axes import draw_panel
from landscape_lab.figures.matplotlib.paper import WIDTH

ROW, MOST = 3.1, 3
"""Inches of a row of pictures, and the largest number of columns."""

SQUARE = 4
"""So many pictures are drawn in two rows of two."""


class Lab(Drawing[xr.Dataset]):
    """All pictures of a lab, or the one that is asked for by its title."""

    rank: ClassVar[int] = 5
    needs: ClassVar[str] = "what a lab computed: the attribute 'pictures'"

    def draws(self, dataset: object) -> bool:
        return isinstance(dataset, xr.Dataset) and bool(reading.declared(dataset))

    def variables(self, dataset: xr.Dataset) -> list[str]:
        titles = [str(picture["title"]) for picture in reading.declared(dataset)]
        return ["all", *titles]

    def size(self, dataset: xr.Dataset) -> tuple[float, float]:
        rows, columns = _shape(len(_panels(dataset, "all")))
        return WIDTH * max(1.0, 0.75 * columns), ROW * rows

    def draw(self, place: Place, dataset: xr.Dataset, options: PlotOptions) -> Any:
        panels = _panels(dataset, options.variable)
        if len(panels) == 1:
            axes = place.axes()
            draw_panel(axes, panels[0])
            return axes
        rows, columns = _shape(len(panels))
        every = place.panels(rows, columns).ravel()
        for axes, panel in zip(every, panels, strict=False):
            draw_panel(axes, panel)
        for axes in every[len(panels) :]:
            axes.set_axis_off()
        return every[0]


def _panels(dataset: xr.Dataset, title: str) -> list[Any]:
    chosen = reading.declared(dataset)
    one = [picture for picture in chosen if picture["title"] == title]
    return [panel for picture in one or chosen for panel in reading.panels(dataset, picture)]


def _shape(panels: int) -> tuple[int, int]:
    columns = 2 if panels == SQUARE else min(MOST, panels)
    return -(-panels // columns), columns
