"""The objects that a user's network, loss and adapter refer to, as far as their code may use them.

Followed are attributes, containers, closures, default values, hooks, the globals that functions
mention, and the methods and attributes of classes; not what belongs to Python, torch, NumPy or this
package.
"""

import types
from collections import deque
from typing import Any

import numpy as np
from torch import Tensor, nn

from landscape_core.models.object_graph import CHANGEABLE, parts_of

DEPTH, MOST = 7, 4000
"""How many steps are followed, and to how many objects."""

PLAIN = (str, bytes, int, float, complex, type(None), types.ModuleType, types.CodeType)
"""What refers to nothing that code may change, or to too much."""


def reached(*things: Any) -> list[tuple[Any, bool]]:
    """The things and all that they refer to, nearest first; each module with those within.

    Each with whether it is reached through a function or a class, and so shared by all copies.
    """
    found: dict[int, tuple[Any, bool]] = {}
    queue = deque((one, 0, False) for one in things)
    while queue:
        thing, depth, shared = queue.popleft()
        if isinstance(thing, PLAIN) or id(thing) in found:
            continue
        if len(found) >= MOST and not isinstance(thing, nn.Module):
            continue
        shared = shared or isinstance(thing, types.FunctionType | type)
        found[id(thing)] = thing, shared
        if isinstance(thing, nn.Module):
            queue.extendleft((one, depth, shared) for one in thing._modules.values())
        if depth < DEPTH and not isinstance(thing, Tensor | np.ndarray):
            queue.extend((part, depth + 1, shared) for part in parts_of(thing, CHANGEABLE))
    return list(found.values())
