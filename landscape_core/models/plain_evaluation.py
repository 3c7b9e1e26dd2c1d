"""The plain evaluation: what a network and its loss give at a point, as their author wrote them.

All faster ways of computing are guesses about the user's code, and this is what they are compared
with. It writes the point's values in place into the parameters of a private copy, so that whoever
refers to these parameters sees them; it calls the user's own module on the given data, and the
user's own loss on all outputs at once. Every evaluation begins as the first did: buffers,
attributes and generators of random numbers are put back, the global ones are set from a seed.
"""

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.precision import full_precision
from landscape_core.foundation.second_order import twice_differentiable
from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.adapter import tensor_in
from landscape_core.models.batch_norm import reestimate
from landscape_core.models.block_size import all_at_once, block_of
from landscape_core.models.data_parts import parts_of
from landscape_core.models.generators import PYTHON, drawing, states
from landscape_core.models.loss_function import Weighted
from landscape_core.models.module_state import ModuleState
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.notices import retell, unheard
from landscape_core.models.trace import Trace, traced

T = TypeVar("T")

REPEATED = 16
"""How many times it is looked whether numbers drawn from Python's generator make a difference."""

IN_BLOCKS = (
    "The network branches on data values and was evaluated in {} blocks of examples. If a branch"
    " depends on the whole data set, its outputs may differ from evaluating everything at once."
)


class PlainEvaluation:
    """One network and loss at one point after another.

    `module` is the private copy, `flat` (P,) the vector that its parameters are views of, `blocks`
    the inputs in blocks of examples that are evaluated together, `block` the number of the one
    under way.
    """

    def __init__(
        self, objective: ModelObjective, block: int = 0, *, seed: int = 0, tf32: bool = False
    ) -> None:
        """Copy network and loss.

        Args:
            objective: the network, its data, and which statistics batch normalization uses.
            block: examples evaluated together; 0: as many as memory allows. Networks that couple
                their examples, or draw random numbers, see all at once.
            seed: of the numbers drawn, if any are.
            tf32: let a graphics card round products to 10 bits of mantissa.
        """
        self.objective, self.seed, self.tf32 = objective, seed, tf32
        self.module, self.loss_function, self.adapter = objective.copies()
        self.module.eval()
        self.flat = torch.empty_like(objective.start)
        self._parameters = dict(self.module.named_parameters())
        self._moved = [self._parameters[block.name] for block in objective.layout.blocks]
        views = objective.layout.split(self.flat).values()
        for parameter, view in zip(self._moved, views, strict=True):
            parameter.data = view
            parameter.grad = None
        for name, buffer in self.module.named_buffers():
            buffer.copy_(objective.buffers[name])
        self.moved: Mapping[str, Tensor] = {}
        self._buffers = dict(self.module.named_buffers())
        self._normalizers = [one for one in self.module.modules() if isinstance(one, _NormBase)]
        for part in self._normalizers:
            part.training = objective.batch_norm == "batch"
        self._reestimates = objective.batch_norm == "reestimated" and bool(self._normalizers)
        self.keep()
        self._trace: Trace | None = None
        self._parts: Sequence[tuple[ModelObjective, float]] | None = None
        self._lent: list[Tensor] = []
        self._noisy = False
        self._size = block
        self.blocks = objective.inputs.split(block_of(objective, block))
        self.block = 0

    def keep(self) -> None:
        """Let every evaluation from now on begin with the module and the loss as they are now."""
        self._state = ModuleState(self.module, self.loss_function, self.adapter)

    def values(self, theta: Vector, read: Callable[[Tensor], T], *, draw: int = 0) -> T:
        """What a function makes of the outputs (N, ...) at theta, by the numbers of one draw."""
        with self._standing(theta, draw), torch.no_grad():
            return read(self.forward())

    def outputs(self, theta: Vector) -> Tensor:
        """The outputs on all examples, (N, ...)."""
        return self.values(theta, lambda outputs: outputs)

    def loss(self, theta: Vector, *, draw: int = 0) -> Scalar:
        """The loss on all examples, detached."""
        return self.values(theta, self.loss_of, draw=draw)

    def loss_of(self, outputs: Tensor) -> Scalar:
        """The user's own loss of the outputs; the mean, where it has several values."""
        loss = self.loss_function(outputs, self._fresh(self.objective.targets))
        return loss.mean() if loss.ndim else loss

    def gradient(self, theta: Vector, *, draw: int = 0) -> Vector:
        """The gradient of the loss, (P,), by `backward` on the parameters, detached."""
        with self._standing(theta, draw), torch.enable_grad():
            parts = self._gradient_parts()
            if len(parts) == 1:
                self.loss_of(self.forward()).backward()
            else:
                self._sum_over(parts)
            return self._joined([parameter.grad for parameter in self._moved])

    def hvp(self, theta: Vector, direction: Vector, *, draw: int = 0) -> Vector:
        """The Hessian of the loss times a direction, (P,), by differentiating twice, detached."""
        with self._standing(theta, draw), torch.enable_grad(), twice_differentiable():
            loss = self.loss_of(self.forward())
            first = torch.autograd.grad(loss, self._moved, create_graph=True, allow_unused=True)
            pieces = zip(first, self.objective.layout.split(direction).values(), strict=True)
            along = [(one * v).sum() for one, v in pieces if one is not None and one.requires_grad]
            if not along:  # a linear loss
                return torch.zeros_like(self.flat)
            second = torch.autograd.grad(torch.stack(along).sum(), self._moved, allow_unused=True)
            return self._joined(list(second))

    @contextlib.contextmanager
    def graph(self, theta: Vector, *, draw: int = 0) -> Iterator[tuple[Tensor, Sequence[Tensor]]]:
        """Within it: the outputs (N, ...) at theta, and the parameters to differentiate them by."""
        with self._standing(theta, draw), torch.enable_grad(), twice_differentiable():
            yield self.forward(), self._moved

    def forward(self) -> Tensor:
        """The outputs on all examples at the point that `flat` holds, as things stand."""
        self._reestimate()
        if len(self.blocks) == 1:
            return self._adapted(self.module(self._fresh(self.blocks[0])))
        found = []
        for number, inputs in enumerate(self.blocks):
            self.block = number
            found.append(self._adapted(self.module(self._fresh(inputs))))
        self.block = 0
        return torch.cat(found)

    def _reestimate(self) -> None:
        """Estimate running statistics anew at this point, if so asked."""
        if self._reestimates:
            buffers = [dict(part.named_buffers(recurse=False)) for part in self._normalizers]
            given = self.objective.reference
            reestimate(self._normalizers, buffers, lambda x: self.module(self._fresh(x)), given)

    def _gradient_parts(self) -> Sequence[tuple[ModelObjective, float]]:
        """Parts of the data whose graphs are held one at a time, and their weights in the loss."""
        told = self._trace is None or self._trace.found
        if told or isinstance(self.objective.given_loss, Weighted):
            return [(self.objective, 1.0)]
        if self._parts is None:
            size = block_of(self.objective, self._size, gradient=True)
            self._parts = parts_of(self.objective, size)
        return self._parts

    def _sum_over(self, parts: Sequence[tuple[ModelObjective, float]]) -> None:
        """Add up the gradients of parts of the data, each by its weight."""
        self._reestimate()
        for part, weight in parts:
            outputs = self._adapted(self.module(self._fresh(part.inputs)))
            loss = self.loss_function(outputs, self._fresh(part.targets)).mean()
            (loss * weight).backward()

    @property
    def draws(self) -> bool:
        """Whether random numbers are drawn, as far as was seen by now."""
        return self._trace is not None and self._trace.draws

    def trace(self, theta: Vector) -> Trace:
        """What an evaluation does beside arithmetic of a fixed structure, found out once, at theta.

        Every other evaluation comes after it, and treats what draws or writes to its data as such.
        """
        if self._trace is None:
            outputs, loss, found, drawn = self._observed(theta, 0)
            if drawn == {PYTHON} and "beartype" in sys.modules:
                # Its decorators draw as well, which of a list's items they look at.
                others = (self._observed(theta, draw) for draw in range(1, REPEATED))
                same = all(_same(outputs, one[0]) and _same(loss, one[1]) for one in others)
                drawn = set() if same else drawn
            spoils = any(one._version for one in self._lent)
            found += ("draws random numbers",) * bool(drawn) + ("writes to its data",) * spoils
            self._trace, self._lent = Trace(found, bool(drawn), spoils), []
            if found and len(self.blocks) > 1:
                self._join_blocks()
        return self._trace

    def _join_blocks(self) -> None:
        """Evaluate all examples at once, as values that a network asks for may be those of all."""
        try:
            self.blocks = self.objective.inputs.split(all_at_once(self.objective))
        except SpecError as error:
            warnings.warn(f"{IN_BLOCKS.format(len(self.blocks))} {error}", stacklevel=4)

    def _observed(
        self, theta: Vector, draw: int
    ) -> tuple[Tensor, Scalar, tuple[str, ...], set[str]]:
        """Outputs and loss at theta, what else was done, and which generators were drawn from."""
        with self._at(theta), drawing(self.flat.device, self.seed, draw), torch.no_grad():
            before = states(self.flat.device)
            with warnings.catch_warnings(record=True) as heard:
                warnings.simplefilter("always")
                outputs, found = traced(self.forward)
                loss = self.loss_of(outputs)
            if heard and not self._noisy:
                self._noisy = True
                retell(heard)
            if self._state.changed():
                found += ("changes what it holds",)
            after = states(self.flat.device)
            drawn = {name for name in before if before[name] != after[name]}
            if self._state.drawn():
                drawn.add("its own")
        return outputs, loss, found, drawn

    def _standing(self, theta: Vector, draw: int) -> contextlib.AbstractContextManager[None]:
        """At theta, with all else as at every other point."""
        if self.trace(theta).draws or self._noisy:
            return self._drawing_unheard(theta, draw)
        return self._at(theta, self.moved)

    @contextlib.contextmanager
    def _drawing_unheard(self, theta: Vector, draw: int) -> Iterator[None]:
        """At theta, where random numbers are drawn or warnings have been told."""
        numbers = drawing(self.flat.device, self.seed, draw) if self.draws else nullcontext()
        with self._at(theta, self.moved), numbers, unheard() if self._noisy else nullcontext():
            yield

    @contextlib.contextmanager
    def _at(self, theta: Vector, moved: Mapping[str, Tensor] | None = None) -> Iterator[None]:
        """At theta, in full precision, with the network, the loss and their generators as given.

        `moved` are buffers that change from point to point.
        """
        with full_precision(self.flat.device, tf32=self.tf32):
            with torch.no_grad():
                self.flat.copy_(theta)
                self._state.restore()
                for name, value in (moved or {}).items():
                    self._buffers[name].copy_(value)
            try:
                yield
            finally:
                self._state.rewind()
                for parameter in self._moved:
                    parameter.grad = None

    def _fresh(self, given: Tensor) -> Tensor:
        """The tensor, or a copy of it where somebody may write to it."""
        if self._trace is not None and not self._trace.spoils:
            return given
        copied = given.clone()
        if self._trace is None:
            self._lent.append(copied)
        return copied

    def _adapted(self, found: object) -> Tensor:
        return tensor_in(self.adapter(found) if self.adapter else found)

    def _joined(self, pieces: Sequence[Tensor | None]) -> Vector:
        """The tensors of the parameters end to end, (P,), detached; zeros where there is none."""
        pairs = zip(pieces, self._moved, strict=True)
        found = [torch.zeros_like(p) if piece is None else piece for piece, p in pairs]
        return torch.cat([one.detach().reshape(-1) for one in found])


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are the same to the bit, but for NaN."""
    if one.is_meta:  # which holds nothing
        return True
    pairs = one.double().numpy(force=True), other.double().numpy(force=True)
    return np.array_equal(*pairs, equal_nan=True)
