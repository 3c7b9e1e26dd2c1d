"""The line from the start to the end of a run: Goodfellow, Vinyals, Saxe, 2015, arXiv:1412.6544.

The second axis leads to that point of the path that lies farthest from the line, so that the plane
goes through three points of the path.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch

from landscape_core.foundation.errors import PlaneError
from landscape_core.planes.directions.base import Directions, Viewpoint, explained_by
from landscape_core.planes.plane import Plane


@dataclass(frozen=True, kw_only=True)
class Endpoints(Directions):
    """From the run's start (0) to where it stands (1), and out to its farthest detour."""

    label: ClassVar[str] = "start to end"
    needs_path: ClassVar[bool] = True
    whole_path: ClassVar[bool] = True

    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        needed = dimensions + 1
        if len(view.path) < needed:
            raise PlaneError(
                f"start to end in {dimensions}-D needs a path of at least {needed} points;"
                f" it has {len(view.path)}."
            )
        start, end = view.path[0], view.path[-1]
        along = end - start
        if not float(along.norm()):
            raise PlaneError("the run ended where it began: there is no line between.")
        line = Plane(start, along[None], ("start to end",))
        if dimensions == 1:
            return Plane(start, line.axes, line.names, explained_by(line.axes, view.path - start))
        away = line.distance(view.path)
        if float(away.max()) <= 1e-6 * float(along.norm()):
            raise PlaneError("the path is straight: it spans a line and no plane.")
        far = view.path[int(away.argmax())]
        out = far - line.points(line.coords(far[None]))[0]
        axes = torch.stack([along, out])
        names = ("start to end", "to the farthest detour")
        return Plane(start, axes, names, explained_by(axes, view.path - start))
