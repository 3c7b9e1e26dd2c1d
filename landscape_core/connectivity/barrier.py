"""The loss along a curve, and its barrier.

The barrier is the largest amount by which the loss on the way exceeds the straight interpolation of
both ends' losses: Frankle, Dziugaite, Roy and Carbin, 2020, Linear Mode Connectivity and the
Lottery Ticket Hypothesis, section 2, arXiv:1912.05671.

What is read of a network is its plain evaluation: the network and the loss as their author wrote
them. The curve may be trained by a faster way; a fault of that one costs a good curve, but gives no
wrong loss.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from landscape_core.connectivity.barrier_height import barrier
from landscape_core.connectivity.paths.base import Curve, chain
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Vector
from landscape_core.models.measures.accuracy import Accuracy
from landscape_core.models.measures.base import Answers, classes_of
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.storage.schema import SCHEMA_VERSION


@dataclass(frozen=True, eq=False)
class End:
    """A network at an end of a curve: its parameters (P,) and its running statistics, if any."""

    theta: Vector
    buffers: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Profile:
    """The quantities of curves between two end points: losses on parts of the data at even places.

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
        """The quantities of the straight line: its loss, its barrier and its length.

        Raises:
            SpecError: ends that are not finite, or of another size than the objective.
        """
        objective = next(iter(self.parts.values()))
        first, last = (end.theta for end in self.ends)
        line = Curve(chain(objective, first, last, bends=0))
        told = self.dataset(line)[["loss", "barrier", "length"]]
        return told.rename({str(name): f"straight_{name}" for name in told})

    def dataset(self, curve: Curve) -> xr.Dataset:
        """The quantities of a curve, including its nodes."""
        t = torch.linspace(0, 1, self.points, dtype=torch.float64)
        weights = curve.weights(t.to(curve.nodes.device)).to(curve.nodes)
        models = {n: p for n, p in self.parts.items() if isinstance(p, ModelObjective)}
        classes = classes_of(models) if models else None
        read = []
        for part in self.parts.values():
            reader = self._reader(part, classes)
            places = zip(t.tolist(), weights, strict=True)
            read.append([reader(s, w @ curve.nodes) for s, w in places])
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
        return xr.Dataset(table, coords, {"curve": curve.kind, "schema_version": SCHEMA_VERSION})

    def _reader(self, part: Objective, classes: int | None) -> "Reader":
        """The function that reads one part at a place and a point."""
        if not isinstance(part, ModelObjective):
            return partial(_loss_alone, part)
        evaluation = PlainEvaluation(part.with_buffers(self._buffers_at(0.0) or part.buffers))
        answers = Answers(part.targets, part.loss_function, classes)

        def values(outputs: Tensor) -> tuple[float, float]:
            right = float("nan") if classes is None else float(Accuracy().read(outputs, answers))
            return float(evaluation.loss_of(outputs)), right

        def read(t: float, theta: Vector) -> tuple[float, float]:
            evaluation.moved = self._buffers_at(t)
            return evaluation.values(theta, values)

        return read

    def _buffers_at(self, t: float) -> dict[str, Tensor]:
        """The running statistics of both ends in proportion; at the ends their own, bit for bit."""
        first, last = (end.buffers for end in self.ends)
        return {
            name: torch.lerp(value, last[name].to(value), t)
            if value.is_floating_point() or value.is_complex()
            else value
            for name, value in first.items()
        }


Reader = Callable[[float, Vector], tuple[float, float]]
"""(place, parameters) -> the loss there, and the accuracy (NaN where there are no classes)."""


def _loss_alone(part: Objective, t: float, theta: Vector) -> tuple[float, float]:
    """The loss at a point of an objective without a network."""
    del t
    with torch.no_grad():
        return float(part.loss(theta)), float("nan")
