"""The leading eigenvalues and the trace along a run, in a bounded fraction of its time."""

import time
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import torch
import xarray as xr

from landscape_core.curvature.eigenpairs import Eigenpairs, eigenpairs
from landscape_core.curvature.matrices.base import Matrix
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.curvature.spot_check import SpotChecks
from landscape_core.curvature.trace import Trace, trace
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob, Note, Recipe, name_of
from landscape_core.foundation.types import Vector
from landscape_core.models.additivity import stated
from landscape_core.models.network_objective import ModelObjective
from landscape_core.storage.schema import SCHEMA_VERSION

LONGEST = 400
"""Maximum number of measurements; beyond it every second one is dropped."""


@dataclass(frozen=True, kw_only=True)
class Watch(Recipe):
    """The curvature that is followed along a run, at a bounded cost."""

    matrix: Annotated[Matrix, Note("curvature matrix")] = field(default_factory=Hessian)
    top: Annotated[int, Knob(1, 10, "number of largest eigenvalues monitored")] = 3
    probes: Annotated[int, Knob(2, 100, "number of random vectors for the trace")] = 4
    tolerance: Annotated[
        float,
        Knob(1e-6, 0.5, "residual tolerance of an eigenpair, relative to its eigenvalue", "log"),
    ] = 0.05
    max_examples: Annotated[int, Knob(1, 1_000_000, "maximum number of examples", "log")] = 256
    max_overhead: Annotated[
        float, Knob(0.0, 1.0, "maximum computing time as a fraction of the training time; 0: off")
    ] = 0.15


class Watcher:
    """Takes the curvature where the time allows, each from the eigenvectors before.

    The first is compared by a product with the plain evaluation.
    """

    def __init__(self, asked: Watch, trained: float = 0.0) -> None:
        """Nothing measured yet; `trained` seconds of training do not count."""
        self.asked = asked
        self.seconds = 0.0
        self._trained = trained
        self._cost = 0.0
        self._last: torch.Tensor | None = None
        self._found: list[tuple[int, Eigenpairs, Trace]] = []
        self._checks, self._said = SpotChecks(asked.matrix), dict[str, Any]()

    def due(self, trained: float) -> bool:
        """Whether the next measurement fits into its fraction of the training time so far."""
        allowed = self.asked.max_overhead * (trained - self._trained)
        return self.asked.max_overhead > 0 and self.seconds + self._cost <= allowed

    @public_call
    def measure(self, objective: ModelObjective, theta: Vector, step: int) -> None:
        """Take the curvature at a step, unless it is not finite there."""
        began = time.perf_counter()
        part = objective.first(self.asked.max_examples)
        if not self._said:
            self._said = stated(part, of=objective.examples)
        operator = self._checks.operator(part, theta, compare=not self._found)
        top = min(self.asked.top, operator.size)
        try:
            pairs = eigenpairs(operator, top, tolerance=self.asked.tolerance, start=self._last)
            whole = trace(operator, sketch=0, most=self.asked.probes, seed=step)
        except SpecError:  # not finite here: the run is about to diverge
            return
        finally:  # what failed took its time as well
            self._cost = time.perf_counter() - began
            self.seconds += self._cost
        if bool(pairs.values.isfinite().all()):
            # A mixture, so that none of the eigenvectors is missing from the next start.
            self._last = pairs.vectors.sum(dim=0)
        self._found.append((step, pairs, whole))
        if len(self._found) > LONGEST:
            self._found = self._found[::2]

    def dataset(self) -> xr.Dataset | None:
        """`eigenvalue` and `residual` (step, rank), `trace` and `trace_error` (step), if any."""
        if not self._found:
            return None
        steps, pairs, traces = zip(*self._found, strict=True)
        return xr.Dataset(
            {
                "eigenvalue": (("step", "rank"), np.array([p.values.tolist() for p in pairs])),
                "residual": (("step", "rank"), np.array([p.residuals.tolist() for p in pairs])),
                "trace": ("step", np.array([each.value for each in traces])),
                "trace_error": ("step", np.array([each.standard_error for each in traces])),
            },
            {"step": np.array(steps), "rank": np.arange(1, pairs[0].values.shape[0] + 1)},
            {
                "schema_version": SCHEMA_VERSION,
                "seconds": self.seconds,
                "matrix": name_of(type(self.asked.matrix)),
                **self._said,
                **self._checks.attrs,
            },
        )
