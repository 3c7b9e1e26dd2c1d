"""Splines as matrices, against SciPy's."""

import numpy as np
import pytest
from scipy.interpolate import make_interp_spline

from landscape_core.slices.cubic_spline import spline_matrix
from landscape_core.slices.interpolation import lines_of


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 13])
def test_the_spline_through_values_at_uneven_places_is_that_of_scipy(count):
    rng = np.random.default_rng(count)
    at = np.cumsum(rng.uniform(0.3, 2.0, count))
    to = np.concatenate([at, np.linspace(at[0], at[-1], 37)])
    matrix = spline_matrix(at, to)
    expected = make_interp_spline(at, np.eye(count), k=min(3, count - 1))(to)
    np.testing.assert_allclose(matrix, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(matrix[:count], np.eye(count), rtol=0, atol=1e-14)


def test_cubics_are_reproduced_between_the_lines_of_a_grid():
    at, every = lines_of(51)[0].astype(float), np.arange(51.0)
    cubic = np.polynomial.Polynomial([1.0, -2.0, 0.3, 0.01])
    np.testing.assert_allclose(spline_matrix(at, every) @ cubic(at), cubic(every), rtol=1e-12)
