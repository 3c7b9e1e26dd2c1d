"""The operations of one forward pass, recorded by a dispatch mode, to be run again without Python.

A recording refers to parameters and buffers themselves, so that it uses the values that these have
when it is run again. What depends on values in any other way, as branches and shapes, is as it was
when the operations were recorded: a trace of the evaluation must have shown none.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from landscape_core.models.shared_memory import storage_of

KINDS: tuple[type, ...] = (Tensor, nn.Parameter)
"""Classes of tensors that are known to be nothing else."""


@dataclass(frozen=True)
class Slot:
    """The place of a value in a recording: the input, number 0, or a result."""

    number: int


@dataclass(frozen=True)
class Value:
    """What is known of the value in a slot.

    `memory` is the address of its memory, `own` whether that is neither the input's nor that of a
    tensor from elsewhere, and `whole` whether the value fills it.
    """

    shape: torch.Size
    dtype: torch.dtype
    memory: int
    own: bool
    whole: bool


@dataclass(frozen=True)
class Operation:
    """A call with slots in the place of values, and the slots of its results.

    `writes`: it changes one of its arguments.
    """

    call: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    results: tuple[int | None, ...]
    writes: bool = False

    @property
    def reads(self) -> set[int]:
        """The numbers of the slots among its arguments."""
        return {slot.number for slot in _slots((self.args, self.kwargs))}

    @property
    def slots(self) -> set[int]:
        """The numbers of the slots that it reads or fills."""
        return self.reads | {number for number in self.results if number is not None}

    @property
    def tensors(self) -> Iterator[Tensor]:
        """The tensors from elsewhere among its arguments."""
        return _tensors((self.args, self.kwargs))


@dataclass(frozen=True, eq=False)
class Recording:
    """The operations from an input of one shape to an output.

    The `first` of them do not depend on parameters that move: their results are the same at every
    point.
    """

    operations: Sequence[Operation]
    values: Sequence[Value]
    output: int
    first: int = 0

    def prepared(self, inputs: Tensor) -> list[Any]:
        """The values by slot after the first operations, those that others need."""
        values: list[Any] = [None] * len(self.values)
        values[0] = inputs
        for one in self.operations[: self.first]:
            _Step.of(one, []).run(values)
        needed = {self.output}.union(*(one.reads for one in self.operations[self.first :]))
        return [value if number in needed else None for number, value in enumerate(values)]

    def runner(self) -> Callable[[list[Any]], Tensor]:
        """The function that runs the others from there, and keeps values while they are used."""
        rest = self.operations[self.first :]
        last = {number: k for k, one in enumerate(rest) for number in one.slots}
        last.pop(self.output, None)
        ends = [[number for number, at in last.items() if at == k] for k in range(len(rest))]
        steps = [_Step.of(one, done) for one, done in zip(rest, ends, strict=True)]

        def run(prepared: list[Any]) -> Tensor:
            values = prepared.copy()
            for step in steps:
                step.run(values)
            found: Tensor = values[self.output]
            return found

        return run


@dataclass(frozen=True)
class _Step:
    """An operation that is ready to run: where values go among its arguments, and come from."""

    operation: Operation
    direct: Sequence[tuple[int, int]]
    nested: Sequence[tuple[int, Any]]
    named: bool
    done: Sequence[int]

    @classmethod
    def of(cls, operation: Operation, done: Sequence[int]) -> "_Step":
        args = list(enumerate(operation.args))
        direct = [(at, one.number) for at, one in args if isinstance(one, Slot)]
        nested = [(at, one) for at, one in args if not isinstance(one, Slot) and any(_slots(one))]
        return cls(operation, direct, nested, any(_slots(operation.kwargs)), done)

    def run(self, values: list[Any]) -> None:
        """Compute the results from the values so far, and drop those not used again."""
        one = self.operation
        args = list(one.args)
        for at, number in self.direct:
            args[at] = values[number]
        for at, given in self.nested:
            args[at] = _filled(given, values)
        found = one.call(*args, **(_filled(one.kwargs, values) if self.named else one.kwargs))
        if len(one.results) == 1 and isinstance(found, Tensor):
            found = (found,)
        for result, value in zip(one.results, found, strict=True):
            if result is not None:
                values[result] = value
        for number in self.done:
            values[number] = None


def recorded(call: Callable[[Tensor], Tensor], inputs: Tensor) -> Recording:
    """The operations of a call on inputs.

    Raises:
        ValueError: it does something that a recording does not hold, or gives no tensor of its own.
    """
    recorder = _Recorder(inputs)
    with torch.no_grad(), recorder:
        output = call(inputs)
    number = recorder.number_of(output)
    if number is None:
        raise ValueError("the output is no result of an operation")
    return Recording(recorder.operations, recorder.values, number)


@dataclass
class _Numbers:
    """The numbers of tensors by identity, and the tensors, which so keep their places."""

    numbers: dict[int, int] = field(default_factory=dict)
    held: list[Tensor] = field(default_factory=list)

    def of(self, tensor: Any) -> int | None:
        return self.numbers.get(id(tensor))

    def add(self, tensor: Tensor) -> int:
        self.numbers[id(tensor)] = len(self.held)
        self.held.append(tensor)
        return len(self.held) - 1


class _Recorder(TorchDispatchMode):
    def __init__(self, inputs: Tensor) -> None:
        TorchDispatchMode.__init__(self)
        self.operations: list[Operation] = []
        self.values: list[Value] = []
        self._numbers, self._memories = _Numbers(), {storage_of(inputs)}
        self._added(inputs)

    def number_of(self, tensor: Any) -> int | None:
        """The number of the slot of a tensor that was recorded."""
        return self._numbers.of(tensor)

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        del types
        given, named = self._slotted(args), self._slotted(kwargs or {})
        written = list(_written(operation, args, kwargs or {}))
        if any(storage_of(one) in self._memories for one in written):
            raise ValueError(f"{operation} writes to a tensor from elsewhere")
        found = operation(*args, **(kwargs or {}))
        several = found if isinstance(found, tuple | list) else (found,)
        results = tuple(self._result(one) for one in several)
        self.operations.append(Operation(operation, given, named, results, bool(written)))
        return found

    def _result(self, found: Any) -> int | None:
        if found is None:
            return None
        if type(found) not in KINDS:
            raise ValueError(f"a {type(found).__name__} is no tensor")
        known = self._numbers.of(found)
        return self._added(found) if known is None else known

    def _added(self, tensor: Tensor) -> int:
        memory = storage_of(tensor)
        size = tensor.numel() * tensor.element_size()
        strides = tensor.stride()
        order = sorted(range(tensor.ndim), key=lambda k: -strides[k])
        whole = tensor.untyped_storage().nbytes() == size and tensor.permute(order).is_contiguous()
        own = memory not in self._memories
        self.values.append(Value(tensor.shape, tensor.dtype, memory, own, whole))
        return self._numbers.add(tensor)

    def _slotted(self, given: Any) -> Any:
        """The arguments, with slots in the place of values."""
        if isinstance(given, Tensor):
            number = self._numbers.of(given)
            if number is not None:
                return Slot(number)
            if type(given) not in KINDS:
                raise ValueError(f"a {type(given).__name__} is not recorded")
            self._memories.add(storage_of(given))
            return given
        if isinstance(given, tuple | list):
            return type(given)(self._slotted(one) for one in given)
        if isinstance(given, dict):
            return {key: self._slotted(one) for key, one in given.items()}
        return given


def _written(operation: Any, args: Any, kwargs: Any) -> Iterator[Tensor]:
    """The tensors among its arguments that an operation writes to."""
    for at, argument in enumerate(operation._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield from _tensors(args[at] if at < len(args) else kwargs.get(argument.name))


def _slots(given: Any) -> Iterator[Slot]:
    if isinstance(given, Slot):
        yield given
    elif isinstance(given, tuple | list):
        for one in given:
            yield from _slots(one)
    elif isinstance(given, dict):
        yield from _slots(tuple(given.values()))


def _tensors(given: Any) -> Iterator[Tensor]:
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, tuple | list):
        for one in given:
            yield from _tensors(one)
    elif isinstance(given, dict):
        yield from _tensors(tuple(given.values()))


def _filled(given: Any, values: Sequence[Any]) -> Any:
    """The arguments, with values in the place of slots."""
    if isinstance(given, Slot):
        return values[given.number]
    if isinstance(given, tuple | list):
        return type(given)(_filled(one, values) for one in given)
    if isinstance(given, dict):
        return {key: _filled(one, values) for key, one in given.items()}
    return given
