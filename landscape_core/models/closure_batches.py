"""Batches as a closure takes them, whatever they are, and how their values add up."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from torch.utils.data import Dataset, IterableDataset

from landscape_core.foundation.errors import SpecError
from landscape_core.models.batch_reading import read
from landscape_core.models.batches import BATCHED
from landscape_core.models.closure_network import Given
from landscape_core.models.nested_batches import ARRAYS, TABLES, examples_of

ACCEPTED = (
    "batches, for instance a DataLoader or a list of them; a tensor, a mapping or a tuple with a"
    " tensor in it is one batch"
)
REDUCTIONS = ("mean", "sum")
"""How the values of several batches can be put together where their examples do not say it."""

UNCOUNTED = (
    "batches whose tensors all have the number of examples as first dimension, or give reduction="
    "'mean' (of the values of the batches) or 'sum', or all of it as one batch"
)

PART = "This is the sum over the first {} batches, and no estimate of that over all."


def items_of(
    name: str,
    data: object,
    most: int | None = None,
    change: Callable[[Any], Any] | None = None,
    *,
    stream: bool | None = False,
) -> list[Any]:
    """The batches of data, or the one batch, as they are, or changed where they are read.

    Args:
        name: what the data are called in an error.
        data: a loader, a list of batches or one batch.
        most: read of a loader no more batches than have so many examples.
        change: what to make of each batch.
        stream: whether the reading may stop at the first batch, as for `read`.

    Raises:
        StreamedError: they are to be streamed.
        SpecError: no batches, one batch and several cannot be distinguished, or more than memory
            holds.
    """
    change = change or (lambda batch: batch)
    if isinstance(data, Dataset) and not isinstance(data, IterableDataset):
        raise SpecError(name, type(data).__name__, f"{ACCEPTED}; {BATCHED}")
    if isinstance(data, ARRAYS | Mapping) or (isinstance(data, tuple) and _has_array(data)):
        return [change(data)]
    if isinstance(data, str | bytes | TABLES) or not isinstance(data, Iterable):
        raise SpecError(name, type(data).__name__, ACCEPTED)
    if isinstance(data, tuple) and data:
        raise SpecError(name, f"a tuple of {len(data)}", "a list, if it is several batches")
    if isinstance(data, list) and data and all(isinstance(one, ARRAYS) for one in data):
        accepted = "a tuple, if it is one batch, or iter(it), if each tensor is a batch"
        raise SpecError(name, f"a list of {len(data)} tensors", accepted)
    found = read(name, data, most, lambda number, batch: None, change, stream=stream)
    if not found:
        raise SpecError(name, "no batches", "at least one batch")
    return found


def given_of(
    name: str, batches: Sequence[Any], reduction: str | None, most: int | None = None
) -> Given:
    """The batches with their weights in the loss: by default their fractions of the examples.

    Args:
        name: what the data are called in an error.
        batches: as they are.
        reduction: `mean` or `sum` of the values of the batches; None: the mean over examples.
        most: the first batches that together have at most so many examples.

    Raises:
        SpecError: the number of examples is needed, and is not the first dimension of all tensors.
    """
    if reduction is not None and reduction not in REDUCTIONS:
        accepted = "'mean' or 'sum' of the values of the batches, or None: weighted by examples"
        raise SpecError("reduction", reduction, accepted)
    if most is not None:
        batches = _first(name, batches, most)
    counts = [examples_of(batch) for batch in batches]
    total = None if None in counts else sum(one or 0 for one in counts)
    number = len(batches)
    if number == 1:
        return Given(batches, [1.0], total, "the value of one batch")
    if reduction == "sum" and most is not None:
        warnings.warn(PART.format(number), stacklevel=2)
    if reduction == "sum":
        return Given(batches, [1.0] * number, total, f"the sum over {number} batches")
    if reduction == "mean":
        return Given(batches, [1 / number] * number, total, f"the mean over {number} batches")
    if not total:
        raise SpecError(name, f"{number} batches of unknown numbers of examples", UNCOUNTED)
    weights = [(one or 0) / total for one in counts]
    return Given(batches, weights, total, f"the mean over {number} batches, weighted by examples")


def _first(name: str, batches: Sequence[Any], most: int) -> list[Any]:
    """The first batches, whole, that together have at most so many examples."""
    found: list[Any] = []
    total = 0
    for batch in batches:
        count = examples_of(batch)
        if count is None:
            shown = "a batch of an unknown number of examples"
            accepted = "batches whose tensors all have that number as first dimension, as"
            raise SpecError(name, shown, f"{accepted} max_examples counts them")
        total += count
        if total > most:
            break
        found.append(batch)
    if not found:
        accepted = f"at least {total}, the examples of the first batch, as batches are kept whole"
        raise SpecError("max_examples", most, accepted)
    return found


def _has_array(batch: tuple[Any, ...]) -> bool:
    return any(isinstance(one, ARRAYS) for one in batch)
