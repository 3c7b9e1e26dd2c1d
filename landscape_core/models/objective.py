"""A scalar function of one flat vector: all that optimizers, planes and slices know of a net."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, final

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.precision import full_precision
from landscape_core.foundation.second_order import twice_differentiable
from landscape_core.foundation.types import Scalar, Vector, Vectors
from landscape_core.models.batch_norm import BatchNorm, _check_choice, reestimate
from landscape_core.models.copying import copied, copied_together
from landscape_core.models.functional_call import packed, unpacked
from landscape_core.models.generators import drawing, drawn_since, kept_generators, states
from landscape_core.models.in_place import hand_back, hold
from landscape_core.models.module_state import ModuleState
from landscape_core.models.notices import unheard
from landscape_core.models.parameters import FunctionalCall, Layout
from landscape_core.models.trace import traced

LossFunction = Callable[[Tensor, Tensor], Tensor]
"""(outputs, targets) -> the loss of each example `(N,)`, or their mean as a scalar."""

Adapter = Callable[[Any], Tensor]
"""From what a network gives, a tuple or a dictionary, to the outputs that the loss takes."""

Array = Tensor | NDArray[Any]
Batches = Sequence[Array] | Iterable[Sequence[Array]]
"""Inputs and targets, or batches of the two."""

ARRAYS = Tensor | np.ndarray
MOST_SHOWN = 4

PAIRS = "inputs and targets, or batches of the two"
CHOSEN = "pairs say which is which, for instance ((x, y) for x, y, *_ in loader)"
BATCHED = "torch.utils.data.DataLoader makes batches of single examples"


Kind = TypeVar("Kind", bound="Objective")


class Objective(ABC):
    """A scalar function of a flat vector of P parameters, a mean over `examples` examples."""

    layout: Layout
    examples: int
    _whole: "Objective | None" = None
    _indices: Tensor | None = None

    @abstractmethod
    def loss(self, theta: Vector) -> Scalar:
        """The loss at theta, differentiable."""

    @abstractmethod
    def restricted(self: Kind, indices: Tensor) -> Kind:
        """The same function over these examples alone, with statistics as in training."""

    @final
    def minibatch(self: Kind, indices: Tensor) -> Kind:
        """The same function over these examples alone, with statistics as in training.

        It knows of which `whole` it is a part, and by which `indices`.
        """
        part = self.restricted(indices)
        part._whole = self.whole
        part._indices = indices if self._indices is None else self._indices[indices]
        return part

    @property
    def whole(self) -> "Objective":
        """What this is a mini-batch of; where it is none, the objective itself."""
        return self if self._whole is None else self._whole

    @property
    def indices(self) -> Int64[Tensor, " _"]:
        """Which examples of the whole these are, shape (examples,)."""
        return torch.arange(self.examples) if self._indices is None else self._indices

    @property
    def network(self) -> "ModelObjective | None":
        """The same objective, where it is that of a network."""
        return None

    @property
    def still(self) -> "Objective":
        """The same objective, whose evaluations leave running statistics as they are.

        A training step moves those once, however often it looks at its mini-batch.
        """
        return self

    def value_and_gradient(self, theta: Vector) -> tuple[Scalar, Vector]:
        """The loss and its gradient at theta, both detached."""
        point = theta.detach().requires_grad_()
        with full_precision(theta.device):
            value = self.loss(point)
            (gradient,) = torch.autograd.grad(value, point)
        return value.detach(), gradient

    def gradient(self, theta: Vector) -> Vector:
        """The gradient at theta, shape (P,), detached."""
        return self.value_and_gradient(theta)[1]

    def prox(self, theta: Vector, step: float) -> Vector:
        """The z of least ½ ‖z − theta‖² + step R(z); theta itself where there is no penalty R."""
        del step
        return theta

    def hvp(self, theta: Vector, direction: Vector) -> Vector:
        """The Hessian at theta times a direction, shape (P,), by double differentiation."""
        point = theta.detach().requires_grad_()
        with full_precision(theta.device), twice_differentiable():
            (gradient,) = torch.autograd.grad(self.loss(point), point, create_graph=True)
            if not gradient.requires_grad:  # a linear loss
                return torch.zeros_like(direction)
            (product,) = torch.autograd.grad(gradient @ direction, point)
        return product

    def losses(self, thetas: Vectors) -> Float[Tensor, " K"]:
        """The losses at K points, shape (K,), detached, one point after another."""
        with torch.no_grad():
            return torch.stack([self.loss(theta) for theta in thetas])


@final
class ModelObjective(Objective):
    """The mean loss of a network over given examples, as a function of its parameters.

    The network given is copied, never changed. Parameters that require no gradient are constants.
    """

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
        _check_choice(batch_norm)
        if len(inputs) != len(targets) or len(inputs) == 0:
            accepted = f"as many as the inputs ({len(inputs)}) and at least 1"
            raise SpecError("the number of targets", len(targets), accepted)
        self.layout = Layout.of_module(module)
        if self.layout.size == 0:
            raise SpecError("model", type(module).__name__, "a module with trainable parameters")
        copies = copied_together(module, loss_function, adapter)
        self._module: nn.Module = copies[0].to(inputs.device).eval()
        self.loss_function: LossFunction = copies[1]
        self.given_loss: LossFunction = copies[1]
        self.adapter: Adapter | None = copies[2]
        self._calls = Calls()
        self._find_parts()
        self.start = self.layout.join(dict(self._module.named_parameters()))
        self.buffers: dict[str, Tensor] = dict(self._module.named_buffers())
        self.inputs = inputs
        self.targets = targets
        self.examples = len(inputs)
        self.batch_norm: BatchNorm = batch_norm
        self.field: VectorField | None = None
        self.proximal: Proximal | None = None
        self.reference = inputs
        self._updates_statistics = False

    @property
    def module(self) -> nn.Module:
        """The private copy of the network; for reading its structure, not its values."""
        return self._module

    @property
    def normalizes(self) -> bool:
        """Whether the network has batch normalization."""
        return bool(self._normalizers)

    def outputs(self, theta: Vector, inputs: Tensor | None = None) -> Tensor:
        """The network's outputs at theta on the objective's inputs, or on others; (N, C)."""
        asked = self.inputs if inputs is None else inputs
        with full_precision(theta.device):
            return self._called(self.layout.split(theta), theta, asked)

    def adapted(self, found: Any) -> Tensor:
        """The outputs in what the network gave.

        Raises:
            SpecError: it gave no tensor, and there is no adapter to take one out.
        """
        return tensor_in(self.adapter(found) if self.adapter else found)

    def loss(self, theta: Vector) -> Scalar:
        """The mean loss at theta, differentiable."""
        with full_precision(theta.device):
            return self._value(self.layout.split(theta), theta)

    def value_and_gradient(self, theta: Vector) -> tuple[Scalar, Vector]:
        """The loss and its gradient at theta, or the field in its place, both detached."""
        # Each tensor is a leaf of its own: nothing has to find the way back through the vector.
        tensors = self.layout.split(theta.detach())
        for tensor in tensors.values():
            tensor.requires_grad_()
        with full_precision(theta.device):
            value = self._value(tensors, theta)
            found = _gradients(value, tensors, alone=self._calls.functional(self))
        gradient = torch.cat([one.reshape(-1) for one in found])
        if self.field is not None:
            gradient = self.field(self, theta, gradient)
        return value.detach(), gradient

    def prox(self, theta: Vector, step: float) -> Vector:
        """The proximal map of the penalty, if there is one."""
        return theta if self.proximal is None else self.proximal(theta, step)

    def copies(self) -> tuple[nn.Module, LossFunction, Adapter | None]:
        """Network, loss as it was given, and adapter, copied together."""
        module, loss, adapter = copied_together(self._module, self.given_loss, self.adapter)
        return module, loss, adapter

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
        part = self._cut(indices)
        part.buffers = {name: value.clone() for name, value in self.buffers.items()}
        part._updates_statistics = True
        return part

    def weighted(self, weights: Float[Tensor, " _"]) -> "ModelObjective":
        """The mean over the examples of each one's loss times its weight.

        Raises:
            SpecError: a loss that is no number for each example; when it is evaluated.
        """
        part = self._like()
        part.loss_function = Weighted(self.loss_function, weights)
        part.given_loss = Weighted(self.given_loss, weights)
        return part

    def alone(self) -> "ModelObjective":
        """The objective with every example treated by itself, by stored statistics, for reading.

        What was a mini-batch in training no longer changes any buffers.
        """
        part = self._like()
        part.batch_norm = "running"
        part._updates_statistics = False
        return part

    def apart(self) -> "ModelObjective":
        """The same objective with a network and buffers of its own."""
        part = self._copied()
        part._find_parts()
        part.buffers = {name: buffer.clone() for name, buffer in self.buffers.items()}
        return part

    def with_buffers(self, buffers: Mapping[str, Tensor]) -> "ModelObjective":
        """The same objective with other running statistics."""
        part = self._like()
        part.buffers = dict(buffers)
        return part

    def first(self, count: int) -> "ModelObjective":
        """The same objective over the first examples only (all, if there are fewer)."""
        return self.between(0, count)

    def between(self, start: int, stop: int) -> "ModelObjective":
        """The same objective over some consecutive examples only."""
        return self._cut(slice(start, stop))

    def reordered(self, order: Tensor) -> "ModelObjective":
        """The same objective over the examples at these indices, in their order."""
        return self._cut(order)

    def with_batch_norm(self, batch_norm: BatchNorm) -> "ModelObjective":
        """The same objective with another choice of statistics."""
        _check_choice(batch_norm)
        part = self._like()
        part.batch_norm = batch_norm
        return part

    def with_inputs(self, inputs: Tensor) -> "ModelObjective":
        """The same objective with other inputs to the same targets, in the shape of its own."""
        part = self._like()
        part.inputs = inputs
        return part

    def with_loss(self, loss_function: LossFunction) -> "ModelObjective":
        """The same objective with another loss."""
        part = self._like()
        part.loss_function = part.given_loss = loss_function
        return part

    def recognized(self, loss_function: LossFunction) -> "ModelObjective":
        """The same objective, whose given loss is known to be this one, which more is known of."""
        part = self._like()
        part.loss_function = loss_function
        return part

    def of_a_user(self) -> "ModelObjective":
        """The same objective, of whose network it is tried first how it can be called."""
        part = self._like()
        part._calls = Calls(known=None)
        return part

    def with_field(self, field: "VectorField") -> "ModelObjective":
        """The same objective, of which optimizers follow a field in the gradient's place.

        Of the mean over examples it is the mean, and where there are several players, as in a game,
        no loss has it as its gradient.
        """
        part = self._like()
        part.field = field
        return part

    def with_prox(self, proximal: "Proximal") -> "ModelObjective":
        """The same objective beside a penalty R, which is no part of the loss.

        Optimizers that can, take it into account by its proximal map.
        """
        part = self._like()
        part.proximal = proximal
        return part

    def with_reference(self, inputs: Tensor) -> "ModelObjective":
        """The same objective with statistics re-estimated from other, the training, inputs."""
        part = self._like()
        part.reference = inputs
        return part

    def moving(self, names: Collection[str], theta: Vector) -> "ModelObjective":
        """The loss as a function of some tensors alone, all others held as they are at theta.

        Its `start` holds theta's values of those tensors.
        """
        part = self._copied()
        values = self.layout.split(theta.detach())
        for name, parameter in part._module.named_parameters():
            if name in values:
                parameter.data.copy_(values[name])
                parameter.requires_grad_(name in names)
        part._find_parts()
        part.layout = Layout.of_module(part._module)
        part.start = part.layout.join(dict(part._module.named_parameters())).to(theta)
        return part

    def to(self, device: str | torch.device) -> "ModelObjective":
        """The same objective on another device."""
        part = self._copied()
        part._module.to(device)
        part._find_parts()
        for name in ("start", "inputs", "targets", "reference"):
            setattr(part, name, getattr(self, name).to(device))
        part.loss_function = _loss_on(part.loss_function, device)
        part.given_loss = _loss_on(part.given_loss, device)
        part.buffers = {name: buffer.to(device) for name, buffer in self.buffers.items()}
        return part

    def in_double(self) -> "ModelObjective":
        """The same objective in float64, but for whole numbers."""
        part = self._copied()
        part._module.double()
        part._find_parts()
        for name in ("start", "inputs", "targets", "reference"):
            setattr(part, name, _doubled(getattr(self, name)))
        part.loss_function = _loss_on(part.loss_function, self.start.device, torch.float64)
        part.given_loss = _loss_on(part.given_loss, self.start.device, torch.float64)
        part.buffers = {name: _doubled(buffer) for name, buffer in self.buffers.items()}
        return part

    def _find_parts(self) -> None:
        """Look in the module, which is then never taken apart, for what every evaluation needs."""
        self._normalizers = [part for part in self._module.modules() if isinstance(part, _NormBase)]
        self._slots = FunctionalCall(self._module)

    def _prepared(self, theta: Vector) -> dict[str, Tensor]:
        """Set the mode of the network; the buffers that its evaluation may update."""
        if self.batch_norm == "reestimated" and self._normalizers and not self._updates_statistics:
            self._set_mode()
            return self._reestimated(theta)
        training = self._set_mode()
        if self.batch_norm == "batch" and not training:
            return {name: value.clone() for name, value in self.buffers.items()}
        return self.buffers

    def _set_mode(self) -> bool:
        """Set the mode of the network; whether it is that of training."""
        training = self._updates_statistics
        if self._module.training != training:
            self._module.train(training)
        # Statistics of the batch without a training step: dropout, for one, stays off.
        for part in self._normalizers:
            part.training = training or self.batch_norm == "batch"
        return training

    def _called(self, tensors: Mapping[str, Tensor], theta: Vector, inputs: Tensor) -> Tensor:
        """The outputs with these values of the parameters, those at theta."""
        if self._calls.functional(self):
            return self.outputs_with(tensors, self._prepared(theta), inputs)
        own = self._apart_for_once()
        with own._as_given():
            return own._with_own(tensors, self.buffers, inputs.clone())

    def _value(self, tensors: Mapping[str, Tensor], theta: Vector) -> Scalar:
        """The mean loss with these values of the parameters, those at theta."""
        if self._calls.functional(self):
            outputs = self.outputs_with(tensors, self._prepared(theta), self.inputs)
            return self.loss_function(outputs, self.targets).mean()
        own = self._apart_for_once()
        with own._as_given():
            outputs = own._with_own(tensors, self.buffers, self.inputs.clone())
            return own.loss_function(outputs, self.targets.clone()).mean()

    def outputs_with(
        self, tensors: Mapping[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor
    ) -> Tensor:
        """The outputs with tensors in the place of parameters and buffers."""
        return self.adapted(self._slots.call(self._module, {**tensors, **buffers}, inputs))

    def _with_own(
        self, tensors: Mapping[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor
    ) -> Tensor:
        """The outputs with values in the network's own parameters, which stay there."""
        training = self._set_mode()
        hold(self._module, tensors, buffers)
        if self.batch_norm == "reestimated" and not self._updates_statistics:
            own = [dict(part.named_buffers(recurse=False)) for part in self._normalizers]
            reestimate(self._normalizers, own, lambda x: self._module(x.clone()), self.reference)
        with unheard():
            found = self.adapted(self._module(inputs))
        if training:
            hand_back(self._module, buffers)
        return found

    def _apart_for_once(self) -> "ModelObjective":
        """The same objective with network, loss and adapter of its own, for one evaluation."""
        part = self._copied()
        part._find_parts()
        return part

    def _as_given(self) -> contextlib.AbstractContextManager[None]:
        """The same random numbers in every evaluation; in training steps they go on."""
        if self._updates_statistics:
            return contextlib.nullcontext()
        return drawing(self.start.device, 0)

    def _reestimated(self, theta: Vector) -> dict[str, Tensor]:
        buffers = {name: value.clone() for name, value in self.buffers.items()}
        state = {**self.layout.split(theta.detach()), **buffers}

        def forward(inputs: Tensor) -> None:
            self._slots.call(self._module, state, inputs)

        names = {id(module): name for name, module in self._module.named_modules()}
        owned = [(part, f"{names[id(part)]}.".removeprefix(".")) for part in self._normalizers]
        fresh = [
            {key: buffers[prefix + key] for key, _ in part.named_buffers(recurse=False)}
            for part, prefix in owned
        ]
        reestimate(self._normalizers, fresh, forward, self.reference)
        return buffers

    def _cut(self, some: "Tensor | slice") -> "ModelObjective":
        """The same objective over some examples, with their weights if they have any."""
        part = self._like()
        part._whole = part._indices = None
        part.inputs, part.targets = self.inputs[some], self.targets[some]
        part.examples = len(part.inputs)
        for name in ("loss_function", "given_loss"):
            loss = getattr(self, name)
            if isinstance(loss, Weighted):
                setattr(part, name, Weighted(loss.loss_function, loss.weights[some]))
        return part

    def _copied(self) -> "ModelObjective":
        """The same objective with a network, losses and adapter of its own."""
        part = self._like()
        own = (self._module, self.loss_function, self.given_loss, self.adapter)
        part._module, part.loss_function, part.given_loss, part.adapter = copied_together(*own)
        return part

    def _like(self) -> "ModelObjective":
        part = object.__new__(ModelObjective)
        part.__dict__.update(self.__dict__)
        return part

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, "_module": packed(self._module)}
        del state["_slots"], state["_normalizers"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        unpacked(self._module)
        self._find_parts()


FEW = 2
"""Examples on which it is tried how a network can be called."""


class Calls:
    """Whether a network can be called with other tensors in the place of its own.

    It cannot where something beside the network refers to its parameters, or where the backward
    pass calls it once more. Known of the networks here; tried once with those of others.
    """

    def __init__(self, *, known: bool | None = True) -> None:
        self._known = known

    def functional(self, objective: ModelObjective) -> bool:
        """Whether that gives the same values and gradients as values in its own parameters."""
        if self._known is None:
            self._known = True  # while it is tried
            try:
                device = objective.start.device
                with unheard(), kept_generators(device), full_precision(device):
                    few, before = objective.first(FEW).alone(), states(device)
                    self._known = all(_alike(few, theta) for theta in _away(objective))
                    self._known &= not drawn_since(before, device)
            except Exception:  # of what users write; in place is the safe way, and will tell
                self._known = False
        return self._known


def _away(objective: ModelObjective) -> list[Vector]:
    """Points that are not the network's own."""
    start, rng = objective.start.detach(), random_streams.stream(0, "calls")
    size = start.square().mean().sqrt().clamp_min(1e-2)
    return [start + size * torch.randn(len(start), generator=rng).to(start) for _ in range(2)]


def _alike(few: ModelObjective, theta: Vector) -> bool:
    """Whether values and gradients are the same in both ways, and the network is as before."""
    found = []
    for functional in (True, False):
        own = few._apart_for_once()
        state = ModuleState(own._module, own.loss_function, own.adapter)
        tensors = {n: t.detach().requires_grad_() for n, t in few.layout.split(theta).items()}
        buffers = {name: value.clone() for name, value in own._prepared(theta).items()}
        given = few.inputs.clone(), few.targets.clone()
        with torch.enable_grad():
            call = own.outputs_with if functional else own._with_own
            outputs, told = traced(partial(call, tensors, buffers, given[0]))
            if told:  # what it asks for may be held elsewhere than where others are put
                return False
            value = own.loss_function(outputs, given[1]).mean()
            gradient = _gradients(value, tensors, alone=functional)
        written = (*tensors.values(), *buffers.values(), *given)
        if functional and (state.changed() or any(one._version for one in written)):
            return False
        found.append(torch.cat([value.detach().reshape(1), *[g.reshape(-1) for g in gradient]]))
    near = float(torch.finfo(theta.dtype).eps ** 0.5)
    scale = float(found[1].abs().nan_to_num().max())
    return torch.allclose(found[0], found[1], rtol=near, atol=near * scale, equal_nan=True)


def _gradients(value: Tensor, tensors: Mapping[str, Tensor], *, alone: bool) -> Sequence[Tensor]:
    """The gradients of a value by leaves; `alone`: without those of any other leaf."""
    leaves = tuple(tensors.values())
    if alone:
        return torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
    value.backward()  # some of what users write, reentrant checkpoints for one, knows only this
    return [torch.zeros_like(one) if one.grad is None else one.grad for one in leaves]


def tensor_in(outputs: object) -> Tensor:
    """The outputs of a network, if they are one tensor.

    Raises:
        SpecError: they are not, and no adapter has taken one out.
    """
    if not torch.is_tensor(outputs):
        accepted = "a tensor; give adapter=, a function that takes it out of what the model gives"
        raise SpecError("the model's output", type(outputs).__name__, accepted)
    return outputs


VectorField = Callable[[ModelObjective, Vector, Vector], Vector]
"""(objective, theta, gradient of its loss) -> what optimizers follow in the gradient's place."""

Proximal = Callable[[Vector, float], Vector]
"""(theta, step) -> the z of least ½ ‖z − theta‖² + step R(z), for each parameter by itself."""


@dataclass(frozen=True, eq=False)
class Weighted:
    """Each example's loss times its weight."""

    loss_function: LossFunction
    weights: Tensor

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        losses = self.loss_function(outputs, targets)
        if losses.shape != self.weights.shape:
            accepted = f"{tuple(self.weights.shape)}, one number for each weighted example"
            raise SpecError("the shape of the losses", tuple(losses.shape), accepted)
        return losses * self.weights


def _doubled(values: Tensor) -> Tensor:
    return values.double() if values.is_floating_point() else values


def _loss_on(
    loss: LossFunction, device: str | torch.device, dtype: torch.dtype | None = None
) -> LossFunction:
    """The loss with its tensors, if it has any, on a device; copied only where they are not."""
    if isinstance(loss, Weighted):
        return Weighted(_loss_on(loss.loss_function, device, dtype), loss.weights.to(device))
    if not isinstance(loss, nn.Module):
        return loss
    for one in (*loss.parameters(), *loss.buffers()):
        if one is not one.to(device, dtype if one.is_floating_point() else None):
            return copied(loss).to(device, dtype)
    return loss


def _pair(name: str, batch: object) -> tuple[Tensor, Tensor]:
    """The inputs and targets of a batch."""
    if isinstance(batch, ARRAYS | str) or not isinstance(batch, Sequence):
        raise SpecError(name, f"a batch that is a {type(batch).__name__}", PAIRS)
    parts = [_shown(part) for part in batch[:MOST_SHOWN]] + ["..."] * (len(batch) > MOST_SHOWN)
    shown = f"a batch of {len(batch)}: {', '.join(parts)}"
    if len(batch) != 2:
        raise SpecError(name, shown, f"{PAIRS}; {CHOSEN}")
    try:
        inputs, targets = (torch.as_tensor(part) for part in batch)
    except (TypeError, ValueError, RuntimeError) as error:
        raise SpecError(name, shown, f"{PAIRS}, each one tensor") from error
    if not (inputs.ndim and targets.ndim):
        raise SpecError(name, shown, f"{PAIRS}; {BATCHED}")
    return inputs, targets


def _shown(part: object) -> str:
    """What an entry of a batch is: its type and shape."""
    if isinstance(part, ARRAYS):
        return f"{str(part.dtype).removeprefix('torch.')} {tuple(part.shape)}"
    return type(part).__name__
