"""The data and the network's predictions over the input space."""

from dataclasses import dataclass
from typing import Any, ClassVar

from landscape_core.session.picture import Picture
from landscape_lab.figures.annotations import looked_at, short_names
from landscape_lab.panels.base import SidePanel

NO_BOUNDARY = "No decision boundary:\nthe data do not have one or two inputs."


@dataclass(frozen=True, kw_only=True)
class Boundary(SidePanel):
    """The data, and the network's predictions over the input space."""

    label: ClassVar[str] = "decision boundary"

    def view(self) -> Any:
        from landscape_lab.figures.bokeh.boundary import Boundary as View

        return View()

    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        del scale
        if picture.boundary is None or picture.points is None:
            view.empty(NO_BOUNDARY)
        else:
            at = picture.point
            names = short_names(picture.slice)
            words = looked_at(at.alpha, at.beta, at.values, names) if at else ""
            view.update(picture.boundary, picture.points, words, over=bool(at and at.passing))
