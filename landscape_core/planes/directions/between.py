"""The line between two sets of parameters, or the plane through three: Goodfellow et al., 2015."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.errors import PlaneError
from landscape_core.foundation.recipes import Note
from landscape_core.planes.directions._files import parameters
from landscape_core.planes.directions.base import Directions, Viewpoint
from landscape_core.planes.plane import Plane

FILE = (
    "a file of parameters of the same network: a state dictionary (.pt), a vector (.npy), or the"
    " end of a run (.nc)"
)


@dataclass(frozen=True, kw_only=True)
class Between(Directions):
    """From the centre (0, 0) to the parameters in one file (1, 0) and in another (0, 1)."""

    label: ClassVar[str] = "to other parameters"

    first: Annotated[str, Note(FILE)] = ""
    second: Annotated[str, Note(FILE)] = ""

    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        files = (self.first, self.second)[:dimensions]
        axes = []
        for name, file in zip(("first", "second"), files, strict=False):
            axis = parameters(file, f"Between.{name}", view) - view.centre.cpu()
            if not float(axis.norm()):
                raise PlaneError(f"{file} holds the very parameters of the centre.")
            axes.append(axis)
        names = tuple(f"to {Path(file).stem}" for file in files)
        return Plane(view.centre, torch.stack(axes).to(view.centre), names)
