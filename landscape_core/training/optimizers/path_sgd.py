"""Path-SGD: Neyshabur, Salakhutdinov, Srebro, 2015, Path-Normalized Optimization, arXiv:1506.02617.

Steepest descent with respect to the path-norm, equation 9 with p = 2: each weight's gradient is
divided by π, the sum over all paths from an input to an output through this weight of the products
of the other weights' squares. One forward and one backward pass of the network with squared weights
on an input of ones give all π. A bias is a weight from an input that is always 1.

Multiplying the weights into a unit by c > 0 and those out of it by 1/c changes neither the function
of a network whose activations are positively homogeneous, nor that of any iterate of this rule. So
it is for chains of fully connected layers with ReLU, leaky ReLU or no activation, and refuses all
others. Where no path with weights other than 0 goes through a weight, its gradient is 0, and it
stays. The authors' program scales all steps by one factor, so that the first is of the length of
SGD's, and adds momentum; here the learning rate is that of the formula.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.layer_chain import chain_of
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.training.optimizers.base import Optimizer

HOMOGENEOUS = (nn.ReLU, nn.LeakyReLU, nn.Identity)
"""Activations with a(cx) = c a(x) for c > 0, which leave positive numbers as they are."""

ACCEPTED = (
    "a chain of fully connected layers with relu, leaky relu or identity between them and nothing"
    " else, as mlp with the activation relu and no normalization, or deep_linear"
)

Layers = tuple[tuple[int, int, int, int], ...]
"""Of each layer where in θ its weight (O, I) begins, O, I, and where its bias does; −1: none."""


@dataclass(frozen=True, kw_only=True)
class PathSGD(Optimizer[Layers]):
    """Gradient descent that rescaling the units of a ReLU network does not change."""

    label: ClassVar[str] = "Path-SGD"
    family: ClassVar[str] = "gradient descent"
    formula: ClassVar[str] = (
        "πₑ = Σ over paths through weight e of Π θ² over their other weights;  θ ← θ − η g / π"
    )
    source: ClassVar[str] = (
        "Neyshabur, Salakhutdinov & Srebro, 2015, Path-SGD: Path-Normalized Optimization in Deep "
        "Neural Networks"
    )

    learning_rate: Annotated[
        float,
        Knob(1e-6, 100.0, "learning rate (step size) η; large weights make steps small", "log"),
    ] = 0.02

    def check_objective(self, objective: Objective) -> None:
        """Raise `SpecError` unless it is of fully connected layers with homogeneous activations."""
        path_layers(objective)

    def init(self, theta: Vector) -> Layers:
        """Return the initial state: the layers are not read yet."""
        del theta
        return ()

    def step(self, objective: Objective, theta: Vector, memory: Layers) -> tuple[Vector, Layers]:
        """Take a step of size η along −g / π."""
        layers = memory or path_layers(objective)
        g, pi = objective.gradient(theta), path_sums(theta, layers)
        move = torch.where(pi > 0, g / pi, 0.0).to(theta)
        return torch.sub(theta, move, alpha=self.learning_rate), layers


def path_layers(objective: Objective) -> Layers:
    """Where in θ the layers of a network lie, in their order.

    Raises:
        SpecError: it is no network whose function rescaling of its units leaves as it is.
    """
    network = objective.network
    chain = None if network is None else chain_of(network.module)
    if network is None or chain is None:
        told = "no network" if network is None else type(network.module).__name__
        raise SpecError("the network of Path-SGD", told, ACCEPTED)
    for part in chain:
        flat = type(part) is nn.Flatten and (part.start_dim, part.end_dim) == (1, -1)
        if type(part) not in (nn.Linear, *HOMOGENEOUS) and not flat:
            raise SpecError("the network of Path-SGD", f"one with {part}", ACCEPTED)
    if network.inputs.ndim > 2 and type(chain[0]) is not nn.Flatten:
        told = f"one of inputs of shape {tuple(network.inputs.shape[1:])}, not flattened first"
        raise SpecError("the network of Path-SGD", told, ACCEPTED)
    return _places(network, [part for part in chain if type(part) is nn.Linear])


def _places(network: ModelObjective, linear: Sequence[nn.Linear]) -> Layers:
    """Where the layers' tensors lie; each must be a block of θ of its own."""
    names = {id(tensor): name for name, tensor in network.module.named_parameters()}
    starts = {block.name: block.start for block in network.layout.blocks}
    tensors = [one for layer in linear for one in (layer.weight, layer.bias) if one is not None]
    places = [starts.get(names.get(id(tensor), ""), -1) for tensor in tensors]
    if min(places) < 0 or len(set(places)) != len(places):
        told = "one with weights that are fixed or shared"
        raise SpecError("the network of Path-SGD", told, ACCEPTED)
    found = dict(zip(map(id, tensors), places, strict=True))
    return tuple((found[id(x.weight)], *x.weight.shape, found.get(id(x.bias), -1)) for x in linear)


def path_sums(theta: Vector, layers: Layers) -> Vector:
    """π of each parameter, shape (P,), float64."""
    squares = theta.detach().double().square()
    weights = [squares[at : at + rows * n].view(rows, n) for at, rows, n, _ in layers]
    biases = [squares[at : at + rows] if at >= 0 else 0.0 for _, rows, _, at in layers]

    def forward(h: Tensor, layer: int) -> Tensor:
        return weights[layer] @ h + biases[layer]

    count = range(len(layers) - 1)
    into = list(accumulate(count, forward, initial=squares.new_ones(layers[0][2])))
    backward = (weight.T for weight in reversed(weights[1:]))
    last = squares.new_ones(layers[-1][1])
    out = list(accumulate(backward, lambda d, weight: weight @ d, initial=last))[::-1]
    pi = torch.ones_like(squares)
    for (at, rows, n, bias), h, d in zip(layers, into, out, strict=True):
        pi[at : at + rows * n] = torch.outer(d, h).reshape(-1)
        if bias >= 0:
            pi[bias : bias + rows] = d
    return pi
