"""Faults for the engine, each a change of one function, as a slip of the hand would make it."""

import copy
import types
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from landscape_core.models import (
    batch_norm,
    copy_at_point,
    generators,
    known_loss,
    layer_chain,
    memory_trial,
    module_objective,
    network_evaluation,
    network_trace,
    plain_evaluation,
    user_parts,
)
from landscape_core.models.copy_at_point import CopyAtPoint
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.measures.gradient_norm import GradientNorm
from landscape_core.models.measures.loss import LossMeasure
from landscape_core.models.module_state import ModuleState
from landscape_core.models.network_evaluation import NetworkEvaluation
from landscape_core.models.plain_evaluation import PlainEvaluation
from landscape_core.slices import affine_parameters, grid_values, layers_on_plane
from landscape_core.slices import probe as probing
from landscape_core.slices import slice as slicing
from landscape_core.slices.strategies import plane_algebra, shared_layers, vmap
from landscape_core.storage.store import Store

FAULTS = {}
"""By what is wrong, what makes it so, given pytest's `monkeypatch`."""


def fault(what):
    """Enter a maker of a fault."""

    def entered(maker):
        FAULTS[what] = maker
        return maker

    return entered


def changed(patch, owner, name, change):
    """Let a function give what `change` makes of what it gave: `change(found, *arguments)`."""
    before = getattr(owner, name)

    def now(*args, **kwargs):
        return change(before(*args, **kwargs), *args, **kwargs)

    patch.setattr(owner, name, now)


# --- plane algebra --------------------------------------------------------------------------------


@fault("plane algebra: no bias")
def _(patch):
    right = layers_on_plane.LAYERS[nn.Linear]

    def wrong(module, affine):
        bare = copy.copy(module)
        bare._parameters = {**module._parameters, "bias": None}
        return right(bare, affine)

    patch.setitem(layers_on_plane.LAYERS, nn.Linear, wrong)


@fault("plane algebra: the last example is the first")
def _(patch):
    def change(found, _):
        return torch.cat([found[..., :-1], found[..., :1]], dim=-1)

    changed(patch, plane_algebra.Outputs, "joined", change)


@fault("plane algebra: an axis the other way round")
def _(patch):
    right = affine_parameters.Rows.__init__

    def wrong(self, rows):
        right(self, torch.cat([rows[:1], -rows[1:2], rows[2:]]))

    patch.setattr(affine_parameters.Rows, "__init__", wrong)


@fault("plane algebra: biases at rest")
def _(patch):
    def change(found, _, parameter):
        return found if parameter.dim() > 1 else torch.cat([found[:1], 0 * found[1:]])

    changed(patch, affine_parameters.Affine, "rows", change)


@fault("plane algebra: frozen parameters as zeros")
def _(patch):
    def change(found, _, parameter):
        return found * 0 if not parameter.requires_grad else found

    changed(patch, affine_parameters.Affine, "rows", change)


@fault("plane algebra: one activation for another")
def _(patch):
    patch.setitem(layers_on_plane.ELEMENTWISE, nn.Tanh, torch.sigmoid_)
    patch.setitem(layers_on_plane.ELEMENTWISE, nn.ReLU, torch.tanh_)
    for kind in (nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus):
        patch.setitem(layers_on_plane.ELEMENTWISE, kind, torch.relu_)


@fault("plane algebra: a normalization over too little")
def _(patch):
    changed(patch, layers_on_plane, "_standardized", lambda found, *_: found * 1.001)


@fault("plane algebra: statistics of the batch for those kept")
def _(patch):
    patch.setattr(affine_parameters.Affine, "statistics", lambda self, module: None)


@fault("chains: hooks and replaced forwards do not count")
def _(patch):
    for place in (layer_chain, shared_layers, known_loss):
        patch.setattr(place, "as_written", lambda module: True)


@fault("plane algebra: products rounded to float32")
def _(patch):
    def change(found, *_):
        return found.float().to(found.dtype)

    changed(patch, affine_parameters.Rows, "at", change)


# --- shared layers --------------------------------------------------------------------------------


@fault("shared layers: what moves is taken for constant")
def _(patch):
    patch.setattr(shared_layers, "_moving", lambda objective, plane: set())


@fault("shared layers: what is called with something else is taken for the same")
def _(patch):
    patch.setattr(shared_layers, "_alike", lambda one, other: bool(one and other))


@fault("shared layers: the bias of the origin along each axis")
def _(patch):
    def change(found, layer, name, which, tensors):
        return [found[0]] * len(found) if which == "bias" else found

    changed(patch, shared_layers, "_along", change)


@fault("shared layers: coordinates the other way round")
def _(patch):
    def change(reader, *_):
        return lambda coords: reader(-coords)

    changed(patch, shared_layers.SharedLayers, "reader", change)


# --- vmap -----------------------------------------------------------------------------------------


@fault("vmap: buffers as zeros")
def _(patch):
    right = NetworkEvaluation.outputs_with

    def wrong(evaluation, tensors, buffers, inputs):
        zeros = {name: torch.zeros_like(buffer) for name, buffer in buffers.items()}
        return right(evaluation, tensors, zeros, inputs)

    patch.setattr(NetworkEvaluation, "outputs_with", wrong)


@fault("vmap: tied parameters move under one name alone")
def _(patch):
    def wrong(evaluation, tensors, buffers, inputs):
        module, values = evaluation.network.module, {**tensors, **buffers}
        found = torch.func.functional_call(module, values, inputs, tie_weights=False)
        return network_evaluation.outputs_in(found, evaluation.adapter)

    patch.setattr(NetworkEvaluation, "outputs_with", wrong)


@fault("vmap: points in reverse")
def _(patch):
    def change(reader, *_):
        return lambda coords: reader(coords.flip(0))

    changed(patch, vmap.Vmap, "reader", change)


@fault("vmap: coordinates rounded to float32")
def _(patch):
    def change(reader, *_):
        return lambda coords: reader((coords * 0.7).float().to(coords) / 0.7)

    changed(patch, vmap.Vmap, "reader", change)


# --- the plain evaluation -------------------------------------------------------------------------


@fault("plain: the last example is the first")
def _(patch):
    def change(found, _):
        return torch.cat([found[:-1], found[:1]])

    changed(patch, PlainEvaluation, "forward", change)


@fault("plain: the loss is the mean of two halves")
def _(patch):
    def wrong(self, outputs):
        half = max(1, len(outputs) // 2)
        pairs = zip(outputs.split(half), self.objective.targets.split(half), strict=True)
        return torch.stack([self.copy.own.loss_function(*pair).mean() for pair in pairs]).mean()

    patch.setattr(PlainEvaluation, "loss_of", wrong)


@fault("plain: training mode")
def _(patch):
    right = PlainEvaluation.__init__

    def wrong(self, *args, **kwargs):
        right(self, *args, **kwargs)
        self.module.train()
        self.copy.own.keep()

    patch.setattr(PlainEvaluation, "__init__", wrong)


@fault("plain: what a call leaves behind stays")
def _(patch):
    patch.setattr(ModuleState, "restore", lambda self: None)
    patch.setattr(memory_trial, "_tried", lambda *_: "none")  # which would take fresh copies


@fault("plain: the data lie open to writing")
def _(patch):
    patch.setattr(CopyAtPoint, "fresh", lambda self, given: given)


@fault("plain: generators are not set")
def _(patch):
    for place in (plain_evaluation, network_trace, copy_at_point):
        patch.setattr(place, "drawing", lambda device, *_: generators.kept_generators(device))


@fault("plain: gradients of tied parameters halved")
def _(patch):
    def change(found, self, *_, **__):
        places = [id(p) for _, p in self.module.named_parameters(remove_duplicate=False)]
        own = dict(self.module.named_parameters())
        found = found.clone()
        for block in self.objective.layout.blocks:
            if places.count(id(own[block.name])) > 1:
                found[block.start : block.stop] /= 2
        return found

    changed(patch, PlainEvaluation, "gradient", change)


@fault("plain: parameters rounded to float32")
def _(patch):
    right = PlainEvaluation.values

    def wrong(self, theta, *args, **kwargs):
        return right(self, theta.float().to(theta), *args, **kwargs)

    patch.setattr(PlainEvaluation, "values", wrong)


@fault("batch normalization: nothing is estimated anew")
def _(patch):
    for place in (plain_evaluation, network_evaluation, batch_norm):
        patch.setattr(place, "reestimate", lambda *args: None)


# --- losses, data and grid ------------------------------------------------------------------------


@fault("losses: every cross-entropy is the plain one")
def _(patch):
    def wrong(part):
        kind = isinstance(part.loss_function, nn.CrossEntropyLoss)
        return part.with_loss(CrossEntropy()) if kind else part

    patch.setattr(user_parts, "with_known_loss", wrong)


@fault("losses: the sum for the mean")
def _(patch):
    changed(
        patch, LossMeasure, "read", lambda found, _, outputs, answers: found * len(answers.targets)
    )


@fault("measures: the largest entry for the length of the gradient")
def _(patch):
    patch.setattr(GradientNorm, "of_gradient", lambda self, gradient: gradient.abs().amax(-1))


@fault("data: the last batch is left out")
def _(patch):
    def change(found, *_):
        return found[:-1] if len(found) > 1 else found

    for place in (module_objective, user_parts):
        changed(patch, place, "pairs_of", change)


@fault("grid: alpha for beta")
def _(patch):
    def change(found, *_):
        return found[:, ::-1].copy()

    changed(patch, grid_values.GridValues, "coords", change)


@fault("grid: what is no number is zero")
def _(patch):
    changed(patch, probing.Probe, "_read", lambda found, *_: np.nan_to_num(found))


@fault("adapter: the outputs with the other sign")
def _(patch):
    changed(patch, network_evaluation, "outputs_in", lambda found, *_: -found)
    changed(patch, plain_evaluation, "outputs_in", lambda found, *_: -found)


# --- keys and the store ---------------------------------------------------------------------------


def told_of(patch, change):
    """Let the key of a slice be made of what `change` makes of each part of it."""
    right = slicing.slice_key

    def wrong(read, *args):
        parts = {name: change(part) for name, part in read.parts.items()}
        return right(replace(read, parts=parts), *args)

    patch.setattr(slicing, "slice_key", wrong)


def _plain_loss(outputs, targets):
    return outputs.mean()


def without_cells(loss):
    """The same function with nothing in its closure."""
    if not isinstance(loss, types.FunctionType) or not loss.__closure__:
        return loss
    empty = tuple(types.CellType() for _ in loss.__closure__)
    return types.FunctionType(loss.__code__, loss.__globals__, loss.__name__, None, empty)


def without_defaults(loss):
    """The same function without defaults."""
    if not isinstance(loss, types.FunctionType):
        return loss
    return types.FunctionType(
        loss.__code__, loss.__globals__, loss.__name__, None, loss.__closure__
    )


def bare(loss):
    """The same module of the class that all modules have."""
    if not isinstance(loss, nn.Module):
        return loss
    found = nn.Module()
    found.__dict__.update(vars(loss))
    return found


def zeros(tensors):
    return {name: torch.zeros_like(one) for name, one in tensors.items()}


KEYS = {
    "the loss": lambda part: part.with_loss(_plain_loss),
    "closures": lambda part: part.with_loss(without_cells(part.loss_function)),
    "defaults": lambda part: part.with_loss(without_defaults(part.loss_function)),
    "the class of a loss": lambda part: part.with_loss(bare(part.loss_function)),
    "buffers": lambda part: part.with_buffers(
        {k: torch.zeros_like(v) for k, v in part.buffers.items()}
    ),
    "batch normalization": lambda part: part.with_batch_norm("running"),
    "the inputs": lambda part: part.with_inputs(torch.zeros_like(part.inputs)),
    "the order of examples": lambda part: (
        part.reordered(part.targets[:, 0].argsort()) if part.targets.dim() == 2 else part
    ),
}

for _name, _change in KEYS.items():
    FAULTS[f"key: nothing is told of {_name}"] = lambda patch, change=_change: told_of(
        patch, change
    )


@fault("key: always the same")
def _(patch):
    patch.setattr(slicing, "slice_key", lambda *args: "0" * 64)


@fault("store: what was kept last")
def _(patch):
    kept = []
    right = Store.put

    def put(self, key, dataset):
        kept.append(dataset)
        right(self, key, dataset)

    patch.setattr(Store, "put", put)
    patch.setattr(Store, "get", lambda self, key: kept[-1] if kept else None)
