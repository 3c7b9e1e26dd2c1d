"""Trials on a few examples, or on all where a network or a loss cannot do with fewer.

A graph is one example with as many rows as it has nodes, and a loss may hold a number for each row.
"""

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor

from landscape_core.foundation.precision import full_precision
from landscape_core.models.gradient_mode import without_gradients
from landscape_core.models.network_objective import ModelObjective

T = TypeVar("T")

FEW = 2
"""Examples on which networks and losses are tried."""


def on_few(
    part: ModelObjective,
    read: Callable[[ModelObjective], T],
    fits: Callable[[ModelObjective], bool] = lambda part: True,
) -> T:
    """What a function finds out on the first examples or, where it fails there, on all.

    Where it fails on all as well, the error is that on the first examples.

    Args:
        part: the objective on all examples.
        read: what is tried.
        fits: whether it may be tried on all.
    """
    try:
        return read(part.first(FEW))
    except Exception as error:  # of what users write
        if part.examples <= FEW:
            raise
        told = error
    try:
        if fits(part):
            return read(part)
    except Exception:  # of users, too: the error on a few examples is the plainer one
        raise told from told.__cause__
    raise told


def outputs_of(part: ModelObjective) -> Tensor:
    """The outputs on all examples, each by itself, at the present parameters, detached."""
    alone = part.alone()
    # A trial how the network can be called would take longer than the one call.
    functional = alone.calls.known is True
    with full_precision(alone.start.device):
        return without_gradients(
            lambda: alone.evaluation.outputs(alone.start, alone.inputs, functional=functional)
        )
