"""Norms of gradients and weights by layer: Glorot, Bengio, 2010, AISTATS; You et al., 2017.

Vanishing or exploding gradients appear as norms that decrease or increase from layer to layer
(Glorot and Bengio). LARS equalizes the ratio of the two norms across layers (You, Gitman, Ginsburg,
2017, arXiv:1708.03888).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import xarray as xr
from torch import Tensor

from landscape_core.analysis.diagnostics.base import (
    Column,
    Diagnostic,
    blocks_of,
    check_point,
    column,
    dataset,
    taken,
)
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.parameters import Block


@dataclass(frozen=True, kw_only=True)
class LayerGradients(Diagnostic):
    """Norms of the gradient and of the weights, per layer and per tensor."""

    label: ClassVar[str] = "gradients by layer"
    formula: ClassVar[str] = "‖∇ₗL‖, ‖Wₗ‖, ‖∇ₗL‖ / ‖Wₗ‖"
    source: ClassVar[str] = "Glorot and Bengio, 2010, AISTATS, PMLR 9:249-256"

    max_examples: Annotated[int, Knob(1, 1_000_000, "maximum number of examples", "log")] = 1000

    @public_call
    def at(self, objective: ModelObjective, theta: Vector) -> xr.Dataset:
        """Euclidean norms of gradient and weights, and their ratio, by block and by tensor.

        `gradient_norm`, `weight_norm` and `ratio` (block), of the network and of each layer, and
        the same with the prefix `tensor_` (tensor). A ratio is infinite if the weights are zero.

        Raises:
            SpecError: theta has the wrong size or is not finite; before any work.
        """
        check_point(objective, theta)
        part = objective.first(self.max_examples)
        gradient = part.gradient(theta)
        layers = blocks_of(part)
        tensors = {block.name: (block,) for block in part.layout.blocks}
        columns = {
            **_norms("", "block", layers, gradient, theta),
            **_norms("tensor_", "tensor", tensors, gradient, theta),
        }
        return dataset(self, part, columns, {"block": list(layers), "tensor": list(tensors)})


def _norms(
    prefix: str,
    dimension: str,
    of: Mapping[str, Sequence[Block]],
    gradient: Tensor,
    theta: Vector,
) -> dict[str, Column]:
    slopes = torch.stack([taken(blocks, gradient).norm() for blocks in of.values()])
    weights = torch.stack([taken(blocks, theta).norm() for blocks in of.values()])
    dims = [dimension]
    return {
        f"{prefix}gradient_norm": column(dims, slopes, "loss / weight", "norm of the gradient"),
        f"{prefix}weight_norm": column(dims, weights, "weight", "norm of the weights"),
        f"{prefix}ratio": column(
            dims,
            slopes / weights,
            "loss / weight²",
            "ratio of gradient norm to weight norm",
        ),
    }
