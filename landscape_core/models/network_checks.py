"""What a user's network must be before anything is computed: made of numbers, and complete."""

import contextlib
from collections.abc import Iterator

from torch import nn
from torch.nn.parameter import is_lazy

from landscape_core.foundation.errors import SpecError


def check_values(model: object, device: object) -> None:
    """Refuse the device that holds no values, of a network or asked for.

    Raises:
        SpecError: names it, and the first such parameter.
    """
    if str(device) == "meta":
        raise SpecError("device", "meta", "one that holds numbers, for instance cpu")
    named = model.named_parameters() if isinstance(model, nn.Module) else ()
    for name, parameter in named:
        if parameter.is_meta:
            accepted = "one that holds numbers: model.to_empty(device='cpu'), then load its state"
            raise SpecError(f"the device of {name}", "meta", accepted)


def check_initialized(model: nn.Module) -> None:
    """Refuse a network whose shapes are not known yet.

    Raises:
        SpecError: a lazy layer that was never called.
    """
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if is_lazy(tensor):
            accepted = "initialized: call it once on a batch, so that lazy layers have their shapes"
            raise SpecError("model", f"{name} without a shape", accepted)


@contextlib.contextmanager
def registering_nothing(module: nn.Module, field: str) -> Iterator[None]:
    """Within it a copy of a network is called for the first time.

    Raises:
        SpecError: that made trainable parameters, which no plane would move; names one.
    """
    known = set(map(id, module.parameters()))
    yield
    for name, parameter in module.named_parameters():
        if parameter.requires_grad and id(parameter) not in known:
            accepted = (
                "such that the network has all of its trainable parameters before: make them in"
                " __init__, or by one call on a batch; weight_norm and the like once, beforehand"
            )
            raise SpecError(field, f"one that makes the parameter {name}", accepted)
