"""Node classification: a graph convolutional network on a degree-corrected block model.

Karrer and Newman, 2011, arXiv:1008.3926: nodes i and j of classes a and b are joined with
probability min(1, θᵢ θⱼ p_ab). Here p_ab is p_in within a class and p_out between classes, and the
weights θ are Pareto's, divided by their mean. The network is that of Kipf and Welling, 2017,
arXiv:1609.02907.
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
from landscape_core.models.architectures._gcn import GCN, normalized
from landscape_core.models.datasets.base import Data, Split
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.initializations.xavier import Xavier
from landscape_core.models.losses.base import Loss
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.neighbor_sampling.all import All
from landscape_core.models.neighbor_sampling.base import Neighbours
from landscape_core.models.network_blocks import ACTIVATION, initialized
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance, Problem


@dataclass(frozen=True, kw_only=True)
class NodeClassification(Problem):
    """A graph network tells the class of each node, from features, neighbours and a few labels.

    Examples are the labelled nodes, inputs their numbers; the others are the test data.
    """

    label: ClassVar[str] = "node classification"

    nodes: Annotated[int, Knob(20, 3000, "nodes of the graph", "log")] = 1000
    classes: Annotated[int, Knob(2, 10, "classes, of equal size")] = 4
    p_in: Annotated[float, Knob(0.0, 1.0, "how likely two nodes of a class are joined")] = 0.02
    p_out: Annotated[float, Knob(0.0, 1.0, "how likely two of different classes are")] = 0.004
    tail: Annotated[
        float, Knob(1.1, 100.0, "Pareto exponent of the degrees; a low one: a few hubs", "log")
    ] = 2.5
    features: Annotated[int, Knob(1, 1000, "numbers that each node shows", "log")] = 16
    noise: Annotated[
        float, Knob(0.0, 100.0, "their deviation from the mean of the class; means are N(0, 1)")
    ] = 2.5
    labelled: Annotated[float, Knob(0.01, 0.99, "share of the nodes that are training data")] = 0.6
    layers: Annotated[int, Knob(1, 10, "layers; each takes in neighbours one step further")] = 2
    width: Annotated[int, Knob(1, 1024, "units in each hidden layer", "log")] = 32
    activation: Annotated[str, ACTIVATION] = "relu"
    initialization: Annotated[Initialization, Note("how the weights start")] = field(
        default_factory=Xavier
    )
    neighbours: Annotated[Neighbours, Note("which neighbours a training step sums over")] = field(
        default_factory=All
    )
    loss: Annotated[Loss, Note("what is minimized")] = field(default_factory=CrossEntropy)
    data_seed: Annotated[
        int, Knob(-1, 2**31 - 1, "draws the graph; -1: as the run's seed says")
    ] = -1

    def check(self) -> None:
        """Refuse no training or test nodes, and initializations that must see inputs."""
        count = self._labelled
        if not 0 < count < self.nodes:
            accepted = f"a share that leaves training and test nodes of {self.nodes}"
            raise SpecError("NodeClassification.labelled", self.labelled, accepted)
        if type(self.initialization).settle is not Initialization.settle:
            name = name_of(type(self.initialization))
            accepted = "one that fills each layer by itself"
            raise SpecError("NodeClassification.initialization", name, accepted)

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
        """The linear layers, initialized."""
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
        """The symmetric A of zeros and ones, without loops, (N, N)."""
        weights = 1.0 + rng.pareto(self.tail, self.nodes)
        weights /= weights.mean()
        found = np.zeros((self.nodes, self.nodes))
        for i in range(self.nodes):
            alike = classes[i + 1 :] == classes[i]
            chance = weights[i] * weights[i + 1 :] * np.where(alike, self.p_in, self.p_out)
            found[i, i + 1 :] = rng.random(len(chance)) < chance
        return found + found.T
