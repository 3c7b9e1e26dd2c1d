"""Barcodes, profiles and distances of slices against gudhi, brute force and closed forms."""

import itertools
import math
import sys

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from landscape_core.analysis.bottleneck import bottleneck_distance
from landscape_core.analysis.merge_tree import merge_tree
from landscape_core.analysis.persistence import persistence
from landscape_core.analysis.topological_profile import topological_profile
from landscape_core.foundation.errors import FileFormatError, MissingPackageError, SpecError

VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, math.nan, math.inf, -math.inf])
PLANES = array_shapes(min_dims=2, max_dims=2, max_side=7).flatmap(
    lambda shape: arrays(float, shape, elements=VALUES)
)
LINES = array_shapes(min_dims=1, max_dims=1, max_side=14).flatmap(
    lambda shape: arrays(float, shape, elements=VALUES)
)
EITHER = st.one_of(PLANES, LINES)


def slice_of(values, **attrs):
    """A slice (split, beta, alpha), or a line, of these training losses, computed everywhere."""
    dims = ("beta", "alpha")[-values.ndim :]
    sides = {dim: np.linspace(-1, 1, n) for dim, n in zip(dims, values.shape, strict=True)}
    return xr.Dataset(
        {
            "loss": (("split", *dims), values[None]),
            "computed": (dims, np.ones(values.shape, bool)),
        },
        {"split": ["train"], **sides},
        attrs,
    )


def bars(barcode):
    return sorted(zip(barcode["birth"].values, barcode["death"].values, strict=True))


def waves(n=31, noise=0.0):
    side = np.linspace(-3, 3, n)
    rng = np.random.default_rng(3)
    smooth = 2 + np.sin(3 * side[:, None]) * np.cos(2 * side) + 0.1 * side
    return smooth + noise * rng.normal(size=(n, n))


def of_gudhi(values, dimension, neighbours):
    """The bars that gudhi gives, what is not finite as holes."""
    gudhi = pytest.importorskip("gudhi")
    carrier = {8: "top_dimensional_cells", 4: "vertices"}[neighbours]
    held = np.where(np.isfinite(values), values, math.inf)
    found = gudhi.CubicalComplex(**{carrier: held})
    found.compute_persistence(min_persistence=0.0)
    rows = np.array(found.persistence_intervals_in_dimension(dimension)).reshape(-1, 2)
    return sorted((b, d) for b, d in rows.tolist() if b < math.inf)


@pytest.mark.parametrize("neighbours", [4, 8])
@pytest.mark.parametrize("dimension", [0, 1])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_the_barcode_of_a_slice_is_that_of_gudhi(noise, dimension, neighbours):
    values = waves(51, noise)
    found = persistence(slice_of(values), dimension=dimension, neighbours=neighbours)
    expected = of_gudhi(values, dimension, neighbours)
    assert len(expected) > 5
    assert bars(found) == expected


@given(values=PLANES, neighbours=st.sampled_from([4, 8]), dimension=st.sampled_from([0, 1]))
def test_barcodes_with_holes_and_plateaus_are_those_of_gudhi(values, neighbours, dimension):
    found = persistence(slice_of(values), dimension=dimension, neighbours=neighbours)
    assert bars(found) == of_gudhi(values, dimension, neighbours)


@given(values=EITHER)
def test_bars_begin_and_end_at_points_that_have_these_losses(values):
    slice_ = slice_of(values)
    for dimension in (0, 1):
        barcode = persistence(slice_, dimension=dimension)
        for end in ("birth", "death"):
            for row in range(barcode.sizes["bar"]):
                place = {
                    dim: float(barcode[f"{end}_{dim}"][row]) for dim in slice_["computed"].dims
                }
                if math.isnan(place["alpha"]):
                    assert barcode[end][row] == math.inf
                else:
                    assert slice_["loss"][0].sel(place) == barcode[end][row]


@given(values=EITHER, neighbours=st.sampled_from([4, 8]))
def test_the_parents_of_bars_are_those_of_the_merge_tree(values, neighbours):
    barcode = persistence(slice_of(values), neighbours=neighbours)
    expected = [-1 if b.parent is None else b.parent for b in merge_tree(values, neighbours)]
    assert barcode["parent"].values.tolist() == expected


def parts(values, level, structure):
    """The sizes of the connected parts at or below a level, sorted."""
    with np.errstate(invalid="ignore"):
        under = np.isfinite(values) & (values <= level)
    labels, count = ndimage.label(under, structure)
    return labels, sorted(np.bincount(labels.ravel(), minlength=count + 1)[1:].tolist())


@given(values=EITHER, neighbours=st.sampled_from([4, 8]))
def test_a_profile_has_the_parts_of_the_slice_at_every_height_and_their_sizes(values, neighbours):
    profile = topological_profile(slice_of(values), neighbours=neighbours)
    reach = 2 if neighbours == 8 and values.ndim == 2 else 1
    touch = ndimage.generate_binary_structure(values.ndim, reach)
    curve, widths = profile["loss"].values, profile["width"].values
    for level in np.unique(values[np.isfinite(values)]):
        labels, count = ndimage.label(np.isfinite(curve) & (curve <= level))
        wide = ndimage.sum_labels(widths, labels, range(1, count + 1)) if count else []
        assert sorted(wide) == parts(values, level, touch)[1]


@given(values=EITHER, neighbours=st.sampled_from([4, 8]))
def test_a_profile_has_the_barcode_of_the_slice(values, neighbours):
    barcode = persistence(slice_of(values), neighbours=neighbours)
    profile = topological_profile(slice_of(values), neighbours=neighbours)
    of_curve = sorted((b.birth, b.death) for b in merge_tree(profile["loss"].values))
    assert of_curve == bars(barcode)
    points = profile.isel(place=profile["width"].values == 1)
    for row, position in enumerate(barcode["position"].values):
        at = int(np.abs(points["position"].values - position).argmin())
        assert points["loss"][at] == barcode["birth"][row]
        assert points["bar"][at] == row


@given(values=LINES)
def test_the_profile_of_a_line_is_the_line(values):
    profile = topological_profile(slice_of(values))
    curve = profile["loss"].values[profile["width"].values == 1]
    np.testing.assert_array_equal(curve, values[np.isfinite(values)])


@given(values=PLANES, least=st.sampled_from([1.0, 2.0, 9.0]))
def test_a_profile_without_short_basins_has_the_longer_bars_alone(values, least):
    barcode = persistence(slice_of(values))
    profile = topological_profile(slice_of(values), least=least)
    longer = [(b, d) for b, d in bars(barcode) if d - b > least]
    assert sorted((b.birth, b.death) for b in merge_tree(profile["loss"].values)) == longer


def test_the_size_of_a_basin_counts_the_points_below_its_saddle():
    barcode = persistence(slice_of(np.array([0.0, 1.0, 5.0, 2.0, 1.5, 3.0, 9.0])))
    assert barcode["birth"].values.tolist() == [0.0, 1.5]
    assert barcode["death"].values.tolist() == [math.inf, 5.0]
    np.testing.assert_allclose(barcode["basin"], [1.0, 3 / 7])


def test_without_stated_errors_all_bars_above_rounding_are_significant():
    values = np.array([0.0, 1.0, 0.5, 2.0, 2.0 - 1e-15, 3.0])
    barcode = persistence(slice_of(values, dtype="float64"))
    assert barcode["birth"].values.tolist() == [0.0, 0.5, 2.0 - 1e-15]
    assert barcode["significant"].values.tolist() == [True, True, False]
    assert (barcode.attrs["error_known"], barcode.attrs["error_sources"]) == (1, "arithmetic")


def test_the_largest_deviation_at_checked_points_is_an_error_too():
    values = np.array([1.0, 2.0, 1.5, 3.0])
    barcode = persistence(slice_of(values, dtype="float32", checked_deviation=0.1))
    np.testing.assert_allclose(barcode["error"], [0.3, 0.2])
    assert barcode["significant"].values.tolist() == [True, True]
    barcode = persistence(slice_of(values, dtype="float32", checked_deviation=0.2))
    assert barcode["significant"].values.tolist() == [True, False]
    barcode = persistence(slice_of(values, dtype="float32", checked_deviation=0.0))
    np.testing.assert_allclose(barcode["error"], [3 * 16 * 2.0**-23, 2 * 16 * 2.0**-23])


def interpolated(values, **attrs):
    made = slice_of(values, **attrs)
    made["computed"][..., 1::2] = False
    return made


def test_minima_below_twice_the_interpolation_error_are_not_significant():
    values = np.array([0.0, 2.0, 1.0, 4.0, 3.5, 10.0, 10.0])
    barcode = persistence(interpolated(values, estimated_error=0.04))  # 0.4 in units of the loss
    assert barcode["birth"].values.tolist() == [0.0, 1.0, 3.5]
    assert barcode["significant"].values.tolist() == [True, True, False]
    np.testing.assert_allclose(barcode["error"], 0.4)
    assert barcode.attrs["error_sources"] == "interpolation"


def test_a_logarithmic_tolerance_allows_a_factor():
    values = np.array([1e-4, 1e-2, 5e-3, 1.0, 1.0])
    made = interpolated(values, estimated_error=0.25, tolerance='{"scale": "log"}')
    made["computed"][...] = [True, False, True, False, True]
    barcode = persistence(made)  # a quarter of 4 decades is a factor of 10
    np.testing.assert_allclose(barcode["error"], [9 * 1.0, 9 * 1.0])
    assert barcode["significant"].values.tolist() == [True, False]


def test_interpolated_points_without_a_stated_error_leave_the_lowest_minimum_alone():
    barcode = persistence(interpolated(np.array([0.0, 2.0, 1.0, 4.0])))
    assert barcode["significant"].values.tolist() == [True, False]
    assert barcode.attrs["error_known"] == 0


def test_the_sampling_error_counts_where_the_loss_may_lie_below_the_saddle():
    values = np.array([0.0, 2.0, 1.0, 4.0, 100.0])
    made = slice_of(values)
    errors = np.array([0.1, 0.1, 0.2, 0.3, 40.0])
    made["loss_standard_error"] = (("split", "alpha"), errors[None])
    barcode = persistence(made, z=2.0)
    np.testing.assert_allclose(barcode["error"], [80.0, 0.4])
    assert barcode["significant"].values.tolist() == [True, True]
    assert not persistence(made, z=3.0)["significant"][1]
    assert persistence(made, z=0.0)["error"].max() < 1e-12


def test_a_standard_error_that_is_not_known_is_no_error_of_zero():
    barcode = persistence(slice_of(np.array([0.0, 2.0, 1.0, 4.0]), standard_error=math.nan))
    assert barcode["significant"].values.tolist() == [True, False]


@given(
    values=arrays(float, (6, 6), elements=st.integers(0, 20).map(float)),
    errors=arrays(float, (6, 6), elements=st.sampled_from([0.0, 1.0, 2.0])),
    shares=arrays(float, (6, 6), elements=st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0])),
)
def test_no_error_within_the_bound_removes_significant_minima(values, errors, shares):
    made = slice_of(values)
    made["loss_standard_error"] = (("split", "beta", "alpha"), errors[None])
    certain = int(persistence(made, z=1.0)["significant"].sum())
    assert persistence(slice_of(values + shares * errors)).sizes["bar"] >= certain


def matched(first, second):
    """The bottleneck distance by trying all matchings."""
    diagonal = [*first, *[None] * len(second)], [*second, *[None] * len(first)]
    best = math.inf
    for order in itertools.permutations(diagonal[1]):
        costs = [0.0]
        for one, other in zip(diagonal[0], order, strict=True):
            ends = [end for end in (one, other) if end is not None]
            if len(ends) == 1:
                costs.append((ends[0][1] - ends[0][0]) / 2)
            elif ends:
                apart = [abs(b - a) if a != b else 0.0 for a, b in zip(*ends, strict=True)]
                costs.append(max(apart))
        best = min(best, max(costs))
    return best


SHORT = arrays(float, 6, elements=st.integers(0, 9).map(float))


@given(first=SHORT, second=SHORT)
def test_the_bottleneck_distance_is_that_of_the_best_of_all_matchings(first, second):
    pytest.importorskip("gudhi")
    pairs = [bars(persistence(slice_of(values))) for values in (first, second)]
    found = bottleneck_distance(slice_of(first), slice_of(second))
    assert found == pytest.approx(matched(*pairs), abs=1e-12)
    assert found <= np.abs(first - second).max() + 1e-12


def test_the_bottleneck_distance_of_two_double_wells_is_known():
    pytest.importorskip("gudhi")
    x = np.linspace(-2, 2, 81)
    deep, shallow = slice_of(x**4 - 2 * x**2 + 2), slice_of(x**4 - 2 * x**2 + 0.2 * x + 2)
    assert bottleneck_distance(deep, deep) == 0
    found = persistence(shallow)
    both = [(1.0, 2.0), (float(found["birth"][1]), float(found["death"][1]))]
    lowest = abs(float(found["birth"][0]) - 1.0)
    apart = max(abs(both[0][0] - both[1][0]), abs(both[0][1] - both[1][1]))
    assert bottleneck_distance(deep, shallow) == pytest.approx(max(lowest, apart), abs=1e-12)
    tenfold = slice_of(10 * deep["loss"].values[0])
    assert bottleneck_distance(deep, tenfold, scale="log") == pytest.approx(1.0, abs=1e-12)
    cut = slice_of(np.where(np.abs(x) < 0.1, np.nan, x**2))
    assert bottleneck_distance(deep, cut) == math.inf


def test_without_gudhi_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "gudhi", None)
    slice_ = slice_of(np.zeros(3))
    with pytest.raises(MissingPackageError, match=r"pip install 'landscape-lab\[topology\]'"):
        bottleneck_distance(slice_, slice_)


def test_nothing_finite_has_no_bars_and_an_empty_profile():
    slice_ = slice_of(np.full((3, 4), math.nan))
    assert persistence(slice_).sizes["bar"] == 0
    assert persistence(slice_, dimension=1).sizes["bar"] == 0
    assert topological_profile(slice_).sizes["place"] == 0


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda s: persistence(s, "valid"), "one of train"),
        (lambda s: persistence(s, dimension=2), "0 or 1"),
        (lambda s: persistence(s, neighbours=6), "4 or 8"),
        (lambda s: persistence(s, z=-1.0), "at least 0"),
        (lambda s: topological_profile(s, least=math.inf), "at least 0"),
        (lambda s: bottleneck_distance(s, s, scale="root"), "linear, log"),
    ],
    ids=["split", "dimension", "neighbours", "z", "least", "scale"],
)
def test_unknown_choices_are_refused(act, says):
    with pytest.raises(SpecError, match=says):
        act(slice_of(np.zeros((3, 3))))


def test_a_dataset_that_is_no_slice_is_refused():
    with pytest.raises(FileFormatError):
        persistence(xr.Dataset())


@pytest.mark.parametrize("neighbours", [4, 8])
def test_loops_are_those_of_the_ranks_however_large_the_losses(neighbours):
    values = np.random.default_rng(5).integers(0, 9, (7, 8)).astype(float)
    values[2, 3] = np.nan
    large = values * 2.2e307 - 0.8e308  # twice the range is beyond float64
    found = persistence(slice_of(large), dimension=1, neighbours=neighbours)
    expected = persistence(slice_of(values), dimension=1, neighbours=neighbours)
    assert found.sizes["bar"] == expected.sizes["bar"] > 1
    pairs = [
        (birth * 2.2e307 - 0.8e308, death * 2.2e307 - 0.8e308) for birth, death in bars(expected)
    ]
    np.testing.assert_allclose(np.array(bars(found)) / 1e308, np.array(pairs) / 1e308)


@pytest.mark.parametrize(
    "said",
    [
        {"standard_error": -1.0},
        {"standard_error": "small"},
        {"checked_deviation": [1e-7, 1e-6]},
        {"checked_deviation": -1e-7},
    ],
    ids=str,
)
def test_an_error_that_is_no_number_or_negative_is_refused(said):
    with pytest.raises(FileFormatError, match="must be a number of at least 0"):
        persistence(slice_of(waves(), **said))


@pytest.mark.parametrize("said", [{"estimated_error": -0.1}, {"tolerance": "{"}, {"tolerance": 5}])
def test_what_is_said_of_interpolated_points_is_refused_where_it_cannot_be_so(said):
    slice_ = slice_of(waves(), **({"estimated_error": 0.1} | said))
    slice_["computed"][0, 0] = False
    with pytest.raises(
        FileFormatError, match=r"the attribute '(estimated_error|tolerance)' must be"
    ):
        persistence(slice_)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0], ids=repr)
def test_a_number_of_standard_errors_or_a_least_persistence_that_is_none_is_refused(wrong):
    with pytest.raises(SpecError, match=r"^z must be"):
        persistence(slice_of(waves()), z=wrong)
    with pytest.raises(SpecError, match=r"^least must be"):
        topological_profile(slice_of(waves()), least=wrong)
