"""Hessian trace regularization: Sankar, Khasbage, Vigneswaran, Balasubramanian, 2021, AAAI.

A Deeper Look at the Hessian Eigenspectrum of Deep Neural Networks and its Applications to
Regularization, arXiv:2012.03801. The trace is Hutchinson's estimate (1990), the mean of vᵀHv over
probes v of random signs, of the mini-batch's Hessian H; its gradient is taken by autograd, through
two derivatives. The probes follow from which examples the mini-batch has, in their order, and from
the seed: the same step is the same again. A batch that never changes would keep its probes.

Middle layers are the authors': of the network's tensors in their order, numbered from 0 to P − 1,
those from P/4 to 3P/4; the trace is then that of their part of H, and its gradient goes to all.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.parameters import Layout
from landscape_core.models.regularizers.base import Regularizer


@dataclass(frozen=True, kw_only=True)
class HessianTrace(Regularizer):
    """Steers away from sharp places: it lowers the trace of the Hessian along with the loss."""

    label: ClassVar[str] = "Hessian trace"
    formula: ClassVar[str] = "g + γ ∇ mean vᵀHv, v of random signs"
    source: ClassVar[str] = "Sankar et al., 2021, arXiv:2012.03801; Hutchinson, 1990"

    strength: Annotated[float, Knob(1e-12, 10.0, "γ, times the trace's gradient", "log")] = 1e-2
    probes: Annotated[int, Knob(1, 1000, "random vectors v in each estimate", "log")] = 1
    layers: Annotated[
        str, Choice(("all", "middle"), "whose trace: the network's, or the middle tensors'")
    ] = "all"
    seed: Annotated[int, Knob(0, 2**31 - 1, "draws the probes")] = 0

    def regularized(self, objective: ModelObjective) -> ModelObjective:
        """The objective with the gradient of γ times the trace's estimate in its own."""
        return objective.with_field(self._field)

    def _field(self, objective: ModelObjective, theta: Vector, gradient: Vector) -> Vector:
        probes = self._probes(objective, theta)
        point = theta.detach().requires_grad_()
        (slope,) = torch.autograd.grad(objective.still.loss(point), point, create_graph=True)
        found = torch.zeros_like(gradient)
        for v in probes:
            found = found + _trace_gradient(slope, point, v)
        return torch.add(gradient, found, alpha=self.strength / self.probes)

    def _probes(self, objective: ModelObjective, theta: Vector) -> Float[Tensor, "_ P"]:
        """Random signs on the tensors whose trace it is, and 0 elsewhere."""
        rng = random_streams.stream(self.seed, "hessian trace", *objective.indices.tolist())
        signs = 2 * torch.randint(2, (self.probes, len(theta)), generator=rng) - 1
        return signs.to(theta) * self._chosen(objective.layout, theta)

    def _chosen(self, layout: Layout, theta: Vector) -> Vector:
        """1 for the weights whose trace it is, and 0 for others."""
        count, chosen = len(layout.blocks), torch.zeros_like(theta)
        for i, block in enumerate(layout.blocks):
            if self.layers == "all" or count // 4 <= i <= 3 * count // 4:
                chosen[block.start : block.stop] = 1
        return chosen


def _trace_gradient(slope: Vector, point: Vector, v: Vector) -> Vector:
    """The gradient of vᵀHv at the point, whose loss has this slope; 0 where H does not change."""
    if not slope.requires_grad:  # a linear loss
        return torch.zeros_like(v)
    (product,) = torch.autograd.grad(
        slope @ v, point, create_graph=True, allow_unused=True, materialize_grads=True
    )
    if not product.requires_grad:  # a quadratic loss
        return torch.zeros_like(v)
    (found,) = torch.autograd.grad(
        product @ v, point, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return found
