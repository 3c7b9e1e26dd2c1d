"""Width and the noise of SGD: Park, Sohl-Dickstein, Le, Smith, 2019, arXiv:1905.03776.

A network with one hidden layer and without biases, f(x) = U₂ relu(U₁ x), starts with U ∼ N(0, σ²/n)
for n inputs of a layer, σ² = 2. In the standard parametrization SGD moves the U; in that of the NTK
the weights W = √n/σ U, so that a step moves U by σ²/n of the usual one. The normalized noise scale
of constant steps η with batches of B examples, ḡ ∝ η/B (NTK) or (η/B) · width (standard), is said
to have its best value in proportion to the width. All rates of a width are trained at once.
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
from torch.nn.functional import one_hot

from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Curves, Guide, HeatMap
from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.labs.base import Lab
from landscape_core.models.datasets.digits import Digits

WIDTHS = np.array([8, 16, 32, 64, 128])
POINTS, INPUTS, CLASSES, EPOCHS = 300, 64, 10, 20
"""Training examples, few, so that noise matters; the other digits are the test."""
VARIANCE = 2.0
"""σ², which keeps the size of activations with ReLU."""
NOISES = {"NTK": 2.0 ** np.arange(-5, 3.25, 0.5), "standard": 2.0 ** np.arange(-9.5, -1.25, 0.5)}
"""The values of η/B, half-octaves, from too little to divergence at every width."""
CLAIMED = {"NTK": 1.0, "standard": 0.0}
"""The power of the width with which the best η/B grows, by the paper."""
TOLERATED = 0.01
"""How far below the best accuracy of a width an accuracy may be to count as good."""
BOUND = 0.875
"""The power 1 of the claim, less half an octave of η/B in four octaves of width."""
STAGES = 4
"""Datasets during the training of a width."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class WidthAndNoise(Lab):
    """Networks of five widths trained with all strengths of gradient noise."""

    label: ClassVar[str] = "Width and gradient noise"
    family: ClassVar[str] = "Width"
    question: ClassVar[str] = (
        "Do wide networks need more gradient noise than narrow ones to generalize best?"
    )
    claim: ClassVar[str] = (
        "The normalized noise scale of SGD with the best test accuracy is proportional to the"
        " width. So the best η/B grows with the width in the NTK parametrization and is the same"
        " for all widths in the standard one, and wider networks reach a higher accuracy."
    )
    shows: ClassVar[str] = (
        "The accuracy of a width is a plateau in η/B that ends where training diverges, and that"
        " end moves up with the width: less than in proportion to it with the NTK, and not quite"
        " constant in the standard parametrization. Wider networks are more accurate at almost"
        " every η/B. From batches of 2 to 8 the end stays at the same η/B, as a noise scale must;"
        " at 32 it is lower, as η alone becomes too large. With random labels the best η/B does not"
        " grow with the width: there, little noise means to stop early."
    )
    source: ClassVar[str] = (
        "Park, Sohl-Dickstein, Le, Smith, The Effect of Network Width on Stochastic Gradient"
        " Descent and Generalization: an Empirical Study, ICML 2019, arXiv:1905.03776"
    )
    seconds: ClassVar[float] = 11.0
    seeds: ClassVar[int] = 6
    criterion: ClassVar[Criterion] = Criterion(
        "slope of the logarithm of the best normalized noise scale over that of the width",
        "at least",
        BOUND,
    )
    expected: ClassVar = "NOT REPRODUCED"
    searched: ClassVar[str] = (
        "Batches of 2, 8 and 32, both parametrizations and a quarter of random labels on seeds 0"
        " and 1, then the default on seeds 0 to 7, where the slope was 0.6 to 0.85. A bound of"
        " 0.75 was drafted before; it is 0.875 because the claim is a power of 1, and half-octaves"
        " of η/B can hide an eighth of it over four octaves of width."
    )
    pictures: ClassVar = (
        HeatMap(
            title="Test accuracy by width and noise",
            x="width",
            y="noise",
            value="accuracy",
            value_label="test accuracy",
            x_label="width",
            y_label="η / B",
            x_scale="log",
            y_scale="log",
            guides=(
                Guide(label="as claimed", variable="claimed"),
                Guide(label="fitted", variable="fitted"),
            ),
        ),
        Curves(
            title="Test accuracy by noise",
            x="noise",
            y=("accuracy",),
            by="width",
            x_label="η / B",
            y_label="test accuracy",
            x_scale="log",
        ),
        Curves(
            title="Largest η/B within a point of the best accuracy",
            x="width",
            y=("largest",),
            x_label="width",
            y_label="η / B",
            x_scale="log",
            y_scale="log",
            markers=True,
            guides=(Guide(label="as claimed", variable="claimed"),),
        ),
        Curves(
            title="Best accuracy of a width",
            x="width",
            y=("best",),
            x_label="width",
            y_label="test accuracy",
            x_scale="log",
            markers=True,
        ),
    )

    parametrization: Annotated[
        str, Choice(tuple(NOISES), "whether SGD moves the weights, or W = √n/σ times them (NTK)")
    ] = "NTK"
    batch: Annotated[int, Knob(1, 32, "batch size B", scale="log")] = 2
    label_noise: Annotated[float, Knob(0.0, 0.5, "fraction of random training labels")] = 0.0

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: the widths one after the other, each with all rates."""
        inputs, labels, tests, test_labels = examples(seed, self.label_noise)
        noises, found = NOISES[self.parametrization], empty(self.parametrization)
        order = stream(seed, "batches")
        drawn = [torch.randperm(POINTS, generator=order) for _ in range(EPOCHS)]
        for column, width in enumerate(WIDTHS.tolist()):
            networks = Networks(seed, width, self._rates(width))
            for epoch, permutation in enumerate(drawn, start=1):
                networks.epoch(inputs, labels, permutation, self.batch)
                if epoch % (EPOCHS // STAGES) == 0:
                    right = networks.logits(tests).argmax(1) == test_labels
                    accuracy = right.double().mean(1).numpy()
                    found["accuracy"].values[:, column] = accuracy
                    found["best"].values[column] = accuracy.max()
                    found["largest"].values[column] = largest_good(accuracy, noises)
                    yield found.copy(deep=True)
        yield judged(found, self.parametrization)

    def _rates(self, width: int) -> tuple[Tensor, Tensor]:
        """The learning rates of U₁ and U₂, one of each for every η/B."""
        rates = torch.from_numpy(NOISES[self.parametrization] * self.batch)
        if self.parametrization == "standard":
            return rates, rates
        return rates * (VARIANCE / INPUTS), rates * (VARIANCE / width)


class Networks:
    """Networks of one width from the same start, with two learning rates (R,) each.

    Weights U₁ of all networks lie below each other, (R width, 64), since all see the same examples;
    U₂ is (R, 10, width).
    """

    def __init__(
        self, seed: int, width: int, rates: tuple[Tensor, Tensor], inputs: int = INPUTS,
        dtype: torch.dtype = torch.float32,
    ) -> None:  # fmt: skip
        """Draw the start from the seed, U ∼ N(0, σ²/n)."""
        drawn, count = stream(seed, "init", width), len(rates[0])
        first = torch.randn(width, inputs, generator=drawn, dtype=dtype)
        second = torch.randn(CLASSES, width, generator=drawn, dtype=dtype)
        self.first = ((VARIANCE / inputs) ** 0.5 * first).repeat(count, 1)
        self.second = ((VARIANCE / width) ** 0.5 * second).repeat(count, 1, 1)
        self._rates = [rate.to(dtype)[:, None, None] for rate in rates]

    def hidden(self, inputs: Tensor) -> Tensor:
        """The pre-activations (R, width, N) of inputs (64, N)."""
        return (self.first @ inputs).unflatten(0, (len(self.second), -1))

    def logits(self, inputs: Tensor) -> Tensor:
        """The outputs (R, 10, N) of inputs (64, N)."""
        return self.second @ self.hidden(inputs).relu()

    def epoch(self, inputs: Tensor, labels: Tensor, order: Tensor, batch: int) -> None:
        """Take a step with each full batch of the examples in an order."""
        targets = one_hot(labels, CLASSES).T.to(inputs.dtype)
        parts = order[: len(order) // batch * batch].split(batch)
        for part in parts:
            self.step(inputs[:, part], targets[:, part])

    def step(self, inputs: Tensor, targets: Tensor) -> None:
        """Take a step on inputs (64, B) with targets (10, B), by the mean cross-entropy."""
        before = self.hidden(inputs)
        after = before.relu()
        error = ((self.second @ after).softmax(1) - targets) / targets.shape[1]
        back = (self.second.mT @ error) * (before > 0)
        self.second.baddbmm_(self._rates[1] * error, after.mT, alpha=-1)
        self.first.addmm_((self._rates[0] * back).flatten(0, 1), inputs.T, alpha=-1)


def examples(seed: int, noise: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Inputs (64, N) and labels (N,) for training, some at random, and others for the test."""
    split = Digits(points=POINTS).build(seed)
    labels, rng = split.train.targets.clone(), stream(seed, "labels")
    some = torch.randperm(POINTS, generator=rng)[: round(noise * POINTS)]
    labels[some] = torch.randint(CLASSES, (len(some),), generator=rng)
    inputs, tests = (part.inputs.float().T.contiguous() for part in (split.train, split.test))
    return inputs, labels, tests, split.test.targets


def largest_good(accuracy: Array, noises: Array) -> float:
    """The largest η/B whose accuracy (R,) is at most `TOLERATED` below the best.

    NaN if that is the last one, beyond which the true one may lie.
    """
    last = int(np.flatnonzero(accuracy >= accuracy.max() - TOLERATED)[-1])
    return float(noises[last]) if last < len(noises) - 1 else math.nan


def fitted(widths: npt.NDArray[np.int64], noises: Array) -> tuple[float, Array]:
    """The slope of log noise over log width, and the fitted line at the widths; NaN if one is."""
    if not np.isfinite(noises).all():
        return math.nan, np.full(len(widths), math.nan)
    slope, level = np.polyfit(np.log(widths), np.log(noises), 1)
    return float(slope), np.exp(level + slope * np.log(widths))


def judged(found: xr.Dataset, parametrization: str) -> xr.Dataset:
    """The dataset with the fitted line, the claimed one, and the slope in the normalized scale."""
    largest, claimed = found["largest"].values, CLAIMED[parametrization]
    slope, line = fitted(WIDTHS, largest)
    found["fitted"].values[:] = line
    found["claimed"].values[:] = largest[0] * (WIDTHS / WIDTHS[0]) ** claimed
    return found.copy(deep=True).assign(effect=slope + 1 - claimed)


def empty(parametrization: str) -> xr.Dataset:
    """The dataset before anything is computed."""
    noises, widths = NOISES[parametrization], len(WIDTHS)
    names = ("largest", "best", "fitted", "claimed")
    columns = {name: ("width", np.full(widths, math.nan)) for name in names}
    accuracy = (("noise", "width"), np.full((len(noises), widths), math.nan))
    return xr.Dataset(
        {"accuracy": accuracy, **columns, "effect": ((), math.nan)},
        {"width": WIDTHS, "noise": noises},
    )
