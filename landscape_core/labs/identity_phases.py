"""Two phases with the identity mapping: Li, Yuan, 2017, NeurIPS, arXiv:1705.09886.

f(x, W) = Σᵢ ReLU(⟨eᵢ + wᵢ, x⟩) learns f(x, W*) with inputs x ∼ N(0, I). With uᵢ = eᵢ + wᵢ and
sᵢ = eᵢ + wᵢ*, the expected loss and its gradient have a closed form in the angles θ between the
vectors: E ReLU(⟨u, x⟩) ReLU(⟨v, x⟩) = ‖u‖‖v‖(sin θ + (π − θ) cos θ)/2π. So no examples are drawn,
and gradient descent is exact.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import Tensor

from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Arrows, Curves
from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.labs.base import Lab

STARTS = ("identity", "Gaussian")
START_NORM = 0.1
"""Spectral norm of W at initialization with the identity."""
RATE, STEPS = 0.6, 4000
"""The step size is RATE/d: a greater one makes Phase I too short to be seen."""
RECORDED = np.unique(np.r_[0, np.geomspace(1, STEPS, 70).round().astype(int)])
BISECTIONS = 60
ROUNDING = 1e-14
"""The rounding error of the loss, relative to the terms of which it is the difference."""


@dataclass(frozen=True, kw_only=True)
class IdentityPhases(Lab):
    """A layer is trained from near the identity, and from Gaussian weights."""

    label: ClassVar[str] = "Identity mapping in two phases"
    family: ClassVar[str] = "Signals and starts"
    question: ClassVar[str] = (
        "Can gradient descent reach the global minimum although its first steps lead away from it?"
    )
    claim: ClassVar[str] = (
        "With the identity mapping, gradient descent finds the global minimum in two phases: first"
        " the gradient may point away from it while a potential falls, then it points towards it"
        " until the end. Without the identity, descent gets stuck."
    )
    shows: ClassVar[str] = (
        "In Phase I (shaded) the alignment A is negative and the distance D rises, while the"
        " potential p falls; afterwards A stays positive and D falls. From Gaussian weights A stays"
        " near zero and the loss stays high. Both networks are the same functions of u: only the"
        " initialization differs. Phase I needs a target with a greater norm than the theorem"
        " allows; with a small one the gradient is right from the beginning."
    )
    source: ClassVar[str] = (
        "Li, Yuan, Convergence Analysis of Two-layer Neural Networks with ReLU Activation, 2017,"
        " arXiv:1705.09886"
    )
    seconds: ClassVar[float] = 12.0
    seeds: ClassVar[int] = 6
    criterion: ClassVar[Criterion] = Criterion(
        "final loss with the identity relative to that from Gaussian weights", "at most", 0.05
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "About 25 dimensions, norms and offsets to make Phase I visible, and three step sizes to"
        " end within seconds; the bound was set from seeds 0 to 2."
    )
    pictures: ClassVar = (
        Curves(
            title="Phases of the chosen initialization",
            x="step",
            y=("potential", "distance", "alignment"),
            x_label="step",
            x_scale="symlog",
            y_scale="symlog",
            shaded="away",
            shaded_label="Phase I: A < 0",
        ),
        Arrows(
            title="Towards the minimum W* − W (blue), and −∇L (orange)",
            x="arrow_x",
            y="arrow_y",
            color="arrow_number",
            x_label="along W* − W",
            y_label="across",
            frame="step",
        ),
        Curves(
            title="Loss",
            x="step",
            y=("loss",),
            by="start",
            x_label="step",
            y_label="loss L",
            x_scale="symlog",
            y_scale="log",
        ),
    )

    start: Annotated[
        str, Choice(STARTS, "initialization of the first two pictures: I + W, or N(0, 1/d)")
    ] = "identity"
    target_norm: Annotated[float, Knob(0.1, 2.0, "spectral norm γ of the target W*")] = 1.5
    dimension: Annotated[int, Knob(5, 100, "dimension d of inputs, and number of neurons")] = 60

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: both initializations learn the same target."""
        first, target = pair(seed, self.dimension, self.target_norm)
        drawn = stream(seed, "gaussian")
        second = _normal(drawn, self.dimension) / self.dimension**0.5
        neurons = [first, second]
        level = float(kernel(target, target).sum())
        found = _empty()
        for step in range(STEPS + 1):
            slopes = [loss_and_gradient(each, target, level) for each in neurons]
            at = int(np.searchsorted(RECORDED, step))
            if RECORDED[at] == step:
                found["loss"].values[:, at] = [float(loss) for loss, _ in slopes]
                for row, (each, (_, slope)) in enumerate(zip(neurons, slopes, strict=True)):
                    gap = target - each
                    found["convexity"].values[row, at] = -(slope * gap).sum() / gap.square().sum()
                shown = STARTS.index(self.start)
                _record(found, at, neurons[shown], target, slopes[shown][1])
                effect = relative(found["loss"].values[:, -1], ROUNDING * level)
                yield found.copy(deep=True).assign(effect=effect)
            neurons = [
                each - RATE / self.dimension * slope
                for each, (_, slope) in zip(neurons, slopes, strict=True)
            ]


def pair(seed: int, dimension: int, target_norm: float) -> tuple[Tensor, Tensor]:
    """The rows u and s (d, d) at initialization: I + W and I + W* + cI.

    W and W* are Gaussian with rows that sum to zero. The number c makes the potential half of
    Σ‖sᵢ‖(1 − cos θᵢ), where the gradient points away from W* the most.
    """
    drawn = stream(seed, "init")
    identity = torch.eye(dimension, dtype=torch.float64)
    first = identity + _centred(drawn, dimension, START_NORM)
    base = identity + _centred(drawn, dimension, target_norm)
    low, high = -1.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        target = base + middle * identity
        if potential(first, target) < deficit(first, target) / 2:
            low = middle
        else:
            high = middle
    return first, base + (low + high) / 2 * identity


def potential(neurons: Tensor, target: Tensor) -> float:
    """The potential p = Σ(‖sᵢ‖ − ‖uᵢ‖)."""
    return float((target.norm(dim=1) - neurons.norm(dim=1)).sum())


def deficit(neurons: Tensor, target: Tensor) -> float:
    """The sum Σ‖sᵢ‖(1 − cos θᵢ), with the angle θᵢ between uᵢ and sᵢ."""
    along = (neurons * target).sum(1) / neurons.norm(dim=1)
    return float((target.norm(dim=1) - along).sum())


def kernel(first: Tensor, second: Tensor) -> Tensor:
    """E ReLU(⟨u, x⟩) ReLU(⟨v, x⟩) for all rows u and v: (N, M)."""
    lengths, cosine, angle = _angles(first, second)
    sine = (1 - cosine.square()).sqrt()
    return lengths * (sine + (math.pi - angle) * cosine) / (2 * math.pi)


def loss_and_gradient(neurons: Tensor, target: Tensor, level: float) -> tuple[Tensor, Tensor]:
    """The expected loss, and its gradient in u (d, d).

    Args:
        neurons: the rows u.
        target: the rows s.
        level: Σᵢⱼ k(sᵢ, sⱼ), which does not change.
    """
    loss = torch.full((), level, dtype=neurons.dtype)
    slope = torch.zeros_like(neurons)
    own = neurons.norm(dim=1)
    for sign, rows in ((1.0, neurons), (-1.0, target)):
        lengths, cosine, angle = _angles(neurons, rows)
        sine, rest = (1 - cosine.square()).sqrt(), math.pi - angle
        each = (lengths * (sine + rest * cosine)).sum() / (2 * math.pi)
        loss = loss + (each if sign > 0 else -2 * each)
        across = (sine @ rows.norm(dim=1)) / own
        slope = slope + sign / math.pi * (rest @ rows + across[:, None] * neurons)
    return loss, slope


def _angles(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Products of lengths, cosines and angles of all pairs of rows: (N, M) each."""
    lengths = first.norm(dim=1)[:, None] * second.norm(dim=1)
    cosine = (first @ second.T / lengths).clamp(-1, 1)
    return lengths, cosine, cosine.arccos()


def _centred(drawn: torch.Generator, dimension: int, norm: float) -> Tensor:
    """A Gaussian matrix whose rows sum to zero, with this spectral norm."""
    rows = _normal(drawn, dimension)
    rows = rows - rows.mean(0)
    return rows * (norm / torch.linalg.matrix_norm(rows, 2))


def _normal(drawn: torch.Generator, dimension: int) -> Tensor:
    return torch.randn(dimension, dimension, generator=drawn, dtype=torch.float64)


def _record(found: xr.Dataset, at: int, neurons: Tensor, target: Tensor, slope: Tensor) -> None:
    """Enter potential, distance, alignment and the two arrows."""
    gap = target - neurons
    distance, alignment = float(gap.norm()), -float((slope * gap).sum())
    found["potential"].values[at] = potential(neurons, target)
    found["distance"].values[at] = distance
    found["alignment"].values[at] = alignment
    found["away"].values[at] = alignment < 0
    lengths = distance * float(slope.norm())
    cosine = alignment / lengths if lengths else math.nan  # exactly at the minimum
    found["arrow_x"].values[at] = 1.0, cosine
    found["arrow_y"].values[at] = 0.0, math.sqrt(max(0.0, 1 - cosine**2))


def _empty() -> xr.Dataset:
    steps = len(RECORDED)

    def nothing(*shape: int) -> np.ndarray:
        return np.full(shape, math.nan)

    return xr.Dataset(
        {
            "loss": (("start", "step"), nothing(2, steps)),
            "convexity": (("start", "step"), nothing(2, steps)),
            "potential": ("step", nothing(steps), {"label": "potential p"}),
            "distance": ("step", nothing(steps), {"label": "distance D"}),
            "alignment": ("step", nothing(steps), {"label": "alignment A"}),
            "away": ("step", nothing(steps)),
            "arrow_x": (("step", "arrow"), nothing(steps, 2)),
            "arrow_y": (("step", "arrow"), nothing(steps, 2)),
            "arrow_number": ("arrow", np.arange(2.0)),
        },
        {"start": [f"{name} start" for name in STARTS], "step": RECORDED},
    )


def relative(losses: npt.NDArray[np.float64], least: float) -> float:
    """The loss with the identity over the other one, (2,); below `least` both count as that.

    A small network finds the minimum exactly, and its loss is then the rounding error of a
    difference, of either sign.
    """
    with_identity, without = np.maximum(losses, least)
    return float(with_identity / without)
