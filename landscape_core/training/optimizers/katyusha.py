"""Katyusha: Allen-Zhu, 2016, arXiv:1603.05953.

Katyusha: The First Direct Acceleration of Stochastic Gradient Methods, algorithm 1 for strongly
convex losses, and algorithm 2, Katyusha^ns, where the constant σ of strong convexity is 0. The
gradient of SVRG is taken at x, between the sequence z of long steps, the snapshot w, with
weight ½ ("negative momentum"), and y. θ is y: it is what is recorded, drawn and tested;
the loss of a mini-batch is that at x. In the paper η = 1/(3L) for the smoothness L of the losses of
examples. There is no proximal step; without one both options for y are the same.

The interval is in epochs; m, on which τ depends, is the number of its steps. The constants are
those of single examples also for mini-batches, for which the paper has others. For all examples at
once the gradient is ∇f(x), and the coupling remains.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.full_gradient import reduced_gradient, snapshot_gradient
from landscape_core.training.optimizers.base import LEARNING_RATE, Optimizer

Coupled = tuple[int, int, float, float, Vector, Vector, Vector | None, Vector]
"""Snapshots before this one, examples since, τ, the sum of weights by the last one, z, the snapshot
w, ∇f(w), the weighted mean of y since w."""


@dataclass(frozen=True, kw_only=True)
class Katyusha(Optimizer[Coupled | None]):
    """SVRG with acceleration: momentum, and the snapshot as a part of the point of the gradient."""

    label: ClassVar[str] = "Katyusha"
    family: ClassVar[str] = "variance reduction"
    formula: ClassVar[str] = (
        "x = τz + ½w + (½−τ)θ;  g = ∇f_B(x) − ∇f_B(w) + ∇f(w);  z ← z − (η/τ)g;  θ ← x − ηg;  "
        "every few epochs w ← Σ(1+ησ/τ)ʲθⱼ / Σ(1+ησ/τ)ʲ;  τ = min(√(mησ), ½), or 2/(s+4) if σ = 0"
    )
    source: ClassVar[str] = (
        "Allen-Zhu, 2016, Katyusha: The First Direct Acceleration of Stochastic Gradient Methods"
    )

    learning_rate: Annotated[float, LEARNING_RATE] = 0.1
    interval: Annotated[float, Knob(0.01, 100.0, "number of epochs between snapshots", "log")] = 2.0
    convexity: Annotated[
        float, Knob(0.0, 1e4, "strong convexity constant σ of the loss; 0: convex, or not known")
    ] = 0.0

    def init(self, theta: Vector) -> None:
        """Return the initial state: no snapshot; the first step takes one."""
        del theta

    def kept_vectors(self) -> float:
        """z, the snapshot, its gradient and the mean."""
        return 4

    def step(
        self, objective: Objective, theta: Vector, memory: Coupled | None
    ) -> tuple[Vector, Coupled]:
        """Take a short step from the coupled point x, and a long one of z."""
        s, seen, tau, total, z, w, full, mean = self._snapshot(objective, theta, memory)
        x = tau * z + 0.5 * w + (0.5 - tau) * theta
        g = reduced_gradient(objective, x, w, full)
        long = self.learning_rate / tau if tau else 0.0  # η was 0 at the snapshot: z is not in x
        z = torch.sub(z, g, alpha=long)
        y = torch.sub(x, g, alpha=self.learning_rate)
        total = total / (1 + long * self.convexity) + 1
        mean = torch.lerp(mean, y, 1 / total)
        return y, (s, seen + objective.examples, tau, total, z, w, full, mean)

    def _snapshot(self, objective: Objective, theta: Vector, memory: Coupled | None) -> Coupled:
        """The state, with a new snapshot where one is due."""
        examples = objective.whole.examples
        if memory is not None and memory[1] < self.interval * examples:
            return memory
        s, z, w = (0, theta, theta) if memory is None else (memory[0] + 1, memory[4], memory[7])
        tau = 2 / (s + 4)
        if self.convexity:
            m = self.interval * examples / objective.examples
            tau = min(math.sqrt(m * self.learning_rate * self.convexity), 0.5)
        return s, 0, tau, 0.0, z, w, snapshot_gradient(objective, w), w
