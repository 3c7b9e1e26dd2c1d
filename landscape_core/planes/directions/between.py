"""The line between two sets of parameters, or the plane through three: Goodfellow et al., 2015."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.errors import PlaneError
from landscape_core.foundation.recipes import FileName
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions._files import state
from landscape_core.planes.directions.base import Directions, Viewpoint
from landscape_core.planes.network_state import NetworkState, between
from landscape_core.planes.plane import CORNERS, Plane

FILE = (
    "a file of parameters of the same network: a checkpoint (.pt, .pth, .ckpt, .safetensors), a"
    " vector (.npy), or the end of a run (.nc)"
)


@dataclass(frozen=True, kw_only=True)
class Between(Directions):
    """Linear interpolation from the centre (0, 0) to the parameters in one or two files."""

    label: ClassVar[str] = "interpolation to other parameters"
    through_states: ClassVar[bool] = True
    uses_data: ClassVar[bool] = False

    first: Annotated[str, FileName(FILE)] = ""
    second: Annotated[str, FileName(FILE)] = ""

    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        files = (self.first, self.second)[:dimensions]
        states = []
        for name, file in zip(("first", "second"), files, strict=False):
            states.append(state(file, f"Between.{name}", view))
            if torch.equal(states[-1].theta.to(view.centre), view.centre):
                raise PlaneError(f"{file} holds the same parameters as the centre.")
        axes = torch.stack([one.theta.to(view.centre) - view.centre for one in states])
        plane = Plane(view.centre, axes, tuple(f"to {Path(file).stem}" for file in files))
        return _through(plane, view, files, states)


def _through(
    plane: Plane, view: Viewpoint, files: tuple[str, ...], states: list[NetworkState]
) -> Plane:
    """The plane with the buffers of each state; fixed layers must agree.

    Raises:
        PlaneError: a state differs in a fixed parameter.
    """
    for file, one in zip(files, states, strict=True):
        if one.differs and view.whole is None:
            raise PlaneError(
                f"{file} differs from the network in {', '.join(one.differs)}, which is held fixed;"
                " no plane in the other parameters contains it."
            )
    if any(one.differs for one in states):
        return plane
    own = view.objective.buffers if isinstance(view.objective, ModelObjective) else {}
    every = (NetworkState(view.centre, own), *states)
    marked = replace(plane, given=CORNERS[len(files)])
    return marked.through_states(between(every), len(every))
