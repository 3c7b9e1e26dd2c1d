"""The networks that every tool evaluates, and their losses, by name."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn


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


class Sequences(nn.Module):
    """Classes of sequences (N, T, F) by the last output of an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 32, batch_first=True)
        self.head = nn.Linear(32, 10)

    def forward(self, rows: Tensor) -> Tensor:
        return self.head(self.lstm(rows)[0][:, -1])


class Poisson(nn.Module):
    """The residual u'' + π² sin πx of a network u at points x (N, 1), by autograd in forward."""

    def __init__(self) -> None:
        super().__init__()
        self.u = mlp(1, 32, 32, 1, activation=nn.Tanh)

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_(requires_grad=True)
            (slope,) = torch.autograd.grad(self.u(x).sum(), x, create_graph=True)
            (bend,) = torch.autograd.grad(slope.sum(), x, create_graph=True)
        return bend + torch.pi**2 * torch.sin(torch.pi * x)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross-entropy": nn.functional.cross_entropy,
    "squared error": nn.functional.mse_loss,
}

BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "tiny-tanh": lambda: mlp(2, 16, 16, 2, activation=nn.Tanh),
    "tiny-relu": lambda: mlp(2, 16, 16, 2, activation=nn.ReLU),
    "mlp": lambda: mlp(64, 64, 64, 10, activation=nn.ReLU),
    "conv": convolutional,
    "lstm": Sequences,
    "pinn": Poisson,
}
