"""One extent for the slices of several models that are compared."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.models.adapter import Adapter
from landscape_core.models.batch_norm import BatchNorm
from landscape_core.models.closure_network import Closure
from landscape_core.models.fitting_state import GivenPath
from landscape_core.models.loss_function import LossFunction
from landscape_core.models.user_parts import check_numbers, user_parts
from landscape_core.planes.directions.base import Directions
from landscape_core.slices.chosen_extent import AUTO, Extent, union
from landscape_core.slices.model_plan import needs_all, plan_of, rule_of

Models = Mapping[str, nn.Module] | Sequence[nn.Module]


@torch.inference_mode(mode=False)  # what is made within it cannot be differentiated
@public_call
def common_span(  # noqa: PLR0913 - every choice in one line is what it is for
    models: Models,
    loss: LossFunction | None = None,
    data: Any = None,
    *,
    objective: Closure | None = None,
    batch: Callable[[Any], Any] | None = None,
    reduction: str | None = None,
    directions: Directions | str | None = None,
    paths: Mapping[str, GivenPath] | Sequence[GivenPath] | None = None,
    dimensions: int = 2,
    batch_norm: BatchNorm | None = None,
    adapter: Adapter | None = None,
    max_examples: int | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
    seed: int = 0,
) -> Extent:
    """Choose one extent for the slices of several models, so that they can be compared.

    It contains the extent that `landscape(model, ..., span="auto")` would choose for each model,
    and is passed on: `landscape(model, ..., span=common_span(models, ...))`. The `models` are in a
    list or by name, `paths` are what `landscape` takes as the `path` of each, in a list or by the
    same names. All other arguments are those of `landscape`, the same for all models.

    Raises:
        SpecError: no models, another number of paths, or a value that is not accepted.
        PlaneError: the directions span no plane.
    """
    named = _named("models", models)
    for name, model in named.items():
        if not isinstance(model, nn.Module):
            raise SpecError(f"models[{name}]", type(model).__name__, "a torch.nn.Module")
    given = dict.fromkeys(named) if paths is None else _named("paths", paths)
    if given.keys() != named.keys():
        accepted = f"one for each of the models: {', '.join(named)}"
        raise SpecError("paths", ", ".join(given), accepted)
    check_numbers(max_examples, seed)
    rule = None if directions is None else rule_of(directions)
    if rule is not None and not isinstance(rule, Directions):
        accepted = "a rule or its name, as a plane belongs to one model"
        raise SpecError("directions", type(rule).__name__, accepted)
    extents = []
    for name, model in named.items():
        parts = user_parts(
            model, loss, data, objective=objective, batch=batch, reduction=reduction,
            batch_norm=batch_norm, adapter=adapter, device=device, dtype=dtype,
            max_examples=max_examples, whole=needs_all(rule, batch_norm),
        )  # fmt: skip
        planned = plan_of(
            parts, rule, {}, path=given[name], dimensions=dimensions, span=AUTO, seed=seed,
            max_examples=max_examples, strategy="loop", batch_norm=batch_norm,
        )  # fmt: skip
        assert planned.extent is not None  # of a span that is chosen
        extents.append(planned.extent)
    return union(extents, list(named))


def _named(field: str, given: object) -> dict[str, Any]:
    """What was given by name; of a list by the numbers from 1.

    Raises:
        SpecError: neither, or nothing.
    """
    if isinstance(given, Mapping):
        found = {str(name): one for name, one in given.items()}
    elif isinstance(given, Sequence) and not isinstance(given, str | nn.Module):
        found = {f"model {number}": one for number, one in enumerate(given, 1)}
    else:
        found = {}
    if not found:
        raise SpecError(field, type(given).__name__, "several, in a list or by name")
    return found
