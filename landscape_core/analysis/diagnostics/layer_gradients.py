"""Norms of gradients and weights by layer: Glorot, Bengio, 2010, AISTATS; You et al., 2017.

Gradients that vanish or explode show in norms that fall or rise from layer to layer (Glorot and
Bengio). The ratio of the two norms is how fast a layer turns under gradient descent, which LARS
makes equal (You, Gitman, Ginsburg, 2017, arXiv:1708.03888).
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
    """How long the gradient and the weights are in each layer and each tensor."""

    label: ClassVar[str] = "gradients by layer"
    formula: ClassVar[str] = "‖∇ₗL‖, ‖Wₗ‖, ‖∇ₗL‖ / ‖Wₗ‖"
    source: ClassVar[str] = "Glorot and Bengio, 2010, AISTATS, PMLR 9:249-256"

    max_examples: Annotated[int, Knob(1, 1_000_000, "examples it is taken on, at most", "log")] = (
        1000
    )

    @public_call
    def at(self, objective: ModelObjective, theta: Vector) -> xr.Dataset:
        """Euclidean norms of gradient and weights, and their ratio, by block and by tensor.

        `gradient_norm`, `weight_norm` and `ratio` (block), of the network and of each layer, and
        the same with `tensor_` in front (tensor). A ratio is infinite where weights are zero.

        Raises:
            SpecError: a theta of another size or not finite; before any work.
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
            "norm of the gradient over that of the weights",
        ),
    }
