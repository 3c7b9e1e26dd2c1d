"""The plane of the optimizer's last move and the gradient it moves by."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from landscape_core.foundation.errors import PlaneError
from landscape_core.planes.directions.base import Directions, Viewpoint, explained_by
from landscape_core.planes.plane import Plane


@dataclass(frozen=True, kw_only=True)
class Update(Directions):
    """The last recorded move of the run, and the negative gradient where it stands."""

    label: ClassVar[str] = "last update"
    needs_path: ClassVar[bool] = True

    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        if len(view.path) < 2:
            raise PlaneError("the last update needs a path of at least 2 points; it has 1.")
        move = view.path[-1] - view.path[-2]
        if not float(move.norm()):
            raise PlaneError("the run did not move between its last two recorded points.")
        axes, names = [move], ["last update"]
        if dimensions == 2:
            axes.append(-view.objective.gradient(view.centre))
            names.append("negative gradient")
        span = torch.stack(axes)
        moves = view.path - view.path[0]
        plane = Plane(view.centre, span, tuple(names))
        return Plane(view.centre, span, plane.names, explained_by(span, moves))
