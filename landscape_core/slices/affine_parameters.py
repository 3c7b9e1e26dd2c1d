"""The parameters of a network along a plane, where each is affine in the coordinates."""

from typing import Any

import torch
from torch import Tensor, nn

from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.plane import Plane

TOGETHER = 8
"""Points whose products with the same rows are made at once, on a processor."""


def in_parts(steps: Tensor) -> Tensor:
    """Coordinates after a leading 1, (K, 1 + D), in parts multiplied together, (..., k, 1 + D).

    On a processor the parts are small: then each thread finds in its own cache what it works on
    next, and a product that has hardly anything to sum is several times faster than whole.
    """
    count = steps.shape[0]
    each = TOGETHER if steps.device.type == "cpu" and count % TOGETHER == 0 else count
    return steps.view(-1, each, steps.shape[1])


class Rows:
    """What is affine along a plane: its values at the origin and their change along each axis."""

    def __init__(self, rows: Tensor) -> None:
        """Hold rows (1 + D, ...)."""
        self.shape = rows.shape[1:]
        self._flat = rows.flatten(1)
        self._spread: dict[int, Tensor] = {}

    def at(self, steps: Tensor, place: Tensor | None = None) -> Tensor:
        """The values (K, ...) at K points in parts, in a place if one is given."""
        parts, each, _ = steps.shape
        if parts not in self._spread:
            self._spread[parts] = self._flat.expand(parts, -1, -1)
        if place is None:
            place = self._flat.new_empty(parts * each, *self.shape)
        torch.bmm(steps, self._spread[parts], out=place.view(parts, each, -1))
        return place


class Affine:
    """What the parameters and statistics of a network are along a plane."""

    def __init__(self, objective: ModelObjective, plane: Plane) -> None:
        rows = torch.cat([plane.origin[None], plane.axes])
        blocks = {block.name: block for block in objective.layout.blocks}
        self._moving = {
            id(parameter): blocks[name].of(rows)
            for name, parameter in objective.module.named_parameters()
            if name in blocks
        }
        self._buffers = {
            id(buffer): objective.buffers[name] for name, buffer in objective.module.named_buffers()
        }
        self._count = len(rows)
        self.uses_batch = objective.batch_norm == "batch"

    def rows(self, parameter: Tensor) -> Tensor:
        """A parameter at the origin and its change along each axis, (1 + D, ...)."""
        if id(parameter) in self._moving:
            return self._moving[id(parameter)]
        fixed = parameter.detach()[None]
        return torch.cat([fixed, fixed.new_zeros(self._count - 1, *fixed.shape[1:])])

    def gain_and_shift(self, module: Any) -> tuple[Rows, ...]:
        """The gain and the shift of a normalization layer, if any."""
        if module.weight is None:
            return ()
        gain = self.rows(module.weight)
        shift = torch.zeros_like(gain) if module.bias is None else self.rows(module.bias)
        return Rows(gain), Rows(shift)

    def statistics(self, module: nn.BatchNorm1d) -> tuple[Tensor, Tensor] | None:
        """The stored mean and variance (C, 1); None where the examples' own are used."""
        mean, variance = module.running_mean, module.running_var
        if self.uses_batch or mean is None or variance is None:
            return None
        return self._buffers[id(mean)][:, None], self._buffers[id(variance)][:, None]
