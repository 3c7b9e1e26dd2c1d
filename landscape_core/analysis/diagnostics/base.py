"""The base class of diagnostics: measurements of a network at one point, without a plane.

The result is an `xr.Dataset` whose variables have `units` and a `long_name`. The first entry of a
dimension `block` is the whole network, the others are its layers.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Recipe, canonical, label_of, to_plain
from landscape_core.foundation.types import Vector
from landscape_core.models.additivity import couples, draws_random_numbers, kind_of
from landscape_core.models.closure_network import ClosureNetwork
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.parameters import Block, groups

NETWORK = "network"
"""The name of the block of all parameters."""

Column = tuple[tuple[str, ...], Any, Mapping[str, str]]
"""A variable: its dimensions, its values and its attributes."""


@dataclass(frozen=True, kw_only=True)
class Diagnostic(Recipe, ABC):
    """A measurement at a point; `formula` is its definition, `source` the citation.

    `from_start` says whether it compares the point with the start of the run.
    """

    formula: ClassVar[str]
    source: ClassVar[str]
    from_start: ClassVar[bool] = False

    def memory(self, outputs: int, vector: int) -> int:
        """Bytes that the measurement takes, about.

        Args:
            outputs: numbers that the network gives for an example.
            vector: bytes of all parameters.
        """
        del outputs
        return 4 * vector

    @abstractmethod
    def at(self, objective: ModelObjective, theta: Vector) -> xr.Dataset:
        """Measure at theta (P,); not finite if the outputs of the network are not.

        Raises:
            SpecError: theta does not match the network's size or is not finite; before any work.
        """


def check_point(objective: ModelObjective, theta: Tensor, name: str = "theta") -> None:
    """Raise `SpecError` for parameters that do not match the network.

    Raises:
        SpecError: they have the wrong size or are not finite.
    """
    if theta.shape != objective.start.shape:
        shape = tuple(objective.start.shape)
        raise SpecError(f"the shape of {name}", tuple(theta.shape), f"the network's, {shape}")
    if not bool(theta.isfinite().all()):
        raise SpecError(name, "NaN or infinity", "finite")


def check_outputs(objective: ModelObjective) -> None:
    """Raise `SpecError` if only a closure knows the examples and what the network gives for each.

    Raises:
        SpecError: the loss is a closure of (model, batch), or of several outputs.
    """
    if isinstance(objective.module, ClosureNetwork):
        accepted = "a loss of outputs of one tensor, as this diagnostic is of single examples"
        raise SpecError("loss", "a function of all that the network gives", accepted)


def check_apart(objective: ModelObjective) -> None:
    """Raise `SpecError` if the network's output for an example depends on the other examples.

    Raises:
        SpecError: batch normalization uses batch statistics, or examples interact in another way.
    """
    check_outputs(objective)
    if objective.normalizes and objective.batch_norm != "running":
        accepted = "running, so that examples are processed independently"
        raise SpecError("batch_norm", objective.batch_norm, accepted)
    if couples(objective):
        random = draws_random_numbers(objective)
        rule = "draws no random numbers" if random else "processes examples independently"
        accepted = f"one that {rule}"
        raise SpecError("model", type(objective.module).__name__, accepted)


def check_mean(objective: ModelObjective) -> None:
    """Raise `SpecError` if the loss is not the unweighted mean over examples.

    Raises:
        SpecError: it is not an unweighted mean over examples.
    """
    kind = kind_of(objective)
    if kind != "mean":
        raise SpecError("loss", kind, "an unweighted mean over examples")


def blocks_of(objective: ModelObjective) -> dict[str, tuple[Block, ...]]:
    """All tensors under `network`, then those of each layer by name."""
    return {NETWORK: objective.layout.blocks, **groups(objective.layout)}


def taken(blocks: Sequence[Block], theta: Vector) -> Float[Tensor, " _"]:
    """The concatenated values of these tensors in theta, in double precision on the CPU."""
    return torch.cat([theta[block.start : block.stop] for block in blocks]).detach().cpu().double()


def column(dims: Sequence[str], values: Any, units: str, long_name: str) -> Column:
    """A variable with its unit and long name; "1" is the unit of dimensionless values."""
    found = values.detach().cpu().numpy() if torch.is_tensor(values) else np.asarray(values)
    return tuple(dims), found, {"units": units, "long_name": long_name}


def padded(rows: Sequence[Tensor]) -> np.ndarray:
    """Rows of unequal length as one array, (rows, longest), padded with NaN."""
    found = np.full((len(rows), max((len(row) for row in rows), default=0)), np.nan)
    for filled, row in zip(found, rows, strict=True):
        filled[: len(row)] = row.detach().cpu().numpy()
    return found


def singular_values(matrix: Tensor) -> Tensor:
    """The singular values in descending order, float64 on the CPU; NaN if not finite."""
    matrix = matrix.detach().cpu().double()
    if not bool(matrix.isfinite().all()):
        return torch.full((min(matrix.shape),), torch.nan, dtype=torch.float64)
    return torch.linalg.svdvals(matrix)


def dataset(
    asked: Diagnostic,
    part: ModelObjective,
    columns: Mapping[str, Column],
    coords: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """The dataset of the variables; settings, number of examples and dtype are attributes."""
    given = part.module.given if isinstance(part.module, ClosureNetwork) else part
    attrs = {
        "diagnostic": canonical(to_plain(asked)),
        "title": label_of(type(asked)),
        "source": asked.source,
        "examples": given.examples or part.examples,
        "dtype": str(part.start.dtype).removeprefix("torch."),
    }
    return xr.Dataset(dict(columns), dict(coords or {}), attrs)
