"""The plane of two single parameters: of a model that has no others, the whole loss landscape."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.errors import PlaneError, SpecError
from landscape_core.foundation.recipes import Knob, Note
from landscape_core.models.parameters import Layout
from landscape_core.planes.directions.base import Directions, Viewpoint
from landscape_core.planes.plane import Plane

INDEX = "index of the parameter in the flat vector of all parameters, from 0"


@dataclass(frozen=True, kw_only=True)
class SingleParameters(Directions):
    """Two parameters vary, all others keep their values; the origin is that of parameter space.

    A coordinate is the value of its parameter.
    """

    label: ClassVar[str] = "two parameters"
    uses_data: ClassVar[bool] = False

    first: Annotated[int, Knob(0, 2**31 - 1, INDEX)] = 0
    second: Annotated[int, Knob(0, 2**31 - 1, INDEX)] = 1
    names: Annotated[
        str,
        Note(
            "names of the two parameters, separated by a comma, of a model that has no others;"
            " empty: their names in the model"
        ),
    ] = ""

    def check(self) -> None:
        if self.first == self.second:
            raise SpecError("SingleParameters.second", self.second,
                            f"different from first ({self.first})")  # fmt: skip
        if self.names and len(self._given()) != 2:
            accepted = "two names separated by a comma, as slope, intercept"
            raise SpecError("SingleParameters.names", self.names, accepted)

    def stays(self, parameters: int, dimensions: int = 2) -> bool:
        return dimensions == parameters == 2 and not self.layers

    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        count = len(view.centre)
        chosen = (self.first, self.second)[:dimensions]
        if max(chosen) >= count:
            raise PlaneError(f"there is no parameter {max(chosen)}; there are {count}, from 0.")
        axes = torch.zeros(dimensions, count, dtype=view.centre.dtype, device=view.centre.device)
        origin = view.centre.clone()
        for row, index in enumerate(chosen):
            axes[row, index] = 1.0
            origin[index] = 0.0
        given = self._given() if self.names and count == 2 and view.whole is None else ()
        names = given or tuple(_name(view.objective.layout, index) for index in chosen)
        return Plane(origin, axes, names[:dimensions])

    def _given(self) -> tuple[str, ...]:
        words = (word.strip() for word in self.names.split(","))
        return tuple(word for word in words if word)


def _name(layout: Layout, index: int) -> str:
    """The name of a parameter, with its place in its tensor: `0.weight[3, 1]`."""
    block = next(one for one in layout.blocks if one.start <= index < one.stop)
    if block.stop - block.start == 1:
        return block.name
    places = torch.unravel_index(torch.tensor(index - block.start), block.shape)
    return f"{block.name}[{', '.join(str(int(place)) for place in places)}]"
