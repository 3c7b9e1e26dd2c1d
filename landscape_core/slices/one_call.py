"""The loss landscape of a user's network, in one call."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from numbers import Real
from typing import Any

import torch
from torch import nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.progress import USER, Progress, one_call
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import name_of
from landscape_core.models.adapter import Adapter
from landscape_core.models.batch_norm import BatchNorm
from landscape_core.models.closure_network import Closure
from landscape_core.models.fitting_state import GivenPath
from landscape_core.models.loss_function import LossFunction
from landscape_core.models.measures.base import GradientMeasure
from landscape_core.models.open_streams import OpenStreams
from landscape_core.models.user_parts import (
    check_numbers,
    is_closure,
    stating_batches,
    user_parts,
)
from landscape_core.planes.directions.base import Directions
from landscape_core.planes.plane import Plane
from landscape_core.planes.through import Through
from landscape_core.slices.backends.base import Backend
from landscape_core.slices.chosen_extent import reason_of
from landscape_core.slices.held_variances import warn_held
from landscape_core.slices.measures_by_name import Given
from landscape_core.slices.model_plan import Resolution, Span, ends_of, needs_all, plan_of, rule_of
from landscape_core.slices.slice import compute_slice
from landscape_core.slices.strategies.base import Strategy
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.strategy_choice import strategy_of
from landscape_core.slices.streamed_slice import with_streams
from landscape_core.slices.tolerance import Tolerance
from landscape_core.storage.schema import COMPUTED
from landscape_core.storage.store import Store, check_store


@torch.inference_mode(mode=False)  # what is made within it cannot be differentiated
@one_call
@public_call
def landscape(  # noqa: PLR0913 - every choice in one line is what it is for
    model: nn.Module,
    loss: LossFunction | None = None,
    data: Any = None,
    *,
    objective: Closure | None = None,
    test: Any = None,
    batch: Callable[[Any], Any] | None = None,
    reduction: str | None = None,
    measures: Mapping[str, Given] | None = None,
    directions: Directions | Plane | Through | str | None = None,
    path: GivenPath | Mapping[str, GivenPath] | None = None,
    resolution: Resolution = 51,
    span: Span = 1.0,
    dimensions: int = 2,
    tolerance: Tolerance | float | None = None,
    batch_norm: BatchNorm | None = None,
    adapter: Adapter | None = None,
    max_examples: int | None = None,
    stream: bool | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
    tf32: bool = False,
    strategy: Strategy | str | None = None,
    backend: Backend | None = None,
    store: Store | None = None,
    seed: int = 0,
    draws: int = 1,
) -> Iterator[Progress]:
    """The slice of a network's loss around its present parameters: loss (split, beta, alpha).

    The network is copied, never changed, and evaluated in evaluation mode whatever mode it is in.
    Parameters that require no gradient stay as they are; tied ones move together. For pictures on
    the way: `compute_slice(probe_of(...), grid)`.

    Args:
        model: any module.
        loss: from (outputs, targets) to one value per example or to their mean, for instance
            `torch.nn.functional.cross_entropy`. Outputs are what the model gives, be it a tensor, a
            tuple or a mapping.
        data: inputs and targets, or batches of the two, for instance a DataLoader; for an
            `objective` batches of any kind.
        objective: in place of a loss, from (model, batch) to a scalar, for what is no loss of
            outputs and targets. It is called with each batch as it is.
        test: a second part of the data, or none.
        batch: takes (inputs, targets) out of what the data give, where they are something else;
            inputs may be a tuple of arguments of the model or a mapping of named ones.
        reduction: `mean` or `sum` of the values that an `objective` has on several batches; by
            default their mean weighted by the numbers of examples, where tensors tell these.
        measures: measures in addition to the loss, by name: measures of the catalogue, for instance
            `{"error": Error()}`, or functions of (outputs, targets); by default the accuracy, where
            targets are classes.
        directions: which line or plane, as a rule or by its name, for instance `PCA()` or `"pca"`;
            by default that of the `path` by PCA where it has enough states, otherwise random and
            filter-normalized. A `Plane` of your own, for instance `Plane.through(a, b, c)`, has its
            own origin and dimensions.
        path: state dictionaries saved in training, the latest last; or a file or folder of
            checkpoints (`checkpoints` says in which order), or a file of `record`. They are
            projected onto the plane: `path_alpha`, `path_beta`, `path_loss`, `path_distance` (step)
            and `explained_variance_ratio` (axis) are in the dataset. Several runs by name, as
            `{"SGD": "runs/sgd", "Adam": states}`, give these by (run, step), on one plane. A file
            of `record(projection=)` gives estimates of `path_alpha`, `path_beta` with
            `path_alpha_standard_error`, ..., and of `path_distance`, on a plane that does not
            depend on the path.
        resolution: points along each side; two numbers, those along alpha first, for a rectangle.
        span: half the width of the picture in multiples of the axes; of a plane that the path
            determines, as of PCA, in multiples of the extent that shows the path. Or the ends of
            the axes, (low, high) for both or four numbers, alpha first; or a `Grid` with its ends
            and resolution. `"auto"`: chosen by a rule, which the attribute `span_reason` states:
            the extent that shows the path or the states of the plane, else up to where the loss is
            ten times that at the centre, on the first batch where data are streamed. Or what
            `common_span` chose for several models.
        dimensions: 1 for a line, 2 for a plane.
        tolerance: the largest error up to which points may be interpolated, as a fraction of the
            range of the loss, or of its logarithm: `Tolerance(relative_tolerance=0.01,
            scale="log")`; by default, and at 0, none is. Where it was not reached, a warning says
            so.
        batch_norm: which statistics batch normalization uses off the centre: `running`, those
            stored there; `interpolated`, on a plane through several states those of each state at
            its point and in proportion between, as all buffers that differ; `batch`, those of the
            examples evaluated; `reestimated`, new ones at each point. By default `interpolated` on
            a plane through several states whose buffers are known and differ, else `running`.
        adapter: takes what the model gives if that is no tensor, gives the outputs.
        max_examples: evaluate at most so many examples of each part, its first; by default all.
            Directions and re-estimated statistics are those of all examples; where neither needs
            data, no more are read of a loader. An `objective`, and a loss of several outputs, have
            no other examples than these; batches of an `objective` are kept whole.
        stream: read the data batch by batch and evaluate each batch at all points, so that they are
            read once for the slice and never collected; with a `tolerance` once for each round of
            refinement, with measures of the gradient once for each group of points whose
            gradients fit into memory. The attribute `passes` says how often. None: where a loader
            of known length does not fit into memory.
        device: where to compute; by default where the model's parameters lie, and of a backend
            on the graphics cards of its workers, where they have any.
        dtype: floating type to compute in. By default parameters and buffers keep their types, and
            data are handed over as given; what network or loss refuses in its type, float64 data of
            NumPy for one, is converted to that of the parameters.
        tf32: let a graphics card round products to 10 bits of mantissa.
        strategy: how to evaluate, by name (`strategies()` lists them) or as an object, for instance
            `"loop"` or `Loop(block=64)`; by default the fastest in a short trial.
        backend: where to compute; by default in this process.
        store: keeps the slice, and what is done of it while it is computed.
        seed: of random directions, and of the numbers that a network draws in its `forward`: the
            same ones at every point.
        draws: how many draws of such numbers the values are means of; for more than one,
            `loss_standard_error` says how sure they are.

    Raises:
        SpecError: a value that is not accepted, no data, or more than memory holds.
        PlaneError: the directions span no plane.
        BackendError: the backend cannot be reached.
    """
    rule = None if directions is None else rule_of(directions)
    chosen = None if strategy is None else strategy_of(strategy)
    asked = _tolerance(tolerance)
    ends_of(span)
    check_store(store)
    check_numbers(max_examples, seed)
    with OpenStreams(stream) as streams:
        parts = user_parts(
            model, loss, data, test=test, objective=objective, batch=batch, reduction=reduction,
            batch_norm=batch_norm, adapter=adapter, device=device, dtype=dtype,
            max_examples=max_examples, whole=needs_all(rule, batch_norm), streams=streams,
        )  # fmt: skip
        streams.check()
        if is_closure(parts["train"]):
            chosen, measures = _plain_loop(chosen), _without_outputs(measures)
        planned = plan_of(
            parts, rule, measures, path=path, dimensions=dimensions, span=span,
            resolution=resolution, max_examples=max_examples, seed=seed, strategy=chosen, tf32=tf32,
            draws=draws, batch_norm=batch_norm,
        )  # fmt: skip
        planned = with_streams(planned, streams, span)
        attrs = {"directions": planned.directions, "seed": seed, "model": type(model).__name__}
        attrs |= reason_of(planned.extent)
        total = planned.points
        work = compute_slice(
            planned.probe, planned.grid, attrs, tolerance=asked, backend=backend, store=store,
            device=device,
        )  # fmt: skip
        for last in work:
            yield Progress(int(last[COMPUTED].sum()), total, last)
    if asked is not None and not last.attrs.get("tolerance_reached", 1):
        warnings.warn(asked.unreached(last.attrs["estimated_error"]), stacklevel=USER)
    warn_held(last, stacklevel=USER)
    last = stating_batches(planned.stating(last), parts)
    yield Progress(total, total, planned.with_path(last))


def _plain_loop(chosen: Strategy | None) -> Strategy:
    """The strategy of a closure, of which nothing is known but how to call it.

    Raises:
        SpecError: another one is asked for.
    """
    if chosen is None or isinstance(chosen, Loop):
        return chosen or Loop()
    accepted = "loop, as the loss needs more than one tensor of outputs"
    raise SpecError("strategy", name_of(type(chosen)), accepted)


def _without_outputs(measures: Mapping[str, Given] | None) -> Mapping[str, Given]:
    """The measures of a closure: those of its gradient.

    Raises:
        SpecError: one of outputs, which there are not.
    """
    for name, one in (measures or {}).items():
        if not isinstance(one, GradientMeasure):
            accepted = "a measure of the gradient, as the outputs are no single tensor"
            raise SpecError(f"measures[{name!r}]", one, accepted)
    return measures or {}


def _tolerance(given: object) -> Tolerance | None:
    """The tolerance that a number or a recipe says; None: every point is computed."""
    if given is None or isinstance(given, Tolerance):
        return given
    if isinstance(given, bool) or not isinstance(given, Real):
        accepted = "a fraction of the displayed range, for instance 0.01, a Tolerance, or None"
        raise SpecError("tolerance", given, accepted)
    return Tolerance(relative_tolerance=float(given)) if given != 0 else None
