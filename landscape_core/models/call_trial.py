"""How a network can be called, found out by trying: with other tensors in the place of its own.

It cannot where something other than the network refers to its parameters, or where the backward
pass calls it once more.
"""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from landscape_core.foundation.precision import full_precision
from landscape_core.foundation.types import Vector
from landscape_core.models.generators import drawn_since, kept_generators, states
from landscape_core.models.loss_function import loss_values
from landscape_core.models.module_mode import changes_with_mode
from landscape_core.models.module_state import ModuleState, as_given
from landscape_core.models.network_evaluation import NetworkEvaluation, gradients
from landscape_core.models.notices import unheard
from landscape_core.models.originals import check_reads
from landscape_core.models.trace import Watch, traced
from landscape_core.models.trial_points import away

FEW, PLACES = 2, 2
"""Examples on which it is tried, and points, none of which is the network's own."""


Memory = Literal["none", "of its copy", "of all"]
"""What is remembered of earlier calls: nothing, what a fresh copy does not know, or this too."""


class Calls:
    """Whether a network can be called with other tensors in the place of its own.

    Known of the networks here; tried once with those of others.
    """

    def __init__(self, *, known: bool | None = True) -> None:
        """As it is known; None: it is to be tried."""
        self._known = known
        self._memory: Memory | None = "none" if known else None
        self._sizes: dict[Hashable, tuple[int, int]] = {}

    def sizes(self, kind: Hashable, measured: Callable[[], tuple[int, int]]) -> tuple[int, int]:
        """What the values inside the network take on inputs of a kind, measured once.

        Args:
            kind: of the inputs, with the number of examples.
            measured: finds it out.
        """
        if kind not in self._sizes:
            self._sizes[kind] = measured()
        return self._sizes[kind]

    @property
    def known(self) -> bool | None:
        """Whether it can, or None where that has not been tried."""
        return self._known

    def memory(self, tried: Callable[[], Memory]) -> Memory:
        """What network and loss remember of earlier calls, tried once.

        Args:
            tried: finds it out.
        """
        if self._memory is None:
            self._memory = tried()
        return self._memory

    def functional(
        self,
        start: Vector,
        few: Callable[[], NetworkEvaluation],
        every: Callable[[], NetworkEvaluation],
    ) -> bool:
        """Whether that gives the same values and gradients as values in its own parameters.

        Args:
            start: the network's own parameters, (P,).
            few: makes the evaluation, of `FEW` examples, on which it is tried.
            every: makes that of all examples, for networks that cannot do with fewer.

        Raises:
            SpecError: it reads the network that this one was copied from.
        """
        if self._known is None and few().is_plain:
            self._known = True
        if self._known is None:
            if not _check_apart(few(), start):
                _check_apart(every(), start)
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


def _check_apart(few: NetworkEvaluation, theta: Vector) -> bool:
    """Refuse a network or loss that reads an original, before any gradient may reach that.

    False where it raises an error, and nothing is known.

    Raises:
        SpecError: names what is read.
    """
    own = few.apart()
    watch = Watch(few.watched())

    buffers = {name: value.clone() for name, value in few.buffers.items()}

    def evaluated() -> None:
        outputs = own.outputs_in_place(few.layout.split(theta), buffers, few.inputs.clone())
        own.loss_function(outputs, few.targets.clone())

    device = theta.device
    given = as_given(own.network.module, own.loss_function, own.adapter)
    with unheard(), kept_generators(device), full_precision(device), torch.no_grad(), given:
        try:
            traced(evaluated, watch)
        except Exception:  # of what users write; the evaluation will tell
            return False
        finally:
            check_reads(watch.read)
    return True


def _alike(few: NetworkEvaluation, theta: Vector) -> bool:
    """Whether values and gradients are the same in both ways, and the network is as before."""
    if changes_with_mode(few.network.module):
        return False
    found = [_response(few, theta, functional=functional) for functional in (True, False)]
    if found[0] is None or found[1] is None:
        return False
    near = float(torch.finfo(theta.dtype).eps ** 0.5)
    scale = float(found[1].abs().nan_to_num().max())
    return torch.allclose(found[0], found[1], rtol=near, atol=near * scale, equal_nan=True)


def _response(few: NetworkEvaluation, theta: Vector, *, functional: bool) -> Tensor | None:
    """Loss and gradient at theta, end to end, by a copy; None where it is not the same each time.

    Afterwards all that the copy shares with the original is as it was.
    """
    own = few.apart()
    state = ModuleState(own.network.module, own.loss_function, own.adapter)
    tensors = {n: t.detach().requires_grad_() for n, t in few.layout.split(theta).items()}
    buffers = {name: value.clone() for name, value in own.prepared(theta).items()}
    given = few.inputs.detach().clone(), few.targets.detach().clone()
    try:
        with torch.enable_grad():
            call = own.outputs_with if functional else own.outputs_in_place
            outputs, told = traced(partial(call, tensors, buffers, given[0]))
            if told:  # what it asks for may be held elsewhere than where others are put
                return None
            value = loss_values(own.loss_function, outputs, given[1]).mean()
            gradient = gradients(value, tensors, alone=functional)
        written = any(one._version for one in (*tensors.values(), *buffers.values(), *given))
        written |= any(one.requires_grad for one in given)
        if functional and (written or state.changed()):
            return None
        return torch.cat([value.detach().reshape(1), *[g.reshape(-1) for g in gradient]])
    finally:
        state.restore()
