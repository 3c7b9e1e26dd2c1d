"""An autoencoder that is small enough for its whole Hessian, on principal components of digits.

8-8-3-8-8 with tanh units, a linear code and linear outputs, 203 parameters; full batch, float64.
"""

import itertools
import math
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from landscape_core.foundation.random_streams import stream
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.base import Optimizer

WIDTHS, CODE = (8, 8, 3, 8, 8), 2
POINTS = 200

Raced = tuple[float, float]
"""Iterations and seconds until a loss is reached; NaN if it is not."""


def autoencoder(seed: int) -> ModelObjective:
    """The loss ½ ‖outputs − inputs‖²; the seed draws the digits and the weights, N(0, 1/fan-in)."""
    inputs = Digits(points=POINTS, components=WIDTHS[0]).build(seed).train.inputs
    drawn = stream(seed, "init")
    layers: list[nn.Module] = []
    for index, (narrow, wide) in enumerate(itertools.pairwise(WIDTHS)):
        layer = nn.Linear(narrow, wide, dtype=torch.float64)
        with torch.no_grad():
            noise = torch.randn(wide, narrow, generator=drawn, dtype=torch.float64)
            layer.weight.copy_(noise / math.sqrt(narrow))
            layer.bias.zero_()
        linear = index + 1 in (CODE, len(WIDTHS) - 1)
        layers += [layer] if linear else [layer, nn.Tanh()]
    return ModelObjective(nn.Sequential(*layers), SquaredError(), inputs, inputs)


def losses(objective: ModelObjective, optimizer: Optimizer[Any], steps: int) -> Tensor:
    """The losses after each step, (steps,)."""
    theta, memory, found = objective.start, optimizer.init(objective.start), []
    for _ in range(steps):
        theta, memory = optimizer.step(objective, theta, memory)
        found.append(objective.losses(theta[None]))
    return torch.cat(found)


def raced(
    objective: ModelObjective, optimizers: Sequence[Optimizer[Any]], limit: int, *, target: float
) -> Raced:
    """The fewest iterations with which one of some optimizers reaches a loss, and their seconds."""
    best = math.nan, math.nan
    for optimizer in optimizers:
        theta, memory, spent = objective.start, optimizer.init(objective.start), 0.0
        for step in range(1, limit + 1):
            before = time.thread_time()
            theta, memory = optimizer.step(objective, theta, memory)
            spent += time.thread_time() - before
            value = float(objective.losses(theta[None]))
            if value <= target:
                best, limit = (step, spent), step - 1
            if value <= target or not math.isfinite(value):
                break
    return best
