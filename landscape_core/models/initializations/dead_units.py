"""A bad local minimum by construction: every hidden ReLU unit is dead.

Lu, Shin, Su, Karniadakis, 2019, arXiv:1903.06733 (dying ReLU). With the bias b = −R‖w‖ a unit is
negative on all inputs shorter than R, as ⟨w, x⟩ ≤ ‖w‖‖x‖, and so are those of the next layers on
what is then zero. On such inputs the network is the constant of its output bias, here and in a
neighbourhood, whatever the other weights: where that is the best constant, this is a local minimum,
though not a strict one, of any width. Gradient descent moves the output bias alone, and ends there.
"""

import copy
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.models.initializations.base import Initialization, fans

TRIED = 16
"""Random inputs on which outputs must be the same."""

ZERO_BELOW = ("relu", "binary", "identity")
"""Activation functions that are zero on negative values; the last layer has the identity."""

ACCEPTED = "a network with a hidden layer, biases, and no batch normalization"


@dataclass(frozen=True, kw_only=True)
class DeadUnits(Initialization):
    """Hidden ReLU units that are zero on every input: a bad local minimum."""

    label: ClassVar[str] = "dead units (bad minimum)"

    radius: Annotated[
        float,
        Knob(0.1, 10_000.0, "norm R of inputs up to which no hidden unit is active", scale="log"),
    ] = 100.0

    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        """Normal weights of variance 2 / fan-in, as He initialization has them.

        Raises:
            SpecError: an activation function that is not zero on all negative values.
        """
        if activation not in ZERO_BELOW:
            raise SpecError("the activation of dead units", activation, " or ".join(ZERO_BELOW))
        with torch.no_grad():
            weight.normal_(0.0, (2.0 / fans(weight)[0]) ** 0.5, generator=rng)

    def settle(
        self, network: nn.Module, input_shape: tuple[int, ...], rng: torch.Generator
    ) -> None:
        """Set the biases of all layers but the last.

        Raises:
            SpecError: the network is not constant then.
        """
        layers = [one for one in network.modules() if isinstance(one, nn.Linear | nn.Conv2d)]
        inputs = torch.randn(TRIED, *input_shape, generator=rng)
        inputs *= self.radius / inputs.flatten(1).norm(dim=1).amax()
        with torch.no_grad():
            for layer in layers[:-1]:
                if layer.bias is not None:
                    layer.bias.copy_(-self.radius * layer.weight.flatten(1).norm(dim=1))
            # As it is trained, where batch normalization would wake units; its statistics stay.
            outputs = copy.deepcopy(network).train()(inputs)
        if not torch.equal(outputs, outputs[:1].expand_as(outputs)):
            raise SpecError("the network with dead units", type(network).__name__, ACCEPTED)
