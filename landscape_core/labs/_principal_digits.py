"""Digits by their principal components: a network on them is small enough for its whole Hessian."""

from dataclasses import dataclass

import torch
from torch import Tensor

from landscape_core.foundation.random_streams import stream
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.digits import Digits, principal_components
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.supervised import Supervised

COMPONENTS, WIDTH, DEPTH = 16, 12, 3
"""Inputs; units of each hidden layer; hidden layers: 646 parameters with ten classes."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs (N, 16) and targets (N,) for training, and others for tests."""

    inputs: Tensor
    targets: Tensor
    test_inputs: Tensor
    test_targets: Tensor

    def objective(self, seed: int, activation: str) -> ModelObjective:
        """The training loss of a small network in float64; the seed draws its start."""
        architecture = MLP(depth=DEPTH, width=WIDTH, activation=activation)
        network = architecture.build((COMPONENTS,), 10, stream(seed, "init"))
        loss = CrossEntropy()
        return ModelObjective(network, loss, self.inputs.float(), self.targets).in_double()


def examples(seed: int, *, points: int, noise: float = 0.0) -> Examples:
    """The principal components of `points` digits, divided by one standard deviation for all.

    Training alone determines the components. A fraction `noise` of its labels is random.
    """
    split = Digits(points=points).build(seed)
    pixels = split.train.inputs.double(), split.test.inputs.double()
    inputs, tests = principal_components(*pixels, COMPONENTS)
    targets, rng = split.train.targets.clone(), stream(seed, "labels")
    some = torch.randperm(points, generator=rng)[: round(noise * points)]
    targets[some] = torch.randint(10, (len(some),), generator=rng)
    return Examples(inputs, targets, tests, split.test.targets)


def problem(points: int, activation: str) -> Supervised:
    """The problem of the catalogue with the loss of `examples` without random labels."""
    return Supervised(
        dataset=Digits(points=points, components=COMPONENTS),
        architecture=MLP(depth=DEPTH, width=WIDTH, activation=activation),
        loss=CrossEntropy(),
    )
