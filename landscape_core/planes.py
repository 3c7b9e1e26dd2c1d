"""A line or plane through parameter space: an origin and one or two axes.

The axes need not be orthogonal or of unit length: a filter-normalized direction has the length of
the network's own filters (Li et al. 2018), and a coordinate counts multiples of its axis. So
coordinates are least-squares solutions, computed in float64.
"""

import itertools
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.errors import PlaneError
from landscape_core.types import Vector, Vectors

MAX_CONDITION = 1e12
"""Axes of unit length whose Gram matrix is worse conditioned are called parallel."""


@dataclass(frozen=True, eq=False)
class Plane:
    """An origin (P,), D axes (D, P), their names, and how much each explains, where known.

    `explained` is the share of the trajectory's variance along each axis, between 0 and 1.
    """

    origin: Vector
    axes: Vectors
    names: tuple[str, ...] = ("alpha", "beta")
    explained: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse axes that span nothing.

        Raises:
            PlaneError: wrong shapes, non-finite numbers, a zero axis or parallel axes.
        """
        if self.axes.ndim != 2 or self.axes.shape[1:] != self.origin.shape:
            shapes = f"{tuple(self.axes.shape)} and {tuple(self.origin.shape)}"
            raise PlaneError(f"axes must be (D, P) and the origin (P,); got shapes {shapes}.")
        if not (self.axes.isfinite().all() and self.origin.isfinite().all()):
            raise PlaneError("the origin and the axes must be finite; got NaN or infinity.")
        lengths = self.axes.double().norm(dim=1)
        if bool((lengths == 0).any()):
            which = [self.names[i] for i in range(len(lengths)) if lengths[i] == 0]
            raise PlaneError(f"an axis must not be zero; got zero for {', '.join(which)}.")
        unit = self.axes.double() / lengths[:, None]
        if float(torch.linalg.cond(unit @ unit.T)) > MAX_CONDITION:
            raise PlaneError("the axes must not be parallel; these are.")

    @classmethod
    def through(cls, origin: Vector, *others: Vector, names: tuple[str, ...] = ()) -> "Plane":
        """The line through two points (P,), or the plane through three.

        The first lies at 0 or (0, 0), the second at 1 or (1, 0), the third at (0, 1).

        Raises:
            PlaneError: not two or three points, points that coincide or lie on one line.
        """
        if not 1 <= len(others) <= 2:
            raise PlaneError(f"a line or plane goes through 2 or 3 points; got {1 + len(others)}.")
        given = names or tuple(f"to point {index + 2}" for index in range(len(others)))
        return cls(origin, torch.stack([other - origin for other in others]), given)

    @property
    def dimensions(self) -> int:
        """D: 1 for a line, 2 for a plane."""
        return len(self.axes)

    def points(self, coords: Float[Tensor, "K D"]) -> Vectors:
        """The parameter vectors at K coordinates, shape (K, P)."""
        return self.origin + coords.to(self.axes) @ self.axes

    def coords(self, thetas: Vectors) -> Float[Tensor, "K D"]:
        """The coordinates of each row's nearest point on the plane, shape (K, D), float64."""
        axes = self.axes.double()
        lengths = axes.norm(dim=1)
        unit = axes / lengths[:, None]
        right = (thetas.double() - self.origin.double()) @ unit.T
        return torch.linalg.solve(unit @ unit.T, right.T).T / lengths

    def distance(self, thetas: Vectors) -> Float[Tensor, " K"]:
        """How far each row lies off the plane, shape (K,), Euclidean, float64."""
        offset = thetas.double() - self.origin.double()
        return (offset - self.coords(thetas) @ self.axes.double()).norm(dim=1)

    def at(self, origin: Vector) -> "Plane":
        """The parallel plane through another origin."""
        return replace(self, origin=origin)

    def facing(self, other: "Plane | None") -> "Plane":
        """The same plane with its axes in the order and to the side of a predecessor's.

        So a picture that is drawn anew neither flips nor swaps its axes, where eigenvectors or
        components change places. Of two orders the one with the larger cosines is taken.
        """
        if other is None or other.axes.shape != self.axes.shape:
            return self
        unit, last = (axes / axes.norm(dim=1, keepdim=True) for axes in (self.axes, other.axes))
        cosines = (last @ unit.T).double()
        order = max(
            itertools.permutations(range(self.dimensions)),
            key=lambda order: sum(float(cosines[i, j].abs()) for i, j in enumerate(order)),
        )
        signs = torch.tensor([-1.0 if cosines[i, j] < 0 else 1.0 for i, j in enumerate(order)])
        explained = self.explained and tuple(self.explained[j] for j in order)
        return replace(
            self,
            axes=self.axes[list(order)] * signs.to(self.axes)[:, None],
            names=tuple(self.names[j] for j in order),
            explained=explained,
        )
