"""The base class of direction rules: recipes for a line or plane through the current point."""

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
from landscape_core.planes.orientation import oriented
from landscape_core.planes.plane import Plane


@dataclass(frozen=True, eq=False)
class Viewpoint:
    """The input of a rule: objective, centre (P,), trajectory so far (T, P), seed.

    `others` are the trajectories of other runs, (T', P) each, that the plane should fit too. If
    some layers are held fixed, P counts the remaining parameters and `whole` is the layout of all.
    `buffers_of` returns the buffers at an index of the trajectory, if known; those of the centre
    are the objective's.
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

    `needs_path`: whether it uses the trajectory; `whole_path`: whether its plane is determined by
    the whole trajectory rather than the current point; `through_states`: whether it passes through
    several states of the network, not only the centre; `signed`: whether it tells the side to which
    each axis points, as a gradient does and an eigenvector does not; `uses_data`: whether it
    evaluates the loss.

    A rule implements `axes`; `span` adds what is common to all rules: fixed layers, orthogonality,
    length, and the signs of axes that have none of their own, by `oriented`.
    """

    needs_path: ClassVar[bool] = False
    whole_path: ClassVar[bool] = False
    through_states: ClassVar[bool] = False
    signed: ClassVar[bool] = True
    uses_data: ClassVar[bool] = True

    layers: Annotated[
        str,
        Note(
            "parameters included: comma-separated names or patterns, for instance 0 or "
            "*.weight; all others are held fixed; empty: all parameters"
        ),
    ] = ""
    orthogonal: Annotated[
        bool, Note("orthogonalize the second direction against the first (Gram-Schmidt)")
    ] = False
    length: Annotated[
        str,
        Choice(
            ("own", "unit"),
            "length of the axes: as defined by the rule, or unit length in parameter space",
        ),
    ] = "own"

    @abstractmethod
    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        """Return the line (1) or plane (2) of the rule, in the parameters of the viewpoint."""

    def stays(self, parameters: int, dimensions: int = 2) -> bool:
        """Whether the plane is the same at every iterate of a model with so many parameters."""
        del parameters, dimensions
        return False

    @final
    @public_call
    def span(self, view: Viewpoint, dimensions: int = 2) -> Plane:
        """Return the line (1) or plane (2) through the centre.

        Raises:
            PlaneError: the viewpoint does not determine it, for instance if the trajectory is too
                short.
            SpecError: no such layer, or dimensions other than 1 and 2.
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
        plane = plane if axes is plane.axes else plane.spanned_by(axes)
        return plane if self.signed else oriented(plane, view.path)

    def _within(self, view: Viewpoint, dimensions: int) -> Plane:
        """The rule's plane in the chosen layers, embedded in all parameters."""
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
    """The component of an axis orthogonal to another, rescaled to the axis' length.

    Raises:
        PlaneError: the two are parallel.
    """
    exact, against = axis.double(), other.double()
    rest = exact - (exact @ against) / (against @ against) * against
    if float(rest.norm()) <= 1e-6 * float(exact.norm()):
        raise PlaneError("the axes must not be parallel.")
    return (rest * (exact.norm() / rest.norm())).to(axis)


def explained_by(axes: Vectors, moves: Tensor) -> tuple[float, ...]:
    """The explained variance ratio of moves (T, P) along each axis, axes taken in order."""
    basis = torch.linalg.qr(axes.double().T).Q
    total = float(moves.double().square().sum())
    shares = (moves.double() @ basis).square().sum(dim=0)
    return tuple((shares / total).tolist()) if total else (0.0,) * len(axes)
