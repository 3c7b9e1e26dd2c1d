"""The paths on a slice: that of one run by step, or those of several runs by run and step."""

import xarray as xr

RUN, STEP = "run", "step"
"""The dimensions of paths: the names of several runs, and the steps."""

PREFIX = "path_"
"""How the names of the variables of a path begin."""

FIRST = "path_alpha"
"""The variable that every path has; NaN where a run has no such step."""


def paths_on(slice_: xr.Dataset) -> list[tuple[str, xr.Dataset]]:
    """The path of each run, its variables by step, and its name, which is empty if it is alone."""
    if FIRST not in slice_:
        return []
    dims = slice_[FIRST].dims
    names = [
        str(name)
        for name, one in slice_.data_vars.items()
        if str(name).startswith(PREFIX) and one.dims == dims
    ]
    if dims == (STEP,):
        return [("", slice_[names])]
    if dims != (RUN, STEP):
        return []
    found = slice_[names].drop_vars(RUN, errors="ignore")
    runs = slice_[RUN].values
    return [
        (str(name), found.isel({RUN: at}).dropna(STEP, subset=[FIRST]))
        for at, name in enumerate(runs)
    ]
