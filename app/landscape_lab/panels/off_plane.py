"""The part of the trajectory outside the plane."""

from dataclasses import dataclass
from typing import Any, ClassVar

from landscape_core.session.picture import Picture, under
from landscape_lab.figures.preset_picture import curve_picture
from landscape_lab.figures.theme import CURRENT, SPLITS
from landscape_lab.panels.base import SidePanel


@dataclass(frozen=True, kw_only=True)
class OffPlane(SidePanel):
    """Loss along the trajectory against the loss at its projection; distance from the plane."""

    label: ClassVar[str] = "distance from the plane"

    def view(self) -> Any:
        from landscape_lab.figures.bokeh.off_plane import OffPlane as View

        return View()

    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        del scale
        view.update(under(picture.path, picture.slice, picture.spec.split))

    def thumbnail(self, picture: Picture) -> str:
        path = under(picture.path, picture.slice, picture.spec.split)
        steps = path["step"].values
        return curve_picture({
            SPLITS["train"]: (steps, path["loss"].values), CURRENT: (steps, path["under"].values),
        })  # fmt: skip
