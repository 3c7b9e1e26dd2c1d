"""The parametrization of the neural tangent kernel: Jacot, Gabriel and Hongler, 2018, section 2.

arXiv:1806.07572. The weight of a layer with n inputs is v/√n: the initial network is unchanged, but
gradient steps are taken in v, so that the weight moves by 1/n of the usual step. With
initializations of variance c/n, v has variance c at any width, and the kernel converges as the
width grows. Compare the width dependence of step sizes in Park et al., 2019, arXiv:1905.03776.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from landscape_core.models.normalizations.base import Normalization


@dataclass(frozen=True, kw_only=True)
class NTK(Normalization):
    """NTK parametrization: weights v/√fan-in, so that learning rates transfer across widths."""

    label: ClassVar[str] = "NTK parametrization"
    last: ClassVar[bool] = True

    def layer(self, channels: int, spatial: int) -> nn.Module:
        del channels, spatial
        return nn.Identity()

    def reparametrize(self, layer: nn.Module) -> None:
        inputs = layer.get_parameter("weight")[0].numel()
        register_parametrization(layer, "weight", OverRoot(inputs))


class OverRoot(nn.Module):
    """v/√n."""

    def __init__(self, inputs: int) -> None:
        """Scale weights with n inputs."""
        super().__init__()
        self.root = inputs**0.5

    def forward(self, free: Tensor) -> Tensor:
        """Return the weight, in the shape of v."""
        return free / self.root

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Return the v of a weight."""
        return weight * self.root
