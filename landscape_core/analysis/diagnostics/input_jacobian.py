"""The input-output Jacobian and its singular values: Saxe et al., 2014, arXiv:1312.6120.

All singular values near one is called dynamical isometry: signals and gradients neither grow nor
vanish (Pennington, Schoenholz, Ganguli, 2017, arXiv:1711.04735).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn
from torch.func import functional_call, jvp, vmap

from landscape_core.analysis.diagnostics._layers import sequence, state_at, within
from landscape_core.analysis.diagnostics.base import (
    NETWORK,
    Column,
    Diagnostic,
    check_apart,
    check_point,
    column,
    dataset,
    padded,
    singular_values,
)
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob, Note
from landscape_core.foundation.types import Vector
from landscape_core.models.derivatives import input_jacobians
from landscape_core.models.network_objective import ModelObjective


@dataclass(frozen=True, kw_only=True)
class InputJacobian(Diagnostic):
    """Singular values of the input-output Jacobian, for the network and after each layer."""

    label: ClassVar[str] = "input-output Jacobian"
    formula: ClassVar[str] = "σ(∂hₗ/∂x)"
    source: ClassVar[str] = "Saxe et al., 2014, arXiv:1312.6120"

    max_examples: Annotated[int, Knob(1, 10_000, "maximum number of examples", "log")] = 8
    each_layer: Annotated[bool, Note("also after each layer of a sequential network")] = True

    @public_call
    def at(self, objective: ModelObjective, theta: Vector) -> xr.Dataset:
        """`singular_value` (layer, example, rank), `condition` (layer, example), `mean_square`.

        Layers are those of an `nn.Sequential` by name, the last being the output; for other
        networks only `network`. In units of the layer's values over those of the input; in
        descending order, padded with NaN. `condition` is the largest over the smallest,
        `mean_square` (layer) the mean of their squares over ranks and examples.

        Raises:
            SpecError: theta has the wrong size or is not finite, batch statistics are used, or the
        inputs are not floating-point; before any work.
        """
        check_point(objective, theta)
        check_apart(objective)
        part = objective.first(self.max_examples)
        if not part.inputs.is_floating_point():
            raise SpecError("the inputs", str(part.inputs.dtype), "floating-point numbers")
        layers = list(sequence(part.module)) if self.each_layer and part.adapter is None else []
        if layers:
            part.outputs(theta, part.inputs[:1])  # sets the mode of the network
            state = state_at(part, theta)
            parts = [(layer, within(state, name)) for name, layer in layers]
            found = [[singular_values(j) for j in _through(parts, x[None])] for x in part.inputs]
        else:
            layers = [(NETWORK, part.module)]
            found = [[singular_values(j)] for j in input_jacobians(part, theta)]
        values = [torch.stack(rows) for rows in zip(*found, strict=True)]
        coords = {
            "layer": [name for name, _ in layers],
            "kind": column(["layer"], [type(one).__name__ for _, one in layers], "", "its class"),
            "rank": np.arange(1, max(one.shape[1] for one in values) + 1),
        }
        return dataset(self, part, _columns(values), coords)


def _columns(values: list[Tensor]) -> dict[str, Column]:
    """The variables of the dataset from the singular values (example, rank) of each layer."""
    units = "value / input"
    array = padded([row for one in values for row in one])
    condition = torch.stack([one[:, 0] / one[:, -1] for one in values])
    square = torch.stack([one.square().mean() for one in values])
    return {
        "singular_value": column(
            ("layer", "example", "rank"),
            array.reshape(len(values), -1, array.shape[1]),
            units,
            "singular value of the Jacobian",
        ),
        "condition": column(("layer", "example"), condition, "1", "condition number"),
        "mean_square": column(["layer"], square, f"({units})²", "mean squared singular value"),
    }


def _through(layers: list[tuple[nn.Module, dict[str, Tensor]]], hidden: Tensor) -> Iterator[Tensor]:
    """The Jacobian (H, D) after each layer, for the single example in `hidden` (1, ...)."""
    D = hidden.numel()
    moves = torch.eye(D, dtype=hidden.dtype, device=hidden.device).reshape(D, *hidden.shape)
    for layer, own in layers:

        def value(at: Tensor, layer: nn.Module = layer, own: dict[str, Tensor] = own) -> Tensor:
            return functional_call(layer, own, (at,))

        moves = _pushed(value, hidden, moves)
        with torch.no_grad():
            hidden = value(hidden)
        yield moves.reshape(D, -1).T


def _pushed(value: Callable[[Tensor], Tensor], hidden: Tensor, moves: Tensor) -> Tensor:
    """Push tangent vectors (D, 1, ...) forward through a layer."""
    try:
        return vmap(lambda move: jvp(value, (hidden,), (move,))[1])(moves).detach()
    except RuntimeError:  # an operation that knows no forward differentiation, or cannot be batched
        jacobian = torch.autograd.functional.jacobian(value, hidden)
        out = jacobian.shape[: jacobian.ndim - hidden.ndim]
        local = jacobian.reshape(-1, hidden.numel())
        return (moves.reshape(len(moves), -1) @ local.T).reshape(len(moves), *out)
