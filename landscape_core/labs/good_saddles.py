"""Good saddles: Sankar and Balasubramanian, 2017, arXiv:1706.02052.

Where training ends most eigenvalues of the Hessian are nearly zero and some are negative. With λmax
the largest: degeneracy is the fraction with |λ| < 10⁻³ λmax, the index that with λ < −10⁻⁵ λmax,
and the depth is |λmin| / λmax. Wigner's semicircle is the density of the eigenvalues of large
symmetric matrices of independent entries (GOE), and is compared with the Hessian's bulk, without
the 2 % of largest |λ|, both centred and scaled to standard deviation 1 (the radius is then 2).
Saddle-free Newton steps by −|H|⁻¹ g: Dauphin et al., 2014, arXiv:1406.2572.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from landscape_core.analysis.verdict import Criterion
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.experiments.lab_pictures import Curves, Guide, Histogram, Paths
from landscape_core.foundation.random_streams import numpy_stream
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.foundation.types import Vector
from landscape_core.labs._principal_digits import examples, problem
from landscape_core.labs._trained_networks import descent
from landscape_core.labs.base import Lab
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.run import Run
from landscape_core.training.samplers.full_batches import FullBatches

POINTS, BATCH, RATE = 400, 64, 0.05
"""Training examples, all of them in the Hessian; examples and learning rate of a step of SGD."""

PARTS = (0, 1, 2, 5, 10, 20, 40)
"""When Hessians are taken, in fortieths of a run."""

FLOOR, HALVINGS = 1e-3, 12
"""Least |λ| of a saddle-free Newton step; how often it is halved, at most, until the loss falls."""

SMALL, NEGATIVE = 1e-3, 1e-5
"""Fractions of λmax: below it an eigenvalue counts as zero; beyond it a negative one counts."""

OUTLIERS = 0.02
"""The fraction of largest |λ| that is no part of the bulk."""

PLACES = np.linspace(-2.0, 2.0, 81)
"""Where the density of the semicircle is given."""

MATRICES = ("Hessian, bulk", "GOE control")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class GoodSaddles(Lab):
    """The whole spectrum of the Hessian along training, with a random matrix as control."""

    label: ClassVar[str] = "Good saddles"
    family: ClassVar[str] = "Curvature"
    question: ClassVar[str] = (
        "Where training ends, is it a minimum, and does the Hessian look like a random matrix?"
    )
    claim: ClassVar[str] = (
        "Training ends at saddles, not at minima: most directions are flat and some still fall,"
        " also with methods that escape saddles. The spectra follow Wigner's semicircle. The"
        " criterion is about the flat directions."
    )
    shows: ClassVar[str] = (
        "The fraction of flat directions grows as the loss falls, and negative eigenvalues remain,"
        " though far smaller ones than the largest. How many directions are flat depends on the"
        " network: less than half with tanh at this size, most with ReLU. The semicircle is that of"
        " the GOE control and not of the bulk, which is a peak at zero with heavy tails."
    )
    source: ClassVar[str] = (
        "Sankar, Balasubramanian, Are Saddles Good Enough for Deep Learning?, 2017,"
        " arXiv:1706.02052; the method: Dauphin et al., Identifying and attacking the saddle point"
        " problem in high-dimensional non-convex optimization, 2014, arXiv:1406.2572"
    )
    seconds: ClassVar[float] = 17.0
    seeds: ClassVar[int] = 6
    criterion: ClassVar[Criterion] = Criterion(
        "fraction of flat directions where training ends at a saddle", "at least", 0.5
    )
    expected: ClassVar = "NOT REPRODUCED"
    searched: ClassVar[str] = (
        "Nothing: the bound is that of the definition, one half, and the first settings are kept,"
        " with which seeds 0 to 5 gave 0.22 to 0.44. On seed 0, four times the steps gave 0.31"
        " instead of 0.30, saddle-free Newton 0.52, ReLU 0.79; tanh networks of twice the size have"
        " 0.52 to 0.55."
    )
    pictures: ClassVar = (
        Histogram(
            title="Eigenvalues, centred and scaled to standard deviation 1",
            value="eigenvalue",
            sample="index",
            by="matrix",
            density="semicircle",
            density_x="place",
            density_label="semicircle",
            x_label="eigenvalue in standard deviations",
            y_label="density",
            y_scale="log",
            frame="step",
        ),
        Paths(
            title="Walking down",
            x="negative",
            y="loss",
            along="step",
            x_label="index: fraction of negative eigenvalues",
            y_label="training loss",
            y_scale="log",
        ),
        Curves(
            title="The Hessian along training",
            x="step",
            y=("flat", "depth", "gradient", "hessian_distance", "goe_distance"),
            x_label="step",
            y_label="fraction, norm or distance",
            x_scale="symlog",
            y_scale="log",
            markers=True,
            guides=(Guide(label="half of the directions", level=0.5),),
        ),
    )

    steps: Annotated[
        int,
        Knob(400, 8000, "steps of SGD; saddle-free Newton makes 40 in any case", scale="log"),
    ] = 2000
    activation: Annotated[str, Choice(("tanh", "relu"), "activation function")] = "tanh"
    method: Annotated[str, Choice(("SGD", "saddle-free Newton"), "how the network is trained")] = (
        "SGD"
    )

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: Hessians of all parameters along one run."""
        objective = examples(seed, points=POINTS).objective(seed, self.activation)
        found = self._empty(objective.layout.size)
        control = goe(objective.layout.size, seed)
        found["goe_distance"].values[:] = semicircle_distance(control)
        found["eigenvalue"].values[:, 1] = scaled(control)
        newton = self.method != "SGD"
        part = 1 if newton else self.steps // PARTS[-1]
        path = saddle_free(objective) if newton else descent(
            objective, HeavyBall(learning_rate=RATE), part * PARTS[-1], batch=BATCH, seed=seed
        )  # fmt: skip
        for step, theta in enumerate(path):
            if step % part == 0 and step // part in PARTS:
                at = PARTS.index(step // part)
                record(found, at, objective, theta)
                yield self._finished(found)
                if at == len(PARTS) - 1:
                    return

    def training_run(self, seed: int) -> Run | None:
        """The training by SGD; saddle-free Newton is no optimizer of the catalogue."""
        if self.method != "SGD":
            return None
        return Run(
            problem=problem(POINTS, self.activation), optimizer=HeavyBall(learning_rate=RATE),
            sampler=FullBatches(), batch_size=BATCH, steps=self.steps // PARTS[-1] * PARTS[-1],
            seed=seed, dtype="float64",
        )  # fmt: skip

    def _empty(self, size: int) -> xr.Dataset:
        part = self.steps // PARTS[-1]
        words = {
            "loss": "training loss",
            "negative": "index",
            "flat": "fraction of flat directions",
            "depth": "depth of the saddle |λmin| / λmax",
            "gradient": "norm of the gradient",
            "hessian_distance": "distance of the bulk from the semicircle",
            "goe_distance": "distance of the GOE control",
        }
        count = len(PARTS)
        columns = {n: ("step", np.full(count, np.nan), {"label": w}) for n, w in words.items()}
        semicircle = np.sqrt(np.maximum(4 - PLACES**2, 0)) / (2 * np.pi)
        values = np.full((count, len(MATRICES), size), np.nan)
        return xr.Dataset(
            {
                **columns,
                "eigenvalue": (("step", "matrix", "index"), values),
                "semicircle": ("place", semicircle),
            },
            {
                "step": part * np.array(PARTS), "matrix": list(MATRICES), "place": PLACES,
                "index": np.arange(size),
            },
        )  # fmt: skip

    def _finished(self, found: xr.Dataset) -> xr.Dataset:
        flat, negative = (found[name].values[-1] for name in ("flat", "negative"))
        return found.copy(deep=True).assign(effect=effect_of(flat, negative))


def effect_of(flat: float, negative: float) -> float:
    """The fraction of flat directions of a saddle; NaN at a minimum, which has no saddle."""
    return flat if negative > 0 else float("nan")


def record(found: xr.Dataset, at: int, objective: ModelObjective, theta: Vector) -> None:
    """Write what loss, gradient and Hessian say at one point."""
    value, slope = objective.value_and_gradient(theta)
    values = torch.linalg.eigvalsh(Hessian().at(objective, theta).dense()).numpy()
    bulk = np.sort(np.abs(values))[: round((1 - OUTLIERS) * len(values))]
    kept = values[np.abs(values) <= bulk[-1]]
    told = {"loss": float(value), "gradient": float(slope.norm()), **shape(values)}
    told["hessian_distance"] = semicircle_distance(kept)
    for name, number in told.items():
        found[name].values[at] = number
    found["eigenvalue"].values[at, 0, : len(kept)] = scaled(kept)


def shape(values: Floats) -> dict[str, float]:
    """Of eigenvalues: the fraction near zero, the fraction of negative ones, and the depth."""
    largest = values.max()
    return {
        "flat": float((np.abs(values) < SMALL * largest).mean()),
        "negative": float((values < -NEGATIVE * largest).mean()),
        "depth": float(max(-values.min(), 0.0) / largest),
    }


def goe(size: int, seed: int) -> Floats:
    """The eigenvalues of a symmetric matrix of independent normal entries."""
    drawn = numpy_stream(seed, "goe").standard_normal((size, size))
    return torch.linalg.eigvalsh(torch.from_numpy(drawn + drawn.T)).numpy()  # on one thread


def scaled(values: Floats) -> Floats:
    """The values, centred, in standard deviations."""
    return np.asarray((values - values.mean()) / values.std())


def semicircle_distance(values: Floats) -> float:
    """The Kolmogorov-Smirnov distance of values, centred and scaled, from the semicircle."""
    ordered = np.sort(scaled(values))
    x = ordered.clip(-2, 2)
    expected = 0.5 + x * np.sqrt(4 - x**2) / (4 * np.pi) + np.arcsin(x / 2) / np.pi
    ranks = np.arange(len(x) + 1) / len(x)
    return float(max((ranks[1:] - expected).max(), (expected - ranks[:-1]).max()))


def saddle_free(objective: ModelObjective) -> Iterator[Vector]:
    """Yield the start and θ ← θ − |H|⁻¹ g, whose steps are halved where the loss rises."""
    theta = objective.start
    yield theta
    while True:
        value, slope = objective.value_and_gradient(theta)
        values, vectors = torch.linalg.eigh(Hessian().at(objective, theta).dense())
        step = -(vectors @ ((vectors.T @ slope) / values.abs().clamp(min=FLOOR)))
        theta = halved(objective.loss, theta, step, float(value))
        yield theta


def halved(
    loss: Callable[[Vector], torch.Tensor], theta: Vector, step: Vector, value: float
) -> Vector:
    """The point after the step, halved until the loss is less than the value; else theta."""
    for _ in range(HALVINGS):
        if float(loss(theta + step)) < value:
            return theta + step
        step = step / 2
    return theta
