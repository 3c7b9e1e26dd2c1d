"""The edge of stability: Cohen, Kaur, Li, Kolter, Talwalkar, 2021, arXiv:2103.00065.

On a quadratic, an optimizer with full batches diverges along an eigenvector of the Hessian whose
eigenvalue lies above c/η: c = 2 for gradient descent, 2 + 2β for the heavy ball, (2 + 2β)/(1 + 2β)
for Nesterov. Adam with its preconditioner P = (1 − β₁ᵗ)(√(v/(1 − β₂ᵗ)) + ε) held fixed is a heavy
ball on P⁻¹H, whose velocity is an average: c = (2 + 2β₁)/(1 − β₁), 38 for β₁ = 0.9 (Cohen et al.,
2022, arXiv:2207.14484). P⁻¹H has the eigenvalues of P^(−½) H P^(−½), which is symmetric.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, final

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_core.analysis.verdict import Criterion
from landscape_core.curvature.eigenpairs import eigenpairs
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.curvature.operator import Operator
from landscape_core.experiments.lab_pictures import Bars, Curves, Guide, Paths
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.labs._trained_networks import digits, digits_run, states
from landscape_core.labs.base import Lab
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.initializations.pytorch import PyTorch
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.optimizers.nesterov import Nesterov
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run

POINTS = 300
"""Training examples, all of them in every step. The paper has 5,000 images of CIFAR-10."""

STEPS, EVERY, SHOWN = 800, 20, 2
"""Steps of a run; steps between two eigenvalues; eigenvalues between two datasets."""

PLATEAU = 11
"""Eigenvalues at the end of a run whose median counts: those of its last quarter."""

DEPTH = 4
"""Hidden layers, tanh, with the initialization of PyTorch as in the paper: λ₁ starts below the
edges. With two layers it hardly rises on digits."""

FACTORS = (1.0, 0.5)
"""Learning rates of both runs, in multiples of the one asked for: half of it doubles the edge."""

TOLERANCE = 0.01
"""The relative residual of an eigenvalue."""

BETA = 0.9
"""Momentum, and decay rate of Adam's first moment: those of the papers."""

OPTIMIZERS: dict[str, Optimizer[Any]] = {
    "gradient descent": SGD(),
    "heavy ball": HeavyBall(momentum=BETA),
    "Nesterov": Nesterov(momentum=BETA),
    "Adam": Adam(beta1=BETA),
}

RATES = {"gradient descent": 0.25, "heavy ball": 0.475, "Nesterov": 0.17, "Adam": 4e-3}
"""Learning rates at which the first three have the same edge, about."""

EDGES = {
    "gradient descent": 2.0,
    "heavy ball": 2 + 2 * BETA,
    "Nesterov": (2 + 2 * BETA) / (1 + 2 * BETA),
    "Adam": (2 + 2 * BETA) / (1 - BETA),
}
"""The constants c of the edges c/η."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class EdgeOfStability(Lab):
    """The largest eigenvalue of the Hessian along two full-batch runs, against their edges."""

    label: ClassVar[str] = "The edge of stability"
    family: ClassVar[str] = "Curvature"
    question: ClassVar[str] = (
        "Gradient descent is stable while the largest eigenvalue of the Hessian is below 2/η. Where"
        " does that eigenvalue go during training?"
    )
    claim: ClassVar[str] = (
        "With full batches the largest eigenvalue of the Hessian rises until it reaches 2/η, the"
        " edge of stability, and stays there, while the loss rises at many steps and still falls in"
        " the long run. Momentum and Adam have edges of their own."
    )
    shows: ClassVar[str] = (
        "Half the learning rate doubles the level at which the eigenvalue stops: the step size"
        " decides, not the data alone. Below the edge the loss falls at every step; at the edge it"
        " rises at many, in bursts, and yet falls in the long run. Nesterov and Adam come near"
        " theirs, too; the heavy ball fits these few examples before its eigenvalue gets there."
    )
    source: ClassVar[str] = (
        "Cohen, Kaur, Li, Kolter, Talwalkar, Gradient Descent on Neural Networks Typically Occurs"
        " at the Edge of Stability, 2021, arXiv:2103.00065; Adam: Cohen et al., Adaptive Gradient"
        " Methods at the Edge of Stability, 2022, arXiv:2207.14484"
    )
    seconds: ClassVar[float] = 18.0
    seeds: ClassVar[int] = 6
    criterion: ClassVar[Criterion] = Criterion(
        "relative distance of the plateau of λ₁ from c/η, the larger one of two learning rates",
        "at most",
        0.1,
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "The bound was set before. On seed 0, other depths and initializations, with which the"
        " eigenvalue starts above the edge or does not rise to it, then all learning rates."
    )
    pictures: ClassVar = (
        Curves(
            title="Largest eigenvalue of the Hessian (Adam: of P⁻¹H)",
            x="step",
            y=("sharpness",),
            by="run",
            x_label="step",
            y_label="largest eigenvalue λ₁",
            y_scale="log",
            guides=(
                Guide(label="edge c/η of the first run", variable="edge"),
                Guide(label="edge of the second run", variable="second_edge"),
            ),
        ),
        Paths(
            title="Training loss of one seed",
            x="iteration",
            y="loss",
            along="iteration",
            by="run",
            x_label="step",
            y_label="training loss",
            y_scale="log",
        ),
        Curves(
            title="Steps at which the loss rises",
            x="step",
            y=("rising",),
            by="run",
            x_label="step",
            y_label=f"fraction of the last {EVERY} steps",
        ),
        Bars(
            title="The plateau in units of 1/η",
            x="run",
            value="product",
            theory="constant",
            y_label="λ₁ · η, median of the last quarter",
        ),
    )

    optimizer: Annotated[str, Choice(tuple(OPTIMIZERS), "optimizer")] = "gradient descent"
    rate_factor: Annotated[
        float,
        Knob(
            0.25,
            4.0,
            "factor on the learning rate η of the first run, which is"
            " 0.25 for gradient descent, 0.475 for the heavy ball, 0.17 for Nesterov, 0.004 for"
            " Adam; the second run has half of it",
            scale="log",
        ),
    ] = 1.0
    width: Annotated[int, Knob(4, 128, "units in each of four hidden layers", scale="log")] = 32

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: both runs from one start, side by side."""
        objective = digits(self._architecture(), seed, points=POINTS, loss=SquaredError())
        rules, found = self.rules(), self._empty()
        runs = [states(objective, rule, STEPS, batch=POINTS, seed=seed) for rule in rules]
        near: list[Vector | None] = [None] * len(rules)
        for step, reached in enumerate(zip(*runs, strict=True)):
            for row, (theta, memory) in enumerate(reached):
                found["loss"].values[row, step] = float(objective.losses(theta[None]))
                if step % EVERY == 0:
                    operator = preconditioned(objective, theta, rules[row], memory)
                    value, near[row] = largest(operator, near[row])
                    found["sharpness"].values[row, step // EVERY] = value
            if step % (SHOWN * EVERY) == 0 or step == STEPS:
                yield self._finished(found)

    def training_run(self, seed: int) -> Run:
        """The first run of a seed."""
        return digits_run(
            self._architecture(), self.rules()[0], STEPS, points=POINTS, batch=POINTS, seed=seed,
            loss=SquaredError(),
        )  # fmt: skip

    def rules(self) -> list[Optimizer[Any]]:
        """The optimizers of both runs."""
        rule = OPTIMIZERS[self.optimizer]
        return [rule.replace(learning_rate=rate) for rate in self.rates()]

    def rates(self) -> list[float]:
        """The learning rates of both runs."""
        return [factor * self.rate_factor * RATES[self.optimizer] for factor in FACTORS]

    def _architecture(self) -> MLP:
        return MLP(depth=DEPTH, width=self.width, activation="tanh", initialization=PyTorch())

    def _empty(self) -> xr.Dataset:
        iterations = np.arange(STEPS + 1)
        steps, rates = iterations[::EVERY], np.array(self.rates())
        constant = EDGES[self.optimizer]
        edges = np.repeat(constant / rates[:, None], len(steps), axis=1)
        return xr.Dataset(
            {
                "sharpness": (("run", "step"), np.full((len(rates), len(steps)), math.nan)),
                "loss": (("run", "iteration"), np.full((len(rates), len(iterations)), math.nan)),
                "edge": ("step", edges[0]),
                "second_edge": ("step", edges[1]),
                "constant": ("run", np.full(len(rates), constant)),
            },
            {
                "run": [f"η = {rate:g}" for rate in rates.tolist()],
                "step": steps,
                "iteration": iterations,
            },
        )

    def _finished(self, found: xr.Dataset) -> xr.Dataset:
        sharpness, rates = found["sharpness"].values, np.array(self.rates())
        product = ("run", latest(sharpness) * rates)
        rising = (("run", "step"), rises(found["loss"].values))
        effect = distance(sharpness, EDGES[self.optimizer] / rates)
        return found.copy(deep=True).assign(product=product, rising=rising, effect=effect)


@final
class Preconditioned(Operator):
    """S A S for a symmetric operator A and a diagonal matrix S, given by its diagonal (P,)."""

    def __init__(self, inner: Operator, diagonal: Vector) -> None:
        """The operator A and the diagonal of S."""
        Operator.__init__(self, inner.like)
        self._inner, self._diagonal = inner, diagonal

    def _apply(self, vectors: Vectors) -> Vectors:
        return self._diagonal * self._inner.apply(self._diagonal * vectors)


def preconditioned(
    objective: ModelObjective, theta: Vector, rule: Optimizer[Any], memory: Any
) -> Operator:
    """The Hessian at theta; for Adam after its first step P^(−½) H P^(−½)."""
    hessian = Hessian().at(objective, theta)
    if not isinstance(rule, Adam):
        return hessian
    t, _, v = memory
    if t == 0:  # no gradient was seen: P of the step to come
        t, v = 1, (1 - rule.beta2) * objective.gradient(theta).square()
    scale = (v / (1 - rule.beta2**t)).sqrt() + rule.epsilon
    return Preconditioned(hessian, ((1 - rule.beta1**t) * scale).rsqrt())


def largest(operator: Operator, near: Vector | None) -> tuple[float, Vector | None]:
    """The largest eigenvalue and its vector, sought from a vector near by; NaN where not finite."""
    try:
        pairs = eigenpairs(operator, 1, tolerance=TOLERANCE, start=near)
    except SpecError:  # the run has diverged
        return math.nan, near
    value = float(pairs.values[0])
    return value, pairs.vectors[0] if math.isfinite(value) else near


def latest(sharpness: Floats) -> Floats:
    """The median of the latest `PLATEAU` known eigenvalues of each run (R, T): (R,)."""
    known = np.isfinite(sharpness).all(0)
    return np.asarray(np.median(sharpness[:, known][:, -PLATEAU:], axis=1))


def distance(sharpness: Floats, edges: Floats) -> float:
    """The largest relative distance of a plateau of eigenvalues (R, T) from its edge, (R,).

    NaN until all are known, and where a run has diverged.
    """
    plateaus = np.median(sharpness[:, -PLATEAU:], axis=1)
    return float(np.abs(plateaus / edges - 1).max())


def rises(losses: Floats) -> Floats:
    """The fraction of the last `EVERY` steps at which losses (R, STEPS + 1) rose, every so often.

    Shape (R, STEPS / EVERY + 1); NaN at the start and where steps are missing.
    """
    with np.errstate(invalid="ignore"):  # infinity less infinity
        change = np.diff(losses, axis=1)
    up = np.where(np.isnan(change), math.nan, change > 0)
    shares = up.reshape(len(losses), -1, EVERY).mean(2)
    return np.concatenate([np.full((len(losses), 1), math.nan), shares], axis=1)
