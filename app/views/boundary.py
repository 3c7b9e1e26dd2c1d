"""The data, and what the network says over the inputs."""

from typing import Any

import numpy as np
import xarray as xr
from bokeh.models import Label, LinearColorMapper, Range1d
from bokeh.palettes import interp_palette
from bokeh.plotting import figure

from app import theme


class Boundary:
    """Points over the decision boundary, or over the network's curve where inputs are numbers."""

    def __init__(self) -> None:
        """An empty figure that fills the space it is given."""
        two = interp_palette([theme.CLASSES[0], "#f7f7f5", theme.CLASSES[1]], 64)
        self._mapper = LinearColorMapper(palette=two, low=0, high=1)
        self._x, self._y = Range1d(-1, 1), Range1d(-1, 1)
        self.figure = figure(
            x_range=self._x, y_range=self._y, tools="", sizing_mode="stretch_both"
        )
        self.image = theme.source("image", "x", "y", "dw", "dh")
        self.points = theme.source("x", "y", "fill", "line")
        self.curve = theme.source("x", "y")
        self.figure.image(
            image="image", source=self.image, color_mapper=self._mapper, x="x", y="y", dw="dw",
            dh="dh", global_alpha=0.75,
        )  # fmt: skip
        self.figure.scatter(
            "x", "y", source=self.points, size=5, fill_color="fill", line_color="line",
            line_width=1,
        )  # fmt: skip
        self.figure.line("x", "y", source=self.curve, color=theme.CURRENT, width=3)
        self._note = Label(
            x=0.5, y=0.5, x_units="data", y_units="data", text="", text_align="center",
            text_font=theme.FONT, text_font_size="12px", text_color=theme.MUTED,
        )  # fmt: skip
        self.figure.add_layout(self._note)
        theme.style(self.figure)
        self.figure.grid.visible = False
        self._drawn: Any = None

    def update(self, boundary: xr.Dataset, points: xr.Dataset) -> None:
        """Show the network's answers and the data."""
        if self._drawn is not points:
            self._drawn = points
            self._note.text = ""
            self._scatter(boundary, points)
        if "output" in boundary:
            self.curve.data = {"x": boundary["x"].values, "y": boundary["output"].values}
            return
        score = boundary["score"].values.astype(np.float32)
        x, y = boundary["x"].values, boundary["y"].values
        box = {"x": [x[0]], "y": [y[0]], "dw": [x[-1] - x[0]], "dh": [y[-1] - y[0]]}
        self.image.data = {"image": [score], **box}

    def empty(self, text: str) -> None:
        """Show a line of text and no data."""
        if self._drawn == text:
            return
        self._drawn = text
        for source in (self.image, self.points, self.curve):
            source.data = {name: [] for name in source.data}
        self._x.update(start=0, end=1)
        self._y.update(start=0, end=1)
        self.figure.axis.visible = False
        self._note.text = text

    def _scatter(self, boundary: xr.Dataset, points: xr.Dataset) -> None:
        x, y = points["x"].values, points["y"].values
        colors = np.array(theme.CLASSES)[points["target"].values.astype(int) % len(theme.CLASSES)]
        train = points["split"].values == "train"
        self.points.data = {
            "x": x.astype(np.float32),
            "y": y.astype(np.float32),
            "fill": np.where(train, colors, "#ffffff").tolist(),
            "line": np.where(train, "#ffffff", colors).tolist(),
        }
        self.figure.axis.visible = True
        self.image.data = {"image": [], "x": [], "y": [], "dw": [], "dh": []}
        self.curve.data = {"x": [], "y": []}
        self._x.update(start=float(boundary["x"][0]), end=float(boundary["x"][-1]))
        ends = boundary["y"].values if "y" in boundary.coords else 1.2 * np.array([y.min(), y.max()])
        self._y.update(start=float(ends[0]), end=float(ends[-1]))
        classes = int(boundary.attrs.get("classes", 2))
        if classes > 2:
            self._mapper.update(palette=list(theme.CLASSES[:classes]), low=-0.5, high=classes - 0.5)
