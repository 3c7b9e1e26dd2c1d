"""The loss along a curve, and its barrier.

The barrier is the largest amount by which the loss on the way exceeds the straight interpolation of
both ends' losses: Frankle, Dziugaite, Roy and Carbin, 2020, Linear Mode Connectivity and the
Lottery Ticket Hypothesis, section 2, arXiv:1912.05671.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import Tensor

from landscape_core.connectivity.paths.base import Curve, chain
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Vector
from landscape_core.models.measures.accuracy import Accuracy
from landscape_core.models.measures.base import Answers, classes_of
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class End:
    """A network at an end of a curve: its parameters (P,) and its running statistics, if any."""

    theta: Vector
    buffers: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Profile:
    """What is told of curves between two ends: losses on parts of the data at even places.

    Raises:
        SpecError: fewer than the two `points` at the ends.
    """

    parts: Mapping[str, Objective]
    ends: tuple[End, End]
    points: int

    def __post_init__(self) -> None:
        """Check the number of points."""
        if self.points < 2:
            raise SpecError("points", self.points, "at least 2, the ends")

    def straight(self) -> xr.Dataset:
        """What is told of the straight line: its loss, its barrier and its length.

        Raises:
            SpecError: ends that are not finite, or of another size than the objective.
        """
        objective = next(iter(self.parts.values()))
        first, last = (end.theta for end in self.ends)
        line = Curve(chain(objective, first, last, bends=0))
        told = self.dataset(line)[["loss", "barrier", "length"]]
        return told.rename({str(name): f"straight_{name}" for name in told})

    def dataset(self, curve: Curve) -> xr.Dataset:
        """What is told of a curve, nodes included."""
        t = torch.linspace(0, 1, self.points, dtype=torch.float64)
        weights = curve.weights(t.to(curve.nodes.device)).to(curve.nodes)
        models = {n: p for n, p in self.parts.items() if isinstance(p, ModelObjective)}
        classes = classes_of(models) if models else None
        read = [
            [
                _read(self._at(part, float(s)), w @ curve.nodes, classes)
                for s, w in zip(t, weights, strict=True)
            ]
            for part in self.parts.values()
        ]
        values = np.array(read)  # (S, n, 2)
        table = {
            "loss": (("split", "t"), values[..., 0]),
            "nodes": (("node", "param"), curve.nodes.numpy(force=True)),
            "barrier": ("split", barrier(values[..., 0])),
            "length": ((), curve.length()),
        }
        if classes is not None:
            table["accuracy"] = (("split", "t"), values[..., 1])
        coords = {"split": list(self.parts), "t": t.numpy()}
        return xr.Dataset(table, coords, {"curve": curve.kind})

    def _at(self, part: Objective, t: float) -> Objective:
        """A part with the running statistics of both ends in proportion."""
        first, last = (end.buffers for end in self.ends)
        if not isinstance(part, ModelObjective) or not first:
            return part
        mixed = {
            name: torch.lerp(value, last[name].to(value), t) if value.is_floating_point() else value
            for name, value in first.items()
        }
        return part.with_buffers(mixed)


def _read(part: Objective, theta: Vector, classes: int | None) -> tuple[float, float]:
    """The loss at a point, and the accuracy (NaN where there are no classes)."""
    with torch.no_grad():
        if not isinstance(part, ModelObjective):
            return float(part.loss(theta)), float("nan")
        outputs = part.outputs(theta)
        answers = Answers(part.targets, part.loss_function, classes)
        right = float("nan") if classes is None else float(Accuracy().read(outputs, answers))
        return float(answers.mean(outputs)), right


def barrier(losses: Floats) -> Floats:
    """By how much losses (..., n) at even places exceed the line between their ends at most, (...).

    NaN or infinity on the way or at the ends gives NaN or infinity.
    """
    t = np.linspace(0, 1, losses.shape[-1])
    with np.errstate(invalid="ignore"):  # infinity less infinity
        straight = (1 - t) * losses[..., :1] + t * losses[..., -1:]
        return np.asarray((losses - straight).max(axis=-1))
