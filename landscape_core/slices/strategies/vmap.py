"""Many points at once, through `torch.func.vmap`: Horace He and Richard Zou, functorch, 2021."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor
from torch.func import grad, vmap

from landscape_core.foundation.memory import free_memory
from landscape_core.foundation.recipes import Knob
from landscape_core.models.block_size import SHARE
from landscape_core.models.graph_memory import bytes_per_example
from landscape_core.models.losses.base import Loss
from landscape_core.models.notices import batched_untold
from landscape_core.slices.reading import Reader, Reading, exactly
from landscape_core.slices.strategies.base import Strategy

MOST = 256
"""Points at once, at most."""


@dataclass(frozen=True, kw_only=True)
class Vmap(Strategy):
    """Evaluates networks without data-dependent control flow, several points at a time."""

    rank: ClassVar[int] = 40

    points: Annotated[
        int, Knob(0, 2**20, "points evaluated together; 0: as many as memory allows")
    ] = 0

    def applies(self, reading: Reading) -> bool:
        objective = reading.objective
        if reading.moving_buffers or (objective.normalizes and objective.batch_norm != "running"):
            return False
        if _each(reading) > free_memory(reading.plane.origin.device):
            return False
        return not reading.wants_gradient or isinstance(objective.loss_function, Loss)

    def memory(self, reading: Reading) -> int:
        return (self.points or _points(reading)) * _each(reading)

    def reader(self, reading: Reading) -> Reader:
        objective, plane = reading.objective, reading.plane
        layout, inputs, buffers = objective.layout, objective.inputs, objective.buffers
        evaluation = objective.evaluation
        evaluation.prepared(plane.origin)  # sets the mode of the network

        def outputs(theta: Tensor) -> Tensor:
            return evaluation.outputs_with(layout.split(theta), buffers, inputs)

        def loss(theta: Tensor) -> Tensor:
            return reading.answers.mean(outputs(theta))

        batched, gradients = vmap(outputs), vmap(grad(loss)) if reading.wants_gradient else None

        def values(thetas: Tensor) -> Tensor:
            if gradients is None:
                return reading.values(batched(thetas))
            pairs = zip(batched(thetas), gradients(thetas), strict=True)
            found = thetas.new_empty(reading.rows, len(thetas))
            for k, (one, gradient) in enumerate(pairs):
                for row, value in reading.at_point(one, gradient):
                    found[row, k] = value
            return found

        def read(coords: Tensor) -> Tensor:
            with exactly(reading), batched_untold():
                pieces = coords.split(self.points or _points(reading))
                return torch.cat([values(plane.points(piece)) for piece in pieces], dim=1)

        return read


def _points(reading: Reading) -> int:
    """How many points fit into memory together."""
    budget = SHARE * free_memory(reading.plane.origin.device)
    return max(1, min(MOST, int(budget // _each(reading))))


def _each(reading: Reading) -> int:
    """Bytes that a point takes."""
    objective = reading.objective
    values = bytes_per_example(objective, gradient=reading.wants_gradient) * objective.examples
    return values + 4 * objective.start.numel() * objective.start.element_size()
