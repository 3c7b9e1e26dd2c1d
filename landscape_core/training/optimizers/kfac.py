"""K-FAC: Martens and Grosse, 2015, arXiv:1503.05671; with convolutions 2016, arXiv:1602.01407.

A layer's block of the Fisher matrix is approximated by the Kronecker product of A, the mean of a aᵀ
over its inputs a (with a 1 appended for the bias), and S, the mean of δ δᵀ over the gradients δ
with respect to its outputs. The damping is factored (2015, section 6.3). Over the spatial positions
of a convolution, the tokens of a sequence and repeated calls, A is summed and S averaged, which
assumes that gradients at different positions are uncorrelated (2016, section 3.1).

The papers rescale each step by the exact Fisher matrix. Here it has learning rate η and momentum,
and the update is clipped so that η² dᵀg, about twice the Kullback-Leibler divergence between the
predictions before and after it, stays below κ (after Ba, Grosse and Martens, 2017, Distributed
Second-Order Optimization using Kronecker-Factored Approximations). The inverses are reused for some
steps, but recomputed at every step at the start, while the factors change most.

Parameters outside such layers (normalization gains, embeddings, reparametrized weights, or all if
the objective is not a network) are updated by SGD with momentum.
"""

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
    sampled_gradients,
    target_gradients,
)
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import LEARNING_RATE, MOMENTUM, Optimizer

Pairs = tuple[tuple[Tensor, ...], ...]
"""A and S of each layer, or their inverses; () for a layer that was not called."""

KFACMemory = tuple[int, int, Pairs, Pairs, Vector]
"""Step count, number of batches averaged in A and S, the factors, their damped inverses, and v."""

LARGEST = 2**28
"""Maximum number of entries of A and S over all layers."""


@dataclass(frozen=True, kw_only=True)
class KFAC(Optimizer[KFACMemory]):
    """Natural gradient with each layer's Fisher block as a Kronecker product of two factors."""

    label: ClassVar[str] = "K-FAC"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "per layer, a its inputs, δ the gradients of its outputs:  A ← βA + (1−β) mean "
        "aaᵀ;  S ← βS + (1−β) mean δδᵀ;  π² = (tr A/dim A) / (tr S/dim S);  d = (S + "
        "√λ/π)⁻¹ g (A + π√λ)⁻¹;  d ← d · min(1, √(κ / η²dᵀg));  v ← μv + d;  θ ← θ − ηv"
    )
    source: ClassVar[str] = (
        "Martens & Grosse, 2015, Optimizing Neural Networks with Kronecker-factored Approximate "
        "Curvature; Grosse & Martens, 2016, for convolutions"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    damping: Annotated[
        float,
        Knob(
            1e-10, 1e4, "damping λ added to the curvature; larger values give smaller steps", "log"
        ),
    ] = 0.03
    clip: Annotated[
        float,
        Knob(
            1e-10,
            1e10,
            "KL clipping: upper bound κ on the change of the predictions per step",
            "log",
        ),
    ] = 0.001
    momentum: Annotated[float, MOMENTUM] = 0.9
    decay: Annotated[float, Knob(0.0, 0.999, "exponential decay rate β of the factors A and S")] = (
        0.95
    )
    update_every: Annotated[int, Knob(1, 1000, "number of steps between updates of A and S")] = 1
    refresh_every: Annotated[
        int, Knob(1, 1000, "number of steps between updates of the inverses")
    ] = 10
    fisher: Annotated[
        str,
        Choice(
            ("drawn", "empirical"),
            "true Fisher matrix, with labels sampled from the model, or empirical Fisher, "
            "with the data's labels",
        ),
    ] = "drawn"
    seed: Annotated[int, Knob(0, 2**31 - 1, "random seed of the sampled labels")] = 0

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` if the factors would not fit in memory."""
        shapes = [layer.shape for layer in layers_of(objective)]
        sizes = [rows**2 + columns**2 for rows, columns in shapes]
        if sum(sizes) > LARGEST:
            accepted = f"at most {LARGEST} for K-FAC over all layers"
            raise SpecError("the number of entries of A and S", sum(sizes), accepted)

    def init(self, theta: Vector) -> KFACMemory:
        """Return the initial state: no factors, velocity 0."""
        return 0, 0, (), (), torch.zeros_like(theta)

    def step(
        self, objective: Objective, theta: Vector, memory: KFACMemory
    ) -> tuple[Vector, KFACMemory]:
        """Take a step along the negative velocity, updated by the preconditioned gradient."""
        index, batches, factors, inverses, v = memory
        model = None if objective.network is None else objective.network.still
        g = objective.gradient(theta)
        layers = layers_of(objective)
        if model is not None and index % self.update_every == 0:
            batches += 1
            fresh = self._measured(model, theta, layers, index)
            factors = self._averaged(factors, fresh, batches)
        if index < self.refresh_every or index % self.refresh_every == 0:
            inverses = tuple(self._inverted(pair) for pair in factors)
        v = torch.add(self._divided(g, layers, inverses), v, alpha=self.momentum)
        theta = torch.sub(theta, v, alpha=self.learning_rate)
        return theta, (index + 1, batches, factors, inverses, v)

    def _measured(
        self, model: ModelObjective, theta: Vector, layers: tuple[Layer, ...], index: int
    ) -> Pairs:
        """Compute A and S for this batch."""
        drawn = sampled_gradients(random_streams.stream(self.seed, "labels", index))
        slopes = drawn if self.fisher == "drawn" else target_gradients
        found = gradients_of_layers(model, theta, layers, slopes)
        return tuple(_factors(found[one.name]) if one.name in found else () for one in layers)

    def _averaged(self, before: Pairs, fresh: Pairs, batches: int) -> Pairs:
        """Update the running averages, which start as plain means (2015, section 5)."""
        kept = min(self.decay, 1.0 - 1.0 / batches)
        return tuple(
            tuple(torch.lerp(new, old, kept) for old, new in zip(olds, news, strict=True))
            if olds and news
            else news or olds
            for olds, news in zip(before or fresh, fresh, strict=True)
        )

    def _divided(self, g: Vector, layers: tuple[Layer, ...], inverses: Pairs) -> Vector:
        """The update direction d: the preconditioned gradient, clipped."""
        d = g.clone()
        pairs = zip(layers, inverses, strict=False)  # no inverses without a network
        known = [(layer, pair[0], pair[1]) for layer, pair in pairs if pair]
        moves = [s @ layer.matrix(g) @ a for layer, a, s in known]
        change = g.new_zeros(())
        for (layer, _, _), move in zip(known, moves, strict=True):
            change = change + (move * layer.matrix(g)).sum()
        share = (self.clip / (self.learning_rate**2 * change)).sqrt().clamp(max=1.0)
        for (layer, _, _), move in zip(known, moves, strict=True):
            layer.put(share * move, d)
        return d

    def _inverted(self, pair: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Invert A + π√λ I and S + √λ/π I."""
        if not pair:
            return ()
        a, s = pair
        sizes = a.diagonal().mean() / s.diagonal().mean()
        pi = torch.where((sizes > 0) & sizes.isfinite(), sizes, 1.0).sqrt()
        root = self.damping**0.5
        return inverted(a, root * pi), inverted(s, root / pi)


def _factors(layer: LayerGradients) -> tuple[Tensor, Tensor]:
    """The sum of a aᵀ and the mean of δ δᵀ over positions, each averaged over examples."""
    examples, places, _ = layer.inputs.shape
    a, slopes = layer.inputs.flatten(0, 1), layer.slopes.flatten(0, 1)
    return a.T @ a / examples, slopes.T @ slopes / (examples * places)
