"""Supervised learning: the mean loss of a network over examples.

A regularizer changes the gradient that optimizers follow on the training examples; the loss shown
everywhere is without it.
"""

import math
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, ClassVar

import torch

from landscape_core.foundation import random_streams
from landscape_core.foundation.part_files import is_shipped
from landscape_core.foundation.recipes import Knob, Note
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.base import Data, ProblemData
from landscape_core.models.datasets.spirals import Spirals
from landscape_core.models.losses.base import Loss
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.network_size import operations_of, parameters_of
from landscape_core.models.problems.base import Instance, Problem, ProblemSize
from landscape_core.models.random_labels import with_random_labels
from landscape_core.models.regularizers.base import Regularizer
from landscape_core.models.regularizers.none import NoRegularizer


@dataclass(frozen=True, kw_only=True)
class Supervised(Problem):
    """Supervised learning: train a network on labelled examples."""

    label: ClassVar[str] = "supervised"

    dataset: Annotated[ProblemData, Note("the data set")] = field(default_factory=Spirals)
    architecture: Annotated[Architecture, Note("network architecture")] = field(default_factory=MLP)
    loss: Annotated[Loss, Note("loss function")] = field(default_factory=CrossEntropy)
    regularizer: Annotated[
        Regularizer,
        Note("regularizer added to the training gradient; the loss is shown without it"),
    ] = field(default_factory=NoRegularizer)
    random_labels: Annotated[
        float,
        Knob(
            0.0,
            1.0,
            "probability that a training label is replaced by a random one; targets of a"
            " regression are permuted",
        ),
    ] = 0.0
    data_seed: Annotated[
        int,
        Knob(
            -1,
            2**31 - 1,
            "random seed of the data and their train-test split; -1: the seed of the run",
        ),
    ] = -1

    def estimated_size(self) -> ProblemSize | None:
        data = self.dataset.estimated_size()
        if data is None or not is_shipped(type(self.architecture).__module__):
            return None  # what a class of the user's own does without values, nobody knows
        shape, outputs = data.sample.input_shape, self.loss.outputs(data.sample)
        known = self.architecture, shape, outputs
        return ProblemSize(
            parameters_of(*known), data.training, data.data, outputs, math.prod(shape),
            partial(operations_of, *known),
        )  # fmt: skip

    def build(self, seed: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Instance:
        own = seed if self.data_seed < 0 else self.data_seed
        data = with_random_labels(self.dataset.build(own), self.random_labels, own)
        outputs = self.loss.outputs(data)
        rng = random_streams.stream(seed, "init")
        network = self.architecture.build(data.input_shape, outputs, rng, data.train.inputs).to(
            device, dtype
        )

        def over(part: Data) -> ModelObjective:
            targets = part.targets.to(device)
            if targets.is_floating_point():
                targets = targets.to(dtype)
            return ModelObjective(network, self.loss, part.inputs.to(device, dtype), targets)

        train = self.regularizer.regularized(over(data.train))
        return Instance(train, over(data.test), train.start, data)
