"""Hidden units of an MLP in the order whose activations are nearest to those of another network.

Ainsworth, Hayase and Srinivasa, 2023, Git Re-Basin, section 3.1, arXiv:2209.04836: with activations
A and B (N, width) of a layer on the same examples, the permutation π of least Σᵢ ‖aᵢ − b_π(i)‖² is
that of the largest Σᵢ ⟨aᵢ, b_π(i)⟩, a linear assignment for each layer by itself.
"""

import torch
from torch import Tensor

from landscape_core.connectivity.hidden_units import Permutation
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective


def hidden_activations(objective: ModelObjective, theta: Vector) -> list[Tensor]:
    """The activations of each hidden layer of a ReLU MLP on the objective's inputs, (N, width)."""
    tensors, found = list(objective.layout.split(theta).values()), [objective.inputs]
    for weight, bias in zip(tensors[:-2:2], tensors[1:-2:2], strict=True):
        found.append((found[-1] @ weight.T + bias).relu())
    return found[1:]


def by_activations(objective: ModelObjective, first: Vector, last: Vector) -> list[Permutation]:
    """The order of the hidden units of `last` whose activations are nearest to those of `first`."""
    from scipy.optimize import linear_sum_assignment  # takes a while to import

    both = (hidden_activations(objective, theta) for theta in (first, last))
    products = [(one.T @ other).double().numpy() for one, other in zip(*both, strict=True)]
    return [torch.from_numpy(linear_sum_assignment(each, maximize=True)[1]) for each in products]
