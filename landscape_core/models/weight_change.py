"""A single weight or bias set to another value, and its words in a link."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Vector
from landscape_core.models.parameters import Layout


@dataclass(frozen=True)
class WeightChange:
    """The entry at an `index` of a named `tensor` of parameters, and its new `value`."""

    tensor: str
    index: tuple[int, ...]
    value: float

    def __str__(self) -> str:
        """`tensor[i,j]=value`, as `read` takes it."""
        return f"{self.tensor}[{','.join(map(str, self.index))}]={self.value!r}"

    @staticmethod
    def read(text: str) -> "WeightChange":
        """The change that a text of the form `tensor[i,j]=value` names.

        Raises:
            SpecError: another form, or a value that is not finite.
        """
        accepted = "tensor[index]=number, as 0.weight[3,1]=0.5"
        place, equals, number = text.partition("]=")
        tensor, bracket, index = place.partition("[")
        words = index.split(",") if index else []
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not (tensor and bracket and equals and math.isfinite(value)):
            raise SpecError("a changed weight", text[:80], accepted)
        if not all(word.isdecimal() and len(word) < 10 for word in words):
            raise SpecError("a changed weight", text[:80], accepted)
        return WeightChange(tensor, tuple(map(int, words)), value)


def with_change(changes: Sequence[WeightChange], change: WeightChange) -> tuple[WeightChange, ...]:
    """The changes with one more, in the place of an earlier one of the same entry."""
    same = (change.tensor, change.index)
    kept = tuple(one for one in changes if (one.tensor, one.index) != same)
    return (*kept, change)


def changed(theta: Vector, layout: Layout, changes: Sequence[WeightChange]) -> Vector:
    """A copy of theta with the changes made, shape (P,).

    Raises:
        SpecError: there is no such tensor or entry, which names those that there are; or the value
            is beyond what the precision of theta holds.
    """
    found = theta.detach().clone()
    tensors, largest = layout.split(found), torch.finfo(found.dtype).max
    for change in changes:
        tensor = tensors.get(change.tensor)
        if tensor is None:
            raise SpecError("a changed weight", change.tensor, "one of " + ", ".join(tensors))
        inside = len(change.index) == tensor.ndim and all(
            0 <= at < size for at, size in zip(change.index, tensor.shape, strict=True)
        )
        if not inside:
            accepted = f"an index below the shape {tuple(tensor.shape)} of {change.tensor}"
            raise SpecError("a changed weight", str(change.index), accepted)
        if abs(change.value) > largest:
            accepted = f"between -{largest:.3g} and {largest:.3g}"
            raise SpecError("a changed weight", str(change), accepted)
        tensor[change.index] = change.value
    return found
