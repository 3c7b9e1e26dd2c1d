"""What the values inside a network take, found by trying it on a few examples."""

from typing import Any

import torch
from torch import Tensor

from landscape_core.foundation.precision import full_precision
from landscape_core.models.few_examples import on_few
from landscape_core.models.generators import kept_generators
from landscape_core.models.gradient_mode import without_gradients
from landscape_core.models.network_objective import ModelObjective


def bytes_per_example(objective: ModelObjective, *, gradient: bool = False) -> int:
    """What the values inside the network take for one example: the widest, or all for a gradient.

    Measured once on the first examples, as the outputs of all innermost modules; on all, where the
    network cannot do with fewer.
    """
    return on_few(objective, lambda few: _bytes(few, gradient=gradient))


def _bytes(objective: ModelObjective, *, gradient: bool) -> int:
    """The same, measured on all examples."""
    one = objective.inputs
    kind = one.shape, one.dtype, objective.start.dtype, one.device
    every, widest = objective.calls.sizes(kind, lambda: _sizes(objective))
    # Two values at a time live in any chain; a skip keeps a third.
    most = every if gradient else 2 * widest
    return most // objective.examples + one[0].numel() * one.element_size()


def _sizes(objective: ModelObjective) -> tuple[int, int]:
    """The bytes of what all innermost modules are given and give, and the most of one of them."""
    sizes: list[int] = []

    def note(_: Any, inputs: Any, found: Any) -> None:
        tensors = [one for one in (*inputs, found) if torch.is_tensor(one)]
        sizes.append(sum(one.numel() * one.element_size() for one in tensors))

    own = objective.alone().evaluation.apart()
    leaves = [one for one in own.network.module.modules() if not list(one.children())]
    for leaf in leaves:
        if not isinstance(leaf, torch.jit.ScriptModule):  # which takes no hooks
            leaf.register_forward_hook(note)

    def outputs() -> Tensor:
        sizes.clear()
        return own.outputs_by_itself(objective.start)

    with kept_generators(objective.start.device), full_precision(objective.start.device):
        without_gradients(outputs)
    return sum(sizes), max(sizes, default=0)
