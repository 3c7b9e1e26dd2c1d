"""Refinement from scattered points: computed where a spline through those before may be off."""

from collections.abc import Generator

import numpy as np
import xarray as xr

from landscape_core.slices.refinement import SAFETY, Refinement, mask_of
from landscape_core.slices.scattered_spline import BORDER, Scattered, first_nodes

BATCH = 12
"""How many scattered points are chosen at a time, as long as there are few."""

SHARE, LARGER = 6, 2
"""Of how many points one is chosen at a time when there are many; and where each time is a pass."""

UNRESOLVED = 1.1
"""How many times larger an error is stated where no more points may be computed."""


def scatter(state: Refinement) -> Generator[xr.Dataset, None, bool]:
    """Compute points where a spline through those before is unsure; whether all are finite."""
    nodes, shape = first_nodes(state.size), state.error.shape
    least = SAFETY * state.tolerance.relative_tolerance
    while True:
        yield from state.fill(mask_of(nodes, shape))
        known = state.displayed(state.grid_values.values)[:, :, nodes[:, 0], nodes[:, 1]]
        if not np.isfinite(known).all():
            return False
        spline = Scattered.through(nodes, state.size)
        state.guess = spline.values(known).reshape(state.guess.shape)
        ranges = np.ptp(known[:, 0], axis=1)
        errors = spline.errors(known[:, 0] / np.where(ranges > 0, ranges, 1.0)[:, None])
        largest = errors.max(axis=0)
        # Of many that stay unsure the largest is seldom reached, on the border, too.
        likely = UNRESOLVED * largest / np.minimum(spline.near_border, BORDER[0])
        stated = np.where(largest > least, likely, largest) / SAFETY
        state.error = np.minimum(stated, 1.0).reshape(shape)  # the whole range: nothing is known
        share = LARGER if state.grid_values.read.streams else SHARE
        further = spline.further(largest, least, min(state.left, max(BATCH, len(nodes) // share)))
        if not len(further):
            return True
        if state.is_due():
            yield state.dataset()
        nodes = np.concatenate([nodes, np.stack(np.divmod(further, state.size), axis=1)])
