"""How long what is computed next to the picture will take, about, known from the settings."""

import math

from landscape_core.foundation.errors import SpecError
from landscape_core.training.run import Run
from landscape_lab.state.scene import Scene

CALL = 1e-4
"""Seconds of an evaluation besides its arithmetic."""

RATE = 5e9
"""Floating-point operations in a second of one slow core."""


def study_seconds(scene: Scene, step: int) -> float:
    """Seconds that the side panel of a run paused at a step takes; infinite where nobody knows."""
    panel = scene.display.side_panel
    passes = panel.passes(step)
    return passes * pass_seconds(scene.run, getattr(panel, "max_examples", None)) if passes else 0.0


def comparison_seconds(scene: Scene, steps: int) -> float:
    """Seconds to train kept runs, of this number of steps together, and to lay all on one plane."""
    evaluations = 4 * steps + scene.slice.points
    return evaluations * pass_seconds(scene.run, scene.slice.max_examples)


def pass_seconds(run: Run, most: int | None = None) -> float:
    """Seconds of an evaluation of the loss on all examples, or on this number of at most."""
    try:
        size = run.problem.estimated_size()
    except SpecError:
        return 0.0  # no such run: what is said of it elsewhere
    if size is None:
        return math.inf
    examples = min(size.examples, most) if most else size.examples
    return CALL + 2 * examples * size.parameters * size.positions / RATE
