"""A line or plane through parameter space: an origin and one or two axes.

The axes need not be orthogonal or of unit length: a filter-normalized direction has the length of
the network's own filters (Li et al. 2018), and a coordinate counts multiples of its axis. So
coordinates are least-squares solutions, computed in float64.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import overload

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation.errors import PlaneError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.planes.moving_buffers import MovingBuffers
from landscape_core.planes.through import State, Through

MAX_CONDITION = 1e12
"""Axes of unit length whose Gram matrix is worse conditioned are called parallel."""


CORNERS = {1: ((0.0,), (1.0,)), 2: ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))}
"""The coordinates of the given states on a line or plane from the first to the others."""


@dataclass(frozen=True, eq=False)
class Plane:
    """An origin (P,), D axes (D, P), their names, and how much each explains, where known.

    There are one or two axes, and as many names: by default alpha and beta.
    `explained_variance_ratio` is the fraction of the trajectory's variance along each axis.
    `states` is how many given states of the network the plane goes through, the origin among them;
    `buffers` are theirs, each state's own at its point, where all are known. `given` are their
    coordinates, where these are known.
    """

    origin: Vector
    axes: Vectors
    names: tuple[str, ...] = ()
    explained_variance_ratio: tuple[float, ...] | None = None
    states: int = 1
    buffers: MovingBuffers | None = None
    given: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        """Name the axes, and refuse those that span nothing.

        Raises:
            PlaneError: no tensors, wrong shapes, non-finite numbers or lengths, a zero axis or
                parallel axes, or another number of names.
        """
        self._check_form()
        object.__setattr__(self, "names", self.names or ("alpha", "beta")[: len(self.axes)])
        if len(self.names) != len(self.axes):
            raise PlaneError(f"{len(self.axes)} names are needed, one an axis; got {self.names}.")
        if not (self.axes.isfinite().all() and self.origin.isfinite().all()):
            raise PlaneError("the origin and the axes must be finite; got NaN or infinity.")
        lengths = self.axes.double().norm(dim=1)
        for name, length in zip(self.names, lengths.tolist(), strict=True):
            if length == 0:
                raise PlaneError(f"an axis must not be zero; got zero for {name}.")
            if length == math.inf:
                raise PlaneError(f"the length of {name} must be finite in float64; it is not.")
        unit = self.axes.double() / lengths[:, None]
        if not float(torch.linalg.cond(unit @ unit.T)) <= MAX_CONDITION:
            raise PlaneError("the axes must not be parallel; these are.")

    def _check_form(self) -> None:
        given = (self.origin, self.axes)
        if not all(torch.is_tensor(one) and one.is_floating_point() for one in given):
            kinds = [one.type() if torch.is_tensor(one) else type(one).__name__ for one in given]
            raise PlaneError(
                "the origin and the axes must be tensors of floating-point numbers; got"
                f" {kinds[0]} and {kinds[1]}."
            )
        if self.axes.shape not in ((1, *self.origin.shape), (2, *self.origin.shape)):
            shapes = f"{tuple(self.axes.shape)} and {tuple(self.origin.shape)}"
            raise PlaneError(
                f"axes must be (1, P) or (2, P) and the origin (P,); got shapes {shapes}."
            )

    @overload
    @classmethod
    def through(cls, origin: Vector, *others: Vector, names: tuple[str, ...] = ()) -> "Plane": ...

    @overload
    @classmethod
    def through(
        cls, origin: State, *others: State, names: tuple[str, ...] = ()
    ) -> "Plane | Through": ...

    @classmethod
    def through(
        cls, origin: State, *others: State, names: tuple[str, ...] = ()
    ) -> "Plane | Through":
        """The line through two points, or the plane through three.

        The first lies at 0 or (0, 0), the second at 1 or (1, 0), the third at (0, 1).

        Args:
            origin: a vector of parameters (P,), a state dictionary, or a module of the network. Of
                a vector the buffers are not known. With a dictionary or a module among the points
                the plane is laid where a slice of the network is asked for.
            others: the other points.
            names: of the axes.

        Raises:
            PlaneError: not two or three points, points of different sizes, points that coincide
                or lie on one line.
        """
        given = (origin, *others)
        points = [point for point in given if isinstance(point, Tensor)]
        if len(points) < len(given):
            return Through(given, names)
        if not 2 <= len(points) <= 3:
            raise PlaneError(f"a line or plane goes through 2 or 3 points; got {len(points)}.")
        sizes = [tuple(point.shape) for point in points]
        if len(set(sizes)) > 1:
            raise PlaneError(f"the points must be of one size; got {', '.join(map(str, sizes))}.")
        named = names or tuple(f"to point {index + 2}" for index in range(len(others)))
        for (first, one), (second, other) in itertools.combinations(enumerate(points, 1), 2):
            if torch.equal(one, other):
                raise PlaneError(f"points {first} and {second} coincide.")
        axes = torch.stack([other - points[0] for other in points[1:]])
        return cls(points[0], axes, named, states=len(points), given=CORNERS[len(axes)])

    def through_states(self, buffers: MovingBuffers | None, states: int) -> "Plane":
        """The same plane, known to go through so many states with these buffers, if known."""
        return replace(self, buffers=buffers, states=states)

    @property
    def dimensions(self) -> int:
        """D: 1 for a line, 2 for a plane."""
        return len(self.axes)

    @public_call
    def points(self, coords: Float[Tensor, "K D"]) -> Vectors:
        """The parameter vectors at K coordinates, shape (K, P).

        Raises:
            PlaneError: not one coordinate for each axis.
        """
        if coords.shape[-1:] != self.axes.shape[:1]:
            shape = tuple(coords.shape)
            raise PlaneError(f"coordinates must be (K, {self.dimensions}); got shape {shape}.")
        return self.origin + coords.to(self.axes) @ self.axes

    @public_call
    def coords(self, thetas: Vectors) -> Float[Tensor, "K D"]:
        """The coordinates of each row's nearest point on the plane, shape (K, D), float64.

        Raises:
            PlaneError: rows of another size.
        """
        axes = self.axes.double()
        lengths = axes.norm(dim=1)
        unit = axes / lengths[:, None]
        right = self._offsets(thetas) @ unit.T
        return torch.linalg.solve(unit @ unit.T, right.T).T / lengths

    @public_call
    def distance(self, thetas: Vectors) -> Float[Tensor, " K"]:
        """How far each row lies off the plane, shape (K,), Euclidean, float64.

        Raises:
            PlaneError: rows of another size.
        """
        return (self._offsets(thetas) - self.coords(thetas) @ self.axes.double()).norm(dim=1)

    @public_call
    def captured(self, path: Vectors) -> float:
        """The explained variance: the fraction of the variance of a path (T, P) along the axes."""
        mean = path.double().mean(dim=0)
        total = float((path - mean).square().sum())
        hidden = float(self.at(mean.to(path)).distance(path).square().sum())
        return 1.0 - hidden / total if total else 1.0

    def _offsets(self, thetas: Vectors) -> Vectors:
        if thetas.shape[-1:] != self.origin.shape:
            size, shape = len(self.origin), tuple(thetas.shape)
            raise PlaneError(f"points of this plane must be (K, {size}); got shape {shape}.")
        return thetas.double() - self.origin.double()

    def to(self, device: str | torch.device) -> "Plane":
        """The same plane on another device."""
        origin, axes = self.origin.to(device), self.axes.to(device)
        same = origin is self.origin and axes is self.axes
        buffers = self.buffers and self.buffers.to(device)
        return self if same else replace(self, origin=origin, axes=axes, buffers=buffers)

    def like(self, theta: Vector) -> "Plane":
        """The same plane on the device of a point and in its type."""
        origin, axes = self.origin.to(theta), self.axes.to(theta)
        same = origin is self.origin and axes is self.axes
        buffers = self.buffers and self.buffers.to(theta.device)
        return self if same else replace(self, origin=origin, axes=axes, buffers=buffers)

    def in_double(self) -> "Plane":
        """The same plane in float64."""
        buffers = self.buffers and self.buffers.in_double()
        origin, axes = self.origin.double(), self.axes.double()
        return replace(self, origin=origin, axes=axes, buffers=buffers)

    @public_call
    def at(self, origin: Vector) -> "Plane":
        """The parallel plane through another origin.

        It goes through the same states only if that lies in this plane, up to rounding.
        """
        if self.states == 1:
            return replace(self, origin=origin, given=())
        rounding = torch.finfo(self.origin.dtype).eps ** 0.5 * float(self.axes.double().norm())
        if float(self.distance(origin[None])) > rounding:
            return replace(self, origin=origin, states=1, buffers=None, given=())
        shifted = self.buffers and self.buffers.shifted(self.coords(origin[None])[0])
        return replace(self, origin=origin, buffers=shifted, given=())

    @public_call
    def spanned_by(self, axes: Vectors) -> "Plane":
        """The same plane with other axes that lie in it."""
        if self.buffers is None:
            return replace(self, axes=axes, given=())
        bare = replace(self, origin=torch.zeros_like(self.origin), buffers=None)
        moved = self.buffers.recombined(bare.coords(axes))
        return replace(self, axes=axes, buffers=moved, given=())

    @public_call
    def flipped(self, reversed_axes: Sequence[bool]) -> "Plane":
        """The same plane with these axes pointed to the other side.

        Raises:
            PlaneError: not one truth value for each axis.
        """
        if len(reversed_axes) != self.dimensions:
            raise PlaneError(
                f"{self.dimensions} truth values are needed, one an axis; got {reversed_axes}."
            )
        if not any(reversed_axes):
            return self
        signs = torch.tensor([-1.0 if reverse else 1.0 for reverse in reversed_axes])
        given = tuple(
            tuple(float(sign) * at for sign, at in zip(signs, point, strict=True))
            for point in self.given
        )
        return replace(
            self,
            axes=self.axes * signs.to(self.axes)[:, None],
            buffers=self.buffers and self.buffers.recombined(torch.diag(signs)),
            given=given,
        )
