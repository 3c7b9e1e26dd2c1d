"""Cosine similarities of neurons, to each other and to given directions.

Gradient descent aligns first-layer neurons with the relevant directions: Frei, Chatterji, Bartlett,
2023, JMLR 24(303), arXiv:2202.07626. A neuron is a row of a weight matrix, or a filter of a
convolution, without bias. Reparametrized weights (weight normalization) are taken in their
effective form.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.parametrize import ParametrizationList, is_parametrized

from landscape_core.analysis.diagnostics._layers import state_at
from landscape_core.analysis.diagnostics.base import (
    Diagnostic,
    check_point,
    column,
    dataset,
    padded,
)
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.closure_network import network_in
from landscape_core.models.network_objective import ModelObjective


@dataclass(frozen=True, kw_only=True)
class NeuronAngles(Diagnostic):
    """Cosine similarities between the neurons of each layer, and with given directions."""

    label: ClassVar[str] = "neuron angles"
    formula: ClassVar[str] = "⟨wᵢ, wⱼ⟩ / (‖wᵢ‖ ‖wⱼ‖)"
    source: ClassVar[str] = "Frei, Chatterji & Bartlett, 2023, arXiv:2202.07626"

    neurons: Annotated[
        int, Knob(1, 10_000, "maximum number of neurons per layer (the first ones)", "log")
    ] = 256

    @public_call
    def at(
        self, objective: ModelObjective, theta: Vector, directions: Tensor | None = None
    ) -> xr.Dataset:
        """`cosine` (layer, neuron, other), `nearest` (layer, neuron), `mean_absolute` (layer).

        `nearest` is the largest cosine to another neuron of the layer, `mean_absolute` the mean of
        |cos| over pairs: about √(2 / (π n)) for independent neurons with n inputs. Padded with NaN;
        NaN for a neuron with zero weights and for a layer without pairs. A layer has the name of
        its weight. With directions also `toward` (first, direction), for the first layer's neurons.

        Args:
            objective: the network.
            theta: where it is, (P,).
            directions: (D, n), in the space of the first layer's n inputs.

        Raises:
            SpecError: theta has the wrong size or is not finite, or directions of the wrong shape;
        before any work.
        """
        check_point(objective, theta)
        found = {
            name: rows[: self.neurons].flatten(1).cpu().double()
            for name, rows in _weights(objective, theta)
        }
        first = next(iter(found.values()), torch.empty(0, 0).double())
        given = None if directions is None else _checked(directions, first.shape[1])
        tables = [_cosines(rows, rows) for rows in found.values()]
        columns = {
            "cosine": column(
                ("layer", "neuron", "other"), _stacked(tables), "1", "cosine between two neurons"
            ),
            "nearest": column(
                ("layer", "neuron"),
                padded([_nearest(table) for table in tables]),
                "1",
                "largest cosine to another neuron of the layer",
            ),
            "mean_absolute": column(
                ["layer"],
                np.array([_mean_absolute(table) for table in tables]),
                "1",
                "mean absolute cosine between two neurons",
            ),
        }
        if given is not None:
            columns["toward"] = column(
                ("first", "direction"), _cosines(first, given), "1", "cosine to a direction"
            )
        return dataset(self, objective, columns, {"layer": np.array(list(found), dtype=str)})


def _weights(objective: ModelObjective, theta: Vector) -> Iterator[tuple[str, Tensor]]:
    """The effective weights of all layers at theta by name, neurons first."""
    module = network_in(objective.to(theta.device).module)  # a network of its own
    module.load_state_dict(state_at(objective, theta), strict=False)
    for prefix, part in module.named_modules():
        if isinstance(part, ParametrizationList):
            continue
        names = [name for name, _ in part.named_parameters(recurse=False)]
        if is_parametrized(part):
            names += list(part.get_submodule("parametrizations")._modules)
        for name in names:
            weight = getattr(part, name).detach()
            if weight.ndim > 1:
                yield f"{prefix}.{name}".removeprefix("."), weight


def _checked(directions: Tensor, inputs: int) -> Float[Tensor, "D n"]:
    if directions.ndim != 2 or directions.shape[1] != inputs:
        accepted = f"(any, {inputs}), as the first layer has {inputs} inputs"
        raise SpecError("the shape of directions", tuple(directions.shape), accepted)
    return directions.detach().cpu().double()


def _cosines(rows: Float[Tensor, "m n"], others: Float[Tensor, "k n"]) -> Float[Tensor, "m k"]:
    """The cosine of each row with each other row; NaN if one of them is zero."""
    lengths = rows.norm(dim=1)[:, None] * others.norm(dim=1)
    return torch.where(lengths > 0, rows @ others.T / lengths, torch.nan)


def _nearest(table: Float[Tensor, "m m"]) -> Float[Tensor, " m"]:
    """The largest off-diagonal entry of each row; NaN if there is none."""
    apart = table.masked_fill(torch.eye(len(table), dtype=torch.bool) | table.isnan(), -torch.inf)
    largest = apart.amax(dim=1)
    return torch.where(largest.isfinite(), largest, torch.nan)


def _mean_absolute(table: Float[Tensor, "m m"]) -> float:
    """The mean absolute value of the entries above the diagonal; NaN if there are none."""
    rows, columns = torch.triu_indices(len(table), len(table), 1)
    return float(table[rows, columns].abs().nanmean())


def _stacked(tables: Sequence[Tensor]) -> np.ndarray:
    """Square tables of unequal size as one array, (tables, most, most), padded with NaN."""
    most = max((len(table) for table in tables), default=0)
    found = np.full((len(tables), most, most), np.nan)
    for filled, table in zip(found, tables, strict=True):
        filled[: len(table), : len(table)] = table.numpy()
    return found
