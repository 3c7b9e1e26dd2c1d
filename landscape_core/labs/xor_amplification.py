"""Feature amplification on XOR: Frei, Chatterji, Bartlett, 2023, JMLR 24(303), arXiv:2202.07626.

f(x) = Σⱼ aⱼ ReLU(⟨wⱼ, x⟩) with fixed aⱼ = ±1/√m is trained by full-batch gradient descent on the
logistic loss. Inputs are ±μ₁ + σz (label +1) or ±μ₂ + σz (label −1); no linear classifier is better
than chance. The useful direction of a neuron is ±μ₁ if aⱼ > 0, else ±μ₂. As the data are
rotationally symmetric, μ₁ and μ₂ are the first two coordinate axes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from torch.nn.functional import logsigmoid

from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Arrows, Curves, Guide, Histogram
from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.recipes import Knob
from landscape_core.labs.base import Lab

TRAINED, TESTED, NEURONS = 1000, 2000, 500
"""Training examples, test examples, neurons."""
SPREAD = 0.5
"""σ√d: the noise of an input is half as long as its mean."""
LEARNING_RATE, STEPS = 1.0, 100
"""Longer training fits the flipped labels too, and blurs the features."""
ALIGNED = 0.7
"""A neuron whose cosine with a useful direction exceeds this counts as aligned."""
RECORDED = np.unique(np.r_[0, np.geomspace(1, STEPS, 24).round().astype(int)])
SHOWN = (0, 2, 5, STEPS)
"""Steps whose cosines are drawn as histograms."""
NEWTON = 20
"""Newton iterations of logistic regression."""


@dataclass(frozen=True, kw_only=True)
class XorAmplification(Lab):
    """Neurons of a two-layer ReLU network turn to the two useful directions of XOR."""

    label: ClassVar[str] = "Features of XOR"
    family: ClassVar[str] = "Width"
    question: ClassVar[str] = (
        "How does a network find two useful directions among many if no linear classifier sees"
        " them?"
    )
    claim: ClassVar[str] = (
        "Neurons are almost uncorrelated with the useful directions at initialization. Gradient"
        " descent turns and amplifies them, and the test error reaches the fraction of flipped"
        " labels, although every linear classifier stays at chance."
    )
    shows: ClassVar[str] = (
        "Nearly all neurons turn to a useful direction within twenty steps. The network learns the"
        " true labels and does not memorize the flipped ones; logistic regression stays at one"
        " half. Accuracy alone says little: one step already classifies the test data. From a"
        " large initialization it does so too, but neurons hardly turn (the lazy regime)."
    )
    source: ClassVar[str] = (
        "Frei, Chatterji, Bartlett, Random Feature Amplification: Feature Learning and"
        " Generalization in Neural Networks, 2023, JMLR 24(303), arXiv:2202.07626"
    )
    seconds: ClassVar[float] = 7.0
    criterion: ClassVar[Criterion] = Criterion(
        "fraction of neurons whose cosine with a useful direction exceeds 0.7, after training minus"
        " at initialization",
        "at least",
        0.9,
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "Nothing: the first settings tried; the bound was set from seeds 0 to 2."
    )
    pictures: ClassVar = (
        Arrows(
            title="Neurons, coloured by the sign of the output weight",
            x="first",
            y="second",
            color="output_weight",
            x_label="⟨w, μ₁⟩",
            y_label="⟨w, μ₂⟩",
            frame="step",
        ),
        Histogram(
            title="Cosine of each neuron with its useful direction",
            value="cosine",
            sample="neuron",
            by="moment",
            x_label="cosine",
            y_label="neurons",
        ),
        Curves(
            title="Accuracy",
            x="step",
            y=("test_accuracy", "train_accuracy", "linear_accuracy"),
            x_label="step",
            y_label="accuracy",
            x_scale="symlog",
            guides=(Guide(label="1 − fraction of flipped labels", variable="unflipped"),),
        ),
    )

    flipped: Annotated[
        float, Knob(0.0, 0.4, "probability p with which a training label is flipped")
    ] = 0.15
    initial_size: Annotated[
        float,
        Knob(1e-3, 10.0, "length ω of a neuron's weights at initialization", scale="log"),
    ] = 0.01
    dimension: Annotated[int, Knob(2, 100, "dimension d of the inputs")] = 40

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: gradient descent and, on the same data, logistic regression."""
        inputs, true = examples(seed, "train", TRAINED, self.dimension)
        tests, test_labels = examples(seed, "test", TESTED, self.dimension)
        flips = torch.rand(TRAINED, generator=stream(seed, "flips"), dtype=torch.float64)
        labels = torch.where(flips < self.flipped, -true, true)
        drawn = stream(seed, "init")
        size = self.initial_size / self.dimension**0.5
        weight = size * torch.randn(NEURONS, self.dimension, generator=drawn, dtype=torch.float64)
        signs = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(NEURONS // 2)
        output = signs / NEURONS**0.5
        found = _empty()
        found["output_weight"].values[:] = output
        found["unflipped"].values[:] = (labels == true).double().mean()
        found["linear_accuracy"].values[:] = accuracy(tests @ linear(inputs, labels), test_labels)
        for step in range(STEPS + 1):
            at = np.searchsorted(RECORDED, step)
            if RECORDED[at] == step:
                found["first"].values[at], found["second"].values[at] = weight[:, :2].T
                found["test_accuracy"].values[at] = accuracy(
                    outputs(weight, output, tests), test_labels
                )
                found["train_accuracy"].values[at] = accuracy(
                    outputs(weight, output, inputs), labels
                )
                if step in SHOWN:
                    found["cosine"].values[SHOWN.index(step)] = cosines(weight, output)
                yield _finished(found)
            weight = weight - LEARNING_RATE * gradient(weight, output, inputs, labels)


def examples(seed: int, purpose: str, count: int, dimension: int) -> tuple[Tensor, Tensor]:
    """Inputs (count, dimension) and their true labels ±1 (count,)."""
    drawn = stream(seed, purpose)
    which = torch.randint(4, (count,), generator=drawn)
    noise = torch.randn(count, dimension, generator=drawn, dtype=torch.float64)
    inputs = SPREAD / dimension**0.5 * noise
    rows = torch.arange(count)
    inputs[rows, which // 2] += 1.0 - 2.0 * (which % 2)
    return inputs, 1.0 - 2.0 * (which // 2).double()


def outputs(weight: Tensor, output: Tensor, inputs: Tensor) -> Tensor:
    """f(x) for inputs (N, d): (N,)."""
    return (inputs @ weight.T).relu() @ output


def gradient(weight: Tensor, output: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
    """The gradient of the mean logistic loss in the first layer's weights (m, d)."""
    hidden = inputs @ weight.T
    margin = labels * (hidden.relu() @ output)
    slope = -labels * (-margin).sigmoid() / len(labels)
    return ((hidden > 0) * slope[:, None]).T @ inputs * output[:, None]


def linear(inputs: Tensor, labels: Tensor) -> Tensor:
    """The weights (d,) of logistic regression, by Newton's method with halved steps."""
    found = torch.zeros(inputs.shape[1], dtype=inputs.dtype)
    ridge = 1e-9 * torch.eye(inputs.shape[1], dtype=inputs.dtype)
    for _ in range(NEWTON):
        margin = labels * (inputs @ found)
        falling = (-margin).sigmoid()
        slope = -(inputs.T @ (labels * falling)) / len(labels)
        curvature = inputs.T @ (inputs * (falling * (1 - falling))[:, None]) / len(labels)
        move = torch.linalg.solve(curvature + ridge, slope)
        rate, loss = 1.0, -logsigmoid(margin).mean()
        while rate > 1e-6 and -logsigmoid(labels * (inputs @ (found - rate * move))).mean() > loss:
            rate /= 2
        found = found - rate * move
    return found


def cosines(weight: Tensor, output: Tensor) -> Tensor:
    """The cosine of each neuron with the nearer of its two useful directions: (m,)."""
    useful = torch.where(output > 0, weight[:, 0], weight[:, 1])
    return useful.abs() / weight.norm(dim=1)


def accuracy(values: Tensor, labels: Tensor) -> float:
    """The fraction of values (N,) with the sign of their label."""
    return float((values * labels > 0).double().mean())


def gained(start: np.ndarray, end: np.ndarray) -> float:
    """The fraction of aligned neurons at the end minus that at the start; NaN if not known."""
    if np.isnan(start).any() or np.isnan(end).any():
        return float("nan")
    return float(np.mean(end > ALIGNED) - np.mean(start > ALIGNED))


def _empty() -> xr.Dataset:
    def nothing(*shape: int) -> np.ndarray:
        return np.full(shape, np.nan)

    steps = len(RECORDED)
    neurons = (("step", "neuron"), nothing(steps, NEURONS))
    return xr.Dataset(
        {
            "first": neurons,
            "second": (neurons[0], neurons[1].copy()),
            "output_weight": ("neuron", nothing(NEURONS)),
            "cosine": (("moment", "neuron"), nothing(len(SHOWN), NEURONS)),
            "test_accuracy": ("step", nothing(steps), {"label": "network, test data"}),
            "train_accuracy": ("step", nothing(steps), {"label": "network, training labels"}),
            "linear_accuracy": ("step", nothing(steps), {"label": "logistic regression, test"}),
            "unflipped": ("step", nothing(steps)),
        },
        {"step": RECORDED, "moment": [f"step {step}" for step in SHOWN]},
    )


def _finished(found: xr.Dataset) -> xr.Dataset:
    cosine = found["cosine"].values
    return found.copy(deep=True).assign(effect=gained(cosine[0], cosine[-1]))
