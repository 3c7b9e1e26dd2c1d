"""A slice on part of the data, growing to all of it, that says how sure it is.

The examples are drawn at random without replacement. With n of N of them, the mean loss at a point
has the standard error s / sqrt(n) * sqrt(1 - n / N), where s is the standard deviation of the loss
over the examples drawn (Cochran, Sampling Techniques, 1977, section 2.6); with all of them it is 0.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.models.additivity import additivity
from landscape_core.models.measures.base import Measure, OutputMeasure
from landscape_core.models.measures.loss_spread import LossSpread
from landscape_core.models.network_objective import ModelObjective
from landscape_core.slices.grid import Grid
from landscape_core.slices.grid_values import GridValues, frozen, named
from landscape_core.slices.interpolation import Floats
from landscape_core.slices.last_dataset import agreeing, with_last
from landscape_core.slices.probe import Probe
from landscape_core.storage import schema

FIRST = 64
"""Examples of the first slice."""

GROWTH = 4
"""How many times more examples each slice has than the one before."""

SPREAD = "loss_spread"


@public_call
def sample(
    read: Probe,
    grid: Grid,
    attrs: Mapping[str, Any] | None = None,
    *,
    first: int = FIRST,
    seed: int = 0,
) -> Iterator[xr.Dataset]:
    """The exact slice on more and more examples; the last on all of them.

    `loss_standard_error` has the dimensions of the loss; the attribute `examples` says how many
    were used, `examples_of` how many there are. No example is evaluated twice.

    Args:
        read: what is read at each point; of its measures those that are means over examples.
        grid: at which points.
        attrs: attributes of the datasets.
        first: examples of the first slice; each further one has four times as many.
        seed: of the order in which examples are drawn.

    Raises:
        SpecError: statistics of the batch, which differ between parts of the data, or a loss that
            gives the mean alone.
    """
    parts = read.parts
    for part in parts.values():
        _check(part)
    if first < 2:
        raise SpecError("first", first, "at least 2, as a standard error needs two examples")
    means = {n: m for n, m in read.measures.items() if isinstance(m, OutputMeasure) and m.is_mean}
    given, how = dict(attrs or {}), (first, seed)
    for dataset, last in with_last(_growing(read, grid, means, given, how)):
        found = agreeing(read.asking(means), dataset, stacklevel=2) if last else dataset
        if found is None:
            yield from _growing(read.plainly(), grid, means, given, how)
        else:
            yield found


def _growing(
    read: Probe,
    grid: Grid,
    means: Mapping[str, Measure],
    attrs: dict[str, Any],
    how: tuple[int, int],
) -> Iterator[xr.Dataset]:
    """The slice on more and more examples, by the number of the first ones and a seed."""
    parts, (first, seed) = read.parts, how
    shuffled = {name: _shuffled(part, seed) for name, part in parts.items()}
    totals = {name: _Total() for name in parts}
    start, stop = 0, first
    while any(start < part.examples for part in parts.values()):
        for name, part in shuffled.items():
            if start < part.examples:
                totals[name].add(_block(read, grid, means, name, part.between(start, stop)))
        yield _dataset(read, grid, means, totals, attrs)
        start, stop = stop, GROWTH * stop


def _check(part: ModelObjective) -> None:
    """Refuse what some examples say nothing of."""
    if part.normalizes and part.batch_norm == "batch":
        raise SpecError("batch_norm", "batch", "running or reestimated for a part of the data")
    found = additivity(part)
    if found.draws:
        accepted = "one that draws no random numbers, with a loss that draws none"
        raise SpecError("model", type(part.module).__name__, accepted)
    if found.coupled:
        accepted = "one that treats each example by itself"
        raise SpecError("model", type(part.module).__name__, accepted)
    if found.loss != "mean":
        raise SpecError("loss", found.loss, "a mean over examples, which some of them can estimate")


class _Total:
    """Means (M, ...) and the sum of squared deviations of the loss (...) over `count` examples.

    Blocks are joined as in Chan, Golub, LeVeque, 1983, equation 2.1.
    """

    def __init__(self) -> None:
        self.count, self.means, self.squares = 0, np.zeros(()), np.zeros(())

    def add(self, block: tuple[int, Floats, Floats]) -> None:
        """Join a block: its examples, means (M, ...) and squared deviations of the loss (...)."""
        count, means, squares = block
        total = self.count + count
        apart = means - self.means
        self.squares = self.squares + squares + apart[0] ** 2 * self.count * count / total
        self.means = self.means + apart * count / total
        self.count = total

    def standard_error(self, examples: int) -> Floats:
        """Of the mean loss, (...), where there are so many examples in all."""
        spread = np.sqrt(self.squares / max(1, self.count - 1))
        return np.asarray(standard_error(spread, self.count, examples))


def standard_error(spread: Any, count: int, examples: int) -> Any:
    """Of a mean over `count` examples drawn from so many, from their standard deviation."""
    return spread / math.sqrt(count) * math.sqrt(1 - count / examples)


def _shuffled(part: ModelObjective, seed: int) -> ModelObjective:
    order = torch.randperm(part.examples, generator=random_streams.stream(seed, "sample"))
    return part.reordered(order.to(part.inputs.device))


def _block(
    read: Probe, grid: Grid, means: Mapping[str, Measure], name: str, part: ModelObjective
) -> tuple[int, Floats, Floats]:
    """The number of examples of a block, its means (M, ...) and squared deviations (...)."""
    measures = {**means, SPREAD: LossSpread()} if part.examples > 1 else means
    sheet = GridValues.blank(read.asking(measures).over({name: part}), grid)
    sheet.compute(np.argwhere(~sheet.computed))
    values = sheet.values[0]
    spread = values[len(means)] if part.examples > 1 else np.zeros(values.shape[1:])
    return part.examples, values[: len(means)], spread**2 * (part.examples - 1)


def _dataset(
    read: Probe,
    grid: Grid,
    means: Mapping[str, Measure],
    totals: Mapping[str, _Total],
    attrs: dict[str, Any],
) -> xr.Dataset:
    values = np.stack([total.means for total in totals.values()])
    sizes = [part.examples for part in read.parts.values()]
    errors = np.stack(
        [total.standard_error(n) for total, n in zip(totals.values(), sizes, strict=True)]
    )
    used = {"examples": [total.count for total in totals.values()], "examples_of": sizes}
    computed = np.ones(values.shape[2:], dtype=bool)
    dataset = named(read.asking(means), grid, values, computed, {**attrs, **used})
    words = {"long_name": "standard error of the mean loss", "units": "1"}
    return dataset.assign(
        {schema.STANDARD_ERROR: (dataset[schema.LOSS].dims, frozen(errors), words)}
    )
