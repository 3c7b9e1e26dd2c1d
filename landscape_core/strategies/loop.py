"""One point after another, through the network as it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from landscape_core.losses.base import Loss
from landscape_core.measures.base import Measure
from landscape_core.objective import ModelObjective
from landscape_core.planes import Plane
from landscape_core.strategies.base import Reader, Strategy

NUMBERS = 2**20
"""Parameters of all points that are laid out at a time."""


@dataclass(frozen=True, kw_only=True)
class Loop(Strategy):
    """Evaluates any network, a point at a time.

    With a loss that is the user's own function, its mean is all that is read.
    """

    def applies(self, objective: ModelObjective, plane: Plane) -> bool:
        del objective, plane
        return True

    def reader(
        self, objective: ModelObjective, plane: Plane, measures: Sequence[Measure]
    ) -> Reader:
        loss, targets = objective.loss_function, objective.targets
        outputs_at = objective.swift_outputs()
        chunk = max(1, NUMBERS // len(plane.origin))

        def values(point: Tensor) -> Tensor:
            outputs = outputs_at(point)
            if not isinstance(loss, Loss):
                return loss(outputs, targets).mean()[None]
            return torch.stack([m.per_example(outputs, targets, loss).mean() for m in measures])

        def read(coords: Tensor) -> Tensor:
            with torch.no_grad():
                pieces = coords.split(chunk)
                found = [values(point) for piece in pieces for point in plane.points(piece)]
            return torch.stack(found, dim=1)

        return read
