"""Double descent with random features: Belkin, Hsu, Ma, Mandal, 2019, PNAS, arXiv:1812.11118.

The setting of Mei, Montanari, 2019, arXiv:1908.05355: f(x) = Σⱼ aⱼ ReLU(⟨wⱼ, x⟩)/√p with random
wⱼ that stay; only a is fitted, to n examples y = ⟨β, x⟩ + noise with x ∼ N(0, I). From p = n on
every fit is exact, and the one of minimum norm is where gradient descent from zero ends. The test
error is the expected one: E f(x)² comes from the kernel of the ReLU, and E f(x)⟨β, x⟩ from
E ReLU(⟨w, x⟩)⟨β, x⟩ = ⟨w, β⟩/2.
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
from landscape_core.experiments.lab_pictures import Curves, Function, Guide
from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.labs._relu_kernel import relu_kernel
from landscape_core.labs.base import Lab

EXAMPLES, INPUTS = 100, 20
"""Training examples n, and inputs d."""
COUNTS = np.array(
    [
        *(5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 75, 80, 84, 87),
        *range(90, 111),
        *(113, 116, 120, 125, 130, 140, 150, 170, 200, 250, 300, 400, 500, 700, 1000, 1400, 2000),
    ]
)
"""Numbers of features p; each set of features contains the smaller ones."""
FEWER, PEAK, MORE = (int(np.searchsorted(COUNTS, p)) for p in (50, 100, 200))
"""Places of n/2, n and 2n."""
SMALLEST = 1e-12
"""Singular values below this fraction of the largest count as zero."""
LINE = np.linspace(-1.0, 2.0, 121)
"""Places on the line through two training examples, which lie at 0 and 1."""
WITHOUT, WITH = range(2)
TEACHER, RANDOM = "linear teacher", "random"
RULE = Guide(label="p = n", at=float(EXAMPLES))


@dataclass(frozen=True, kw_only=True)
class DoubleDescent(Lab):
    """The test error of random features, from too few of them to far too many."""

    label: ClassVar[str] = "Double descent"
    family: ClassVar[str] = "Width"
    question: ClassVar[str] = (
        "Why do networks with more parameters than examples generalize, although they fit noise"
        " exactly?"
    )
    claim: ClassVar[str] = (
        "The test error falls, rises to a peak where the number of parameters reaches the number of"
        " examples, and falls again beyond, as the least-norm fit becomes smoother with more"
        " parameters."
    )
    shows: ClassVar[str] = (
        "The peak is where the training error reaches zero: there is just one exact fit, and it has"
        " a huge norm. Far beyond, among many exact fits the one of minimum norm is small, and the"
        " test error is below that of any smaller model, although noise is fitted exactly. A ridge"
        " penalty removes the peak, and then more parameters hurt nowhere. Random labels are fitted"
        " as well, and nothing is learnt from them: a training error of zero says nothing."
    )
    source: ClassVar[str] = (
        "Belkin, Hsu, Ma, Mandal, Reconciling modern machine-learning practice and the classical"
        " bias-variance trade-off, 2019, arXiv:1812.11118; Mei, Montanari, The generalization error"
        " of random features regression, 2019, arXiv:1908.05355; random labels: Zhang, Bengio,"
        " Hardt, Recht, Vinyals, 2017, arXiv:1611.03530"
    )
    seconds: ClassVar[float] = 4.0
    criterion: ClassVar[Criterion] = Criterion(
        "test error of the minimum-norm fit at p = n, relative to the greater of those at n/2 and"
        " 2n",
        "at least",
        5.0,
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "Nothing: numbers of examples, inputs and features, the noise and the bound were stated"
        " before, after an earlier script whose ratio was over 200."
    )
    pictures: ClassVar = (
        Curves(
            title="Test error",
            x="features",
            y=("test_error",),
            by="fit",
            x_label="features p",
            y_label="expected squared error",
            x_scale="log",
            y_scale="log",
            guides=(
                RULE,
                Guide(label="variance of the noise", variable="noise_variance"),
            ),
        ),
        Curves(
            title="Training error",
            x="features",
            y=("training_error",),
            by="fit",
            x_label="features p",
            y_label="mean squared error",
            x_scale="log",
            guides=(RULE,),
        ),
        Curves(
            title="Norm of the coefficients",
            x="features",
            y=("norm",),
            by="fit",
            x_label="features p",
            y_label="‖a‖",
            x_scale="log",
            y_scale="log",
            guides=(RULE,),
        ),
        Function(
            title="The fit on a line through two training examples",
            x="place",
            y=("output",),
            by="shown",
            points_x="example_place",
            points_y="example_label",
            x_label="place on the line",
            y_label="output",
            frame="features",
        ),
    )

    noise: Annotated[float, Knob(0.0, 2.0, "standard deviation σ of the label noise")] = 0.3
    ridge: Annotated[
        float, Knob(1e-6, 1.0, "coefficient λ of the ridge penalty λ‖a‖²", scale="log")
    ] = 1e-3
    labels: Annotated[
        str,
        Choice((TEACHER, RANDOM), "labels from a linear teacher, or independent of the inputs"),
    ] = TEACHER

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: more and more features for the same examples."""
        inputs, labels, beta = self.examples(seed)
        drawn = stream(seed, "features")
        weights = _normal(drawn, COUNTS[-1], INPUTS) / INPUTS**0.5
        line = inputs[:1] + torch.from_numpy(LINE)[:, None] * (inputs[1] - inputs[0])
        found = self._empty()
        found["example_label"].values[:] = labels[:2]
        for at, count in enumerate(COUNTS):
            chosen = weights[:count]
            values = features(inputs, chosen)
            fits = fitted(values, labels, self.ridge)
            off = fits @ values.T - labels
            found["training_error"].values[:, at] = off.square().mean(1)
            found["norm"].values[:, at] = fits.norm(dim=1)
            errors = squared_error(fits, chosen, beta) + found["noise_variance"].values[at]
            found["test_error"].values[:, at] = errors
            found["output"].values[:2, at] = fits @ features(line, chosen).T
            found["output"].values[2, at] = line @ beta
            yield _finished(found)

    def examples(self, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs (100, 20), labels (100,) and the teacher β (20,): of length 1, or 0 if random."""
        drawn = stream(seed, "data")
        inputs = _normal(drawn, EXAMPLES, INPUTS)
        beta = _normal(drawn, INPUTS)
        beta = beta / beta.norm()
        noise = self.noise * _normal(drawn, EXAMPLES)
        if self.labels == RANDOM:
            return inputs, _normal(drawn, EXAMPLES) + noise, 0 * beta
        return inputs, inputs @ beta + noise, beta

    def _empty(self) -> xr.Dataset:
        count = len(COUNTS)

        def nothing(*shape: int) -> npt.NDArray[np.float64]:
            return np.full(shape, math.nan)

        both = ("fit", "features")
        variance = self.noise**2 + (self.labels == RANDOM)
        fits = ["minimum norm", f"ridge, λ = {self.ridge:g}"]
        return xr.Dataset(
            {
                **{name: (both, nothing(2, count)) for name in ("test_error", "training_error")},
                "norm": (both, nothing(2, count)),
                "noise_variance": ("features", np.full(count, float(variance))),
                "output": (("shown", "features", "place"), nothing(3, count, len(LINE))),
                "example_place": ("example", np.array([0.0, 1.0])),
                "example_label": ("example", nothing(2)),
            },
            {"fit": fits, "shown": [*fits, "teacher"], "features": COUNTS, "place": LINE},
        )


def features(inputs: Tensor, weights: Tensor) -> Tensor:
    """ReLU(⟨w, x⟩)/√p for inputs (N, d) and weights (p, d): (N, p)."""
    return (inputs @ weights.T).relu() / len(weights) ** 0.5


def fitted(values: Tensor, labels: Tensor, ridge: float) -> Tensor:
    """Coefficients (2, p): of minimum norm among the best, and with the ridge penalty.

    Args:
        values: features of the examples, (n, p).
        labels: their labels, (n,).
        ridge: λ in ‖Φa − y‖²/n + λ‖a‖².
    """
    left, singular, right = torch.linalg.svd(values, full_matrices=False)
    kept = singular > SMALLEST * singular[0]
    inverse = torch.where(kept, 1 / singular, 0.0)
    damped = singular / (singular.square() + len(labels) * ridge)
    return torch.stack([inverse, damped]) * (left.T @ labels) @ right


def squared_error(fits: Tensor, weights: Tensor, beta: Tensor) -> Tensor:
    """E (f(x) − ⟨β, x⟩)² of coefficients (K, p) over inputs x ∼ N(0, I): (K,)."""
    scaled = fits / len(weights) ** 0.5
    squares = (scaled @ relu_kernel(weights, weights) * scaled).sum(1)
    return squares - scaled @ (weights @ beta) + beta.square().sum()


def peak(errors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The error at p = n over the greater of those at n/2 and 2n, of errors (..., p)."""
    return np.asarray(errors[..., PEAK] / np.maximum(errors[..., FEWER], errors[..., MORE]))


def second_descent(errors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The error with most features over the least with fewer than n, of errors (..., p)."""
    return np.asarray(errors[..., -1] / errors[..., :PEAK].min(-1))


def _finished(found: xr.Dataset) -> xr.Dataset:
    errors = found["test_error"].values
    peaks, ends = peak(errors), second_descent(errors)
    return found.copy(deep=True).assign(
        effect=peaks[WITHOUT],
        control=peaks[WITH],
        second_descent=ends[WITHOUT],
        control_second_descent=ends[WITH],
    )


def _normal(drawn: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=drawn, dtype=torch.float64)
