"""A slice to a stated tolerance: points are computed where the picture is not yet resolved.

On a small plane, points are computed where a spline through those before may be off
(`scattered_spline`). On a large plane or a line, or where a value is not finite, a coarse lattice
is computed and interpolated by cubic splines. In the middle of each of its cells one more point is
computed, and on the border one on the edge, where a spline is worst: what the spline missed there,
the residual, says how well the cell is resolved. A cell that is not, or whose neighbour is not, is
split into four, which are looked at in the same way, down to single points. At the end points drawn
at random are computed as a check; where one fails, all around it is computed, and others are drawn.

Where six tenths of all points are not enough, the least sure of them are computed and a larger
error is stated.

The estimated error is two to three times the largest residual among cells that were left, or the
spline's estimate. It is an estimate: what lies between all points that were computed, for instance
a spike in one cell, no sampling can see.
docs/slices.md says how often it holds, on smooth and on chaotic landscapes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.slices.cells import grown
from landscape_core.slices.grid import Grid
from landscape_core.slices.grid_values import GridValues, Spread
from landscape_core.slices.lattice_refinement import Lattice
from landscape_core.slices.probe import Probe
from landscape_core.slices.refinement import SAFETY, Refinement, mask_of
from landscape_core.slices.scattered_refinement import scatter
from landscape_core.slices.tolerance import Tolerance

FEWEST = 13
"""Sides with fewer points are computed exactly."""

SMALL = 32
"""Planes with at most this number of points per axis are interpolated from scattered points."""

CHECKS = 0.02
"""The fraction of all points that are computed as a check."""

ROUNDS = 4
"""How many times checks may fail before a larger error is stated."""


@public_call
def refine(
    read: Probe,
    grid: Grid,
    tolerance: Tolerance,
    attrs: Mapping[str, Any] | None = None,
    *,
    start: xr.Dataset | None = None,
    spread: Spread | None = None,
) -> Iterator[xr.Dataset]:
    """The slice from coarse to resolved; every dataset is complete, the last within the tolerance.

    Where that would need more than six tenths of the points, a larger error is stated instead,
    unless they are few or a value is not finite.

    The variable `error` (`interpolation_error`, where a measure has that name) holds the estimated
    error at each point, 0 where computed; the attribute `estimated_error` the largest,
    `checked_error` the largest seen at `checks` random points; all as a fraction of the range of
    the loss, or of its logarithm, whichever the tolerance is of; the larger share where there are
    two splits. `tolerance_reached` is 1 if `estimated_error` is within the tolerance, else 0. Other
    measures are interpolated at the same points.

    Args:
        read: what is read at each point.
        grid: at which points.
        tolerance: where to end.
        attrs: attributes of the datasets.
        start: an unfinished slice of the same, whose computed points are used.
        spread: `map` of a backend that computes elsewhere.
    """
    sizes = grid.shape(read.plane.dimensions)
    if len(set(sizes)) > 1:
        accepted = "equal along both axes where a tolerance allows interpolated points"
        raise SpecError("Grid.beta_resolution", grid.beta_resolution, accepted)
    grid_values = GridValues.blank(read, grid).resumed(start)
    state = Refinement(grid_values, tolerance, dict(attrs or {}), spread)
    if grid.resolution < FEWEST:
        yield from state.fill(np.ones_like(grid_values.computed))
    else:
        small = grid.resolution <= SMALL and read.plane.dimensions == 2
        lattice = Lattice(state)
        finite = small and (yield from scatter(state))
        if not finite:
            yield from lattice.split()
        yield from _check(state, lattice.width)
    yield state.dataset()


def _check(state: Refinement, reach: int) -> Iterator[xr.Dataset]:
    """Compute points at random; where one is wrong, what is around it as well, and go on.

    What was once missed may be missed elsewhere, too: so large an error is stated.
    """
    rng, missed_most = np.random.default_rng(0), 0.0
    number = max(4, round(CHECKS * state.error.size))
    for _ in range(ROUNDS):
        left = np.argwhere(~state.grid_values.computed)
        if not len(left):
            return
        drawn = left[rng.permutation(len(left))[:number]]
        at = tuple(drawn.T)
        yield from state.fill(mask_of(drawn, state.error.shape))
        missed = state.missed()[at]
        state.checks, state.worst = len(drawn), float(missed.max())
        wrong = drawn[missed > np.maximum(state.tolerance.relative_tolerance, state.error[at])]
        if not len(wrong):
            state.error = np.maximum(state.error, missed_most)
            return
        missed_most = max(missed_most, state.worst)
        around = grown(mask_of(wrong, state.error.shape), reach)
        if (around & ~state.asked).sum() + number > state.left:
            break
        yield from state.fill(around)
    state.error = np.maximum(state.error, missed_most / SAFETY)
