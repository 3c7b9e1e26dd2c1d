"""The networks that every tool evaluates, by name."""

from collections.abc import Callable
from itertools import pairwise

from torch import nn


def build(name: str) -> nn.Module:
    """A new network in evaluation mode, its parameters at random."""
    return BUILDERS[name]().eval()


def mlp(*widths: int, activation: type[nn.Module]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out), activation()]
    return nn.Sequential(*layers[:-1])


def convolutional() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    )


BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "tiny-tanh": lambda: mlp(2, 16, 16, 2, activation=nn.Tanh),
    "tiny-relu": lambda: mlp(2, 16, 16, 2, activation=nn.ReLU),
    "mlp": lambda: mlp(64, 64, 64, 10, activation=nn.ReLU),
    "conv": convolutional,
}
