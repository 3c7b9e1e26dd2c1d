"""A network whose parameters are views of one vector, into which each point is written.

For many points in turn this is several times faster than `ModelObjective.outputs` where the network
is deep and the data little.
"""

import copy
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.memory import free_memory
from landscape_core.foundation.types import Vector
from landscape_core.models.batch_norm import reestimate
from landscape_core.models.losses.base import Loss
from landscape_core.models.mixing import mixes
from landscape_core.models.objective import ModelObjective
from landscape_core.slices.strategies.base import Reader, Reading, exactly

SHARE = 0.25
"""Of the free memory, how much the values inside a network may take."""


class InPlaceNetwork:
    """A private copy of an objective's network, at one point after another.

    `blocks` are the inputs in blocks of examples that are evaluated together; `block` is the number
    of the one under way.
    """

    def __init__(self, objective: ModelObjective, size: int = 0) -> None:
        """Copy the network; `size` examples a block, or by default as many as memory allows."""
        self.objective = objective
        self.network = copy.deepcopy(objective.module).eval()
        self.flat = torch.empty_like(objective.start)
        parameters = dict(self.network.named_parameters())
        for name, view in objective.layout.split(self.flat).items():
            parameters[name].data = view
        for name, buffer in self.network.named_buffers():
            buffer.copy_(objective.buffers[name])
        self._normalizers = [one for one in self.network.modules() if isinstance(one, _NormBase)]
        for part in self._normalizers:
            part.training = objective.batch_norm == "batch"
        self._reestimates = objective.batch_norm == "reestimated" and objective.normalizes
        whole = objective.batch_norm == "batch" and objective.normalizes
        block = size or fitting(objective)
        if whole or (block < objective.examples and mixes(objective)):
            block = _all_at_once(objective)
        self.blocks = objective.inputs.split(max(1, block))
        self.block = 0

    def outputs(self, theta: Vector) -> Tensor:
        """The outputs on all examples, (N, ...)."""
        with torch.no_grad():
            self.flat.copy_(theta)
            return self.here()

    def here(self) -> Tensor:
        """The outputs at the point that `flat` holds."""
        if self._reestimates:
            buffers = [dict(part.named_buffers(recurse=False)) for part in self._normalizers]
            reestimate(self._normalizers, buffers, self.network, self.objective.reference)
        if len(self.blocks) == 1:
            return self.objective.adapted(self.network(self.blocks[0]))
        found = []
        for number, inputs in enumerate(self.blocks):
            self.block = number
            found.append(self.objective.adapted(self.network(inputs)))
        self.block = 0
        return torch.cat(found)


def _all_at_once(objective: ModelObjective) -> int:
    """The number of examples, if statistics of all of them can be had.

    Raises:
        SpecError: the values inside the network would not fit into memory.
    """
    needed, free = bytes_per_example(objective) * objective.examples, _free(objective)
    if needed > free:
        told = (
            f"all {objective.examples} examples at once would take {needed / 1e9:.3g} GB, and "
            f"{free / 1e9:.3g} GB are free"
        )
        if objective.normalizes and objective.batch_norm == "batch":
            raise SpecError("batch_norm", "batch", f"running or reestimated: {told}")
        kind = type(objective.module).__name__
        raise SpecError("model", kind, f"one that treats each example by itself: {told}")
    return objective.examples


def _free(objective: ModelObjective) -> int:
    return free_memory(objective.start.device)


def fitting(objective: ModelObjective) -> int:
    """How many examples fit into memory together."""
    each = max(1, bytes_per_example(objective))
    return max(1, min(objective.examples, int(SHARE * _free(objective)) // each))


def bytes_per_example(objective: ModelObjective, *, gradient: bool = False) -> int:
    """What the values inside the network take for one example: the widest, or all for a gradient.

    Measured on the first examples, as the outputs of all innermost modules.
    """
    sizes: list[int] = []

    def note(_: Any, inputs: Any, found: Any) -> None:
        tensors = [one for one in (*inputs, found) if torch.is_tensor(one)]
        sizes.append(sum(one.numel() * one.element_size() for one in tensors))

    few = objective.first(2).with_batch_norm("running")
    leaves = [one for one in few.module.modules() if not list(one.children())]
    hooks = [leaf.register_forward_hook(note) for leaf in leaves]
    try:
        with torch.no_grad():
            few.outputs(few.start)
    finally:
        for hook in hooks:
            hook.remove()
    inputs = objective.inputs[0].numel() * objective.inputs.element_size()
    # Two values at a time live in any chain; a skip keeps a third.
    most = sum(sizes) if gradient else 2 * max(sizes, default=0)
    return most // few.examples + inputs


def gradient_at(objective: ModelObjective, theta: Vector, size: int) -> Vector:
    """The gradient of the mean loss, (P,), summed over blocks of so many examples."""
    whole = objective.batch_norm == "batch" and objective.normalizes
    own = not isinstance(objective.loss_function, Loss)  # perhaps no mean over examples
    if whole or own or size >= objective.examples:
        return objective.gradient(theta)
    total = torch.zeros_like(theta)
    for start in range(0, objective.examples, size):
        block = objective.between(start, start + size)
        total += block.gradient(theta) * (block.examples / objective.examples)
    return total


def point_by_point(reading: Reading, swift: InPlaceNetwork) -> Reader:
    """The reader that takes a network to one point after another."""
    plane = reading.plane
    block = _gradient_block(reading) if reading.wants_gradient else 0

    def gradient() -> Tensor | None:
        if not reading.wants_gradient:
            return None
        with torch.enable_grad():
            return gradient_at(reading.objective, swift.flat.clone(), block)

    def read(coords: Tensor) -> Tensor:
        coords = coords.to(plane.origin)
        found = coords.new_empty(reading.rows, len(coords))
        with exactly(reading):
            for k in range(len(coords)):
                torch.add(plane.origin, coords[k] @ plane.axes, out=swift.flat)
                for row, value in reading.at_point(swift.here(), gradient()):
                    found[row, k] = value
        return found

    return read


def block_memory(reading: Reading, block: int = 0) -> int:
    """The bytes of values inside the network for a block of examples, and of one more network."""
    objective = reading.objective
    each = bytes_per_example(objective, gradient=reading.wants_gradient)
    examples = min(objective.examples, block or fitting(objective))
    return each * examples + 2 * objective.start.numel() * objective.start.element_size()


def _gradient_block(reading: Reading) -> int:
    objective = reading.objective
    each = bytes_per_example(objective, gradient=True)
    block = max(1, int(SHARE * free_memory(reading.plane.origin.device)) // max(1, each))
    return objective.examples if block < objective.examples and mixes(objective) else block
