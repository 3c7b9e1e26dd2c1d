"""What the values inside a network take, found by trying it on a few examples."""

from typing import Any

import torch

from landscape_core.models.few_examples import on_few
from landscape_core.models.generators import kept_generators
from landscape_core.models.gradient_mode import without_gradients
from landscape_core.models.network_objective import ModelObjective


def bytes_per_example(objective: ModelObjective, *, gradient: bool = False) -> int:
    """What the values inside the network take for one example: the widest, or all for a gradient.

    Measured on the first examples, as the outputs of all innermost modules; on all, where the
    network cannot do with fewer.
    """
    return on_few(objective, lambda few: _bytes(few, gradient=gradient))


def _bytes(objective: ModelObjective, *, gradient: bool) -> int:
    """The same, measured on all examples."""
    sizes: list[int] = []

    def note(_: Any, inputs: Any, found: Any) -> None:
        tensors = [one for one in (*inputs, found) if torch.is_tensor(one)]
        sizes.append(sum(one.numel() * one.element_size() for one in tensors))

    few = objective.alone()
    _ = few.functional  # found out before there are hooks
    few = few.apart()
    leaves = [one for one in few.module.modules() if not list(one.children())]
    for leaf in leaves:
        if not isinstance(leaf, torch.jit.ScriptModule):  # which takes no hooks
            leaf.register_forward_hook(note)
    with kept_generators(few.start.device):
        without_gradients(lambda: few.outputs(few.start))
    inputs = objective.inputs[0].numel() * objective.inputs.element_size()
    # Two values at a time live in any chain; a skip keeps a third.
    most = sum(sizes) if gradient else 2 * max(sizes, default=0)
    return most // few.examples + inputs
