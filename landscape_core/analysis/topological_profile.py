"""Topological landscape profile: a curve with the minima, saddles and basin sizes of a slice.

Every point of the grid takes one place on a line, such that at every height the connected parts of
the curve at or below it are those of the slice, each as wide as it has points there (Oesterling,
Heine, Weber and Scheuermann, Visualizing nD point clouds as topological landscape profiles to
guide local data analysis, 2013; for loss landscapes: Geniesse et al., Visualizing loss functions as
topological landscape profiles, 2024). Left and right are free: here a point, or a whole basin, goes
to the left of a minimum if its alpha is smaller, so that the profile of a line is the line itself.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xarray as xr

from landscape_core.analysis.merge_tree import JoinTree, Place, Ranks, join_tree
from landscape_core.analysis.slice_error import Floats, loss_of
from landscape_core.foundation.errors import SpecError


@dataclass(frozen=True, eq=False)
class Arranged:
    """The places of a profile from left to right, E in all, and where its M minima lie.

    `ranks` (E,) holds the rank of the point at a place, or of the saddle that bounds a basin, a
    place without width; between parts that no path joins it holds R. `widths` (E,) counts points,
    `branches` (E,) says whose basin it is, -1 for none; `position` (M,) is from 0 to 1; `points`
    (M,) counts the whole basin of each minimum.
    """

    ranks: Ranks
    widths: Ranks
    branches: Ranks
    position: Floats
    points: Ranks


def topological_profile(
    slice_: xr.Dataset, split: str = "train", *, least: float = 0.0, neighbours: int = 8
) -> xr.Dataset:
    """Compute the topological landscape profile of a slice, a curve of loss over position.

    Variables on (place,): `loss`; `position`, the fraction of the finite points to the left, from 0
    to 1; `width`, 1 for a point and 0 for the saddle that bounds a basin; `bar`, the number of the
    minimum in `persistence` whose basin it is, if `least` is 0. Parts that holes cut off stand side
    by side with a NaN between.

    Args:
        slice_: dims (split, beta, alpha) or (split, alpha).
        split: which part of the data.
        least: basins of at most this persistence are filled up to their saddles.
        neighbours: of a point of a plane, 4 or 8.

    Raises:
        SpecError: an unknown split, a negative or infinite least, or another number of neighbours.
        FileFormatError: the dataset is no slice.
    """
    if not 0 <= least < np.inf:
        raise SpecError("least", least, "at least 0 and finite")
    values = loss_of(slice_, split)
    tree = join_tree(values, neighbours)
    if least > 0:
        values = filled(values, tree, least)
        tree = join_tree(values, neighbours)
    placed = arrange(tree, values.shape)
    heights = np.append(tree.heights, np.nan)
    middles = np.cumsum(placed.widths) - placed.widths / 2
    columns = {
        "loss": (heights[placed.ranks], "loss"),
        "position": (middles / max(1, len(tree.order)), "fraction of the points to the left"),
        "width": (placed.widths, "points"),
        "bar": (placed.branches, "minimum whose basin it is; -1 for none"),
    }
    rows = {name: ("place", data, {"long_name": words}) for name, (data, words) in columns.items()}
    attrs = {"split": split, "neighbours": neighbours, "least": least, "points": len(tree.order)}
    return xr.Dataset(rows, attrs=attrs)


def filled(values: Floats, tree: JoinTree, least: float) -> Floats:
    """The values with every basin of at most this persistence raised to its saddle."""
    heights = np.append(tree.heights, np.inf)
    short = (heights[tree.saddles] - heights[tree.minima] <= least).tolist()
    ends, parents = heights[tree.saddles].tolist(), tree.parents.tolist()
    level = np.full(len(short), -np.inf)
    for branch, parent in enumerate(parents):  # parents come before their children
        if short[branch]:
            level[branch] = max(ends[branch], level[parent])
    raised = values.astype(np.float64)
    raised.flat[tree.order] = np.maximum(tree.heights, level[tree.branch])
    return raised


def arrange(tree: JoinTree, shape: Place) -> Arranged:
    """Give every finite point a place on a line, around the minimum that it leads to."""
    count = len(tree.order)
    blocks = _blocks(tree, shape)
    roots = np.flatnonzero(tree.parents < 0)
    roots = roots[np.argsort(tree.order[tree.minima[roots]] % shape[-1], kind="stable")]
    gap = np.array([count])
    parts = [part for root in roots.tolist() for part in (gap, blocks[root])][1:]
    entries = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
    point, saddle = entries < count, entries > count
    ranks, branches = np.full(len(entries), count), np.full(len(entries), -1)
    ranks[point], branches[point] = entries[point], tree.branch[entries[point]]
    bounded = entries[saddle] - count - 1
    ranks[saddle], branches[saddle] = tree.saddles[bounded], tree.parents[bounded]
    middles = np.zeros(count)
    middles[entries[point]] = np.arange(count) + 0.5
    points = np.array([int((block < count).sum()) for block in blocks], dtype=np.int64)
    return Arranged(
        ranks, point.astype(np.int64), branches, middles[tree.minima] / max(1, count), points
    )


def _blocks(tree: JoinTree, shape: Place) -> list[Ranks]:
    """The places of the basin of each minimum, from left to right.

    Written as the rank r < R of a point, or R + 1 + m for the saddle that bounds the basin m.
    """
    count, minima = len(tree.order), len(tree.minima)
    joins = np.flatnonzero(tree.parents >= 0)
    first = count + 1 + minima  # from here on: a whole basin, which is inserted below
    around = np.concatenate([tree.branch, tree.parents[joins], tree.parents[joins]])
    items = np.concatenate([np.arange(count), count + 1 + joins, first + joins])
    # From the minimum outward: points by height, basins after their saddle, one after another.
    pace = 2 * minima + 1
    after = pace * tree.saddles[joins] + 2 * joins
    times = np.concatenate([pace * np.arange(count), after + 1, after + 2])
    at = tree.order[np.concatenate([np.arange(count), tree.minima[joins], tree.minima[joins]])]
    (rows, columns), (up, across) = (
        np.divmod(place, shape[-1]) for place in (at, tree.order[tree.minima[around]])
    )
    left = (columns < across) | ((columns == across) & (rows < up))
    order = np.lexsort((np.where(left, -times, times), around))
    ordered = items[order]
    ends = np.cumsum(np.bincount(around, minlength=minima)).tolist()
    blocks = [ordered[start:end] for start, end in pairwise([0, *ends])]
    for branch in np.unique(tree.parents[joins])[::-1].tolist():  # after all that join it
        row = blocks[branch]
        cuts = np.flatnonzero(row >= first).tolist()
        parts = [row[: cuts[0]]]
        for cut, following in pairwise([*cuts, len(row)]):
            parts += (blocks[row[cut] - first], row[cut + 1 : following])
        blocks[branch] = np.concatenate(parts)
    return blocks
