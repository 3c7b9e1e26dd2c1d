"""SGD-BB: Tan, Ma, Dai and Qian, 2016, arXiv:1605.04131.

Barzilai-Borwein Step Size for Stochastic Gradient Descent, algorithm 2: the step size is computed
once an epoch, from the change s of the iterate over the epoch, and the change y of a moving average
of the mini-batch gradients from one epoch to the next. The first two epochs have the initial step
size. As in the authors' code the weight of the average is 10/m for m steps an epoch, and step sizes
are smoothed by the geometric mean of ηⱼ φ(j) with φ(j) = j; as in the paper the average starts anew
with each epoch. Algorithm 1, SVRG-BB, makes the steps of SVRG, and y is the change of the full
gradient from one snapshot to the next; there and for all examples at once nothing is averaged or
smoothed. The absolute value is taken in both, as the curvature along s may be negative. The upper
bound on the step size is not the paper's.
"""

import math
import sys
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob, Note
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.full_gradient import full_gradient, reduced_gradient
from landscape_core.training.optimizers.base import Optimizer

AVERAGED = 10.0
"""The weight of a gradient in the average is this by the steps of an epoch, at most 1."""

Epoch = tuple[int, int, int, float, float, Vector, Vector, Vector]
"""Number k of the epoch, its steps and examples so far, its step size, the logarithm of the
smoothed product, its start w, the average of its gradients and that of the last epoch; in SVRG-BB
these are the full gradients at both starts."""


@dataclass(frozen=True, kw_only=True)
class SGDBB(Optimizer[Epoch | None]):
    """SGD or SVRG whose step size is computed once an epoch from the changes of θ and gradient."""

    label: ClassVar[str] = "SGD-BB"
    family: ClassVar[str] = "variance reduction"
    formula: ClassVar[str] = (
        "θ ← θ − ηg;  after each epoch of m steps: s = change of θ over it;  y = change of the "
        "averaged gradient;  η ← ‖s‖² / (m |s·y|);  smoothed: η ← (∏ⱼ j ηⱼ)^(1/(k−1)) / k"
    )
    source: ClassVar[str] = (
        "Tan, Ma, Dai & Qian, 2016, Barzilai-Borwein Step Size for Stochastic Gradient Descent"
    )

    learning_rate: Annotated[
        float, Knob(1e-5, 100.0, "initial step size η; later ones are computed", "log")
    ] = 0.01
    interval: Annotated[
        float, Knob(0.01, 100.0, "number of epochs of data between two step sizes", "log")
    ] = 1.0
    variance_reduction: Annotated[
        bool, Note("SVRG-BB: steps of SVRG, and step sizes by the full gradients at its snapshots")
    ] = False
    smoothing: Annotated[
        bool, Note("whether the step sizes of SGD-BB are smoothed, which makes them fall like 1/k")
    ] = True
    largest: Annotated[float, Knob(1e-4, 1e8, "upper bound on the step size", "log")] = 1.0

    def scaled_by_rate(self) -> bool:
        """No: only the first steps have the size η."""
        return False

    def init(self, theta: Vector) -> None:
        """Return the initial state: no epoch; the first step begins one."""
        del theta

    def kept_vectors(self) -> float:
        """The start of the epoch and two gradients."""
        return 3

    def step(
        self, objective: Objective, theta: Vector, memory: Epoch | None
    ) -> tuple[Vector, Epoch]:
        """Take a step of this epoch's size, the first of an epoch after computing it."""
        k, steps, seen, rate, log, w, mean, before = self._epoch(objective, theta, memory)
        if self.variance_reduction:
            g = reduced_gradient(objective, theta, w, mean)
        else:
            g = objective.gradient(theta)
        if not self._exact(objective):
            share = AVERAGED * objective.examples / (self.interval * objective.whole.examples)
            mean = torch.lerp(mean, g, min(1.0, share))
        moved = torch.sub(theta, g, alpha=rate)
        return moved, (k, steps + 1, seen + objective.examples, rate, log, w, mean, before)

    def _exact(self, objective: Objective) -> bool:
        return self.variance_reduction or objective.examples >= objective.whole.examples

    def _epoch(self, objective: Objective, theta: Vector, memory: Epoch | None) -> Epoch:
        """The state, at the start of the next epoch where this one is over."""
        exact, nothing = self._exact(objective), torch.zeros_like(theta)
        if memory is not None and memory[2] < self.interval * objective.whole.examples:
            return memory
        mean = full_gradient(objective, theta) if exact else nothing
        if memory is None:
            return 0, 0, 0, self.learning_rate, 0.0, theta, mean, nothing
        k, steps, _, rate, log, w, last, before = memory
        k = k + 1
        if exact or k > 1:
            y = mean - last if exact else last - before
            rate = self._rate(theta - w, y, steps)
            if self.smoothing and not exact:
                log = ((k - 2) * log + math.log(rate * k)) / (k - 1)
                rate = math.exp(log) / k
        return k, 0, 0, rate, log, theta, mean, last

    def _rate(self, s: Vector, y: Vector, steps: int) -> float:
        """The step size ‖s‖² / (m |s·y|), at most the largest."""
        s, y = s.double(), y.double()  # squares leave the range of float32
        length, curvature = float(s @ s), abs(float(s @ y))
        if not (length and curvature):
            return self.largest
        return min(max(length / (steps * curvature), sys.float_info.min), self.largest)
