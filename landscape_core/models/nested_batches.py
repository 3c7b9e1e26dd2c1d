"""Batches as loaders give them: arrays within tuples, lists and mappings, at any depth."""

import copy
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

ARRAYS = Tensor | np.ndarray
TABLES = pd.DataFrame | pd.Series


def as_array(part: Any) -> Any:
    """A table of pandas as an array, and arrays as torch takes them; anything else as it is.

    Torch takes no arrays with negative strides, and warns of those that cannot be written to.
    """
    if isinstance(part, TABLES):
        part = part.to_numpy()
    if isinstance(part, np.ndarray) and not (
        part.flags.writeable and min(part.strides, default=0) >= 0
    ):
        return part.copy()
    return part


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
