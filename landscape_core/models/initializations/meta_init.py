"""MetaInit: Dauphin and Schoenholz, 2019, Initializing Learning by Learning to Initialize, NeurIPS.

Algorithm of the paper's appendix. With the gradient g and the Hessian H of the loss, the gradient
quotient

    GQ = mean |(g − Hg) / (g + ε sign g) − 1|

is the relative change of the gradient in a step of length one; where it is small, curvature hardly
disturbs descent. Only the norms of the weights are changed, by the sign of their gradient of GQ
with momentum, on standard normal inputs with random classes, anew in each step. As there, running
statistics of a normalization are not those of a batch.

Three differences: the paper makes 500 steps or more, which takes minutes for wide networks; a step
leaves at least a tenth of a norm, where the paper's may turn it negative; and for a single output
the loss is the logistic one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.second_order import twice_differentiable
from landscape_core.models.initializations.base import Initialization, fans

MOMENTUM, EPSILON = 0.9, 1e-5
"""Of the steps, and in the denominator of the quotient: the paper's."""

LEAST = 0.1
"""What is left of a norm in a step, at least."""


@dataclass(frozen=True, kw_only=True)
class MetaInit(Initialization):
    """MetaInit: normal weights, with norms tuned so that curvature hardly changes the gradient."""

    label: ClassVar[str] = "MetaInit"

    gain: Annotated[
        float, Knob(0.01, 10.0, "gain at the start: factor on 1/√fan-in", scale="log")
    ] = 1.0
    steps: Annotated[int, Knob(1, 2000, "number of steps on the norms", scale="log")] = 100
    learning_rate: Annotated[
        float, Knob(1e-4, 1.0, "step size on the norms of weights", scale="log")
    ] = 0.1
    examples: Annotated[int, Knob(2, 4096, "number of random examples in a step", "log")] = 64

    def fill(self, weight: Tensor, activation: str, rng: torch.Generator) -> None:
        del activation
        with torch.no_grad():
            weight.normal_(0.0, self.gain / fans(weight)[0] ** 0.5, generator=rng)

    def settle(
        self, network: nn.Module, input_shape: tuple[int, ...], rng: torch.Generator
    ) -> None:
        training = network.training
        network.eval()
        every = [one for one in network.parameters() if one.requires_grad]
        weights = [one for one in every if one.ndim > 1 and bool(one.any())]
        velocities = [0.0] * len(weights)
        for _ in range(self.steps):
            inputs = torch.randn(self.examples, *input_shape, generator=rng).to(every[0])
            with torch.enable_grad(), twice_differentiable():
                loss = random_loss(network(inputs), rng)
                slopes = torch.autograd.grad(gradient_quotient(loss, every), weights)
            for k, (weight, slope) in enumerate(zip(weights, slopes, strict=True)):
                uphill = float((weight.detach() * slope).sum().sign())
                velocities[k] = MOMENTUM * velocities[k] - self.learning_rate * uphill
                norm = float(weight.detach().norm())
                with torch.no_grad():
                    weight.mul_(max(LEAST, 1 + velocities[k] / norm))
        network.train(training)


def random_loss(outputs: Tensor, rng: torch.Generator) -> Tensor:
    """The mean cross-entropy of outputs (N, C) to random classes; logistic for a single output."""
    count, classes = outputs.shape
    drawn = torch.randint(max(2, classes), (count,), generator=rng)
    if classes == 1:
        targets = drawn.to(outputs)
        return functional.binary_cross_entropy_with_logits(outputs[:, 0], targets)
    return functional.cross_entropy(outputs, drawn)


def gradient_quotient(loss: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """GQ over all parameters, a differentiable scalar."""
    slopes = torch.autograd.grad(loss, parameters, create_graph=True)
    half = torch.stack([slope.square().sum() for slope in slopes]).sum() / 2
    products = torch.autograd.grad(half, parameters, create_graph=True)
    total = torch.zeros_like(half)
    for slope, product in zip(slopes, products, strict=True):
        guarded = slope + EPSILON * torch.where(slope >= 0, 1.0, -1.0)
        total = total + ((slope - product) / guarded - 1).abs().sum()
    return total / sum(one.numel() for one in parameters)
