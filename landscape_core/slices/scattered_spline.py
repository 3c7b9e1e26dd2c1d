"""From values at scattered points of a grid to values at all of them, and how far off they may be.

The polyharmonic spline of r^5 with quadratic polynomials: Duchon, 1977; Wendland, 2005, *Scattered
Data Approximation*, chapter 11. Its error at a point is at most the power function there times a
norm of what is interpolated. That norm is not known. In its place stand the residuals that nodes
near the point have when each is left out, over their own power: Rippa, 1999, equation 8.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from landscape_core.slices.interpolation import Floats

Index = npt.NDArray[np.int64]

START = 7
"""Lines along a side on whose crossings the first nodes lie."""

BORDER = (1.75, 1.5)
"""How many times larger the errors are taken to be on the outermost line of a grid and the next.

There all nodes lie on one side, and losses of deep networks are steepest. In a corner, where they
lie on one side of both lines, the two are multiplied.
"""

NEAR = 8
"""The number of nodes around a point that measure how uneven the values are there."""


@dataclass(frozen=True, eq=False)
class Scattered:
    """A spline through nodes of a square grid of R points a side.

    `cardinal` (R R, N) takes values at nodes to all points; `residual` (N, N) to what each node
    misses when it is left out, over its power; `power` (R R,) belongs to the points, as do the
    indices `near` of nodes around each, the distance `apart` to the nearest, and how many times
    larger an error is taken to be `near_border`.
    """

    places: Floats
    cardinal: Floats
    residual: Floats
    power: Floats
    near: Index
    apart: Floats
    near_border: Floats

    @classmethod
    def through(cls, nodes: Index, resolution: int) -> "Scattered":
        """The spline through the points at indices (N, 2)."""
        side = np.linspace(-1.0, 1.0, resolution)
        places = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
        flat = nodes @ [resolution, 1]
        rises, runs = ((side[:, None] - side[along]) ** 2 for along in nodes.T)
        squares = (rises[:, None] + runs).reshape(-1, len(nodes))
        rows = np.hstack([-(squares**2) * np.sqrt(squares), _quadratics(places)])
        count, terms = len(nodes), rows.shape[1] - len(nodes)
        system = np.zeros((count + terms,) * 2)
        system[:count] = rows[flat]
        system[count:, :count] = rows[flat, count:].T
        inverse = torch.linalg.inv(torch.from_numpy(system)).numpy()
        weights = _product(rows, inverse)
        inner = inverse[:count, :count]
        return cls(
            places=places,
            cardinal=weights[:, :count],
            residual=inner / np.sqrt(np.abs(inner.diagonal()))[:, None],
            power=np.sqrt(np.abs((weights * rows).sum(axis=1))),
            near=np.argpartition(squares, NEAR, axis=1)[:, :NEAR],
            apart=np.sqrt(squares.min(axis=1)),
            near_border=_near_border(resolution),
        )

    def values(self, known: Floats) -> Floats:
        """All values (..., R R) from those at the nodes (..., N)."""
        mean = known.mean(axis=-1, keepdims=True)  # what is flat stays flat, to the last digit
        return _product(known - mean, self.cardinal.T) + mean

    def errors(self, known: Floats) -> Floats:
        """How far all values (..., R R) from those at the nodes (..., N) may be off, about."""
        uneven = np.abs(_product(known, self.residual.T))[..., self.near].max(axis=-1)
        return np.where(self.apart > 0, self.power * uneven * self.near_border, 0.0)

    def further(self, errors: Floats, least: float, number: int) -> Index:
        """Where to compute next: at most `number` points (K,) with errors (R R,) above the least.

        One after another is where the error is largest, as it falls with each that was chosen:
        with the distance to the nearest node, to the power 5/2.
        """
        left, chosen = errors, list[int]()
        apart = np.maximum(self.apart, np.finfo(float).tiny)
        while len(chosen) < number and left.max() > least:
            chosen.append(int(left.argmax()))
            distances = np.sqrt(((self.places - self.places[chosen[-1]]) ** 2).sum(axis=1))
            left = left * np.minimum(1.0, distances / apart) ** 2.5
        return np.array(chosen, dtype=np.int64)


def first_nodes(resolution: int) -> Index:
    """The crossings (N, 2) of a few lines that lie closer together towards the border."""
    steps = np.linspace(0.0, 1.0, START)
    between = 0.25 * steps + 0.75 * (1 - np.cos(np.pi * steps)) / 2
    lines = (between * (resolution - 1)).round().astype(np.int64)
    return np.stack(np.meshgrid(lines, lines, indexing="ij"), axis=-1).reshape(-1, 2)


def _near_border(resolution: int) -> Floats:
    """How many times larger the error is taken to be at each point (R R,) of a grid."""
    side = np.arange(resolution)
    lines = np.minimum(side, side[::-1]).clip(max=len(BORDER))
    times = np.array([*BORDER, 1.0])[lines]
    return np.outer(times, times).ravel()


def _product(left: Floats, right: Floats) -> Floats:
    """A matrix product by torch's threads.

    Those of numpy stay awake for a while after it and take a processor from the network, whose
    points then took a third longer.
    """
    return (torch.from_numpy(left) @ torch.from_numpy(right)).numpy()


def _quadratics(places: Floats) -> Floats:
    """All products of coordinates (K, 2) up to the second power, (K, 6)."""
    x, y = places.T
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
