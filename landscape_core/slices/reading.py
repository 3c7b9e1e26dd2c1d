"""What is read of one part of the data along a plane, and how values become measures."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy.typing as npt
import torch
from torch import Tensor

from landscape_core.foundation.precision import full_precision
from landscape_core.models.losses.base import Loss
from landscape_core.models.measures.base import Answers, GradientMeasure, Measure, OutputMeasure
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.trace import Trace
from landscape_core.models.user_measure import UserMeasure
from landscape_core.planes.moving_buffers import MovingBuffers
from landscape_core.planes.plane import Plane

Reader = Callable[[Tensor], Tensor]
"""Coordinates (K, D) -> the R values of the measures at each point, (R, K), detached."""


ALL_POINTS = 2**31
"""Points that are read together where data are streamed: all that there are."""


@runtime_checkable
class Streamed(Protocol):
    """A part of the data that is read in passes; see `streamed_part`.

    `checked` says what was compared with the plain evaluation, `path_losses` are those of states,
    `doubtful` says that some values are by a strategy that disagreed later.
    """

    checked: Any
    doubtful: bool
    path_losses: npt.NDArray[Any]

    @property
    def passes(self) -> int:
        """How many passes were begun."""

    @property
    def examples(self) -> int:
        """How many examples a pass has."""

    def values(self, read: Any, part: str, where: Tensor) -> Tensor:
        """The values (R, K) of a part at coordinates (K, D), for a probe."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What is read of one part of the data along a plane.

    `tf32` allows a graphics card to round products to 10 bits of mantissa; `seed` is that of the
    numbers that a network draws in its `forward`, `draws` how many draws of them are averaged;
    `trace` is what is known of an evaluation already.
    """

    objective: ModelObjective
    plane: Plane
    measures: Sequence[Measure]
    classes: int | None = None
    tf32: bool = False
    seed: int = 0
    draws: int = 1
    trace: Trace | None = None

    def apart(self) -> "Reading":
        """The same reading of a copy of the network, which may come to harm."""
        return replace(self, objective=self.objective.apart())

    def differs_in_place(self, other: "Reading") -> bool:
        """Whether another reading is this one but for the plane's values and the buffers."""
        mine, its = self.objective, other.objective
        given = all(
            getattr(mine, name) is getattr(its, name)
            for name in ("own", "given_loss", "loss_function", "adapter")
        )
        data = all(_same_memory(getattr(mine, n), getattr(its, n)) for n in ("inputs", "targets"))
        return (
            given
            and data
            and mine.batch_norm == its.batch_norm
            and self.plane.axes.shape == other.plane.axes.shape
            and self.plane.origin.dtype == other.plane.origin.dtype
            and list(self.measures) == list(other.measures)
            and self.classes == other.classes
            and (self.tf32, self.seed, self.draws) == (other.tf32, other.seed, other.draws)
        )

    @property
    def moving_buffers(self) -> MovingBuffers | None:
        """Buffers that change from point to point; then points are read one by one."""
        return self.plane.buffers if self.objective.batch_norm == "interpolated" else None

    @property
    def answers(self) -> Answers:
        """What outputs are compared with."""
        return Answers(self.objective.targets, self.objective.loss_function, self.classes)

    @property
    def rows(self) -> int:
        """R, how many values the measures have at a point."""
        return sum(measure.size(self.classes) for measure in self.measures)

    @property
    def wants_gradient(self) -> bool:
        """Whether a measure needs the gradient."""
        return any(isinstance(measure, GradientMeasure) for measure in self.measures)

    @property
    def functions(self) -> list[Callable[[Tensor, Tensor], Tensor]]:
        """The measures that are functions of the user's."""
        return [measure.function for measure in self.measures if isinstance(measure, UserMeasure)]

    def calling(self, functions: Sequence[Callable[[Tensor, Tensor], Tensor]]) -> "Reading":
        """The same reading with others in the place of these functions, in their order."""
        rest = iter(functions)
        own = [
            UserMeasure(next(rest)) if isinstance(one, UserMeasure) else one
            for one in self.measures
        ]
        return replace(self, measures=own)

    @property
    def one_by_one(self) -> bool:
        """Whether a function of the user's must see one point at a time."""
        own = any(isinstance(measure, UserMeasure) for measure in self.measures)
        return own or not isinstance(self.objective.loss_function, Loss)

    def values(self, outputs: Tensor) -> Tensor:
        """All values (R, K), from the outputs (K, N, ...) of many points."""
        found = outputs.new_empty(self.rows, outputs.shape[0])
        if self.one_by_one:
            for k in range(len(outputs)):
                # A function may keep what it is given, and strategies use their memory again.
                for row, value in self.at_point(outputs[k].clone()):
                    found[row, k] = value
        else:
            for row, value in self.at_point(outputs):
                found[row] = value.mT if value.ndim == 2 else value
        return found

    def at_point(
        self,
        outputs: Tensor,
        gradient: Tensor | None = None,
        loss_of: Callable[[Tensor], Tensor] | None = None,
    ) -> Iterator[tuple[int | slice, Tensor]]:
        """The rows and values of each measure.

        Args:
            outputs: of one point, (N, ...).
            gradient: at the point, (P,), if it is wanted.
            loss_of: gives the loss itself from the outputs, if not the loss of the objective.
        """
        first = 0
        for measure in self.measures:
            if loss_of is not None and measure.is_loss:
                value = loss_of(outputs)
            else:
                value = self._value(measure, outputs, gradient)
            size = measure.size(self.classes)
            yield slice(first, first + size) if measure.dimension else first, value
            first += size

    def _value(self, measure: Measure, outputs: Tensor, gradient: Tensor | None) -> Tensor:
        if isinstance(measure, GradientMeasure) and gradient is not None:
            return measure.of_gradient(gradient)
        if isinstance(measure, OutputMeasure):
            return measure.read(outputs, self.answers)
        raise TypeError(f"{type(measure).__name__} is read neither from outputs nor from gradients")


def _same_memory(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are the same numbers in the same place."""
    same = (one.shape, one.stride(), one.dtype) == (other.shape, other.stride(), other.dtype)
    places = ((t.untyped_storage()._cdata, t.storage_offset(), t.data_ptr()) for t in (one, other))
    return one is other or (same and next(places) == next(places))


@contextlib.contextmanager
def exactly(reading: Reading) -> Iterator[None]:
    """Without gradients, and with products in full precision unless less was asked for."""
    device = reading.plane.origin.device
    with full_precision(device, tf32=reading.tf32), torch.no_grad():
        yield
