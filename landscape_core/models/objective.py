"""A scalar function of one flat vector: all that optimizers, planes and slices know of a net."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, final

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.types import Scalar, Vector, Vectors
from landscape_core.models.batch_norm import BatchNorm, _check_choice, reestimate
from landscape_core.models.functional_call import packed, unpacked
from landscape_core.models.parameters import FunctionalCall, Layout

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
        self._module = copy.deepcopy(module).to(inputs.device).eval()
        self._find_parts()
        self.start = self.layout.join(dict(self._module.named_parameters()))
        self.buffers: dict[str, Tensor] = dict(self._module.named_buffers())
        self.loss_function = loss_function
        self.inputs = inputs
        self.targets = targets
        self.examples = len(inputs)
        self.batch_norm: BatchNorm = batch_norm
        self.adapter = adapter
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
        state = {**self.layout.split(theta), **self._prepared(theta)}
        return self.adapted(self._slots.call(self._module, state, asked))

    def adapted(self, found: Any) -> Tensor:
        """The outputs in what the network gave.

        Raises:
            SpecError: it gave no tensor, and there is no adapter to take one out.
        """
        outputs = self.adapter(found) if self.adapter else found
        if not torch.is_tensor(outputs):
            accepted = (
                "a tensor; give adapter=, a function that takes it out of what the model gives"
            )
            raise SpecError("the model's output", type(outputs).__name__, accepted)
        return outputs

    def loss(self, theta: Vector) -> Scalar:
        """The mean loss at theta, differentiable."""
        return self.loss_function(self.outputs(theta), self.targets).mean()

    def value_and_gradient(self, theta: Vector) -> tuple[Scalar, Vector]:
        """The loss and its gradient at theta, or the field in its place, both detached."""
        # Each tensor is a leaf of its own: nothing has to find the way back through the vector.
        tensors = self.layout.split(theta.detach())
        for tensor in tensors.values():
            tensor.requires_grad_()
        state = {**tensors, **self._prepared(theta)}
        outputs = self.adapted(self._slots.call(self._module, state, self.inputs))
        value = self.loss_function(outputs, self.targets).mean()
        leaves = tuple(tensors.values())
        found = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
        gradient = torch.cat([one.reshape(-1) for one in found])
        if self.field is not None:
            gradient = self.field(self, theta, gradient)
        return value.detach(), gradient

    def prox(self, theta: Vector, step: float) -> Vector:
        """The proximal map of the penalty, if there is one."""
        return theta if self.proximal is None else self.proximal(theta, step)

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
        part = self._like()
        part._module = copy.deepcopy(self._module)
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
        part.loss_function = loss_function
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
        part = self._like()
        part._module = copy.deepcopy(self._module)
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
        part = self._like()
        part._module = copy.deepcopy(self._module).to(device)
        part._find_parts()
        for name in ("start", "inputs", "targets", "reference"):
            setattr(part, name, getattr(self, name).to(device))
        part.loss_function = _loss_on(self.loss_function, device)
        part.buffers = {name: buffer.to(device) for name, buffer in self.buffers.items()}
        return part

    def _find_parts(self) -> None:
        """Look in the module, which is then never taken apart, for what every evaluation needs."""
        self._normalizers = [part for part in self._module.modules() if isinstance(part, _NormBase)]
        self._slots = FunctionalCall(self._module)

    def _prepared(self, theta: Vector) -> dict[str, Tensor]:
        """Set the mode of the network; the buffers that its evaluation may update."""
        training = self._updates_statistics
        if self._module.training != training:
            self._module.train(training)
        if not training and self.batch_norm == "reestimated" and self._normalizers:
            return self._reestimated(theta)
        # Statistics of the batch without a training step: dropout, for one, stays off.
        batch_statistics = training or self.batch_norm == "batch"
        for part in self._normalizers:
            part.training = batch_statistics
        if batch_statistics and not training:
            return {name: value.clone() for name, value in self.buffers.items()}
        return self.buffers

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
        if isinstance(self.loss_function, Weighted):
            plain, weights = self.loss_function.loss_function, self.loss_function.weights
            part.loss_function = Weighted(plain, weights[some])
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
            return copy.deepcopy(loss).to(device, dtype)
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
