"""The network itself: its units, weights or filters, misread examples, a graph, or players."""

from dataclasses import dataclass
from typing import Any, ClassVar

from landscape_core.models.problems.base import ProblemSize
from landscape_core.session.picture import Picture
from landscape_lab.panels.base import SidePanel


@dataclass(frozen=True, kw_only=True)
class Network(SidePanel):
    """The units with what each responds to, the weights between them; weights set by hand.

    What is shown follows from the problem: units over one or two inputs, weights of the first layer
    and misread examples, filters and their maps, the graph, the paths of players.
    """

    label: ClassVar[str] = "network"
    tall: ClassVar[bool] = True

    def view(self) -> Any:
        from landscape_lab.figures.network import NetworkFigure

        return NetworkFigure()

    def shows_network(self, *, drawable: bool) -> bool:
        del drawable
        return True

    def memory(self, size: ProblemSize, vector: int, history: int) -> int:
        del size, history
        return vector  # a copy of the network, whose layers are read

    def draw(self, view: Any, picture: Picture, scale: str) -> None:
        del scale
        if picture.network is not None:
            view.update(picture.network, picture.boundary, picture.points, picture.point)
