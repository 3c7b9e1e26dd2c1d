"""Several networks of one architecture trained at once, from the same start on the same batches.

Their parameters are the rows of a matrix (R, P), and so are their gradients, which one backward
pass through `torch.func.vmap` gives. The rules of the catalogue take a step of all rows together,
each row with a learning rate of its own; a test compares them with the optimizers step by step.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.func import functional_call, vmap
from torch.nn.functional import cross_entropy

from landscape_core.foundation.types import Vectors
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.adamw import AdamW
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.optimizers.lamb import LAMB
from landscape_core.training.optimizers.lars import LARS

Rates = Float[Tensor, "R 1"]
Rule = LAMB | AdamW | LARS | HeavyBall


class StackedNetworks:
    """A network of the catalogue without batch normalization, evaluated at many parameters."""

    def __init__(self, objective: ModelObjective) -> None:
        """Take the network and the layout of its parameters from an objective."""
        self._module, self._layout = objective.module, objective.layout

    def outputs(self, thetas: Vectors, inputs: Tensor) -> Float[Tensor, "R N C"]:
        """The outputs of each network on the same inputs (N, ...)."""

        def one(theta: Tensor) -> Any:
            return functional_call(self._module, self._layout.split(theta), (inputs,))

        found: Tensor = vmap(one)(thetas)
        return found

    def gradients(self, thetas: Vectors, inputs: Tensor, targets: Tensor) -> Vectors:
        """The gradient of each network's mean cross-entropy, (R, P)."""
        points = thetas.detach().requires_grad_()
        outputs = self.outputs(points, inputs).flatten(0, 1)
        losses = cross_entropy(outputs, targets.repeat(len(thetas)), reduction="sum")
        return torch.autograd.grad(losses / len(targets), points)[0]

    def correct(self, thetas: Vectors, inputs: Tensor, targets: Tensor) -> Bool[Tensor, "R N"]:
        """Which examples each network classifies correctly."""
        with torch.no_grad():
            return self.outputs(thetas, inputs).argmax(2) == targets


class StackedRule:
    """A rule of the catalogue on the rows of a matrix, each with a learning rate of its own."""

    def __init__(self, rule: Rule, layout: Layout, thetas: Vectors) -> None:
        """Begin at rows (R, P)."""
        self._rule, self._layers, self.thetas = rule, Layers(layout, thetas), thetas
        self._steps = 0
        self._first, self._second = torch.zeros_like(thetas), torch.zeros_like(thetas)

    def step(self, gradients: Vectors, rates: Rates) -> None:
        """Move the rows along their gradients at learning rates (R, 1)."""
        rule = self._rule
        if isinstance(rule, LAMB | AdamW):
            self._adaptive(rule, gradients, rates)
        else:
            self._momentum(rule, gradients, rates)

    def _adaptive(self, rule: LAMB | AdamW, gradients: Vectors, rates: Rates) -> None:
        """Adam: r = m̂/(√v̂ + ε) + λθ;  θ ← θ − η · factor · r, without a factor for AdamW."""
        self._steps += 1
        self._first = torch.lerp(self._first, gradients, 1 - rule.beta1)
        self._second = torch.lerp(self._second, gradients.square(), 1 - rule.beta2)
        mean = self._first / (1 - rule.beta1**self._steps)
        root = (self._second / (1 - rule.beta2**self._steps)).sqrt() + rule.epsilon
        r = mean / root + rule.weight_decay * self.thetas
        if isinstance(rule, LAMB):
            weights, updates = self._layers.norms(self.thetas), self._layers.norms(r)
            r = r * self._layers.factors(weights.clamp(max=rule.cap), updates)
        self.thetas = self.thetas - rates * r

    def _momentum(self, rule: LARS | HeavyBall, gradients: Vectors, rates: Rates) -> None:
        """LARS: v ← μv + η · factor · (g + λθ), θ ← θ − v. Momentum: v ← μv + g + λθ, θ − ηv."""
        decayed = gradients + rule.weight_decay * self.thetas
        if isinstance(rule, LARS):
            weights, slopes = self._layers.norms(self.thetas), self._layers.norms(gradients)
            total = slopes + rule.weight_decay * weights
            factors = self._layers.factors(rule.trust_coefficient * weights, total)
            self._first = rule.momentum * self._first + rates * factors * decayed
            self.thetas = self.thetas - self._first
        else:
            self._first = rule.momentum * self._first + decayed
            self.thetas = self.thetas - rates * self._first


class Layers:
    """The weight matrices of a layout, whose norms set layer-wise rates; not biases and gains."""

    def __init__(self, layout: Layout, like: Tensor) -> None:
        """Mark the weights of each layer (L, P), in the type of a tensor."""
        weights = [block for block in layout.blocks if block.has_filters]
        self._marks = like.new_zeros(len(weights), layout.size)
        for mark, block in zip(self._marks, weights, strict=True):
            mark[block.start : block.stop] = 1
        self._others = 1 - self._marks.sum(0)

    def norms(self, rows: Vectors) -> Float[Tensor, "R L"]:
        """The norm of each row's part in each layer."""
        return (rows.square() @ self._marks.T).sqrt()

    def factors(self, above: Float[Tensor, "R L"], below: Float[Tensor, "R L"]) -> Vectors:
        """above/below for the weights of each layer, (R, P); 1 for others and where one is 0."""
        ratio = torch.where((above > 0) & (below > 0), above / below, 1.0)
        return ratio @ self._marks + self._others
