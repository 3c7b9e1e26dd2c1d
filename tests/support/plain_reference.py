"""What a network's loss is at a point, by the plainest means: without the engine.

The module is taken as its author wrote it: a copy gets the parameter values written in place, is
called once on all examples together in evaluation mode, and its loss is evaluated once. Nothing is
batched over points, traced, hooked or recognized. Every evaluation has a copy of its own, so that
none knows of those before it.
"""

import contextlib
import copy
import random

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.batchnorm import _NormBase


class PlainReference:
    """The mean loss of a module over all examples as a function of its flat parameters (P,).

    The flat vector holds the parameters that require a gradient, in the order in which the module
    names them, tied ones once.
    """

    def __init__(
        self,
        module,
        loss,
        data,
        *,
        adapter=None,
        dtype=None,
        batch_norm="running",
        make=None,
        drawing=None,
    ):
        """Copy the module.

        Args:
            module: the network, from a tensor to outputs.
            loss: from (outputs, targets) to a tensor, of which the mean is taken.
            data: a pair (inputs, targets), or a list of such pairs, which are joined.
            adapter: takes the outputs out of what the network gives.
            dtype: floating type to compute in; by default that of the module's first parameter.
            batch_norm: `running`, `batch` or `reestimated`, as `landscape` takes it.
            make: makes the module anew, for one that cannot be copied faithfully.
            drawing: sets the random generators before each evaluation; by default all to 0.
        """
        self._make = make or (lambda: copy.deepcopy(module))
        first = next(module.parameters())
        self.dtype = dtype or first.dtype
        self._loss = self._own(loss)
        self._adapter = adapter or (lambda found: found)
        self._inputs, self._targets = (self._whole(part) for part in zip(*pairs(data), strict=True))
        self._batch_norm = batch_norm
        self._drawing = drawing or seed_everything

    def start(self):
        """The present parameters, flat, (P,)."""
        return torch.cat([p.detach().reshape(-1) for p in moving(self._fresh())])

    def value(self, theta):
        """The loss at theta, a number."""
        with torch.no_grad(), generators_kept():
            return float(self._evaluated(self._at(theta)))

    def values(self, origin, axes, coords):
        """The losses (K,) at `origin + coords @ axes`, for coordinates (K, D)."""
        coords = torch.as_tensor(coords).to(self.dtype)
        thetas = [origin.to(self.dtype) + coord @ axes.to(self.dtype) for coord in coords]
        return np.array([self.value(theta) for theta in thetas])

    def outputs(self, theta):
        """What the network gives on all examples at theta, after the adapter."""
        with torch.no_grad(), generators_kept():
            return self._called(self._at(theta))

    def gradient(self, theta):
        """The gradient at theta, (P,), by `backward`."""
        module = self._at(theta)
        with generators_kept():
            self._evaluated(module).backward()
        grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in moving(module)]
        return torch.cat([grad.detach().reshape(-1) for grad in grads])

    def gradients(self, theta):
        """The gradient (N, P) of each example's loss, from one evaluation on all of them.

        The loss must give one value per example, or several, which are averaged.
        """
        module = self._at(theta)
        with generators_kept():
            losses = self._loss(self._called(module), self._targets.clone())
        rows = losses.reshape(len(losses), -1).mean(dim=1)
        return torch.stack([self._slope(row, module).detach() for row in rows])

    def product(self, theta, direction):
        """The Hessian at theta times a direction, (P,), by differentiating twice."""
        module = self._at(theta)
        with generators_kept():
            slope = self._slope(self._evaluated(module), module, graph=True)
        if not slope.requires_grad:
            return torch.zeros_like(direction)
        return self._slope(slope @ direction, module).detach()

    def hessian(self, theta):
        """The Hessian at theta, (P, P), symmetric, by differentiating twice."""
        module = self._at(theta)
        with generators_kept(), sdpa_kernel(SDPBackend.MATH):
            slope = self._slope(self._evaluated(module), module, graph=True)
        if not slope.requires_grad:
            return theta.new_zeros(len(theta), len(theta)).to(self.dtype)
        rows = [self._slope(one, module).detach() if one.requires_grad else None for one in slope]
        found = torch.stack([torch.zeros_like(slope) if row is None else row for row in rows])
        return ((found + found.T) / 2).detach()

    def difference_hessian(self, theta, step=1e-5):
        """The same by central differences of the gradient; good to about 1e-9 in float64."""
        moves = step * torch.eye(len(theta), dtype=self.dtype)
        rows = [self.gradient(theta + move) - self.gradient(theta - move) for move in moves]
        found = torch.stack(rows) / (2 * step)
        return (found + found.T) / 2

    def gauss_newton(self, theta):
        """Jᵀ H J with H the loss's Hessian in the outputs and J their Jacobian, (P, P)."""
        module = self._at(theta)
        with generators_kept():
            outputs = self._called(module)
        flat = outputs.reshape(-1)
        jacobian = torch.stack([self._slope(one, module) for one in flat]).detach()

        def loss(values):
            return self._loss(values.view_as(outputs), self._targets.clone()).mean()

        bend = torch.autograd.functional.hessian(loss, flat.detach())
        return jacobian.T @ bend @ jacobian

    def _slope(self, value, module, graph=False):
        leaves = list(moving(module))
        found = torch.autograd.grad(
            value, leaves, create_graph=graph, retain_graph=True, allow_unused=True
        )
        filled = [torch.zeros_like(p) if g is None else g for p, g in zip(leaves, found)]  # noqa: B905
        return torch.cat([one.reshape(-1) for one in filled])

    def _fresh(self):
        return self._make().to(self.dtype)

    def _at(self, theta):
        """A copy of the module at theta, in evaluation mode, which is set when it is there."""
        module, start = self._fresh(), 0
        with torch.no_grad():
            for parameter in moving(module):
                parameter.grad = None
                stop = start + parameter.numel()
                parameter.copy_(theta[start:stop].view_as(parameter))
                start = stop
            return module.eval()

    def _evaluated(self, module):
        return self._loss(self._called(module), self._targets.clone()).mean()

    def _called(self, module):
        self._drawing()
        normalizers = [part for part in module.modules() if isinstance(part, _NormBase)]
        if self._batch_norm == "reestimated":
            estimate_statistics(module, normalizers, self._inputs.clone())
        for part in normalizers:
            part.training = self._batch_norm == "batch"
        return self._adapter(module(self._inputs.clone()))

    def _whole(self, batches):
        whole = torch.cat([torch.as_tensor(batch) for batch in batches])
        return whole.to(self.dtype) if whole.is_floating_point() else whole

    def _own(self, loss):
        """The loss, of which each call has a copy of its own if it is a module."""
        if not isinstance(loss, nn.Module):
            return loss
        kept = copy.deepcopy(loss).to(self.dtype)
        return lambda outputs, targets: copy.deepcopy(kept)(outputs, targets)


def pairs(data):
    """The batches (inputs, targets) of a pair, or of a list of pairs."""
    batches = list(data)
    alone = all(isinstance(one, torch.Tensor | np.ndarray) for one in batches)
    return [tuple(batches)] if alone else [tuple(batch) for batch in batches]


def moving(module):
    """The parameters that require a gradient, tied ones once."""
    return (p for p in module.parameters() if p.requires_grad)


def estimate_statistics(module, normalizers, inputs):
    """Give batch normalization the mean and variance of all inputs, as `update_bn` would."""
    for part in normalizers:
        part.reset_running_stats()
        part.training, part.momentum = True, None
    with torch.no_grad():
        module(inputs)


def seed_everything(seed=0):
    """Set the generators of torch, NumPy and Python."""
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


@contextlib.contextmanager
def generators_kept():
    """Leave the generators of torch, NumPy and Python as they were."""
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        torch.set_rng_state(before[0])
        np.random.set_state(before[1])
        random.setstate(before[2])
