"""Networks on the digits, trained by the optimizers of the catalogue, for labs that share them."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from landscape_core.connectivity.paths.base import batches
from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.types import Vector
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.losses.base import Loss
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.supervised import Supervised
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.run import Run
from landscape_core.training.samplers.full_batches import FullBatches

CROSS_ENTROPY = CrossEntropy()


def digits(
    architecture: Architecture, seed: int, *, points: int, loss: Loss = CROSS_ENTROPY
) -> ModelObjective:
    """The loss of a network on `points` digits; the seed draws the data and the start."""
    part = Digits(points=points).build(seed).train
    network = architecture.build((64,), 10, stream(seed, "init"))
    return ModelObjective(network, loss, part.inputs.float(), part.targets)


def descent(
    objective: ModelObjective, optimizer: Optimizer[Any], steps: int, *, batch: int, seed: int
) -> Iterator[Vector]:
    """Yield the start and the iterate after every step."""
    for theta, _ in states(objective, optimizer, steps, batch=batch, seed=seed):
        yield theta


def states(
    objective: ModelObjective, optimizer: Optimizer[Any], steps: int, *, batch: int, seed: int
) -> Iterator[tuple[Vector, Any]]:
    """Yield the iterates of `descent`, each with the optimizer's memory."""
    theta, memory = objective.start, optimizer.init(objective.start)
    yield theta, memory
    for part in islice(batches(objective, batch, seed), steps):
        theta, memory = optimizer.step(part, theta, memory)
        yield theta, memory


def digits_run(  # noqa: PLR0913 - all but the loss as in `digits` and `descent`
    architecture: Architecture, optimizer: Optimizer[Any], steps: int, *,
    points: int, batch: int, seed: int, loss: Loss = CROSS_ENTROPY,
) -> Run:  # fmt: skip
    """The run whose iterates are those of `descent` on `digits`."""
    problem = Supervised(dataset=Digits(points=points), architecture=architecture, loss=loss)
    return Run(
        problem=problem, optimizer=optimizer, sampler=FullBatches(), batch_size=batch, steps=steps,
        seed=seed,
    )  # fmt: skip
