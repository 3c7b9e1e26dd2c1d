"""Pairs of questions that differ in one thing alone, which a store must not take for each other."""

import copy
import types
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from dice import Dice


@dataclass(frozen=True)
class Question:
    """What is asked: module, loss, data, and options of the call."""

    module: nn.Module
    loss: Any
    data: tuple[torch.Tensor, torch.Tensor]
    options: dict[str, Any] = field(default_factory=dict)


def twins():
    """By what the two differ in, the two questions, each new."""
    return {name: make() for name, make in MAKERS.items()}


def plain(**changes):
    """A small network with batch normalization, a loss of its own and ten examples."""
    dice = Dice(3)
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3)).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.6 * dice.normal(*parameter.shape))
    data = dice.normal(10, 3), dice.normal(10, 3)
    return replace(Question(module, functional.mse_loss, data), **changes)


def of_module(change):
    """The plain question, and the same with its module changed."""
    one = plain()
    other = copy.deepcopy(one.module)
    return one, replace(one, module=change(other) or other)


def in_closure():
    def scaled(factor):
        return lambda outputs, targets: factor * functional.mse_loss(outputs, targets)

    return plain(loss=scaled(1.0)), plain(loss=scaled(2.0))


def in_closure_of_closure():
    def scaled(factor):
        def inner(values):
            return factor * values

        return lambda outputs, targets: inner(functional.mse_loss(outputs, targets))

    return plain(loss=scaled(1.0)), plain(loss=scaled(2.0))


def in_defaults():
    def one(outputs, targets, factor=1.0):
        return factor * functional.mse_loss(outputs, targets)

    other = types.FunctionType(one.__code__, one.__globals__, one.__name__, (2.0,), None)
    return plain(loss=one), plain(loss=other)


def in_keyword_defaults():
    def one(outputs, targets, *, factor=1.0):
        return factor * functional.mse_loss(outputs, targets)

    other = types.FunctionType(one.__code__, one.__globals__, one.__name__)
    other.__kwdefaults__ = {"factor": 2.0}
    return plain(loss=one), plain(loss=other)


def in_constant():
    return (
        plain(loss=lambda outputs, targets: 1.0 * functional.mse_loss(outputs, targets)),
        plain(loss=lambda outputs, targets: 2.0 * functional.mse_loss(outputs, targets)),
    )


def class_with(factor):
    """A class of one name whose body differs."""

    class Own(nn.Module):
        def forward(self, outputs, targets):
            return self.factor * functional.mse_loss(outputs, targets)

    Own.factor = factor
    return Own()


def in_class_body():
    return plain(loss=class_with(1.0)), plain(loss=class_with(2.0))


class Holding(nn.Module):
    """A loss that holds a number and a tensor."""

    def __init__(self, number=1.0, tensor=1.0):
        super().__init__()
        self.number = number
        self.register_buffer("tensor", torch.tensor(tensor, dtype=torch.float64))
        self.parts = [number]

    def forward(self, outputs, targets):
        return self.number * self.tensor * self.parts[0] * functional.mse_loss(outputs, targets)


def in_attribute():
    return plain(loss=Holding()), plain(loss=Holding(number=2.0))


def in_buffer_of_loss():
    return plain(loss=Holding()), plain(loss=Holding(tensor=2.0))


def in_list():
    other = Holding()
    other.parts = [3.0]
    return plain(loss=Holding()), plain(loss=other)


def in_global():
    space = {"functional": functional, "FACTOR": 1.0}
    source = (
        "def loss(outputs, targets):\n    return FACTOR * functional.mse_loss(outputs, targets)"
    )
    losses = []
    for factor in (1.0, 2.0):
        own = {**space, "FACTOR": factor, "__name__": "own"}
        exec(source, own)
        losses.append(own["loss"])
    return plain(loss=losses[0]), plain(loss=losses[1])


def in_statistics():
    def change(module):
        module[1].running_mean += 0.5

    return of_module(change)


def in_hook():
    def change(module):
        module[2].register_forward_hook(_halved)

    return of_module(change)


def _halved(module, given, found):
    return found / 2


def in_forward_of_instance():
    def change(module):
        module[2].forward = types.MethodType(_doubled, module[2])

    return of_module(change)


def _doubled(module, values):
    return (2 * values).tanh()


def in_layer_option():
    def change(module):
        module[1].eps = 0.5

    return of_module(change)


def in_layer_kind():
    def change(module):
        module[2] = nn.Sigmoid()

    return of_module(change)


def in_subclass():
    class Tanh(nn.Tanh):
        def forward(self, values):
            return super().forward(values) * 2

    Tanh.__qualname__ = nn.Tanh.__qualname__

    def change(module):
        module[2] = Tanh()

    return of_module(change)


def in_frozen_value():
    one, other = plain(), plain()
    for question, shift in ((one, 0.0), (other, 0.3)):
        question.module[3].bias.requires_grad_(requires_grad=False)
        question.module[3].bias += shift
    return one, other


def in_mode_of_statistics():
    return plain(), plain(options={"batch_norm": "batch"})


def in_estimated_statistics():
    return plain(options={"batch_norm": "batch"}), plain(options={"batch_norm": "reestimated"})


def in_type():
    return plain(), plain(options={"dtype": torch.float32})


def in_data(part):
    def make():
        one, other = plain(), plain()
        return one, replace(
            other, data=tuple(d + 0.1 * (i == part) for i, d in enumerate(other.data))
        )

    return make


def in_order():
    one = plain(loss=_first_counts)
    inputs, targets = one.data
    return one, replace(one, data=(inputs.flip(0), targets.flip(0)))


def _first_counts(outputs, targets):
    return (outputs - targets).square().mean(1)[0]


def in_adapter():
    return plain(options={"adapter": _same}), plain(options={"adapter": _negative})


def _same(found):
    return found


def _negative(found):
    return -found


def in_option_of_torch():
    return (
        plain(loss=nn.CrossEntropyLoss(), data=_classes()),
        plain(loss=nn.CrossEntropyLoss(label_smoothing=0.3), data=_classes()),
    )


def _classes():
    return plain().data[0], Dice(4).classes(3, 10)


MAKERS = {
    "a number in a closure": in_closure,
    "a number in a closure's closure": in_closure_of_closure,
    "a default argument": in_defaults,
    "a keyword's default": in_keyword_defaults,
    "a constant in code": in_constant,
    "the body of a class": in_class_body,
    "an attribute of the loss": in_attribute,
    "a buffer of the loss": in_buffer_of_loss,
    "an entry of a list": in_list,
    "a global name": in_global,
    "running statistics": in_statistics,
    "a hook": in_hook,
    "the forward of an instance": in_forward_of_instance,
    "an option of a layer": in_layer_option,
    "the kind of a layer": in_layer_kind,
    "a subclass of the same name": in_subclass,
    "a frozen value": in_frozen_value,
    "the statistics asked for": in_mode_of_statistics,
    "how statistics are estimated": in_estimated_statistics,
    "the floating type": in_type,
    "the inputs": in_data(0),
    "the targets": in_data(1),
    "the order of examples": in_order,
    "the adapter": in_adapter,
    "an option of torch's loss": in_option_of_torch,
}
"""By what the two of a pair differ in, what makes them."""
