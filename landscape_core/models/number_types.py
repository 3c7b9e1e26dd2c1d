"""In which types of numbers a network is evaluated, and its data are handed to it.

A network keeps the types that it has, and data are handed over as they are given. What the network
or the loss refuses in that type, float64 data of NumPy for one, is converted to the network's own.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.precision import full_precision
from landscape_core.models.adapter import Adapter, outputs_in
from landscape_core.models.copying import copied_together
from landscape_core.models.generators import kept_generators
from landscape_core.models.loss_conversion import loss_on
from landscape_core.models.loss_function import LossFunction
from landscape_core.models.module_state import as_given
from landscape_core.models.notices import unheard

Given = tuple[LossFunction, Tensor, Tensor]
"""A loss, inputs and targets."""

Part = TypeVar("Part", Tensor, nn.Module)

TRIED = 2
"""Examples on which it is tried first whether they are taken; then all."""

COMPLEX = {torch.float64: torch.complex128}
"""The complex type of a real one, where it is not complex64."""


def converted(part: Part, kind: torch.dtype) -> Part:
    """A tensor or module in a floating-point type, complex numbers in the complex one.

    Whole numbers and booleans stay as they are. A module is changed in place.
    """
    return (
        part._apply(lambda one: _cast(one, kind))
        if isinstance(part, nn.Module)
        else _cast(part, kind)
    )


def kind_named(given: torch.dtype | str) -> torch.dtype:
    """A floating-point type of torch, as it is or by its name.

    Raises:
        SpecError: there is none.
    """
    found = getattr(torch, given.removeprefix("torch."), None) if isinstance(given, str) else given
    if isinstance(found, torch.dtype) and found.is_floating_point:
        return found
    raise SpecError("dtype", given, "a floating-point type, for instance torch.float64")


def device_named(given: torch.device | str | int) -> torch.device:
    """A device of this machine.

    Raises:
        SpecError: there is none.
    """
    try:
        found = torch.device(given)
        torch.empty(0, device=found)
    except Exception as error:  # each kind of device has its own
        accepted = "a device that this machine and this build of torch have, for instance cpu"
        raise SpecError("device", str(given), accepted) from error
    try:
        torch.empty(0, device=found, dtype=torch.float64)
    except Exception as error:
        accepted = "one with float64, in which coordinates are measured: device='cpu'"
        raise SpecError("device", str(given), accepted) from error
    return found


def check_types(module: nn.Module) -> None:
    """Refuse parameters that one vector of real numbers cannot hold as they are.

    Raises:
        SpecError: trainable parameters of several types, or complex ones.
    """
    first: tuple[str, torch.dtype] | None = None
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            continue
        if parameter.is_complex():
            accepted = "real where it is trained: hold torch.view_as_real of it, or freeze it"
            raise SpecError(f"the parameter {name}", _word(parameter.dtype), accepted)
        first = first or (name, parameter.dtype)
        if parameter.dtype != first[1]:
            found = f"{first[0]} ({_word(first[1])}) and {name} ({_word(parameter.dtype)})"
            accepted = "of one type: model.to(torch.float32), or another, makes them so"
            raise SpecError("the trainable parameters", found, accepted)


def kind_of(module: nn.Module) -> torch.dtype:
    """The type of the trainable parameters; where there are none, of the others."""
    found = sorted(module.parameters(), key=lambda one: not one.requires_grad)
    return found[0].dtype if found else torch.get_default_dtype()


def as_taken(module: nn.Module, adapter: Adapter | None, given: Given) -> Given:
    """Loss, inputs and targets as the network and the loss take them.

    As given, if that is possible; else with as few of them converted to the type of the network as
    possible. Where nothing is taken, all are converted, and evaluating them shows what is wrong.
    """
    kind = kind_of(module)
    choices = list(_choices(module, given, kind))
    if len(choices) == 1 or len(given[1]) != len(given[2]):
        return given
    for few in (True, False):
        for choice in choices:
            if _taken(module, adapter, choice, few=few):
                return choice
    return choices[-1]


def _choices(module: nn.Module, given: Given, kind: torch.dtype) -> Iterator[Given]:
    """As given, then with one, two or all of those converted that are of another type."""
    loss, *data = given
    holds = isinstance(loss, nn.Module) and any(one is module for one in loss.modules())
    moved = loss if holds else loss_on(loss, data[0].device, kind)
    made = [moved, *(_real(one, kind) for one in data)]
    differ = [i for i in range(3) if made[i] is not given[i]]
    for count in range(len(differ) + 1):
        for some in combinations(differ, count):
            yield cast(Given, tuple(made[i] if i in some else given[i] for i in range(3)))


def _taken(module: nn.Module, adapter: Adapter | None, given: Given, *, few: bool) -> bool:
    """Whether a copy of the network can be evaluated, and differentiated where it says it can."""
    count = TRIED if few else len(given[1])
    inputs, targets = given[1][:count].clone(), given[2][:count].clone()
    device = inputs.device
    with unheard(), kept_generators(device), full_precision(device), torch.enable_grad():
        try:
            own, loss, taken = copied_together(module, given[0], adapter)
            with as_given(own, loss, taken):
                found = own.eval()(inputs)
                value = loss(outputs_in(found, taken), targets).mean()
                if value.requires_grad:
                    value.backward()
        except Exception:  # of what users write
            return False
    return True


def _cast(given: Tensor, kind: torch.dtype) -> Tensor:
    if given.is_complex():
        return given.to(COMPLEX.get(kind, torch.complex64))
    return _real(given, kind)


def _real(given: Tensor, kind: torch.dtype) -> Tensor:
    return given.to(kind) if given.is_floating_point() else given


def _word(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")
