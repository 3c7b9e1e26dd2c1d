"""One network at one point after another, with no other code between the points.

Each evaluation begins as the first did. Where the trace shows that nothing is changed, nothing is
put back between the points: an evaluation that reads no values and changes nothing leaves the next
one the same steps to do. Afterwards it is looked whether that holds, as code may depend on what no
trace sees.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from landscape_core.models.plain_evaluation import PlainEvaluation

C = TypeVar("C")
T = TypeVar("T")


def in_turn(
    network: PlainEvaluation, call: Callable[[C], T], points: Sequence[C], *, traced: bool
) -> list[T]:
    """What a function that evaluates a network gives at points.

    Where something was changed after all, the points are evaluated once more, and from then on all
    is put back at each.

    Args:
        network: what is evaluated.
        call: takes the network to a point.
        points: the points.
        traced: the function does what the trace has seen: no gradients, no moved buffers.
    """
    network.trace(network.objective.start)
    own = network.copy.own
    if own.is_plain or network.copy.renews:
        return [call(point) for point in points]
    if traced and network.still:
        with own.in_turn(still=True):
            found = _unless_touched(network, call, points)
        if found is not None:
            return found
        network.changes_later = True
    with own.in_turn(still=False):
        return [call(point) for point in points]


def _unless_touched(
    network: PlainEvaluation, call: Callable[[C], T], points: Sequence[C]
) -> list[T] | None:
    """What a function gives at points between which nothing is put back; None if it has to be."""
    try:
        found = [call(point) for point in points]
    except Exception:  # perhaps of what an earlier point has changed
        if not network.copy.own.touched():
            raise
        return None
    return None if network.copy.own.touched() else found
