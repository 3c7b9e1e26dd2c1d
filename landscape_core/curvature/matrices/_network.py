"""The objective of a network, for matrices that need its outputs."""

from landscape_core.foundation.errors import SpecError
from landscape_core.models.objective import ModelObjective, Objective


def network(objective: Objective, what: str) -> ModelObjective:
    """The same objective, known to have outputs.

    Raises:
        SpecError: it has none.
    """
    if objective.network is None:
        accepted = f"a network's objective, as {what} is made of the outputs"
        raise SpecError("objective", type(objective).__name__, accepted)
    return objective.network
