"""The data and the network's predictions over the input space."""

from dataclasses import dataclass
from typing import Any, ClassVar

from landscape_core.session.picture import Picture
from landscape_lab.figures.annotations import looked_at, short_names
from landscape_lab.figures.preset_picture import curve_picture
from landscape_lab.figures.theme import CURRENT
from landscape_lab.panels.base import SidePanel


@dataclass(frozen=True, kw_only=True)
class Boundary(SidePanel):
    """The data, and the network's predictions over the input space.

    Where the data do not have one or two inputs, the network itself is shown instead.
    """

    label: ClassVar[str] = "decision boundary"

    def view(self) -> Any:
        from landscape_lab.figures.bokeh.boundary import Boundary as View

        return View()

    def shows_network(self, *, drawable: bool) -> bool:
        return not drawable

    def stand_in(self, picture: Picture) -> str:
        """The network, where the data do not have one or two inputs."""
        return "network" if picture.boundary is None or picture.points is None else ""

    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        del scale
        if picture.boundary is not None and picture.points is not None:
            at = picture.point
            names = short_names(picture.slice)
            words = looked_at(at.alpha, at.beta, at.values, names) if at else ""
            view.update(picture.boundary, picture.points, words, over=bool(at and at.passing))

    def thumbnail(self, picture: Picture) -> str:
        found, points = picture.boundary, picture.points
        if found is None or points is None or "output" not in found:
            return ""
        line = found["x"].values, found["output"].values
        return curve_picture({CURRENT: line}, dots=(points["x"].values, points["y"].values))
