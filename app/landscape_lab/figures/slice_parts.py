"""What of a slice is drawn: its variables, its splits, and the values with what is interpolated."""

from typing import Any

import numpy as np
import xarray as xr

from landscape_lab.figures.pixels import raised

SIDES = ("beta", "alpha")
"""Dimensions of a plane, as they are drawn: rows, columns."""

NOT_SHOWN = ("computed",)
"""Variables over the plane that are no heights."""


def sides_of(slice_: xr.Dataset) -> tuple[str, ...]:
    """The dimensions of a slice that have more than one point; `alpha` if none has."""
    return tuple(side for side in SIDES if slice_.sizes.get(side, 1) > 1) or ("alpha",)


def variables_of(slice_: xr.Dataset, sides: tuple[str, ...]) -> list[str]:
    """The numeric variables over these dimensions and at most the split, `loss` first."""
    found = [
        str(name)
        for name, one in slice_.data_vars.items()
        if set(sides) <= set(one.dims)
        and set(one.dims) <= {*SIDES, "split"}
        and one.dtype.kind in "fiu"
        and name not in NOT_SHOWN
    ]
    return sorted(found, key=lambda name: name != "loss")


def splits_of(dataset: xr.Dataset) -> list[str]:
    """The names of the splits; empty if the dataset has none to choose from."""
    if "split" not in dataset.dims or "split" not in dataset.coords:
        return []
    return [str(split) for split in dataset["split"].values]


def shown_of(slice_: xr.Dataset, variable: str, split: str) -> xr.DataArray:
    """The values (beta, alpha) that are drawn; sides in rising order, one of one point is left out.

    Interpolated losses are not below what `raised` allows.
    """
    computed = computed_of(slice_)
    shown = _sorted(part(slice_[variable], split))
    values = shown.values.astype(float)
    if variable == "loss":
        values = raised(values, computed.values)
    return shown.copy(data=values)


def computed_of(slice_: xr.Dataset) -> xr.DataArray:
    """Which points (beta, alpha) were computed; all, where nothing is said."""
    if "computed" in slice_:
        return _sorted(slice_["computed"]).astype(bool)
    sides = [side for side in SIDES if side in slice_.dims]
    coords: Any = {side: slice_[side] for side in sides}
    shape = tuple(slice_.sizes[side] for side in sides)
    return _sorted(xr.DataArray(np.ones(shape, bool), coords, sides))


def with_coordinates(slice_: xr.Dataset) -> xr.Dataset:
    """The slice with coordinates along its sides and splits, numbers from 0 where it has none."""
    missing = [d for d in (*SIDES, "split") if d in slice_.dims and d not in slice_.coords]
    numbers = {dim: np.arange(slice_.sizes[dim]) for dim in missing}
    return slice_.assign_coords(
        {dim: one.astype(str) if dim == "split" else one for dim, one in numbers.items()}
    )


def complete(slice_: xr.Dataset) -> xr.Dataset:
    """The slice as the engine gives it, where a user chose from it or left something out.

    Its variables have a split, a side of one point is left out, and `computed` is there.
    """
    found = with_coordinates(slice_)
    sides = sides_of(found)
    found = found.isel({side: 0 for side in SIDES if side in found.dims and side not in sides})
    found = found.drop_vars([side for side in SIDES if side not in sides], errors="ignore")
    found = found.rename(beta="alpha") if sides == ("beta",) else found
    sides = SIDES if len(sides) == len(SIDES) else ("alpha",)
    found = found.assign(computed=computed_of(found))
    names = variables_of(found, sides)
    if "split" not in found.dims:
        split = str(found["split"].item()) if "split" in found.coords else ""
        found = found.drop_vars("split", errors="ignore")
        found = found.assign_coords(split=[split])
    splits = found["split"].values
    single = [name for name in names if "split" not in found[name].dims]  # such as `error`
    found = found.assign({name: found[name].expand_dims(split=splits) for name in single})
    return found.assign({name: found[name].transpose("split", *sides) for name in names})


def part(values: xr.DataArray, split: str) -> xr.DataArray:
    """The values of a split, where there is a choice."""
    return values.sel(split=split) if "split" in values.dims else values


def _sorted(values: xr.DataArray) -> xr.DataArray:
    single = [side for side in SIDES if values.sizes.get(side) == 1]
    if len(single) == len([side for side in SIDES if side in values.dims]):
        single = single[:-1]  # a single point stays a line of one
    there = values.isel(dict.fromkeys(single, 0), drop=True)
    return there.sortby([side for side in SIDES if side in there.dims]).transpose(
        *(side for side in SIDES if side in there.dims)
    )
