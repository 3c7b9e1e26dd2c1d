"""The topology of the slice: its minima, the saddles between them, and how large basins are."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from landscape_core.analysis.persistence import persistence
from landscape_core.analysis.topological_profile import topological_profile
from landscape_core.foundation.recipes import Choice
from landscape_core.session.picture import Picture
from landscape_lab.figures.topology_drawings import DRAWINGS
from landscape_lab.panels.base import SidePanel


@dataclass(frozen=True, kw_only=True)
class Topology(SidePanel):
    """Minima and saddles of the slice as persistence barcode, merge tree or profile of basins."""

    label: ClassVar[str] = "topology"

    drawing: Annotated[
        str, Choice(DRAWINGS, "persistence barcode, merge tree or topological profile")
    ] = "barcode"

    def view(self) -> Any:
        from landscape_lab.figures.bokeh.topology import Topology as View

        return View()

    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        split = picture.spec.split
        if not view.is_new(picture.slice, (split, picture.standard_error, self.drawing, scale)):
            return  # the tree of the same slice is the same
        slice_ = picture.slice.assign_attrs(standard_error=picture.standard_error)
        profile = topological_profile(slice_, split) if self.drawing == "profile" else None
        view.update(persistence(slice_, split), profile, self.drawing, scale)
