"""How convex the loss of a user's own network is over a plane, in one call."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import nn

from landscape_core.analysis.convexity_map import Convexity, compute_convexity
from landscape_core.curvature.matrices.base import Matrix
from landscape_core.curvature.spectrum_of_model import matrix_of
from landscape_core.curvature.streamed_curvature import StreamedCurvature
from landscape_core.foundation.progress import Progress, one_call
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import ENGINE_VERSION, canonical, to_plain
from landscape_core.models.adapter import Adapter
from landscape_core.models.batch_norm import BatchNorm
from landscape_core.models.batch_reading import known_examples
from landscape_core.models.closure_network import Closure
from landscape_core.models.fitting_state import GivenPath
from landscape_core.models.loss_function import LossFunction
from landscape_core.models.module_objective import try_call
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.open_streams import OpenStreams
from landscape_core.models.user_parts import (
    check_numbers,
    examples_in,
    is_shortened,
    stating_batches,
    user_parts,
    with_total,
)
from landscape_core.planes.directions.base import Directions
from landscape_core.planes.plane import Plane
from landscape_core.planes.through import Through
from landscape_core.slices import point_statistics
from landscape_core.slices.chosen_extent import reason_of
from landscape_core.slices.model_plan import ModelPlan, Span, needs_all, plan_of, rule_of
from landscape_core.slices.plane_of_slice import with_plane
from landscape_core.slices.streamed_slice import with_streams


@torch.inference_mode(mode=False)  # what is made within it cannot be differentiated
@one_call
@public_call
def convexity(  # noqa: PLR0913 - every choice in one line is what it is for
    model: nn.Module,
    loss: LossFunction | None = None,
    data: Any = None,
    *,
    objective: Closure | None = None,
    batch: Callable[[Any], Any] | None = None,
    reduction: str | None = None,
    directions: Directions | Plane | Through | str | None = None,
    path: GivenPath | Mapping[str, GivenPath] | None = None,
    resolution: int = 15,
    span: Span = 1.0,
    dimensions: int = 2,
    matrix: Matrix | str = "hessian",
    batch_norm: BatchNorm | None = None,
    adapter: Adapter | None = None,
    max_examples: int | None = None,
    stream: bool | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
    seed: int = 0,
) -> Iterator[Progress]:
    """Map the extreme eigenvalues of the full Hessian over a plane: `ratio` (beta, alpha).

    The variables are those of `compute_convexity`. A point takes tens of products with the Hessian
    on all examples, unless `max_examples` says fewer. The network is copied, never changed.

    Args:
        model: any module.
        loss: from (outputs, targets) to one value per example or to their mean.
        data: inputs and targets, or batches of the two, for instance a DataLoader.
        objective: in place of a loss, as for `landscape`.
        batch: takes (inputs, targets) out of what the data give, as for `landscape`.
        reduction: `mean` or `sum` of the values of an `objective`, as for `landscape`.
        directions: which line or plane, as for `landscape`.
        path: state dictionaries saved in training, the latest last, or a file or folder of
            checkpoints, or several runs by name, as for `landscape`.
        resolution: points along each side.
        span: half the width or the ends of the axes, or `"auto"`, as for `landscape`.
        dimensions: 1 for a line, 2 for a plane.
        matrix: by name, `hessian`, `gauss_newton` or `fisher`, or as an object.
        batch_norm: which statistics batch normalization uses off the centre, as for `landscape`.
        max_examples: the first so many examples; by default all. Directions are those of all.
        stream: read the data batch by batch, once for each product with the matrix and once more
            for each point, as for `spectrum`.
        adapter: takes what the model gives if that is no tensor, gives the outputs.
        device: where to compute; by default where the model's parameters lie.
        dtype: floating type to compute in; by default the model's.
        seed: of random directions.

    Raises:
        SpecError: a value that is not accepted, no data, or a network of one parameter.
        PlaneError: the directions span no plane.
    """
    check_numbers(max_examples, seed)
    which = matrix_of(matrix)
    rule = None if directions is None else rule_of(directions)
    with OpenStreams(stream) as streams:
        parts = user_parts(
            model, loss, data, objective=objective, batch=batch, reduction=reduction,
            batch_norm=batch_norm, adapter=adapter, device=device, dtype=dtype,
            max_examples=max_examples, whole=needs_all(rule, batch_norm), streams=streams,
        )  # fmt: skip
        streams.check()
        try_call(parts["train"])
        planned = plan_of(
            parts, rule, {}, path=path, dimensions=dimensions, span=span, resolution=resolution,
            seed=seed, strategy="loop", batch_norm=batch_norm,
        )  # fmt: skip
        planned = with_streams(planned, streams, span)
        part, plane = planned.probe.parts["train"], planned.probe.plane
        if streams.losses:
            work = _streamed(planned, streams, which)
        else:
            asked = Convexity(matrix=which, max_examples=int(max_examples or examples_in(part)))
            work = compute_convexity(part, plane, planned.grid, asked)
        for found in work:
            yield Progress(int(found["ratio"].notnull().sum()), planned.points, found)
    attrs = {"seed": int(seed), "model": type(model).__name__, **_attrs(part, planned)}
    some = max_examples is not None if streams.losses else is_shortened(part, data, max_examples)
    if some:
        found = with_total(found, known_examples(data))
    found = planned.stating(found.assign_attrs(attrs))
    found = stating_batches(with_plane(found, plane), parts)
    yield Progress(planned.points, planned.points, planned.with_path(found))


def _streamed(planned: ModelPlan, streams: OpenStreams, matrix: Matrix) -> Iterator[xr.Dataset]:
    """The map over a stream; the losses of the path's states are read first, if there are any."""
    plane, stream = planned.probe.plane, streams.losses["train"].stream
    part = planned.probe.parts["train"]
    curvature = StreamedCurvature(matrix, streams.losses["train"], asked=bool(streams.asked))
    if planned.states:
        planned.probe(np.zeros((1, plane.dimensions)))
    else:
        curvature.loss_at(part, plane.origin)
    asked = Convexity(matrix=matrix, max_examples=stream.examples or 1)
    for found in compute_convexity(part, plane, planned.grid, asked, streamed=curvature):
        yield found.assign_attrs(curvature.attrs)


def _attrs(part: ModelObjective, planned: ModelPlan) -> dict[str, Any]:
    """What was asked, and which statistics batch normalization used."""
    plane = planned.probe.plane
    statistics = point_statistics.description(part, plane)
    return {
        "engine_version": ENGINE_VERSION,
        "grid": canonical(to_plain(planned.grid)),
        "directions": planned.directions,
        "batch_norm": point_statistics.named(part, plane),
        **({"statistics": statistics} if statistics else {}),
        **reason_of(planned.extent),
    }
