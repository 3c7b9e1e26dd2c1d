"""The pictures of the page: landscape in 2-D and 3-D, kept runs, curves, side panel."""

import html
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import panel as pn
import xarray as xr

from landscape_core.experiments.slice_of_run import value_attributes
from landscape_core.foundation.recipes import name_of
from landscape_core.session.picture import Picture
from landscape_lab.components.surface.surface import Surface
from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.axes import put
from landscape_lab.figures.bokeh.comparison import Comparison
from landscape_lab.figures.bokeh.contour import Contour
from landscape_lab.figures.bokeh.curves import Curves
from landscape_lab.figures.steady_range import SteadyRange, as_values, natural_range
from landscape_lab.page.comparison import compared_runs
from landscape_lab.page.quality_line import quality
from landscape_lab.page.staleness import Staleness
from landscape_lab.state.scene import Display, Scene
from landscape_lab.worker.turns import TURNS
from landscape_lab.worker.update import Update

SIDE_PAUSE = 0.2
"""Seconds between two updates of the smaller figures while a run goes on."""

SIDE = "clamp(200px, 25cqw, 480px)"
"""How wide the smaller figures are: a quarter of the page, within bounds."""

PALE = "0.35"
"""Opacity of a picture that shows other settings than the form, as in form_asking.js."""

TALL = 3
"""How much higher than the curves a tall side panel is."""

PROJECTED = 1.35
"""How much larger type and lines are for a projector."""

FILL: Any = {"sizing_mode": "stretch_both", "min_height": 0}


@dataclass(frozen=True)
class _SideFigure:
    """A figure of a side panel, and the pane that holds it."""

    view: Any
    pane: pn.Column


class Canvas:
    """Draws updates of a run; only what is visible is brought up to date.

    What is not seen at first is made when it is: the less is on a page, the sooner it is there.
    """

    def __init__(
        self,
        tapped: Callable[[float, float], None] | None = None,
        turned: Callable[[str], None] | None = None,
        asked: Callable[[str, float, float], None] | None = None,
    ) -> None:
        """Empty figures.

        Args:
            tapped: called with alpha and beta wherever the user clicks on the landscape.
            turned: called with the camera of the surface when the user has moved it.
            asked: called with what a mouse asks of the landscape, as `Contour` tells it.
        """
        self._side_drawn_at, self._factor = 0.0, 1.0
        self._drawn: tuple[Any, ...] = ()
        self._range = SteadyRange()
        self._tapped, self._turned, self._asked = tapped, turned, asked
        self.contour, self.curves = Contour(tapped, asked), Curves()
        self.surface: Surface | None = None
        self.comparison: Comparison | None = None
        self.quality = _line(theme.MUTED, 12, 38)
        self._panes: dict[str, Any] = {"2d": pn.pane.Bokeh(self.contour.figure, **FILL)}
        self._staleness, self._words = Staleness(), ""
        self._pictures = pn.Column(self._panes["2d"], styles=_shade(stale=False), **FILL)
        self.landscape = pn.Column(self._pictures, self.quality, css_classes=["landscape"], **FILL)
        self._above = pn.Column(
            pn.pane.Bokeh(self.curves.figure, **FILL),
            styles={"flex": "1 1 0px", **_shade(stale=False)},
            **FILL,
        )
        self._side_panels: dict[str, _SideFigure] = {}
        self.side = pn.Column(
            self._above,
            sizing_mode="stretch_both",
            css_classes=["side"],
            styles={"width": SIDE, "flex": "none"},
        )
        first = Display().side_panel
        self._add(name_of(type(first)), first.view(), tall=first.tall)

    def draw(self, update: Update, display: Display, *, playing: bool = False) -> None:
        """Bring every visible figure up to date; losses below zero have no logarithmic heights.

        While a run is `playing`, the smaller figures follow more slowly.
        """
        picture = update.picture
        if picture is None:
            return
        display = _drawable(picture, display)
        show = display.show if display.show != "compare" or update.kept else "2d"
        if show == "compare" and self.comparison is None:
            self._compare(update, display)  # drawn before it is shown
        self._show(show)
        if self.surface is not None:
            self.surface.look_from(display.camera)
        if show != "compare":
            self._draw_landscape(picture, display, update.place.start, playing=playing)
        now = time.monotonic()  # the more pages there are that draw, the less often they follow
        if playing and now - self._side_drawn_at < SIDE_PAUSE + TURNS.pause():
            return
        self._side_drawn_at = now
        if show == "compare":
            self._compare(update, display)
        curves = picture.curves.assign_attrs(value_attributes(picture.run))
        self.curves.update(curves, picture.seen)
        self._words = quality(picture)
        self._tell()
        self._draw_side_panel(picture, display)

    def glance(self, picture: Picture, display: Display) -> None:
        """Show a picture in the side panel alone."""
        self._draw_side_panel(picture, display)

    def hurry(self) -> None:
        """Something is to be changed: while a run goes on, the landscape alone obeys at first."""
        self._side_drawn_at = time.monotonic()

    def catch_up(self) -> None:
        """The next picture obeys the settings: what is pale is drawn with it."""
        if self._staleness.words:
            self._side_drawn_at = 0.0

    def mark(self, staleness: Staleness) -> None:
        """Show pale what does not obey the settings, and say below the picture what it shows."""
        if staleness == self._staleness:
            return
        self._staleness = staleness
        self._tell()
        panes = [figure.pane for figure in self._side_panels.values()]
        marked = [(self._pictures, staleness.landscape), (self._above, staleness.curves)]
        for pane, stale in (*marked, *((pane, staleness.side_panel) for pane in panes)):
            put(pane, styles={**pane.styles, **_shade(stale=stale)})

    def _tell(self) -> None:
        """Say below the picture what it is, or which other settings it shows."""
        words = self._staleness.words
        put(self.quality, object=f"<div>{html.escape(words)}</div>" if words else self._words)

    def scale(self, *, projects: bool) -> None:
        """Make type and lines larger for a projector, or as they were."""
        self._factor = PROJECTED if projects else 1.0
        panels = [each.view for each in self._side_panels.values()]
        for view in (self.contour, self.surface, self.curves, self.comparison, *panels):
            if view is not None:
                self._enlarge(view)

    def _enlarge(self, view: Any) -> None:
        if hasattr(view, "scale"):
            view.scale(self._factor)

    def _show(self, name: str) -> None:
        if name not in self._panes:
            self._make(name)
        for other, pane in self._panes.items():
            if pane.visible != (other == name):
                pane.visible = other == name
        if self.side.visible == (name == "compare"):
            self.side.visible = name != "compare"

    def _make(self, name: str) -> None:
        """Put the surface or the comparison to the other pictures, hidden."""
        if name == "3d":
            self.surface = Surface(self._tapped, self._turned, self._asked)
            self._enlarge(self.surface)
            inner = self.surface.view
        else:
            inner = pn.pane.Bokeh(self._comparison().figure, **FILL)
        self._panes[name] = pn.Column(inner, visible=False, **FILL)
        self._pictures.append(self._panes[name])

    def _comparison(self) -> Comparison:
        if self.comparison is None:
            self.comparison = Comparison()
            self._enlarge(self.comparison)
        return self.comparison

    def _compare(self, update: Update, display: Display) -> None:
        self._drawn = ()
        self._comparison().update(
            compared_runs(update),
            display.comparison,
            display.scale,
            variable=display.color,
            limits=display.range(),
            plane=update.together,
            problem=update.problem,
        )

    def _draw_landscape(
        self, picture: Picture, display: Display, start: Scene, *, playing: bool
    ) -> None:
        at = picture.point
        point = None if at is None else (at.alpha, at.beta)
        split = picture.spec.split
        looks = (split, display.show, display.scale, display.color, display.limits, playing)
        known = self._drawn
        drawn = self._drawn = (picture.slice, picture.path, looks, picture.seen, point)
        if known and all(map(_same, known, drawn)):
            return  # only the side panel is new
        color = display.color if display.color in picture.slice else "loss"
        scale = display.scale if color == "loss" else "linear"
        limits = display.range() if color == "loss" else None
        if limits is None and not _stays(picture):
            natural = natural_range(picture.slice, color, split, scale)
            key = (start.run, picture.spec, color, scale)
            steady = self._range.limits(key, natural, playing=playing)
            limits = steady and as_values(picture.slice, color, scale, steady)
        deep = self.surface if display.show == "3d" else None
        view = self.contour if deep is None else deep
        view.update(
            picture.slice,
            picture.path,
            variable=color,
            split=split,
            scale=scale,
            limits=limits,
            seen=picture.seen,
            point=point,
            rolls=playing,
        )

    def _draw_side_panel(self, picture: Picture, display: Display) -> None:
        panel = display.side_panel
        name = name_of(type(panel))
        made = None if name in self._side_panels else panel.view()
        view = self._side_panels[name].view if made is None else made
        panel.draw(view, picture, display.scale)
        if made is not None:  # drawn before it is shown: the browser has no model of it yet
            self._add(name, made, tall=panel.tall)
        for other, figure in self._side_panels.items():
            if figure.pane.visible != (other == name):
                figure.pane.visible = other == name
        self.curves.make_brief(brief=panel.tall)

    def _add(self, name: str, view: Any, *, tall: bool) -> None:
        """Add the figure of a side panel below the curves of the loss, which always stay."""
        self._enlarge(view)
        styles = {"flex": f"{TALL if tall else 1} 1 0px"}
        styles |= _shade(stale=self._staleness.side_panel)
        pane = pn.Column(pn.pane.Bokeh(view.figure, **FILL), styles=styles, **FILL)
        self._side_panels[name] = _SideFigure(view, pane)
        self.side.append(pane)


def _stays(picture: Picture) -> bool:
    """Whether the plane of a picture stays while the run goes on, and so do its values."""
    spec = picture.spec
    return not spec.follow or bool(spec.horizon and spec.directions.whole_path)


def _drawable(picture: Picture, display: Display) -> Display:
    """The display settings without logarithms of losses below zero."""
    computed = picture.slice["computed"].values
    below = bool((picture.slice["loss"].values[..., computed] < 0).any())
    return display.replace(scale="linear", limits="") if below else display


def _shade(*, stale: bool) -> dict[str, str]:
    """Styles of a picture; pale if it does not obey the settings for longer than a moment.

    The browser sets `--asked` between a change in the form and the answer to it. Both states set
    every value: one that is left out is never removed in the browser (Bokeh 3.9).
    """
    shade = PALE if stale else "var(--asked, 1)"
    return {"opacity": shade, "transition": "opacity 30ms linear 30ms"}


def _same(one: Any, other: Any) -> bool:
    """Whether what is drawn is there already: data sets are the same object, all else equal."""
    return one is other if isinstance(one, xr.Dataset) else bool(one == other)


def _line(color: str, size: int, height: int) -> pn.pane.HTML:
    """Text of fixed height, so that nothing moves when it changes."""
    font = f"calc({size}px * var(--scale, 1))/1.45 {theme.FONT}"
    styles = {"font": font, "color": f"var(--muted, {color})", "padding": "2px 8px 0 10px"}
    return pn.pane.HTML(
        "", styles={**styles, "overflow": "hidden"}, height=height, margin=0,
        sizing_mode="stretch_width",
    )  # fmt: skip
