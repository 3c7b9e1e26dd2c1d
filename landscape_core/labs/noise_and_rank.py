"""Noise and the rank of a deep linear network: Sankar, Srinivasan, Balasubramanian, 2018.

arXiv:1807.08140. Three square layers with the product P = W₃W₂W₁ fit Y = MX with the loss
½‖PX − Y‖²/n. From an initialization in which each layer carries an orthogonal block of rank r,
gradient descent without noise keeps the rank of P at r for ever: ∇W₁ = W₂ᵀW₃ᵀ(…) lies in the span
of the present rows and columns, and so do the other two. All kinds of noise start together, on the
same data. Only dropout needs the examples; the others need XXᵀ and YXᵀ, which makes them fast.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Curves, Strip
from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.labs.base import Lab

SIZE, EXAMPLES, LAYERS = 10, 200, 3
LEARNING_RATE, STEPS, LONGEST = 0.05, 3000, 10.0
"""Step size; steps; gradients are clipped to this norm."""
SCALE = 0.8
"""The singular values of each layer at initialization."""
THRESHOLD = 1e-2
"""Singular values below this fraction of the largest do not count for the rank."""
KINDS = (
    "none",
    "gradient",
    "gradient, falling",
    "weights",
    "dropout",
    "drop-connect",
    "inputs",
    "inputs, fixed",
    "labels",
    "labels, fixed",
)
"""Where noise is added; fresh at each step unless it is fixed."""
GRADIENT, FALLING, WEIGHTS, UNITS, CONNECTIONS = range(1, 6)
FRESH_INPUTS, FIXED_INPUTS, FRESH_LABELS, FIXED_LABELS = range(6, 10)
"""Places of the kinds of noise."""
ANNEALING = 0.55
"""The variance of falling gradient noise is σ²/(1 + t)^0.55."""
RECORDED = np.unique(np.geomspace(1, STEPS, 60).round().astype(int))

Layers = Tensor
"""The weights (K, 3, 10, 10) of K networks, first layer first."""


@dataclass(frozen=True, kw_only=True)
class NoiseAndRank(Lab):
    """A linear network of deficient rank is trained with ten kinds of noise."""

    label: ClassVar[str] = "Noise raises the rank"
    family: ClassVar[str] = "Noise and batches"
    question: ClassVar[str] = (
        "A linear network starts with too low a rank and cannot leave it. Which noise sets it free?"
    )
    claim: ClassVar[str] = (
        "Noise in the gradient, the architecture, the inputs or the labels raises the rank of the"
        " product of the weights, and so helps to reach the global minimum."
    )
    shows: ClassVar[str] = (
        "Noise in the gradient or in the weights raises the rank to the full one, and the loss"
        " falls. Dropout, drop-connect and noise in inputs or labels, fresh or fixed, leave the"
        " rank where it was. By the formula of the gradient they must: what they add passes through"
        " the same deficient layers. So the claim holds for two of its kinds of noise. The verdict"
        " is about the chosen one."
    )
    source: ClassVar[str] = (
        "Sankar, Srinivasan, Balasubramanian, On the Analysis of Trajectories of Gradient Descent"
        " in the Optimization of Deep Neural Networks, 2018, arXiv:1807.08140"
    )
    seconds: ClassVar[float] = 8.0
    seeds: ClassVar[int] = 6
    criterion: ClassVar[Criterion] = Criterion(
        "rank of W₃W₂W₁ after training with the chosen noise, minus that without noise",
        "at least",
        5.5,
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "Nothing: the settings and the ten kinds of noise were stated before; the bound was set"
        " from seeds 0 to 2."
    )
    pictures: ClassVar = (
        Curves(
            title="Singular values with the chosen noise",
            x="step",
            y=("singular_value",),
            by="index",
            x_label="step",
            y_label="σᵢ(W₃W₂W₁)",
            x_scale="log",
            y_scale="log",
        ),
        Strip(
            title="Rank of the product by kind of noise",
            x="step",
            value="rank",
            by="noise",
            x_label="step",
            x_scale="log",
            value_label="rank",
        ),
        Curves(
            title="Loss on the data without noise",
            x="step",
            y=("loss",),
            by="noise",
            x_label="step",
            y_label="loss",
            x_scale="log",
            y_scale="log",
        ),
    )

    noise: Annotated[str, Choice(KINDS, "kind of noise of the first picture and the verdict")] = (
        "gradient"
    )
    size: Annotated[
        float,
        Knob(1e-3, 0.5, "standard deviation σ, or the probability of dropping", scale="log"),
    ] = 0.1
    start_rank: Annotated[int, Knob(1, SIZE, "rank of the product at initialization")] = 3
    target_rank: Annotated[int, Knob(1, SIZE, "rank of the matrix M to learn")] = SIZE

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: all kinds of noise from the same start on the same data."""
        drawn = stream(seed, "noise")
        data = Data(*examples(seed, self.target_rank), size=self.size, drawn=drawn)
        layers = start(seed, self.start_rank).repeat(len(KINDS), 1, 1, 1)
        found = _empty()
        for step in range(STEPS):
            layers = layers - LEARNING_RATE * clipped(self._gradient(layers, data, step, drawn))
            at = np.searchsorted(RECORDED, step + 1)
            if RECORDED[at] == step + 1:
                whole = product(layers)
                values = torch.linalg.svdvals(whole)
                found["singular_value"].values[at] = values[KINDS.index(self.noise)]
                found["rank"].values[at] = rank(values)
                found["loss"].values[at] = loss(whole, data.inputs, data.targets)
                yield self._finished(found)

    def _gradient(self, layers: Layers, data: "Data", step: int, drawn: torch.Generator) -> Layers:
        """The gradient of each network, with its kind of noise."""
        used = layers.clone()
        shape = layers[0].shape
        used[WEIGHTS] += self.size * _normal(drawn, *shape)
        keep = _kept(drawn, self.size, *shape)
        used[CONNECTIONS] *= keep
        found = moment_gradient(used, *data.moments())
        found[CONNECTIONS] *= keep
        masks = _kept(drawn, self.size, LAYERS - 1, SIZE, EXAMPLES)
        found[UNITS] = dropout_gradient(layers[UNITS], data.inputs, data.targets, masks)
        added = self.size * _normal(drawn, *shape)
        found[GRADIENT] += added
        found[FALLING] += added / (1 + step) ** (ANNEALING / 2)
        return found

    def _finished(self, found: xr.Dataset) -> xr.Dataset:
        final = found["rank"].values[-1]
        effect = final[KINDS.index(self.noise)] - final[0]
        return found.copy(deep=True).assign(effect=effect)


class Data:
    """The examples, and the second moments of those that each network sees."""

    def __init__(
        self, inputs: Tensor, targets: Tensor, *, size: float, drawn: torch.Generator
    ) -> None:
        self.inputs, self.targets = inputs, targets
        self._size, self._drawn = size, drawn
        self._second = (inputs @ inputs.T / EXAMPLES).repeat(len(KINDS), 1, 1)
        self._cross = (targets @ inputs.T / EXAMPLES).repeat(len(KINDS), 1, 1)
        self._set_inputs(FIXED_INPUTS)
        self._set_labels(FIXED_LABELS)

    def moments(self) -> tuple[Tensor, Tensor]:
        """XXᵀ/n and YXᵀ/n, (K, 10, 10) each, with noise that is drawn now where it is fresh."""
        self._set_inputs(FRESH_INPUTS)
        self._set_labels(FRESH_LABELS)
        return self._second, self._cross

    def _set_inputs(self, at: int) -> None:
        inputs = self.inputs + self._size * _normal(self._drawn, SIZE, EXAMPLES)
        self._second[at] = inputs @ inputs.T / EXAMPLES
        self._cross[at] = self.targets @ inputs.T / EXAMPLES

    def _set_labels(self, at: int) -> None:
        targets = self.targets + self._size * _normal(self._drawn, SIZE, EXAMPLES)
        self._cross[at] = targets @ self.inputs.T / EXAMPLES


def examples(seed: int, target_rank: int) -> tuple[Tensor, Tensor]:
    """Inputs X ∼ N(0, 1) and targets MX, (10, 200) each; M has singular values from 2 to 1."""
    drawn = stream(seed, "data")
    inputs = _normal(drawn, SIZE, EXAMPLES)
    values = torch.linspace(2, 1, SIZE, dtype=torch.float64)
    values[target_rank:] = 0
    matrix = _orthogonal(drawn, SIZE) @ torch.diag(values) @ _orthogonal(drawn, SIZE)
    return inputs, matrix @ inputs


def start(seed: int, start_rank: int) -> Layers:
    """Layers (3, 10, 10): 0.8 times an orthogonal r x r block each, the outer ones rotated."""
    drawn = stream(seed, "init")
    layers = torch.zeros(LAYERS, SIZE, SIZE, dtype=torch.float64)
    for layer in layers:
        layer[:start_rank, :start_rank] = SCALE * _orthogonal(drawn, start_rank)
    layers[0] = layers[0] @ _orthogonal(drawn, SIZE)
    layers[-1] = _orthogonal(drawn, SIZE) @ layers[-1]
    return layers


def product(layers: Layers) -> Tensor:
    """P = W₃W₂W₁ of each network: (K, 10, 10)."""
    return layers[:, 2] @ layers[:, 1] @ layers[:, 0]


def rank(values: Tensor) -> Tensor:
    """How many singular values (K, 10) exceed a hundredth of the largest: (K,)."""
    return (values > THRESHOLD * values[:, :1]).sum(1)


def loss(whole: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
    """½‖PX − Y‖²/n of each network: (K,)."""
    return (whole @ inputs - targets).square().sum((1, 2)) / (2 * inputs.shape[1])


def moment_gradient(layers: Layers, second: Tensor, cross: Tensor) -> Layers:
    """The gradient from XXᵀ/n and YXᵀ/n, (K, 10, 10) each: (K, 3, 10, 10)."""
    first, middle, last = layers.unbind(1)
    upper = last @ middle
    error = upper @ first @ second - cross
    below = error @ first.mT
    return torch.stack(
        [upper.mT @ error, last.mT @ below, below @ middle.mT],
        1,
    )


def dropout_gradient(layers: Tensor, inputs: Tensor, targets: Tensor, masks: Tensor) -> Tensor:
    """The gradient (3, 10, 10) with hidden units multiplied by masks (2, 10, n)."""
    first = masks[0] * (layers[0] @ inputs)
    second = masks[1] * (layers[1] @ first)
    error = (layers[2] @ second - targets) / inputs.shape[1]
    back = masks[1] * (layers[2].T @ error)
    lower = masks[0] * (layers[1].T @ back)
    return torch.stack([lower @ inputs.T, back @ first.T, error @ second.T])


def clipped(slopes: Layers) -> Layers:
    """Gradients with norms of at most `LONGEST`."""
    norms = slopes.flatten(1).norm(dim=1).clamp(min=LONGEST)
    return slopes * (LONGEST / norms)[:, None, None, None]


def _kept(drawn: torch.Generator, dropped: float, *shape: int) -> Tensor:
    """0 with the probability of dropping, else its complement's inverse: 1 on average."""
    kept = torch.rand(*shape, generator=drawn, dtype=torch.float64) >= dropped
    return kept / (1 - dropped)


def _normal(drawn: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=drawn, dtype=torch.float64)


def _orthogonal(drawn: torch.Generator, size: int) -> Tensor:
    """A random orthogonal matrix, uniform by the signs of R."""
    found, upper = torch.linalg.qr(_normal(drawn, size, size))
    return found * upper.diagonal().sign()


def _empty() -> xr.Dataset:
    steps = len(RECORDED)

    def nothing(*shape: int) -> np.ndarray:
        return np.full(shape, math.nan)

    return xr.Dataset(
        {
            "singular_value": (("step", "index"), nothing(steps, SIZE)),
            "rank": (("step", "noise"), nothing(steps, len(KINDS))),
            "loss": (("step", "noise"), nothing(steps, len(KINDS))),
        },
        {"step": RECORDED, "index": [f"σ{i}" for i in range(1, SIZE + 1)], "noise": list(KINDS)},
    )
