"""The pictures of the page: landscape in 2-D and 3-D, kept runs, curves, side panel."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import panel as pn

from landscape_core.experiments.slice_of_run import value_attributes
from landscape_core.foundation.recipes import name_of
from landscape_core.models.weight_change import WeightChange
from landscape_core.session.picture import Picture
from landscape_lab.components.caption.caption import Caption
from landscape_lab.components.network.network import NetworkStage
from landscape_lab.components.surface.surface import Surface
from landscape_lab.figures.bokeh.contour import Contour
from landscape_lab.figures.bokeh.curves import Curves
from landscape_lab.figures.camera import words_of
from landscape_lab.figures.network import NetworkFigure
from landscape_lab.page.compared_view import FILL, ComparedView
from landscape_lab.page.landscape_looks import LandscapeLooks, drawable
from landscape_lab.page.quality_line import quality
from landscape_lab.page.staleness import Staleness, shade
from landscape_lab.state.place import Place
from landscape_lab.state.place_changes import with_camera
from landscape_lab.state.scene import Display, Scene
from landscape_lab.worker.turns import TURNS
from landscape_lab.worker.update import Update

SIDE_PAUSE = 0.2
"""Seconds between two updates of the smaller figures while a run goes on."""

SIDE = "clamp(200px, 25cqw, 480px)"
"""How wide the smaller figures are: a quarter of the page, within bounds."""

MARKED = ("landscape", "curves", "side_panel")
"""The pictures that are pale where they show other settings than the form."""

TALL = 3
"""How much higher than the curves a tall side panel is."""

PROJECTED = 1.35
"""How much larger type and lines are for a projector."""


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
        compared: Callable[[str], None] | None = None,
        changed: Callable[[WeightChange | None], None] | None = None,
        asked: Callable[[str, float, float], None] | None = None,
        marked: Callable[[dict[str, bool]], None] | None = None,
    ) -> None:
        """Empty figures.

        Args:
            tapped: called with alpha and beta wherever the user clicks on the landscape.
            turned: called with the camera of the surface when the user has moved it.
            compared: called with another way to compare surfaces, when the user asks for it.
            changed: called with a weight that the user sets, or with None to undo the last one.
            asked: called with what a mouse asks of the landscape, as `Contour` tells it.
            marked: called with which pictures are to be pale, of landscape, curves and side panel.
        """
        self._side_drawn_at, self._factor = 0.0, 1.0
        self._looks = LandscapeLooks()
        self._tapped, self._turned, self._changed = tapped, turned, changed
        self._compared_as, self._asked, self._marked = compared, asked, marked
        self.contour, self.curves = Contour(tapped, asked), Curves()
        self.surface: Surface | None = None
        self.compared: ComparedView | None = None
        self.quality = Caption()
        self._panes: dict[str, Any] = {"2d": pn.pane.Bokeh(self.contour.figure, **FILL)}
        self._staleness, self._words, self._obeys = Staleness(), ("", ""), False
        self._pictures = pn.Column(self._panes["2d"], styles=shade("landscape"), **FILL)
        self.landscape = pn.Column(
            self._pictures, self.quality.view, css_classes=["landscape"], **FILL
        )
        self._above = pn.Column(
            pn.pane.Bokeh(self.curves.figure, **FILL),
            styles={"flex": "1 1 0px", **shade("curves")},
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
        display = drawable(picture, display)
        show = display.show if display.show != "compare" or update.kept else "2d"
        if show == "compare" and self.compared is None:
            self._compare(update, display)  # drawn before it is shown
        self._show(show)
        if self.surface is not None:
            self.surface.look_from(display.camera)
            self.surface.hold(busy=playing)
        if self.compared is not None:
            self.compared.look_from(display.camera, busy=playing)
        if show != "compare":
            self._draw_landscape(picture, display, update.place.start, playing=playing)
        now = time.monotonic()  # the more pages there are that draw, the less often they follow
        if playing and now - self._side_drawn_at < SIDE_PAUSE + TURNS.pause():
            self._words = quality(picture) if self._obeys else self._words
            self._obeys = False
            self._draw_network(picture, display)
            return
        self._side_drawn_at = now
        if show == "compare":
            self._compare(update, display)
        curves = picture.curves.assign_attrs(value_attributes(picture.run))
        self.curves.update(curves, picture.seen)
        self._obeys, self._words = False, quality(picture)
        self._tell()
        self._draw_side_panel(picture, display)

    def as_seen(self, place: Place) -> Place:
        """The place with the camera of the surface, if that is shown from where it usually is."""
        display = place.scene.display
        if display.show != "3d" or display.camera or self.surface is None:
            return place
        return with_camera(place, words_of(self.surface.home))

    def glance(self, picture: Picture, display: Display) -> None:
        """Show a picture in the side panel alone."""
        self._draw_side_panel(picture, display)

    def hurry(self) -> None:
        """Something is to be changed: while a run goes on, the landscape alone obeys at first."""
        self._side_drawn_at = time.monotonic()

    def catch_up(self) -> None:
        """The next picture obeys the settings: the smaller figures too, where they did not.

        Where the plane alone was another, they are of the run as before, and follow in their turn.
        """
        stale = self._staleness
        if stale.words and (stale.curves or not stale.landscape):
            self._side_drawn_at = 0.0
        self._obeys = bool(stale.words)

    def mark(self, staleness: Staleness) -> None:
        """Show pale what does not obey the settings, and say below the picture what it shows."""
        if staleness == self._staleness:
            return
        self._staleness = staleness
        self._tell()
        if self._marked is not None:
            self._marked({name: getattr(staleness, name) for name in MARKED})

    def _tell(self) -> None:
        """Say below the picture what it is, or which other settings it shows."""
        words = self._staleness.words
        self.quality.set(*([words] if words else self._words))

    def scale(self, *, projects: bool) -> None:
        """Make type and lines larger for a projector, or as they were."""
        self._factor = PROJECTED if projects else 1.0
        panels = [each.view for each in self._side_panels.values()]
        for view in (self.contour, self.surface, self.curves, self.compared, *panels):
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
            self.surface = Surface(self._tapped, self._turned, asked=self._asked)
            self._enlarge(self.surface)
            inner = self.surface.view
        else:
            inner = self._compared().view
        self._panes[name] = pn.Column(inner, visible=False, **FILL)
        self._pictures.append(self._panes[name])

    def _compared(self) -> ComparedView:
        if self.compared is None:
            self.compared = ComparedView(self._turned, self._compared_as)
            self._enlarge(self.compared)
        return self.compared

    def _compare(self, update: Update, display: Display) -> None:
        self._looks.forget()
        self._compared().update(update, display)

    def _draw_landscape(
        self, picture: Picture, display: Display, start: Scene, *, playing: bool
    ) -> None:
        looks = self._looks.of(picture, display, start, playing=playing)
        if looks is None:
            return  # only the side panel is new
        deep = self.surface if display.show == "3d" else None
        view = self.contour if deep is None else deep
        view.update(picture.slice, picture.path, **looks)

    def _draw_network(self, picture: Picture, display: Display) -> None:
        """Bring a network that is shown already up to date: the engine reads it every so often."""
        panel = display.side_panel.drawn_for(picture)
        shown = self._side_panels.get(name_of(type(panel)))
        if shown is not None and isinstance(shown.view, NetworkFigure) and not TURNS.pause():
            panel.draw(shown.view, picture, display.scale)

    def _draw_side_panel(self, picture: Picture, display: Display) -> None:
        panel = display.side_panel.drawn_for(picture)
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
        if self._above.visible == panel.alone:
            self._above.visible = not panel.alone

    def _add(self, name: str, view: Any, *, tall: bool) -> None:
        """Add the figure of a side panel below the curves of the loss, which always stay."""
        self._enlarge(view)
        styles = {"flex": f"{TALL if tall else 1} 1 0px", **shade("side_panel")}
        if isinstance(view, NetworkFigure):
            inner = NetworkStage(view, self._changed).view
        else:
            inner = pn.pane.Bokeh(view.figure, **FILL)
        pane = pn.Column(inner, styles=styles, **FILL)
        self._side_panels[name] = _SideFigure(view, pane)
        self.side.append(pane)
