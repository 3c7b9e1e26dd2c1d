"""The plane of the last optimizer update and the negative gradient."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from landscape_core.foundation.errors import PlaneError
from landscape_core.planes.directions.base import Directions, Viewpoint, explained_by
from landscape_core.planes.plane import Plane


@dataclass(frozen=True, kw_only=True)
class Update(Directions):
    """The last recorded update and the negative gradient at the current point."""

    label: ClassVar[str] = "last update"
    needs_path: ClassVar[bool] = True

    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        if len(view.path) < 2:
            raise PlaneError("the last update needs a path of at least 2 points; it has 1.")
        move = view.path[-1] - view.path[-2]
        if not float(move.norm()):
            raise PlaneError("the last two recorded points of the run are equal.")
        axes, names = [move], ["last update"]
        if dimensions == 2:
            axes.append(-view.objective.gradient(view.centre))
            names.append("negative gradient")
        span = torch.stack(axes)
        moves = view.path - view.path[0]
        plane = Plane(view.centre, span, tuple(names))
        return Plane(view.centre, span, plane.names, explained_by(span, moves))
