"""Switchable normalization: Luo, Ren, Peng, Zhang and Li, 2018, arXiv:1806.10779, equations 3 to 6.

Means and variances are mixtures of those of instance, layer and batch normalization, with softmax
weights that are trained, equal at the start. For linear layers only the latter two are mixed, as in
the authors' code: an instance has a single value there. In evaluation, batch statistics are running
averages, as that code offers; the paper averages over a few batches after training.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from landscape_core.models.normalizations.base import Normalization

EPSILON = 1e-5


@dataclass(frozen=True, kw_only=True)
class Switchable(Normalization):
    """Switchable normalization: learned mixture of batch, layer and instance statistics."""

    label: ClassVar[str] = "switchable"

    def layer(self, channels: int, spatial: int) -> nn.Module:
        return SwitchableNorm(channels, spatial)


@final
class SwitchableNorm(nn.Module):
    """γ (h − Σ wₖ μₖ) / √(Σ w′ₖ σₖ² + ε) + β over instance, layer and batch statistics."""

    def __init__(self, channels: int, spatial: int) -> None:
        """A layer for (N, channels) if spatial is 0, (N, channels, H, W) if it is 2."""
        super().__init__()
        kinds = 3 if spatial else 2
        self.weight, self.bias = (nn.Parameter(one(channels)) for one in (torch.ones, torch.zeros))
        self.mean_weight, self.var_weight = (nn.Parameter(torch.ones(kinds)) for _ in range(2))
        # Keeps the running statistics, where everything that sets those looks for them.
        kind = nn.BatchNorm2d if spatial else nn.BatchNorm1d
        self.batch = kind(channels, eps=EPSILON, affine=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """The normalized values, in their shape."""
        values = hidden.flatten(2) if hidden.ndim > 2 else hidden[..., None]
        mean = values.mean(2, keepdim=True)
        variance = values.var(2, keepdim=True, correction=0)
        layer, batch = self._over(mean, variance, 1), self._batch(hidden, mean, variance)
        statistics = [layer, batch] if hidden.ndim == 2 else [(mean, variance), layer, batch]
        means, variances = zip(*statistics, strict=True)
        center, spread = mixed(self.mean_weight, means), mixed(self.var_weight, variances)
        scaled = (values - center) * (spread + EPSILON).rsqrt()
        found = self.weight[:, None] * scaled + self.bias[:, None]
        return found.reshape(hidden.shape)

    def _batch(self, hidden: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """The statistics of the batch in training, which updates the running ones; else those."""
        held = self.batch
        if held.training or held.running_mean is None or held.running_var is None:
            held(hidden)
            return self._over(mean, variance, 0)
        return held.running_mean[:, None], held.running_var[:, None]

    @staticmethod
    def _over(mean: Tensor, variance: Tensor, dim: int) -> tuple[Tensor, Tensor]:
        """Mean and variance of all values along a dimension, from those of its entries."""
        between = mean.var(dim, keepdim=True, correction=0)
        return mean.mean(dim, keepdim=True), variance.mean(dim, keepdim=True) + between


def mixed(scores: Tensor, parts: Sequence[Tensor]) -> Tensor:
    """The mean of parts that broadcast together, with the softmax of scores (K,) as weights."""
    first, *others = (weight * part for weight, part in zip(scores.softmax(0), parts, strict=True))
    for other in others:
        first = first + other
    return first
