"""Heights as whole numbers: how wrong they are at most, and what is not finite."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscape_core.foundation.errors import SpecError
from landscape_lab.recordings.quantization import error_of, heights_of, quantized

NUMBERS = st.floats(-1e6, 1e6, width=32)


@given(st.lists(NUMBERS, min_size=1, max_size=20), st.sampled_from([8, 16]))
def test_a_height_is_wrong_by_at_most_the_stated_share_of_the_range(values, bits):
    heights = np.array(values)
    low, high = heights.min(), heights.max()
    back = heights_of(quantized(heights, low, high, bits), low, high, bits)
    assert np.abs(back - heights).max() <= 1.0001 * error_of(bits) * (high - low) + 1e-9


def test_the_stated_error_is_reached():
    heights = np.array([0.0, 0.5 / 254, 1.0])
    back = heights_of(quantized(heights, 0.0, 1.0, 8), 0.0, 1.0, 8)
    assert np.abs(back - heights).max() == pytest.approx(error_of(8))


@pytest.mark.parametrize("bits", [8, 16])
def test_what_is_not_finite_stays_apart(bits):
    heights = np.array([0.0, np.nan, 1.0, np.inf, -np.inf])
    back = heights_of(quantized(heights, 0.0, 1.0, bits), 0.0, 1.0, bits)
    np.testing.assert_array_equal(np.isnan(back), [False, True, False, True, True])
    np.testing.assert_array_equal(back[[0, 2]], [0.0, 1.0])


@pytest.mark.parametrize(("low", "bits", "named"), [(0.5, 8, "heights"), (0.0, 12, "bits")])
def test_other_ranges_and_other_bits_are_refused(low, bits, named):
    with pytest.raises(SpecError, match=named):
        quantized(np.array([0.0, 1.0]), low, 1.0, bits)
