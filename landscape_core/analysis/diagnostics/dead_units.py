"""Dead units of rectified networks: Lu, Shin, Su, Karniadakis, 2020, arXiv:1903.06733.

A ReLU unit whose output is zero on all examples has zero gradient and cannot recover by gradient
descent. Units are read by hooks on `nn.ReLU` and `nn.ReLU6` modules; functional calls are not seen.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import xarray as xr
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from landscape_core.analysis.diagnostics.base import (
    Diagnostic,
    check_outputs,
    check_point,
    column,
    dataset,
    padded,
)
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.plain_evaluation import PlainEvaluation

RECTIFIED = (nn.ReLU, nn.ReLU6)


@dataclass(frozen=True, kw_only=True)
class DeadUnits(Diagnostic):
    """Fraction of ReLU units per layer that are inactive on all examples."""

    label: ClassVar[str] = "dead units"
    formula: ClassVar[str] = "fraction of units with hᵢ(x) ≤ 0 for all x"
    source: ClassVar[str] = "Lu et al., 2020, arXiv:1903.06733"

    max_examples: Annotated[int, Knob(1, 1_000_000, "maximum number of examples", "log")] = 1000

    @public_call
    def at(self, objective: ModelObjective, theta: Vector) -> xr.Dataset:
        """`dead_share`, `dead` and `units` (layer), and `active` (layer, unit).

        `active` is the fraction of examples on which a unit is active, padded with NaN. Units after
        a convolution are its channels, and after an `nn.Linear` on sequences its outputs: active if
        positive at any position. A layer that is called several times is listed for each call. A
        network without ReLU layers has no entries.

        Raises:
            SpecError: theta has the wrong size or is not finite; before any work.
        """
        check_point(objective, theta)
        check_outputs(objective)
        part = objective.first(self.max_examples)
        found = _active(part, theta)
        dead = np.array([int((active == 0).sum()) for active in found.values()], dtype=np.int64)
        units = np.array([len(active) for active in found.values()], dtype=np.int64)
        columns = {
            "dead_share": column(["layer"], dead / units, "1", "fraction of dead units"),
            "dead": column(["layer"], dead, "units", "number of dead units"),
            "units": column(["layer"], units, "units", "number of units in the layer"),
            "active": column(
                ("layer", "unit"),
                padded(list(found.values())),
                "1",
                "fraction of examples on which the unit is active",
            ),
        }
        return dataset(self, part, columns, {"layer": np.array(list(found), dtype=str)})


def _active(part: ModelObjective, theta: Vector) -> dict[str, Tensor]:
    """The fraction of examples on which each unit is active, (units,), by layer call."""
    network = PlainEvaluation(part, part.examples)  # has a network of its own, for the hooks
    network.trace(theta)
    found: dict[str, Tensor] = {}
    uses: Counter[str] = Counter()
    last: nn.Module | None = None

    def remember(module: nn.Module, _: object, __: object) -> None:
        nonlocal last
        last = module

    def read(module: nn.Module, _: object, given: Tensor) -> None:
        above = ~(given <= 0)  # what is not a number is not dead
        rows = above.movedim(-1, 1) if isinstance(last, nn.Linear) else above
        active = rows.reshape(*rows.shape[:2], -1).any(dim=2)
        name = names[module]
        uses[name] += 1
        key = name if uses[name] == 1 else f"{name} ({uses[name]})"
        found[key] = active.double().mean(dim=0).cpu()

    names = {module: name for name, module in network.module.named_modules()}
    for module in names:
        if isinstance(module, RECTIFIED):
            module.register_forward_hook(read)
        elif isinstance(module, nn.Linear | _ConvNd):
            module.register_forward_hook(remember)
    network.outputs(theta.detach())
    return found
