"""What is read at a point of a line or plane, and by which strategy: chosen by a trial.

Which way of evaluating is fastest depends on the network, the data and the machine. So each one
that applies is timed for a moment at a few points, its values compared with the plain loop's, and
the fastest that agrees is taken.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import name_of
from landscape_core.foundation.registry import entries
from landscape_core.models.measures._own import Own
from landscape_core.models.measures.base import Measure, classes_of, usual
from landscape_core.models.objective import ModelObjective
from landscape_core.planes.plane import Plane
from landscape_core.slices.interpolation import Floats
from landscape_core.slices.strategies.base import Reader, Reading, Strategy
from landscape_core.slices.strategies.loop import Loop
from landscape_core.storage import schema

LOG = logging.getLogger(__name__)

AGREEMENT = {torch.float64: 1e-10, torch.float32: 1e-5}
"""How far, relatively, a strategy's values may lie from the loop's; for other types a hundredth."""

WORTH = 5
"""The points of the loop whose time a trial may take."""

LEAST = 0.012
"""Seconds that a trial may take in any case."""

FEW = 2
"""Points at which a strategy is compared with the loop."""

CLEARLY = 2
"""A strategy that is so many times faster than the loop ends the trial."""

MARGIN = 1.1
"""A strategy must be so many times faster than the loop to be taken: so far a short trial errs."""

Given = Measure | Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Probe:
    """What is read at a point: measures on parts of the data, along one plane.

    `seconds` is what a point took in the trial, all parts together; NaN where there was no trial.
    A strategy that the trial has chosen and that raises an error later gives way to the loop.
    It can be pickled; what prepares the reading is made again where it is called first.
    """

    plane: Plane
    parts: Mapping[str, ModelObjective]
    measures: Mapping[str, Measure]
    strategies: Mapping[str, Strategy]
    seconds: float = math.nan
    classes: int | None = None
    tf32: bool = False
    _readers: dict[str, Reader] = field(default_factory=dict)
    _replaced: set[str] = field(default_factory=set)

    def __call__(self, coords: Floats) -> Floats:
        """The values at coordinates (K, D): (S, R, K) for S parts and R rows of measures."""
        where = torch.from_numpy(coords).to(self.plane.origin.device)
        return np.stack([self._read(name, where) for name in self.parts])

    def __getstate__(self) -> dict[str, Any]:
        """Without the readers, which hold functions."""
        return {**self.__dict__, "_readers": {}}

    @property
    def used(self) -> Mapping[str, Strategy]:
        """The strategy of each part: the loop where the chosen one has raised an error."""
        return {n: Loop() if n in self._replaced else s for n, s in self.strategies.items()}

    @property
    def rows(self) -> Mapping[str, int]:
        """How many values each measure has at a point."""
        return {name: measure.size(self.classes) for name, measure in self.measures.items()}

    @property
    def together(self) -> int:
        """How many points take as long as one, as so many are computed in any case."""
        read = self.strategies.keys() & self.parts.keys()
        return max((self.used[n].together(self.reading(n)) for n in read), default=1)

    def reading(self, part: str) -> Reading:
        """What is read of one part."""
        measures = list(self.measures.values())
        return Reading(self.parts[part], self.plane, measures, self.classes, self.tf32)

    def pace(self, part: str) -> float:
        """The seconds that a point of one part takes, by a short trial of its strategy."""
        least = max(FEW, self.used[part].together(self.reading(part)))
        return _per_point(self._reader(part), self.plane, least, LEAST)

    def asking(self, measures: Mapping[str, Measure]) -> "Probe":
        """The same reading of other measures."""
        return replace(self, measures=measures, _readers={})

    def over(self, parts: Mapping[str, ModelObjective]) -> "Probe":
        """The same reading of other data."""
        return replace(self, parts=parts, _readers={})

    def to(self, device: str | torch.device) -> "Probe":
        """The same reading on another device."""
        plane = self.plane.to(device)
        parts = {name: part.to(device) for name, part in self.parts.items()}
        return replace(self, plane=plane, parts=parts, _readers={})

    def _read(self, part: str, where: Tensor) -> Floats:
        """The values (R, K) of a part at coordinates (K, D)."""
        try:
            found = self._reader(part)(where)
        except Exception as error:
            strategy = self.used[part]
            if math.isnan(self.seconds) or isinstance(strategy, Loop):
                raise
            LOG.debug("%s gives way to the loop: %r", name_of(type(strategy)), error)
            self._replaced.add(part)
            self._readers.pop(part, None)
            found = self._reader(part)(where)
        return np.asarray(found.double().numpy(force=True))

    def _reader(self, part: str) -> Reader:
        if part not in self._readers:
            strategy, reading = self.used[part], self.reading(part)
            trusted = math.isnan(self.seconds) or isinstance(strategy, Loop)
            self._readers[part] = strategy.reader(reading if trusted else reading.apart())
        return self._readers[part]


def probe(
    parts: Mapping[str, ModelObjective],
    plane: Plane,
    measures: Mapping[str, Given] | None = None,
    strategy: Strategy | None = None,
    *,
    tf32: bool = False,
) -> Probe:
    """Prepare the reading of measures on parts of the data (`train`, `test`) along a plane.

    Args:
        parts: the data, by the name of its split.
        plane: a line or plane of the network's parameters.
        measures: by name, those of the catalogue or functions of (outputs, targets); by default
            those that mean something for the data. The loss is always read.
        strategy: how to evaluate; by default the fastest in a short trial.
        tf32: let a graphics card round products to 10 bits of mantissa.

    Raises:
        SpecError: no data, a measure or strategy that does not apply, or a plane of another
            network.
    """
    if not parts:
        raise SpecError("parts", {}, "at least one objective, by the name of its split")
    for part in parts.values():
        if part.layout.size != len(plane.origin):
            size = part.layout.size
            raise SpecError("the plane's parameters", len(plane.origin), f"the network's {size}")
    plane = plane.to(next(iter(parts.values())).start.device)
    classes = classes_of(parts)
    read = _measures(measures, classes)
    asked = Probe(plane, parts, read, {}, math.nan, classes, tf32)
    if strategy is not None:
        return replace(asked, strategies={n: _applied(strategy, asked.reading(n)) for n in parts})
    best = {name: trial(asked.reading(name))[0] for name in parts}
    return replace(
        asked,
        strategies={name: timing.strategy for name, timing in best.items()},
        seconds=sum(timing.seconds for timing in best.values()),
    )


@dataclass(frozen=True)
class Timing:
    """What a strategy took a point in a trial, in seconds, and how far it lay from the loop."""

    strategy: Strategy
    seconds: float
    deviation: float


def trial(reading: Reading) -> list[Timing]:
    """The strategies that agree with the loop, fastest first; the loop is always among them.

    The loop is before those that are hardly faster.

    The first is always tried, others while the trial has taken less than some points of the loop;
    so a large network is not evaluated many times to find out how to evaluate it. One that raises
    an error does not apply.
    """
    plane = reading.plane
    few = _coords(FEW, plane)
    loop = Loop()
    plain = loop.reader(reading)
    plain(few[:1])
    truth, spent = _timed(plain, few)
    plainest = Timing(loop, spent / len(few), 0.0)
    timings = [plainest]
    budget = max(LEAST, WORTH * plainest.seconds)
    tolerance = AGREEMENT.get(plane.origin.dtype, 1e-2)
    used = 0.0  # by trying; what is imported on the way to a candidate is not its own
    for strategy in _candidates(reading):
        own = reading.apart()  # an error midway leaves the network as it was
        began = time.perf_counter()
        try:
            reader = strategy.reader(own)
            deviation = _deviation(reader(few), truth)
            if deviation <= tolerance:
                least = max(FEW, strategy.together(own))
                seconds = _per_point(reader, plane, least, budget)
                timings.append(Timing(strategy, seconds, deviation))
        except Exception as error:  # some of what users write cannot be batched or recorded
            _skipped(strategy, error)
        used += time.perf_counter() - began
        if used > budget or timings[-1].seconds < plainest.seconds / CLEARLY:
            break
    return sorted(
        timings, key=lambda timing: timing.seconds * (1 if timing is plainest else MARGIN)
    )


def _candidates(reading: Reading) -> Iterator[Strategy]:
    """The strategies that apply, the loop left out; those that share most come first."""
    order = ("plane_algebra", "cuda_graph", "shared_layers", "vmap")
    kinds = sorted(
        entries(Strategy).items(),
        key=lambda entry: order.index(entry[0]) if entry[0] in order else len(order),
    )
    found = (kind() for _, kind in kinds if kind is not Loop)
    return (strategy for strategy in found if _applies(strategy, reading))


def _applies(strategy: Strategy, reading: Reading) -> bool:
    try:
        return strategy.applies(reading)
    except Exception as error:
        _skipped(strategy, error)
        return False


def _skipped(strategy: Strategy, error: Exception) -> None:
    LOG.debug("%s does not apply: %r", name_of(type(strategy)), error)


def _per_point(reader: Reader, plane: Plane, least: int, budget: float) -> float:
    """Seconds a point, with as many points at once as the budget allows."""
    best, spent = math.inf, 0.0
    # The first calls of all load libraries and fill caches.
    for count in (least, least, max(16, least), max(128, least)):
        if spent and spent + count * best > budget:
            break
        _, taken = _timed(reader, _coords(count, plane))
        best, spent = min(best, taken / count), spent + taken
    return best


def _timed(reader: Reader, coords: Tensor) -> tuple[Tensor, float]:
    began = time.perf_counter()
    found = reader(coords).cpu()  # a copy waits for the card
    return found, time.perf_counter() - began


def _deviation(found: Tensor, truth: Tensor) -> float:
    """The largest relative difference, row by row; infinite where one is finite alone."""
    found, truth = found.cpu().double(), truth.cpu().double()
    if not torch.equal(found.isfinite(), truth.isfinite()):
        return float("inf")
    scale = truth.abs().nan_to_num(0.0, posinf=0.0).amax(dim=1, keepdim=True).clamp_min(1e-30)
    return float(((found - truth).nan_to_num() / scale).abs().max())


def _coords(count: int, plane: Plane) -> Tensor:
    """Coordinates (K, D) within the square from -1 to 1, the first two not far from the centre."""
    turn = torch.arange(1, count + 1, dtype=torch.float64)[:, None]
    strides = torch.tensor([[0.6180339887, 0.7548776662]], dtype=torch.float64)
    found = 2 * ((turn * strides) % 1) - 1
    return found[:, : plane.dimensions].to(plane.origin.device)


def _applied(strategy: Strategy, reading: Reading) -> Strategy:
    if not strategy.applies(reading):
        name = name_of(type(strategy))
        raise SpecError("strategy", name, "one that applies to this network, data and measures")
    return strategy


def _measures(given: Mapping[str, Given] | None, classes: int | None) -> dict[str, Measure]:
    """The measures by name, the loss first, functions wrapped."""
    found: dict[str, Measure] = {schema.LOSS: entries(Measure)[schema.LOSS]()}
    if given is None:
        return found | usual(classes)
    for name, measure in given.items():
        found[name] = measure if isinstance(measure, Measure) else _own(name, measure)
        if not found[name].applies(classes):
            known = [n for n, kind in entries(Measure).items() if kind().applies(classes)]
            raise SpecError("measures", name, "one of " + ", ".join(known) + " for such targets")
    return found


def _own(name: str, function: object) -> Measure:
    if name in (schema.LOSS, schema.COMPUTED, schema.SPLIT, schema.ALPHA, schema.BETA, "class"):
        raise SpecError("measures", name, "given another name: a slice uses this one")
    if not callable(function):
        raise SpecError(
            f"measures[{name!r}]", function, "a measure, or a function of (outputs, targets)"
        )
    return Own(function)
