"""The key of a slice in the store: what was asked, by content, never by name or time."""

from landscape_core.foundation.recipes import Recipe
from landscape_core.models.content_hash import Content, add_objective
from landscape_core.models.content_key import content_key
from landscape_core.slices.grid import Grid
from landscape_core.slices.probe import Probe


def slice_key(read: Probe, grid: Grid, *more: Recipe | str | int | float) -> str:
    """The key of a slice: weights, axes, data, code, measures and choices; and what more is given.

    A strategy is part of it where it was asked for by name.

    Raises:
        SpecError: the code refers to something whose content cannot be hashed.
    """
    content = Content()
    content.add(read.plane.origin, read.plane.axes, list(read.plane.names))
    content.add(read.plane.explained_variance_ratio, read.tf32, dict(read.measures))
    # What was not looked at may draw numbers.
    content.add(read.seed if read.named or read.may_draw else None, read.draws)
    for name, part in read.parts.items():
        content.add(name, part.batch_norm)
        moving = read.reading(name).moving_buffers
        if moving is not None:
            content.add(dict(moving.origin), dict(moving.axes))
        add_objective(content, part)
    asked = read.strategies.values() if read.named or read.preferred else ()
    return content_key("slice", content.digest(), grid, *more, *asked)
