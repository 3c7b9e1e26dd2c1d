"""The work that a tool is given, what it hands back, and the files between the two processes.

Each tool runs as `python -m peers.<tool> work.pt result.npz` in its own environment.
"""

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from peers import models


@dataclass(frozen=True, kw_only=True)
class Work:
    """A plane of `steps` by `steps` points, -span to span along both directions.

    The loss is the mean over the whole batch.

    Args:
        model: a name that `models.build` knows.
        state: the network's state dict at the centre of the plane.
        directions: two, each one tensor a parameter, in the order of `parameters()`.
        threads: of torch.
        rounds: times the plane is evaluated; the shortest time counts.
        loss: a name in `models.LOSSES`.
    """

    model: str
    state: dict[str, Tensor]
    inputs: Tensor
    targets: Tensor
    directions: list[list[Tensor]]
    steps: int = 51
    span: float = 1.0
    threads: int = 2
    rounds: int = 3
    loss: str = "cross-entropy"

    def network(self) -> nn.Module:
        """A new network at the centre of the plane."""
        network = models.build(self.model)
        network.load_state_dict(self.state)
        return network

    def mean_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return models.LOSSES[self.loss](outputs, targets)

    def batches(self) -> list[tuple[Tensor, Tensor]]:
        """The whole batch, in the place where a tool takes a data loader."""
        return [(self.inputs, self.targets)]

    def axes(self) -> np.ndarray:
        """The two directions as flat vectors in float64, shape (2, P)."""
        return np.stack([flat(direction) for direction in self.directions])

    def ticks(self) -> np.ndarray:
        """The coordinates along one side, shape (steps,)."""
        return np.linspace(-self.span, self.span, self.steps)

    def save(self, path: Path) -> None:
        torch.save(asdict(self), path)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a tool made of a work.

    Args:
        seconds: for the plane alone, without making the network or drawing.
        values: the losses as the tool hands them out, shape (M, M).
        claimed: alpha and beta of each value as the tool states them, shape (2, M, M).
        visited: alpha and beta of each value where its source really goes, shape (2, M, M).
        axes: the directions that the coordinates multiply, flat, shape (2, P).
        genuine: False where the tool replaces the loss by another number, shape (M, M).
    """

    seconds: float
    values: np.ndarray
    claimed: np.ndarray
    visited: np.ndarray
    axes: np.ndarray
    genuine: np.ndarray


def answer(evaluate: Callable[[Work], Evaluation], package: str) -> None:
    """Do the work that the command line names, after a warm-up, and write what came of it."""
    source, target = sys.argv[1:]
    work = Work(**torch.load(source, weights_only=True))
    torch.set_num_threads(work.threads)
    evaluate(replace(work, steps=3))
    evaluations = [evaluate(work) for _ in range(work.rounds)]
    best = min(evaluations, key=lambda evaluation: evaluation.seconds)
    np.savez(target, version=version(package), **asdict(best))


def flat(tensors: list[Tensor]) -> np.ndarray:
    """One float64 vector of all the numbers, shape (P,)."""
    return torch.cat([tensor.detach().reshape(-1).double() for tensor in tensors]).numpy()


def lattice(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Coordinates of a grid whose rows follow the first side, shape (2, M, M)."""
    return np.stack(np.meshgrid(first, second, indexing="ij"))
