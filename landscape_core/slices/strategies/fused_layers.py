"""One point after another, by recorded operations of which several are done as one.

Of convolutional networks more time goes to memory than to arithmetic. So the operations of the
forward pass are recorded once; at each point batch normalization is part of the convolution before
it, activations and additions are computed in place, values have their channels last, as the
processor's convolutions want them, and so many examples go through the network together as stay in
the processor's cache.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor

from landscape_core.foundation.recipes import Knob
from landscape_core.models.block_size import block_memory, fitting
from landscape_core.models.notices import unheard
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.models.plain_networks import as_written
from landscape_core.models.shared_memory import storage_of
from landscape_core.slices.fused_operations import convolves, fused
from landscape_core.slices.point_by_point import point_by_point
from landscape_core.slices.reading import Reader, Reading, exactly
from landscape_core.slices.recorded_operations import Recording, Value, recorded
from landscape_core.slices.strategies.base import Strategy

FEW = 2
"""Examples on which the operations are looked at."""

CACHE_BYTES = 3 * 2**20
"""What the largest value may take for the examples that are computed together."""


@dataclass(frozen=True, kw_only=True)
class FusedLayers(Strategy):
    """Evaluates convolutional networks a point at a time, on a processor."""

    rank: ClassVar[int] = 25

    block: Annotated[
        int, Knob(0, 2**31, "examples evaluated together; 0: as many as the cache holds")
    ] = 0

    def applies(self, reading: Reading) -> bool:
        objective = reading.objective
        if reading.plane.origin.device.type != "cpu" or reading.moving_buffers:
            return False
        if reading.wants_gradient or objective.adapter or not as_written(objective.module):
            return False
        if objective.normalizes and objective.batch_norm != "running":
            return False
        tensors = (*objective.module.parameters(), *objective.buffers.values())
        if all(one.ndim < 3 for one in tensors):  # no kernel, and so nothing to look for
            return False
        try:
            return convolves(_of_few(reading))
        except (RuntimeError, ValueError):  # what cannot be recorded
            return False

    def memory(self, reading: Reading) -> int:
        return block_memory(reading.objective, self._block(reading))

    def reader(self, reading: Reading) -> Reader:
        network = PlainEvaluation(
            reading.objective,
            self._block(reading),
            tf32=reading.tf32,
            measures=reading.functions,
            known=reading.trace,
        )
        last = tuple(_channels_last(block) for block in network.blocks)
        try:
            parts = _parts(network, reading, last)
            network.blocks = last
        except RuntimeError:  # `view` of values that have their channels last
            parts = _parts(network, reading, network.blocks)

        plain_forward = network.module.forward

        def forward(inputs: Tensor) -> Any:
            if inputs is not network.blocks[network.block]:  # a loss may call the network, too
                return plain_forward(inputs)
            run, prepared = parts[network.block]
            return run(prepared)

        network.module.forward = forward
        network.copy.own.keep()
        return point_by_point(reading, network)

    def _block(self, reading: Reading) -> int:
        """How many examples are evaluated together: parts of about the same size."""
        if self.block:
            return self.block
        objective = reading.objective
        each = max(_bytes(value) for value in _of_few(reading).values)
        parts = math.ceil(objective.examples * each / FEW / CACHE_BYTES)
        return min(math.ceil(objective.examples / parts), fitting(objective))


def _parts(
    network: PlainEvaluation, reading: Reading, blocks: Sequence[Tensor]
) -> list[tuple[Callable[[list[Any]], Tensor], list[Any]]]:
    """For each block of examples what computes the outputs, and what it starts from."""
    pairs = zip(reading.objective.layout.blocks, network.copy.parameters, strict=True)
    still = {id(own) for block, own in pairs if not block.of(reading.plane.axes).any()}
    memory = storage_of(network.flat)

    def moves(tensor: Tensor) -> bool:
        return storage_of(tensor) == memory and id(tensor) not in still

    first = {len(block): block for block in blocks}
    recordings = {n: fused(_recorded(network, reading, one), moves) for n, one in first.items()}
    runners = {n: recording.runner() for n, recording in recordings.items()}
    with network.copy.at(reading.plane.origin, {}), exactly(reading):
        return [(runners[len(one)], recordings[len(one)].prepared(one)) for one in blocks]


def _recorded(network: PlainEvaluation, reading: Reading, inputs: Tensor) -> Recording:
    """The operations of the network at the origin."""
    with network.copy.at(reading.plane.origin, {}), exactly(reading), unheard():
        return recorded(network.module, inputs)


def _of_few(reading: Reading) -> Recording:
    """The operations on the first examples."""
    few = PlainEvaluation(reading.objective.first(FEW))
    return _recorded(few, reading, few.objective.inputs)


def _channels_last(inputs: Tensor) -> Tensor:
    """Images with their channels last in memory; anything else as it is."""
    if inputs.ndim != 4 or not inputs.dtype.is_floating_point:
        return inputs
    return inputs.contiguous(memory_format=torch.channels_last)


def _bytes(value: Value) -> int:
    return value.shape.numel() * value.dtype.itemsize
