"""Datasets of a network at a point: their kinds, variables and dimensions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from landscape_core.foundation.errors import FileFormatError
from landscape_core.foundation.types import Vector, Vectors

MOST_UNITS = 12
"""Units of a layer, variables of a player, or sources of a unit's weights that are included."""

Column = tuple[tuple[str, ...], Any, dict[str, str]]

LAYERS: dict[str, tuple[str, ...]] = {
    "weight": ("layer", "unit", "source"),
    "bias": ("layer", "unit"),
    "lowest": ("layer", "unit"),
    "highest": ("layer", "unit"),
    "units": ("layer",),
    "function": ("layer",),
    "weight_tensor": ("layer",),
    "bias_tensor": ("layer",),
}
MISREAD: dict[str, tuple[str, ...]] = {
    "misread_index": ("example",),
    "misread_label": ("example",),
    "misread_as": ("example",),
    "misread_probability": ("example",),
    "label_probability": ("example",),
    "misread_input": ("example", "channel", "pixel_row", "pixel_column"),
}
NAMED: dict[str, tuple[str, ...]] = {"tensor": ("parameter",), "index": ("parameter",)}

VARIABLES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "curves": {"activation": ("layer", "unit", "x"), **LAYERS},
    "plane": {"activation": ("layer", "unit", "y", "x"), **LAYERS},
    "weights": {"pattern": ("unit", "row", "column"), "bias": ("unit",)},
    "filters": {
        "pattern": ("unit", "row", "column"),
        "bias": ("unit",),
        "map": ("unit", "map_row", "map_column"),
        "input": ("channel", "pixel_row", "pixel_column"),
    },
    "misread": {},
    "graph": {
        "x": ("node",),
        "y": ("node",),
        "label": ("node",),
        "predicted": ("node",),
        "probability": ("node",),
        "labelled": ("node",),
        "edge": ("link", "end"),
    },
    "players": {"value": ("step", "parameter"), "now": ("parameter",), "player": ("parameter",)}
    | NAMED,
    "parameters": {"now": ("parameter",)} | NAMED,
    "nothing": {},
}
"""By kind, the variables that there are and their dimensions; `MISREAD` may be added."""


@dataclass(frozen=True, eq=False)
class NetworkPoint:
    """A point of a run: parameters (P,), buffers, and the recorded trajectory (T, P) by `steps`."""

    theta: Vector
    buffers: dict[str, Tensor]
    thetas: Vectors
    steps: tuple[int, ...]


def column(dims: tuple[str, ...], values: Any, units: str, long_name: str) -> Column:
    """A variable with its unit and long name; "1" is the unit of dimensionless values."""
    found = values.detach().cpu().numpy() if torch.is_tensor(values) else np.asarray(values)
    return dims, found, {"units": units, "long_name": long_name}


def network_dataset(
    kind: str, columns: Mapping[str, Column], coords: Mapping[str, Any] | None = None, **attrs: Any
) -> xr.Dataset:
    """The dataset of a kind, which has its variables; the attributes state what was left out."""
    found = xr.Dataset(dict(columns), dict(coords or {}), {"kind": kind, **attrs})
    return check_network_view(found)


def check_network_view(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset itself, if it is of a network at a point.

    Raises:
        FileFormatError: an unknown kind, or a variable that is missing or has other dimensions.
    """
    kind = dataset.attrs.get("kind")
    wanted = VARIABLES.get(cast("str", kind))
    if wanted is None:
        raise FileFormatError(f"kind of a network view: {kind!r} is none of {', '.join(VARIABLES)}")
    has_misread = any(name in dataset for name in MISREAD)
    for name, dims in (*wanted.items(), *(MISREAD.items() if has_misread else ())):
        if name not in dataset:
            raise FileFormatError(f"a network view of the kind {kind} needs the variable {name}")
        if dataset[name].dims != dims:
            found = dataset[name].dims
            raise FileFormatError(f"{name} of a network view must be {dims}; it is {found}")
    return dataset
