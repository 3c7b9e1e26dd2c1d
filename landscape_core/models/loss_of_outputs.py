"""A loss of all that a network gives for inputs of any structure, as a closure of the network."""

from collections.abc import Mapping
from typing import Any, final

from torch import Tensor, nn

from landscape_core.models.adapter import Adapter
from landscape_core.models.loss_function import LossFunction, as_values


@final
class LossOfOutputs(nn.Module):
    """From (network, (inputs, targets)) to the mean loss.

    It is a module, so that a loss that is one moves to another device or type with it.
    """

    def __init__(self, loss: LossFunction, adapter: Adapter | None) -> None:
        """Hold the loss and what takes the outputs out of what the network gives."""
        nn.Module.__init__(self)
        self.loss, self.adapter = loss, adapter

    def forward(self, network: nn.Module, batch: tuple[Any, Any]) -> Tensor:
        """The loss of what the network gives, a scalar; the mean of one value per example."""
        inputs, targets = batch
        found = called(network, inputs)
        outputs = found if self.adapter is None else self.adapter(found)
        return as_values(self.loss(outputs, targets), self.loss).mean()


def called(network: nn.Module, inputs: Any) -> Any:
    """What a network gives for a tensor, a tuple of arguments or a mapping of named arguments."""
    if isinstance(inputs, Mapping):
        return network(**inputs)
    return network(*inputs) if isinstance(inputs, list | tuple) else network(inputs)
