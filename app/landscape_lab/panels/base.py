"""Side panels: a figure beside the landscape, and what is computed of the run for it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import xarray as xr

from landscape_core.curvature.monitor import Watch
from landscape_core.foundation.recipes import Recipe, name_of
from landscape_core.session.inspection import InspectionPoint
from landscape_core.session.picture import Picture


@dataclass(frozen=True, kw_only=True)
class SidePanel(Recipe, ABC):
    """A figure beside the landscape; its fields are settings that the form offers."""

    view: ClassVar[type]
    """Makes the drawing, once for a page; its `figure` is a Bokeh model."""

    tall: ClassVar[bool] = False
    """Whether it needs the room of the loss curves as well."""

    @property
    def watch(self) -> Watch | None:
        """The curvature that is followed while the run goes on, if any."""
        return None

    def study(self, stand: InspectionPoint) -> Iterator[xr.Dataset | None]:
        """What is found of the point where a held run stands, growing; None: nothing new yet."""
        del stand
        return iter(())

    @abstractmethod
    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        """Bring the drawing up to date.

        Args:
            view: made by this class's `view`.
            picture: the latest; `found` gives what was studied for it.
            scale: `log` or `linear` heights.
        """

    @classmethod
    def found(cls, picture: Picture) -> xr.Dataset | None:
        """What this panel's study has found of a picture's point so far."""
        return picture.studies.get(name_of(cls))
