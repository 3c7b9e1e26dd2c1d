"""How a dataset carries the pictures of a lab: in an attribute, checked against its variables."""

import json
from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr

from landscape_core.experiments.lab_pictures import (
    Arrows,
    Bars,
    Curves,
    Function,
    Graph,
    HeatMap,
    Histogram,
    Landscape,
    Matrix,
    Paths,
    Picture,
    Ridge,
    Strip,
    Violin,
)
from landscape_core.foundation.errors import FileFormatError

PICTURES = "pictures"
"""The attribute that holds the declarations of a dataset as JSON."""

SEED = "seed"
"""The dimension of the seeds."""

KINDS: Mapping[str, type[Picture]] = {
    kind.kind: kind
    for kind in (
        *(Curves, HeatMap, Bars, Histogram, Ridge, Violin, Arrows, Paths),
        *(Graph, Strip, Landscape, Matrix, Function),
    )
}
"""All kinds of pictures by name."""


def attribute(pictures: Iterable[Picture]) -> dict[str, str]:
    """The attribute by which a dataset carries its pictures."""
    return {PICTURES: json.dumps([picture.plain() for picture in pictures])}


def check(dataset: xr.Dataset, pictures: Iterable[Picture]) -> None:
    """Refuse declarations that the dataset cannot fill.

    Raises:
        FileFormatError: a variable, coordinate or dimension is missing, or values are no numbers.
    """
    for picture in pictures:
        for name in picture.variables():
            if name not in dataset.variables:
                raise FileFormatError(f"{picture.title!r} shows {name!r}, which is not computed.")
            if not np.issubdtype(dataset[name].dtype, np.number) and dataset[name].dtype != bool:
                raise FileFormatError(f"{picture.title!r} shows {name!r}, which is no number.")
        for role in ("frame", "by", "sample", "along", "node", "row", "column"):
            name = getattr(picture, role, "")
            if name and name not in dataset.dims:
                raise FileFormatError(f"{picture.title!r} goes along {name!r}, no dimension here.")
