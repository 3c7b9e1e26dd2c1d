"""The range of heights and colours that stays while a run goes on."""

import numpy as np
import pytest
import xarray as xr

from landscape_lab.figures.steady_range import SteadyRange, as_values, natural_range, widened


def test_a_range_stays_until_values_leave_it_noticeably():
    assert widened((0.0, 1.0), (-0.05, 1.05)) == (0.0, 1.0)
    assert widened((0.0, 1.0), (0.4, 0.5)) == (0.0, 1.0)  # never narrower
    low, high = widened((0.0, 1.0), (-0.5, 0.9))
    assert (low, high) == pytest.approx((-2.0, 1.0))
    assert widened((low, high), (-1.3, 0.9)) == (low, high)  # there is room for what follows
    assert widened((0.0, 1.0), (0.0, 2.0)) == pytest.approx((0.0, 4.0))


def test_colours_follow_each_picture_until_the_run_goes_on_and_then_stay():
    steady = SteadyRange()
    assert steady.limits("run", (0.0, 1.0), playing=False) is None
    assert steady.limits("run", (0.1, 1.0), playing=True) is None
    assert steady.limits("run", (0.12, 0.98), playing=True) == (0.1, 1.0)
    assert steady.limits("run", (0.12, 0.98), playing=False) == (0.1, 1.0)  # pausing changes none
    assert steady.limits("another run", (0.12, 0.98), playing=False) is None


def test_a_run_whose_loss_falls_by_four_decades_changes_its_colours_at_most_three_times():
    steady, shown = SteadyRange(), []
    for low in np.linspace(0.4, -3.6, 200):
        natural = (float(low), 1.0)
        shown.append(steady.limits("run", natural, playing=True) or natural)
    assert len(set(shown)) - 1 <= 3


def test_a_range_of_heights_is_given_as_values():
    losses = np.geomspace(1e-3, 10, 25).reshape(1, 5, 5)
    slice_ = xr.Dataset(
        {
            "loss": (("split", "beta", "alpha"), losses),
            "computed": (("beta", "alpha"), np.ones((5, 5), bool)),
        },
        {"split": ["train"], "alpha": np.arange(5.0), "beta": np.arange(5.0)},
    )
    low, _ = natural_range(slice_, "loss", "train", "log")
    assert low == pytest.approx(-3, abs=0.11)
    assert as_values(slice_, "loss", "log", (-3.0, 1.0)) == pytest.approx((1e-3, 10))
    assert as_values(slice_, "loss", "linear", (-3.0, 1.0)) == (-3.0, 1.0)
