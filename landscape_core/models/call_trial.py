"""How a network can be called, found out by trying: with other tensors in the place of its own.

It cannot where something beside the network refers to its parameters, or where the backward pass
calls it once more.
"""

from collections.abc import Callable
from functools import partial

import torch

from landscape_core.foundation.precision import full_precision
from landscape_core.foundation.types import Vector
from landscape_core.models.generators import drawn_since, kept_generators, states
from landscape_core.models.module_state import ModuleState
from landscape_core.models.network_evaluation import NetworkEvaluation, gradients
from landscape_core.models.notices import unheard
from landscape_core.models.trace import traced
from landscape_core.models.trial_points import away

FEW, PLACES = 2, 2
"""Examples on which it is tried, and points, none of which is the network's own."""


class Calls:
    """Whether a network can be called with other tensors in the place of its own.

    Known of the networks here; tried once with those of others.
    """

    def __init__(self, *, known: bool | None = True) -> None:
        """As it is known; None: it is to be tried."""
        self._known = known

    def functional(self, start: Vector, few: Callable[[], NetworkEvaluation]) -> bool:
        """Whether that gives the same values and gradients as values in its own parameters.

        Args:
            start: the network's own parameters, (P,).
            few: makes the evaluation, of `FEW` examples, on which it is tried.
        """
        if self._known is None:
            self._known = True  # while it is tried
            try:
                device = start.device
                with unheard(), kept_generators(device), full_precision(device):
                    tried, before = few(), states(device)
                    self._known = all(_alike(tried, theta) for theta in away(start, PLACES))
                    self._known &= not drawn_since(before, device)
            except Exception:  # of what users write; in place is the safe way, and will tell
                self._known = False
        return self._known


def _alike(few: NetworkEvaluation, theta: Vector) -> bool:
    """Whether values and gradients are the same in both ways, and the network is as before."""
    found = []
    for functional in (True, False):
        own = few.apart()
        state = ModuleState(own.network.module, own.loss_function, own.adapter)
        tensors = {n: t.detach().requires_grad_() for n, t in few.layout.split(theta).items()}
        buffers = {name: value.clone() for name, value in own.prepared(theta).items()}
        given = few.inputs.clone(), few.targets.clone()
        with torch.enable_grad():
            call = own.outputs_with if functional else own.outputs_in_place
            outputs, told = traced(partial(call, tensors, buffers, given[0]))
            if told:  # what it asks for may be held elsewhere than where others are put
                return False
            value = own.loss_function(outputs, given[1]).mean()
            gradient = gradients(value, tensors, alone=functional)
        written = (*tensors.values(), *buffers.values(), *given)
        if functional and (state.changed() or any(one._version for one in written)):
            return False
        found.append(torch.cat([value.detach().reshape(1), *[g.reshape(-1) for g in gradient]]))
    near = float(torch.finfo(theta.dtype).eps ** 0.5)
    scale = float(found[1].abs().nan_to_num().max())
    return torch.allclose(found[0], found[1], rtol=near, atol=near * scale, equal_nan=True)
