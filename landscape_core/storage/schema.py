"""Schema of a slice: names of its dimensions, variables and attributes, and their check.

A slice has the dimensions (split, beta, alpha), a line (split, alpha). Its variables are measures,
`loss` at least, and the mask `computed` of those points that are not interpolated. Coordinates
count multiples of the plane's axes.
"""

import json
from collections.abc import Container, Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from landscape_core.foundation.errors import FileFormatError

SCHEMA_VERSION = 1
"""The version of the names and meanings of variables, dimensions and attributes in datasets.

Raised whenever a dataset written before would be misread."""

VERSION = "schema_version"
"""The attribute that says which version a dataset has."""

OURS = ("attributes_in_json", "engine_version")
"""Attributes by which a file without a version is known to be one of an earlier release."""

SPLIT, ALPHA, BETA = "split", "alpha", "beta"
"""Dimensions: the part of the data; along the first and along the second axis."""

COMPUTED = "computed"
"""The variable that says which points were computed."""

LOSS = "loss"
"""The one measure that every slice has."""

STANDARD_ERROR = "loss_standard_error"
"""How sure the loss is where it is a mean over a sample, of examples or of random numbers."""

UNITS = "multiples of the axis"
"""The unit of alpha and beta."""


class SchemaVersionError(FileFormatError):
    """A file of an older or a newer version of the schema."""


def check_version(attrs: Mapping[Any, Any], name: str) -> None:
    """Refuse a file of another version of the schema; files of other programs have none.

    Args:
        attrs: the attributes of the file.
        name: what an error calls it.

    Raises:
        SchemaVersionError: it is older or newer.
        FileFormatError: it says no version that there is.
    """
    found = attrs.get(VERSION, 0 if any(one in attrs for one in OURS) else SCHEMA_VERSION)
    if isinstance(found, bool) or not isinstance(found, int | np.integer):
        raise FileFormatError(f"{name}: {found!r} is no version of the schema of our files.")
    if found < SCHEMA_VERSION:
        written = f"schema version {found}" if VERSION in attrs else "no schema version"
        raise SchemaVersionError(
            f"{name} was written by an older release ({written}; this one reads"
            f" {SCHEMA_VERSION}): compute it again, or read it with the release that wrote it."
        )
    if found > SCHEMA_VERSION:
        raise SchemaVersionError(
            f"{name} was written by a newer release (schema version {found}; this one reads"
            f" {SCHEMA_VERSION}): update landscape-lab to read it."
        )


def check(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset itself, if it is a slice.

    Raises:
        FileFormatError: a variable or coordinate is missing, or has other dimensions.
    """
    _needs((LOSS, COMPUTED), set(dataset.data_vars), "variable")
    mask = dataset[COMPUTED]
    if mask.dims not in ((ALPHA,), (BETA, ALPHA)):
        raise _wrong(COMPUTED, mask.dims, "('alpha',) or ('beta', 'alpha')")
    if mask.dtype != bool:
        raise FileFormatError(f"'computed' must be boolean; it is {mask.dtype}.")
    dims = (SPLIT, *mask.dims)
    _needs(dims, set(dataset.coords), "coordinate")
    for name in map(str, dataset.data_vars):
        variable = dataset[name]
        own = tuple(dim for dim in variable.dims if dim in dims)
        if (SPLIT in variable.dims and own != dims) or (name == LOSS and variable.dims != dims):
            raise _wrong(name, variable.dims, str(dims))
    return dataset


def describe(dataset: xr.Dataset) -> dict[str, str]:
    """What a dataset is, in words: its `kind` (slice, trajectory, other), and `about`."""
    kind = "trajectory" if "theta" in dataset else "other"
    if LOSS in dataset and COMPUTED in dataset:
        kind = "slice"
    told = [_origin(dataset.attrs), _extent(dataset), str(dataset.attrs.get("dtype", ""))]
    return {"kind": kind, "about": ", ".join(filter(None, told))[:200]}


def _origin(attrs: dict[Any, Any]) -> str:
    """What a dataset was made from: the model, or the parts that a recipe names."""
    if "model" in attrs:
        return str(attrs["model"])
    run = _parsed(attrs.get("run"))
    parts = [_within(run, "problem", part, "kind") for part in ("dataset", "architecture")]
    given = _within(run, "problem", "model") or _within(run, "problem", "kind")
    words = [*(parts if any(parts) else [given]), _within(run, "optimizer", "kind")]
    steps = _within(run, "steps")
    return " ".join(filter(None, [*words, steps and f"{steps} step{'s' * (steps != '1')}"]))


def _parsed(text: object) -> dict[str, Any]:
    """The recipe that an attribute holds; empty if it holds none."""
    try:
        plain = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    return plain if isinstance(plain, dict) else {}


def _within(plain: Any, *path: str) -> str:
    """The value at a path through nested dictionaries as text; empty if the path ends early."""
    for name in path:
        plain = plain.get(name, "") if isinstance(plain, dict) else ""
    return str(plain)


def _extent(dataset: xr.Dataset) -> str:
    """How large a dataset is: the points of a slice and their share computed, or iterates."""
    if COMPUTED not in dataset:
        return f"{dataset.sizes['step']} iterates" if "step" in dataset.sizes else ""
    mask = dataset[COMPUTED]
    points = " x ".join(str(size) for size in mask.shape)
    share = float(mask.mean())
    return f"{points} points" + (f" ({share:.0%} computed)" if share < 1 else "")


def _needs(names: Iterable[str], present: Container[object], kind: str) -> None:
    for name in names:
        if name not in present:
            raise FileFormatError(f"a slice needs the {kind} {name!r}; this dataset has none.")


def _wrong(name: str, dims: tuple[Any, ...], accepted: str) -> FileFormatError:
    return FileFormatError(f"{name!r} must have the dimensions {accepted}; it has {dims}.")
