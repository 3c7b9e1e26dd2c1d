"""A regression and the same one with inputs changed by an affine map, which some rules do not see.

A network 2-3-2 with tanh units starts near the one that gives the targets, up to noise: there its
Fisher matrix is far from singular, and a step without damping is safe.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from landscape_core.foundation.random_streams import stream
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.base import Optimizer

SIZES, POINTS = (2, 3, 2), 200
DISTANCE, NOISE = 0.1, 0.1
"""Standard deviations of the start from the teacher, and of the noise of the targets."""


def regression(seed: int) -> ModelObjective:
    """The loss ½ ‖outputs − targets‖² on normal inputs; the seed draws all of it."""
    drawn = stream(seed, "teacher")

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=drawn, dtype=torch.float64)

    inputs, size = normal(POINTS, SIZES[0]), SIZES[1]
    module = nn.Sequential(nn.Linear(SIZES[0], size), nn.Tanh(), nn.Linear(size, SIZES[2])).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(normal(*parameter.shape))
        targets = module(inputs) + NOISE * normal(POINTS, SIZES[2])
        for parameter in module.parameters():
            parameter.add_(DISTANCE * normal(*parameter.shape))
    return ModelObjective(module, SquaredError(), inputs, targets)


def affine_map(seed: int) -> tuple[Tensor, Tensor]:
    """A matrix with singular values from 1 to 10 and an offset, which change the inputs."""
    drawn = stream(seed, "affine map")
    size = SIZES[0]
    left, right = torch.linalg.qr(
        torch.randn(2, size, size, generator=drawn, dtype=torch.float64)
    ).Q
    values = torch.logspace(0, 1, size, dtype=torch.float64)
    return left * values @ right, torch.randn(size, generator=drawn, dtype=torch.float64)


def with_changed_inputs(
    objective: ModelObjective, matrix: Tensor, offset: Tensor
) -> ModelObjective:
    """The same loss for inputs Mx + c, from weights that do to them what the start does to x."""
    parts = dict(objective.layout.split(objective.start))
    weight = parts["0.weight"] @ torch.linalg.inv(matrix)
    bias = parts["0.bias"] - weight @ offset
    changed = objective.layout.join({**parts, "0.weight": weight, "0.bias": bias})
    module = copy.deepcopy(objective.module)
    torch.nn.utils.vector_to_parameters(changed, module.parameters())
    inputs = objective.inputs @ matrix.T + offset
    return ModelObjective(module, objective.given_loss, inputs, objective.targets)


def apart(
    pair: tuple[ModelObjective, ModelObjective], optimizer: Optimizer[Any], steps: int
) -> list[float]:
    """The largest difference of the outputs of two networks, at the start and after each step."""
    thetas = [one.start for one in pair]
    memories = [optimizer.init(theta) for theta in thetas]
    found = []
    for step in range(steps + 1):
        outputs = [f.outputs(at).detach() for f, at in zip(pair, thetas, strict=True)]
        found.append(float((outputs[0] - outputs[1]).abs().max()))
        if step < steps:
            moved = [optimizer.step(*each) for each in zip(pair, thetas, memories, strict=True)]
            thetas, memories = [theta for theta, _ in moved], [memory for _, memory in moved]
    return found
