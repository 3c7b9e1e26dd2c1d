"""Basins and passes against a flood computed level by level, and against closed forms."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from landscape_core.analysis.merge_tree import barrier, merge_tree
from landscape_core.foundation.errors import SpecError

WHOLE = st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, math.nan, math.inf, -math.inf])
SHAPES = st.one_of(array_shapes(min_dims=1, max_dims=1), array_shapes(min_dims=2, max_dims=2))
SMALL = SHAPES.flatmap(lambda shape: arrays(float, shape, elements=WHOLE))


def structure(dimensions, neighbours):
    """Which points touch, as SciPy writes it."""
    reach = 2 if neighbours == 8 else 1
    return ndimage.generate_binary_structure(dimensions, min(reach, dimensions))


def lakes(values, level, neighbours):
    """The number of the lake at each point when the flood has this level; 0 on land."""
    with np.errstate(invalid="ignore"):
        under = np.isfinite(values) & (values <= level)
    return ndimage.label(under, structure(values.ndim, neighbours))[0]


def flooded(values, neighbours):
    """Pairs of birth and death, sorted: level by level, lakes labelled anew at every one."""
    pairs, before = [], np.zeros(values.shape, int)
    for level in np.unique(values[np.isfinite(values)]):
        now = lakes(values, level, neighbours)
        for lake in range(1, now.max() + 1):
            inside = np.unique(before[(now == lake) & (before > 0)])
            births = sorted(values[before == old].min() for old in inside)
            pairs.extend((birth, level) for birth in births[1:])
        before = now
    pairs.extend((values[before == lake].min(), math.inf) for lake in range(1, before.max() + 1))
    return sorted(pairs)


def plateaus(values, neighbours):
    """How many connected sets of equal finite values have no lower neighbour."""
    touch, count = structure(values.ndim, neighbours), 0
    for level in np.unique(values[np.isfinite(values)]):
        flats, number = ndimage.label(values == level, touch)
        for flat in range(1, number + 1):
            around = values[ndimage.binary_dilation(flats == flat, touch)]
            count += not (np.isfinite(around) & (around < level)).any()
    return count


def lowest_pass(values, neighbours, start, end):
    """The lowest level at which two points lie in one lake."""
    for level in np.unique(values[np.isfinite(values)]):
        found = lakes(values, level, neighbours)
        if found[start] and found[start] == found[end]:
            return level
    return math.inf


@given(values=SMALL, neighbours=st.sampled_from([4, 8]))
def test_births_and_deaths_are_those_of_a_flood(values, neighbours):
    basins = merge_tree(values, neighbours)
    assert sorted((basin.birth, basin.death) for basin in basins) == flooded(values, neighbours)
    assert len(basins) == plateaus(values, neighbours)


@given(values=SMALL, neighbours=st.sampled_from([4, 8]))
def test_the_barrier_between_any_two_minima_is_that_of_a_flood(values, neighbours):
    basins = merge_tree(values, neighbours)
    for i, j in itertools.product(range(len(basins)), repeat=2):
        one, other = basins[i], basins[j]
        expected = lowest_pass(values, neighbours, one.index, other.index)
        assert barrier(basins, i, j) == expected - max(one.birth, other.birth)


@given(values=SMALL, neighbours=st.sampled_from([4, 8]))
def test_places_hold_the_values_that_are_told_and_parents_are_deeper(values, neighbours):
    basins = merge_tree(values, neighbours)
    for i, basin in enumerate(basins):
        assert values[basin.index] == basin.birth
        if basin.saddle is None:
            assert (basin.death, basin.parent) == (math.inf, None)
        else:
            assert values[basin.saddle] == basin.death > basin.birth
            assert basin.parent < i
            assert basins[basin.parent].death >= basin.death
            found = lakes(values, basin.death, neighbours)
            assert found[basin.index] == found[basins[basin.parent].index]


@given(
    values=arrays(
        float, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.floats(-1, 1, width=16)
    ),
    a=st.sampled_from([0.5, 2.0, 8.0]),
)
def test_a_scaled_landscape_has_the_same_tree(values, a):
    before, after = merge_tree(values), merge_tree(a * values)
    assert [basin.index for basin in before] == [basin.index for basin in after]
    assert [basin.saddle for basin in before] == [basin.saddle for basin in after]
    assert [a * basin.death for basin in before] == [basin.death for basin in after]


def double_well(n=41):
    x, y = np.meshgrid(np.linspace(-2, 2, n), np.linspace(-1, 1, n))
    return x, y, x**4 - 2 * x**2 + y**2


def test_the_barrier_of_the_double_well_is_one_at_the_origin():
    x, y, values = double_well()
    basins = merge_tree(values)
    assert len(basins) == 2
    assert sorted(round(float(x[basin.index]), 12) for basin in basins) == [-1, 1]
    assert abs(basins[1].persistence - 1) < 1e-12
    assert abs(barrier(basins, 0, 1) - 1) < 1e-12
    assert abs(x[basins[1].saddle]) < 1e-12
    assert abs(y[basins[1].saddle]) < 1e-12


@pytest.mark.parametrize("neighbours", [4, 8])
def test_a_product_of_cosines_has_its_minima_and_all_barriers_are_one(neighbours):
    side = np.linspace(-1, 1, 33)
    values = np.cos(2 * np.pi * side[:, None]) * np.cos(2 * np.pi * side)
    basins = merge_tree(values, neighbours)
    # Minima lie at halves (i, j) / 2 with i + j odd: 12 of 25.
    assert len(basins) == 12
    for i, j in itertools.combinations(range(12), 2):
        assert abs(barrier(basins, i, j) - 1) < 1e-12


def test_the_lower_of_two_ways_over_a_third_basin_is_taken():
    basins = merge_tree(np.array([0.0, 5.0, 1.0, 3.0, 2.0, 9.0, 1.5]))
    assert [basin.index for basin in basins] == [(0,), (2,), (6,), (4,)]
    assert [basin.saddle for basin in basins] == [None, (1,), (5,), (3,)]
    assert [basin.parent for basin in basins] == [None, 0, 0, 1]
    assert [barrier(basins, 0, 3), barrier(basins, 3, 2), barrier(basins, 1, 3)] == [3, 7, 1]


def test_a_plateau_is_one_minimum_and_so_is_a_flat_landscape():
    assert len(merge_tree(np.zeros((5, 7)))) == 1
    ring = np.full((5, 5), 2.0)
    ring[1:4, 1:4] = 0.0
    ring[2, 2] = 1.0
    (only,) = merge_tree(ring)
    assert only.index == (1, 1)


def test_walls_part_basins_and_nothing_finite_has_none():
    values = np.array([[0.0, math.nan, 1.0], [0.0, math.inf, 2.0]])
    basins = merge_tree(values)
    assert [(basin.birth, basin.death) for basin in basins] == [(0, math.inf), (1, math.inf)]
    assert barrier(basins, 0, 1) == math.inf
    assert merge_tree(np.full((3, 3), math.nan)) == ()
    assert merge_tree(np.zeros((0,))) == ()


def test_a_corner_joins_eight_neighbours_and_not_four():
    values = np.array([[0.0, 2.0], [2.0, 1.0]])
    assert len(merge_tree(values, 8)) == 1
    assert [basin.persistence for basin in merge_tree(values, 4)] == [math.inf, 1.0]


@pytest.mark.parametrize("noise", [0.01, 1.0])
def test_a_grid_of_201_has_a_basin_for_each_local_minimum(noise):
    side = np.linspace(-3, 3, 201)
    rng = np.random.default_rng(0)
    values = np.sin(5 * side[:, None]) * np.cos(4 * side) + noise * rng.normal(size=(201, 201))
    lowest = values == ndimage.minimum_filter(values, size=3, mode="nearest")
    births = sorted(basin.birth for basin in merge_tree(values, 8))
    np.testing.assert_array_equal(births, np.sort(values[lowest]))


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda: merge_tree(np.zeros((2, 2, 2))), "line or a grid"),
        (lambda: merge_tree(np.zeros((2, 2)), 6), "4 or 8"),
        (lambda: barrier(merge_tree(np.zeros(3)), 0, 1), "between 0 and 0"),
    ],
)
def test_what_has_no_tree_is_refused(act, says):
    with pytest.raises(SpecError, match=says):
        act()
