"""Singular values and ranks of weights and of their product in deep linear networks.

With s_i the singular values in descending order: the numerical rank counts s_i > tolerance s_1; the
stable rank is sum s_i^2 / s_1^2 (Rudelson, Vershynin, 2007, J. ACM 54(4)); the effective rank is
the exponential of the entropy of s_i / sum s_j (Roy, Vetterli, 2007, EUSIPCO). Noise increases the
rank of the product: Sankar, Srinivasan, Balasubramanian, 2018, arXiv:1807.08140.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from landscape_core.analysis.diagnostics._layers import sequence, state_at
from landscape_core.analysis.diagnostics.base import (
    Diagnostic,
    check_point,
    column,
    dataset,
    padded,
    singular_values,
)
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.closure_network import network_in
from landscape_core.models.network_objective import ModelObjective

LINEAR_TOO = (nn.Identity, nn.Flatten, nn.Dropout)
"""Modules allowed between linear layers: the identity in evaluation mode."""


@dataclass(frozen=True, kw_only=True)
class ProductSpectrum(Diagnostic):
    """Singular values and ranks of each weight matrix, and of the product of linear layers."""

    label: ClassVar[str] = "weight spectra"
    formula: ClassVar[str] = "σ(Wₗ), σ(W_L ⋯ W₁)"
    source: ClassVar[str] = "Sankar et al., 2018, arXiv:1807.08140"

    tolerance: Annotated[
        float,
        Knob(
            1e-12,
            0.5,
            "threshold of the numerical rank, relative to the largest singular value",
            "log",
        ),
    ] = 1e-2

    @public_call
    def at(self, objective: ModelObjective, theta: Vector) -> xr.Dataset:
        """`singular_value` (matrix, rank), `numerical_rank`, `stable_rank`, `effective_rank`.

        For each weight, as a matrix with one row per output, and for the product of the weights of
        consecutive linear layers in an `nn.Sequential`, without biases; `kind` distinguishes them.
        Singular values in descending order, in units of the weights (of their product), padded with
        NaN. The stable and effective rank of a zero matrix is NaN.

        Raises:
            SpecError: theta has the wrong size or is not finite; before any work.
        """
        check_point(objective, theta)
        tensors = objective.layout.split(theta.detach())
        weights = {name: one.flatten(1) for name, one in tensors.items() if one.ndim > 1}
        products = dict(_products(objective, theta))
        values = [singular_values(one) for one in (*weights.values(), *products.values())]
        array = padded(values)
        columns = {
            "singular_value": column(("matrix", "rank"), array, "weight", "singular value"),
            "numerical_rank": column(
                ["matrix"],
                [_numerical(one, self.tolerance) for one in values],
                "1",
                f"singular values above {self.tolerance:g} of the largest",
            ),
            "stable_rank": column(
                ["matrix"],
                [float((one / one[0]).square().sum()) for one in values],
                "1",
                "squared Frobenius norm over squared spectral norm",
            ),
            "effective_rank": column(
                ["matrix"],
                [float(torch.special.entr(one / one.sum()).sum().exp()) for one in values],
                "1",
                "exponential of the entropy of the singular values",
            ),
        }
        kinds = ["weight"] * len(weights) + ["product"] * len(products)
        coords = {
            "matrix": np.array([*weights, *products], dtype=str),
            "kind": column(
                ["matrix"], np.array(kinds, dtype=str), "", "a single weight or a product"
            ),
            "rank": np.arange(1, array.shape[1] + 1),
        }
        return dataset(self, objective, columns, coords)


def _numerical(values: Tensor, tolerance: float) -> float:
    if not bool(values.isfinite().all()):
        return np.nan
    return float((values > tolerance * values[0]).sum())


def _products(objective: ModelObjective, theta: Vector) -> Iterator[tuple[str, Tensor]]:
    """The product of the weights of each chain of at least two linear layers, by name."""
    state = state_at(objective, theta)
    for chain in _chains(network_in(objective.module)):
        if len(chain) > 1:
            product = state[f"{chain[0]}.weight"]
            for name in chain[1:]:
                product = state[f"{name}.weight"] @ product
            yield f"product {chain[0]} to {chain[-1]}", product


def _chains(module: nn.Module) -> Iterator[list[str]]:
    """The names of consecutive linear layers."""
    chain: list[str] = []
    size = 0
    for name, layer in sequence(module):
        fits = type(layer) is nn.Linear and layer.in_features == size
        if not fits and type(layer) not in LINEAR_TOO:
            yield chain
            chain = []
        if type(layer) is nn.Linear:
            chain = [*chain, name]
            size = layer.out_features
    yield chain
