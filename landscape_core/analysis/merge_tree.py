"""Merge tree of a line or grid of values: local minima and the saddles at which their basins join.

As a threshold rises from the lowest value, a connected component of the sublevel set {f <= t}
appears at every local minimum. Where two components merge, the one with the higher minimum ends
(the elder rule); the difference between its end and its beginning is its persistence (Edelsbrunner
and Harer, Computational Topology, 2010, chapter VII; for loss landscapes: Geniesse et al.,
Visualizing loss functions as topological landscape profiles, 2024).

Which points are connected is a choice. With 8 neighbours the components are those of a cubical
complex whose squares carry the values, as gudhi's `CubicalComplex(top_dimensional_cells=f)`; with 4
those of one whose vertices carry them, as `CubicalComplex(vertices=f)`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from landscape_core.foundation.errors import SpecError

Values = npt.NDArray[np.floating[Any]]
Ranks = npt.NDArray[np.int64]
Place = tuple[int, ...]

NEIGHBOURS = (4, 8)
"""Neighbours of a point of a grid: across its sides, or across its corners as well."""


@dataclass(frozen=True)
class Basin:
    """A local minimum and the saddle at which its basin joins that of a lower one.

    `index` is the grid index of the minimum, the first of a plateau; `birth` its value. `death` is
    the value at the index `saddle`, where the basin joins the basin `parent`, counted from 0 as in
    `merge_tree`; the lowest minimum joins none: infinity, None and None.
    """

    index: Place
    birth: float
    death: float
    saddle: Place | None
    parent: int | None

    @property
    def persistence(self) -> float:
        """Saddle value minus minimum value; infinite for the lowest minimum."""
        return self.death - self.birth


@dataclass(frozen=True, eq=False)
class JoinTree:
    """The merge tree in arrays: R finite points by their rank, M minima from the lowest.

    `order` (R,) holds the flat index of each rank on the grid and `heights` (R,) its value.
    `minima` (M,) and `saddles` (M,) hold ranks; the saddle of a component that never ends is R, and
    its place in `parents` (M,) is -1. `branch` (R,) is the minimum whose component each point joins
    when the threshold reaches it.
    """

    order: Ranks
    heights: npt.NDArray[np.float64]
    minima: Ranks
    saddles: Ranks
    parents: Ranks
    branch: Ranks


def join_tree(values: Values, neighbours: int = 8) -> JoinTree:
    """Compute the merge tree of a line (n,) or grid (rows, columns) in arrays.

    Raises:
        SpecError: another number of dimensions or of neighbours.
    """
    if values.ndim not in (1, 2):
        raise SpecError("values", values.shape, "a line or a grid")
    if neighbours not in NEIGHBOURS:
        raise SpecError("neighbours", neighbours, "4 or 8")
    flat = values.ravel()
    finite = np.flatnonzero(np.isfinite(flat))
    order = finite[np.argsort(flat[finite], kind="stable")]  # the place of each rank
    heights = flat[order].astype(np.float64)
    low, high = _edges(order, values.shape, neighbours)
    down = _descended(low, high, len(order))
    minima, saddles, parents = _ends(down, low, high)
    # Equal neighbours have different ranks; of a plateau all points but one end where they begin.
    height = np.append(heights, np.inf)
    lasting = height[saddles] > height[minima]
    first = np.searchsorted(minima, down)
    branch = _joined(first, np.where(lasting, saddles, -1), parents, np.arange(len(order)))
    number = np.append(np.cumsum(lasting) - 1, -1)
    return JoinTree(
        order, heights, minima[lasting], saddles[lasting], number[parents[lasting]], number[branch]
    )


def merge_tree(values: Values, neighbours: int = 8) -> tuple[Basin, ...]:
    """Compute the local minima of a line (n,) or grid (rows, columns), the lowest first.

    Of equal minima the first on the grid, row by row, counts as the lower. Points that are not
    finite are holes; each part that holes cut off has a minimum that never dies. For local maxima
    and the saddles below them: `merge_tree(-values, 4)`, since components of the superlevel set
    that touch at a corner are apart where those of the sublevel set are connected.

    Args:
        values: the function values.
        neighbours: of a point of a grid, 4 or 8; on a line it has 2.

    Raises:
        SpecError: another number of dimensions or of neighbours.
    """
    tree = join_tree(values, neighbours)
    heights = np.append(tree.heights, np.inf)

    def place(rank: int) -> Place:
        return tuple(int(i) for i in np.unravel_index(tree.order[rank], values.shape))

    return tuple(
        Basin(
            place(minimum),
            float(heights[minimum]),
            float(heights[saddle]),
            place(saddle) if parent >= 0 else None,
            parent if parent >= 0 else None,
        )
        for minimum, saddle, parent in zip(
            tree.minima.tolist(), tree.saddles.tolist(), tree.parents.tolist(), strict=True
        )
    )


def barrier(basins: Sequence[Basin], first: int, second: int) -> float:
    """Compute the height of the lowest saddle between two minima above the higher of the two.

    Infinite if holes separate them, 0 from a minimum to itself.

    Args:
        basins: what `merge_tree` gave.
        first: the number of the one minimum among them.
        second: the number of the other.

    Raises:
        SpecError: there is no basin of that number.
    """
    for name, number in (("first", first), ("second", second)):
        if not 0 <= number < len(basins):
            raise SpecError(name, number, f"between 0 and {len(basins) - 1}")
    higher = max(basins[first].birth, basins[second].birth)
    known = dict(_upward(basins, first))
    for deeper, height in _upward(basins, second):
        if deeper in known:
            return max(known[deeper], height, higher) - higher
    return np.inf


def _upward(basins: Sequence[Basin], number: int) -> Iterator[tuple[int, float]]:
    """A basin and its ancestors, each with the highest saddle on the path to it."""
    following: int | None = number
    height = -np.inf
    while following is not None:
        yield following, height
        # Saddles rise towards the root: a basin outlives those that join it.
        height, following = basins[following].death, basins[following].parent


def _edges(order: Ranks, shape: Place, neighbours: int) -> tuple[Ranks, Ranks]:
    """All pairs of finite neighbours by rank, the lower one first, (E,) and (E,)."""
    wall = len(order)
    ranks = np.full(int(np.prod(shape)), wall, dtype=np.int64)
    ranks[order] = np.arange(wall)
    ranks = ranks.reshape(shape)
    pairs = [(ranks[:-1], ranks[1:])]
    if ranks.ndim == 2:
        pairs.append((ranks[:, :-1], ranks[:, 1:]))
    if ranks.ndim == 2 and neighbours == 8:
        pairs.append((ranks[:-1, :-1], ranks[1:, 1:]))
        pairs.append((ranks[:-1, 1:], ranks[1:, :-1]))
    one, other = (np.concatenate([pair[i].ravel() for pair in pairs]) for i in (0, 1))
    low, high = np.minimum(one, other), np.maximum(one, other)
    return low[high < wall], high[high < wall]


def _descended(low: Ranks, high: Ranks, points: int) -> Ranks:
    """The minimum that each rank leads to, from lowest neighbour to lowest neighbour, (R,)."""
    down = np.arange(points)
    np.minimum.at(down, high, low)
    while not np.array_equal(down, down[down]):
        down = down[down]
    return down


def _ends(down: Ranks, low: Ranks, high: Ranks) -> tuple[Ranks, Ranks, Ranks]:
    """All minima by rank, the rank where each ends, and the number of the one it ends in, (M,)."""
    minima = np.unique(down)
    saddles, parents = np.full(len(minima), len(down)), np.full(len(minima), -1)
    number = np.zeros(len(down), dtype=np.int64)
    number[minima] = np.arange(len(minima))
    joined = list(range(len(minima)))
    for at, one, other in _passes(number[down[low]], number[down[high]], high):
        deeper, shallower = sorted((_deepest(joined, one), _deepest(joined, other)))
        if deeper != shallower:
            joined[shallower] = deeper
            saddles[shallower], parents[shallower] = at, deeper
    return minima, saddles, parents


def _joined(at: Ranks, ends: Ranks, parents: Ranks, ranks: Ranks) -> Ranks:
    """The component that holds each rank, (R,), from a minimum below it whose component did.

    Components end in ever later ones, so that the way up is found by jumps of halving length.
    """
    up, last = np.where(parents < 0, np.arange(len(parents)), parents), ends
    jumps = []
    for _ in range(max(1, len(parents)).bit_length()):
        jumps.append((up, last))
        up, last = up[up], last[up]
    for up, last in reversed(jumps):
        at = np.where(last[at] <= ranks, up[at], at)
    return at


def _passes(one: Ranks, other: Ranks, at: Ranks) -> list[list[int]]:
    """The lowest pass between each two minima that have one: its rank and theirs, from the lowest.

    Higher ones join nothing: all points of a basin are already joined below them.
    """
    apart = one != other
    one, other, at = one[apart], other[apart], at[apart]
    first, second = np.minimum(one, other), np.maximum(one, other)
    pairs = first * (second.max(initial=0) + 1) + second
    order = np.lexsort((pairs, at))
    _, lowest = np.unique(pairs[order], return_index=True)
    kept = order[np.sort(lowest)]
    return np.stack([at[kept], first[kept], second[kept]], axis=1).tolist()


def _deepest(joined: list[int], minimum: int) -> int:
    """The deepest minimum that one is joined with so far; the way to it is halved each time."""
    while joined[minimum] != minimum:
        joined[minimum] = joined[joined[minimum]]
        minimum = joined[minimum]
    return minimum
