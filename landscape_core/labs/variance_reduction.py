"""Variance reduction on least squares and on networks.

SVRG (Johnson, Zhang, 2013) and SAGA (Defazio, Bach, Lacoste-Julien, 2014, arXiv:1407.0202) reach
the minimum of a strongly convex sum at a constant rate. On networks the gradient at the snapshot is
soon as different from the present one as another example's (Defazio, Bottou, 2019,
arXiv:1812.04529). The variances are those of single examples, over all of them, along a run of SGD
(of the network with momentum): batches divide both alike. An example is augmented anew at each
reading, so that its gradients now and at the snapshot have different noise; the run has none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Curves, Guide
from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.labs import _accelerated_steps as accelerated
from landscape_core.labs import _least_squares as least
from landscape_core.labs import _variance_steps as steps
from landscape_core.labs._least_squares import POINTS, Array, LeastSquares
from landscape_core.labs.base import Lab
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.supervised import Supervised
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.run import Run, Training
from landscape_core.training.samplers.replacement import Replacement
from landscape_core.training.schedules.inverse import Inverse

PASSES, INTERVAL = 100, 2
"""Passes over the data, counted in gradients of examples; epochs between two snapshots of SVRG."""
METHODS = ("SGD, constant rate", "SGD, rate 1/k", "SVRG", "SAGA")
DIGITS, WIDTH, BATCH, RATE = 1700, 64, 32, 0.1
"""Of the network 64-64-64-10: training images, units, examples a step, rate with momentum 0.9."""
EPOCH = 54
"""Steps of the network in an epoch; the last one has four examples."""
SNAPSHOTS = (2, 10)
"""Epochs at whose beginning a snapshot is taken."""
MEASURED = (*range(1, 17), 20, 24, 32, 40, 48, 53)
"""Steps after the snapshot."""
NETWORKS = {"ReLU network": "relu", "tanh network": "tanh"}
LEAST_SQUARES = "least squares"


@dataclass(frozen=True, kw_only=True)
class VarianceReduction(Lab):
    """SVRG and SAGA where they work, and how soon a snapshot of a network is out of date."""

    label: ClassVar[str] = "Variance reduction"
    family: ClassVar[str] = "Noise and batches"
    question: ClassVar[str] = (
        "SVRG and SAGA take the noise out of stochastic gradients. Why are networks hardly ever"
        " trained with them?"
    )
    claim: ClassVar[str] = (
        "At a constant rate SVRG and SAGA converge linearly where SGD stops at its noise floor. On"
        " a network the snapshot of SVRG is out of date within a fraction of an epoch: then its"
        " gradients have more variance than those of SGD."
    )
    shows: ClassVar[str] = (
        "On least squares the memory pays: the excess falls to rounding errors. On the ReLU"
        " network the gradients of an example now and at the snapshot lose their correlation"
        " within some ten steps; subtracting what is not correlated adds variance. (The best"
        " multiple of it, Yin et al., arXiv:2311.05589, would leave 1 − correlation² of SGD's.)"
        " That is not so for every network: with tanh, the snapshot of epoch 10 lasts for the"
        " epoch on most seeds. With fresh noise on the inputs at each reading, as in data"
        " augmentation, there is next to nothing to subtract from the start."
    )
    source: ClassVar[str] = (
        "Johnson, Zhang, Accelerating Stochastic Gradient Descent using Predictive Variance"
        " Reduction, NIPS 2013; Defazio, Bach, Lacoste-Julien, SAGA, 2014, arXiv:1407.0202;"
        " Defazio, Bottou, On the Ineffectiveness of Variance Reduced Optimization for Deep"
        " Learning, 2019, arXiv:1812.04529"
    )
    needs: ClassVar[tuple[str, ...]] = ("schedules",)
    seconds: ClassVar[float] = 15.0
    criterion: ClassVar[Criterion] = Criterion(
        "steps after a snapshot until SVRG's variance exceeds SGD's, the later of two snapshots",
        "at most",
        16.0,
        "of 54 steps",
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "Nothing: network, rate and snapshots of an earlier script, and its bound of 16 steps."
    )
    pictures: ClassVar = (
        Curves(
            title="Least squares: loss above the minimum",
            x="passes",
            y=("excess",),
            by="method",
            x_label="passes over the data, in gradients",
            y_label="L(θ) − min L",
            y_scale="log",
            guides=(Guide(label="SGD's noise floor, theory", variable="floor"),),
        ),
        Curves(
            title="Variance of SVRG's gradient",
            x="since",
            y=("ratio",),
            by="snapshot",
            x_label="epochs since the snapshot",
            y_label="relative to SGD's",
            x_scale="log",
            y_scale="log",
            guides=(Guide(label="no reduction", level=1.0),),
        ),
        Curves(
            title="An example's gradients, now and at the snapshot",
            x="since",
            y=("correlation",),
            by="snapshot",
            x_label="epochs since the snapshot",
            y_label="correlation",
            x_scale="log",
            guides=(Guide(label="no reduction, equal variances", level=0.5),),
        ),
    )

    problem: Annotated[
        str,
        Choice((*NETWORKS, LEAST_SQUARES), "problem of the first four snapshots, and the verdict"),
    ] = "ReLU network"
    noise: Annotated[
        float, Knob(0.0, 3.0, "standard deviation of the noise in the targets of least squares")
    ] = 1.0
    augmentation: Annotated[
        float, Knob(0.0, 2.0, "fresh noise on augmented inputs, relative to their deviation")
    ] = 0.5
    further: Annotated[str, accelerated.FURTHER] = accelerated.NONE

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: the methods on least squares, then the snapshots along a run of SGD."""
        data = least.least_squares(seed, self.noise)
        found = self._empty(data.floor(data.rate))
        drawn = least.order(Replacement(), data.objective, PASSES + 1, seed)
        falling = Inverse(period=POINTS)
        rates = data.rate * np.array([falling.factor(k, len(drawn)) for k in range(len(drawn))])
        runs = (
            steps.sgd(data, np.full(len(drawn), data.rate), drawn),
            steps.sgd(data, rates, drawn),
            steps.svrg(data, data.rate / 3, drawn, INTERVAL * POINTS),
            steps.saga(data, data.rate / 3, drawn),
            *accelerated.further(self.further, data, drawn, INTERVAL * POINTS),
        )
        for method, run in enumerate(runs):
            record(data, run, found["excess"].values[method])
            yield _finished(found)
        control = self.on_least_squares(seed, data, SNAPSHOTS[-1:])
        for _, at, clean, _ in control:
            found["ratio"].values[-1, at], found["correlation"].values[-1, at] = clean
        for row, at, *both in self._measured(seed, data):
            for line, values in enumerate(both):
                where = (2 * row + line, at)
                found["ratio"].values[where], found["correlation"].values[where] = values
            yield _finished(found)

    def training_run(self, seed: int) -> Run | None:
        """The run along which snapshots are taken, if that is one of a network."""
        if self.problem == LEAST_SQUARES:
            return None
        network = MLP(width=WIDTH, activation=NETWORKS[self.problem])
        return Run(
            problem=Supervised(
                dataset=Digits(points=DIGITS), architecture=network, loss=CrossEntropy()
            ),
            optimizer=HeavyBall(learning_rate=RATE),
            batch_size=BATCH,
            steps=(SNAPSHOTS[-1] - 1) * EPOCH + MEASURED[-1],
            seed=seed,
        )

    def _measured(self, seed: int, data: LeastSquares) -> Iterator["Found"]:
        run = self.training_run(seed)
        if run is None:
            return self.on_least_squares(seed, data, SNAPSHOTS)
        return self.on_network(run)

    def on_network(self, run: Run) -> Iterator["Found"]:
        """The measurements along a run."""
        training = Training(run)
        part = training.instance.train
        assert isinstance(part, ModelObjective)  # without a regularizer
        inputs, labels = part.inputs.double(), part.targets
        noisy = augmented(inputs, self.augmentation, run.seed)
        state = training.start()

        def factors(theta: Tensor, inputs: Tensor) -> steps.Factors:
            weights = list(part.layout.split(theta.double()).values())
            return steps.network_factors(weights, inputs, labels, NETWORKS[self.problem])

        for row, epoch in enumerate(SNAPSHOTS):
            while state.index < (epoch - 1) * EPOCH:
                state = training.advance(state)
            then = factors(state.theta, inputs), factors(state.theta, next(noisy))
            for at, step in enumerate(MEASURED):
                while state.index < (epoch - 1) * EPOCH + step:
                    state = training.advance(state)
                now = factors(state.theta, inputs), factors(state.theta, next(noisy))
                clean, other = map(steps.reduction, now, then)
                yield row, at, clean, other

    def on_least_squares(
        self, seed: int, data: LeastSquares, snapshots: tuple[int, ...]
    ) -> Iterator["Found"]:
        """The measurements along SGD on least squares, at the same parts of an epoch."""
        inputs = torch.from_numpy(data.A)
        noisy = augmented(inputs, self.augmentation, seed)
        K = snapshots[-1] * POINTS
        drawn = least.order(Replacement(), data.objective, snapshots[-1], seed)
        path = [theta for _, theta in steps.sgd(data, np.full(K, data.rate), drawn)]

        def factors(theta: Array, inputs: Tensor) -> steps.Factors:
            error = inputs @ torch.from_numpy(theta) - torch.from_numpy(data.b)
            return [(error[:, None], inputs)]

        for row, epoch in enumerate(snapshots):
            first = (epoch - 1) * POINTS
            then = factors(path[first], inputs), factors(path[first], next(noisy))
            for at, step in enumerate(MEASURED):
                theta = path[first + round(step * POINTS / EPOCH)]
                now = factors(theta, inputs), factors(theta, next(noisy))
                clean, other = map(steps.reduction, now, then)
                yield row, at, clean, other

    def _empty(self, floor: float) -> xr.Dataset:
        passes = np.linspace(0, PASSES, PASSES + 1)
        names = [
            f"{self.problem}, epoch {epoch}{more}"
            for epoch in SNAPSHOTS
            for more in ("", ", augmented")
        ]
        names.append(f"control: {LEAST_SQUARES}, epoch {SNAPSHOTS[-1]}")
        nothing = np.full((len(names), len(MEASURED)), np.nan)
        methods = METHODS if self.further == accelerated.NONE else (*METHODS, self.further)
        return xr.Dataset(
            {
                "excess": (("method", "passes"), np.full((len(methods), len(passes)), np.nan)),
                "floor": ("passes", np.full(len(passes), floor)),
                "ratio": (("snapshot", "since"), nothing),
                "correlation": (("snapshot", "since"), nothing.copy()),
            },
            {
                **{"method": list(methods), "passes": passes},
                **{"snapshot": names, "since": np.array(MEASURED) / EPOCH},
            },
        )


Found = tuple[int, int, tuple[float, float], tuple[float, float]]
"""Numbers of snapshot and measurement; variance ratio and correlation, plain and augmented."""


def augmented(inputs: Tensor, size: float, seed: int) -> Iterator[Tensor]:
    """The inputs with fresh noise each time, relative to their standard deviation."""
    drawn, scale = stream(seed, "augmentation"), size * inputs.std()
    while True:
        noise = torch.randn(inputs.shape, generator=drawn, dtype=inputs.dtype)
        yield inputs + scale * noise


def record(data: LeastSquares, run: steps.Run, into: Array) -> None:
    """Write the excess after each pass, in gradients of examples."""
    at = 0
    for spent, theta in run:
        while at < len(into) and spent >= at * POINTS:
            into[at] = data.excess(theta)
            at += 1
        if at == len(into):
            return


def stale(ratio: Array) -> float:
    """The first measured step at which each row of ratios exceeds 1, the later of the rows.

    An epoch's steps where one never does; NaN where values are missing.
    """
    if np.isnan(ratio).any():
        return float("nan")
    above = np.concatenate([ratio > 1, np.ones((len(ratio), 1), bool)], axis=1)
    return float(max((*MEASURED, EPOCH)[first] for first in above.argmax(1)))


def _finished(found: xr.Dataset) -> xr.Dataset:
    effect = stale(found["ratio"].values[: 2 * len(SNAPSHOTS) : 2])
    return found.copy(deep=True).assign(effect=effect)
