"""What the picture hides of the path."""

from dataclasses import dataclass
from typing import Any, ClassVar

from app.asides.base import Aside
from app.views.off_plane import OffPlane as View
from landscape_core.pictures import Picture, under


@dataclass(frozen=True, kw_only=True)
class OffPlane(Aside):
    """The loss along the true path beside the picture's under it, and how far off it lies."""

    label: ClassVar[str] = "off the plane"
    view: ClassVar[type] = View

    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        del scale
        view.update(under(picture.path, picture.slice, picture.view.split))
