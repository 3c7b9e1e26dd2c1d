"""What is read at a point of a line or plane: measures on parts of the data, by a strategy."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import name_of
from landscape_core.models.draw_error import DrawError
from landscape_core.models.measures.base import Measure, classes_of
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.planes.plane import Plane
from landscape_core.slices.interpolation import Floats
from landscape_core.slices.measures_by_name import Given, measures_by_name
from landscape_core.slices.point_statistics import ACCEPTED
from landscape_core.slices.readers import Readers
from landscape_core.slices.reading import ALL_POINTS, Reader, Reading, Streamed
from landscape_core.slices.strategies.base import Strategy
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.strategy_choice import (
    INSTEAD,
    LOG,
    applied,
    seconds_per_point,
    strategy_of,
    trial,
)
from landscape_core.storage import schema


@dataclass(frozen=True, eq=False)
class Probe:
    """What is read at a point: measures on parts of the data, along one plane.

    `seconds` is what a point took in the trial, all parts together; NaN where there was no trial.
    `seed` is that of the numbers that networks draw in their `forward`, of which `draws` are
    averaged. A strategy that raises an error later gives way to the loop, unless the user has
    `named` it; with a warning where it was `preferred`. It can be pickled; what prepares the
    reading is made again where it is called first, and in each thread that calls it. `streams` are
    the parts that are read in passes; `parts` has their first batches.
    """

    plane: Plane
    parts: Mapping[str, ModelObjective]
    measures: Mapping[str, Measure]
    strategies: Mapping[str, Strategy]
    seconds: float = math.nan
    classes: int | None = None
    tf32: bool = False
    seed: int = 0
    draws: int = 1
    named: bool = False
    preferred: bool = False
    streams: Mapping[str, Streamed] = field(default_factory=dict)
    readers: Readers = field(default_factory=Readers)
    _replaced: set[str] = field(default_factory=set)
    _plain: "list[Probe]" = field(default_factory=list)

    @public_call
    def __call__(self, coords: Floats) -> Floats:
        """The values at coordinates (K, D): (S, R, K) for S parts and R rows of measures."""
        where = torch.from_numpy(coords).to(self.plane.origin.device)
        found = [self._values(name, where).double().numpy(force=True) for name in self.parts]
        return np.stack(found)

    def __getstate__(self) -> dict[str, Any]:
        """Without the readers, which hold functions.

        Raises:
            SpecError: a measure reads the network, which would be another one where it arrives.
        """
        if any(one.reads_network for one in self._plainest.readers.evaluations):
            accepted = "functions of outputs and targets alone, where workers compute"
            raise SpecError("measures", "one that reads the network", accepted)
        return {**self.__dict__, **_unread()}

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
        if self.streams:
            return ALL_POINTS
        read = self.strategies.keys() & self.parts.keys()
        return max((self.used[n].together(self.reading(n)) for n in read), default=1)

    @property
    def examples(self) -> list[int]:
        """How many examples each part has."""
        return [self.streams.get(name, part).examples for name, part in self.parts.items()]

    def reading(self, part: str) -> Reading:
        """What is read of one part."""
        measures = list(self.measures.values())
        told = (self.plane, measures, self.classes, self.tf32, self.seed, self.draws)
        return Reading(self.parts[part], *told)

    def plainly(self) -> "Probe":
        """The same reading by the plain evaluation."""
        if self.strategies and all(one == Loop() for one in self.strategies.values()):
            return self
        if not self._plain:
            loops = dict.fromkeys(self.parts, Loop())
            self._plain.append(replace(self, strategies=loops, **_unread()))
        return self._plain[0]

    def hold_plain(self, part: str) -> PlainEvaluation:
        """The plain evaluation of a part, by which this thread reads it plainly from now on."""
        return self.plainly().readers.hold(part, self.reading(part))

    def in_double(self) -> "Probe":
        """The same reading in float64."""
        parts = {name: part.in_double() for name, part in self.parts.items()}
        return replace(self, plane=self.plane.in_double(), parts=parts, **_unread())

    @property
    def draws_numbers(self) -> bool:
        """Whether random numbers are drawn, as far as it was seen by now."""
        found = (*self.readers.evaluations, *self._plainest.readers.evaluations)
        return any(one.draws for one in found)

    @property
    def may_draw(self) -> bool:
        """Whether random numbers may be drawn, perhaps at points that were not seen yet."""
        return not all(one.fixed for one in self._plainest.readers.evaluations)

    @property
    def _plainest(self) -> "Probe":
        """The same reading by the plain evaluation, if there is one."""
        return self._plain[0] if self._plain else self

    def pace(self, part: str) -> float:
        """The seconds that a point of one part takes, by a short trial of its strategy."""
        together = self.used[part].together(self.reading(part))
        return seconds_per_point(lambda where: self._read(part, where), self.plane, together)

    def asking(self, measures: Mapping[str, Measure]) -> "Probe":
        """The same reading of other measures."""
        return replace(self, measures=measures, **_unread())

    def over(self, parts: Mapping[str, ModelObjective]) -> "Probe":
        """The same reading of other data, in memory."""
        return replace(self, parts=parts, streams={}, **_unread())

    def streaming(self, streams: Mapping[str, Streamed]) -> "Probe":
        """The same reading, in which some parts are read in passes."""
        return replace(self, streams=streams, **_unread())

    def to(self, device: str | torch.device) -> "Probe":
        """The same reading on another device."""
        plane = self.plane.to(device)
        parts = {name: part.to(device) for name, part in self.parts.items()}
        return replace(self, plane=plane, parts=parts, **_unread())

    def going_on_from(self, before: "Probe") -> "Probe":
        """This, with the readers of one before that can go on to this plane and these buffers."""
        for part, strategy in self.strategies.items():
            self.readers.go_on(before.readers, part, strategy, self.reading(part))
        return self

    def _values(self, part: str, where: Tensor) -> Tensor:
        """The values (R, K) of a part, in memory or streamed, at coordinates (K, D)."""
        stream = self.streams.get(part)
        return self._read(part, where) if stream is None else stream.values(self, part, where)

    def _read(self, part: str, where: Tensor) -> Tensor:
        """The values (R, K) of a part at coordinates (K, D)."""
        try:
            return self._reader(part)(where)
        except Exception as error:
            self.give_way(part, error)
            return self._reader(part)(where)

    def give_way(self, part: str, error: Exception) -> None:
        """Let the loop read a part from now on, as its strategy has raised an error.

        Raises:
            SpecError: the strategy is that which was asked for.
            Exception: the loop's own, and what the engine raises on purpose.
        """
        strategy = self.used[part]
        if isinstance(strategy, Loop) or isinstance(error, LandscapeError):
            raise error
        name = name_of(type(strategy))
        if self.named:
            told = f"one that can evaluate this network, which raises: {error}"
            raise SpecError("strategy", name, told) from error
        LOG.debug("%s gives way to the loop: %r", name, error)
        if self.preferred:
            warnings.warn(INSTEAD.format(name, error), stacklevel=3)
        self.use_loop(part)

    def use_loop(self, part: str) -> None:
        """Let the loop read a part from now on."""
        self.readers.drop(part, self.used[part])
        self._replaced.add(part)

    def _reader(self, part: str) -> Reader:
        return self.readers.of(part, self.used[part], lambda: self.reading(part))


def _unread() -> dict[str, Any]:
    """What has been prepared for another reading is not used."""
    return {"readers": Readers(), "_plain": []}


@public_call
def probe(  # noqa: PLR0913 - each choice by its name
    parts: Mapping[str, ModelObjective],
    plane: Plane,
    measures: Mapping[str, Given] | None = None,
    strategy: Strategy | str | None = None,
    *,
    tf32: bool = False,
    seed: int = 0,
    draws: int = 1,
    tried: bool = False,
    preferred: bool = False,
    points: int | None = None,
) -> Probe:
    """Prepare the reading of measures on parts of the data (`train`, `test`) along a plane.

    Args:
        parts: the data, by the name of its split.
        plane: a line or plane of the network's parameters.
        measures: by name, those of the catalogue or functions of (outputs, targets); by default
            those that mean something for the data. The loss is always read.
        strategy: how to evaluate, by name or as an object; by default the fastest in a short trial.
        tf32: let a graphics card round products to 10 bits of mantissa.
        seed: of the numbers that a network draws in its `forward`, the same at every point.
        draws: how many draws of such numbers the values are means of; for more than one the slice
            has `loss_standard_error`.
        tried: the strategy is that of an earlier trial on the same network.
        preferred: the strategy is a wish; where it cannot read the network, the loop does, with a
            warning.
        points: how many points will be read, if that is known; the trial is shorter for few.

    Raises:
        SpecError: no data, a measure or strategy that does not apply, or a plane of another
            network.
    """
    _check(parts, plane, draws)
    plane = plane.like(next(iter(parts.values())).start)
    classes = classes_of(parts)
    read = measures_by_name(measures, classes)
    if draws > 1:
        read[schema.STANDARD_ERROR] = DrawError()
    asked = Probe(plane, parts, read, {}, math.nan, classes, tf32, seed, draws)
    if strategy is not None:
        chosen = strategy_of(strategy)
        strategies = {
            n: chosen
            if tried
            else applied(
                chosen, asked.reading(n), partial(asked.hold_plain, n), preferred=preferred
            )
            for n in parts
        }
        named = not (tried or preferred)
        return replace(asked, strategies=strategies, named=named, preferred=preferred)
    best = {name: trial(asked.reading(name), asked.hold_plain(name), points)[0] for name in parts}
    for name, timing in best.items():
        if type(timing.strategy) is Loop:
            asked.readers.share(asked.plainly().readers, name)
        if timing.reader is not None:  # recorded or compiled once
            asked.readers.put(name, timing.strategy, timing.reader, asked.reading(name))
    return replace(
        asked,
        strategies={name: timing.strategy for name, timing in best.items()},
        seconds=sum(timing.seconds for timing in best.values()),
    )


def _check(parts: Mapping[str, ModelObjective], plane: Plane, draws: object) -> None:
    """Refuse no data, a plane of another network, statistics that it lacks, and no draws."""
    if not parts:
        raise SpecError("parts", {}, "at least one objective, by the name of its split")
    for part in parts.values():
        if part.layout.size != len(plane.origin):
            size = part.layout.size
            raise SpecError("the plane's parameters", len(plane.origin), f"the network's {size}")
        if part.batch_norm == "interpolated" and plane.buffers is None:
            raise SpecError("batch_norm", "interpolated", ACCEPTED)
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 1:
        raise SpecError("draws", draws, "a whole number from 1 on")
