"""SGD-QN: Bordes, Bottou and Gallinari, 2009, Careful Quasi-Newton Stochastic Gradient Descent.

In the corrected form of the erratum (Bordes, Bottou, Gallinari, Chang and Smith, 2010, SGDQN is
Less Careful than Expected, JMLR 11), as in the authors' code: every k steps the change of the
gradient of one mini-batch over the last step is divided by the change of each parameter, and added
k times to the inverse of the parameter's learning rate. So the learning rates fall like
1/(curvature · steps), each by its own curvature. The rule of 2009 averages the inverse curvatures.

The estimates are clipped to a range of 1 : 1000, in the code from 0.1 λ to 100 λ; here the lower
bound is a field, and a parameter that did not move gets it. Weight decay is a part of every
gradient; the paper adds it at the steps with an estimate only, for the sake of sparse inputs. With
dropout both gradients have masks of their own, and estimates are noise within the range.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import WEIGHT_DECAY, Optimizer, decayed

RANGE = 1000.0
"""The largest estimate of a curvature by the least."""

Rates = tuple[int, Vector, Vector]
"""Number of steps t, the iterate θ⁻ before the last step, the sum S of curvatures."""


@dataclass(frozen=True, kw_only=True)
class SGDQN(Optimizer[Rates]):
    """SGD with a learning rate for each parameter, by its curvature, that falls like 1/t."""

    label: ClassVar[str] = "SGD-QN"
    family: ClassVar[str] = "second order"
    formula: ClassVar[str] = (
        "g ← g + λθ;  every k steps S ← S + k · clip((g(θ) − g(θ⁻)) / (θ − θ⁻), b, 1000b);  "
        "θ ← θ − g / (1/η + S)"
    )
    source: ClassVar[str] = (
        "Bordes, Bottou & Gallinari, 2009, SGD-QN: Careful Quasi-Newton Stochastic Gradient"
        " Descent; Bordes et al., 2010, Erratum: SGDQN is Less Careful than Expected"
    )

    learning_rate: Annotated[
        float, Knob(1e-5, 100.0, "initial learning rate η, 1/(λt₀) in the paper", "log")
    ] = 0.1
    interval: Annotated[
        int, Knob(1, 10_000, "steps k between two estimates of the curvature", "log")
    ] = 16
    least: Annotated[
        float, Knob(1e-8, 1e4, "lower bound b on a curvature; the upper one is 1000b", "log")
    ] = 0.01
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def scaled_by_rate(self) -> bool:
        """No: η is the first learning rate; later ones follow from the curvatures."""
        return False

    def init(self, theta: Vector) -> Rates:
        """Return the initial state: t = 0, no curvature."""
        return 0, theta, torch.zeros_like(theta)

    def step(self, objective: Objective, theta: Vector, memory: Rates) -> tuple[Vector, Rates]:
        """Estimate the curvature where that is due, and take a step."""
        t, before, total = memory
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        if t and t % self.interval == 0:
            then = decayed(objective.still.gradient(before), before, self.weight_decay)
            s = theta - before
            ratio = torch.where(s != 0, (g - then) / torch.where(s != 0, s, 1.0), 0.0)
            ratio = ratio.clamp_(self.least, RANGE * self.least)
            total = total + self.interval * ratio
        return theta - g / (1 / self.learning_rate + total), (t + 1, theta, total)
