"""Networks read as a chain of layers, each fed by the one before."""

from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import fx, nn
from torch.fx.proxy import GraphAppendingTracer, TracerBase

from landscape_core.models.activations import KNOWN
from landscape_core.models.copying import copied
from landscape_core.models.network_blocks import Residual
from landscape_core.models.plain_networks import as_written

FUNCTIONS: dict[Any, type[nn.Module]] = {
    function: one.layer for one in KNOWN for function in one.functions
}
"""Functions and methods of one tensor, without further arguments, and the layers that they are."""

FRESH = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
"""Layers whose result is a new tensor that nobody else holds."""

IN_PLACE = frozenset(one.layer for one in KNOWN if one.writes)
"""Activations that can write over what they are given."""


def work_in_place(module: nn.Module) -> None:
    """Let activations of a chain write over what the layer before has made for them alone."""
    parts: list[Any] = chain_of(module) or []
    spoils = {id(part) for before, part in pairwise([None, *parts]) if type(before) not in FRESH}
    for part in parts:
        if type(part) in IN_PLACE and id(part) not in spoils:
            part.inplace = True


def chain_of(module: nn.Module) -> list[nn.Module] | None:
    """The layers of a network in their order, nested sequences opened; None if it is no chain.

    A network that is no `nn.Sequential` is traced symbolically (`torch.fx`).
    """
    if not all(as_written(one) for one in module.modules()):
        return None
    opened = _opened(module)
    if len(opened) > 1 or type(module) is not type(opened[0]) or not _composed(module):
        return opened
    return _traced(module)


def _opened(module: nn.Module) -> list[nn.Module]:
    if type(module) is nn.Sequential:
        return [leaf for part in module for leaf in _opened(part)]
    return [module]


def _composed(module: nn.Module) -> bool:
    return bool(list(module.children())) and type(module) is not Residual


def _traced(module: nn.Module) -> list[nn.Module] | None:
    """The layers by the graph that calling the module leaves, if that is a chain."""
    try:
        graph = _graph_of(copied(module))  # it may keep what it is called with
    except Exception:  # tracing runs the user's code, which may do anything
        return None
    layers: list[nn.Module] = []
    last: fx.Node | None = None
    for node in graph.nodes:
        if node.op == "placeholder" and last is None:
            last = node
            continue
        if last is None or node.all_input_nodes != [last] or len(last.users) != 1:
            return None
        if node.op == "output":
            return layers if node.args == (last,) else None
        layer = _layer(module, node)
        if layer is None:
            return None
        layers += _opened(layer)
        last = node
    return None


def _graph_of(module: nn.Module) -> fx.Graph:
    """What calling a copy of a network does, layers of torch as one step each.

    `fx.Tracer.trace` would replace the call of all modules of the process while it works; here the
    layers of the copy alone record their calls, so that other threads may go on.
    """
    graph, whole = fx.Graph(), fx.Tracer()
    tracer = GraphAppendingTracer(graph)
    for name, part in module.named_modules():
        if name and whole.is_leaf_module(part, name):
            part.forward = partial(_recorded, tracer, name)
    found = module.forward(fx.Proxy(graph.placeholder("inputs"), tracer))
    graph.output(tracer.create_arg(found))
    return graph


def _recorded(tracer: TracerBase, name: str, *args: Any, **kwargs: Any) -> fx.Proxy:
    """The call of a layer, as one step."""
    return tracer.create_proxy("call_module", name, args, kwargs)


def _layer(module: nn.Module, node: fx.Node) -> nn.Module | None:
    if node.op == "call_module":
        return module.get_submodule(str(node.target))
    if _flattens(node):
        return nn.Flatten()
    alone = len(node.args) == 1 and not node.kwargs
    known = FUNCTIONS.get(node.target) if node.op.startswith("call_") else None
    return known() if known and alone else None


def _flattens(node: fx.Node) -> bool:
    """Whether a node keeps the first dimension and lays the others end to end."""
    method = node.op == "call_method" and node.target == "flatten"
    function = node.op == "call_function" and node.target is torch.flatten
    return (method or function) and (
        node.args[1:] == (1,) or (len(node.args) == 1 and node.kwargs == {"start_dim": 1})
    )
