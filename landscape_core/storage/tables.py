"""Datasets as text for other programs: a slice as a table (CSV), any dataset as JSON."""

import csv
import io
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from landscape_core.foundation.errors import SpecError
from landscape_core.storage import schema


def whole(slice_: xr.Dataset) -> xr.Dataset:
    """The slice with a dimension of splits, also where one was chosen; sides in rising order.

    Raises:
        FileFormatError: the dataset is no slice.
    """
    found = slice_
    if schema.SPLIT in found.coords and schema.SPLIT not in found.dims and schema.LOSS in found:
        sides = set(found[schema.LOSS].dims)
        measures = [name for name, one in found.data_vars.items() if set(one.dims) == sides]
        found = found.assign(
            {
                name: found[name].expand_dims(schema.SPLIT)
                for name in measures
                if name != schema.COMPUTED
            }
        )
    schema.check(found)
    return found.sortby(list(map(str, found[schema.COMPUTED].dims)))


def chosen_split(slice_: xr.Dataset, split: str) -> str:
    """The split itself, if a slice has it.

    Raises:
        SpecError: it does not; names those that it has.
    """
    known = [str(one) for one in slice_[schema.SPLIT].values]
    if split not in known:
        raise SpecError("split", split, f"one of {', '.join(known)}")
    return split


def csv_text(slice_: xr.Dataset, split: str | None = None) -> str:
    """A row for each point of a slice: alpha, beta (not of a line), its values, computed (1, 0).

    The first row has the names. The values of several splits are named `train_loss`, `test_loss`,
    those of one alone `loss`. Values that are not finite are `nan`, `inf` and `-inf`. Rows with the
    same beta follow each other. Paths are not in a table.

    Args:
        slice_: dims (split, beta, alpha) or (split, alpha).
        split: which one alone; by default every one.

    Raises:
        SpecError: the slice has no such split.
        FileFormatError: the dataset is no slice.
    """
    found = whole(slice_)
    if split is not None:
        found = found.sel({schema.SPLIT: [chosen_split(found, split)]})
    dims = tuple(map(str, found[schema.COMPUTED].dims))
    sides = np.meshgrid(*(found[dim].values for dim in dims), indexing="ij")
    columns = {dim: side.ravel() for dim, side in zip(dims, sides, strict=True)}
    columns = {dim: columns[dim] for dim in reversed(dims)}
    splits = [str(one) for one in found[schema.SPLIT].values]
    for name in map(str, found.data_vars):
        variable = found[name]
        if variable.dtype.kind not in "fiub":
            continue
        if set(variable.dims) == {schema.SPLIT, *dims}:
            for one in splits:
                values = variable.sel({schema.SPLIT: one}).transpose(*dims).values
                columns[f"{one}_{name}" if len(splits) > 1 else name] = values.ravel()
        elif set(variable.dims) == set(dims):
            columns[name] = variable.transpose(*dims).values.ravel()
    return _rows(columns)


def _rows(columns: Mapping[str, Any]) -> str:
    """Columns as CSV, each number with as many digits as tell it from its neighbours."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    numbers = [
        (one.astype(int) if one.dtype.kind == "b" else one).tolist() for one in columns.values()
    ]
    writer.writerows(zip(*numbers, strict=True))
    return text.getvalue()


def json_text(dataset: xr.Dataset) -> str:
    """A dataset as JSON, in the form of `xarray.Dataset.to_dict`, which `from_dict` reads.

    Numbers that are not finite are null, as JSON has none.
    """
    plain = _plain(dataset.to_dict())
    return json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """A value of what JSON has; numbers that are not finite as None, other objects as text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
