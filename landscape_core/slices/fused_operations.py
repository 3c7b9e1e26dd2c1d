"""Recorded operations that take less memory traffic: fewer, and in place.

Batch normalization by stored statistics is affine, as the convolution before it; so it goes into
that layer's weights (Markus, Fused batch normalization, as in `torch.nn.utils.fusion`), which is
done anew at each point. Activations and additions write to the memory of a value that nothing else
reads.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from landscape_core.slices.recorded_operations import Operation, Recording, Slot, Value

ATEN = torch.ops.aten

IN_PLACE: dict[Any, Any] = {
    ATEN.relu.default: ATEN.relu_.default,
    ATEN.leaky_relu.default: ATEN.leaky_relu_.default,
    ATEN.hardtanh.default: ATEN.hardtanh_.default,
    ATEN.hardswish.default: ATEN.hardswish_.default,
    ATEN.elu.default: ATEN.elu_.default,
    ATEN.gelu.default: ATEN.gelu_.default,
    ATEN.silu.default: ATEN.silu_.default,
    ATEN.tanh.default: ATEN.tanh_.default,
    ATEN.sigmoid.default: ATEN.sigmoid_.default,
}
"""Operations on each number of a value, and the same in place."""


def fused(recording: Recording, moves: Callable[[Tensor], bool]) -> Recording:
    """The same function by fewer operations, as many of them in place as may be.

    Args:
        recording: the function.
        moves: whether a tensor is a parameter whose values are others at other points.
    """
    found = replace(recording, operations=_needed(recording, recording.operations))
    found = replace(found, operations=_needed(found, _folded(found)))
    return _in_place(_beginning(found, moves))


def convolves(recording: Recording) -> bool:
    """Whether there is a convolution."""
    return any(one.call is ATEN.convolution.default for one in recording.operations)


def _needed(recording: Recording, operations: Sequence[Operation]) -> list[Operation]:
    """The operations whose results are used, and those that write."""
    used, found = {recording.output}, []
    for one in reversed(operations):
        if one.writes or used.intersection(one.results):
            used |= one.reads
            found.append(one)
    return found[::-1]


def _folded(recording: Recording) -> list[Operation]:
    """The operations, with each batch normalization in the convolution before it."""
    operations = list(recording.operations)
    makers = {one.results[0]: k for k, one in enumerate(operations) if len(one.results) == 1}
    gone = set()
    for k, norm in enumerate(operations):
        if norm.call is not ATEN.native_batch_norm.default or not isinstance(norm.args[0], Slot):
            continue
        before = makers.get(norm.args[0].number)
        if before is not None and _folds(recording, operations, before, k):
            operations[k] = _convolution(operations[before], norm)
            gone.add(before)
    return [one for k, one in enumerate(operations) if k not in gone]


def _folds(recording: Recording, operations: Sequence[Operation], before: int, at: int) -> bool:
    """Whether the normalization at an index may go into the operation before it."""
    convolution, norm = operations[before], operations[at]
    if convolution.call is not ATEN.convolution.default:
        return False
    result, transposed, training = convolution.results[0], convolution.args[6], norm.args[5]
    alone = result != recording.output and not any(
        result in one.reads for k, one in enumerate(operations) if k != at
    )
    still = not any(one.writes for one in operations[before:at])
    extra = any(set(norm.results[1:]) & one.reads for one in operations)
    kinds = {one.dtype for one in norm.args[1:5] if isinstance(one, Tensor)}
    number = convolution.results[0]
    same = number is not None and kinds == {recording.values[number].dtype}
    return alone and still and same and not (extra or transposed or training)


def _convolution(convolution: Operation, norm: Operation) -> Operation:
    """Both as one operation."""
    call = _normalized_convolution(convolution.args[3:], float(norm.args[7]))
    args = (*convolution.args[:3], *norm.args[1:5])
    return Operation(call, args, {}, norm.results[:1])


def _normalized_convolution(settings: tuple[Any, ...], eps: float) -> Callable[..., Tensor]:
    def call(  # noqa: PLR0913 - the tensors of two layers
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        gamma: Tensor | None,
        beta: Tensor | None,
        mean: Tensor,
        variance: Tensor,
    ) -> Tensor:
        scale = (variance + eps).rsqrt()
        scale = scale if gamma is None else scale * gamma
        shift = -mean if bias is None else bias - mean
        shift = shift * scale if beta is None else torch.addcmul(beta, shift, scale)
        weight = weight * scale.view(-1, *[1] * (weight.ndim - 1))
        found: Tensor = ATEN.convolution.default(inputs, weight, shift, *settings)
        return found

    return call


def _beginning(recording: Recording, moves: Callable[[Tensor], bool]) -> Recording:
    """The recording, which knows how many operations precede the first with what moves."""
    operations = recording.operations
    moving = (k for k, one in enumerate(operations) if any(map(moves, one.tensors)))
    first = next(moving, 0)
    kept = {0}.union(*(one.slots for one in operations[:first]))
    memories = {recording.values[number].memory for number in kept}
    written = (n for one in operations[first:] if one.writes for n in one.reads)
    if any(recording.values[number].memory in memories for number in written):
        return recording
    values = [replace(v, own=v.own and v.memory not in memories) for v in recording.values]
    return replace(recording, values=values, first=first)


def _in_place(recording: Recording) -> Recording:
    """The recording, in which values that nothing else reads are written over."""
    values, operations = list(recording.values), list(recording.operations)
    for k, one in enumerate(operations):
        result = one.results[0]
        if result is None:
            continue
        for at, call in _ways(one):
            slot = one.args[at]
            if _is_free(values, operations[k + 1 :], recording.output, one, at):
                args = (slot, one.args[1 - at]) if call is ADD else one.args
                operations[k] = Operation(call, args, one.kwargs, one.results, writes=True)
                memory, left = values[slot.number].memory, values[result].memory
                values = [replace(v, memory=memory) if v.memory == left else v for v in values]
                break
    return replace(recording, operations=operations, values=values)


ADD = ATEN.add_.Tensor


def _ways(operation: Operation) -> list[tuple[int, Any]]:
    """Which argument an operation may write to, and by which other one."""
    if operation.call in IN_PLACE:
        return [(0, IN_PLACE[operation.call])] if isinstance(operation.args[0], Slot) else []
    if operation.call is ATEN.add.Tensor and not operation.kwargs:
        return [(at, ADD) for at in (0, 1) if isinstance(operation.args[at], Slot)]
    return []


def _is_free(
    values: Sequence[Value],
    later: Sequence[Operation],
    output: int,
    operation: Operation,
    at: int,
) -> bool:
    """Whether an operation may write its result to an argument, as nothing reads that later."""
    given, result = values[operation.args[at].number], values[operation.results[0] or 0]
    if not (given.own and given.whole) or (given.shape, given.dtype) != (
        result.shape,
        result.dtype,
    ):
        return False
    others = [one for k, one in enumerate(operation.args) if k != at and isinstance(one, Slot)]
    if any(values[one.number].memory == given.memory for one in others):
        return False
    if values[output].memory == given.memory:
        return False
    return not any(values[n].memory == given.memory for one in later for n in one.reads)
