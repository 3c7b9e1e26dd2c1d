"""Fused updates by `torch.optim`'s functional interface: one pass over copies of the vectors."""

import torch
from torch.optim.adagrad import adagrad
from torch.optim.adam import adam

from landscape_core.foundation.types import Vector

FUSED = ("cpu", "cuda", "xpu", "mps")
"""Device types for which PyTorch has fused implementations."""


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
    """Perform step t of Adam, or of AMSGrad if u is given; return the new θ, m, v and u.

    Args:
        theta: the parameters, shape (P,), like all other vectors.
        g: the gradient.
        t: the step number, from 1.
        m: the first moment (exponential moving average of the gradient).
        v: the second moment (exponential moving average of the squared gradient).
        u: the running maximum of v, for AMSGrad.
        rate: the learning rate η.
        beta1: exponential decay rate of the first moment.
        beta2: exponential decay rate of the second moment.
        epsilon: the term ε added to the denominator.
        decay: the weight decay λ.
        decoupled: multiply the parameters by 1 − ηλ (AdamW) instead of adding λθ to g.
    """
    theta, m, v = theta.clone(), m.clone(), v.clone()
    largest = [] if u is None else [u.clone()]
    adam(
        [theta],
        [g],
        [m],
        [v],
        largest,
        [
            torch.full((), float(t - 1), dtype=torch.float32, device=theta.device)
        ],  # not copied there
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
    """Perform a step of AdaGrad; return the new θ and the sum of squared gradients s, each (P,)."""
    theta, s = theta.clone(), s.clone()
    adagrad(
        [theta],
        [g],
        [s],
        [torch.zeros((), dtype=torch.float32, device="cpu")],  # which is read at every step
        fused=theta.device.type == "cpu",
        lr=rate,
        weight_decay=decay,
        lr_decay=0.0,
        eps=epsilon,
        maximize=False,
    )
    return theta, s
