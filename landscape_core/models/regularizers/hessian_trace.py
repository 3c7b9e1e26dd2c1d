"""Hessian trace regularization: Sankar, Khasbage, Vigneswaran, Balasubramanian, 2021, AAAI.

A Deeper Look at the Hessian Eigenspectrum of Deep Neural Networks and its Applications to
Regularization, arXiv:2012.03801. The trace of the mini-batch Hessian H is estimated by Hutchinson's
method (1990), the mean of vᵀHv over Rademacher probe vectors v; its gradient is computed by
autograd through two derivatives. The probe vectors are determined by the examples of the
mini-batch, in order, and the seed, so a repeated step is identical. For a batch that never changes
they are constant.

The middle layers are defined as in the paper: of the network's tensors in order, numbered from 0 to
P − 1, those from P/4 to 3P/4; the trace is that of their block of H, and its gradient is taken in
all parameters.
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
    """Penalizes the trace of the Hessian, which favours flat minima."""

    label: ClassVar[str] = "Hessian trace"
    formula: ClassVar[str] = "g + γ ∇ mean vᵀHv, v Rademacher vectors"
    source: ClassVar[str] = "Sankar et al., 2021, arXiv:2012.03801; Hutchinson, 1990"

    strength: Annotated[
        float, Knob(1e-12, 10.0, "regularization coefficient γ of the trace", "log")
    ] = 1e-2
    probes: Annotated[int, Knob(1, 1000, "number of probe vectors v per estimate", "log")] = 1
    layers: Annotated[
        str,
        Choice(
            ("all", "middle"), "parameters whose trace is penalized: all, or the middle tensors"
        ),
    ] = "all"
    seed: Annotated[int, Knob(0, 2**31 - 1, "random seed of the probe vectors")] = 0

    def regularized(self, objective: ModelObjective) -> ModelObjective:
        """Return the objective with γ times the gradient of the trace estimate added."""
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
        """Sample Rademacher vectors on the chosen tensors, 0 elsewhere."""
        rng = random_streams.stream(self.seed, "hessian trace", *objective.indices.tolist())
        signs = 2 * torch.randint(2, (self.probes, len(theta)), generator=rng) - 1
        return signs.to(theta) * self._chosen(objective.layout, theta)

    def _chosen(self, layout: Layout, theta: Vector) -> Vector:
        """The mask of the parameters whose trace is penalized."""
        count, chosen = len(layout.blocks), torch.zeros_like(theta)
        for i, block in enumerate(layout.blocks):
            if self.layers == "all" or count // 4 <= i <= 3 * count // 4:
                chosen[block.start : block.stop] = 1
        return chosen


def _trace_gradient(slope: Vector, point: Vector, v: Vector) -> Vector:
    """The gradient of vᵀHv at the point from the gradient of the loss; 0 if H is constant."""
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
