"""Definitions of sharpness at the present parameters of a user's own network, in one call."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import nn

from landscape_core.curvature.sharpness.base import Sharpness
from landscape_core.curvature.spectrum import check_point
from landscape_core.curvature.spectrum_of_model import check_statistics, statistics_of
from landscape_core.foundation.progress import Progress, one_call
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.registry import entries, find
from landscape_core.models.adapter import Adapter
from landscape_core.models.batch_norm import BatchNorm
from landscape_core.models.batch_reading import known_examples
from landscape_core.models.closure_network import Closure
from landscape_core.models.loss_function import LossFunction
from landscape_core.models.module_objective import try_call
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.user_parts import (
    check_numbers,
    examples_in,
    is_shortened,
    limited,
    stating_batches,
    user_parts,
    with_total,
)
from landscape_core.storage.schema import SCHEMA_VERSION, VERSION


@torch.inference_mode(mode=False)  # what is made within it cannot be differentiated
@one_call
@public_call
def sharpness(  # noqa: PLR0913 - every choice in one line is what it is for
    model: nn.Module,
    loss: LossFunction | None = None,
    data: Any = None,
    *,
    objective: Closure | None = None,
    batch: Callable[[Any], Any] | None = None,
    reduction: str | None = None,
    names: Sequence[str] = (),
    max_examples: int | None = None,
    batch_norm: BatchNorm | None = None,
    adapter: Adapter | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
    seed: int = 0,
) -> Iterator[Progress]:
    """Definitions of sharpness at the present parameters: `value`, `standard_error` (sharpness,).

    The variables are those of `sharpness_at`. The network is copied, never changed, and evaluated
    in evaluation mode whatever mode it is in.

    Args:
        model: any module.
        loss: from (outputs, targets) to one value per example or to their mean.
        data: inputs and targets, or batches of the two, for instance a DataLoader.
        objective: in place of a loss, as for `landscape`.
        batch: takes (inputs, targets) out of what the data give, as for `landscape`.
        reduction: `mean` or `sum` of the values of an `objective`, as for `landscape`.
        names: which definitions; by default all that are shipped, with their defaults.
        max_examples: the first so many examples; by default all.
        batch_norm: which statistics batch normalization uses, as for `spectrum`.
        adapter: takes what the model gives if that is no tensor, gives the outputs.
        device: where to compute; by default where the model's parameters lie.
        dtype: floating type to compute in; by default the model's.
        seed: of all random perturbations.

    Raises:
        SpecError: a value that is not accepted, no data, or a loss that is not finite; before any
            work.
    """
    check_numbers(max_examples, seed)
    rules = sharpness_rules(names)
    check_statistics(batch_norm)
    parts = user_parts(
        model, loss, data, objective=objective, batch=batch, reduction=reduction,
        batch_norm=batch_norm, adapter=adapter, device=device, dtype=dtype,
        max_examples=max_examples, whole=batch_norm == "reestimated",
    )  # fmt: skip
    whole, parts = parts["train"], limited(parts, max_examples)
    part = parts["train"]
    try_call(part)
    attrs = {"model": type(model).__name__, "seed": int(seed), **statistics_of(part)}
    attrs |= {"examples": examples_in(part), "examples_of": examples_in(whole)}
    for progress in read_sharpness(part, rules, seed=int(seed)):
        assert progress.dataset is not None  # there is one from the first reading on
        found = progress.dataset.assign_attrs(attrs)
        if is_shortened(part, data, max_examples):
            found = with_total(found, known_examples(data))
        yield Progress(progress.done, progress.total, stating_batches(found, parts))


def sharpness_rules(names: Sequence[str] = ()) -> dict[str, Sharpness]:
    """The definitions of these names; by default all that are shipped, with their defaults.

    Raises:
        SpecError: no such definition.
    """
    return {name: find(Sharpness, name)() for name in names or entries(Sharpness).shipped()}


def read_sharpness(
    part: ModelObjective, rules: Mapping[str, Sharpness], *, seed: int = 0
) -> Iterator[Progress]:
    """The readings where an objective starts, one after the other.

    Raises:
        SpecError: a loss there that is not finite; before any work.
    """
    check_point(part, part.start)
    rows: list[tuple[float, float, int]] = []
    for done, rule in enumerate(rules.values(), 1):
        reading = rule.read(part, part.start, seed)
        rows.append((reading.value, reading.standard_error, reading.evaluations))
        found = _readings(list(rules.items())[:done], rows)
        yield Progress(done, len(rules), found.assign_attrs({VERSION: SCHEMA_VERSION}))


def _readings(
    rules: Sequence[tuple[str, Sharpness]], rows: Sequence[tuple[float, float, int]]
) -> xr.Dataset:
    values, errors, evaluations = zip(*rows, strict=True)
    dim = "sharpness"
    return xr.Dataset(
        {
            "value": (dim, np.array(values)),
            "standard_error": (dim, np.array(errors)),
            "evaluations": (dim, np.array(evaluations)),
            "invariant": (dim, np.array([rule.invariant for _, rule in rules])),
        },
        {
            dim: [name for name, _ in rules],
            "unit": (dim, [rule.unit for _, rule in rules]),
            "formula": (dim, [rule.formula for _, rule in rules]),
        },
    )
