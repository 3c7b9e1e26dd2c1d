"""The plain evaluation: what a network and its loss give at a point, as their author wrote them.

All faster ways of computing are guesses about the user's code, and this is what they are compared
with. It writes the point's values in place into the parameters of a private copy, so that all code
that refers to these parameters sees them; it calls the user's own module on the given data, and the
user's own loss on all outputs at once. Every evaluation begins as the first did: buffers,
attributes and generators of random numbers are put back, the global ones are set from a seed.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.second_order import check_twice, differentiable, twice_differentiable
from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.adapter import outputs_in
from landscape_core.models.batch_norm import reestimate
from landscape_core.models.block_size import all_at_once, block_of
from landscape_core.models.copy_at_point import CopyAtPoint
from landscape_core.models.data_parts import parts_of
from landscape_core.models.evaluated_copy import Measured
from landscape_core.models.generators import drawing
from landscape_core.models.loss_function import Weighted, loss_values, with_gradient
from landscape_core.models.memory_trial import FEW
from landscape_core.models.network_evaluation import dense
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.network_trace import trace_of
from landscape_core.models.notices import unheard
from landscape_core.models.trace import Trace

T = TypeVar("T")

IN_BLOCKS = (
    "The network branches on data values and was evaluated in {} blocks of examples. If a branch"
    " depends on the whole data set, its outputs may differ from evaluating everything at once."
)


class PlainEvaluation:
    """One network and loss at one point after another.

    `module` is the private copy, `flat` (P,) the vector that its parameters are views of, `blocks`
    the inputs in blocks of examples that are evaluated together, `block` the number of the one
    under way; `reads_network` says that a measure leads to the network, `changes_later` that some
    evaluation has changed what the first did not.
    """

    def __init__(
        self,
        objective: ModelObjective,
        block: int = 0,
        *,
        seed: int = 0,
        tf32: bool = False,
        measures: Sequence[Measured] = (),
        known: Trace | None = None,
    ) -> None:
        """Copy network and loss.

        Args:
            objective: the network, its data, and which statistics batch normalization uses.
            block: examples evaluated together; 0: as many as memory allows. Networks that couple
                their examples, or draw random numbers, see all at once.
            seed: of the numbers drawn, if any are.
            tf32: let a graphics card round products to 10 bits of mantissa.
            measures: the user's own, of (outputs, targets), which may refer to the network.
            known: the trace of another evaluation of the same, which issued no warnings.
        """
        self.objective, self.seed, self.tf32 = objective, seed, tf32
        self.copy = CopyAtPoint(objective, seed=seed, tf32=tf32, measures=measures)
        self.flat = self.copy.flat
        self.moved: Mapping[str, Tensor] = {}
        self._trace = known if known is not None and known.fixed else None
        self.copy.spoils, self.changes_later = self._trace is None, False
        self._parts: Sequence[tuple[ModelObjective, float]] | None = None
        self._size = block
        self.blocks = objective.inputs.split(block_of(objective, block))
        self.block = 0

    @property
    def module(self) -> nn.Module:
        """The copy of the network that is evaluated."""
        return self.copy.own.module

    @property
    def measures(self) -> Sequence[Measured]:
        """The user's own measures, which refer to the copy where they refer to the network."""
        return self.copy.own.measures

    @property
    def reads_network(self) -> bool:
        """Whether a measure of the user's own leads to the network."""
        return self.copy.own.reads_network

    def over(self, objective: ModelObjective) -> None:
        """Evaluate other examples of the same network and loss from now on, in blocks as large."""
        size = max(len(block) for block in self.blocks)
        self.objective, self._parts, self.block = objective, None, 0
        self.blocks = objective.inputs.split(size)

    @property
    def still(self) -> bool:
        """Whether evaluations change nothing besides the parameters, as far as was seen by now."""
        return self.fixed and not (self.changes_later or self.copy.own.switches)

    def values(self, theta: Vector, read: Callable[[Tensor], T], *, draw: int = 0) -> T:
        """What a function makes of the outputs (N, ...) at theta, by the numbers of one draw."""
        if self.copy.own.turns == "still" and not self.copy.noisy:
            return self._next(theta, read)
        with self._standing(theta, draw), self.copy.recording():
            return read(self.forward().detach())

    def _next(self, theta: Vector, read: Callable[[Tensor], T]) -> T:
        """The same at the next point of a series, within which nothing is put back."""
        own = self.copy.own
        with self.copy.recording():
            self.flat.copy_(theta)
            own.begin({})
            try:
                return read(self.forward().detach())
            finally:
                own.end()

    def once(self, theta: Vector) -> Tensor:
        """Outputs and loss at theta, end to end, before anything is known of the network."""
        with (
            self.copy.at(theta, {}),
            drawing(self.flat.device, self.seed),
            unheard(),
            self.copy.recording(),
        ):
            outputs = self.forward()
            return torch.cat([outputs.reshape(-1), self.loss_of(outputs).reshape(1)]).detach()

    def outputs(self, theta: Vector) -> Tensor:
        """The outputs on all examples, (N, ...)."""
        return self.values(theta, lambda outputs: outputs)

    def loss(self, theta: Vector, *, draw: int = 0) -> Scalar:
        """The loss on all examples, detached."""
        return self.values(theta, self.loss_of, draw=draw).detach()

    def loss_of(self, outputs: Tensor) -> Scalar:
        """The user's own loss of the outputs; the mean, where it has several values."""
        targets = self.copy.fresh(self.objective.targets)
        loss = loss_values(self.copy.own.loss_function, outputs, targets)
        return loss.mean() if loss.ndim else loss

    def gradient(self, theta: Vector, *, draw: int = 0) -> Vector:
        """The gradient of the loss, (P,), by `backward` on the parameters, detached."""
        with self._standing(theta, draw), torch.enable_grad(), differentiable():
            parts = self._gradient_parts()
            if len(parts) == 1:
                with_gradient(self.loss_of(self.forward())).backward()
            else:
                self._sum_over(parts)
            return self._joined([parameter.grad for parameter in self.copy.parameters])

    def hvp(self, theta: Vector, direction: Vector, *, draw: int = 0) -> Vector:
        """The Hessian of the loss times a direction, (P,), by differentiating twice, detached."""
        with self._standing(theta, draw), torch.enable_grad(), twice_differentiable():
            loss = check_twice(self.loss_of(self.forward()))
            first = torch.autograd.grad(
                loss, self.copy.parameters, create_graph=True, allow_unused=True
            )
            pieces = zip(first, self.objective.layout.split(direction).values(), strict=True)
            along = [(one * v).sum() for one, v in pieces if one is not None and one.requires_grad]
            if not along:  # a linear loss
                return torch.zeros_like(self.flat)
            second = torch.autograd.grad(
                torch.stack(along).sum(), self.copy.parameters, allow_unused=True
            )
            return self._joined(list(second))

    @contextlib.contextmanager
    def graph(self, theta: Vector, *, draw: int = 0) -> Iterator[tuple[Tensor, Sequence[Tensor]]]:
        """Within it: the outputs (N, ...) at theta, and the parameters to differentiate them by."""
        with self._standing(theta, draw), torch.enable_grad(), twice_differentiable():
            yield self.forward(), self.copy.parameters

    def forward(self) -> Tensor:
        """The outputs on all examples at the point that `flat` holds, as things stand."""
        self._reestimate()
        if len(self.blocks) == 1:
            return self._called(self.blocks[0])
        found = []
        for number, inputs in enumerate(self.blocks):
            self.block = number
            found.append(self._called(inputs))
        self.block = 0
        return torch.cat(found)

    def _few(self, part: ModelObjective) -> "PlainEvaluation":
        """Another one of some of the examples, all evaluated together where they are few."""
        return PlainEvaluation(part, part.examples if part.examples <= FEW else 0, seed=self.seed)

    def _join_blocks(self) -> None:
        """Evaluate all examples at once, as values that a network asks for may be those of all."""
        try:
            self.blocks = self.objective.inputs.split(all_at_once(self.objective))
        except SpecError as error:
            warnings.warn(f"{IN_BLOCKS.format(len(self.blocks))} {error}", stacklevel=4)

    def _reestimate(self) -> None:
        """Estimate running statistics anew at this point, if so asked."""
        if self.objective.batch_norm == "reestimated" and self.copy.own.normalizers:
            parts, given = self.copy.own.normalizers, self.objective.reference
            buffers = [dict(part.named_buffers(recurse=False)) for part in parts]
            reestimate(parts, buffers, lambda x: self.module(self.copy.fresh(x)), given)

    def _gradient_parts(self) -> Sequence[tuple[ModelObjective, float]]:
        """Parts of the data whose graphs exist one at a time, and their weights in the loss."""
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
            outputs = self._called(part.inputs)
            losses = loss_values(
                self.copy.own.loss_function, outputs, self.copy.fresh(part.targets)
            )
            (with_gradient(losses.mean()) * weight).backward()

    @property
    def draws(self) -> bool:
        """Whether random numbers are drawn, as far as was seen by now."""
        return self.copy.drew or (self._trace is not None and self._trace.draws)

    @property
    def draws_perhaps(self) -> bool:
        """Whether that is so, or once seemed so, as another thread may have drawn them."""
        return self.draws or self.copy.saw_draws > 0

    @property
    def fixed(self) -> bool:
        """Whether evaluations are the same arithmetic at every point, as far as was seen by now."""
        return self._trace is not None and self._trace.fixed

    def trace(self, theta: Vector) -> Trace:
        """What an evaluation does besides arithmetic of a fixed structure, traced once, at theta.

        Every other evaluation comes after it, and treats what draws or writes to its data as such.

        Raises:
            SpecError: something reads the network that this one was copied from.
        """
        if self._trace is None:
            self._trace = trace_of(self, theta, self._few)
            if self._trace.found and len(self.blocks) > 1:
                self._join_blocks()
        return self._trace

    def _standing(self, theta: Vector, draw: int) -> contextlib.AbstractContextManager[None]:
        """At theta, with all else as at every other point."""
        if not self.trace(theta).fixed:
            return self.copy.drawing_at(theta, self.moved, draw)
        at = self.copy.unheard_at if self.copy.noisy else self.copy.at
        return at(theta, self.moved)

    def _called(self, inputs: Tensor) -> Tensor:
        """The outputs of the module, called on some of the inputs."""
        return outputs_in(self.module(self.copy.fresh(inputs)), self.copy.own.adapter)

    def _joined(self, pieces: Sequence[Tensor | None]) -> Vector:
        """The tensors of the parameters end to end, (P,), detached; zeros where there is none."""
        pairs = zip(pieces, self.copy.parameters, strict=True)
        found = [torch.zeros_like(p) if piece is None else dense(piece) for piece, p in pairs]
        return torch.cat([one.detach().reshape(-1) for one in found])
