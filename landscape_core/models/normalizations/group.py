"""Group normalization: Wu and He, 2018, arXiv:1803.08494."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.models.normalizations.base import Normalization


@dataclass(frozen=True, kw_only=True)
class Group(Normalization):
    """Group normalization: per example over number of channel groups."""

    label: ClassVar[str] = "group"

    groups: Annotated[int, Knob(1, 1024, "number of channel groups", scale="log")] = 4

    def layer(self, channels: int, spatial: int) -> nn.Module:
        if channels % self.groups:
            raise SpecError("Group.groups", self.groups, f"a divisor of the {channels} channels")
        if channels == self.groups and not spatial:
            accepted = f"fewer than the {channels} units, as a single value normalizes to zero"
            raise SpecError("Group.groups", self.groups, accepted)
        return nn.GroupNorm(self.groups, channels)
