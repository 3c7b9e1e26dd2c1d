"""What is read at a point of a line or plane: measures on parts of the data, by a strategy."""

import math
from collections.abc import Callable, Mapping
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
from landscape_core.slices.strategy_choice import FEW, LEAST, LOG, _per_point, strategy_of, trial
from landscape_core.storage import schema

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
    strategy: Strategy | str | None = None,
    *,
    tf32: bool = False,
) -> Probe:
    """Prepare the reading of measures on parts of the data (`train`, `test`) along a plane.

    Args:
        parts: the data, by the name of its split.
        plane: a line or plane of the network's parameters.
        measures: by name, those of the catalogue or functions of (outputs, targets); by default
            those that mean something for the data. The loss is always read.
        strategy: how to evaluate, by name or as an object; by default the fastest in a short trial.
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
        chosen = strategy_of(strategy)
        return replace(asked, strategies={n: _applied(chosen, asked.reading(n)) for n in parts})
    best = {name: trial(asked.reading(name))[0] for name in parts}
    return replace(
        asked,
        strategies={name: timing.strategy for name, timing in best.items()},
        seconds=sum(timing.seconds for timing in best.values()),
    )


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
