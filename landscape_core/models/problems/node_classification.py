"""Node classification: a graph convolutional network on a degree-corrected block model.

Karrer and Newman, 2011, arXiv:1008.3926: nodes i and j of classes a and b are connected with
probability min(1, θᵢ θⱼ p_ab). Here p_ab is p_in within a class and p_out between classes, and the
degree weights θ have a Pareto distribution, normalized to mean 1. The network is that of Kipf and
Welling, 2017, arXiv:1609.02907.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob, Note, name_of
from landscape_core.models.datasets.base import Data, Split
from landscape_core.models.graph_convolution import GCN, normalized
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.initializations.xavier import Xavier
from landscape_core.models.losses.base import Loss
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.neighbor_sampling.all import All
from landscape_core.models.neighbor_sampling.base import Neighbours
from landscape_core.models.network_blocks import ACTIVATION, initialized
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance, Problem, ProblemSize


@dataclass(frozen=True, kw_only=True)
class NodeClassification(Problem):
    """Semi-supervised node classification with a graph convolutional network.

    Training examples are the labelled nodes, inputs their indices; the others are the test data.
    """

    label: ClassVar[str] = "node classification"
    depth_field: ClassVar[str] = "layers"

    nodes: Annotated[int, Knob(20, 3000, "number of nodes", "log")] = 1000
    classes: Annotated[int, Knob(2, 10, "number of classes, of equal size")] = 4
    p_in: Annotated[float, Knob(0.0, 1.0, "edge probability within a class")] = 0.02
    p_out: Annotated[float, Knob(0.0, 1.0, "edge probability between classes")] = 0.004
    tail: Annotated[
        float,
        Knob(1.1, 100.0, "Pareto exponent of the degree distribution; small: a few hubs", "log"),
    ] = 2.5
    features: Annotated[int, Knob(1, 1000, "feature dimension of a node", "log")] = 16
    noise: Annotated[
        float,
        Knob(
            0.0,
            100.0,
            "standard deviation of the features around the class mean; means are N(0, 1)",
        ),
    ] = 2.5
    labelled: Annotated[float, Knob(0.01, 0.99, "fraction of nodes used for training")] = 0.6
    layers: Annotated[
        int,
        Knob(1, 10, "number of graph convolutions; each extends the receptive field by one hop"),
    ] = 2
    width: Annotated[int, Knob(1, 1024, "number of units in each hidden layer", "log")] = 32
    activation: Annotated[str, ACTIVATION] = "relu"
    initialization: Annotated[Initialization, Note("weight initialization")] = field(
        default_factory=Xavier
    )
    neighbours: Annotated[Neighbours, Note("neighbour sampling in training")] = field(
        default_factory=All
    )
    loss: Annotated[Loss, Note("loss function")] = field(default_factory=CrossEntropy)
    data_seed: Annotated[
        int, Knob(-1, 2**31 - 1, "random seed of the graph; -1: the seed of the run")
    ] = -1

    def check(self) -> None:
        """Raise `SpecError` for an empty split or a data-dependent initialization."""
        count = self._labelled
        if not 0 < count < self.nodes:
            accepted = f"a fraction that leaves both training and test nodes of {self.nodes}"
            raise SpecError("NodeClassification.labelled", self.labelled, accepted)
        if type(self.initialization).settle is not Initialization.settle:
            name = name_of(type(self.initialization))
            accepted = "one that initializes each layer independently"
            raise SpecError("NodeClassification.initialization", name, accepted)

    def estimated_size(self) -> ProblemSize:
        sizes = [self.features, *[self.width] * (self.layers - 1), self.classes]
        parameters = sum((one + 1) * other for one, other in pairwise(sizes))
        return ProblemSize(
            parameters, self._labelled, 8 * self.nodes * (self.nodes + self.features)
        )

    def build(self, seed: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Instance:
        rng = random_streams.numpy_stream(seed if self.data_seed < 0 else self.data_seed, "graph")
        classes = np.arange(self.nodes) % self.classes
        adjacency = torch.from_numpy(self._edges(classes, rng))
        means = rng.standard_normal((self.classes, self.features))
        noise = rng.standard_normal((self.nodes, self.features))
        features = torch.from_numpy(means[classes] + self.noise * noise)
        order = torch.from_numpy(rng.permutation(self.nodes))
        targets = torch.from_numpy(classes)[order]
        count = self._labelled
        parts = Data(order[:count], targets[:count]), Data(order[count:], targets[count:])
        data = Split(*parts, self.classes)
        network = GCN(
            normalized(adjacency),
            features,
            self._layers(self.loss.outputs(data), random_streams.stream(seed, "init")),
            self.activation,
            self.neighbours,
            seed,
        ).to(device, dtype)
        train, test = (
            ModelObjective(network, self.loss, part.inputs.to(device), part.targets.to(device))
            for part in parts
        )
        return Instance(train, test, train.start, data)

    def _layers(self, outputs: int, rng: torch.Generator) -> list[nn.Linear]:
        """Build the initialized linear layers."""
        hidden = self.layers - 1
        sizes = [self.features, *[self.width] * hidden, outputs]
        layers = [nn.Linear(one, other) for one, other in pairwise(sizes)]
        for layer, bend in zip(layers, [self.activation] * hidden + ["identity"], strict=True):
            initialized(layer, self.initialization, bend, rng)
        return layers

    @property
    def _labelled(self) -> int:
        return round(self.labelled * self.nodes)

    def _edges(
        self, classes: npt.NDArray[np.int64], rng: np.random.Generator
    ) -> npt.NDArray[np.float64]:
        """Sample the symmetric 0-1 adjacency matrix A without self-loops, (N, N)."""
        weights = 1.0 + rng.pareto(self.tail, self.nodes)
        weights /= weights.mean()
        found = np.zeros((self.nodes, self.nodes))
        for i in range(self.nodes):
            alike = classes[i + 1 :] == classes[i]
            chance = weights[i] * weights[i + 1 :] * np.where(alike, self.p_in, self.p_out)
            found[i, i + 1 :] = rng.random(len(chance)) < chance
        return found + found.T
