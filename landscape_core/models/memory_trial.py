"""Whether a network or a loss remembers earlier calls, found out by trying on a few examples.

A copy that was at another point before must give what a copy gives that is taken straight to a
point. A cached product of weights, for one, is then that of the first point.
"""

import warnings
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from torch import Tensor

from landscape_core.foundation.types import Vector
from landscape_core.models.call_trial import Memory
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.trial_examples import alike, largest, near_for
from landscape_core.models.trial_points import away

FEW = 2
"""Examples on which it is tried."""

REMEMBERS = (
    "The network or the loss remembers earlier calls, and what it remembers cannot be put back: its"
    " values depend on the points at which it was evaluated before."
)
"""What is said where not even a fresh copy for each point gives the same value again."""


@runtime_checkable
class Tried(Protocol):
    """A copy of network and loss that can be asked."""

    def once(self, theta: Vector) -> Tensor:
        """Outputs and loss at theta, end to end."""


def memory_of(objective: ModelObjective, make: Callable[[ModelObjective], Tried]) -> Memory:
    """What network and loss of an objective remember; `make` makes a copy of them.

    A warning names what cannot be mended.
    """
    found = _found(objective, make)
    if found == "of all":
        warnings.warn(REMEMBERS, stacklevel=7)
    return found


def _found(objective: ModelObjective, make: Callable[[ModelObjective], Tried]) -> Memory:
    for part in (objective.first(FEW), objective):
        try:
            return _tried(part, make)
        except Exception:  # some networks take all examples alone; what fails there is told later
            continue
    return "none"


def _tried(part: ModelObjective, make: Callable[[ModelObjective], Tried]) -> Memory:
    first, second = away(part.start, 2)
    used = make(part)
    used.once(first)
    after, alone = used.once(second), make(part).once(second)
    if _same(after, alone):
        return "none"
    make(part).once(first)
    return "of its copy" if _same(make(part).once(second), alone) else "of all"


def _same(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    return alike(one, other, near_for(one.dtype) * largest(one))
