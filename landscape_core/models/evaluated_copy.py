"""The private copy of a network, a loss and an adapter that is evaluated at points."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase

from landscape_core.foundation.types import Vector
from landscape_core.models.module_mode import changes_with_mode, sets_parameters
from landscape_core.models.module_state import ModuleState
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.plain_networks import is_plain

Measured = Callable[[Tensor, Tensor], Tensor]
"""A measure of the user's own, of (outputs, targets)."""


Turns = Literal["apart", "restored", "still"]
"""Whether evaluations stand alone, or follow each other, and all is put back between or nothing."""


class EvaluatedCopy:
    """Copies whose trainable parameters are views of one vector.

    `module`, `loss_function` and `adapter` are the copies, `parameters` those that move in the
    order of the vector, `normalizers` the layers of batch normalization, `turns` how evaluations
    follow each other; `switches` says that `eval()` changes more than the mode, `is_plain` that
    nothing but torch's own layers and a known loss is called, which change nothing, `reads_network`
    that one of `measures`, the user's own functions of (outputs, targets), refers to the network.
    """

    def __init__(
        self, objective: ModelObjective, flat: Vector, measures: Sequence[Measured] = ()
    ) -> None:
        """Copy what an objective was given; its parameters lie in `flat` (P,) from now on."""
        self._objective = objective
        copies = objective.copies(*measures)
        self.module, self.loss_function, self.adapter, *self.measures = copies
        pairs = zip(self.measures, measures, strict=True)
        self.reads_network = any(own is not given for own, given in pairs)
        self.switches = changes_with_mode(self.module)
        named = dict(self.module.named_parameters())
        self.parameters: Sequence[Tensor] = [named[b.name] for b in objective.layout.blocks]
        self._views = list(objective.layout.split(flat).values())
        self._point()
        self._buffers = dict(self.module.named_buffers())
        for name, buffer in self._buffers.items():
            buffer.copy_(objective.buffers[name])
        self.normalizers = [one for one in self.module.modules() if isinstance(one, _NormBase)]
        called = self.module, self.loss_function, self.adapter
        self.turns: Turns = "apart"
        self._clean = False
        self.is_plain = not (measures or self.normalizers) and is_plain(*called)
        if not self.switches:
            self._set_mode()
        self.keep()

    def keep(self) -> None:
        """Let every evaluation from now on begin with module and loss as they are now."""
        things = self.module, self.loss_function, self.adapter
        like = self._objective.module
        self._state = None if self.is_plain else ModuleState(*things, like=like)
        self._clean = False

    def hold(self, buffers: Mapping[str, Tensor]) -> None:
        """Let every evaluation from now on begin with these buffers."""
        for name, buffer in self._buffers.items():
            buffer.copy_(buffers[name])
        self.keep()

    def begin(self, moved: Mapping[str, Tensor]) -> None:
        """Put back what evaluations may have changed, but for these buffers, which have values."""
        if self._state is not None and self.turns == "apart":
            self._clean = False
            self._state.begin()
        elif self._state is not None and self.turns == "restored":
            self._state.restore()
        for name, value in moved.items():
            self._buffers[name].copy_(value)
        if self.switches or sets_parameters(self.module):
            self._point()
        if self.switches:
            self._set_mode()

    def end(self) -> None:
        """Leave what others refer to, too, as it was."""
        if self._state is not None and self.turns == "apart":
            self._state.end(clean=self._clean)
        for parameter in self.parameters:
            parameter.grad = None

    @contextlib.contextmanager
    def in_turn(self, *, still: bool) -> Iterator[None]:
        """Within it evaluations follow each other, between which no other code runs.

        Args:
            still: nothing is put back between them, as they are known to change nothing.
        """
        if self._state is not None:
            self._state.begin(clean=self._clean)
        self._clean = False
        self.turns = "still" if still else "restored"
        try:
            yield
        finally:
            self.turns = "apart"
            self.end()

    def touched(self) -> bool:
        """Whether evaluations have changed something, large tensors as far as torch counts it."""
        found = self._state is not None and self._state.touched()
        self._clean = not found  # until the next evaluation
        return found

    def changed(self) -> bool:
        """Whether an evaluation has changed something since it began."""
        return self._state is not None and self._state.changed()

    def drawn(self) -> bool:
        """Whether an evaluation has drawn from a generator of the user's since it began."""
        return self._state is not None and self._state.drawn()

    @property
    def may_remember(self) -> bool:
        """Whether there is code of the user's that may remember earlier calls."""
        return self._state is not None and self._state.may_remember

    def _point(self) -> None:
        """Let the parameters be views of the vector."""
        for parameter, view in zip(self.parameters, self._views, strict=True):
            parameter.data = view
            parameter.grad = None

    def _set_mode(self) -> None:
        with torch.no_grad():
            self.module.eval()
        for part in self.normalizers:
            part.training = self._objective.batch_norm == "batch"
