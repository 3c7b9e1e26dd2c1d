"""Asymmetric directions: He, Huang, Yuan, 2019, Asymmetric Valleys, arXiv:1902.00744.

Definition 1: a unit vector u is an (r, p, c, ζ)-asymmetric direction of θ if for all l from ζ to r
the slope of the loss in l is below p at θ + lu, and above cp at θ − lu. A minimum with such a
direction is an asymmetric valley. Here p is free: a direction counts if there is any p > 0, that
is, if the largest slope on the flat side is less than 1/c of the smallest on the steep side, where
all slopes are positive. Either side may be the flat one. What holds for all l is looked at for a
number of them. The paper looks at single directions, which its program draws uniform from (0, 1):
all weights grow together. Constants, normal directions and the share are choices made here.

Where θ is no minimum its gradient alone makes directions asymmetric: see `tilt`.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from landscape_core.analysis.diagnostics.base import Diagnostic, check_point, column, dataset
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.precision import full_precision
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective

NORMAL, UNIFORM = "normal", "uniform"


@dataclass(frozen=True, kw_only=True)
class Asymmetry(Diagnostic):
    """Share of random directions in which the loss rises much faster on one side."""

    label: ClassVar[str] = "asymmetric directions"
    formula: ClassVar[str] = "∂L(θ + lu)/∂l < p and ∂L(θ − lu)/∂l > cp for ζ ≤ l ≤ r"
    source: ClassVar[str] = "He, Huang, Yuan, 2019, arXiv:1902.00744"

    reach: Annotated[float, Knob(1e-4, 1e4, "largest distance r along a direction", "log")] = 1.0
    near: Annotated[
        float, Knob(1e-3, 1.0, "smallest distance ζ, as a fraction of r", scale="log")
    ] = 0.5
    factor: Annotated[
        float, Knob(1.0, 1000.0, "factor c between slopes on the steep and the flat side", "log")
    ] = 2.0
    directions: Annotated[int, Knob(1, 10_000, "number of random directions u", "log")] = 20
    points: Annotated[int, Knob(2, 1000, "distances l on each side", "log")] = 8
    distribution: Annotated[
        str,
        Choice(
            (NORMAL, UNIFORM),
            "entries of u before it is scaled to length 1: normal, or uniform from 0 to 1",
        ),
    ] = NORMAL
    seed: Annotated[int, Knob(0, 2**31 - 1, "random seed of the directions")] = 0

    def check(self) -> None:
        if self.near == 1.0:
            raise SpecError("Asymmetry.near", self.near, "less than 1")

    @public_call
    def at(self, objective: ModelObjective, theta: Vector) -> xr.Dataset:
        """`share`, `ratio` (direction), `rise` and `slope` (side, distance), and `tilt`.

        `ratio` is the largest slope on the flat side over the smallest on the steep side; NaN where
        neither side rises all along. `share` is that of directions with a ratio below 1/c, with its
        standard error `share_error`. `rise` is the mean of the loss above that at theta, and
        `slope` that of its derivative; of each direction the side that ends lower is the flat one.
        `tilt` is the largest slope at theta itself: at a minimum it is 0.

        Raises:
            SpecError: theta has the wrong size or is not finite; before any work.
        """
        check_point(objective, theta)
        lengths = self.reach * torch.linspace(self.near, 1.0, self.points, dtype=torch.float64)
        rises, slopes, tilts = self._sides(objective, theta.detach(), lengths)
        ratios = ratios_of(slopes)
        known = bool(slopes.isfinite().all())
        share = float((ratios < 1 / self.factor).double().mean()) if known else torch.nan
        flat = rises[:, :, -1].argmin(1)
        sides = torch.stack([flat, 1 - flat], 1)[:, :, None].expand_as(rises)
        both = ["side", "length"]
        mean_rise, mean_slope = (one.gather(1, sides).mean(0) for one in (rises, slopes))
        error = (share * (1 - share) / self.directions) ** 0.5
        columns = {
            "share": column([], share, "1", "share of directions that are asymmetric"),
            "share_error": column([], error, "1", "standard error of the share"),
            "ratio": column(["direction"], ratios, "1", "slope on the flat over the steep side"),
            "rise": column(both, mean_rise, "loss", "mean loss above that at the point"),
            "slope": column(both, mean_slope, "loss per distance", "mean slope of the loss"),
            "tilt": column(
                [], tilts.abs().max(), "loss per distance", "largest slope at the point"
            ),
        }
        coords = {
            "side": ["flat", "steep"],
            "length": column(["length"], lengths, "weight", "distance along a direction"),
            "direction": range(self.directions),
        }
        return dataset(self, objective, columns, coords)

    def _sides(
        self, objective: ModelObjective, theta: Vector, lengths: Float[Tensor, " n"]
    ) -> tuple[Float[Tensor, "K 2 n"], Float[Tensor, "K 2 n"], Float[Tensor, " K"]]:
        """Loss above that at theta, and its slope outwards, on both sides; the slope at theta."""
        rng, rises, slopes, tilts = random_streams.stream(self.seed, "asymmetry"), [], [], []
        draw = torch.rand if self.distribution == UNIFORM else torch.randn
        for _ in range(self.directions):
            u = draw(len(theta), generator=rng, dtype=torch.float64)
            u = (u / u.norm()).to(theta)
            here, tilt = _along(objective, theta, u, 0.0)
            found = [
                [_along(objective, theta, sign * u, float(length)) for length in lengths]
                for sign in (1.0, -1.0)
            ]
            values = torch.tensor(found, dtype=torch.float64)
            rises.append(values[..., 0] - here)
            slopes.append(values[..., 1])
            tilts.append(tilt)
        return torch.stack(rises), torch.stack(slopes), torch.tensor(tilts, dtype=torch.float64)


def ratios_of(slopes: Float[Tensor, "K 2 n"]) -> Float[Tensor, " K"]:
    """The largest slope of one side over the smallest of the other, of both orders the lesser.

    An order counts where the slopes of the second side are all positive; NaN where none counts.
    """
    largest, smallest = slopes.amax(2), slopes.amin(2)
    orders = torch.where(smallest.flip(1) > 0, largest / smallest.flip(1), torch.inf)
    least = orders.amin(1)
    return torch.where(least.isfinite(), least, torch.nan)


def _along(
    objective: ModelObjective, theta: Vector, u: Vector, length: float
) -> tuple[float, float]:
    """The loss at theta + length u, and its derivative in the length."""
    at = torch.tensor(length, dtype=theta.dtype, device=theta.device, requires_grad=True)
    with full_precision(theta.device):
        value = objective.loss(theta + at * u)
        (slope,) = torch.autograd.grad(value, at)
    return float(value.detach()), float(slope)
