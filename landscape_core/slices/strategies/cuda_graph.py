"""One point after another on a graphics card, replayed from a recording.

A small network takes the card microseconds and Python much longer; a CUDA graph (Nguyen et al.,
Accelerating PyTorch with CUDA Graphs, 2021) records the work of one point and repeats it without
Python.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from landscape_core.models.block_size import block_memory
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.slices.reading import Reader, Reading, exactly
from landscape_core.slices.strategies.base import Strategy

Work = Callable[[], Tensor]

WARM_UPS = 3
"""Evaluations before the recording, as libraries choose their kernels in the first ones."""


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
        network, plane = PlainEvaluation(reading.objective, tf32=reading.tf32), reading.plane
        network.trace(plane.origin)  # which asks the processor
        coord = torch.zeros(1, plane.dimensions).to(plane.origin)
        record = _recorded if plane.origin.device.type == "cuda" else _called

        def work() -> Tensor:
            torch.add(plane.origin, (coord @ plane.axes)[0], out=network.flat)
            return reading.values(network.forward()[None])[:, 0]

        with exactly(reading):
            again = record(work)

        def read(coords: Tensor) -> Tensor:
            coords = coords.to(plane.origin)
            found = coords.new_empty(len(coords), reading.rows)
            with exactly(reading):
                for k in range(len(coords)):
                    coord.copy_(coords[k : k + 1])
                    found[k] = again()
            return found.T

        return read


def _recorded(work: Work) -> Work:
    """The same work, replayed; it gives the same tensor each time, filled anew."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UPS):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = work()

    def again() -> Tensor:
        graph.replay()
        return found

    return again


def _called(work: Work) -> Work:
    """The same work without a recording: how this way is tested where there is no card."""
    return work
