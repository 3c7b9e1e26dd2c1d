"""Batches as loaders give them: arrays within tuples, lists and mappings, at any depth."""

import copy
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_extension_array_dtype, is_numeric_dtype
from torch import Tensor

from landscape_core.foundation.errors import SpecError

SHOWN = 4
"""Columns of a table that an error names."""

ARRAYS = Tensor | np.ndarray
TABLES = pd.DataFrame | pd.Series


def as_array(part: Any) -> Any:
    """A table of pandas as an array, and arrays as torch takes them; anything else as it is.

    Columns of pandas's own numbers (`Int64`, `Float64`, `boolean`) are numbers if none is missing.
    Torch takes no arrays with negative strides, and warns of those that cannot be written to.

    Raises:
        SpecError: a table has columns of text, categories or dates, or of numbers that are missing.
    """
    if isinstance(part, TABLES):
        part = _numbers_of(part)
    if isinstance(part, np.ndarray) and not (
        part.flags.writeable and min(part.strides, default=0) >= 0
    ):
        return part.copy()
    return part


def _numbers_of(table: pd.DataFrame | pd.Series) -> np.ndarray[Any, Any]:
    """The numbers of a table; errors as above."""
    columns = table.to_frame() if isinstance(table, pd.Series) else table
    parts = [columns.iloc[:, place] for place in range(columns.shape[1])]
    other = [part for part in parts if not is_numeric_dtype(part.dtype)]
    if other:
        shown = ", ".join(f"{part.name} ({part.dtype})" for part in other[:SHOWN])
        accepted = (
            f"numbers: give codes, as table[{other[0].name!r}].astype('category').cat.codes, or 0"
            " and 1 by pandas.get_dummies(table, dtype=float), or leave them out"
        )
        raise SpecError("the columns of a table", shown, accepted)
    masked = [part for part in parts if is_extension_array_dtype(part.dtype)]
    lacking = [str(part.name) for part in masked if part.isna().any()]
    if lacking:
        accepted = "without missing values: table.dropna(), or fillna"
        raise SpecError("the columns of a table", ", ".join(lacking[:SHOWN]), accepted)
    if not masked:
        return table.to_numpy()
    found = np.stack([part.to_numpy(dtype=_plain(part.dtype)) for part in parts], axis=1)
    return found[:, 0] if isinstance(table, pd.Series) else found


def _plain(kind: Any) -> np.dtype[Any]:
    """NumPy's type of a column of numbers."""
    return np.dtype(getattr(kind, "numpy_dtype", kind))


def arrays_in(batch: object) -> Iterator[Any]:
    """All tensors and arrays within a batch; other objects are not looked into."""
    if isinstance(batch, ARRAYS):
        yield batch
    elif isinstance(batch, Mapping):
        for value in batch.values():
            yield from arrays_in(value)
    elif isinstance(batch, list | tuple):
        for value in batch:
            yield from arrays_in(value)


def bytes_of(batch: object) -> int:
    """The bytes of all numbers in a batch."""
    return sum(int(one.nbytes) for one in arrays_in(batch))


def examples_of(batch: object) -> int | None:
    """The first dimension that all arrays of a batch share; None where there is none such."""
    sizes = {len(one) if one.ndim else None for one in arrays_in(batch)}
    return next(iter(sizes)) if len(sizes) == 1 else None


def mapped(batch: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same batch with every tensor changed; containers keep their class."""
    if isinstance(batch, Tensor):
        return change(batch)
    if isinstance(batch, MutableMapping):
        found = copy.copy(batch)
        found.update({key: mapped(value, change) for key, value in batch.items()})
        return found
    if isinstance(batch, tuple) and hasattr(batch, "_make"):
        return batch._make(mapped(one, change) for one in batch)
    if type(batch) in (list, tuple):
        return type(batch)(mapped(one, change) for one in batch)
    return batch
