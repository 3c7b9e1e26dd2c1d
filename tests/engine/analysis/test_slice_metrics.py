"""The figures of a slice against closed forms and against the definitions written out."""

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from landscape_core.analysis.slice_metrics import MEANINGS, slice_metrics
from landscape_core.foundation.errors import FileFormatError, SpecError

PURE = ("minima", "rim_minima", "saddles", "largest_persistence", "total_persistence",
        "convex_share", "saddle_share", "roughness", "variation_excess", "not_finite")  # fmt: skip


def slice_of(height, n=41, span=1.0, **attrs):
    """A slice of a function of alpha and beta; as test loss its triple."""
    side = np.linspace(-span, span, n)
    with np.errstate(all="ignore"):
        return slice_from(height(*np.meshgrid(side, side)), side, **attrs)


def line_of(height, n=41, span=1.0):
    side = np.linspace(-span, span, n)
    return slice_from(height(side), side)


def slice_from(loss, side, **attrs):
    dims = ("beta", "alpha")[-loss.ndim :]
    return xr.Dataset(
        {
            "loss": (("split", *dims), np.stack([loss, 3 * loss])),
            "computed": (dims, np.ones(loss.shape, bool)),
        },
        {"split": ["train", "test"], **dict.fromkeys(dims, side)},
        attrs,
    )


def plain(found):
    return {name: float(found[name]) for name in found.data_vars}


def bowl(a, b):
    return 1 + a**2 + 3 * b**2 - a * b


def rippled(a, b, seed=0):
    rng = np.random.default_rng(seed)
    waves = rng.uniform(-6, 6, (5, 2)), rng.uniform(0, 6, 5), rng.normal(size=5)
    return sum(h * np.sin(k[0] * a + k[1] * b + p) for k, p, h in zip(*waves, strict=True))


def test_a_bowl_is_one_convex_minimum_without_roughness():
    found = plain(slice_metrics(slice_of(bowl)))
    expected = {
        "minima": 1, "rim_minima": 0, "saddles": 0, "largest_persistence": 0,
        "total_persistence": 0, "convex_share": 1, "saddle_share": 0, "roughness": 0,
        "variation_excess": 0, "range": 5, "lowest": 1, "centre": 1, "not_finite": 0,
    }  # fmt: skip
    for name, value in expected.items():
        assert abs(found[name] - value) < 1e-12, name


def test_the_width_of_a_bowl_is_along_its_steepest_ray():
    # The largest eigenvalue of [[1, -1/2], [-1/2, 3]]. Linear between points h = 0.01 apart: wrong
    # by at most h**2 / 8 (2 + 6).
    steepest = 2 + math.sqrt(1.25)
    for delta in (0.1, 0.5):
        found = float(slice_metrics(slice_of(bowl, 201), delta=delta)["width"])
        assert abs(found - math.sqrt(delta / steepest)) < 1e-4 / (2 * math.sqrt(delta * steepest))


def test_the_width_of_a_slope_is_exact_and_unknown_beyond_the_picture():
    slope = slice_of(lambda a, b: 3 * a + 4 * b)
    near = 1 / math.cos(math.radians(0.5)) - 1  # a ray lies within half a degree of the steepest
    for split, delta, expected in (
        ("train", 0.1, 0.02),
        ("test", 0.1, 0.1 / 15),
        ("train", 4.9, 0.98),
    ):
        found = float(slice_metrics(slope, split, delta=delta)["width"])
        assert -1e-12 < found / expected - 1 < near
    assert math.isnan(float(slice_metrics(slope, delta=5.001)["width"]))
    line = line_of(lambda a: np.abs(a - 0.2))
    assert abs(float(slice_metrics(line)["width"]) - 0.1) < 1e-12


def test_the_width_ends_at_values_that_are_not_finite():
    given_ = slice_of(lambda a, b: np.where(a > 0.43, math.nan, 0 * a))
    assert abs(float(slice_metrics(given_)["width"]) - 0.4) < 1e-9
    assert float(slice_metrics(given_)["centre"]) == 0


def test_a_picture_without_its_centre_has_neither_centre_nor_width():
    given_ = slice_of(bowl)
    shifted = given_.assign_coords(alpha=given_["alpha"] + 5)
    assert np.isnan(slice_metrics(shifted)[["centre", "width"]].to_array()).all()


def test_between_points_the_centre_is_linear():
    found = slice_metrics(slice_of(lambda a, b: np.exp(a + b), n=2))
    assert abs(float(found["centre"]) - math.cosh(1) ** 2) < 1e-12


def test_the_double_well_has_two_minima_one_saddle_and_the_persistence_of_its_barrier():
    found = slice_metrics(slice_of(lambda x, y: x**4 - 2 * x**2 + y**2, 81, 2.0))
    assert int(found["minima"]) == 2
    assert int(found["saddles"]) == 1
    assert int(found["rim_minima"]) == 0
    assert abs(float(found["largest_persistence"] * found["range"]) - 1) < 1e-12
    # f_yy = 2 everywhere and f_xx = 12 x^2 - 4 in differences: positive beyond 1 / sqrt(3).
    inner = np.linspace(-2, 2, 81)[1:-1]
    step = 4 / 80
    second = 12 * inner**2 - 4 + 2 * step**2  # the second difference of x^4 is 12 x^2 + 2 h^2
    assert abs(float(found["convex_share"]) - np.mean(second > 0)) < 1e-12
    assert abs(float(found["saddle_share"]) - np.mean(second < 0)) < 1e-12


def test_a_product_of_cosines_has_all_its_critical_points():
    found = slice_metrics(slice_of(lambda x, y: np.cos(2 * np.pi * x) * np.cos(2 * np.pi * y), 65))
    assert int(found["minima"]) == 12
    assert int(found["rim_minima"]) == 8
    assert int(found["saddles"]) == 16
    assert abs(float(found["largest_persistence"]) - 0.5) < 1e-12
    assert abs(float(found["total_persistence"]) - 5.5) < 1e-12


def test_a_saddle_is_indefinite_and_a_valley_or_a_slope_neither():
    saddle = plain(slice_metrics(slice_of(lambda a, b: a * b)))
    assert (saddle["convex_share"], saddle["saddle_share"]) == (0, 1)
    for height in (lambda a, b: (a + 0.3 * b) ** 2, lambda a, b: 0.3 * a - 7.1 * b + 0.1):
        found = plain(slice_metrics(slice_of(height)))
        assert (found["convex_share"], found["saddle_share"]) == (0, 0)


def test_a_hill_gives_a_pass_where_the_lake_closes_around_it():
    def volcano(a, b):
        r = np.hypot(a - 0.1, b)
        return (r - 0.5) ** 2 + 0.05 * a

    found = plain(slice_metrics(slice_of(volcano, 81)))
    assert (found["minima"], found["saddles"]) == (1, 1)


def test_the_ripples_on_a_bowl_are_its_roughness():
    given_ = slice_of(lambda a, b: bowl(a, b) + 0.1 * rippled(a, b))
    loss = given_["loss"].values[0]
    a, b = (side.ravel() for side in np.meshgrid(given_["alpha"], given_["beta"]))

    def quadratic(_, c, ca, cb, caa, cab, cbb):
        return c + ca * a + cb * b + caa * a * a + cab * a * b + cbb * b * b

    fitted, _ = curve_fit(quadratic, a, loss.ravel(), p0=np.ones(6))
    rest = loss.ravel() - quadratic(a, *fitted)
    expected = np.sqrt(np.mean(rest**2)) / np.ptp(loss)
    assert abs(float(slice_metrics(given_)["roughness"]) / expected - 1) < 1e-6


def test_the_variation_beyond_down_and_up_is_counted_line_by_line():
    given_ = slice_of(rippled)
    loss, total = given_["loss"].values[0], 0.0
    for line in [*loss, *loss.T]:
        low = line.min()
        total += np.abs(np.diff(line)).sum() - (line[0] - low) - (line[-1] - low)
    expected = total / (2 * len(loss)) / np.ptp(loss)
    assert abs(float(slice_metrics(given_)["variation_excess"]) - expected) < 1e-12


@given(seed=st.integers(0, 10_000))
def test_on_a_line_the_excess_is_twice_the_total_persistence(seed):
    heights = np.random.default_rng(seed).integers(0, 9, 20).astype(float)
    found = plain(slice_metrics(slice_from(heights, np.linspace(-1, 1, 20)), noise=0.0))
    assert abs(found["variation_excess"] - 2 * found["total_persistence"]) < 1e-12
    assert found["saddles"] == found["minima"] - 1


@given(seed=st.integers(0, 10_000), a=st.floats(0.01, 100), b=st.floats(-10, 10))
def test_the_shape_does_not_depend_on_scale_and_offset(seed, a, b):
    given_ = slice_of(lambda x, y: rippled(x, y, seed), 21)
    moved = given_.assign(loss=a * given_["loss"] + b)
    before, after = plain(slice_metrics(given_)), plain(slice_metrics(moved))
    for name in PURE:
        assert abs(before[name] - after[name]) < 1e-9, name
    assert abs(after["range"] - a * before["range"]) < 1e-9


@given(seed=st.integers(0, 10_000), height=st.sampled_from([0.0, 0.3]))
def test_minima_less_saddles_and_hills_are_those_of_the_mirrored_picture(seed, height):
    """Alexander duality: with hills found by the flood of -f, all count to one."""
    rng = np.random.default_rng(seed)
    loss = rng.integers(0, 5, (7, 7)) + height * rng.normal(size=(7, 7))
    found = plain(slice_metrics(slice_from(loss, np.linspace(-1, 1, 7)), noise=0.0))
    assert found["saddles"] >= found["minima"] - 1
    assert holes_born(loss) == found["saddles"] - found["minima"] + 1


def holes_born(loss):
    """Births of holes of positive persistence, by matrix reduction of the cubical complex.

    Points are squares; edges and corners of squares have the least value around, so that squares
    that touch at a corner are neighbours. Columns of the boundary matrix are reduced modulo 2.
    """
    rows, columns = (2 * n + 1 for n in loss.shape)
    value = {}
    for i in range(rows):
        for j in range(columns):
            around = [
                loss[r // 2, c // 2]
                for r in ((i,) if i % 2 else (i - 1, i + 1))
                for c in ((j,) if j % 2 else (j - 1, j + 1))
                if 0 < r < rows and 0 < c < columns
            ]
            value[i, j] = min(around)
    cells = sorted(value, key=lambda at: (value[at], at[0] % 2 + at[1] % 2, at))
    number = {at: k for k, at in enumerate(cells)}
    reduced, count = {}, 0
    for i, j in cells:
        faces = [(i - 1, j), (i + 1, j)] * (i % 2) + [(i, j - 1), (i, j + 1)] * (j % 2)
        chain = {number[at] for at in faces}
        while chain and max(chain) in reduced:
            chain = chain ^ reduced[max(chain)]
        if chain:
            reduced[max(chain)] = chain
            born = cells[max(chain)]
            count += (i % 2 + j % 2 == 2) and value[i, j] > value[born]
    return count


def test_ripples_below_the_threshold_do_not_count():
    given_ = line_of(lambda a: a**2 + 0.004 * np.cos(40 * a), 401)
    assert int(slice_metrics(given_)["minima"]) == 1
    assert int(slice_metrics(given_, noise=1e-4)["minima"]) > 1


def test_the_log_scale_sees_decades_and_lifts_zero_to_the_least_positive():
    given_ = slice_of(lambda a, b: np.where(a == 0, 0.0, 10 ** (a + 2 * b)))
    found = slice_metrics(given_, scale="log")
    assert abs(float(found["range"]) - 6) < 0.2
    assert float(found["lowest"]) == 0
    assert found["range"].attrs["unit"] == "decades of the loss"
    smooth = slice_metrics(slice_of(lambda a, b: 10 ** (a**2 + b**2)), scale="log")
    assert float(smooth["roughness"]) < 1e-12
    assert float(smooth["convex_share"]) == 1


def test_a_flat_picture_is_neither_rough_nor_curved():
    found = plain(slice_metrics(slice_of(lambda a, b: 0 * a + 0.1)))
    assert found["minima"] == 1
    assert all(found[name] == 0 for name in PURE if name not in ("minima", "rim_minima"))
    assert math.isnan(found["width"])


def test_a_lake_closes_around_what_is_not_finite_as_around_a_hill():
    def holed(a, b, hole):
        return np.where(np.maximum(np.abs(a - 0.4), np.abs(b - 0.4)) < 0.16, hole, 3 * a + 4 * b)

    for hole in (math.nan, math.inf, -math.inf, 1000.0):
        found = plain(
            slice_metrics(slice_of(lambda a, b, hole=hole: holed(a, b, hole)), noise=1e-4)
        )
        assert (found["minima"], found["saddles"]) == (1, 1)


def test_what_is_not_finite_is_left_out():
    def broken(a, b):
        return np.where(a > 0.51, np.where(b > 0, math.nan, math.inf), bowl(a, b))

    found = plain(slice_metrics(slice_of(broken)))
    assert found["minima"] == 1
    assert found["convex_share"] == 1
    assert found["roughness"] < 1e-12
    assert found["variation_excess"] < 1e-12
    assert abs(found["not_finite"] - 10 / 41) < 1e-12
    nothing = plain(slice_metrics(slice_of(lambda a, b: a * math.nan)))
    assert (nothing.pop("minima"), nothing.pop("rim_minima"), nothing.pop("saddles")) == (0, 0, 0)
    assert nothing.pop("not_finite") == 1
    assert all(math.isnan(value) for value in nothing.values())


def test_a_line_has_figures_too():
    found = plain(slice_metrics(line_of(lambda a: a**4 - 2 * a**2, 81, 2.0)))
    assert (found["minima"], found["saddles"]) == (2, 1)
    assert math.isnan(found["saddle_share"])
    straight = plain(slice_metrics(line_of(lambda a: 2 - a + 3 * a**2)))
    assert straight["convex_share"] == 1
    assert straight["roughness"] < 1e-12


def test_rounding_of_float32_is_no_curvature():
    given_ = slice_of(lambda a, b: np.float32(1.7 + 0.1 * a).astype(float), 101, dtype="float32")
    found = plain(slice_metrics(given_))
    assert (found["convex_share"], found["saddle_share"]) == (0, 0)


def test_every_figure_says_its_unit_and_meaning_and_the_estimate_is_passed_on():
    found = slice_metrics(slice_of(bowl, estimated_error=0.02))
    assert set(found.data_vars) == set(MEANINGS)
    for name in found.data_vars:
        assert found[name].dims == ()
        assert found[name].attrs["unit"]
        assert found[name].attrs["long_name"]
    assert found.attrs["estimated_error"] == 0.02
    assert "estimated_error" not in slice_metrics(slice_of(bowl)).attrs


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"split": "validation"}, "train, test"),
        ({"scale": "cubic"}, "linear, log"),
        ({"noise": 1.0}, "less than 1"),
        ({"delta": 0.0}, "positive"),
    ],
)
def test_unknown_choices_are_refused(wrong, says):
    with pytest.raises(SpecError, match=says):
        slice_metrics(slice_of(bowl), **wrong)


def test_what_is_no_slice_is_refused():
    with pytest.raises(FileFormatError, match="computed"):
        slice_metrics(slice_of(bowl).drop_vars("computed"))
