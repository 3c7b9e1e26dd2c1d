"""Random directions, normalized: Li et al., 2018, Visualizing the Loss Landscape of Neural Nets.

A filter is a row of a linear layer's weight or an output channel of a convolution (section 4). The
authors' code also has weight-wise and layer-wise normalization.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import PlaneError
from landscape_core.foundation.recipes import Choice
from landscape_core.foundation.types import Vector
from landscape_core.models.parameters import Block
from landscape_core.planes.directions.base import Directions, Viewpoint
from landscape_core.planes.plane import Plane

TINY = 1e-10
"""Term added to the denominator, as in the authors' code."""

DRAWS = 32
"""Maximum number of samples until two directions are not parallel."""

PARALLEL = 1e-11
"""Two directions with a larger absolute cosine count as parallel."""


@dataclass(frozen=True, kw_only=True)
class Random(Directions):
    """Random Gaussian directions, by default with filter normalization (Li et al., 2018)."""

    label: ClassVar[str] = "random"
    uses_data: ClassVar[bool] = False

    normalization: Annotated[
        str,
        Choice(
            ("filter", "layer", "weight", "none"),
            "normalization of the random directions: norms are matched per filter, layer or"
            " weight, or not",
        ),
    ] = "filter"
    ignore: Annotated[
        str,
        Choice(
            ("biases and norms", "nothing"),
            "parameters whose entries of the direction are zero; those not ignored get "
            "their own values as entries",
        ),
    ] = "biases and norms"

    def axes(self, view: Viewpoint, dimensions: int) -> Plane:
        blocks = view.objective.layout.blocks
        still = self.ignore == "biases and norms" or dimensions == 2  # their own values: one line
        if still and not any(block.has_filters for block in blocks):
            moving = ", ".join(block.name for block in blocks)
            raise PlaneError(
                "random directions are sampled for weights, not for biases and normalization"
                f" parameters; only {moving} vary. Include weights, or use a line with"
                " ignore = nothing: dimensions=1, directions=Random(ignore='nothing')."
            )
        axes = [self._axis(view, 0)]
        if dimensions == 2:
            axes.append(self._second(view, axes[0]))
        names = tuple(f"random direction {i + 1}" for i in range(dimensions))
        return Plane(view.centre, torch.stack(axes).to(view.centre), names)

    def _second(self, view: Viewpoint, first: Vector) -> Vector:
        """The next random direction not parallel to the first, which few parameters may give."""
        for index in range(1, DRAWS):
            drawn = self._axis(view, index)
            if not float(torch.cosine_similarity(first, drawn, dim=0).abs()) > 1 - PARALLEL:
                return drawn
        numbers = int((first != 0).sum())
        raise PlaneError(
            f"two random directions need at least two numbers that vary; {numbers} does, as biases"
            " and normalization parameters are ignored. Use a line (dimensions=1)."
            if numbers == 1
            else f"in {DRAWS} draws all random directions were parallel. Use a line (dimensions=1)."
        )

    def _axis(self, view: Viewpoint, index: int) -> Vector:
        rng = random_streams.stream(view.seed, "direction", index)
        drawn = torch.randn(len(view.centre), generator=rng, dtype=torch.float64)
        centre = view.centre.detach().double().cpu()
        for block in view.objective.layout.blocks:
            part = drawn[block.start : block.stop].view(block.shape)
            part.copy_(self._scaled(part, block.of(centre), block))
        return drawn

    def _scaled(self, d: Tensor, w: Tensor, block: Block) -> Tensor:
        if not block.has_filters:
            return torch.zeros_like(d) if self.ignore == "biases and norms" else w
        if self.normalization == "filter":
            lengths = w.flatten(1).norm(dim=1) / (d.flatten(1).norm(dim=1) + TINY)
            return d * lengths.view(len(d), *[1] * (d.ndim - 1))
        if self.normalization == "layer":
            return d * (w.norm() / (d.norm() + TINY))
        return d * w if self.normalization == "weight" else d
