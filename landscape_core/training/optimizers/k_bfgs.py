"""K-BFGS: Goldfarb, Ren and Bahamou, 2020, Practical Quasi-Newton Methods, arXiv:2006.08877.

The Hessian of a fully connected layer is taken to be the Kronecker product of A, the second moments
of its inputs ã (with a last one of 1), and of the Hessian in its outputs h. Both inverses are kept
by BFGS updates, as in the authors' code: that of A + √λ I by the action of this matrix on the mean
input, that of the Hessian in the outputs by the changes of mean outputs and mean output gradients
from the step on the same mini-batch, two evaluations per step. Those changes are averaged and
damped twice: s is moved towards H y (Powell, 1978), and y towards s, so that sᵀy is positive. With
λ ≥ 1, for which the authors' second formula divides by zero where y = s, a multiple of s is added.

Convolutions and other parameters are updated by SGD with momentum. The mean input has its last
entry 1; in the authors' code it is the mean of the other entries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from landscape_core.curvature.layer_gradients import (
    Layer,
    LayerGradients,
    gradients_of_layers,
    inverted,
    layers_of,
    target_gradients,
)
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, MOMENTUM, Optimizer

Kept = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Of a layer: A, the inverses in inputs and outputs, and the averages of s and y."""

KBFGSMemory = tuple[tuple[Kept | tuple[()], ...], Vector]
"""What is kept of each layer, () before its first call, and the velocity v."""

POWELL = 0.2
"""The least sᵀy relative to yᵀHy."""

LEAST = 1e-4
"""A pair is skipped if sᵀy is less than this times sᵀs and the norm of the mean gradient."""

LARGEST = 2**28
"""Maximum number of entries of both inverses over all layers."""


@dataclass(frozen=True, kw_only=True)
class KBFGS(Optimizer[KBFGSMemory]):
    """Quasi-Newton method with a Kronecker product of two small inverses for each layer."""

    label: ClassVar[str] = "K-BFGS"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "per layer, a its inputs, h its outputs:  A ← βA + (1−β) mean aaᵀ;  v ← μv + g;  "
        "θ ← θ − η H_h v H_a;  s, y: averages of the changes of mean h and mean ∇ₕL;  "
        "H_h ← BFGS(H_h, s, y);  H_a ← BFGS(H_a, s = H_a mean a, y = (A + √λ I) s)"
    )
    source: ClassVar[str] = (
        "Goldfarb, Ren & Bahamou, 2020, Practical Quasi-Newton Methods for Training Deep Neural "
        "Networks"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.03
    damping: Annotated[
        float,
        Knob(1e-10, 1e4, "damping λ of both factors; larger values give smaller steps", "log"),
    ] = 0.3
    momentum: Annotated[float, MOMENTUM] = 0.9
    decay: Annotated[float, Knob(0.0, 0.999, "exponential decay rate β of A, and of s and y")] = 0.9

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` if the inverses would not fit in memory."""
        count = sum(rows**2 + columns**2 for rows, columns in (x.shape for x in linear(objective)))
        if count > LARGEST:
            accepted = f"at most {LARGEST} for K-BFGS over all layers"
            raise SpecError("the number of entries of both inverses", count, accepted)

    def init(self, theta: Vector) -> KBFGSMemory:
        """Return the initial state: nothing of the layers, velocity 0."""
        return (), torch.zeros_like(theta)

    def step(
        self, objective: Objective, theta: Vector, memory: KBFGSMemory
    ) -> tuple[Vector, KBFGSMemory]:
        """Take a step, look at the same mini-batch again, and update the inverses."""
        kept, v = memory
        layers, g = linear(objective), objective.gradient(theta)
        v = torch.add(g, v, alpha=self.momentum)
        before = _seen(objective, theta, layers)
        kept = kept or ((),) * len(layers)
        kept = tuple(
            self._with_inputs(own, before[layer.name].inputs[:, 0], layer)
            if layer.name in before
            else own
            for layer, own in zip(layers, kept, strict=True)
        )
        d = v.clone()
        for layer, own in zip(layers, kept, strict=True):
            if own:
                layer.put(own[2] @ layer.matrix(v) @ own[1], d)
        new = torch.sub(theta, d, alpha=self.learning_rate)
        after = _seen(objective, new, layers)
        kept = tuple(
            self._updated(own, _means(before, layer, theta), _means(after, layer, new))
            if own and layer.name in before and layer.name in after
            else own
            for layer, own in zip(layers, kept, strict=True)
        )
        return new, (kept, v)

    def _with_inputs(self, own: Kept | tuple[()], inputs: Tensor, layer: Layer) -> Kept:
        """Average A, or begin with the inverse of A + √λ I and the identity in the outputs."""
        fresh = inputs.T @ inputs / len(inputs)
        if own:
            return (torch.lerp(fresh, own[0], self.decay), *own[1:])
        nothing = fresh.new_zeros(layer.shape[0])
        unit = torch.eye(layer.shape[0], dtype=fresh.dtype, device=fresh.device)
        return fresh, inverted(fresh, self.damping**0.5), unit, nothing, nothing

    def _updated(self, own: Kept, before: "Means", after: "Means") -> Kept:
        """Update both inverses by what the step has changed."""
        moments, of_inputs, of_outputs, s, y = own
        s = torch.lerp(after[1] - before[1], s, self.decay)
        y = torch.lerp(after[2] - before[2], y, self.decay)
        pair = damped_twice(of_outputs, s, y, self.damping**0.5)
        of_outputs = bfgs(of_outputs, *pair, before[2].norm())
        move = of_inputs @ before[0]
        answer = moments @ move + self.damping**0.5 * move
        return moments, bfgs(of_inputs, move, answer, before[0].norm()), of_outputs, s, y


Means = tuple[Tensor, Tensor, Tensor]
"""The mean input, output and output gradient of a layer."""


def linear(objective: Objective) -> tuple[Layer, ...]:
    """The fully connected layers of the network."""
    return tuple(layer for layer in layers_of(objective) if not layer.kernel)


def damped_twice(inverse: Tensor, s: Tensor, y: Tensor, floor: float) -> tuple[Tensor, Tensor]:
    """The pair s and y with sᵀy at least 0.2 yᵀHy, then at least the floor times sᵀs."""
    pulled = inverse @ y
    product, least = s @ y, y @ pulled
    if product < POWELL * least:
        share = (1 - POWELL) * least / (least - product)
        s = share * s + (1 - share) * pulled
    product, length = s @ y, s @ s
    if product < floor * length:
        if floor < 1:
            share = (1 - floor) * length / (length - product)
            y = share * y + (1 - share) * s
        else:  # where y is near s, nothing between both has such a product
            y = y + (floor - product / length) * s
    return s, y


def bfgs(inverse: Tensor, s: Tensor, y: Tensor, slope: Tensor) -> Tensor:
    """The BFGS update of an inverse; as it was where the pair says too little of the curvature."""
    product = s @ y
    if not product > LEAST * (s @ s) * slope or not product > 0:
        return inverse
    rho, pulled = 1 / product, inverse @ y
    across = torch.outer(s, pulled)
    new = inverse + (rho**2 * (y @ pulled) + rho) * torch.outer(s, s) - rho * (across + across.T)
    return new if bool(new.isfinite().all()) else inverse


def _seen(
    objective: Objective, theta: Vector, layers: tuple[Layer, ...]
) -> Mapping[str, LayerGradients]:
    """Inputs and output gradients of the layers with one row for each example, by name."""
    if objective.network is None:
        return {}
    found = gradients_of_layers(objective.network.still, theta, layers, target_gradients)
    return {name: one for name, one in found.items() if one.inputs.shape[1] == 1}


def _means(seen: Mapping[str, LayerGradients], layer: Layer, theta: Vector) -> Means:
    """The mean input, output and output gradient of a layer."""
    one = seen[layer.name]
    inputs = one.inputs[:, 0].mean(0)
    return inputs, layer.matrix(theta) @ inputs, one.slopes[:, 0].mean(0)
