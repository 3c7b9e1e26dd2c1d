"""The buffers of a network along a plane through several of its states: at each state its own.

Between them a buffer is affine in the coordinates, as the parameters are. All buffers of numbers
with a fraction that differ between the states move, not those of batch normalization alone; whole
numbers, as `num_batches_tracked`, stay those of the origin.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

VARIANCE = "running_var"
"""How the name of a running variance ends; beyond the states it is kept at or above zero."""


@dataclass(frozen=True, eq=False)
class MovingBuffers:
    """Every buffer (...) at a plane's origin, and the change (D, ...) along each axis of some."""

    origin: Mapping[str, Tensor]
    axes: Mapping[str, Tensor]

    @classmethod
    def through(
        cls, origin: Mapping[str, Tensor], *others: Mapping[str, Tensor]
    ) -> "MovingBuffers":
        """The buffers of one state at the origin, and of others at 1 along an axis each.

        All have the same names and shapes.
        """
        moving = {
            name: torch.stack([other[name].to(value) - value for other in others])
            for name, value in origin.items()
            if (value.is_floating_point() or value.is_complex())
            and not all(torch.equal(other[name].to(value), value) for other in others)
        }
        return cls({name: value.detach().clone() for name, value in origin.items()}, moving)

    @property
    def moves(self) -> bool:
        """Whether any buffer differs between the states."""
        return bool(self.axes)

    def moved(self, coord: Float[Tensor, " D"]) -> dict[str, Tensor]:
        """Those that move, at a point."""
        steps, found = coord.tolist(), {}
        for name, axes in self.axes.items():
            value = self.origin[name]
            for step, axis in zip(steps, axes, strict=True):
                value = value + step * axis if step else value
            found[name] = value.clamp_min(0) if name.endswith(VARIANCE) else value
        return found

    def held(self, coords: Float[Tensor, "K D"]) -> Bool[Tensor, " K"]:
        """At which points a variance would be below zero, and is set to zero."""
        found = torch.zeros(len(coords), dtype=torch.bool)
        for name, axes in self.axes.items():
            if name.endswith(VARIANCE):
                steps = coords.to(axes) @ axes.flatten(1)
                found |= (self.origin[name].flatten() + steps < 0).any(dim=1).cpu()
        return found

    def at(self, coord: Float[Tensor, " D"]) -> dict[str, Tensor]:
        """All buffers at a point, by name."""
        return {**self.origin, **self.moved(coord)}

    def recombined(self, weights: Float[Tensor, "E D"]) -> "MovingBuffers":
        """Along other axes, each a combination of these."""
        turned = {
            name: torch.tensordot(weights.to(axes), axes, dims=1)
            for name, axes in self.axes.items()
        }
        return MovingBuffers(self.origin, turned)

    def shifted(self, coord: Float[Tensor, " D"]) -> "MovingBuffers":
        """With the origin at another point of the plane."""
        origin = {
            name: value + torch.tensordot(coord.to(value), self.axes[name], dims=1)
            if name in self.axes
            else value
            for name, value in self.origin.items()
        }
        return MovingBuffers(origin, self.axes)

    def to(self, device: str | torch.device) -> "MovingBuffers":
        """The same on another device."""
        parts = (
            {n: one.to(device) for n, one in part.items()} for part in (self.origin, self.axes)
        )
        return MovingBuffers(*parts)

    def in_double(self) -> "MovingBuffers":
        """The same in float64, but for whole numbers."""
        parts = (
            {n: one.double() if one.is_floating_point() else one for n, one in part.items()}
            for part in (self.origin, self.axes)
        )
        return MovingBuffers(*parts)
