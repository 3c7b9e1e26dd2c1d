"""Several inputs and targets in the types that a network and its loss take, found by trying."""

from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.models.call_errors import RAISED, first_line
from landscape_core.models.nested_batches import arrays_in, mapped
from landscape_core.models.number_types import kind_of

T = TypeVar("T")

SHOWN = 4
"""Tensors of a batch that an error shows."""


def as_taken_together(model: nn.Module, batch: Any, make: Callable[[Any], T]) -> T:
    """What is made of inputs and targets: as given or, where that fails, in the network's type.

    Then real numbers with a fraction are converted to the type of the parameters: those of the
    inputs or, where that fails too, all of them.

    Args:
        model: the network.
        batch: inputs and targets.
        make: calls network and loss with them.

    Raises:
        SpecError: what network or loss raise on the data as they are given.
    """
    kind = kind_of(model)

    def converted(one: Tensor) -> Tensor:
        return one.to(kind) if one.is_floating_point() else one

    inputs, targets = batch
    first = mapped(inputs, converted)
    tried: list[Any] = [batch]
    if any(one.is_floating_point() and one.dtype != kind for one in arrays_in(batch)):
        tried += [(first, targets), (first, mapped(targets, converted))]
    errors = []
    for one in tried:
        try:
            return make(one)
        except RAISED as error:
            if isinstance(error, SpecError):
                raise
            errors.append(error)
    accepted = f"such that network and loss take it; they raised {first_line(errors[0])}"
    if isinstance(inputs, list | tuple) and isinstance(errors[0], TypeError):
        accepted += "; each entry of the inputs is an argument: ((inputs,), targets) gives one list"
    raise SpecError("the data", _shown(batch), accepted) from errors[0]


def _shown(batch: Any) -> str:
    """The types and shapes of the first tensors of a batch."""
    found = [
        f"{str(one.dtype).removeprefix('torch.')} {tuple(one.shape)}" for one in arrays_in(batch)
    ]
    return ", ".join(found[:SHOWN]) + ", ..." * (len(found) > SHOWN)
