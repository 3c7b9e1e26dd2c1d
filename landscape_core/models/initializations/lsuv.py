"""Layer-sequential unit-variance initialization: Mishkin and Matas, 2016, arXiv:1511.06422.

Algorithm 1, on a batch of standard normal inputs: a network is built before it meets its data.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn

from landscape_core.foundation.recipes import Knob
from landscape_core.models.initializations.base import Initialization

ROUNDS = 10
"""How often a layer is scaled, at most."""

TOLERANCE = 0.1
"""How far from 1 the variance of a layer's outputs may stay."""


@dataclass(frozen=True, kw_only=True)
class LSUV(Initialization):
    """Orthogonal weights, scaled layer by layer until the outputs of each have variance 1."""

    label: ClassVar[str] = "LSUV"

    examples: Annotated[int, Knob(2, 4096, "normal inputs that are passed through", "log")] = 128

    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        del activation
        nn.init.orthogonal_(weight, generator=rng)

    def settle(
        self, network: nn.Module, input_shape: tuple[int, ...], rng: torch.Generator
    ) -> None:
        inputs = torch.randn(self.examples, *input_shape, generator=rng)
        layers = [one for one in network.modules() if isinstance(one, nn.Linear | nn.Conv2d)]
        # What comes to a layer has passed those before, which are scaled by then.
        hooks = [layer.register_forward_pre_hook(_scale) for layer in layers]
        training = network.training
        with torch.no_grad():
            network.eval()(inputs)
        network.train(training)
        for hook in hooks:
            hook.remove()


def _scale(layer: Any, inputs: tuple[Tensor]) -> None:
    """Divide a layer's weight by its outputs' deviation until that is 1; not if they are equal."""
    for _ in range(ROUNDS):
        variance = layer.forward(inputs[0]).var()
        if variance == 0 or abs(variance - 1.0) < TOLERANCE:
            return
        layer.weight.div_(variance.sqrt())
