"""`ll.view`: a slice in a notebook cell, to zoom from above and to turn in 3-D."""

import html
from typing import Any

import panel as pn
import xarray as xr

from landscape_core.foundation.errors import SpecError
from landscape_lab.bridge.jupyter import setup, show
from landscape_lab.components.surface.surface import Surface
from landscape_lab.figures import theme
from landscape_lab.figures.annotations import others, own_path, runs
from landscape_lab.figures.bokeh import given_points
from landscape_lab.figures.bokeh.contour import Contour
from landscape_lab.figures.bokeh.lines import profiles
from landscape_lab.figures.bokeh.sliders import walk
from landscape_lab.figures.captions import caption
from landscape_lab.figures.color_schemes import css
from landscape_lab.figures.matplotlib.base import SCALE
from landscape_lab.figures.matplotlib.options import checked_options
from landscape_lab.figures.matplotlib.plotting import drawing_of
from landscape_lab.figures.slice_parts import complete

HEIGHT = 480
"""Pixels of the picture where nobody says."""

FILL: dict[str, Any] = {"sizing_mode": "stretch_width"}


def view(
    dataset: xr.Dataset,
    *,
    scale: str = SCALE,
    limits: tuple[float, float] | None = None,
    variable: str | None = None,
    split: str | None = None,
    height: int = HEIGHT,
) -> Any:
    """Show a slice as a widget: values under the pointer, zoom, 3-D, a slider along the path.

    Nothing is computed: the dataset is all that is needed, also without PyTorch. A slice of one
    dimension is shown as curves.

    Args:
        dataset: a slice of one or two dimensions.
        scale: `linear` or `log` heights.
        limits: values of the first and the last colour; by default they follow the picture.
        variable: what is shown; by default the loss.
        split: which part of the data; by default `train`.
        height: pixels of the picture.

    Raises:
        SpecError: no slice, or a value that is not accepted.
    """
    kind, shown = _slice(dataset)
    options = checked_options(
        shown, drawing_of(shown, kind)[1], scale=scale, limits=limits, variable=variable,
        split=split,
    )  # fmt: skip
    setup()
    note = pn.pane.HTML(
        f'<div style="font: {theme.SMALL} {theme.FONT}; color: {css(theme.MUTED)}">'
        f"{html.escape(caption(shown))}</div>",
        **FILL,
    )
    if kind == "line":
        parts = _line(shown, options.scale, height)
    else:
        looks = {"variable": options.variable, "split": options.split}
        parts = PlaneView(shown, looks | {"scale": scale, "limits": options.limits}, height).parts
    return show(pn.Column(*parts, note, **FILL))


class PlaneView:
    """A slice of two dimensions from above and as a surface, with the path up to a step."""

    def __init__(self, slice_: xr.Dataset, looks: dict[str, Any], height: int) -> None:
        """Draw both; `looks` are variable, split, scale and limits, `height` is in pixels."""
        self._slice, self._looks = slice_, looks
        path = own_path(slice_)
        path = walk(path) if path is not None and "beta" in path else None
        self._path = path if path is not None and path.sizes["step"] else None
        self.contour, self.surface = Contour(), Surface()
        for number, other in others(slice_):
            color = theme.CLASSES[(number - 1) % len(theme.CLASSES)]
            self.contour.add_path(f"run {number}", other, color)
        for name, color, one in runs(slice_):
            self.contour.add_path(name, one, color)
        given_points.mark_given(self.contour.figure, slice_)
        # Panel warns of a figure that stretches more than its pane.
        self.contour.figure.update(height=height, **FILL)
        self._flat = pn.pane.Bokeh(self.contour.figure, height=height, **FILL)
        self.surface.view.param.update(sizing_mode="stretch_width", height=height)
        self._deep = pn.Column(self.surface.view, height=height, visible=False, **FILL)
        self.show = pn.widgets.RadioButtonGroup(options=["2-D", "3-D"], value="2-D", width=120)
        self.show.param.watch(self._turn, "value")
        self.step = pn.widgets.DiscreteSlider(options=[0], visible=False, **FILL)
        self._draw()
        if self._path is not None and self._path.sizes["step"] > 1:
            steps = self._path["step"].values.tolist()
            seen = slice_.attrs.get("seen", steps[-1])
            here = max((step for step in steps if step <= seen), default=steps[0])
            named = {f"step {step}": step for step in steps}
            self.step.param.update(options=named, value=here, visible=True)
            self.step.param.watch(self._draw, "value")
            self._draw()
        self.parts = [pn.Row(self.show, self.step, **FILL), self._flat, self._deep]

    def _draw(self, *_: Any) -> None:
        """Draw the path as far as the slider says."""
        seen = self.step.value if self.step.visible else None
        self.contour.update(self._slice, self._path, seen=seen, **self._looks)
        self.surface.update(self._slice, self._path, seen=seen, **self._looks)

    def _turn(self, change: Any) -> None:
        self._flat.visible = change.new == "2-D"
        self._deep.visible = change.new == "3-D"


def _line(slice_: xr.Dataset, scale: str, height: int) -> list[Any]:
    """The figures of a slice of one dimension."""
    plots = profiles(slice_, scale)
    given_points.mark_given(plots[0], slice_)
    return [pn.pane.Bokeh(plot, height=height // len(plots), **FILL) for plot in plots]


def _slice(dataset: Any) -> tuple[str, xr.Dataset]:
    """Which kind of slice it is, and the slice with a split and with `computed`.

    Raises:
        SpecError: it is none.
    """
    drawn, drawing = drawing_of(dataset)
    kind = type(drawing).__name__.lower()
    if kind not in ("slice", "line") or not isinstance(drawn, xr.Dataset):
        raise SpecError("the dataset", f"a {kind}", "a slice of one or two dimensions")
    return kind, complete(drawn)
