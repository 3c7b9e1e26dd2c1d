"""What a scene would take, known before any of it is computed; what is too large is refused."""

from collections.abc import Callable

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.memory import amount, free_memory
from landscape_core.training.run_cost import (
    SHARE,
    SMALL,
    RunCost,
    counted,
    run_cost,
    step_operations,
    too_large,
)
from landscape_lab.state.place import Place
from landscape_lab.state.scene import Scene

MOST_OPERATIONS = 10**12
"""Of one training step on a page: about a minute of a slow processor, in which nothing moves."""

MOST_AHEAD = 10_000
"""Training steps of a horizon, which a page makes before its first picture, without a pause."""

MOST_MEMORY = 4e9
"""Bytes of a page, however many are free: others are served by the same machine."""

VALUES = 256
"""Bytes that a grid point takes: a few measures of two splits, computed, guessed, shown, spare."""


def check_place(place: Place) -> None:
    """Refuse a place whose run, picture or side panel no page could bear, before any work.

    The runs from which it started and with which it is compared are looked at too.

    Raises:
        SpecError: names a setting, what would fit, and the figures.
    """
    check_scene(place.scene)
    if place.start is not place.scene:
        check_scene(place.start)
    for other in (*place.kept, *((place.origin.place,) if place.origin else ())):
        check_place(other)


def check_scene(scene: Scene) -> None:
    """Refuse a scene that takes too much memory, or whose steps or horizon take too long.

    Raises:
        SpecError: names a setting, what would fit, and the figures.
    """
    if scene.slice.horizon > MOST_AHEAD:
        accepted = f"at most {MOST_AHEAD} on a page; on the command line there is no such limit"
        raise SpecError("SliceSpec.horizon", scene.slice.horizon, accepted)
    needed = memory(scene)
    if needed >= SMALL:
        limit = min(MOST_MEMORY, SHARE * free_memory(scene.run.device))
        if needed > limit:
            told = f"{_parts(scene)}, and {amount(limit)} may be used"
            raise too_large(scene, told, _accepted(lambda other: memory(other) <= limit))
    operations = step_operations(scene.run, MOST_OPERATIONS)
    if operations > MOST_OPERATIONS:
        told = (
            f"a training step or an evaluation takes {counted(operations)} operations, and a page "
            f"bears {counted(MOST_OPERATIONS)}; on the command line there is no such limit"
        )
        few = _accepted(
            lambda other: step_operations(other.run, MOST_OPERATIONS) <= MOST_OPERATIONS
        )
        raise too_large(scene, told, few)


def memory(scene: Scene) -> int:
    """Bytes that run, picture and side panel take together; 0 where nobody knows.

    Raises:
        SpecError: parts that do not fit together.
    """
    cost = run_cost(scene.run)
    return cost.memory + _beside(scene, cost) if cost else 0


def _beside(scene: Scene, cost: RunCost) -> int:
    """Bytes of the picture and the side panel."""
    size = scene.run.problem.estimated_size()
    if size is None:
        return 0
    vector = size.parameters * (8 if scene.run.dtype == "float64" else 4)
    panel = scene.display.side_panel.memory(size, vector, cost.history)
    return VALUES * scene.slice.points + panel


def _parts(scene: Scene) -> str:
    """What takes how much, in words."""
    cost = run_cost(scene.run)
    beside = _beside(scene, cost) if cost else 0
    return f"{cost}, and {amount(beside)} for picture and side panel"


def _accepted(fits: Callable[[Scene], bool]) -> Callable[[Scene], bool]:
    def known(scene: Scene) -> bool:
        try:
            return fits(scene)
        except SpecError:
            return False

    return known
