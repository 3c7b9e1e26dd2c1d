"""The objective of a closure of a user's network and batches, and of losses that need one.

A loss of all that a network gives, a tuple or a mapping, and a network of several inputs are
evaluated as a closure of all data at once: it is the loss of all examples, as everywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.precision import full_precision
from landscape_core.models.adapter import OUTPUT
from landscape_core.models.batch_norm import BatchNorm
from landscape_core.models.closure_batches import given_of, items_of
from landscape_core.models.closure_network import (
    Closure,
    ClosureNetwork,
    Given,
    check_held,
    first_value,
)
from landscape_core.models.copying import copied
from landscape_core.models.few_examples import on_few
from landscape_core.models.generators import drawing, kept_generators
from landscape_core.models.gradient_mode import without_gradients
from landscape_core.models.known_loss import FORWARD, fresh_outputs
from landscape_core.models.module_mode import changes_with_mode
from landscape_core.models.module_objective import module_objective
from landscape_core.models.module_state import as_given
from landscape_core.models.nested_batches import (
    ARRAYS,
    TABLES,
    arrays_in,
    as_array,
    examples_of,
    mapped,
)
from landscape_core.models.network_checks import registering_nothing
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.notices import unheard
from landscape_core.models.number_types import kind_of

PAIRED = (
    "a pair (inputs, targets): inputs a tensor, a tuple of arguments or a mapping of named ones"
)


def from_closure(
    model: nn.Module,
    closure: Closure,
    given: Given,
    *,
    device: str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
    batch_norm: BatchNorm | None = None,
) -> ModelObjective:
    """The objective whose loss is the weighted sum of the values of a closure on batches.

    It is an objective of one example, as it is evaluated as a whole.

    Raises:
        SpecError: no network, no closure, or statistics of inputs that only the closure knows.
    """
    if not isinstance(model, nn.Module):
        raise SpecError("model", type(model).__name__, "a torch.nn.Module")
    if isinstance(closure, type) or not callable(closure):
        shown = getattr(closure, "__name__", closure)
        raise SpecError("objective", shown, "a function of (model, batch) to a scalar")
    own = ClosureNetwork(model, closure, given)
    check_held(batch_norm or "running", own)
    number = torch.zeros(1, 1, dtype=kind_of(model))
    part = module_objective(
        own,
        first_value,
        (number, number[0]),
        device=device,
        dtype=dtype,
        batch_norm=batch_norm or "running",
    )
    _check_start(part, own)
    return part


def _check_start(part: ModelObjective, own: ClosureNetwork) -> None:
    """Compare the value at the present parameters with that of a plain call of the network.

    A fresh copy is called, since a call may leave traces in the user's own network. Where a device
    or type was asked for, there is nothing to compare with.

    Raises:
        SpecError: the value is another one, or the objective makes parameters.
    """
    like = next((one for one in own.parameters() if one.requires_grad), part.start)
    with as_given(part.module), kept_generators(part.start.device), unheard():
        found = without_gradients(lambda: part.apart().loss(part.start))
    if (like.dtype, like.device) != (part.start.dtype, part.start.device) or changes_with_mode(own):
        return
    other = copied(own)
    other.given = cast(ClosureNetwork, part.module).given  # on the network's device
    number, device = part.inputs.to(like), part.start.device
    checked = registering_nothing(other, "the objective")
    with as_given(other), drawing(device, 0), full_precision(device), unheard(), checked:
        expected = without_gradients(lambda: other.eval()(number)).reshape(())
    near = float(torch.finfo(found.dtype).eps) ** 0.5
    if not torch.allclose(found, expected.to(found), rtol=near, atol=near, equal_nan=True):
        shown = f"{float(found)} as evaluated, {float(expected)} by calling the model"
        raise SpecError("the value at the present parameters", shown, "the same in both ways")


def closure_parts(
    model: nn.Module,
    closure: Closure,
    data: Mapping[str, tuple[str, Any]],
    *,
    reduction: str | None = None,
    max_examples: int | None = None,
    **options: Any,
) -> dict[str, ModelObjective]:
    """The objectives of a closure by split, on data by split with what they are called in errors.

    Raises:
        SpecError: a value that is not accepted.
    """
    parts = {}
    for split, (name, given) in data.items():
        batches = [None] if given is None else items_of(name, given, max_examples)
        most = None if given is None else max_examples
        held = given_of(name, batches, reduction, most)
        parts[split] = from_closure(model, closure, held, **options)
    return parts


def batches_by(
    name: str,
    data: object,
    batch: Callable[[Any], Any],
    most: int | None = None,
    *,
    stream: bool | None = False,
) -> list[tuple[Any, Any]]:
    """Inputs and targets of each batch, as a function of the user's takes them out.

    Raises:
        StreamedError: they are to be streamed, as for `read`.
        SpecError: it gives something else.
    """
    return items_of(name, data, most, taken_by(batch), stream=stream)


def taken_by(batch: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, Any]]:
    """What takes inputs and targets out of a batch, by a function of the user's.

    Raises:
        SpecError: it is none, or, when it is called, it gives something else.
    """

    def taken(one: Any) -> tuple[Any, Any]:
        found = batch(one)
        if not isinstance(found, list | tuple) or len(found) != 2:
            shown = f"{type(found).__name__}"
            if isinstance(found, list | tuple):
                shown += f" of {len(found)}"
            raise SpecError("what batch gives", shown, PAIRED)
        return as_array(found[0]), as_array(found[1])

    if not callable(batch):
        raise SpecError("batch", batch, f"a function from a batch to {PAIRED}")
    return taken


def is_pairs(batches: Sequence[tuple[Any, Any]]) -> bool:
    """Whether inputs and targets are one tensor each, in every batch."""
    return all(isinstance(one, ARRAYS | TABLES) for batch in batches for one in batch)


def joined(name: str, batches: Sequence[tuple[Any, Any]], most: int | None) -> tuple[Any, Any]:
    """All batches as one, of which the first examples.

    Raises:
        SpecError: batches of different structure, whose shapes differ in more than the number of
            examples, whose tensors do not share that, as those of graphs, or that hold a list
            without tensors, which may have an entry per example.
    """
    if len(batches) > 1 and any(examples_of(batch) is None for batch in batches):
        shown = f"{len(batches)} batches whose tensors differ in their first dimension"
        accepted = "such that it is the number of examples, to be joined; or give objective="
        raise SpecError(name, shown, accepted)
    if (len(batches) > 1 or most is not None) and any(map(_has_list, batches)):
        accepted = "tensors, which are joined by their first dimension; or give objective="
        raise SpecError(name, "batches with a list that holds no tensor", accepted)
    whole = _joined(name, [(_tensors(inputs), _tensors(targets)) for inputs, targets in batches])
    if most is not None:
        if examples_of(whole) is None:
            accepted = "None, as the tensors of a batch do not share the number of examples"
            raise SpecError("max_examples", most, accepted)
        whole = mapped(whole, lambda one: one[:most])
    return whole[0], whole[1]


def _has_list(batch: Any) -> bool:
    """Whether there is a list or tuple without a tensor, perhaps of an entry per example."""
    if isinstance(batch, Mapping):
        return any(map(_has_list, batch.values()))
    if isinstance(batch, ARRAYS) or not isinstance(batch, list | tuple):
        return False
    return (len(batch) > 0 and not any(True for _ in arrays_in(batch))) or any(
        map(_has_list, batch)
    )


def _tensors(given: Any) -> Any:
    """The same with tensors in the place of arrays of NumPy and tables of pandas."""
    if isinstance(given, ARRAYS | TABLES):
        return torch.as_tensor(as_array(given))
    if isinstance(given, Mapping):
        return {key: _tensors(one) for key, one in given.items()}
    return tuple(map(_tensors, given)) if isinstance(given, list | tuple) else given


def _joined(name: str, parts: Sequence[Any]) -> Any:
    first = parts[0]
    if len(parts) == 1:
        return first
    if all(isinstance(one, Tensor) for one in parts):
        shapes = {tuple(one.shape[1:]) if one.ndim else None for one in parts}
        if len(shapes) > 1 or None in shapes:
            shown = (
                f"batches with tensors of shapes {', '.join(str(tuple(p.shape)) for p in parts)}"
            )
            accepted = (
                "of one shape but for the number of examples, for instance padded by batch=; or"
                " give objective=, which takes each batch as it is"
            )
            raise SpecError(name, shown, accepted)
        return torch.cat(list(parts))
    if all(isinstance(one, dict) and one.keys() == first.keys() for one in parts):
        return {key: _joined(name, [one[key] for one in parts]) for key in first}
    if all(isinstance(one, tuple) and len(one) == len(first) for one in parts):
        return tuple(_joined(name, list(column)) for column in zip(*parts, strict=True))
    if any(isinstance(one, ARRAYS | dict | tuple) or one != first for one in parts):
        raise SpecError(name, "batches of different structure", "of one structure, or objective=")
    return first


def other_than_tensor(part: ModelObjective) -> str:
    """The type of what a network gives, or its adapter; empty for a tensor and what is not known.

    It is called on a few examples, unless its layers and its loss are torch's.

    Raises:
        SpecError: its first call makes parameters.
    """
    if part.evaluation.is_plain:
        return ""
    device, whole = part.start.device, (part.module, part.loss_function, part.adapter)
    try:
        with kept_generators(device), full_precision(device), unheard(), as_given(*whole):
            on_few(part, fresh_outputs)
    except SpecError as error:
        if error.field == FORWARD:
            raise
        return str(error.value) if error.field == OUTPUT else ""
    except Exception:  # of what users write; the evaluation will tell
        return ""
    return ""
