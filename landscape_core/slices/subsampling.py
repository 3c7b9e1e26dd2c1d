"""A slice on part of the data, growing to all of it, that says how sure it is.

The examples are drawn at random without replacement. With n of N of them, the mean loss at a point
has the standard error s / sqrt(n) * sqrt(1 - n / N), where s is the standard deviation of the loss
over the examples drawn (Cochran, Sampling Techniques, 1977, section 2.6); with all of them it is 0.
"""

import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.models.additivity import additivity
from landscape_core.models.data_parts import verified
from landscape_core.models.known_loss import with_known_loss
from landscape_core.models.loss_weights import is_mean
from landscape_core.models.measures.base import Measure, OutputMeasure
from landscape_core.models.measures.loss_spread import LossSpread
from landscape_core.models.network_objective import ModelObjective
from landscape_core.slices.grid import Grid
from landscape_core.slices.grid_values import GridValues, frozen, named
from landscape_core.slices.interpolation import Floats
from landscape_core.slices.last_dataset import agreeing, stating, with_last
from landscape_core.slices.probe import Probe
from landscape_core.slices.spot_checks import Checked
from landscape_core.storage import schema

FIRST = 64
"""Examples of the first slice."""

GROWTH = 4
"""How many times more examples each slice has than the one before."""

SPREAD = "loss_spread"

NO_MEAN = (
    "The parts of the data do not make up the loss of all of it, which is no mean over examples: "
    "some of them say nothing of it, and the slice is that of all examples, computed the plain way."
)


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
    were used, `examples_of` how many there are. No example of a known loss is evaluated twice.

    The parts of the data that are gone through are compared with all of it, before at three points
    and afterwards at those that are checked of any slice. Where they do not make up the loss, there
    is one slice, the plain evaluation's on all examples, and a warning says so. Of a loss that is
    none of the catalogue, nor torch's cross-entropy, the last slice is of all examples at once.

    Args:
        read: what is read at each point; of its measures those that are means over examples.
        grid: at which points.
        attrs: attributes of the datasets.
        first: examples of the first slice; each further one has four times as many.
        seed: of the order in which examples are drawn.

    Raises:
        SpecError: statistics of the batch, which differ between parts of the data, or a loss that
            gives the mean alone and is not torch's cross-entropy.
    """
    if first < 2:
        raise SpecError("first", first, "at least 2, as a standard error needs two examples")
    read = read.over({name: with_known_loss(part) for name, part in read.parts.items()})
    for part in read.parts.values():
        _check(part)
    means = {n: m for n, m in read.measures.items() if isinstance(m, OutputMeasure) and m.is_mean}
    given, how = dict(attrs or {}), (first, seed)
    if not all(_make_up(read, grid, part, how) for part in read.parts.values()):
        warnings.warn(NO_MEAN, stacklevel=2)
        yield _whole(read.plainly(), grid, means, given)
        return
    divided = any(part.examples > first for part in read.parts.values())
    for dataset, last in with_last(_growing(read, grid, means, given, how)):
        if not last:
            yield dataset
            continue
        found = agreeing(read.asking(means), dataset, stacklevel=2, even_plain=divided)
        yield _whole(read.plainly(), grid, means, given) if found is None else found


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
    for start, stop in _ends(max(part.examples for part in parts.values()), first):
        for name, part in shuffled.items():
            if start < part.examples:
                last = stop >= part.examples and start > 0
                if last and not is_mean(part.loss_function):  # parts are a guess about such a loss
                    totals[name] = _total_of_all(read, grid, means, name)
                else:
                    totals[name].add(_block(read, grid, means, name, part.between(start, stop)))
        yield _dataset(read, grid, means, totals, attrs)


def _ends(examples: int, first: int) -> Iterator[tuple[int, int]]:
    """Where the blocks of so many examples begin and end."""
    start, stop = 0, first
    while start < examples:
        yield start, min(stop, examples)
        start, stop = stop, GROWTH * stop


def _make_up(read: Probe, grid: Grid, part: ModelObjective, how: tuple[int, int]) -> bool:
    """Whether the very blocks that are used make up the loss, at the centre and two corners."""
    first, seed = how
    if is_mean(part.loss_function):
        return True
    whole = _shuffled(part, seed)
    blocks = [whole.between(start, stop) for start, stop in _ends(part.examples, first)]
    sides = [
        side[[0, len(side) // 2, -1]]
        for side in (grid.alpha(), grid.beta())[: read.plane.dimensions]
    ]
    coords = torch.tensor(np.stack(sides, axis=1)).to(part.start)
    return len(blocks) == 1 or verified(whole, blocks, "mean", read.plane.points(coords))


def _whole(
    read: Probe, grid: Grid, means: Mapping[str, Measure], attrs: dict[str, Any]
) -> xr.Dataset:
    """The slice by the plain evaluation on all examples at once."""
    totals = {name: _total_of_all(read, grid, means, name) for name in read.parts}
    return stating(Checked(), _dataset(read, grid, means, totals, attrs))


def _check(part: ModelObjective) -> None:
    """Refuse what some examples say nothing of."""
    if part.normalizes and part.batch_norm == "batch":
        raise SpecError("batch_norm", "batch", "running or reestimated for a part of the data")
    found = additivity(part)
    if found.draws:
        accepted = "one that draws no random numbers, with a loss that draws none"
        raise SpecError("model", type(part.module).__name__, accepted)
    if found.coupled:
        accepted = "one that processes examples independently"
        raise SpecError("model", type(part.module).__name__, accepted)
    if found.loss != "mean":
        raise SpecError(
            "loss", found.loss, "an unweighted mean over examples, which some of them can estimate"
        )


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
    grid_values = GridValues.blank(read.asking(measures).over({name: part}), grid)
    grid_values.compute(np.argwhere(~grid_values.computed))
    values = grid_values.values[0]
    spread = values[len(means)] if part.examples > 1 else np.zeros(values.shape[1:])
    return part.examples, values[: len(means)], spread**2 * (part.examples - 1)


def _total_of_all(read: Probe, grid: Grid, means: Mapping[str, Measure], name: str) -> _Total:
    """The means over all examples of a part of the data, evaluated at once."""
    part = read.parts[name]
    grid_values = GridValues.blank(read.asking(means).over({name: part}), grid)
    grid_values.compute(np.argwhere(~grid_values.computed))
    found = _Total()
    found.add((part.examples, grid_values.values[0], np.zeros(grid_values.values.shape[2:])))
    return found


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
