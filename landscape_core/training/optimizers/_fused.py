"""Updates in torch's fused form: one pass over the vectors, on copies of them."""

import torch
from torch.optim.adagrad import adagrad
from torch.optim.adam import adam

from landscape_core.foundation.types import Vector

FUSED = ("cpu", "cuda", "xpu", "mps")
"""Where torch has the fused form."""


def adam_step(  # noqa: PLR0913 - the letters of one formula
    theta: Vector,
    g: Vector,
    t: int,
    m: Vector,
    v: Vector,
    u: Vector | None = None,
    *,
    rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    decay: float,
    decoupled: bool = False,
) -> tuple[Vector, Vector, Vector, Vector]:
    """θ, m, v and u after step number t of Adam; u, the largest v, where AMSGrad is meant.

    Args:
        theta: the weights, shape (P,), as all others.
        g: the gradient.
        t: the number of the step, from 1.
        m: the mean gradient.
        v: the mean squared gradient.
        u: the largest v so far, if the division is by that.
        rate: η.
        beta1: memory of m.
        beta2: memory of v.
        epsilon: ε.
        decay: λ.
        decoupled: shrink the weights by ηλ, rather than add λθ to g.
    """
    theta, m, v = theta.clone(), m.clone(), v.clone()
    largest = [] if u is None else [u.clone()]
    adam(
        [theta],
        [g],
        [m],
        [v],
        largest,
        [torch.tensor(float(t - 1), device=theta.device)],
        fused=theta.device.type in FUSED,
        amsgrad=u is not None,
        beta1=beta1,
        beta2=beta2,
        lr=rate,
        weight_decay=decay,
        eps=epsilon,
        maximize=False,
        decoupled_weight_decay=decoupled,
    )
    return theta, m, v, largest[0] if largest else v


def adagrad_step(
    theta: Vector, g: Vector, s: Vector, *, rate: float, epsilon: float, decay: float
) -> tuple[Vector, Vector]:
    """θ and the sum of squared gradients s, each (P,), after a step of AdaGrad."""
    theta, s = theta.clone(), s.clone()
    adagrad(
        [theta],
        [g],
        [s],
        [torch.tensor(0.0, device=theta.device)],
        fused=theta.device.type == "cpu",
        lr=rate,
        weight_decay=decay,
        lr_decay=0.0,
        eps=epsilon,
        maximize=False,
    )
    return theta, s
