"""Loss and accuracy over the run."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from bokeh.layouts import column
from bokeh.models import DataRange1d, LegendItem
from bokeh.plotting import figure

from app import theme

LONGEST = 400
"""Points of a curve that are sent to the browser, at most."""


class Curves:
    """Loss above, accuracy below, against the step; train and test in their colours."""

    def __init__(self) -> None:
        """Empty figures that fill the space they are given."""
        names = [f"{split}_{name}" for split in theme.SPLITS for name in ("loss", "accuracy")]
        self.source = theme.source("step", "batch_loss", *names)
        x = DataRange1d(range_padding=0.02, only_visible=True)
        shared: dict[str, Any] = {"x_range": x, "tools": "", "sizing_mode": "stretch_both"}
        self.loss = figure(y_axis_type="log", y_axis_label="loss", **shared)
        self.accuracy = figure(y_axis_label="accuracy", x_axis_label="step", **shared)
        self.loss.line(
            "step", "batch_loss", source=self.source, color="#c3ccd2", legend_label="mini-batch"
        )
        for split, color in theme.SPLITS.items():
            for plot, name in ((self.loss, "loss"), (self.accuracy, "accuracy")):
                line = plot.line("step", f"{split}_{name}", source=self.source, color=color, width=2)
                if name == "loss":
                    self.loss.legend.items.append(_item(split, line))
        for plot in (self.loss, self.accuracy):
            theme.style(plot)
            plot.toolbar_location = None
        self.loss.xaxis.visible = False
        self._legend()
        self.figure = column(self.loss, self.accuracy, sizing_mode="stretch_both")

    def update(self, curves: xr.Dataset) -> None:
        """Show the curves (split, step) with `batch_loss` (step)."""
        kept = decimated(curves["loss"].values[0], LONGEST)
        columns: dict[str, Any] = {"step": curves["step"].values[kept]}
        columns["batch_loss"] = _positive(curves["batch_loss"].values[kept])
        for split in theme.SPLITS:
            for name in ("loss", "accuracy"):
                there = name in curves and split in curves["split"].values
                values = curves[name].sel(split=split).values[kept] if there else None
                empty = np.full(len(kept), np.nan)
                columns[f"{split}_{name}"] = empty if values is None else values
        has_accuracy = "accuracy" in curves
        if self.accuracy.visible != has_accuracy:
            self.accuracy.visible = has_accuracy
            self.loss.xaxis.visible = not has_accuracy
        self.source.data = {
            name: values.astype(np.float32) if name != "step" else values
            for name, values in columns.items()
        }

    def _legend(self) -> None:
        legend = self.loss.legend[0]
        legend.orientation = "horizontal"
        legend.location = "top_right"
        legend.label_text_font_size = "11px"
        legend.label_text_font = theme.FONT
        legend.background_fill_alpha = 0.7
        legend.border_line_color = None
        legend.padding = legend.margin = 2
        legend.spacing = 8
        legend.glyph_width = 14


def decimated(values: npt.NDArray[Any], longest: int) -> npt.NDArray[np.int64]:
    """Indices of at most so many points that keep each stretch's highest and lowest."""
    if len(values) <= longest:
        return np.arange(len(values))
    kept = {0, len(values) - 1}
    for part in np.array_split(np.arange(len(values)), longest // 2 - 1):
        safe = np.where(np.isfinite(values[part]), values[part], 0.0)
        kept |= {int(part[safe.argmin()]), int(part[safe.argmax()])}
    return np.array(sorted(kept))


def _positive(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(np.where(values > 0, values, np.nan))


def _item(name: str, line: Any) -> Any:
    return LegendItem(label=name, renderers=[line])
