"""Directions from a file."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.errors import PlaneError
from landscape_core.foundation.recipes import FileName
from landscape_core.planes.directions._files import directions
from landscape_core.planes.directions.base import Directions, Viewpoint
from landscape_core.planes.plane import Plane


@dataclass(frozen=True, kw_only=True)
class GivenVectors(Directions):
    """Direction vectors read from a file, without normalization.

    A direction file of the program loss-landscape (.h5) may move buffers as well (`dir_type`
    states); they then move on the plane, as between several states.
    """

    label: ClassVar[str] = "vectors from a file"
    uses_data: ClassVar[bool] = False

    file: Annotated[
        str,
        FileName(
            "one or two vectors of all parameters: an array (.npy), a tensor (.pt), or a direction"
            " file of loss-landscape (.h5)"
        ),
    ] = ""

    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        found, buffers = directions(self.file, "GivenVectors.file", view)
        if len(found) < dimensions:
            raise PlaneError(f"{self.file} holds {len(found)} vectors; {dimensions} are needed.")
        names = tuple(f"vector {index + 1}" for index in range(dimensions))
        plane = Plane(view.centre, found[:dimensions].to(view.centre), names)
        if buffers is None:
            return plane
        if view.whole is not None:
            raise PlaneError(f"{self.file} moves buffers, which no plane of some layers contains.")
        chosen = buffers.recombined(torch.eye(len(found))[:dimensions])
        return plane.through_states(chosen, dimensions + 1)
