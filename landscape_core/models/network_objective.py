"""The mean loss of a network over examples, as a function of its parameters."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.precision import full_precision
from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.adapter import Adapter
from landscape_core.models.batch_norm import BatchNorm, check_choice
from landscape_core.models.batches import check_lengths
from landscape_core.models.call_trial import FEW, Calls
from landscape_core.models.closure_network import check_held
from landscape_core.models.copying import copied_together
from landscape_core.models.in_place import fixed_but
from landscape_core.models.loss_conversion import move_loss
from landscape_core.models.loss_function import LossFunction, Weighted
from landscape_core.models.module_mode import to_evaluation, with_dense_gradients
from landscape_core.models.network_evaluation import NetworkEvaluation, OwnNetwork
from landscape_core.models.number_types import check_types, converted
from landscape_core.models.objective import Objective, Proximal
from landscape_core.models.originals import Originals
from landscape_core.models.parameters import Layout

TENSORS, LOSSES = ("start", "inputs", "targets", "reference"), ("loss_function", "given_loss")


@final
@dataclass(frozen=True, eq=False, init=False)
class ModelObjective(Objective):
    """The mean loss of a network over given examples, as a function of its parameters.

    The network given is copied, never changed. Parameters that require no gradient are constants.
    An objective is a value: `first`, `with_loss` and others give another one. `given_loss` is the
    loss as it was given, `loss_function` what is known of it; `reference` are the inputs from which
    statistics are estimated anew; optimizers follow the `field`, if there is one.
    """

    layout: Layout
    start: Vector
    inputs: Tensor
    targets: Tensor
    examples: int
    loss_function: LossFunction
    given_loss: LossFunction
    adapter: Adapter | None
    buffers: dict[str, Tensor]
    batch_norm: BatchNorm
    reference: Tensor
    own: OwnNetwork
    calls: Calls
    originals: Originals
    field: "VectorField | None" = None
    proximal: Proximal | None = None
    updates_statistics: bool = False

    def __init__(
        self,
        module: nn.Module,
        loss_function: LossFunction,
        inputs: Tensor,
        targets: Tensor,
        *,
        batch_norm: BatchNorm = "running",
        adapter: Adapter | None = None,
    ) -> None:
        """Copy the module onto the device of the inputs.

        Args:
            module: any network from `inputs` to outputs.
            loss_function: from (outputs, targets) to one value per example, or to their mean.
            inputs: shape (N, ...), where the computation will run.
            targets: shape (N,) or (N, D).
            batch_norm: which statistics batch normalization uses; see `BatchNorm`.
            adapter: takes what the module gives if that is no tensor, gives the outputs.

        Raises:
            SpecError: no trainable parameters, inputs and targets of different length, or no such
                choice of statistics.
        """
        check_choice(batch_norm)
        check_lengths(inputs, targets)
        layout = Layout.of_module(module)
        if layout.size == 0:
            raise SpecError("model", type(module).__name__, "a module with trainable parameters")
        check_types(module)
        copied, loss, taken = copied_together(module, loss_function, adapter, checked=False)
        own = with_dense_gradients(to_evaluation(copied.to(inputs.device)))
        vars(self).update(
            layout=layout,
            start=layout.join(dict(own.named_parameters())),
            inputs=inputs,
            targets=targets,
            examples=len(inputs),
            loss_function=loss,
            given_loss=loss,
            adapter=taken,
            buffers=dict(own.named_buffers()),
            batch_norm=batch_norm,
            reference=inputs,
            own=OwnNetwork(own),
            calls=Calls(),
            originals=Originals().and_of(module),
        )

    @property
    def module(self) -> nn.Module:
        """The private copy of the network; for reading its structure, not its values."""
        return self.own.module

    @property
    def normalizes(self) -> bool:
        """Whether the network has batch normalization."""
        return bool(self.own.normalizers)

    def outputs(self, theta: Vector, inputs: Tensor | None = None) -> Tensor:
        """The network's outputs at theta on the objective's inputs, or on others; (N, C)."""
        asked = self.inputs if inputs is None else inputs
        with full_precision(theta.device):
            return self.evaluation.outputs(theta, asked, functional=self.functional)

    def loss(self, theta: Vector) -> Scalar:
        """The mean loss at theta, differentiable."""
        with full_precision(theta.device):
            return self.evaluation.value(theta, functional=self.functional)

    def value_and_gradient(self, theta: Vector) -> tuple[Scalar, Vector]:
        """The loss and its gradient at theta, or the field in its place, both detached."""
        with full_precision(theta.device):
            value, gradient = self.evaluation.value_and_gradient(theta, functional=self.functional)
        return value, gradient if self.field is None else self.field(self, theta, gradient)

    def prox(self, theta: Vector, step: float) -> Vector:
        """The proximal map of the penalty, if there is one."""
        return theta if self.proximal is None else self.proximal(theta, step)

    def copies(self, *others: Any) -> tuple[Any, ...]:
        """Copies of network, loss as given and adapter, and others, which lead to these."""
        same = self.originals.counterparts(self.module) if others else ()
        own = (self.module, self.given_loss, self.adapter)
        return copied_together(*own, followed=others, same=same)

    @property
    def network(self) -> "ModelObjective":
        """This."""
        return self

    @property
    def still(self) -> "ModelObjective":
        """The same objective, whose evaluations change copies of the buffers."""
        return self.with_buffers({name: buffer.clone() for name, buffer in self.buffers.items()})

    def restricted(self, indices: Tensor) -> "ModelObjective":
        """The objective of these examples in training mode.

        Its `buffers` are copies that evaluations update, as a training step of torch would.
        """
        return self.still._cut(indices, updates_statistics=True)

    def weighted(self, weights: Float[Tensor, " _"]) -> "ModelObjective":
        """The mean over the examples of each one's loss times its weight.

        Raises:
            SpecError: a loss that is no number for each example; when it is evaluated.
        """
        return self._with_losses(lambda loss: Weighted(loss, weights))

    def alone(self) -> "ModelObjective":
        """The objective with every example treated by itself, by stored statistics, for reading.

        What was a mini-batch in training no longer changes any buffers.
        """
        return self._with(batch_norm="running", updates_statistics=False)

    def apart(self) -> "ModelObjective":
        """The same objective with a network and buffers of its own."""
        return self._with_own(lambda module: module).still

    def with_buffers(self, buffers: Mapping[str, Tensor]) -> "ModelObjective":
        """The same objective with other running statistics."""
        return self._with(buffers=dict(buffers))

    def first(self, count: int) -> "ModelObjective":
        """The same objective over the first examples only (all, if there are fewer)."""
        return self._cut(slice(count))

    def between(self, start: int, stop: int) -> "ModelObjective":
        """The same objective over some consecutive examples only."""
        return self._cut(slice(start, stop))

    def reordered(self, order: Tensor) -> "ModelObjective":
        """The same objective over the examples at these indices, in their order."""
        return self._cut(order)

    def with_batch_norm(self, batch_norm: BatchNorm) -> "ModelObjective":
        """The same objective with another choice of statistics."""
        check_choice(batch_norm)
        if self.normalizes:
            check_held(batch_norm, self.module)
        return self._with(batch_norm=batch_norm)

    def with_inputs(self, inputs: Tensor, targets: Tensor | None = None) -> "ModelObjective":
        """The same objective with other inputs, to the same targets or of any number to others."""
        targets = self.targets if targets is None else targets
        return self._with(inputs=inputs, targets=targets, examples=len(inputs))

    def with_loss(self, loss_function: LossFunction) -> "ModelObjective":
        """The same objective with another loss."""
        return self._with(loss_function=loss_function, given_loss=loss_function)

    def recognized(self, loss_function: LossFunction) -> "ModelObjective":
        """The same objective, whose given loss is known to be this one, which more is known of."""
        return self._with(loss_function=loss_function)

    def of_a_user(self, original: nn.Module) -> "ModelObjective":
        """The same objective, of whose network it is tried first how it can be called."""
        return self._with(calls=Calls(known=None), originals=self.originals.and_of(original))

    def with_field(self, field: "VectorField") -> "ModelObjective":
        """The same objective, in which optimizers follow a field, the mean over the examples."""
        return self._with(field=field)

    def with_prox(self, proximal: Proximal) -> "ModelObjective":
        """The same objective with a penalty R, which optimizers may minimize by its prox."""
        return self._with(proximal=proximal)

    def with_reference(self, inputs: Tensor) -> "ModelObjective":
        """The same objective with statistics re-estimated from other, the training, inputs."""
        return self._with(reference=inputs)

    def moving(self, names: Collection[str], theta: Vector) -> "ModelObjective":
        """The loss as a function of some tensors, from `start` on; others held as at theta."""
        values = self.layout.split(theta.detach())
        part = self._with_own(lambda module: fixed_but(module, values, names))
        layout = Layout.of_module(part.module)
        start = layout.join(dict(part.module.named_parameters())).to(theta)
        return part._with(layout=layout, start=start)

    def to(self, device: str | torch.device) -> "ModelObjective":
        """The same objective on another device."""
        return self._converted(lambda part: part.to(device), device)

    def in_double(self) -> "ModelObjective":
        """The same objective in float64, but for whole numbers."""
        kind = torch.float64
        return self._converted(lambda part: converted(part, kind), self.start.device, kind)

    @property
    def evaluation(self) -> NetworkEvaluation:
        """The network with what its evaluation depends on besides the parameters."""
        return NetworkEvaluation(
            *(self.own, self.loss_function, self.adapter, self.inputs, self.targets),
            *(self.layout, self.buffers, self.batch_norm, self.reference),
            *(self.updates_statistics, self.originals),
        )

    @property
    def functional(self) -> bool:
        """Whether the network can be called with other tensors in the place of its own."""
        few = lambda: self.first(FEW).alone().evaluation  # noqa: E731 - made only where it is tried
        return self.calls.functional(self.start, few, lambda: self.alone().evaluation)

    def _cut(self, some: Tensor | slice, **changed: Any) -> "ModelObjective":
        """The same objective over some examples, with their weights if they have any."""
        both = {name: getattr(self, name) for name in LOSSES}
        losses = {name: loss.of(some) for name, loss in both.items() if isinstance(loss, Weighted)}
        changed |= {"inputs": self.inputs[some], "targets": self.targets[some], **losses}
        return self._with(**changed, examples=len(changed["inputs"]), _whole=None, _indices=None)

    def _converted(self, convert: Callable[[Any], Any], *where: Any) -> "ModelObjective":
        """The same objective with network and tensors converted, and its losses where those are."""
        part = self._with_own(convert)._with_losses(lambda loss: move_loss(loss, *where))
        tensors = {name: convert(getattr(self, name)) for name in TENSORS}
        buffers = {name: convert(buffer) for name, buffer in self.buffers.items()}
        return part._with(**tensors, buffers=buffers)

    def _with_own(self, change: Callable[[nn.Module], nn.Module]) -> "ModelObjective":
        """The same objective with losses, adapter and a network of its own, changed beforehand."""
        own = (self.module, self.loss_function, self.given_loss, self.adapter)
        module, loss, given, adapter = copied_together(*own)
        parts = {"loss_function": loss, "given_loss": given, "adapter": adapter}
        return self._with(own=OwnNetwork(change(module)), **parts)

    def _with_losses(self, change: Callable[[Any], LossFunction]) -> "ModelObjective":
        """The same objective with both losses, as given and as it is known, changed."""
        return self._with(**{name: change(getattr(self, name)) for name in LOSSES})

    def _with(self, **changed: Any) -> "ModelObjective":
        """The same objective with other values of some fields; they are not checked again."""
        part = object.__new__(ModelObjective)
        vars(part).update(vars(self), **changed)
        return part


VectorField = Callable[[ModelObjective, Vector, Vector], Vector]
"""(objective, theta, gradient of its loss) -> what optimizers follow in the gradient's place."""
