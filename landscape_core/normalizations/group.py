"""Group normalization: Wu and He, 2018, arXiv:1803.08494."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import nn

from landscape_core.errors import SpecError
from landscape_core.normalizations.base import Normalization
from landscape_core.recipes import Knob


@dataclass(frozen=True, kw_only=True)
class Group(Normalization):
    """Each example over groups of its channels."""

    label: ClassVar[str] = "group"

    groups: Annotated[int, Knob(1, 1024, "groups of channels", scale="log")] = 4

    def layer(self, channels: int, spatial: int) -> nn.Module:
        del spatial
        if channels % self.groups:
            raise SpecError("Group.groups", self.groups, f"a divisor of the {channels} channels")
        return nn.GroupNorm(self.groups, channels)
