"""Data as they are given: inputs and targets, or batches of the two."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from landscape_core.foundation.errors import SpecError
from landscape_core.models.batch_reading import read
from landscape_core.models.nested_batches import ARRAYS, TABLES, as_array

Array = Tensor | NDArray[Any]
Batches = Sequence[Array] | Iterable[Sequence[Array]]
"""Inputs and targets, or batches of the two."""

MOST_SHOWN = 4

PAIRS = "inputs and targets, or batches of the two"
CHOSEN = (
    "pairs say which is which, for instance ((x, y) for x, y, *_ in loader), and so does"
    " batch=lambda b: (b[0], b[1]) in landscape, spectrum and convexity"
)
SINGLE = (
    "each one tensor; put several inputs into one, for instance torch.stack((ids, mask), 1), and"
    " take them apart in a module around the network, self.network(x[:, 0], x[:, 1]); landscape,"
    " spectrum and convexity take several by batch=lambda b: ((b[0], b[1]), b[2])"
)
"""The remedy where a network takes several inputs."""

OF_NUMBERS = "each of numbers: array.astype('float32'), or the places of texts in a list of them"
"""The remedy where an array holds text or other objects."""

BY_NAME = (
    f"{PAIRS}; landscape, spectrum and convexity take them out of a mapping by"
    " batch=lambda b: (b['inputs'], b['labels'])"
)

RAGGED = "landscape, spectrum and convexity take others by objective="

BATCHED = "torch.utils.data.DataLoader makes batches of single examples"


def pairs_of(
    name: str, data: object, *, most: int | None = None, stream: bool | None = False
) -> list[tuple[Tensor, Tensor]]:
    """The batches of data, or the one pair, read once; each is inputs and targets.

    Args:
        name: what the data are called in an error.
        data: as `from_module` takes them.
        most: the first so many examples of a loader or generator; by default all.
        stream: whether the reading may stop at the first batch, as for `read`.

    Raises:
        StreamedError: they are to be streamed.
        SpecError: no batches, anything that does not say which are the inputs and the targets, or
            more than memory holds.
    """
    if isinstance(data, Dataset) and not isinstance(data, IterableDataset):
        raise SpecError(name, type(data).__name__, f"{PAIRS}; {BATCHED}")
    if isinstance(data, ARRAYS | TABLES | str | Mapping) or not isinstance(data, Iterable):
        raise SpecError(name, type(data).__name__, PAIRS)
    in_memory = isinstance(data, list | tuple)  # looked at as a whole, as it may be one pair

    def check(number: int, batch: object) -> None:
        if not (in_memory or (number < 2 and isinstance(batch, ARRAYS))):
            pair_of(name, batch)

    batches = [as_array(one) for one in read(name, data, most, check, stream=stream)]
    if not batches:
        raise SpecError(name, "no batches", "at least one pair of inputs and targets")
    if all(isinstance(part, ARRAYS) for part in batches):
        batches = [batches]
    if len(batches) == 2 and isinstance(batches[1], ARRAYS) and not isinstance(batches[0], ARRAYS):
        shown = f"{_shown(batches[0])}, {_shown(batches[1])}"  # one pair, with several inputs
        raise SpecError(name, shown, f"{PAIRS}, {SINGLE}")
    pairs = [pair_of(name, batch) for batch in batches]
    check_shapes(name, pairs)
    return pairs if most is None or in_memory else first_of(pairs, most)


def first_of(pairs: Sequence[tuple[Tensor, Tensor]], most: int) -> list[tuple[Tensor, Tensor]]:
    """The first so many examples of batches, of which the last may be shortened."""
    found, left = [], most
    for inputs, targets in pairs:
        if left > 0:
            found.append((inputs[:left], targets[:left]))
            left -= len(inputs)
    return found


def check_lengths(inputs: Tensor, targets: Tensor) -> None:
    """Refuse inputs and targets of different numbers of examples, or of none."""
    if len(inputs) != len(targets):
        accepted = f"{len(inputs)}, as many as inputs"
        raise SpecError("the number of targets", len(targets), accepted)
    if len(inputs) == 0:
        raise SpecError("the number of examples", 0, "at least 1: the data are empty")


def pair_of(name: str, batch: object) -> tuple[Tensor, Tensor]:
    """The inputs and targets of a batch.

    Raises:
        SpecError: it is something else.
    """
    if isinstance(batch, ARRAYS | TABLES | str) or not isinstance(batch, Sequence):
        taken = BY_NAME if isinstance(batch, Mapping) else PAIRS
        raise SpecError(name, f"a batch that is a {type(batch).__name__}", taken)
    parts = [_shown(part) for part in batch[:MOST_SHOWN]] + ["..."] * (len(batch) > MOST_SHOWN)
    shown = f"a batch of {len(batch)}: {', '.join(parts)}"
    if len(batch) != 2:
        raise SpecError(name, shown, f"{PAIRS}; {CHOSEN}")
    try:
        inputs, targets = (torch.as_tensor(as_array(part)) for part in batch)
    except (TypeError, ValueError, RuntimeError) as error:
        told = OF_NUMBERS if any(map(_holds_objects, batch)) else SINGLE
        raise SpecError(name, shown, f"{PAIRS}, {told}") from error
    if not (inputs.ndim and targets.ndim):
        raise SpecError(name, shown, f"{PAIRS}; {BATCHED}")
    return inputs, targets


def _holds_objects(part: object) -> bool:
    """Whether this is an array of text or of other objects."""
    return isinstance(part, np.ndarray) and part.dtype.kind not in "biufc"


def _shown(part: object) -> str:
    """What an entry of a batch is: its type and shape."""
    if isinstance(part, ARRAYS):
        return f"{str(part.dtype).removeprefix('torch.')} {tuple(part.shape)}"
    return type(part).__name__


def check_shapes(name: str, pairs: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Refuse batches whose shapes differ in more than the number of examples."""
    for inputs, targets in pairs if len(pairs) > 1 else ():
        if len(inputs) != len(targets):
            said = f"a batch of {len(inputs)} inputs and {len(targets)} targets"
            raise SpecError(name, said, f"{PAIRS}, as many of the one as of the other")
    for part in (0, 1):
        first, *others = (tuple(pair[part].shape) for pair in pairs)
        other = next((shape for shape in others if shape[1:] != first[1:]), first)
        if other != first:
            said = f"batches of shapes {first} and {other}"
            raise SpecError(
                name, said, f"{PAIRS}, of one shape but for the number of examples; {RAGGED}"
            )
