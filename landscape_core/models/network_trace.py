"""What a network and its loss do besides arithmetic of a fixed structure, traced at one point."""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.call_errors import loss_errors, network_errors
from landscape_core.models.call_trial import Memory
from landscape_core.models.copy_at_point import CopyAtPoint
from landscape_core.models.evaluated_copy import Measured
from landscape_core.models.generators import (
    OWN,
    PYTHON,
    checks_draw,
    drawing,
    recurring,
    states,
)
from landscape_core.models.gradient_mode import needs_gradients
from landscape_core.models.memory_trial import Tried, memory_of
from landscape_core.models.module_state import rewound
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.notices import retell
from landscape_core.models.observation import observed
from landscape_core.models.trace import MEMORY, Trace
from landscape_core.models.trial_examples import same_bits

REPEATED = 16
"""How many times it is looked whether numbers drawn from Python's generator make a difference."""

Observed = tuple[Tensor, Scalar, tuple[str, ...], set[str]]
"""Outputs, loss, what else was done in words, and which generators were drawn from."""


@runtime_checkable
class Evaluated(Protocol):
    """A network and a loss that can be evaluated at the point where their copy is."""

    objective: ModelObjective
    copy: CopyAtPoint
    seed: int

    def forward(self) -> Tensor:
        """The outputs on all examples."""

    def loss_of(self, outputs: Tensor) -> Scalar:
        """The loss of outputs."""


def trace_of(network: Evaluated, theta: Vector, make: Callable[[ModelObjective], Tried]) -> Trace:
    """What an evaluation does; from now on the copy is treated accordingly.

    Args:
        network: what is evaluated.
        theta: where.
        make: makes another one of some of the examples.

    Raises:
        SpecError: something reads the network that this one was copied from.
    """
    outputs, loss, found, drawn = _observed_in_any_way(network, theta)
    drawn = recurring(drawn, lambda: _observed(network, theta, 0)[3])
    if drawn == {PYTHON} and checks_draw():
        others = (_observed(network, theta, draw) for draw in range(1, REPEATED))
        same = all(same_bits(outputs, one[0]) and same_bits(loss, one[1]) for one in others)
        drawn = set() if same else drawn
    spoils = network.copy.look_at_data()
    found += ("draws random numbers",) * bool(drawn) + ("writes to its data",) * spoils
    return Trace(found + _habits(network, make), bool(drawn), spoils)


def _observed_in_any_way(network: Evaluated, theta: Vector) -> Observed:
    """What is observed without gradients, or with them where it fails without."""
    if network.copy.own.is_plain:  # whose arithmetic is known
        return *_ran(network, theta), (), set()
    try:
        return _observed(network, theta, 0)
    except RuntimeError as error:
        if not needs_gradients(error):
            raise
    network.copy.differentiates = True
    return _observed(network, theta, 0)


def _ran(network: Evaluated, theta: Vector) -> tuple[Tensor, Scalar]:
    """Outputs and loss at theta; what the network or the loss raises is reported."""
    with network.copy.at(theta, {}), network.copy.recording():
        with network_errors(network.objective.inputs):
            outputs = network.forward()
        with loss_errors(outputs, network.objective.targets, network.objective.loss_function):
            return outputs, network.loss_of(outputs)


def _observed(network: Evaluated, theta: Vector, draw: int) -> Observed:
    """Outputs and loss at theta, what else was done, and which generators were drawn from."""
    with (
        network.copy.at(theta, {}),
        drawing(network.copy.flat.device, network.seed, draw),
        network.copy.recording(),
    ):
        before = states(network.copy.flat.device)
        targets = network.objective.targets
        asked = network.copy.own.measures if draw == 0 else []
        measures = [partial(_measured, one, targets) for one in asked]
        given = network.objective
        data = given.inputs, given.targets, given.loss_function
        watched = given.evaluation.watched()
        outputs, loss, found, heard = observed(
            network.forward, network.loss_of, measures, watched, data
        )
        if heard and not network.copy.noisy:
            network.copy.noisy = True
            retell(heard)
        if network.copy.own.reads_network:
            found += ("is read by a measure",)
        if network.copy.own.changed():
            found += ("changes what it holds",)
        after = states(network.copy.flat.device)
        drawn = {name for name in before if before[name] != after[name]}
        if network.copy.own.drawn():
            drawn.add(OWN)
    return outputs, loss, found, drawn


def _habits(network: Evaluated, make: Callable[[ModelObjective], Tried]) -> tuple[str, ...]:
    """What else the network does that a fast way of computing would not do, in words."""
    found = ("differentiates in its forward",) * network.copy.differentiates
    found += ("has a train() or eval() of its own",) * network.copy.own.switches
    remembered: Memory = "none"
    if network.copy.own.may_remember:
        calls = network.objective.calls
        remembered = calls.memory(lambda: memory_of(network.objective, make))
    network.copy.renews = remembered == "of its copy"
    found += ("remembers earlier calls in its copy",) * network.copy.renews
    return found + (MEMORY,) * (remembered == "of all")


def _measured(measure: Measured, targets: Tensor, outputs: Tensor) -> Any:
    """What a measure of the user's gives, with targets of its own, which it may write to."""
    with rewound(measure):
        return measure(outputs, targets.clone())
