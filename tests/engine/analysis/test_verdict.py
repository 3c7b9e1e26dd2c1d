"""Verdicts on made-up effects: those that pass, fail, and are undecided."""

import math

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from landscape_core.analysis import verdict as v
from landscape_core.analysis.verdict import Criterion, judge, verdict
from landscape_core.foundation.errors import FileFormatError, SpecError

BELOW = Criterion("ratio of the losses", "at most", 0.5)
ABOVE = Criterion("gain in accuracy", "at least", 3.0, "points")


def effects(median, spread, seeds=20):
    return median + spread * np.linspace(-1, 1, seeds)


def test_effects_on_the_claims_side_pass():
    assert judge(effects(0.3, 0.1), BELOW).word == v.PASS
    assert judge(effects(5.0, 1.0), ABOVE).word == v.PASS


def test_effects_beyond_the_bound_are_not_reproduced():
    assert judge(effects(0.8, 0.1), BELOW).word == v.NOT_REPRODUCED
    assert judge(effects(1.0, 1.0), ABOVE).word == v.NOT_REPRODUCED


@pytest.mark.parametrize(("median", "criterion"), [(0.48, BELOW), (0.52, BELOW), (3.1, ABOVE)])
def test_an_interval_across_the_bound_is_undecided_and_more_seeds_would_decide(median, criterion):
    told = judge(effects(median, 0.4), criterion)
    assert told.word == v.UNDECIDED
    assert told.low < criterion.bound < told.high
    assert told.more > 0
    # With so many more of the same spread the interval lies on one side.
    assert judge(effects(median, 0.4, 20 + 2 * told.more), criterion).word != v.UNDECIDED


def test_too_few_seeds_decide_nothing_whatever_they_say():
    for seeds in range(1, v.FEWEST):
        told = judge(np.zeros(seeds), BELOW)
        assert told.word == v.UNDECIDED
        assert told.more == v.FEWEST - seeds
    assert judge(np.zeros(v.FEWEST), BELOW).word == v.PASS
    assert judge([], BELOW).word == v.UNDECIDED


def test_a_seed_without_an_effect_counts_against_the_claim():
    found = effects(0.3, 0.1, 12)
    found[:7] = math.nan
    told = judge(found, BELOW)
    assert told.missing == 7
    assert told.word != v.PASS
    assert judge(np.where(np.isnan(found), math.nan, 5.0), ABOVE).word != v.PASS


def test_the_numbers_say_in_words_why_an_interval_has_no_end():
    few = judge([0.3, 0.31], BELOW)
    assert few.numbers == "median 0.305, without an interval: it takes 6 seeds, 4 more"
    assert "would decide" not in str(few)
    assert judge(effects(0.3, 0.1), BELOW).numbers.startswith("median 0.3 [0.2")
    lost = effects(0.3, 0.1, 12)
    lost[:3] = math.nan
    upward = judge(lost, BELOW)
    assert (
        upward.numbers
        == f"median {upward.median:.3g} [from {upward.low:.3g}, without an upper end]"
    )
    downward = judge(lost, ABOVE)
    assert downward.numbers.endswith(f"[without a lower end, up to {downward.high:.3g}]")
    assert judge(np.full(7, math.nan), BELOW).numbers == "median ∞"
    assert judge(np.full(7, math.nan), ABOVE).numbers == "median −∞"
    assert judge([math.nan, -math.inf], BELOW).numbers == "no median"
    assert judge([math.inf] * 4 + [-math.inf] * 5, BELOW).numbers == "median −∞ [without ends]"
    for seeds in range(9):
        told = str(judge(np.full(seeds, math.nan), BELOW))
        assert "inf" not in told
        assert "nan" not in told


@pytest.mark.exhaustive
def test_the_interval_holds_the_median_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for seeds in (6, 9, 20):
        inside = 0
        for _ in range(1000):
            told = judge(rng.exponential(size=seeds), BELOW)  # a skewed distribution
            inside += told.low <= math.log(2) <= told.high
        assert stats.binomtest(inside, 1000, 0.95, alternative="less").pvalue > 1e-3


def test_a_dataset_carries_its_criterion():
    dataset = xr.Dataset({"effect": ("seed", effects(0.3, 0.1))}, attrs=dict(v.carried(BELOW)))
    assert verdict(dataset) == judge(effects(0.3, 0.1), BELOW)
    with pytest.raises(FileFormatError, match="effect"):
        verdict(xr.Dataset({"loss": ("step", [1.0])}))
    with pytest.raises(FileFormatError, match="criterion"):
        verdict(dataset.assign_attrs(criterion="{}"))
    with pytest.raises(FileFormatError, match="numbers"):
        verdict(xr.Dataset({"effect": ("seed", ["a"])}, attrs=dataset.attrs))
    with pytest.raises(SpecError, match="dataset must be"):
        verdict(None)


def test_a_median_between_two_infinities_is_not_called_missing():
    told = str(judge([math.nan] * 3 + [-math.inf] * 3, BELOW))
    assert "3 of 6 seeds" in told
    assert "no effect yet" not in told


@pytest.mark.parametrize(
    "given", [("e", "below", 1.0), ("e", "at most", math.inf), (" ", "at most", 1.0)]
)
def test_a_criterion_is_checked(given):
    with pytest.raises(SpecError, match="Criterion"):
        Criterion(*given)
