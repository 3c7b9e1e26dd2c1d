"""Interpolating cubic splines as matrices, without SciPy, which takes half a second to import."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def spline_matrix(at: Floats, to: Floats) -> Floats:
    """The matrix (R, n) from values at sorted places to those of the spline at others.

    The spline is cubic and twice continuously differentiable, with not-a-knot ends; through fewer
    than five values it is their polynomial.

    Args:
        at: n places, increasing.
        to: R places between the first and the last of them.
    """
    if len(at) < 5:
        return _polynomials(at, to)
    gap = np.diff(at)
    k = np.clip(np.searchsorted(at, to, side="right") - 1, 0, len(gap) - 1)
    left, right, width = to - at[k], at[k + 1] - to, gap[k]
    unit, bend = np.eye(len(at)), _second_derivatives(gap)

    def weighted(share: Floats, rows: Floats) -> Floats:
        return share[:, None] * rows

    between = weighted(right / width, unit[k]) + weighted(left / width, unit[k + 1])
    curved = weighted(right**3 / width - width * right, bend[k])
    curved += weighted(left**3 / width - width * left, bend[k + 1])
    return between + curved / 6.0


def _polynomials(at: Floats, to: Floats) -> Floats:
    """The polynomials (R, n) that are 1 at one of the places and 0 at the others."""
    columns = []
    for one in at:
        others = at[at != one]
        columns.append(np.prod((to[:, None] - others) / (one - others), axis=1))
    return np.stack(columns, axis=1)


def _second_derivatives(gap: Floats) -> Floats:
    """The matrix (n, n) from values to second derivatives at their places, `gap` (n-1,) apart."""
    n = len(gap) + 1
    system, slopes = np.zeros((n, n)), np.zeros((n, n))
    inner = np.arange(1, n - 1)
    before, after = gap[:-1], gap[1:]
    system[inner, inner - 1], system[inner, inner + 1] = before, after
    system[inner, inner] = 2.0 * (before + after)
    slopes[inner, inner - 1], slopes[inner, inner + 1] = 6.0 / before, 6.0 / after
    slopes[inner, inner] = -6.0 / before - 6.0 / after
    # The third derivative is the same on both sides of the second and of the last but one place.
    system[0, :3] = gap[1], -gap[0] - gap[1], gap[0]
    system[-1, -3:] = gap[-1], -gap[-2] - gap[-1], gap[-2]
    return np.asarray(np.linalg.solve(system, slopes))
