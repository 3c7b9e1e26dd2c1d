"""A network evaluated at given values of its parameters: with these in the place of its own, or in.

The second way is for networks that something else refers to, or that the backward pass
calls once more; see `call_trial`.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from landscape_core.foundation.second_order import differentiable
from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.adapter import Adapter, outputs_in
from landscape_core.models.batch_norm import BatchNorm, reestimate
from landscape_core.models.copying import copied_together
from landscape_core.models.functional_call import packed, unpacked
from landscape_core.models.generators import OWN, drawing, drawn_since, recurring, states
from landscape_core.models.gradient_mode import as_recorded
from landscape_core.models.in_place import hand_back, hold
from landscape_core.models.loss_function import LossFunction, loss_values, with_gradient
from landscape_core.models.module_mode import changes_with_mode
from landscape_core.models.module_state import ModuleState
from landscape_core.models.notices import unheard
from landscape_core.models.originals import Originals
from landscape_core.models.parameters import FunctionalCall, Layout
from landscape_core.models.plain_networks import is_plain
from landscape_core.models.shared_memory import Addresses


@final
class OwnNetwork:
    """A private network, which is never taken apart, with what every evaluation needs of it."""

    def __init__(self, module: nn.Module) -> None:
        """Look in the module for its normalizing layers and the places of its tensors."""
        self.module = module
        self.normalizers = [part for part in self.module.modules() if isinstance(part, _NormBase)]
        self.slots = FunctionalCall(self.module)
        self.switches = changes_with_mode(self.module)

    def __getstate__(self) -> dict[str, Any]:
        return {"module": packed(self.module)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        OwnNetwork.__init__(self, unpacked(state["module"]))


@final
@dataclass(frozen=True, eq=False)
class NetworkEvaluation:
    """A network, its loss and its data, and what an evaluation depends on besides parameters.

    `reference` are the inputs from which statistics are estimated anew, and `updates_statistics`
    says that evaluations are training steps, which move the running statistics in `buffers`. The
    network is a copy of the last of its `originals`.
    """

    network: OwnNetwork
    loss_function: LossFunction
    adapter: Adapter | None
    inputs: Tensor
    targets: Tensor
    layout: Layout
    buffers: dict[str, Tensor]
    batch_norm: BatchNorm
    reference: Tensor
    updates_statistics: bool
    originals: Originals

    def outputs(self, theta: Vector, inputs: Tensor, *, functional: bool) -> Tensor:
        """The outputs at theta; `functional`: with its tensors in the place of the network's."""
        return as_recorded(partial(self._outputs, theta, inputs, functional=functional))

    def _outputs(self, theta: Vector, inputs: Tensor, *, functional: bool) -> Tensor:
        tensors = self.layout.split(theta)
        if functional:
            return self.outputs_with(tensors, self.prepared(theta), inputs)
        return self.apart()._by_itself(tensors, inputs, theta.device)

    def outputs_by_itself(self, theta: Vector) -> Tensor:
        """The outputs at theta of a network that may come to harm, as a copy `apart` may."""
        return self._by_itself(self.layout.split(theta), self.inputs, theta.device)

    def _by_itself(
        self, tensors: Mapping[str, Tensor], inputs: Tensor, device: torch.device
    ) -> Tensor:
        with self._as_given(device):
            return self.outputs_in_place(tensors, self.buffers, inputs.clone())

    def draws(self, theta: Vector) -> bool:
        """Whether random numbers are drawn on the way to the outputs at theta; they stay drawn."""
        return bool(recurring(self._drawn(theta), lambda: self._drawn(theta)))

    def _drawn(self, theta: Vector) -> set[str]:
        """Which generators numbers are drawn from meanwhile, by whomever."""
        own = self.apart()
        state = ModuleState(own.network.module, own.adapter)
        buffers = {name: value.clone() for name, value in self.buffers.items()}
        before = states(theta.device)
        try:
            own.outputs_in_place(self.layout.split(theta), buffers, self.inputs.detach().clone())
            return drawn_since(before, theta.device) | ({OWN} if state.drawn() else set())
        finally:
            state.restore()

    def value(self, theta: Vector, *, functional: bool) -> Scalar:
        """The mean loss at theta, differentiable."""
        tensors = self.layout.split(theta)
        return as_recorded(partial(self._value, tensors, theta, functional=functional))

    def value_and_gradient(self, theta: Vector, *, functional: bool) -> tuple[Scalar, Vector]:
        """The mean loss at theta and its gradient, both detached."""
        # Each tensor is a leaf of its own: nothing has to find the way back through the vector.
        tensors = self.layout.split(theta.detach())
        for tensor in tensors.values():
            tensor.requires_grad_()
        with differentiable():
            value = self._value(tensors, theta, functional=functional)
            found = gradients(with_gradient(value), tensors, alone=functional)
        return value.detach(), torch.cat([one.reshape(-1) for one in found])

    def _value(self, tensors: Mapping[str, Tensor], theta: Vector, *, functional: bool) -> Scalar:
        """The mean loss with these values of the parameters, those at theta."""
        if functional:
            outputs = self.outputs_with(tensors, self.prepared(theta), self.inputs)
            return loss_values(self.loss_function, outputs, self.targets).mean()
        own = self.apart()
        with own._as_given(theta.device):
            outputs = own.outputs_in_place(tensors, self.buffers, self.inputs.clone())
            return loss_values(own.loss_function, outputs, self.targets.clone()).mean()

    def outputs_with(
        self, tensors: Mapping[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor
    ) -> Tensor:
        """The outputs with tensors in the place of parameters and buffers."""
        found = self.network.slots.call(self.network.module, {**tensors, **buffers}, inputs)
        return outputs_in(found, self.adapter)

    def outputs_in_place(
        self, tensors: Mapping[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor
    ) -> Tensor:
        """The outputs with values in the network's own parameters, which stay there."""
        module = self.network.module
        hold(module, tensors, buffers)  # before the mode, which may make more of the values
        training = self._set_mode()
        if self.batch_norm == "reestimated" and not self.updates_statistics:
            normalizers = self.network.normalizers
            own = [dict(part.named_buffers(recurse=False)) for part in normalizers]
            reestimate(normalizers, own, lambda x: module(x.clone()), self.reference)
        with unheard():
            found = outputs_in(module(inputs), self.adapter)
        if training:
            hand_back(module, buffers)
        return found

    def prepared(self, theta: Vector) -> dict[str, Tensor]:
        """Set the mode of the network; the buffers that its evaluation may update."""
        normalizes = bool(self.network.normalizers)
        if self.batch_norm == "reestimated" and normalizes and not self.updates_statistics:
            self._set_mode()
            return self._reestimated(theta)
        training = self._set_mode()
        if self.batch_norm == "batch" and not training:
            return {name: value.clone() for name, value in self.buffers.items()}
        return self.buffers

    @property
    def is_plain(self) -> bool:
        """Whether network and loss are torch's own layers and a loss of torch or of ours alone."""
        return is_plain(self.network.module, self.loss_function, self.adapter)

    def watched(self) -> Addresses:
        """The addresses of what no copy of the network may read, with names; not of the data."""
        originals = self.originals.and_of(self.network.module)
        return originals.watched(self.inputs, self.targets, self.reference)

    def apart(self) -> "NetworkEvaluation":
        """The same with network, loss and adapter of its own, for one evaluation."""
        module, loss, adapter = copied_together(
            self.network.module, self.loss_function, self.adapter
        )
        return replace(self, network=OwnNetwork(module), loss_function=loss, adapter=adapter)

    def _set_mode(self) -> bool:
        """Set the mode of the network; whether it is that of training."""
        training, module = self.updates_statistics, self.network.module
        if module.training != training or self.network.switches:
            module.train() if training else module.eval()
        # Statistics of the batch without a training step: dropout, for one, stays off.
        for part in self.network.normalizers:
            part.training = training or self.batch_norm == "batch"
        return training

    @contextlib.contextmanager
    def _as_given(self, device: torch.device) -> Iterator[None]:
        """The same random numbers in every evaluation; in training steps they go on.

        What the copy shares with the original is as it was afterwards.
        """
        if self.updates_statistics:
            yield
            return
        state = ModuleState(self.network.module, self.loss_function, self.adapter)
        with drawing(device, 0):
            try:
                yield
            finally:
                state.restore_shared()

    def _reestimated(self, theta: Vector) -> dict[str, Tensor]:
        module, normalizers = self.network.module, self.network.normalizers
        buffers = {name: value.clone() for name, value in self.buffers.items()}
        state = {**self.layout.split(theta.detach()), **buffers}

        def forward(inputs: Tensor) -> None:
            self.network.slots.call(module, state, inputs)

        names = {id(part): name for name, part in module.named_modules()}
        owned = [(part, f"{names[id(part)]}.".removeprefix(".")) for part in normalizers]
        fresh = [
            {key: buffers[prefix + key] for key, _ in part.named_buffers(recurse=False)}
            for part, prefix in owned
        ]
        reestimate(normalizers, fresh, forward, self.reference)
        return buffers


def gradients(value: Tensor, tensors: Mapping[str, Tensor], *, alone: bool) -> Sequence[Tensor]:
    """The gradients of a value by leaves; `alone`: without those of any other leaf."""
    leaves = tuple(tensors.values())
    if alone:
        found = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
        return [dense(one) for one in found]
    value.backward()  # some of what users write, reentrant checkpoints for one, knows only this
    return [torch.zeros_like(one) if one.grad is None else dense(one.grad) for one in leaves]


def dense(gradient: Tensor) -> Tensor:
    """A gradient as a dense tensor; those of embeddings may be sparse."""
    return gradient.to_dense() if gradient.is_sparse else gradient
