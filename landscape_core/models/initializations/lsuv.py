"""Layer-sequential unit-variance initialization: Mishkin and Matas, 2016, arXiv:1511.06422.

Algorithm 1, on the first training inputs. A network that is built without data is scaled on
standard normal inputs, which leaves other variances on data.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn

from landscape_core.foundation.recipes import Knob
from landscape_core.models.initializations.base import Initialization

ROUNDS = 10
"""Maximum number of rescalings of a layer."""

TOLERANCE = 0.1
"""Tolerance on the variance of a layer's outputs."""


@dataclass(frozen=True, kw_only=True)
class LSUV(Initialization):
    """LSUV: orthogonal weights, rescaled layer by layer until the outputs have unit variance."""

    label: ClassVar[str] = "LSUV"

    examples: Annotated[
        int, Knob(2, 4096, "number of training inputs used for the rescaling", "log")
    ] = 128

    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        del activation
        nn.init.orthogonal_(weight, generator=rng)

    def settle(
        self, network: nn.Module, input_shape: tuple[int, ...], rng: torch.Generator
    ) -> None:
        self.settle_on(network, torch.randn(self.examples, *input_shape, generator=rng), rng)

    def settle_on(self, network: nn.Module, inputs: Tensor, rng: torch.Generator) -> None:
        """Rescale all layers on the first inputs."""
        del rng
        layers = [one for one in network.modules() if isinstance(one, nn.Linear | nn.Conv2d)]
        # What comes to a layer has passed those before, which are scaled by then.
        hooks = [layer.register_forward_pre_hook(_scale) for layer in layers]
        training = network.training
        with torch.no_grad():
            network.eval()(inputs[: self.examples].to(next(network.parameters())))
        network.train(training)
        for hook in hooks:
            hook.remove()


def _scale(layer: Any, inputs: tuple[Tensor]) -> None:
    """Divide the weight by the standard deviation of the layer's outputs until that is 1."""
    for _ in range(ROUNDS):
        variance = layer.forward(inputs[0]).var()
        if variance == 0 or abs(variance - 1.0) < TOLERANCE:
            return
        layer.weight.div_(variance.sqrt())
