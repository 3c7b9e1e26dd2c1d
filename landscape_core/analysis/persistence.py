"""Persistence barcode of a slice, and which minima are larger than the slice's error.

A bar of dimension 0 is a local minimum: it is born at the loss of the minimum and dies at the loss
of the saddle where its basin joins that of a lower one (`merge_tree`). A bar of dimension 1 is a
local maximum inside the picture: a loop of the sublevel set around it is born at a saddle and dies
at the maximum. Loops are found by duality, as components of the superlevel set.

If f is known up to an error e in the maximum norm, the barcodes of f and of what is known are at
most e apart in the bottleneck distance (Cohen-Steiner, Edelsbrunner and Harer, Stability of
persistence diagrams, 2007). A bar longer than 2 e is therefore one of f as well, a shorter one need
not be: it is not `significant`. Cut off at the height D of a bar's death, f and what is known of it
differ only where either is below D, so that the error of a bar is the largest of those points
alone.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_core.analysis.merge_tree import NEIGHBOURS, join_tree, merge_tree
from landscape_core.analysis.slice_error import Floats, SliceError, Z, loss_of, slice_error
from landscape_core.analysis.topological_profile import arrange
from landscape_core.foundation.errors import SpecError
from landscape_core.storage import schema

MEANINGS = {
    "birth": "loss where the bar begins: the minimum, or the saddle of a loop",
    "death": "loss where the bar ends: the saddle, or the maximum of a loop; infinite if never",
    "persistence": "death minus birth",
    "error": "largest error of the loss at points that may lie below the death",
    "significant": "persistence is more than twice the error",
    "birth_alpha": "alpha where the bar begins",
    "birth_beta": "beta where the bar begins",
    "death_alpha": "alpha where the bar ends",
    "death_beta": "beta where the bar ends",
    "parent": "bar of the lower minimum whose basin this one joins; -1 if none",
    "basin": "fraction of the finite points in the basin when it joins the lower one's",
    "position": "place of the minimum on the topological profile, from 0 to 1",
}
"""The variables of a barcode by bar; the last three of minima only."""


def persistence(
    slice_: xr.Dataset,
    split: str = "train",
    *,
    dimension: int = 0,
    neighbours: int = 8,
    z: float = Z,
) -> xr.Dataset:
    """Compute the persistence barcode of a slice, one row a bar, with its error.

    Variables on (bar,) as in `MEANINGS`: minima from the lowest, which never dies; loops from the
    longest. What is not finite is a hole: each part that holes cut off has a bar that never dies,
    and so has a loop around a hole. A minimum that never dies is significant by definition. The
    loss is in its own units whatever the scale of a drawing: the tree is the same on all scales.

    Args:
        slice_: dims (split, beta, alpha) or (split, alpha).
        split: which part of the data.
        dimension: 0 for minima, 1 for loops around maxima.
        neighbours: of a point of a plane, 4 or 8; gudhi's `CubicalComplex` has 8 with
            `top_dimensional_cells` and 4 with `vertices`.
        z: how many standard errors count as sampling error.

    Raises:
        SpecError: an unknown split, another dimension or number of neighbours, or a wrong z.
        FileFormatError: the dataset is no slice.
    """
    if dimension not in (0, 1):
        raise SpecError("dimension", dimension, "0 or 1")
    if neighbours not in NEIGHBOURS:
        raise SpecError("neighbours", neighbours, "4 or 8")
    values = loss_of(slice_, split)
    error = slice_error(slice_, split, z=z)
    found = _minima(values, neighbours) if dimension == 0 else _loops(values, neighbours)
    columns = _with_error(found, values, error)
    for end in ("birth", "death"):
        columns |= _coords(slice_, end, columns.pop(f"{end}_point"))
    length = len(columns["birth"])
    attrs: dict[str, Any] = {
        "split": split, "dimension": dimension, "neighbours": neighbours, "z": z,
        "error_sources": ", ".join(error.sources),
        "error_known": int(np.isfinite(error.values).all()),
        "points": int(np.isfinite(values).sum()),
        "highest": float(values[np.isfinite(values)].max(initial=-np.inf)),
    }  # fmt: skip
    rows = {
        name: ("bar", columns[name], {"long_name": words})
        for name, words in MEANINGS.items()
        if name in columns
    }
    return xr.Dataset(rows, {"bar": np.arange(length)}, attrs)


def _minima(values: Floats, neighbours: int) -> dict[str, npt.NDArray[Any]]:
    """The bars of dimension 0, with the flat indices where they begin and end, -1 for nowhere."""
    tree = join_tree(values, neighbours)
    heights, order = np.append(tree.heights, np.inf), np.append(tree.order, -1)
    placed = arrange(tree, values.shape)
    return {
        "birth": heights[tree.minima],
        "death": heights[tree.saddles],
        "birth_point": order[tree.minima],
        "death_point": order[tree.saddles],
        "parent": tree.parents,
        "basin": placed.points / max(1, len(tree.order)),
        "position": placed.position,
    }


def _loops(values: Floats, neighbours: int) -> dict[str, npt.NDArray[Any]]:
    """The bars of dimension 1, the longest first, as components of the superlevel set.

    Around the picture lies one region higher than all, and so are holes; a hill that joins it
    ends a loop, a hole that does is the inside of one that never ends.
    """
    finite = np.isfinite(values)
    rows: list[tuple[float, float, int, int]] = []
    if values.ndim == 2 and finite.any():
        levels = np.unique(values[finite])
        # Ranks of levels in place of levels: nothing is too large or too small for a wall.
        wall = float(len(levels))
        ranks = np.where(finite, np.searchsorted(levels, values), wall)
        walled = np.pad(ranks, 1, constant_values=wall)
        dual = {8: 4, 4: 8}[neighbours]  # what meets across corners below does not meet above
        for hill in merge_tree(-walled, dual):
            if hill.saddle is None:
                continue
            inside = [(row - 1) * values.shape[1] + c - 1 for row, c in (hill.saddle, hill.index)]
            hole = -hill.birth >= wall
            birth = float(levels[int(-hill.death)])
            death = np.inf if hole else float(levels[int(-hill.birth)])
            rows.append((birth, death, inside[0], -1 if hole else inside[1]))
    rows.sort(key=lambda row: (row[0] - row[1], row[0]))
    table = np.array(rows).reshape(-1, 4)
    return {
        "birth": table[:, 0],
        "death": table[:, 1],
        "birth_point": table[:, 2].astype(np.int64),
        "death_point": table[:, 3].astype(np.int64),
    }


def _with_error(
    found: dict[str, npt.NDArray[Any]], values: Floats, error: SliceError
) -> dict[str, npt.NDArray[Any]]:
    """The columns with `persistence`, and the `error` of each bar and whether it is longer."""
    finite = np.isfinite(values)
    lowest = values[finite] - error.values[finite]
    order = np.argsort(lowest)
    largest = np.maximum.accumulate(np.append(0.0, error.values[finite][order]))
    below = largest[np.searchsorted(lowest[order], found["death"], side="right")]
    length = found["death"] - found["birth"]
    longer = (length > 2 * below) | np.isinf(length)
    return {**found, "persistence": length, "error": below, "significant": longer}


def _coords(slice_: xr.Dataset, end: str, points: npt.NDArray[Any]) -> dict[str, Floats]:
    """Where bars begin or end, in coordinates of the plane; NaN for nowhere."""
    mask = slice_[schema.COMPUTED]
    places = np.unravel_index(np.maximum(points, 0), mask.shape)
    return {
        f"{end}_{dim}": np.where(
            points < 0, np.nan, slice_[str(dim)].values.astype(np.float64)[place]
        )
        for dim, place in zip(mask.dims, places, strict=True)
    }
