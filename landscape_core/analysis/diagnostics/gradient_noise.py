"""The gradient noise scale: McCandlish, Kaplan, Amodei et al., 2018, arXiv:1812.06162, section 2.2.

With g_i the gradient of example i, g their mean over N examples and S their covariance, the simple
noise scale is B = tr S / |g|^2: roughly the batch size beyond which larger batches bring little
benefit.

Two estimates of the same three quantities. `examples` uses all per-example gradients: tr S is the
mean of |g_i - g|^2. `two batches` needs only mini-batch gradients (appendix A.1): from one batch of
b and one of B examples, sampled with replacement,

    |g|^2 = (B |g_B|^2 - b |g_b|^2) / (B - b),    tr S = (|g_b|^2 - |g_B|^2) / (1/b - 1/B),

both unbiased, so they may be negative; the ratio of their means over draws is biased. Standard
errors are computed by the jackknife (Efron, Stein, 1981), over examples and over draws
respectively.
"""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from landscape_core.analysis.diagnostics.base import (
    Diagnostic,
    check_apart,
    check_mean,
    check_point,
    column,
    dataset,
)
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob
from landscape_core.foundation.types import Vector
from landscape_core.models.derivatives import gradients
from landscape_core.models.network_objective import ModelObjective

Numbers = Float[Tensor, " _"]


@dataclass(frozen=True, kw_only=True)
class GradientNoise(Diagnostic):
    """Gradient noise scale: gradient variance over the squared norm of the mean gradient."""

    label: ClassVar[str] = "gradient noise"
    formula: ClassVar[str] = "B = tr Σ / ‖g‖²"
    source: ClassVar[str] = "McCandlish et al., 2018, arXiv:1812.06162"

    max_examples: Annotated[int, Knob(2, 1_000_000, "maximum number of examples", "log")] = 1000
    small: Annotated[int, Knob(1, 1_000_000, "size of the smaller batch", "log")] = 8
    large: Annotated[int, Knob(2, 1_000_000, "size of the larger batch", "log")] = 128
    draws: Annotated[int, Knob(2, 100_000, "number of pairs of batches", "log")] = 50
    seed: Annotated[int, Knob(0, 2**31 - 1, "random seed of the batches")] = 0

    def check(self) -> None:
        """Raise `SpecError` unless the smaller batch is smaller."""
        if self.small >= self.large:
            accepted = f"below large, {self.large}"
            raise SpecError("GradientNoise.small", self.small, accepted)

    @public_call
    def at(self, objective: ModelObjective, theta: Vector) -> xr.Dataset:
        """`gradient_square`, `trace` and `noise_scale` (estimate), each with its `_error`.

        The first two are in units of the gradient squared, the last in examples. The loss must be
        the mean over its examples.

        Raises:
            SpecError: theta has the wrong size or is not finite, examples interact, or the loss is
        not a mean over them; before any work.
        """
        check_point(objective, theta)
        check_apart(objective)
        check_mean(objective)
        part = objective.first(self.max_examples)
        rows = torch.stack([_by_examples(part, theta), self._by_batches(part, theta)], dim=1)
        columns = {}
        for i, (name, units, meaning) in enumerate(
            (
                ("gradient_square", "gradient²", "squared norm of the mean gradient"),
                ("trace", "gradient²", "trace of the covariance of the per-example gradients"),
                ("noise_scale", "examples", "simple gradient noise scale"),
            )
        ):
            columns[name] = column(["estimate"], rows[2 * i], units, meaning)
            error = f"standard error of the {meaning}"
            columns[f"{name}_error"] = column(["estimate"], rows[2 * i + 1], units, error)
        return dataset(self, part, columns, {"estimate": ["examples", "two batches"]})

    def _by_batches(self, part: ModelObjective, theta: Vector) -> Numbers:
        rng = random_streams.stream(self.seed, "gradient noise")
        b, B = self.small, self.large
        found = []
        for _ in range(self.draws):
            squares = []
            for size in (b, B):
                drawn = torch.randint(part.examples, (size,), generator=rng)
                batch = part.reordered(drawn.to(part.inputs.device))
                squares.append(float(batch.gradient(theta).square().sum()))
            of_b, of_B = squares
            found.append(((B * of_B - b * of_b) / (B - b), (of_b - of_B) / (1 / b - 1 / B)))
        square, trace = torch.tensor(found, dtype=torch.float64).T
        return _estimate(square.mean(), trace.mean(), _left(square), _left(trace))


def _by_examples(part: ModelObjective, theta: Vector) -> Numbers:
    mean = part.gradient(theta)
    off, along = [], []
    for rows in gradients(part, theta):
        moved = rows - mean
        off.append(moved.square().sum(dim=1).cpu().double())
        along.append((moved @ mean).cpu().double())
    a, b = torch.cat(off), torch.cat(along)
    square, others = mean.square().sum().cpu().double(), len(a) - 1
    # Without example i the mean is g - (g_i - g) / (N - 1).
    left_square = square - 2 * b / others + a / others**2
    left_trace = _left(a) - a / others**2
    return _estimate(square, a.mean(), left_square, left_trace)


def _left(values: Numbers) -> Numbers:
    """The leave-one-out means."""
    return (values.sum() - values) / (len(values) - 1)


def _estimate(square: Tensor, trace: Tensor, squares: Numbers, traces: Numbers) -> Numbers:
    """Both estimates and their ratio, each followed by its jackknife error, (6,)."""
    pairs = ((square, squares), (trace, traces), (trace / square, traces / squares))
    return torch.stack([one for value, left in pairs for one in (value, _error(left))])


def _error(left: Numbers) -> Tensor:
    return math.sqrt((len(left) - 1) ** 2 / len(left)) * left.std()
