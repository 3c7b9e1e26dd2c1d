"""Momentum and delay: Liu, Li, Shi, Zhou and Zhao, 2018, arXiv:1806.01660.

Streaming PCA by Oja's rule, twenty chains at once; the largest delay at which the error is at most
1.5 times that without delay, for each momentum.
"""

import math

import numpy as np
import torch

from landscape_core.foundation import random_streams
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.async_momentum import AsyncMomentum
from reproduce import section, table

CHAINS, STEPS, RATE = 20, 20_000, 5e-4
EIGENVALUES = (4.0, 3.0, 2.0, 1.0)
MOMENTA = (0.7, 0.8, 0.85, 0.9, 0.95)


class Chains(Objective):
    """Oja's rule for each chain, with the example that it is given."""

    examples = 1
    layout = Layout.of_shapes({"v": (CHAINS, len(EIGENVALUES))})

    def __init__(self, drawn):
        self.drawn = drawn

    def loss(self, theta):
        raise NotImplementedError

    def gradient(self, theta):
        v = theta.view_as(self.drawn)
        along = (self.drawn * v).sum(1, keepdim=True)
        return -(along * (self.drawn - along * v)).reshape(-1)

    def restricted(self, indices):
        return self


def error(seed, momentum, delay):
    """The mean of 1 − (v·e₁)²/‖v‖² over the last quarter of the run."""
    rng = random_streams.stream(seed, "examples")
    scale = torch.tensor(EIGENVALUES, dtype=torch.float64).sqrt()
    rule = AsyncMomentum(learning_rate=RATE, momentum=momentum, delay=delay)
    theta = torch.eye(len(EIGENVALUES), dtype=torch.float64)[1].repeat(CHAINS)  # e₂, a saddle
    memory, found = rule.init(theta), []
    for step in range(STEPS):
        drawn = torch.randn(CHAINS, len(EIGENVALUES), generator=rng, dtype=torch.float64)
        theta, memory = rule.step(Chains(scale * drawn), theta, memory)
        if step >= 0.75 * STEPS and step % 10 == 0:
            v = theta.view(CHAINS, -1)
            found.append(float((1 - v[:, 0] ** 2 / v.square().sum(1)).mean()))
            if math.isnan(found[-1]):
                return math.inf
    return float(np.mean(found))


def work(seed):
    """The largest delay that is borne, of tens around the line of stability, by momentum."""
    found = {}
    for momentum in MOMENTA:
        base, found[momentum] = error(seed, momentum, 0), 0
        line = stable(momentum)
        for delay in range(max(10, int(0.5 * line) // 10 * 10), int(1.3 * line) + 10, 10):
            if error(seed, momentum, delay) > 1.5 * base:
                break
            found[momentum] = delay
    return found


def stable(momentum):
    """The delay at which the linearized rule becomes unstable: π(1 − μ) / (4ηλ₁)."""
    return math.pi * (1 - momentum) / (4 * RATE * EIGENVALUES[0])


def report(found):
    """Whether the delay that is borne shrinks as momentum grows, and by which power."""
    powers = [
        float(np.polyfit(np.log1p([-m for m in each]), np.log(list(each.values())), 1)[0])
        if min(each.values())
        else math.nan
        for each in found
    ]
    falling = [all(np.diff(list(each.values())) < 0) for each in found]
    held = [down and 1 <= power <= 2 for down, power in zip(falling, powers, strict=True)]
    rows = [[*each.values(), power] for each, power in zip(found, powers, strict=True)]
    lines = ", ".join(f"{stable(momentum):.0f}" for momentum in MOMENTA)
    return [
        section(
            "The delay that is borne shrinks as momentum grows",
            held,
            "falling over all five momenta, and its power in 1 − μ between 1 and 2.",
            table([*(f"μ = {m}" for m in MOMENTA), "power"], rows),
            f"Delays in tens; the line of stability is at {lines}. The paper's sufficient condition"
            " has power 2.",
        )
    ]
