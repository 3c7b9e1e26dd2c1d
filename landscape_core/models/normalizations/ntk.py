"""The parametrization of the neural tangent kernel: Jacot, Gabriel and Hongler, 2018, section 2.

arXiv:1806.07572. The weight of a layer of n inputs is v/√n: the network starts as it would without,
but a gradient step moves the numbers v, and so the weight by 1/n of what it would. Together with
initializations whose variance is c/n, v starts with the variance c at any width, and the kernel has
a limit as the width grows. Compare the width dependence of step sizes in Park et al., 2019,
arXiv:1905.03776.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from landscape_core.models.normalizations.base import Normalization


@dataclass(frozen=True, kw_only=True)
class NTK(Normalization):
    """Each weight over the root of its inputs: steps that mean the same at every width."""

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
        """For weights of n inputs."""
        super().__init__()
        self.root = inputs**0.5

    def forward(self, free: Tensor) -> Tensor:
        """The weight in the shape of v."""
        return free / self.root

    def right_inverse(self, weight: Tensor) -> Tensor:
        """The v of a weight."""
        return weight * self.root
