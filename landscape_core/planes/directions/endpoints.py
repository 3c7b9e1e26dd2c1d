"""The line from the start to the end of a run: Goodfellow, Vinyals, Saxe, 2015, arXiv:1412.6544.

The second axis points to the iterate farthest from the line, so that the plane contains three
points of the trajectory.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from landscape_core.foundation.errors import PlaneError
from landscape_core.planes.directions.base import Directions, Viewpoint, explained_by
from landscape_core.planes.moving_buffers import MovingBuffers
from landscape_core.planes.plane import Plane
from landscape_core.planes.state_differences import warning_of


@dataclass(frozen=True, kw_only=True)
class Endpoints(Directions):
    """The line from the initial (0) to the current point (1), and the iterate farthest from it."""

    label: ClassVar[str] = "start to end"
    needs_path: ClassVar[bool] = True
    whole_path: ClassVar[bool] = True
    through_states: ClassVar[bool] = True
    uses_data: ClassVar[bool] = False

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
            raise PlaneError("the first and last point of the trajectory coincide.")
        line = Plane(start, along[None], ("start to end",))
        last = len(view.path) - 1
        if dimensions == 1:
            share = explained_by(line.axes, view.path - start)
            line = Plane(start, line.axes, line.names, share)
            return line.through_states(_buffers(view, (0, last)), 2)
        away = line.distance(view.path)
        if float(away.max()) <= 1e-6 * float(along.norm()):
            raise PlaneError("the trajectory is a straight line, which does not span a plane.")
        index = int(away.argmax())
        far = view.path[index]
        foot = line.coords(far[None])
        out = far - line.points(foot)[0]
        axes = torch.stack([along, out])
        names = ("start to end", "to the farthest iterate")
        plane = Plane(start, axes, names, explained_by(axes, view.path - start))
        buffers = _buffers(view, (0, last, index))
        # The farthest point lies at (foot, 1).
        turn = torch.tensor([[1.0, 0.0], [-float(foot), 1.0]], dtype=torch.float64)
        return plane.through_states(buffers and buffers.recombined(turn), 3)


def _buffers(view: Viewpoint, indices: Sequence[int]) -> MovingBuffers | None:
    """The buffers at some points of the trajectory, if all are known."""
    if view.buffers_of is None:
        return None
    known = [found for i in indices if (found := view.buffers_of(i)) is not None]
    if said := warning_of(known, ()):
        warnings.warn(said, stacklevel=4)
    return MovingBuffers.through(*known) if len(known) == len(indices) else None
