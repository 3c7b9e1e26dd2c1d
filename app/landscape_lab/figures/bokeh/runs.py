"""Several runs on one plane: the loss of the first, the paths of all, and how far off they end."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
from bokeh.core.properties import value
from bokeh.models import Label

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import others
from landscape_lab.figures.bokeh.axes import put
from landscape_lab.figures.bokeh.maps import Map, columns, send

FAR = 0.01
"""Ends farther off the plane than this fraction of its width are labelled."""

WAITING = "Runs from other initial weights\nare trained when the run is paused."


class Runs:
    """The plane of all paths, each in its colour; an end off the plane says by how much it is."""

    def __init__(self, title: str = "loss on this run's data", waiting: str = WAITING) -> None:
        """An empty figure that fills the space it is given.

        Args:
            title: names the colours.
            waiting: said as long as there is nothing to show.
        """
        self.map = Map(title)
        self.figure = self.map.figure
        self.paths = theme.source("xs", "ys", "color")
        self.ends = theme.source("x", "y", "color", "text", "align")
        lines: dict[str, Any] = {"xs": "xs", "ys": "ys", "source": self.paths}
        self.figure.multi_line(color="#ffffff", line_width=4.6, **lines)
        self.figure.multi_line(color="color", line_width=2.2, **lines)
        self.figure.scatter(
            "x", "y", source=self.ends, size=10, fill_color="color", line_color="#ffffff"
        )
        self.figure.text(
            "x", "y", text="text", source=self.ends, y_offset=24, text_align="align",
            text_font=value(theme.FONT), text_font_size=theme.SMALL, text_color="#ffffff",
            background_fill_color=theme.HALO, background_fill_alpha=0.55, padding=2,
            border_radius=2,
        )  # fmt: skip
        self._words = Label(
            x=10, y=10, x_units="screen", y_units="screen", text=waiting,
            text_color=theme.MUTED, text_font=theme.FONT, text_font_size=theme.NORMAL,
            background_fill_color="#ffffff", background_fill_alpha=0.8, padding=3,
        )  # fmt: skip
        self.figure.add_layout(self._words)

    def update(
        self,
        found: xr.Dataset | None,
        split: str,
        scale: str,
        names: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Show the plane and the paths, or that they are awaited.

        Args:
            found: a slice with `path_alpha`, `path_beta`, `path_distance` (step) and `other_alpha`,
                `other_beta`, `other_distance` (run, step), as `slice_of_trajectory` yields it.
            split: `train` or `test`.
            scale: `log` or `linear` heights.
            names: of each run and its colour, in order; by default they are numbered.
        """
        put(self._words, visible=found is None)
        if found is None:
            self.map.clear()
            for source in (self.paths, self.ends):
                send(source, {name: [] for name in source.data})
            return
        self.map.show(found["loss"].sel(split=split), scale)
        own = found[["path_alpha", "path_beta", "path_distance"]].dropna("step")
        own = own.rename({name: str(name).removeprefix("path_") for name in own.data_vars})
        least = FAR * float(np.ptp(found["alpha"].values))
        drawn, given = [], list(names.items())
        for number, path in [(1, own), *others(found)]:
            off = float(path["distance"][-1])
            name = f"run {number}" if number > 1 else "this run"
            color = theme.CLASSES[number % len(theme.CLASSES)] if number > 1 else theme.CURRENT
            if number <= len(given):
                name, color = given[number - 1]
            name += f", {off:.2g} off" if off > least else ""
            drawn.append((name, color, path["alpha"].values, path["beta"].values))
        texts, colors, xs, ys = (list(each) for each in zip(*drawn, strict=True))
        ends = columns(x=np.array([x[-1] for x in xs]), y=np.array([y[-1] for y in ys]))
        send(self.paths, {"xs": xs, "ys": ys, "color": colors})
        sides = found["alpha"].values[[0, -1]]
        place = (ends["x"] - sides[0]) / (sides[1] - sides[0])
        align = np.select([place < 0.25, place > 0.75], ["left", "right"], "center").tolist()
        send(self.ends, {**ends, "color": colors, "text": texts, "align": align})
