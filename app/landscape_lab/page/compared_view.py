"""Runs that are compared, as maps or as surfaces, and below them a table and the curves."""

from collections.abc import Callable
from typing import Any

import panel as pn

from landscape_lab.components.surface.surfaces import Surfaces
from landscape_lab.figures.bokeh.axes import put
from landscape_lab.figures.bokeh.comparison import Compared, Comparison
from landscape_lab.figures.comparison_modes import OWN_SURFACES, SURFACES
from landscape_lab.page.comparison import compared_runs
from landscape_lab.state.scene import Display
from landscape_lab.worker.update import Update

FILL: Any = {"sizing_mode": "stretch_both", "min_height": 0}

WHOLE = "1 1 0px"
"""The flex of what takes all the height that the others leave."""


class ComparedView:
    """The pictures of a comparison; the surfaces are made when they are first asked for."""

    def __init__(
        self,
        turned: Callable[[str], None] | None = None,
        compared: Callable[[str], None] | None = None,
    ) -> None:
        """Empty; the arguments are those of `Canvas`."""
        self._turned, self._compared_as = turned, compared
        self.comparison = Comparison()
        self.surfaces: Surfaces | None = None
        self._factor = 1.0
        self._below = pn.pane.Bokeh(self.comparison.figure, styles={"flex": WHOLE}, **FILL)
        self._above = pn.Column(visible=False, **FILL)
        self.view = pn.Column(self._above, self._below, **FILL)

    def update(self, update: Update, display: Display) -> None:
        """Draw the kept runs and the one under way."""
        runs, deep = compared_runs(update), display.comparison in SURFACES
        self.comparison.update(
            runs,
            display.comparison,
            display.scale,
            variable=display.color,
            limits=display.range(),
            plane=update.together,
            problem=update.problem,
            level=display.outline,
        )
        if deep:
            self.draw(runs, display)
        put(self._above, visible=deep)
        flex = f"0 0 {self.comparison.foot}px" if deep else WHOLE
        put(self._below, styles={**self._below.styles, "flex": flex})

    def look_from(self, camera: str, *, busy: bool) -> None:
        """Move the camera of the surfaces; while a run is `busy`, it does not turn by itself."""
        if self.surfaces is not None:
            self.surfaces.surface.look_from(camera)
            self.surfaces.surface.hold(busy=busy)

    def scale(self, factor: float) -> None:
        """Make type, lines and signs so many times as large as they are by themselves."""
        self._factor = factor
        self.comparison.scale(factor)
        if self.surfaces is not None:
            self.surfaces.surface.scale(factor)

    def draw(self, runs: list[Compared], display: Display) -> None:
        """Draw the runs as surfaces."""
        if self.surfaces is None:
            self.surfaces = Surfaces(self._turned, self._share)
            self.surfaces.surface.scale(self._factor)
            self._above.append(self.surfaces.view)
        self.surfaces.surface.look_from(display.camera)
        self.surfaces.update(
            runs,
            display.comparison,
            display.scale,
            variable=display.color,
            limits=display.range(),
        )

    def _share(self, shared: bool) -> None:  # noqa: FBT001 - what the browser says
        if self._compared_as is not None:
            self._compared_as(SURFACES[0] if shared else OWN_SURFACES)
