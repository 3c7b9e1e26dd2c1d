"""The loss itself."""

from dataclasses import dataclass

from torch import Tensor

from landscape_core.losses.base import Loss
from landscape_core.measures.base import Measure


@dataclass(frozen=True, kw_only=True)
class LossMeasure(Measure):
    """The mean loss."""

    def per_example(self, outputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
        return loss(outputs, targets)
