"""Batch normalization and learning rates: Ioffe and Szegedy, 2015, arXiv:1502.03167.

Outputs do not depend on the scale of the weights before a normalization, and the gradient falls as
that grows, so that rates that are too high correct themselves (Arora, Li, Lyu, 2019,
arXiv:1812.03981). Santurkar et al., 2018, arXiv:1805.11604: the loss varies less along the
gradient. Ghorbani, Krishnan, Xiao, 2019, arXiv:1901.10159: outliers of the Hessian are suppressed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from landscape_core.analysis.verdict import Criterion
from landscape_core.curvature.eigenpairs import eigenpairs
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.experiments.lab_pictures import Bars, Curves, Guide
from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.labs import _normalized_networks as several
from landscape_core.labs.base import Lab
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.problems.supervised import Supervised
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run, Training

POINTS, BATCH, STEPS, EVERY = 1200, 64, 300, 20
"""Training digits, batch, steps, and steps between two measurements, as stated beforehand."""

RATES = 2.0 ** np.arange(-8, 5)
GOOD = 0.95
"""Learning rates; those that reach this fraction of the best accuracy are good."""

RATE = 2.0**-4
"""The rate at which both networks are looked at closely: good for either."""

REACH = RATE * 2.0 ** np.arange(-1, 3)
"""Steps along the gradient: from half the rate to four times."""

READ, CURVED, OUTLIERS = 256, 200, 20
"""Training examples of the loss along the gradient and of the Hessian; eigenvalues of that."""

LOOKED_AT = np.array([EVERY, STEPS])
"""Steps at which the Hessian is taken."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class BatchNormRates(Lab):
    """The same network with and without normalization, at thirteen learning rates."""

    label: ClassVar[str] = "Normalization and learning rates"
    family: ClassVar[str] = "Signals and starts"
    question: ClassVar[str] = (
        "Does normalization make training insensitive to the learning rate, and why?"
    )
    claim: ClassVar[str] = (
        "A network with batch normalization trains well at many more learning rates than without,"
        " above all at higher ones: the loss is smoother along the gradient, and the Hessian has"
        " no outlying eigenvalues."
    )
    shows: ClassVar[str] = (
        "The range grows at its upper end alone, by about three octaves: at low rates normalization"
        " is no help. In octaves that is 1.4 to 1.5 times as many, just short of the bound, which"
        " an earlier prototype of this experiment suggested. The reasons hold clearly: early in"
        " training the loss varies far less along the gradient, and the largest eigenvalue of the"
        " Hessian is a few times the twentieth instead of tens of times."
    )
    source: ClassVar[str] = (
        "Ioffe, Szegedy, Batch Normalization: Accelerating Deep Network Training by Reducing"
        " Internal Covariate Shift, 2015, arXiv:1502.03167; Santurkar, Tsipras, Ilyas, Madry, 2018,"
        " arXiv:1805.11604; Ghorbani, Krishnan, Xiao, 2019, arXiv:1901.10159; Arora, Li, Lyu, 2019,"
        " arXiv:1812.03981"
    )
    needs: ClassVar[tuple[str, ...]] = ("signals_in_depth",)
    seconds: ClassVar[float] = 15.0
    seeds: ClassVar[int] = 6
    criterion: ClassVar[Criterion] = Criterion(
        "width in octaves of the range of good learning rates with normalization, relative to that"
        " without",
        "at least",
        1.5,
    )
    expected: ClassVar = "NOT REPRODUCED"
    searched: ClassVar[str] = (
        "Nothing: network, rates and the bound were stated before, from a prototype that had 8"
        " octaves against 4. On seeds 0 to 7 the ratio was 1.45, and nothing was changed for it."
    )
    pictures: ClassVar = (
        Curves(
            title="Test accuracy by learning rate",
            x="rate",
            y=("accuracy",),
            by="network",
            x_label="learning rate η",
            y_label="test accuracy",
            x_scale="log",
            markers=True,
            guides=(Guide(label="looked at below", at=RATE),),
        ),
        Curves(
            title="Variation of the loss along the gradient",
            x="step",
            y=("variation",),
            by="network",
            x_label="step, at η = 1/16",
            y_label="largest less smallest loss, η/2 to 4η",
            y_scale="log",
        ),
        Bars(
            title="Outliers of the Hessian: λ₁/λ₂₀",
            x="hessian_step",
            value="outliers",
            by="network",
            x_label="step, at η = 1/16",
            y_label="λ₁/λ₂₀",
            y_scale="log",
        ),
        Bars(
            title="Good learning rates: 95 % of the best",
            x="network",
            value="octaves",
            y_label="octaves",
        ),
    )

    normalization: Annotated[
        str, Choice(("batch", "layer", "weight"), "normalization of the second network")
    ] = "batch"
    depth: Annotated[int, Knob(1, 8, "number of hidden layers")] = 4

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: all rates of both networks step by step, and each closely at one rate."""
        kinds = ("none", self.normalization)
        networks = [several.Networks(self.depth, kind, seed) for kind in kinds]
        thetas = [network.start.repeat(len(RATES), 1) for network in networks]
        looked_at = [Closely(self.run_of(kind, seed)) for kind in kinds]
        train, test = looked_at[0].train, looked_at[0].test
        rates, found = torch.from_numpy(RATES).float(), self.empty()
        batches = shuffled(seed)
        for step in range(STEPS + 1):
            last = step == STEPS
            if step % EVERY == 0:
                for row, network in enumerate(networks):
                    known = train.inputs if last else train.inputs[:READ]
                    accuracy = network.accuracy(thetas[row], known, test.inputs, test.targets)
                    found["accuracy"].values[row] = accuracy.numpy()
                    found["variation"].values[row, step // EVERY] = looked_at[row].variation()
                    if step in LOOKED_AT:
                        at = np.searchsorted(LOOKED_AT, step)
                        found["outliers"].values[row, at] = looked_at[row].outliers()
                yield finished(found, step)
            if not last:
                batch = next(batches)
                inputs, targets = train.inputs[batch], train.targets[batch]
                for row, network in enumerate(networks):
                    thetas[row] = network.step(thetas[row], rates, inputs, targets)
                    looked_at[row].advance()

    def training_run(self, seed: int) -> Run:
        """The normalized network at the rate at which it is looked at closely."""
        return self.run_of(self.normalization, seed)

    def run_of(self, normalization: str, seed: int) -> Run:
        """The run of the catalogue of one of the networks."""
        problem = Supervised(
            dataset=Digits(points=POINTS),
            architecture=several.architecture(self.depth, normalization),
        )
        return Run(
            problem=problem, optimizer=SGD(learning_rate=RATE), batch_size=BATCH, steps=STEPS,
            seed=seed,
        )  # fmt: skip

    def empty(self) -> xr.Dataset:
        """The dataset before anything is known."""
        coords: dict[str, Any] = {
            "network": ["no normalization", f"{self.normalization} normalization"],
            "rate": RATES,
            "step": np.arange(0, STEPS + 1, EVERY),
            "hessian_step": LOOKED_AT,
        }
        shapes = {
            "accuracy": ("network", "rate"),
            "variation": ("network", "step"),
            "outliers": ("network", "hessian_step"),
        }
        columns = {
            name: (dims, np.full([len(coords[dim]) for dim in dims], np.nan))
            for name, dims in shapes.items()
        }
        return xr.Dataset(columns, coords)


class Closely:
    """A run of the catalogue, step by step, with what is measured on its way."""

    def __init__(self, run: Run) -> None:
        """The start of a run of a network.

        Raises:
            TypeError: the run is of something else.
        """
        self._training = Training(run)
        self.state, both = self._training.start(), self._training.instance
        train, test = both.train.network, None if both.test is None else both.test.network
        if train is None or test is None:
            raise TypeError("a run of a network with test examples is looked at")
        self.train, self.test = train, test
        self._read = train.minibatch(torch.arange(READ))
        self._curved = train.first(CURVED).with_batch_norm("batch")

    def advance(self) -> None:
        """Make a step, unless the run has diverged."""
        if not self.state.diverged:
            self.state = self._training.advance(self.state)

    @property
    def _theta(self) -> Vector | None:
        return None if self.state.diverged else self.state.theta

    def variation(self) -> float:
        """The largest less the smallest loss along the gradient, on fixed examples."""
        if self._theta is None:
            return np.nan
        slope = self._read.gradient(self._theta)
        steps = torch.from_numpy(REACH).to(slope)
        losses = self._read.losses(self._theta - steps[:, None] * slope)
        return float(losses.max() - losses.min())

    def outliers(self) -> float:
        """The ratio of the largest eigenvalue of the Hessian to the twentieth; NaN unless > 0."""
        if self._theta is None:
            return np.nan
        operator = Hessian().at(self._curved, self._theta)
        values = eigenpairs(operator, OUTLIERS, tolerance=2e-2, most=400).values
        return float(values[0] / values[-1]) if values[-1] > 0 else np.nan


def shuffled(seed: int) -> Iterator[torch.Tensor]:
    """Batches of examples, each once an epoch."""
    drawn = stream(seed, "batches")
    while True:
        yield from torch.randperm(POINTS, generator=drawn).split(BATCH)


def octaves(accuracies: Floats) -> float:
    """How many octaves of `RATES` reach 95 % of the best accuracy, linear between two rates."""
    level = GOOD * accuracies.max()
    low, high = np.sort([accuracies[:-1] - level, accuracies[1:] - level], axis=0)
    crossing = high / np.maximum(high - low, 1e-300)
    return float(np.where(low >= 0, 1.0, np.where(high > 0, crossing, 0.0)).sum())


def largest(accuracies: Floats) -> float:
    """The largest good rate."""
    return float(RATES[accuracies >= GOOD * accuracies.max()].max())


def finished(found: xr.Dataset, step: int) -> xr.Dataset:
    """A copy with the widths of the ranges, the largest good rates and, at the end, the effect.

    Before the first step all rates are equally good, and no width is given.
    """
    rows = found["accuracy"].values
    width = np.array([octaves(row) if step else np.nan for row in rows])
    highest = np.array([largest(row) if step else np.nan for row in rows])
    return found.copy(deep=True).assign(
        octaves=("network", width),
        largest=("network", highest),
        effect=width[1] / width[0] if step == STEPS else np.nan,
    )
