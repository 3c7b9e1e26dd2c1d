"""What an evaluation of a given network takes, counted by one: nothing is known of its code."""

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from landscape_core.foundation.types import Vector
from landscape_core.models.network_objective import ModelObjective


class _Count(TorchDispatchMode):
    """Counts operators and their floating-point operations.

    Torch's own counter also follows modules by hooks, which fail where a network differentiates.
    """

    def __init__(self) -> None:
        from torch.utils.flop_counter import flop_registry  # with all of torch's shape rules

        TorchDispatchMode.__init__(self)
        self._formulas: dict[Any, Any] = flop_registry
        self.operators = self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        found = func(*args, **named)
        self.operators += 1
        formula = self._formulas.get(func._overloadpacket)
        if formula is not None:
            self.operations += int(formula(*args, **named, out_val=found))
        return found


def evaluation_cost(objective: ModelObjective, theta: Vector) -> tuple[int, int]:
    """Floating-point operations and operators of one evaluation of the loss, in evaluation mode.

    Operations are those of products of matrices and of convolutions; the operators of small
    networks, and of loops in Python, take longer than these.
    """
    with _Count() as count:
        objective.loss(theta)
    return count.operations, count.operators
