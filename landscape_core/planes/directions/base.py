"""What a rule for directions is: a recipe that spans a line or plane from where the run stands."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, final

import torch
from torch import Tensor

from landscape_core.foundation.errors import PlaneError, SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Choice, Note, Recipe
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout, selected
from landscape_core.planes.plane import Plane


@dataclass(frozen=True, eq=False)
class Viewpoint:
    """What a rule may look at: the objective, the centre (P,), the path so far (T, P), a seed.

    `others` are the paths of other runs, (T', P) each, that the plane is to hold as well. Where
    some layers are held fixed, P counts the rest, and `whole` is the layout of all parameters.
    `buffers_of` gives the buffers of the path's point of an index, where these are known; those of
    the centre are the objective's.
    """

    objective: Objective
    centre: Vector
    path: Vectors
    seed: int
    others: tuple[Tensor, ...] = ()
    whole: Layout | None = None
    buffers_of: "Callable[[int], Mapping[str, Tensor] | None] | None" = None


@dataclass(frozen=True, kw_only=True)
class Directions(Recipe, ABC):
    """A rule that chooses the line or plane.

    `needs_path`: whether it looks at the trajectory; `whole_path`: whether its plane belongs to the
    trajectory as a whole, and not to the point that is looked at; `through_states`: whether it
    goes through several states of the network, not through the centre alone.

    A rule answers `axes`; what holds for all rules, `span` adds: layers that are held fixed,
    orthogonality and length.
    """

    needs_path: ClassVar[bool] = False
    whole_path: ClassVar[bool] = False
    through_states: ClassVar[bool] = False

    layers: Annotated[
        str,
        Note(
            "tensors that the plane moves, by name or pattern, separated by commas, for instance"
            " 0 or *.weight; all others are held fixed; empty: all move"
        ),
    ] = ""
    orthogonal: Annotated[
        bool, Note("turn the second direction until it is orthogonal to the first")
    ] = False
    length: Annotated[
        str,
        Choice(("own", "unit"), "of the axes: as the rule gives them, or one in parameter space"),
    ] = "own"

    @abstractmethod
    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        """The line (1) or plane (2) that the rule gives, in the parameters of the viewpoint."""

    @final
    @public_call
    def span(self, view: Viewpoint, dimensions: int = 2) -> Plane:
        """The line (1) or plane (2) through the centre.

        Raises:
            PlaneError: the viewpoint does not determine it, for instance too short a path.
            SpecError: no such layer, or neither 1 nor 2 dimensions.
        """
        if dimensions not in (1, 2):
            raise SpecError("dimensions", dimensions, "1 for a line or 2 for a plane")
        if not bool(view.centre.isfinite().all()):
            raise PlaneError("the centre of the plane must be finite; it holds NaN or infinity.")
        plane = self._within(view, dimensions)
        axes = plane.axes
        if self.orthogonal and len(axes) == 2:
            axes = torch.stack([axes[0], _turned(axes[1], axes[0])])
        if self.length == "unit":
            axes = axes / axes.norm(dim=1, keepdim=True)
        return plane if axes is plane.axes else plane.spanned_by(axes)

    def _within(self, view: Viewpoint, dimensions: int) -> Plane:
        """The rule's plane in the chosen layers alone, laid into all parameters."""
        if not self.layers:
            return self.axes(view, dimensions)
        if not isinstance(view.objective, ModelObjective):
            raise SpecError(
                "Directions.layers", self.layers, "empty, as this problem has no layers"
            )
        blocks = selected(view.objective.layout, self.layers)
        moving = torch.cat([torch.arange(block.start, block.stop) for block in blocks])
        moving = moving.to(view.centre.device)
        small = Viewpoint(
            view.objective.moving([block.name for block in blocks], view.centre),
            view.centre[moving],
            view.path[:, moving],
            view.seed,
            tuple(other[:, moving] for other in view.others),
            view.objective.layout,
        )
        plane = self.axes(small, dimensions)
        axes = view.centre.new_zeros(dimensions, len(view.centre))
        axes[:, moving] = plane.axes
        origin = view.centre.clone()
        origin[moving] = plane.origin
        return replace(plane, origin=origin, axes=axes)


def _turned(axis: Vector, other: Vector) -> Vector:
    """What of an axis is orthogonal to another, as long as the axis was.

    Raises:
        PlaneError: nothing is, as the two are parallel.
    """
    exact, against = axis.double(), other.double()
    rest = exact - (exact @ against) / (against @ against) * against
    if float(rest.norm()) <= 1e-6 * float(exact.norm()):
        raise PlaneError("the axes must not be parallel; these are.")
    return (rest * (exact.norm() / rest.norm())).to(axis)


def explained_by(axes: Vectors, moves: Tensor) -> tuple[float, ...]:
    """The share of squared moves (T, P) that lies along each axis, the axes taken in turn."""
    basis = torch.linalg.qr(axes.double().T).Q
    total = float(moves.double().square().sum())
    shares = (moves.double() @ basis).square().sum(dim=0)
    return tuple((shares / total).tolist()) if total else (0.0,) * len(axes)
