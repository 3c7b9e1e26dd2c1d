"""The base class of side panels: a figure next to the landscape and its computation."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, final

import xarray as xr

from landscape_core.curvature.monitor import Watch
from landscape_core.foundation.recipes import Recipe, name_of
from landscape_core.foundation.registry import find
from landscape_core.models.problems.base import ProblemSize
from landscape_core.session.inspection import InspectionPoint
from landscape_core.session.picture import Picture


@dataclass(frozen=True, kw_only=True)
class SidePanel(Recipe, ABC):
    """A figure next to the landscape; its fields are settings in the form."""

    tall: ClassVar[bool] = False
    """Whether it takes most of the height; of the curves, that of the loss stays above it."""

    alone: ClassVar[bool] = False
    """Whether it shows the loss itself, so that no curves stand above it."""

    @abstractmethod
    def view(self) -> Any:
        """The figure, made once for a page; its `figure` is a Bokeh model.

        A `NetworkFigure` has frames instead, which the page shows in a component.

        Bokeh is imported only here: links and files are read without it.
        """

    def shows_network(self, *, drawable: bool) -> bool:
        """Whether it draws the network of each picture.

        Args:
            drawable: whether the data have one or two inputs.
        """
        del drawable
        return False

    def stand_in(self, picture: Picture) -> str:
        """The name of the panel that is drawn instead where this one has nothing to draw, or none.

        Panels do not know each other, so it is found by its name.
        """
        del picture
        return ""

    @final
    def drawn_for(self, picture: Picture) -> "SidePanel":
        """This panel, or the one that stands in for it."""
        name = self.stand_in(picture)
        return find(SidePanel, name)() if name else self

    @property
    def watch(self) -> Watch | None:
        """The curvature monitored during training, if any."""
        return None

    def study(self, point: InspectionPoint) -> Iterator[xr.Dataset | None]:
        """Yield partial results for the current point of a paused run; None: no change yet."""
        del point
        return iter(())

    def memory(self, size: ProblemSize, vector: int, history: int) -> int:
        """Bytes that the computation of a paused run's panel takes, about.

        Args:
            size: of the run's problem.
            vector: bytes of all parameters.
            history: bytes of the recorded iterates of a run.
        """
        del size, vector, history
        return 0

    def passes(self, step: int) -> float:
        """Evaluations of the loss on the examples that the study of a step takes, about.

        A gradient counts as three evaluations, a product with a curvature matrix as six.
        """
        del step
        return 0.0

    @abstractmethod
    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        """Update the figure.

        Args:
            view: created by this class's `view`.
            picture: the latest update; `found` returns the panel's result for it.
            scale: `log` or `linear` heights.
        """

    def thumbnail(self, picture: Picture) -> str:
        """A small SVG image of the panel, for the gallery of presets; empty if it has none."""
        del picture
        return ""

    @classmethod
    def found(cls, picture: Picture) -> xr.Dataset | None:
        """The panel's result for the current point, so far."""
        return picture.studies.get(name_of(cls))
