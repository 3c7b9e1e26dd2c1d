"""At how many points of a slice a running variance was kept from falling below zero.

Beyond the states of a plane, interpolated statistics are extrapolated. A variance that would be
negative is held at zero there, which divides by almost nothing: such losses are no network's that
anybody has trained, and can be hundreds of times larger.
"""

import warnings

import numpy as np
import torch
import xarray as xr

from landscape_core.slices.probe import Probe
from landscape_core.slices.spot_checks import coords_of
from landscape_core.storage import schema

HELD = "held_variances"
"""The attribute of a slice that says so."""

WARNING = (
    "At {} of {} computed points a running variance of batch normalization would be negative and"
    " was held at zero: the loss there is that of no network; batch_norm='reestimated' estimates"
    " the statistics anew."
)


def with_held(read: Probe, dataset: xr.Dataset) -> xr.Dataset:
    """The dataset with the attribute `held_variances`, where statistics are interpolated."""
    buffers = read.plane.buffers
    if buffers is None or all(one.batch_norm != "interpolated" for one in read.parts.values()):
        return dataset
    index = np.argwhere(dataset.variables[schema.COMPUTED].values)
    held = buffers.held(torch.from_numpy(coords_of(dataset, index)))
    return dataset.assign_attrs({HELD: int(held.sum())})


def warn_held(dataset: xr.Dataset, *, stacklevel: int) -> None:
    """Warn of points at which a variance was held.

    Args:
        dataset: a finished slice.
        stacklevel: of the warning, as `warnings.warn` would take it where this is called.
    """
    if held := dataset.attrs.get(HELD):
        computed = int(dataset.variables[schema.COMPUTED].values.sum())
        warnings.warn(WARNING.format(held, computed), stacklevel=stacklevel + 1)
