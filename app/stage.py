"""The pictures of the page: the landscape flat and deep, curves, boundary, and its quality."""

import html
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import panel as pn
import xarray as xr

from app import theme
from app.asides.base import Aside
from app.components.surface import Surface
from app.scene import Display
from app.views.contour import Contour
from app.views.curves import Curves
from landscape_core.pictures import Picture
from landscape_core.recipes import name_of

ASIDE = 0.2
"""Seconds between two updates of the smaller figures while a run goes on."""

SIDE = "clamp(280px, 25vw, 480px)"
"""How wide the smaller figures are: a quarter of the window, within bounds."""

FILL: Any = {"sizing_mode": "stretch_both", "min_height": 0}


@dataclass(frozen=True)
class _Beside:
    """A drawing beside the landscape, and the pane that holds it."""

    view: Any
    pane: pn.Column


class Stage:
    """Draws a picture of a run; only what is visible is brought up to date."""

    def __init__(self) -> None:
        """Empty figures, built once."""
        self._aside_at = 0.0
        self._drawn: tuple[xr.Dataset, xr.Dataset, tuple[str, ...]] | None = None
        self.contour, self.surface = Contour(), Surface()
        self.curves = Curves()
        self.story, self.quality = _line(theme.INK, 13, 42), _line(theme.MUTED, 12, 38)
        self._flat = pn.pane.Bokeh(self.contour.figure, **FILL)
        self._deep = pn.Column(self.surface.view, visible=False, **FILL)
        self.landscape = pn.Column(
            self.story, self._flat, self._deep, self.quality, css_classes=["landscape"], **FILL
        )
        self._above = pn.Column(pn.pane.Bokeh(self.curves.figure, **FILL), **FILL)
        self._asides: dict[str, _Beside] = {}
        self.side = pn.Column(
            self._above, sizing_mode="stretch_height", styles={"width": SIDE, "flex": "none"}
        )
        self._beside(Display().aside)

    def tell(self, question: str, watch: str) -> None:
        """Say above the landscape what to think about and what to watch."""
        self.story.object = f"<b>{html.escape(question)}</b> {html.escape(watch)}"

    def draw(self, picture: Picture, display: Display) -> None:
        """Bring every visible figure up to date; losses below zero have no logarithmic heights."""
        if bool((picture.slice["loss"] < 0).any()):
            display = display.replace(height="linear")
        self._draw_landscape(picture, display)
        now = time.monotonic()
        if picture.status == "running" and now - self._aside_at < ASIDE:
            return
        self._aside_at = now
        self.curves.update(picture.curves)
        self.quality.object = quality(picture)
        self._draw_aside(picture, display)

    def _draw_landscape(self, picture: Picture, display: Display) -> None:
        looks = (picture.view.split, display.show, display.height, display.color)
        drawn = (picture.slice, picture.path, looks)
        known, self._drawn = self._drawn, drawn
        if known and known[0] is drawn[0] and known[1] is drawn[1] and known[2] == looks:
            return  # only what stands beside it is new
        deep = display.show == "3d"
        if self._deep.visible != deep:
            self._deep.visible, self._flat.visible = deep, not deep
        color = display.color if display.color in picture.slice else "loss"
        if deep:
            self._draw_surface(picture, display, color)
        else:
            self.contour.update(
                picture.slice,
                picture.path,
                variable=color,
                split=picture.view.split,
                scale=display.height if color == "loss" else "linear",
            )

    def _beside(self, aside: Aside) -> "_Beside":
        """The drawing of an aside, made the first time that it is asked for."""
        name = name_of(type(aside))
        if name not in self._asides:
            view = aside.view()
            self._asides[name] = _Beside(
                view, pn.Column(pn.pane.Bokeh(view.figure, **FILL), **FILL)
            )
            self.side.append(self._asides[name].pane)
        return self._asides[name]

    def _draw_aside(self, picture: Picture, display: Display) -> None:
        beside = self._beside(display.aside)
        for other in self._asides.values():
            if other.pane.visible != (other is beside):
                other.pane.visible = other is beside
        if self._above.visible == display.aside.tall:
            self._above.visible = not display.aside.tall
        display.aside.draw(beside.view, picture, display.height)

    def _draw_surface(self, picture: Picture, display: Display, color: str) -> None:
        shown = picture.slice.sel(split=picture.view.split)
        logged = display.height == "log" and color == "loss"
        scale = theme.decimal_log if logged else np.asarray
        heights = scale(shown[color].values)
        alpha, beta = shown["alpha"].values, shown["beta"].values
        path = picture.path
        values = path[color].values if color in path else np.full(len(path["step"]), np.nan)
        track = np.stack([path["alpha"], path["beta"], scale(values)], axis=1)
        label = f"{picture.view.split} {color}"
        self.surface.draw(
            heights,
            alpha,
            beta,
            track,
            _lowest(heights, alpha, beta),
            theme.limits(heights),
            (_named(shown["alpha"]), _named(shown["beta"]), f"log₁₀ {label}" if logged else label),
        )


def quality(picture: Picture) -> str:
    """HTML on what the picture is and how much it can be trusted, two lines long at most."""
    computed = picture.slice["computed"].values
    distance = float(picture.path["distance"][-1])
    count = int(picture.slice.attrs["examples"][0])
    doubt = picture.standard_error
    parts = [
        f"<b>{picture.captured:.0%}</b> of the motion lies in this plane",
        f"<b>{computed.sum()}</b> of {computed.size} points computed{others(picture.slice)}",
        f"<b>{count}</b> {picture.view.split} examples"
        + (f" (loss at the point <b>± {doubt:.2g}</b>)" if doubt else ""),
    ]
    if distance > 1e-5:
        parts.insert(1, f"current point <b>{distance:.2g}</b> off it")
    broken = int((~np.isfinite(picture.slice["loss"].values)).sum())
    if broken:
        parts.append(f"<b>{broken}</b> points not finite")
    if picture.notice:
        parts.insert(0, html.escape(picture.notice))
    return " · ".join(parts)


def others(slice_: xr.Dataset) -> str:
    """What is known of the points that were not computed, if there are any."""
    if slice_["computed"].values.all():
        return ""
    error = slice_.attrs.get("estimated_error")
    if error is None:
        return ", others interpolated"
    return f", others within an estimated <b>{error:.1%}</b> of the range"


Array = npt.NDArray[np.floating[Any]]


def _line(color: str, size: int, height: int) -> pn.pane.HTML:
    """Text of fixed height, so that nothing moves when it changes."""
    styles = {"font": f"{size}px/1.45 {theme.FONT}", "color": color, "padding": "2px 8px 0 10px"}
    return pn.pane.HTML(
        "", styles={**styles, "overflow": "hidden"}, height=height, margin=0,
        sizing_mode="stretch_width",
    )  # fmt: skip


def _lowest(heights: Array, alpha: Array, beta: Array) -> tuple[float, float, float] | None:
    if not np.isfinite(heights).any():
        return None
    row, column = np.unravel_index(
        np.where(np.isfinite(heights), heights, np.inf).argmin(), heights.shape
    )
    return float(alpha[column]), float(beta[row]), float(heights[row, column])


def _named(axis: xr.DataArray) -> str:
    return str(axis.attrs.get("long_name", axis.name))
