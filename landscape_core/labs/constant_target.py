"""SGD with a constant target: Hutzenthaler, Jentzen, Pohl, Riekert, Scarpa, 2021, arXiv:2112.07369.

The risk R(θ) = E‖N(x) − ξ‖² of a ReLU network with K affine layers falls along a gradient flow, for
the function V(θ) = Σₖ (k‖bₖ‖² + ‖Wₖ‖²) − 2K⟨ξ, b_K⟩ satisfies ⟨∇V, ∇R⟩ = 4K·R exactly: as long as
steps are small, V falls, and only R = 0 stops it. Step sizes whose sum is finite may stop before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Curves, Function
from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.recipes import Knob
from landscape_core.labs.base import Lab

SIZES = (3, 16, 16, 16, 1)
LAYERS = len(SIZES) - 1
BATCH, STEPS, DELAY = 16, 8000, 100.0
"""Examples a step; steps; the step at which a falling step size has begun to fall."""
SUMMABLE = (0.4, 2.0)
"""Of the schedule whose sum is finite: the factor on the step size, and the exponent."""
TESTED = 1000
"""Examples for the risk."""
LINE = np.linspace(0.0, 1.0, 41)
RECORDED = np.unique(np.geomspace(1, STEPS, 48).round().astype(int))

Layers = list[tuple[Tensor, Tensor]]
"""Weights (S, out, in) and biases (S, out, 1) of each layer, for S networks at once."""


@dataclass(frozen=True, kw_only=True)
class ConstantTarget(Lab):
    """Four schedules of the step size fit a constant; three have a sum that diverges."""

    label: ClassVar[str] = "Fitting a constant"
    family: ClassVar[str] = "Noise and batches"
    question: ClassVar[str] = (
        "If a deep ReLU network only has to learn a constant, does SGD always get there?"
    )
    claim: ClassVar[str] = (
        "With sufficiently small step sizes whose sum diverges, the expected risk of SGD tends to"
        " zero for every constant target."
    )
    shows: ClassVar[str] = (
        "A step size that stays, or falls slowly, ends near zero; one whose sum is finite stops on"
        " the way. V falls at every step while steps are small, and rises where they are not. The"
        " risk converges, not the weights, and nothing follows for other targets."
    )
    source: ClassVar[str] = (
        "Hutzenthaler, Jentzen, Pohl, Riekert, Scarpa, Convergence proof for stochastic gradient"
        " descent in the training of deep neural networks with ReLU activation for constant target"
        " functions, 2021, arXiv:2112.07369"
    )
    seconds: ClassVar[float] = 13.0
    seeds: ClassVar[int] = 8
    criterion: ClassVar[Criterion] = Criterion(
        "final risk of the worst schedule with a diverging sum, relative to the one with a finite"
        " sum",
        "at most",
        0.5,
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "20,000 steps, which take longer and say the same; the bound was set from seeds 0 to 2."
    )
    pictures: ClassVar = (
        Curves(
            title="Risk, by learning rate",
            x="step",
            y=("risk",),
            by="schedule",
            x_label="step",
            y_label="risk R",
            x_scale="log",
            y_scale="log",
        ),
        Function(
            title="The network along its first input",
            x="input",
            y=("output",),
            by="schedule",
            x_label="first input x₁; the others are ½",
            y_label="output N(x)",
            frame="step",
        ),
        Curves(
            title="The Lyapunov function V",
            x="step",
            y=("lyapunov",),
            by="schedule",
            x_label="step",
            y_label="V",
            x_scale="log",
        ),
    )

    target: Annotated[float, Knob(-5.0, 5.0, "the constant ξ to learn")] = 1.0
    learning_rate: Annotated[
        float, Knob(1e-3, 1.0, "step size η at the start of each schedule", scale="log")
    ] = 0.05
    exponent: Annotated[
        float, Knob(0.0, 1.0, "exponent of the second schedule, η / (1 + t/100)^exponent")
    ] = 0.6

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: the four schedules with the same start and the same batches."""
        drawn = stream(seed, "batches")
        layers = start(seed, 4)
        tests = torch.rand(SIZES[0], TESTED, generator=stream(seed, "test"), dtype=torch.float64)
        line = torch.full((SIZES[0], len(LINE)), 0.5, dtype=torch.float64)
        line[0] = torch.from_numpy(LINE)
        rates = self.rates()
        found = self._empty()
        for step in range(STEPS):
            inputs = torch.rand(SIZES[0], BATCH, generator=drawn, dtype=torch.float64)
            slopes = gradient(layers, inputs, self.target)
            rate = rates[:, step, None, None]
            layers = [
                (weight - rate * dw, bias - rate * db)
                for (weight, bias), (dw, db) in zip(layers, slopes, strict=True)
            ]
            where = np.searchsorted(RECORDED, step + 1)
            if RECORDED[where] == step + 1:
                found["risk"].values[:, where] = risk(layers, tests, self.target)
                found["lyapunov"].values[:, where] = lyapunov(layers, self.target)
                found["output"].values[:, where] = outputs(layers, line)[:, 0]
                yield self._finished(found)

    def rates(self) -> Tensor:
        """Step sizes, (schedule, step)."""
        late = 1 + torch.arange(STEPS, dtype=torch.float64) / DELAY
        factor, power = SUMMABLE
        falling = [late**0, late**-self.exponent, 1 / late, factor * late**-power]
        return self.learning_rate * torch.stack(falling)

    def _empty(self) -> xr.Dataset:
        names = ["constant", f"falling, exponent {self.exponent:g}", "falling, exponent 1"]
        names.append("falling, exponent 2: finite sum")
        shape = (len(names), len(RECORDED))
        nothing = np.full(shape, np.nan)
        return xr.Dataset(
            {
                "risk": (("schedule", "step"), nothing),
                "lyapunov": (("schedule", "step"), nothing.copy()),
                "output": (("schedule", "step", "input"), np.full((*shape, len(LINE)), np.nan)),
            },
            {"schedule": names, "step": RECORDED, "input": LINE},
        )

    def _finished(self, found: xr.Dataset) -> xr.Dataset:
        final = found["risk"].values[:, -1]
        return found.copy(deep=True).assign(effect=np.max(final[:3]) / final[3])


def start(seed: int, networks: int) -> Layers:
    """The same initial network several times: W ∼ N(0, 1/fan-in), b ∼ N(0, 0.01)."""
    drawn = stream(seed, "init")
    layers: Layers = []
    for fan_in, fan_out in pairwise(SIZES):
        weight = torch.randn(fan_out, fan_in, generator=drawn, dtype=torch.float64) / fan_in**0.5
        bias = 0.1 * torch.randn(fan_out, 1, generator=drawn, dtype=torch.float64)
        layers.append((weight.repeat(networks, 1, 1), bias.repeat(networks, 1, 1)))
    return layers


def outputs(layers: Layers, inputs: Tensor) -> Tensor:
    """N(x), (S, 1, N), for inputs (dimension, N)."""
    hidden = inputs.expand(len(layers[0][0]), *inputs.shape)
    for weight, bias in layers[:-1]:
        hidden = torch.baddbmm(bias, weight, hidden).relu()
    return torch.baddbmm(layers[-1][1], layers[-1][0], hidden)


def risk(layers: Layers, inputs: Tensor, target: float) -> Tensor:
    """The mean of (N(x) − ξ)² over inputs (dimension, N), for each network: (S,)."""
    return (outputs(layers, inputs) - target).square().mean((1, 2))


def gradient(layers: Layers, inputs: Tensor, target: float) -> Layers:
    """The gradient of the risk on inputs (dimension, N), with ReLU'(0) = 0."""
    hidden = [inputs.expand(len(layers[0][0]), *inputs.shape)]
    for weight, bias in layers[:-1]:
        hidden.append(torch.baddbmm(bias, weight, hidden[-1]).relu())
    weight, bias = layers[-1]
    error = (torch.baddbmm(bias, weight, hidden[-1]) - target) * (2 / inputs.shape[1])
    found: Layers = []
    for k in reversed(range(len(layers))):
        found.append((error @ hidden[k].mT, error.sum(2, keepdim=True)))
        if k:
            error = (layers[k][0].mT @ error) * (hidden[k] > 0)
    return found[::-1]


def lyapunov(layers: Layers, target: float) -> Tensor:
    """V(θ) = Σₖ (k‖bₖ‖² + ‖Wₖ‖²) − 2K⟨ξ, b_K⟩ of each network: (S,)."""
    found = -2 * len(layers) * target * layers[-1][1].sum((1, 2))
    for k, (weight, bias) in enumerate(layers, start=1):
        found = found + k * bias.square().sum((1, 2)) + weight.square().sum((1, 2))
    return found
