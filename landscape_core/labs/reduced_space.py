"""Weights on the sphere, bounded thresholds: Qin, Zhou and Xiu, 2018, arXiv:1805.08340.

On inputs no longer than X_B every network Σⱼ cⱼ ReLU(⟨wⱼ, x⟩ + bⱼ) + c₀ equals one whose weights wⱼ
have length 1 and whose thresholds lie in [−X_B, X_B]. Networks are trained in all weights (free),
in that reduced space, w = v / ‖v‖ and b = X_B sin(β / X_B) with free v and β, and in all weights
from a start in the reduced space. All networks of a seed take their steps at once in NumPy.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr

from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Arrows, Curves, Function
from landscape_core.foundation.random_streams import numpy_stream
from landscape_core.foundation.recipes import Knob
from landscape_core.labs.base import Lab
from landscape_core.models.reduced_network import TwoLayers, reduced

Array = npt.NDArray[np.float64]

KINDS = ("free", "reduced", "free, reduced start")
FREE, REDUCED, START = range(3)
NETWORKS = 4
"""Networks of each kind that count together as one seed."""
EXAMPLES, TESTED = 200, 1000
"""Training examples for each input, and examples for the test error."""
STEPS, RATE, BETAS, EPSILON = 3000, 0.01, (0.9, 0.999), 1e-8
"""Of Adam, with all examples at each step."""
NEAR = 0.95
"""Thresholds of the reduced space start within this fraction of X_B, where the sine has a slope."""
RECORDED = np.unique(np.concatenate([[0], np.geomspace(10, STEPS, 40).round()])).astype(int)
LINE = np.linspace(-1.0, 1.0, 201)
SHOWN = 2.0
"""Thresholds are shown up to so many X_B."""


@dataclass(frozen=True, kw_only=True)
class ReducedSpace(Lab):
    """A smaller parameter space with the same functions, and what of its gain is the start."""

    label: ClassVar[str] = "The reduced parameter space"
    family: ClassVar[str] = "Signals and starts"
    question: ClassVar[str] = (
        "Is a ReLU network easier to train if each unit only has a direction and a threshold inside"
        " the domain?"
    )
    claim: ClassVar[str] = (
        "Unit-norm weights and bounded biases represent the same functions as free ones, and"
        " training in this smaller space gives lower errors."
    )
    shows: ClassVar[str] = (
        "A free unit can bend outside of the domain, where it does nothing or is linear; a reduced"
        " one cannot. But the control that only starts in the reduced space, with thresholds"
        " uniform over the domain, and is then trained freely, is as good or better: most of the"
        " gain is where the kinks are at the start."
    )
    source: ClassVar[str] = (
        "Qin, Zhou, Xiu, Reducing Parameter Space for Neural Network Training, 2018,"
        " arXiv:1805.08340"
    )
    seconds: ClassVar[float] = 15.0
    criterion: ClassVar[Criterion] = Criterion(
        "test error in the reduced space relative to the free one, geometric mean over both"
        " targets",
        "at most",
        1.0,
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "Nothing: targets, widths and steps are those of an earlier reproduction, where the median"
        " error was lower in 16 of 18 comparisons; the bound was set before the lab was run."
    )
    pictures: ClassVar = (
        Function(
            title="One input; vertical lines: kinks, reduced",
            x="line",
            y=("output",),
            by="shown",
            ticks="kinks",
            x_label="input x",
            y_label="output",
            frame="step",
        ),
        Arrows(
            title="Units of two inputs; colours as in the curves",
            x="angle",
            y="threshold",
            color="hue",
            dots=True,
            equal=False,
            x_label="angle of w",
            y_label="b/‖w‖ (domain: up to ±√2)",
            frame="step",
        ),
        Curves(
            title="Test error",
            x="step",
            y=("error_1", "error_2"),
            by="kind",
            x_label="step of Adam",
            y_label="mean squared error",
            x_scale="symlog",
            y_scale="log",
        ),
    )

    width: Annotated[int, Knob(4, 60, "number of hidden units")] = 20
    frequency: Annotated[
        float, Knob(1.0, 8.0, "half-waves in a unit of length of the target sin πfx")
    ] = 4.0

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: both targets, all kinds of networks, step by step."""
        problems = [Problem.drawn(seed, d, self.width, self.frequency) for d in (1, 2)]
        found = self._empty()
        for step in range(STEPS + 1):
            where = int(np.searchsorted(RECORDED, step))
            if RECORDED[where] == step:
                self._record(found, problems, where)
                yield self._finished(found, problems)
            for problem in problems:
                problem.step()

    def _record(self, found: xr.Dataset, problems: list["Problem"], where: int) -> None:
        line, plane = problems
        for problem in problems:
            errors = problem.test_errors()
            found[f"error_{problem.d}"].values[:, where] = np.exp(np.log(errors).mean(1))
        outputs, _ = line.forward(with_ones(LINE[:, None])[None])
        found["output"].values[-1, where] = target(LINE[:, None], self.frequency)
        found["output"].values[:-1, where] = outputs[:, 0]
        w, b = line.units()
        found["kinks"].values[where] = -b[REDUCED, 0] / w[REDUCED, 0, :, 0]
        w, b = plane.units()
        scaled = b[:, 0] / np.linalg.norm(w[:, 0], axis=-1)
        near = np.abs(scaled) <= SHOWN * plane.radius
        found["threshold"].values[:, where] = np.where(near, scaled, np.nan)
        found["angle"].values[:, where] = np.arctan2(w[:, 0, :, 1], w[:, 0, :, 0])

    def _empty(self) -> xr.Dataset:
        m, steps = self.width, len(RECORDED)
        coordinates: dict[str, Any] = {
            **{"kind": list(KINDS), "shown": [*KINDS, "target"]},
            **{"step": RECORDED, "line": LINE, "unit": np.arange(1, m + 1)},
        }
        shapes = {
            **{f"error_{d}": ("kind", "step") for d in (1, 2)},
            **{"output": ("shown", "step", "line"), "kinks": ("step", "unit")},
            **dict.fromkeys(("angle", "threshold", "hue"), ("kind", "step", "unit")),
        }
        sizes = {"kind": 3, "shown": 4, "step": steps, "line": len(LINE), "unit": m}
        values = {
            name: (dims, np.full([sizes[dim] for dim in dims], np.nan))
            for name, dims in shapes.items()
        }
        values["hue"][1][:] = np.arange(3.0)[:, None, None]
        found = xr.Dataset(values, coordinates)
        found["error_1"].attrs["label"], found["error_2"].attrs["label"] = "1 input", "2 inputs"
        return found

    def _finished(self, found: xr.Dataset, problems: list["Problem"]) -> xr.Dataset:
        last = np.stack([found[f"error_{d}"].values[:, -1] for d in (1, 2)])
        ratios = np.exp(np.log(last / last[:, [FREE]]).mean(0))
        gap = np.nan if np.isnan(ratios).any() else problems[1].gap()
        return found.copy(deep=True).assign(
            effect=ratios[REDUCED], control=ratios[START], reduction_gap=gap
        )


class Problem:
    """Networks of all kinds on one target: (3, NETWORKS) of them, with their Adam.

    Each is a row of m·d weights v, m thresholds β, m outer weights c and a constant c₀.
    """

    def __init__(self, inputs: Array, tests: Array, theta: Array, frequency: float) -> None:
        """Take examples (R, n, d), test examples (N, d) and parameters (3, R, m(d + 2) + 1)."""
        self.d, self.theta = inputs.shape[-1], theta
        self.m = (theta.shape[-1] - 1) // (self.d + 2)
        self.radius = math.sqrt(self.d)
        self.inputs, self.targets = with_ones(inputs), target(inputs, frequency)
        self.tests, self.answers = with_ones(tests)[None], target(tests, frequency)
        self.moments, self.count = np.zeros((2, *theta.shape)), 0

    @classmethod
    def drawn(cls, seed: int, d: int, width: int, frequency: float) -> "Problem":
        """Examples uniform in [−1, 1]^d, and Gaussian starts: w ∼ N(0, 1/d), b ∼ N(0, 1)."""
        rng = numpy_stream(seed, "dimension", d)
        inputs = rng.uniform(-1, 1, (NETWORKS, EXAMPLES * d, d))
        tests = rng.uniform(-1, 1, (TESTED, d))
        v = rng.standard_normal((NETWORKS, width, d)) / math.sqrt(d)
        beta = rng.standard_normal((NETWORKS, width))
        c = rng.standard_normal((NETWORKS, width)) / math.sqrt(width)
        constant = rng.standard_normal((NETWORKS, 1))
        spread = rng.uniform(-1, 1, (NETWORKS, width)) * math.sqrt(d)
        lengths = np.linalg.norm(v, axis=-1)
        bounded = reduced_thresholds(beta / lengths, math.sqrt(d))
        starts = (v, beta), (v, bounded), (v / lengths[..., None], spread)
        rows = [np.concatenate([w.reshape(NETWORKS, -1), b, c, constant], 1) for w, b in starts]
        return cls(inputs, tests, np.stack(rows), frequency)

    def units(self) -> tuple[Array, Array]:
        """Weights (3, R, m, d) and thresholds (3, R, m) as they act."""
        v, beta, _, _ = self._parts(self.theta)
        w, b = v.copy(), beta.copy()
        w[REDUCED] /= np.linalg.norm(v[REDUCED], axis=-1, keepdims=True)
        b[REDUCED] = self.radius * np.sin(beta[REDUCED] / self.radius)
        return w, b

    def forward(self, inputs: Array) -> tuple[Array, Array]:
        """Outputs (3, R, n) and activations (3, R, n, m) for inputs with a one, (R, n, d + 1)."""
        w, b = self.units()
        _, _, c, constant = self._parts(self.theta)
        active = inputs @ np.concatenate([w, b[..., None]], -1).swapaxes(-1, -2)
        np.maximum(active, 0.0, out=active)
        return (active @ c[..., None])[..., 0] + constant, active

    def losses(self) -> Array:
        """The mean squared error of each network on its examples, (3, R)."""
        return np.asarray(np.square(self.forward(self.inputs)[0] - self.targets).mean(-1))

    def gradient(self) -> Array:
        """The gradient of `losses`, each in its own parameters."""
        v, beta, c, _ = self._parts(self.theta)
        outputs, active = self.forward(self.inputs)
        off = (outputs - self.targets) * (2 / self.inputs.shape[1])
        found = np.empty_like(self.theta)
        dv, dbeta, dc, constant = self._parts(found)
        dc[:] = (off[..., None, :] @ active)[..., 0, :]
        constant[:] = off.sum(-1, keepdims=True)
        np.greater(active, 0, out=active)
        active *= off[..., None]
        slopes = (active.swapaxes(-1, -2) @ self.inputs) * c[..., None]
        dw, db = slopes[..., :-1], slopes[..., -1]
        lengths = np.linalg.norm(v[REDUCED], axis=-1, keepdims=True)
        w = v[REDUCED] / lengths
        dv[:], dbeta[:] = dw, db
        dv[REDUCED] = (dw[REDUCED] - (dw[REDUCED] * w).sum(-1, keepdims=True) * w) / lengths
        dbeta[REDUCED] = db[REDUCED] * np.cos(beta[REDUCED] / self.radius)
        return found

    def step(self) -> None:
        """A step of Adam."""
        g = self.gradient()
        self.count += 1
        for moment, beta, value in zip(self.moments, BETAS, (g, g * g), strict=True):
            moment *= beta
            moment += (1 - beta) * value
        first, second = (m / (1 - b**self.count) for m, b in zip(self.moments, BETAS, strict=True))
        self.theta = self.theta - RATE * first / (np.sqrt(second) + EPSILON)

    def test_errors(self) -> Array:
        """The mean squared error of each network on the test examples, (3, R)."""
        return np.asarray(np.square(self.forward(self.tests)[0] - self.answers).mean(-1))

    def gap(self) -> float:
        """How far the first free network is from its reduced form on the test examples."""
        w, b = (torch.from_numpy(part[FREE, 0]) for part in self.units())
        _, _, c, constant = (torch.from_numpy(part[FREE, 0]) for part in self._parts(self.theta))
        network = TwoLayers(w, b, c[None], constant)
        points = torch.from_numpy(self.tests[0, :, :-1])
        return float((network(points) - reduced(network, self.radius)(points)).abs().max())

    def _parts(self, rows: Array) -> tuple[Array, Array, Array, Array]:
        """Views of v, β, c and c₀ in rows of parameters."""
        m, d = self.m, self.d
        v, beta, c, constant = np.split(rows, [m * d, m * (d + 1), m * (d + 2)], axis=-1)
        return v.reshape(*rows.shape[:-1], m, d), beta, c, constant


def target(inputs: Array, frequency: float) -> Array:
    """Sin πfx; of two inputs sin(πfx/4) cos(πfy/4) + ½ |x − y|: (..., n)."""
    x = inputs[..., 0]
    if inputs.shape[-1] == 1:
        return np.asarray(np.sin(frequency * math.pi * x))
    y, turn = inputs[..., 1], frequency * math.pi / 4
    return np.asarray(np.sin(turn * x) * np.cos(turn * y) + 0.5 * np.abs(x - y))


def reduced_thresholds(b: Array, radius: float) -> Array:
    """β of thresholds, those beyond the bound reflected at it."""
    inside = np.arcsin(np.sin(b * (math.pi / 2 / radius))) * (2 / math.pi)
    return radius * np.arcsin(np.clip(inside, -NEAR, NEAR))


def with_ones(inputs: Array) -> Array:
    """Inputs with a last column of ones, (..., n, d + 1)."""
    return np.concatenate([inputs, np.ones((*inputs.shape[:-1], 1))], axis=-1)
