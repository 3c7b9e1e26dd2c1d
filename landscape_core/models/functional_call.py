"""Networks with parametrized tensors (`torch.nn.utils.parametrize`) on the way to other processes.

Torch gives a parametrized module a class of its own, made at run time, that refuses to be pickled.
Without that class the module is an ordinary one; where it arrives the class is made again.
"""

import copy
from typing import cast

from torch import nn
from torch.nn.utils import parametrize


def packed(module: nn.Module) -> nn.Module:
    """A copy that can be pickled, and cannot be used until it is unpacked; else the module."""
    if not any(parametrize.is_parametrized(part) for part in module.modules()):
        return module
    found = copy.deepcopy(module)
    for part in found.modules():
        if parametrize.is_parametrized(part):
            part.__class__ = type(part).__bases__[0]
    return found


def unpacked(module: nn.Module) -> nn.Module:
    """The packed module in the state that it was in, changed in place."""
    for part in list(module.modules()):
        if parametrize.is_parametrized(part) and not type(part).__name__.startswith("Parametrized"):
            parametrize._inject_new_class(part)
            for name in cast(nn.ModuleDict, part.parametrizations):
                parametrize._inject_property(part, name)
    return module
