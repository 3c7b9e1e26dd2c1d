"""Bottleneck distance of two slices: how far their persistence barcodes are apart.

The largest distance, in the maximum norm of (birth, death), over the best matching of the bars of
one slice with those of the other, where a bar may also be matched with the diagonal at half its
persistence (Edelsbrunner and Harer, Computational Topology, 2010, section VIII.2). It is at most
the largest difference of the losses at a point of a common grid (Cohen-Steiner, Edelsbrunner and
Harer, 2007). Computed by gudhi, an optional package (`pip install 'landscape-lab[topology]'`).
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_core.analysis.persistence import persistence
from landscape_core.analysis.slice_metrics import SCALES
from landscape_core.foundation.errors import MissingPackageError, SpecError

MISSING = "gudhi is not installed: pip install 'landscape-lab[topology]'."


def bottleneck_distance(
    first: xr.Dataset,
    second: xr.Dataset,
    split: str = "train",
    *,
    scale: str = "linear",
    dimension: int = 0,
    neighbours: int = 8,
) -> float:
    """Compute the bottleneck distance of the persistence barcodes of two slices.

    In units of the loss, or in decades on the logarithmic scale. Infinite if the numbers of bars
    that never die differ, as where holes cut one slice into more parts. Grids, planes and networks
    may differ: barcodes know no places.

    Args:
        first: dims (split, beta, alpha) or (split, alpha).
        second: the other slice.
        split: which part of the data, of both.
        scale: `linear`, or `log` for decimal logarithms of the loss.
        dimension: 0 for minima, 1 for loops around maxima.
        neighbours: of a point of a plane, 4 or 8.

    Raises:
        SpecError: an unknown split, scale, dimension or number of neighbours, or a loss that is
            not positive on the logarithmic scale.
        FileFormatError: one of the datasets is no slice.
        MissingPackageError: gudhi is not installed.
    """
    if scale not in SCALES:
        raise SpecError("scale", scale, "one of " + ", ".join(SCALES))
    try:
        import gudhi
    except ImportError as error:
        raise MissingPackageError(MISSING) from error
    bars = [
        _bars(persistence(slice_, split, dimension=dimension, neighbours=neighbours), scale)
        for slice_ in (first, second)
    ]
    found = float(gudhi.bottleneck_distance(*bars))
    return found if found > np.finfo(np.float64).tiny else 0.0  # gudhi's zero is the least float


def _bars(barcode: xr.Dataset, scale: str) -> npt.NDArray[np.float64]:
    """Birth and death of each bar on a scale, (bars, 2)."""
    bars = np.stack([barcode["birth"].values, barcode["death"].values], axis=1)
    if scale == "linear":
        return bars
    if (bars <= 0).any():
        raise SpecError("scale", scale, "linear, as losses of zero and less have no logarithm")
    return np.log10(bars)
