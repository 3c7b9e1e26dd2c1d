"""Directions from a file."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from landscape_core.foundation.errors import PlaneError
from landscape_core.foundation.recipes import FileName
from landscape_core.planes.directions._files import vectors
from landscape_core.planes.directions.base import Directions, Viewpoint
from landscape_core.planes.plane import Plane


@dataclass(frozen=True, kw_only=True)
class GivenVectors(Directions):
    """Direction vectors read from a file, without normalization."""

    label: ClassVar[str] = "vectors from a file"
    uses_data: ClassVar[bool] = False

    file: Annotated[
        str, FileName("one or two vectors of all parameters: an array (.npy) or a tensor (.pt)")
    ] = ""

    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        found = vectors(self.file, "GivenVectors.file", view)
        if len(found) < dimensions:
            raise PlaneError(f"{self.file} holds {len(found)} vectors; {dimensions} are needed.")
        names = tuple(f"vector {index + 1}" for index in range(dimensions))
        return Plane(view.centre, found[:dimensions].to(view.centre), names)
