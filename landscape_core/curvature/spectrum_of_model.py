"""The curvature of a user's own network at its present parameters, in one call."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
import xarray as xr
from torch import nn

from landscape_core.curvature.matrices.base import Matrix
from landscape_core.curvature.spectrum import (
    Spectrum,
    check_loss,
    compute_spectrum,
    spectra,
    stages,
)
from landscape_core.curvature.streamed_curvature import StreamedCurvature
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.progress import Progress, one_call
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import ENGINE_VERSION
from landscape_core.foundation.registry import find
from landscape_core.models.adapter import Adapter
from landscape_core.models.batch_norm import BatchNorm
from landscape_core.models.batch_reading import known_examples
from landscape_core.models.closure_network import Closure
from landscape_core.models.loss_function import LossFunction
from landscape_core.models.module_objective import try_call
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.open_streams import OpenStreams
from landscape_core.models.user_parts import (
    check_finite,
    check_numbers,
    examples_in,
    is_shortened,
    stating_batches,
    user_parts,
    with_total,
)

TOP, BOTTOM = 5, 1
"""Eigenvalues that are computed by default, of the largest and of the smallest."""

HELD = {
    "running": "stored statistics",
    "batch": "statistics of the examples evaluated, differentiated as well",
    "reestimated": "statistics estimated anew at this point and held fixed",
}
"""What the curvature at a point takes the statistics of batch normalization to be."""


@torch.inference_mode(mode=False)  # what is made within it cannot be differentiated
@one_call
@public_call
def spectrum(  # noqa: PLR0913 - every choice in one line is what it is for
    model: nn.Module,
    loss: LossFunction | None = None,
    data: Any = None,
    *,
    objective: Closure | None = None,
    batch: Callable[[Any], Any] | None = None,
    reduction: str | None = None,
    matrix: Matrix | str = "hessian",
    top: int = TOP,
    bottom: int = BOTTOM,
    each_layer: bool = False,
    probes: int = 10,
    max_examples: int | None = None,
    stream: bool | None = None,
    batch_norm: BatchNorm | None = None,
    adapter: Adapter | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
    seed: int = 0,
) -> Iterator[Progress]:
    """Eigenvalues, trace and spectral density of a curvature matrix at the present parameters.

    The network is copied, never changed, and evaluated in evaluation mode whatever mode it is in.
    Products with the matrix are exact, and one of each block is compared with the plain evaluation.
    Variables: `eigenvalue`, `residual`, `leading` (block, rank), `trace`, `trace_error` (block),
    `density`, `density_low`, `density_high` and `eigenvalue_axis` (block, point), `parameters` and
    `matvecs` (block). Rank 1 is the largest eigenvalue, rank -1 the smallest. For datasets on the
    way, other tolerances or some layers: `compute_spectrum`.

    Args:
        model: any module.
        loss: from (outputs, targets) to one value per example or to their mean.
        data: inputs and targets, or batches of the two, for instance a DataLoader.
        objective: in place of a loss, as for `landscape`.
        batch: takes (inputs, targets) out of what the data give, as for `landscape`.
        reduction: `mean` or `sum` of the values of an `objective`, as for `landscape`.
        matrix: by name, `hessian`, `gauss_newton` or `fisher`, or as an object.
        top: how many of the largest eigenvalues, at least 1. A network of fewer parameters than the
            default has as many as there are.
        bottom: how many of the smallest eigenvalues; 0: none, as by default where all are in `top`.
        each_layer: also the block of each layer, all others held fixed.
        probes: random vectors of the density, at least 2; 0: no density.
        max_examples: the first so many examples; by default all.
        stream: read the data batch by batch and never collect them; each product with the matrix is
            a pass over all of them, and the attribute `passes` says how many there were. None:
            where a loader of known length does not fit into memory, with a warning.
        batch_norm: which statistics batch normalization uses: `running`, those stored, by default;
            `batch`, those of the examples; `reestimated`, new ones at this point, then held fixed.
        adapter: takes what the model gives if that is no tensor, gives the outputs.
        device: where to compute; by default where the model's parameters lie.
        dtype: floating type to compute in; by default the model's.
        seed: of all random vectors.

    Raises:
        SpecError: a value that is not accepted, no data, more eigenvalues than parameters, or
            parameters or a loss that are not finite; before any work.
    """
    check_numbers(max_examples, seed)
    wanted = _asked(matrix, top=top, bottom=bottom, each_layer=each_layer, probes=probes, seed=seed)
    check_statistics(batch_norm)
    with OpenStreams(stream) as streams:
        parts = user_parts(
            model, loss, data, objective=objective, batch=batch, reduction=reduction,
            batch_norm=batch_norm, adapter=adapter, device=device, dtype=dtype,
            max_examples=max_examples, whole=batch_norm == "reestimated", streams=streams,
        )  # fmt: skip
        streams.check()
        part = parts["train"]
        wanted = _fewer(wanted, part.layout.size)
        _check_size(wanted, part.layout.size)
        check_finite(part)
        try_call(part)
        if streams.losses:
            work = _streamed(streams, wanted)
        else:
            wanted = wanted.replace(max_examples=int(max_examples or examples_in(part)))
            work = compute_spectrum(part, part.start, wanted)
        total = stages(part.layout, wanted)
        for done, found in enumerate(work):
            yield Progress(done, total, found)
    found = found.assign_attrs(statistics_of(part), model=type(model).__name__, seed=int(seed))
    some = max_examples is not None if streams.losses else is_shortened(part, data, max_examples)
    if some:
        found = with_total(found, known_examples(data))
    yield Progress(total, total, stating_batches(found, parts))


def _streamed(streams: OpenStreams, wanted: Spectrum) -> Iterator[xr.Dataset]:
    """The spectrum over a stream."""
    loss = streams.losses["train"]
    curvature = StreamedCurvature(wanted.matrix, loss, asked=bool(streams.asked))
    part = loss.template
    check_loss(curvature.loss_at(part, part.start))
    wanted = wanted.replace(max_examples=loss.stream.examples)
    for found in spectra(part, part.start, wanted, curvature.operator):
        yield found.assign_attrs(curvature.attrs)


def matrix_of(given: Matrix | str) -> Matrix:
    """The curvature matrix that is given by name or as an object.

    Raises:
        SpecError: no such matrix.
    """
    return given if isinstance(given, Matrix) else find(Matrix, given)()


def _asked(matrix: Matrix | str, **values: object) -> Spectrum:
    """The recipe of a spectrum; a value that it refuses has the name that the call gives it."""
    try:
        return Spectrum(matrix=matrix_of(matrix), **values)  # type: ignore[arg-type]
    except SpecError as error:
        raise SpecError(
            error.field.removeprefix("Spectrum."), error.value, error.accepted
        ) from None


def check_statistics(batch_norm: object) -> None:
    """Refuse statistics that mean nothing at one point.

    Raises:
        SpecError: they are interpolated, or there are no such.
    """
    if batch_norm is not None and batch_norm not in HELD:
        accepted = f"one of {', '.join(HELD)}, as there is one point and nothing to interpolate"
        raise SpecError("batch_norm", batch_norm, accepted)


def _fewer(asked: Spectrum, size: int) -> Spectrum:
    """What is asked for, with fewer eigenvalues than by default where there are fewer."""
    top = min(TOP, max(1, size)) if asked.top == TOP else asked.top
    bottom = max(0, min(BOTTOM, size - top)) if asked.bottom == BOTTOM else asked.bottom
    return asked.replace(top=top, bottom=bottom)


def _check_size(asked: Spectrum, size: int) -> None:
    """Refuse more eigenvalues than the matrix has.

    Raises:
        SpecError: there are not as many parameters.
    """
    if asked.top > size:
        raise SpecError("top", asked.top, f"at most {size}, the number of parameters")
    if asked.top + asked.bottom > size:
        accepted = f"at most {size - asked.top}: {size} parameters, {asked.top} asked for by top"
        raise SpecError("bottom", asked.bottom, accepted)


def statistics_of(part: ModelObjective) -> dict[str, str | int]:
    """The engine's version and the statistics of batch normalization, where there is any."""
    normalizes = {"statistics": HELD[part.batch_norm]} if part.normalizes else {}
    choice = part.batch_norm if part.normalizes else "none"
    return {"engine_version": ENGINE_VERSION, "batch_norm": choice, **normalizes}
