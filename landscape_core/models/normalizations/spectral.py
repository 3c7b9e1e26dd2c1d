"""Spectral normalization: Miyato, Kataoka, Koyama and Yoshida, 2018, arXiv:1802.05957, algorithm 1.

W / σ with σ = uᵀ W v; training steps update u and v by power iteration. They are buffers: in
evaluation, and on a slice, they are constant.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import nn
from torch.nn.utils import parametrizations

from landscape_core.foundation.recipes import Knob
from landscape_core.models.normalizations.base import Normalization


@dataclass(frozen=True, kw_only=True)
class Spectral(Normalization):
    """Spectral normalization: weights divided by their largest singular value (power iteration)."""

    label: ClassVar[str] = "spectral"

    iterations: Annotated[
        int, Knob(1, 100, "number of power iterations per evaluation in training mode")
    ] = 1

    def layer(self, channels: int, spatial: int) -> nn.Module:
        del channels, spatial
        return nn.Identity()

    def reparametrize(self, layer: nn.Module) -> None:
        with torch.no_grad():
            weight = layer.get_parameter("weight").flatten(1)
            left, _, right = torch.linalg.svd(weight, full_matrices=False)
        parametrizations.spectral_norm(layer, n_power_iterations=self.iterations)
        # Exact at the start, where torch's own start depends on its global generator.
        for name, start in (("_u", left[:, 0]), ("_v", right[0])):
            layer.get_buffer(f"parametrizations.weight.0.{name}").copy_(start)
