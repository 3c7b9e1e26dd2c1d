"""Which way the axes of a plane point, where the rule that spans it leaves their signs open.

An eigenvector or principal component has no sign of its own. Here the start of the path lies left
of its end, and its largest excursion from the start leads upwards. The signs depend on the plane
and the path alone, not on the pictures that were shown before, so that live and held pictures,
links, files and the library agree.
"""

import torch
from torch import Tensor

from landscape_core.foundation.types import Vector, Vectors
from landscape_core.planes.plane import Plane

TIE = 1e-6
"""Excursions to both sides that differ by a smaller fraction count as equal."""

BLOCK = 2**21
"""Number of entries of the path converted to double precision at a time."""


def oriented(plane: Plane, path: Vectors) -> Plane:
    """The plane with its axes pointed as a path (T, P) moves along them.

    Along the first axis the path ends ahead of its start; along the second its largest excursion
    from the start is positive. Where that decides nothing, the other rule does; and where the path
    does not move along the axis, or as far to both sides, the largest entry of the axis is
    positive.
    """
    coords = _from_start(plane, path)
    still = torch.finfo(path.dtype).eps * float(path[0].double().norm())
    backward = []
    for index, axis in enumerate(plane.axes):
        along = coords[:, index]
        end, largest = float(along[-1]), float(along.max() + along.min())
        extent, rules = float(along.abs().max()), (largest, end) if index else (end, largest)
        telling = [way for way in rules if extent > still and abs(way) > TIE * extent]
        backward.append((telling[0] if telling else _largest_entry(axis)) < 0)
    return plane.flipped(backward)


def _from_start(plane: Plane, path: Vectors) -> Tensor:
    """The coordinates of iterates relative to the first, in units of the axes' lengths, (T, D)."""
    axes = plane.axes.double()
    lengths = axes.norm(dim=1)
    unit = (axes / lengths[:, None]).T
    start = path[0].double()
    rows = max(1, BLOCK // path.shape[1])
    products = torch.cat([(block.double() - start) @ unit for block in path.split(rows)])
    return torch.linalg.solve(unit.T @ unit, products.T).T


def _largest_entry(axis: Vector) -> float:
    """The entry of largest size, of several that are equal but for rounding the first."""
    sizes = axis.double().abs()
    return float(axis[int((sizes >= (1 - TIE) * sizes.max()).int().argmax())])
