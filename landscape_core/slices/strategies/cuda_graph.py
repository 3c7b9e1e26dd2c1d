"""One point after another on a graphics card, replayed from a recording.

A small network takes the card microseconds and Python much longer; a CUDA graph (Nguyen et al.,
Accelerating PyTorch with CUDA Graphs, 2021) records the work of one point and repeats it without
Python.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from landscape_core.models.block_size import block_memory
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.slices.reading import Reader, Reading, exactly
from landscape_core.slices.recorded_work import Recording, Work
from landscape_core.slices.strategies.base import Strategy


@dataclass(frozen=True, kw_only=True)
class CudaGraph(Strategy):
    """Evaluates any network that runs on a card without asking the processor, a point at a time."""

    rank: ClassVar[int] = 20

    def applies(self, reading: Reading) -> bool:
        still = not (reading.objective.normalizes and reading.objective.batch_norm == "reestimated")
        on_card = reading.plane.origin.device.type == "cuda"
        still = still and reading.moving_buffers is None
        return on_card and still and not reading.wants_gradient

    def memory(self, reading: Reading) -> int:
        return block_memory(reading.objective)

    def reader(self, reading: Reading) -> Reader:
        return Replayed(reading)


@final
class Replayed:
    """A reader whose plane may be exchanged: the recording reads what its own tensors hold.

    `again` gives the values (R,) at the coordinates (1, D) that `coord` holds.
    """

    def __init__(self, reading: Reading) -> None:
        """Record the work of one point, or on a processor only make it ready."""
        plane = reading.plane
        self._reading = reading
        self._network = PlainEvaluation(reading.objective, tf32=reading.tf32)
        self._network.trace(plane.origin)  # which asks the processor
        self._origin, self._axes = plane.origin.clone(), plane.axes.clone()
        self.coord = self._origin.new_zeros(1, plane.dimensions)
        self.again: Work = self._work
        if plane.origin.device.type == "cuda":
            with exactly(reading):
                self.again = Recording(self._work, plane.origin.device)

    def __call__(self, coords: Tensor) -> Tensor:
        """The values (R, K) at coordinates (K, D)."""
        coords = coords.to(self._origin)
        found = coords.new_empty(len(coords), self._reading.rows)
        with exactly(self._reading):
            for k in range(len(coords)):
                self.coord.copy_(coords[k : k + 1])
                found[k] = self.again()
        return found.T

    def go_on(self, reading: Reading) -> None:
        """Read another plane of the same size, with other buffers, by the same recording."""
        with torch.no_grad():
            self._origin.copy_(reading.plane.origin)
            self._axes.copy_(reading.plane.axes)
            self._network.copy.own.hold(reading.objective.buffers)

    def _work(self) -> Tensor:
        """The values (R,) at the coordinates held."""
        place = (self.coord @ self._axes)[0]
        torch.add(self._origin, place, out=self._network.flat)
        return self._reading.values(self._network.forward()[None])[:, 0]
