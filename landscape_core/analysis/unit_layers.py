"""Layers of units: a network read layer by layer, where it is a chain of layers of torch.

A layer is a step with weights and what follows it up to the next such step: normalization and
activation function. Its units' activations are what the last of these gives; pooling and flattening
come between layers.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from landscape_core.foundation.types import Vector
from landscape_core.models.activations import KNOWN
from landscape_core.models.layer_chain import chain_of
from landscape_core.models.network_objective import ModelObjective

NORMALIZING = (_NormBase, nn.LayerNorm, nn.GroupNorm)
ACTIVATING = tuple(one.layer for one in KNOWN)
NAMES: dict[type, str] = {one.layer: one.name or one.layer.__name__ for one in KNOWN}

CLOSE = 1e-3
"""Relative difference up to which the layers one after the other give the network's outputs."""


@dataclass(frozen=True, eq=False)
class UnitLayer:
    """The steps of a layer: the first has the weights, the last gives the units' activations.

    `tensors` are the names of weight and bias in the vector of parameters; empty where a weight is
    computed from others, or there is none.
    """

    steps: tuple[nn.Module, ...]
    activation: str
    tensors: tuple[str, str]

    @property
    def weight(self) -> Tensor | None:
        """The weight of a linear layer (units, inputs) or a convolution; None of other steps."""
        found = getattr(self.steps[0], "weight", None)
        known = isinstance(found, Tensor) and not list(self.steps[0].children())
        return found if known else None

    @property
    def bias(self) -> Tensor | None:
        """The biases of a linear layer or a convolution, (units,); None where there are none."""
        found = getattr(self.steps[0], "bias", None)
        return found if self.weight is not None and isinstance(found, Tensor) else None


class LayerReader:
    """A private copy of a network, whose layers are read at one point after another."""

    def __init__(self, objective: ModelObjective) -> None:
        """Copy the network and find its layers; none where it is no chain of them."""
        self._objective = objective
        own = objective.apart().module
        self._values = dict(own.named_parameters()) | dict(own.named_buffers())
        chain = chain_of(own) or []
        self._steps = tuple(chain)
        self.layers = _layers(own, chain)
        if self.layers and not self._gives_outputs():
            self.layers = ()

    def at(self, theta: Vector, buffers: dict[str, Tensor], inputs: Tensor) -> tuple[Tensor, ...]:
        """The activations of the units of each layer, (N, units, ...), and of the copy's weights.

        The layers' weights are those at theta until the next call.
        """
        with torch.no_grad():
            for name, value in (self._objective.layout.split(theta) | buffers).items():
                if name in self._values:
                    self._values[name].copy_(value)
            return self._read(inputs)

    def _read(self, inputs: Tensor) -> tuple[Tensor, ...]:
        ends = {id(layer.steps[-1]) for layer in self.layers}
        found, values = [], inputs
        for step in self._steps:
            values = step(values)
            if id(step) in ends:
                found.append(values)
        return tuple(found)

    def _gives_outputs(self) -> bool:
        """Whether the steps one after the other are the network, tried on a few examples."""
        part = self._objective.first(4).alone()
        try:
            found = self.at(part.start, part.buffers, part.inputs)
        except (RuntimeError, TypeError, ValueError):  # a step of the user's own
            return False
        asked = part.outputs(part.start).detach()
        if len(found) != len(self.layers) or found[-1].shape != asked.shape:
            return False
        return torch.allclose(found[-1], asked, rtol=CLOSE, atol=CLOSE, equal_nan=True)


def _layers(module: nn.Module, chain: list[nn.Module]) -> tuple[UnitLayer, ...]:
    """The layers of a chain; none where a step is used twice."""
    if len({id(step) for step in chain}) < len(chain):
        return ()
    groups: list[list[nn.Module]] = []
    for step in chain:
        weighted = any(True for _ in step.parameters()) and not isinstance(step, NORMALIZING)
        if weighted:
            groups.append([step])
        elif groups and isinstance(step, (*NORMALIZING, *ACTIVATING)):
            groups[-1].append(step)
    names = {id(tensor): name for name, tensor in module.named_parameters()}
    return tuple(_layer(group, names) for group in groups)


def _layer(steps: list[nn.Module], names: dict[int, str]) -> UnitLayer:
    own = dict(steps[0].named_parameters(recurse=False))
    weight, bias = (names.get(id(own.get(name)), "") for name in ("weight", "bias"))
    last = next((NAMES[type(one)] for one in reversed(steps) if type(one) in NAMES), "")
    return UnitLayer(tuple(steps), last, (weight, bias))
