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


@dataclass(frozen=True, kw_only=True)
class Loop(Strategy):
    """Evaluates any network, a point at a time."""

    def applies(self, objective: ModelObjective, plane: Plane) -> bool:
        return True

    def reader(
        self, objective: ModelObjective, plane: Plane, measures: Sequence[Measure]
    ) -> Reader:
        loss, targets = objective.loss_function, objective.targets
        outputs_at = objective.swift_outputs()

        def read(coords: Tensor) -> Tensor:
            columns = []
            with torch.no_grad():
                for point in plane.points(coords):
                    outputs = outputs_at(point)
                    if isinstance(loss, Loss):
                        values = [m.per_example(outputs, targets, loss).mean() for m in measures]
                    else:
                        values = [loss(outputs, targets).mean()]
                    columns.append(torch.stack(values))
            return torch.stack(columns, dim=1)

        return read
