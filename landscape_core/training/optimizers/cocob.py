"""COCOB: Orabona and Tommasi, 2017, arXiv:1705.07795.

Training Deep Networks without Learning Rates Through Coin Betting, algorithm 2, COCOB-Backprop:
each parameter bets a fraction of its wealth on the sign of the next gradient, and its distance from
the start is the stake. There is no learning rate. The unit η of length is 1 in the paper, where the
initial wealth is L; here it is ηL, which is the paper's rule for the parameters θ/η. The quotients
are taken in an order that does not underflow in float32. A parameter stays where it is until its
gradient is first other than 0; the authors' code starts L at 10⁻⁸ instead.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import WEIGHT_DECAY, Optimizer, decayed

Bets = tuple[Vector, Vector, Vector, Vector, Vector]
"""The start θ₁, and of each parameter L, G, the reward R and the sum S of negative gradients."""


@dataclass(frozen=True, kw_only=True)
class COCOB(Optimizer[Bets]):
    """Coin betting: steps without a learning rate, by the gains of earlier steps."""

    label: ClassVar[str] = "COCOB"
    family: ClassVar[str] = "adaptive"
    formula: ClassVar[str] = (
        "g ← g + λθ;  L ← max(L, |g|);  G ← G + |g|;  R ← max(R − (θ − θ₁)g, 0);  S ← S − g;  "
        "θ ← θ₁ + S / (L max(G + L, αL)) · (ηL + R)"
    )
    source: ClassVar[str] = (
        "Orabona & Tommasi, 2017, Training Deep Networks without Learning Rates Through Coin"
        " Betting, algorithm 2"
    )

    learning_rate: Annotated[
        float,
        Knob(1e-5, 1e5, "unit of length η, no learning rate: the first step has length η/α", "log"),
    ] = 1.0
    alpha: Annotated[
        float, Knob(1.0, 1e5, "warm-up α: about the number of steps with cautious bets", "log")
    ] = 100.0
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0

    def scaled_by_rate(self) -> bool:
        """No: η is the initial wealth, and θ is computed from the start θ₁ at every step."""
        return False

    def init(self, theta: Vector) -> Bets:
        """Return the initial state: the start, and no gradient seen."""
        nothing = torch.zeros_like(theta)
        return theta, nothing, nothing, nothing, nothing

    def step(self, objective: Objective, theta: Vector, memory: Bets) -> tuple[Vector, Bets]:
        """Settle the last bets by the gradient and place the next ones."""
        start, L, G, R, S = memory
        g = decayed(objective.gradient(theta), theta, self.weight_decay)
        L = torch.maximum(L, g.abs())
        G = G + g.abs()
        R = (R - (theta - start) * g).clamp_(min=0.0)
        S = S - g
        scale = torch.where(L > 0, L, 1.0)  # where L is 0, so is S
        fraction = S / torch.maximum(G + scale, self.alpha * scale)
        new = start + fraction * (self.learning_rate + R / scale)
        return new, (start, L, G, R, S)
