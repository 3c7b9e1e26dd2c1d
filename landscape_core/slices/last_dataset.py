"""The last of a slice's datasets, which is held back until some of its points have been checked."""

import warnings
from collections.abc import Iterator

import xarray as xr

from landscape_core.slices.probe import Probe
from landscape_core.slices.spot_checks import OTHERWISE, Checked, spot_check


def with_last(work: Iterator[xr.Dataset]) -> Iterator[tuple[xr.Dataset, bool]]:
    """The datasets, each with whether it is the last one, which comes when the work is over."""
    held = None
    for dataset in work:
        if held is not None:
            yield held, False
        held = dataset
    if held is not None:
        yield held, True


def agreeing(
    read: Probe, dataset: xr.Dataset, *, stacklevel: int, even_plain: bool = False
) -> xr.Dataset | None:
    """The dataset with what its check says; None, after a warning, where points disagree.

    Args:
        read: what was read.
        dataset: a finished slice.
        stacklevel: of the warning, as `warnings.warn` would take it where this is called.
        even_plain: also check what the plain evaluation computed, on parts of the data.
    """
    found = spot_check(read, dataset, even_plain=even_plain)
    if found.agree:
        return stating(found, dataset)
    warnings.warn(OTHERWISE.format("A fast way of computing this slice"), stacklevel=stacklevel + 1)
    return None


def stating(found: Checked, dataset: xr.Dataset) -> xr.Dataset:
    """The dataset with the attributes `checked_points` and `checked_deviation`."""
    told = {"checked_points": found.points, "checked_deviation": found.deviation}
    return dataset.assign_attrs(told)
