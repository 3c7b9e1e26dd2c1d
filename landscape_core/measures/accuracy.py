"""The share of right answers."""

from dataclasses import dataclass

from torch import Tensor

from landscape_core.losses.base import Loss
from landscape_core.measures.base import Measure


@dataclass(frozen=True, kw_only=True)
class Accuracy(Measure):
    """The share of examples whose predicted class is the right one."""

    def per_example(self, outputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
        return (loss.predict(outputs) == targets).to(outputs.dtype)

    def applies(self, classes: int | None) -> bool:
        return classes is not None
