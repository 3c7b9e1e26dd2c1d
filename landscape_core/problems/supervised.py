"""Supervised learning."""

from dataclasses import dataclass, field
from typing import Annotated

import torch

from landscape_core import seeds
from landscape_core.architectures.base import Architecture
from landscape_core.architectures.mlp import MLP
from landscape_core.datasets.base import Data, Dataset
from landscape_core.datasets.spirals import Spirals
from landscape_core.losses.base import Loss
from landscape_core.losses.cross_entropy import CrossEntropy
from landscape_core.objective import ModelObjective
from landscape_core.problems.base import Instance, Problem
from landscape_core.recipes import Note

@dataclass(frozen=True, kw_only=True)
class Supervised(Problem):
    """A network learns from examples."""

    dataset: Annotated[Dataset, Note("what is to be learned")] = field(default_factory=Spirals)
    architecture: Annotated[Architecture, Note("the network")] = field(default_factory=MLP)
    loss: Annotated[Loss, Note("what is minimized")] = field(default_factory=CrossEntropy)

    def build(self, seed: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Instance:
        data = self.dataset.build(seed)
        net = self.architecture.build(data.input_shape, self.loss.outputs(data), seeds.stream(seed, "init")).to(device, dtype)
        def obj(d):
            y = d.targets.to(device)
            return ModelObjective(net, self.loss, d.inputs.to(device, dtype), y.to(dtype) if y.is_floating_point() else y)
        train = obj(data.train)
        return Instance(train, obj(data.test), train.start, data)
