"""Values near the largest number, divided before they are drawn: their range would overflow."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from landscape_lab.figures.slice_parts import SIDES

LARGEST = 1e300
"""A variable with finite values beyond this, of either sign, is divided."""

DIVISOR = 1e10

MARK = "divided_by"
"""The attribute of a variable that says by what it was divided to be drawn."""

Limits = tuple[float, float] | None


def reduced(slice_: xr.Dataset) -> xr.Dataset:
    """The slice, divided in the variables whose values are too large; titles then say so."""
    return _divided(slice_, _large(slice_))


def reduced_together(slices: Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Slices that are compared, all divided in a variable that is too large in one of them."""
    large = {name for one in slices.values() for name in _large(one)}
    return {name: _divided(one, large) for name, one in slices.items()}


def reduced_limits(slice_: xr.Dataset, variable: str, limits: Limits) -> Limits:
    """The limits of a variable as it is drawn."""
    divisor = divisor_of(slice_, variable)
    return (
        limits if divisor is None or limits is None else (limits[0] / divisor, limits[1] / divisor)
    )


def divisor_of(slice_: xr.Dataset, variable: str) -> float | None:
    """By what a variable was divided to be drawn; None where it was not."""
    return slice_[variable].attrs.get(MARK) if variable in slice_ else None


def over(slice_: xr.Dataset, variable: str) -> str:
    """What follows the name of a variable that was divided: ` / 1e10`; else empty."""
    divisor = divisor_of(slice_, variable)
    return "" if divisor is None else f" / {divisor:.0e}".replace("e+", "e")


def _divided(slice_: xr.Dataset, names: set[str]) -> xr.Dataset:
    """The slice with these variables divided, and the losses of the path with the loss."""
    parts = names | ({"path_loss"} if "loss" in names else set())
    changed = {
        name: slice_[name].copy(data=slice_[name].values / DIVISOR).assign_attrs({MARK: DIVISOR})
        for name in sorted(parts & set(map(str, slice_.data_vars)))
        if divisor_of(slice_, name) is None
    }
    return slice_.assign(changed) if changed else slice_


def _large(slice_: xr.Dataset) -> set[str]:
    """The variables over the sides with finite values beyond `LARGEST`."""
    found = set()
    for name, one in slice_.data_vars.items():
        if set(SIDES) & set(one.dims) and one.dtype.kind == "f":
            values = one.values
            if np.abs(values[np.isfinite(values)]).max(initial=0.0) > LARGEST:
                found.add(str(name))
    return found
