"""Curvature at a point of a network, and along a run: eigenvalues, trace, density, by layer too.

Each comes with what it is worth: residuals of eigenpairs, a standard error of the trace, a band
around the density.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import torch
import xarray as xr

from landscape_core.curvature.density import Density, density
from landscape_core.curvature.eigenpairs import DENSE, Eigenpairs, eigenpairs
from landscape_core.curvature.matrices.base import Matrix
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.curvature.operator import Operator
from landscape_core.curvature.spot_check import SpotChecks
from landscape_core.curvature.trace import Trace, trace
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob, Note, Recipe, canonical, name_of, to_plain
from landscape_core.foundation.types import Vector
from landscape_core.models.additivity import stated
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.parameters import Layout, groups, selected
from landscape_core.storage.schema import SCHEMA_VERSION

NETWORK = "network"
"""The name of the block that holds all parameters."""

POINTS = 400
"""Points at which a density is given."""


@dataclass(frozen=True, kw_only=True)
class Spectrum(Recipe):
    """What is asked of the curvature at a point."""

    matrix: Annotated[Matrix, Note("curvature matrix")] = field(default_factory=Hessian)
    top: Annotated[int, Knob(1, 100, "eigenvalues from the upper end")] = 5
    bottom: Annotated[int, Knob(0, 100, "eigenvalues from the lower end")] = 1
    tolerance: Annotated[
        float,
        Knob(1e-12, 0.1, "residual tolerance of an eigenpair, relative to its eigenvalue", "log"),
    ] = 1e-4
    trace_error: Annotated[
        float, Knob(1e-4, 1.0, "standard error of the trace, relative to it", "log")
    ] = 0.05
    probes: Annotated[
        int, Knob(0, 1000, "random vectors for the density, at least 2; 0: no density")
    ] = 10
    steps: Annotated[int, Knob(5, 500, "Lanczos steps of each of them")] = 60
    smoothing: Annotated[
        float,
        Knob(1e-4, 0.5, "width of the density's Gaussian, as a fraction of its extent", "log"),
    ] = 0.01
    max_examples: Annotated[int, Knob(1, 100_000_000, "examples that are used, at most", "log")] = (
        1000
    )
    layers: Annotated[
        str, Note("parameters included, by name or pattern, separated by commas; empty: all")
    ] = ""
    each_layer: Annotated[bool, Note("also every layer alone, the others held fixed")] = False
    seed: Annotated[int, Knob(0, 2**31 - 1, "of all random vectors")] = 0

    def check(self) -> None:
        if self.probes == 1:
            raise SpecError("Spectrum.probes", 1, "0, or at least 2: one has no error band")


@public_call
def compute_spectrum(
    objective: ModelObjective, theta: Vector, asked: Spectrum
) -> Iterator[xr.Dataset]:
    """The curvature at a point, growing: eigenvalues, then the trace, then the density, by block.

    The dimension `block` holds the network and, if asked, each layer. Variables: `eigenvalue`,
    `residual`, `leading` (block, rank), `trace`, `trace_error` (block), `density`, `density_low`,
    `density_high` and `eigenvalue_axis` (block, point), `matvecs` (block). What is not there is
    NaN.

    Raises:
        SpecError: no such layer, a theta of another size, or a loss that is not finite; before any
            work.
    """
    part = objective.first(asked.max_examples)
    check_point(part, theta)
    said = stated(part, of=objective.examples)
    checks = SpotChecks(asked.matrix)
    for found in spectra(part, theta, asked, checks.operator):
        yield found.assign_attrs(said, **checks.attrs)


def spectra(
    part: ModelObjective,
    theta: Vector,
    asked: Spectrum,
    operator_of: Callable[[ModelObjective, Vector], Operator],
) -> Iterator[xr.Dataset]:
    """The curvature at a point, growing, of the operators that are made for each block."""
    done: dict[str, _Block] = {}
    for name, blocks in _blocks(part, asked).items():
        place, at = part, theta.detach()
        if len(blocks) < len(part.layout.blocks):
            place = part.moving([block.name for block in blocks], at)
            at = place.start
        for done[name] in _growing(operator_of(place, at), asked):
            yield _dataset(done, asked, part)


def stages(layout: Layout, asked: Spectrum) -> int:
    """How many datasets a spectrum yields."""
    chosen = Layout(selected(layout, asked.layers))
    blocks = 1 + (len(groups(chosen)) if asked.each_layer else 0)
    return blocks * (3 if asked.probes else 2)


@dataclass(frozen=True, eq=False)
class _Block:
    """What is known of one block so far."""

    parameters: int
    pairs: Eigenpairs
    trace: Trace | None = None
    density: Density | None = None
    matvecs: int = 0


def _blocks(part: ModelObjective, asked: Spectrum) -> Mapping[str, Any]:
    chosen = selected(part.layout, asked.layers)
    found: dict[str, Any] = {NETWORK: chosen}
    if asked.each_layer:
        names = {block.name for block in chosen}
        for layer, blocks in groups(part.layout).items():
            kept = tuple(block for block in blocks if block.name in names)
            if kept:
                found[layer] = kept
    return found


def _growing(operator: Operator, asked: Spectrum) -> Iterator[_Block]:
    size = operator.size
    top = min(asked.top, size)
    bottom = min(asked.bottom, size - top)
    pairs = eigenpairs(operator, top, bottom, tolerance=asked.tolerance)
    yield _Block(size, pairs, matvecs=operator.matvecs)
    whole = trace(operator, tolerance=asked.trace_error, whole=DENSE, seed=asked.seed)
    yield _Block(size, pairs, whole, matvecs=operator.matvecs)
    if asked.probes:
        found = density(
            operator,
            probes=asked.probes,
            steps=asked.steps,
            points=POINTS,
            smoothing=asked.smoothing,
            seed=asked.seed,
        )
        yield _Block(size, pairs, whole, found, operator.matvecs)


def _dataset(done: Mapping[str, _Block], asked: Spectrum, part: ModelObjective) -> xr.Dataset:
    ranks = list(range(1, asked.top + 1)) + list(range(-asked.bottom, 0))
    columns = {
        "eigenvalue": (("block", "rank"), [_ranked(b.pairs.values, asked) for b in done.values()]),
        "residual": (("block", "rank"), [_ranked(b.pairs.residuals, asked) for b in done.values()]),
        "leading": (("block", "rank"), [_leading(b.pairs.leading, asked) for b in done.values()]),
        "trace": ("block", [b.trace.value if b.trace else math.nan for b in done.values()]),
        "trace_error": (
            "block",
            [b.trace.standard_error if b.trace else math.nan for b in done.values()],
        ),
        "parameters": ("block", [b.parameters for b in done.values()]),
        "matvecs": ("block", [b.matvecs for b in done.values()]),
    }
    for name, source in {
        "eigenvalue_axis": "eigenvalue",
        "density": "density",
        "density_low": "low",
        "density_high": "high",
    }.items():
        rows = [_row(b.density, source) for b in done.values()]
        columns[name] = (("block", "point"), rows)
    attrs = {
        "spectrum": canonical(to_plain(asked)),
        "matrix": name_of(type(asked.matrix)),
        "dtype": str(part.start.dtype).removeprefix("torch."),
        "schema_version": SCHEMA_VERSION,
    }
    return xr.Dataset(columns, {"block": list(done), "rank": ranks}, attrs)


def _ranked(values: torch.Tensor, asked: Spectrum) -> list[float]:
    """Values by rank; NaN where a block has fewer parameters than ranks."""
    found = values.tolist()
    top = min(asked.top, len(found))
    bottom = len(found) - top
    gap = [math.nan] * (asked.top + asked.bottom - len(found))
    return found[:top] + gap + found[len(found) - bottom :] if bottom else found[:top] + gap


def _leading(leading: torch.Tensor, asked: Spectrum) -> list[bool]:
    """Whether nothing farther out was met, by rank; false where there is no value."""
    return [one == 1 for one in _ranked(leading.double(), asked)]


def _row(found: Density | None, name: str) -> np.ndarray:
    return np.full(POINTS, np.nan) if found is None else getattr(found, name)


def check_point(part: ModelObjective, theta: Vector) -> None:
    """Refuse a point that has neither curvature nor sharpness.

    Raises:
        SpecError: it is of another size than the network, or its loss is not finite.
    """
    if theta.shape != part.start.shape:
        shape = tuple(part.start.shape)
        raise SpecError("the shape of theta", tuple(theta.shape), f"the network's, {shape}")
    check_loss(float(part.losses(theta.detach()[None])[0]))


def check_loss(value: float) -> None:
    """Refuse a point whose loss is not finite.

    Raises:
        SpecError: it is not.
    """
    if not math.isfinite(value):
        raise SpecError("the loss at this point", value, "finite, as what is asked is made of it")
