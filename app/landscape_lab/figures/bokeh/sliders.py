"""A slider along a path, for a page without a server: what it does, the browser does alone."""

from typing import Any

import numpy as np
import xarray as xr
from bokeh.layouts import row
from bokeh.models import ColumnDataSource, CustomJS, Div, LinearColorMapper, Slider, Toggle

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import dots
from landscape_lab.figures.color_schemes import css

MOST = 1000
"""Points of the path, at most."""

SEEN = "landscape-seen"
"""The event of the document that tells the index of the path's point that is looked at."""

MOVE = """
const {x, y, step, loss} = all.data, last = Math.round(slider.value), data = {};
for (const name in all.data) data[name] = Array.from(all.data[name]).slice(0, last + 1);
gone.data = data;
here.data = {x: [x[last]], y: [y[last]]};
const value = loss[last], loss_text = ` · ${called} ${Number(value.toPrecision(3))}`;
const known = Number.isFinite(value);
words.text = `step ${step[last]} of ${step[step.length - 1]}${known ? loss_text : ""}`;
document.dispatchEvent(new CustomEvent(event, {detail: last}));
"""

PLAY = """
clearInterval(window.landscapePlay);
toggle.label = toggle.active ? "Pause" : "Play";
if (toggle.active) {
  if (slider.value >= slider.end) slider.value = 0;
  window.landscapePlay = setInterval(() => {
    if (slider.value < slider.end) slider.value += 1;
    if (slider.value >= slider.end) toggle.active = false;
  }, Math.max(40, 6000 / slider.end));
}
"""


def walk(path: xr.Dataset) -> xr.Dataset:
    """The points of a path that a slider goes through: where it is finite, and not too many."""
    there = path.isel(step=np.isfinite(path["alpha"].values) & np.isfinite(path["beta"].values))
    stride = -(-there.sizes["step"] // MOST)
    return there.isel(step=slice(None, None, -stride)).isel(step=slice(None, None, -1))


class Along:
    """A path on a figure, and the slider that says how far it is drawn."""

    def __init__(
        self, figure: Any, path: xr.Dataset, seen: int | None, called: str = "training loss"
    ) -> None:
        """Draw a path, as `walk` gives it, on a figure up to the step `seen`; None: to its end.

        What its loss is `called` is said next to the slider.
        """
        steps = path["step"].values
        losses = path["loss"].values if "loss" in path else np.full(len(steps), np.nan)
        x, y = path["alpha"].values, path["beta"].values
        last = len(steps) - 1
        now = last if seen is None else int(np.abs(steps - seen).argmin())
        columns = {"x": x, "y": y, "from_x": np.r_[x[:1], x[:-1]], "from_y": np.r_[y[:1], y[:-1]]}
        columns |= {"step": steps, "loss": losses}
        every = ColumnDataSource(columns)
        gone = ColumnDataSource({name: column[: now + 1] for name, column in columns.items()})
        here = ColumnDataSource({"x": x[now : now + 1], "y": y[now : now + 1]})
        figure.line("x", "y", source=every, color=theme.PATH, alpha=0.5, width=1)
        figure.line("x", "y", source=gone, color=theme.HALO, alpha=0.7, width=5)
        times = LinearColorMapper(
            palette=theme.ramp(theme.TIME, 64), low=int(steps[0]), high=max(1, int(steps[-1]))
        )
        figure.segment(
            "from_x", "from_y", "x", "y", source=gone, line_width=2.4, line_cap="round",
            color={"field": "step", "transform": times},
        )  # fmt: skip
        dotted = dots(steps)[1]
        figure.scatter(x[dotted], y[dotted], size=4.5, color=theme.HALO, line_color=theme.PATH)
        figure.scatter(x[:1], y[:1], size=9, color="#ffffff", line_color=theme.HALO, line_width=2)
        figure.scatter(
            "x", "y", source=here, size=14, color=theme.CURRENT, line_color="#ffffff", line_width=2
        )
        words = Div(
            text="", styles={"color": css(theme.INK), "font": f"13px {theme.FONT}"}, margin=(9, 5)
        )
        slider = Slider(
            start=0, end=max(1, last), value=now, step=1, title="", show_value=False,
            bar_color=theme.ACCENT, sizing_mode="stretch_width",
        )  # fmt: skip
        toggle = Toggle(label="Play", width=72)
        named = {"all": every, "gone": gone, "here": here, "words": words, "slider": slider}
        named |= {"event": SEEN, "called": called}
        move = CustomJS(args=named, code=MOVE)
        slider.js_on_change("value", move)
        toggle.js_on_change(
            "active", CustomJS(args={"slider": slider, "toggle": toggle}, code=PLAY)
        )
        loss_text = f" · {called} {losses[now]:.3g}" if np.isfinite(losses[now]) else ""
        words.text = f"step {steps[now]} of {steps[last]}{loss_text}"
        self.rows = [row(toggle, slider, words, sizing_mode="stretch_width")] if last else []
        """What belongs below the figure; nothing where there is but one point."""
