"""What the figures hold, against the data they are given."""

import itertools
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import xarray as xr
from bokeh.events import Tap
from bokeh.models import BasicTicker, ColorBar, LogScale, Title
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.interpolate import RegularGridInterpolator

from browser_support import browser, happens_on
from figure_cases import N, curves_of, path_to, sent, slice_of, valley
from landscape_lab.exports.html import web_page
from landscape_lab.figures import theme
from landscape_lab.figures.annotations import dots, looked_at, lowest
from landscape_lab.figures.bokeh.boundary import Boundary
from landscape_lab.figures.bokeh.contour import Contour
from landscape_lab.figures.bokeh.curves import LONGEST, Curves, decimated
from landscape_lab.figures.bokeh.overlaid import Overlaid
from landscape_lab.figures.captions import caption
from landscape_lab.figures.matplotlib.plotting import picture
from landscape_lab.figures.pixels import SHADES, finer


def pixel(contour):
    """The picture's colour indices and the coordinates of its pixels' middles."""
    data = contour.picture.data
    shades = data["shades"][0]
    rows, columns = shades.shape
    x = data["x"][0] + (np.arange(columns) + 0.5) * data["width"][0] / columns
    y = data["y"][0] + (np.arange(rows) + 0.5) * data["height"][0] / rows
    return shades, x, y


# --- the landscape --------------------------------------------------------------------------------


def test_the_pointer_reads_the_loss_itself_on_both_scales():
    given_ = slice_of(valley)
    for scale in ("log", "linear"):
        contour = Contour()
        contour.update(given_, None, scale=scale)
        data = contour.picture.data
        np.testing.assert_allclose(data["values"][0], given_["loss"].sel(split="train"), rtol=1e-6)
        np.testing.assert_array_equal(data["exact"][0], given_["computed"])


def test_every_point_of_the_slice_is_the_middle_of_a_pixel_in_its_own_colour():
    given_ = slice_of(valley)
    contour = Contour()
    contour.update(given_, None, scale="log")
    shades, x, y = pixel(contour)
    loss = given_["loss"].sel(split="train").values
    low, high = contour.figure.right[0].color_mapper.low, contour.figure.right[0].color_mapper.high
    expected = np.clip((np.log10(loss) - low) / (high - low) * SHADES, 0, SHADES - 1)
    times = (len(x) - 1) // (N - 1)
    np.testing.assert_allclose(x[::times], given_["alpha"], atol=1e-12)
    np.testing.assert_allclose(y[::times], given_["beta"], atol=1e-12)
    # One colour off at most: a height on the border of two may fall on either side.
    assert np.abs(shades[::times, ::times].astype(int) - np.floor(expected)).max() <= 1
    assert contour.figure.x_range.start == -1
    assert contour.figure.y_range.end == 3
    assert contour.figure.xaxis[0].axis_label == "PC1 (71 % of the variance)"


def test_a_coarse_slice_is_drawn_smoothly():
    fine, holes = finer(slice_of(valley, n=11)["loss"].values[0])
    exact = slice_of(valley, n=len(fine))["loss"].values[0]
    assert not holes.any()
    assert len(fine) > 100
    # A polynomial of fourth degree by cubic splines, against linear interpolation's 4 %.
    assert np.abs(fine - exact).max() < 0.01 * np.ptp(exact)


def test_lines_lie_where_the_loss_has_their_value():
    contour = Contour()
    contour.update(slice_of(lambda alpha, beta: 3 + alpha + 0 * beta), None, scale="linear")
    xs = np.concatenate([contour.lines.data["x_low"], contour.lines.data["x_high"]])
    found = np.unique(np.round(3 + xs[np.isfinite(xs)], 5))
    low, high = theme.limits(slice_of(lambda a, b: 3 + a + 0 * b)["loss"].values[0])
    wanted = theme.levels(low, high, "linear")
    np.testing.assert_allclose(found, wanted[(wanted > 2) & (wanted < 4)], atol=1e-5)


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_labels_name_the_true_loss_where_they_stand(scale):
    given_ = slice_of(valley)
    contour = Contour()
    contour.update(given_, None, scale=scale)
    data = contour.labels.data
    assert len(data["text"]) >= 3
    axes = (given_["beta"].values, given_["alpha"].values)
    read = RegularGridInterpolator(axes, given_["loss"].values[0], method="cubic")
    at = read(np.stack([data["y"], data["x"]], axis=1))
    # Lines are straight within a cell, which for this valley is worth a few percent.
    np.testing.assert_allclose(at, [float(word) for word in data["text"]], rtol=0.06)


def test_the_cross_stands_at_the_minimum_that_numpy_finds():
    given_ = slice_of(valley)
    contour = Contour()
    contour.update(given_, path_to(1, 1))
    where = given_["loss"].values[0]
    row, column = np.argwhere(where == where.min())[0]
    marks = contour.marks.data
    crosses = [i for i, marker in enumerate(marks["marker"]) if marker == "x"]
    assert crosses
    for i in crosses:
        assert marks["x"][i] == given_["alpha"].values[column]
        assert marks["y"][i] == given_["beta"].values[row]


def test_a_flat_or_broken_slice_has_no_minimum_and_is_still_drawn():
    for height in (0.7, np.nan, np.inf):
        contour = Contour()
        contour.update(slice_of(lambda a, b, h=height: 0 * a + h), path_to(1, 1))
        assert "x" not in contour.marks.data["marker"]
        assert np.isfinite(contour.figure.right[0].color_mapper.high)


def test_the_path_begins_at_its_start_and_ends_at_the_present_point():
    path = path_to(1.25, -2)
    contour = Contour()
    contour.update(slice_of(valley), path)
    np.testing.assert_allclose(contour.path.data["x"], path["alpha"], rtol=1e-6)
    np.testing.assert_allclose(contour.path.data["y"], path["beta"], rtol=1e-6)
    now = contour.now.data
    assert (now["x"], now["y"], now["rolls"]) == ([0.75], [-1.75], [0.0])
    assert now["size"][0] >= max(contour.marks.data["size"])


def test_the_sign_of_the_run_rolls_while_it_goes_on_and_the_best_point_does_not_run_ahead():
    path, contour = path_to(1.25, -2), Contour()
    path = path.assign(loss=("step", np.linspace(2, 1, path.sizes["step"])))
    contour.update(slice_of(valley), path, rolls=True)
    assert contour.now.data["rolls"] == [1.0]
    assert "star" not in contour.marks.data["marker"]
    contour.update(slice_of(valley), path)
    assert contour.now.data["rolls"] == [0.0]
    assert "star" in contour.marks.data["marker"]


def test_a_path_that_left_the_numbers_keeps_its_last_point():
    path = path_to(1.25, -2)
    path["alpha"][-3:] = [1e300, np.nan, np.inf]
    contour = Contour()
    contour.update(slice_of(valley), path)
    assert contour.now.data["x"] == [np.float32(path["alpha"][-4])]


def test_a_long_path_is_thinned_and_keeps_its_ends():
    path = path_to(1, 1, count=5001)
    contour = Contour()
    contour.update(slice_of(valley), path)
    x = contour.path.data["x"]
    assert 400 < len(x) <= 1001
    assert (x[0], x[-1]) == (-0.5, 0.5)


def test_the_path_is_coloured_by_time_and_faint_after_the_step_looked_at():
    path = path_to(1.25, -2)  # steps 0, 5, ..., 200
    contour = Contour()
    contour.update(slice_of(valley), path, seen=102)
    data = contour.path.data
    assert len(data["x"]) == 21
    np.testing.assert_allclose(data["time"], np.arange(21) / 40, rtol=1e-6)
    np.testing.assert_array_equal(data["from_x"][1:], data["near_x"][:-1])
    np.testing.assert_array_equal(data["from_y"][1:], data["near_y"][:-1])
    np.testing.assert_allclose(contour.ahead.data["x"], path["alpha"][20:], rtol=1e-6)
    assert contour.now.data["x"] == [np.float32(path["alpha"][20])]
    marks = contour.marks.data
    dotted = [x for x, size in zip(marks["x"], marks["size"], strict=True) if size < 5]
    assert dotted == pytest.approx([-0.375, -0.25, -0.125, 0.0, 0.125])
    contour.update(slice_of(valley), path)
    assert len(contour.ahead.data["x"]) == 0
    assert len(contour.path.data["x"]) == 41


def test_the_colours_of_time_are_ordered_by_their_lightness():
    def lightness(color):
        linear = [(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in color]
        return 116 * np.dot(linear, (0.2126, 0.7152, 0.0722)) ** (1 / 3) - 16

    ramp = [[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in theme.ramp(theme.TIME, 9)]
    steps = np.diff([lightness(color) for color in ramp])
    assert (steps < -2).all()
    assert np.ptp(steps) < 4  # even steps


def test_a_star_marks_the_lowest_true_loss_until_the_step_looked_at():
    path = path_to(1, 1)
    losses = np.full(41, 2.0)
    losses[[7, 8, 30]] = np.nan, 0.5, 0.1
    path["loss"] = ("step", losses)
    contour = Contour()
    for seen, best in ((None, 30), (100, 8), (0, 0)):
        contour.update(slice_of(valley), path, seen=seen)
        marks = contour.marks.data
        assert marks["x"][marks["marker"].index("star")] == np.float32(path["alpha"][best])
    assert _legend_words(contour)["lowest on path"]
    contour.update(slice_of(valley), path.drop_vars("loss"))
    assert "star" not in contour.marks.data["marker"]
    assert not _legend_words(contour)["lowest on path"]


def test_the_point_looked_at_has_a_sign_of_its_own():
    contour = Contour()
    contour.update(slice_of(valley), path_to(1, 1), point=(0.25, -1.5))
    marks = contour.marks.data
    at = marks["marker"].index("diamond")
    assert (marks["x"][at], marks["y"][at]) == (0.25, -1.5)
    assert _legend_words(contour)["point"]
    contour.update(slice_of(valley), path_to(1, 1))
    assert "diamond" not in contour.marks.data["marker"]


def test_looking_back_sends_the_path_and_its_signs_alone():
    given_, path = slice_of(valley), path_to(1, 1, count=401)
    contour = Contour()
    contour.update(given_, path)
    models, size = sent(contour, lambda: contour.update(given_, path, seen=700))
    assert {id(model) for model in models} == {
        id(contour.path), id(contour.ahead), id(contour.marks), id(contour.now)
    }  # fmt: skip
    assert len(models) == 4
    assert size < 16_000


def test_a_click_within_the_picture_is_told_and_one_beside_it_is_not():
    told = []
    contour = Contour(lambda alpha, beta: told.append((alpha, beta)))
    contour.figure._trigger_event(Tap(contour.figure, x=0.0, y=0.0))  # there is no picture yet
    contour.update(slice_of(valley), None)
    for x, y in ((0.5, 2.5), (1.5, 0.0), (0.0, -2.5), (-1.0, -2.0)):
        contour.figure._trigger_event(Tap(contour.figure, x=x, y=y))
    assert told == [(0.5, 2.5), (-1.0, -2.0)]


@pytest.mark.parametrize("view", [Contour, Curves])
def test_sizes_grow_for_a_projector_and_come_back(view):
    shown = view()
    given_ = (slice_of(valley), path_to(1, 1)) if view is Contour else (curves_of(30),)
    shown.update(*given_)

    def sizes():
        figures = [shown.figure] if view is Contour else shown.figure.children
        columns = list(shown.marks.data["size"]) if view is Contour else []
        axes = [axis.major_label_text_font_size for plot in figures for axis in plot.axis]
        lines = [
            line.glyph.line_width
            for plot in figures
            for line in plot.renderers
            if type(line.glyph).__name__ == "Line"
        ]
        return axes, [*lines, *columns]

    type_, numbers = sizes()
    shown.scale(1.5)
    larger = sizes()
    assert set(larger[0]) == {"16.5px"}
    assert larger[1] == pytest.approx([1.5 * number for number in numbers])
    shown.update(*given_)
    assert sizes() == larger
    shown.scale(1.0)
    assert sizes()[0] == type_
    assert sizes()[1] == pytest.approx(numbers)


@given(st.integers(0, 10**6), st.integers(1, 300), st.integers(1, 1000))
def test_dots_mark_round_numbers_of_steps(start, count, between):
    steps = start + np.arange(count) * between
    every, found = dots(steps)
    assert len(found) <= 13
    for i in found:
        nearest = round(steps[i] / every) * every
        assert abs(steps[i] - nearest) <= between
    if every:
        assert str(every).rstrip("0") in ("1", "2", "5")


def test_what_is_not_finite_is_striped_there_and_nowhere_else():
    def holes(alpha, beta):
        loss = valley(alpha, beta)
        return np.where(alpha > 0.5, np.nan, np.where(beta > 2.5, np.inf, loss))

    given_ = slice_of(holes)
    contour = Contour()
    contour.update(given_, None)
    shades, x, _ = pixel(contour)
    times = (len(x) - 1) // (N - 1)
    broken = shades[::times, ::times] >= SHADES
    np.testing.assert_array_equal(broken, ~np.isfinite(given_["loss"].values[0]))
    assert set(np.unique(shades[shades >= SHADES])) == {SHADES, SHADES + 1}
    assert _legend_words(contour)["not finite"]
    assert np.isnan(contour.picture.data["values"][0][0, -1])
    contour.update(slice_of(valley), None)
    assert (pixel(contour)[0] < SHADES).all()
    assert not _legend_words(contour)["not finite"]


def test_zero_and_negative_losses_have_the_lowest_colour_on_a_log_scale():
    given_ = slice_of(lambda a, b: a + 0 * b)
    contour = Contour()
    contour.update(given_, None, scale="log")
    shades, x, _ = pixel(contour)
    assert (shades[:, x <= 0] <= 1).all()
    assert shades[:, -1].min() == SHADES - 1
    assert contour.picture.data["values"][0].min() == -1


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_interpolated_losses_do_not_fall_far_below_the_computed_ones(scale):
    slice_ = slice_of(lambda a, b: 1 + a**2 + b**2)
    least = slice_["loss"].values[0][slice_["computed"].values].min()
    for place, wrong in ((1, -0.3), (3, 1e-12), (5, np.nan)):
        slice_["loss"][:, place, place] = wrong
    contour = Contour()
    contour.update(slice_, None, scale=scale)
    values = contour.picture.data["values"][0]
    assert values[1, 1] == values[3, 3] == np.float32(least / 4)
    assert np.isnan(values[5, 5])
    low = contour.figure.select_one(ColorBar).color_mapper.low
    assert low > np.log10(0.15) if scale == "log" else low >= 0  # outward to a round step
    slice_["loss"][:, 0, 0] = -1.0  # computed
    contour.update(slice_, None, scale="linear")
    assert contour.picture.data["values"][0][1, 1] == np.float32(-0.3)


def test_colours_of_time_are_explained_only_where_a_path_is_seen():
    contour, slice_ = Contour(), slice_of(valley)
    path = path_to(0.5, 0.5)
    contour.update(slice_, path)
    assert _legend_words(contour)["early"]
    for unseen in (path.assign(alpha=path["alpha"] + 50), path * 1e-4):
        contour.update(slice_, unseen)
        assert not _legend_words(contour)["early"]
        assert not _legend_words(contour)["late"]


def test_the_linear_and_the_log_picture_differ():
    pictures = []
    for scale in ("linear", "log"):
        contour = Contour()
        contour.update(slice_of(valley), None, scale=scale)
        pictures.append(pixel(contour)[0].astype(int))
    assert np.abs(pictures[0] - pictures[1]).mean() > 20


def test_a_peak_does_not_wash_out_the_picture_and_the_bar_says_so():
    def peak(alpha, beta):
        loss = valley(alpha, beta)
        loss[25, 25] = 1e12
        return loss

    bars, pictures = [], []
    for height in (valley, peak):
        contour = Contour()
        contour.update(slice_of(height), None, scale="linear", limits=None)
        bars.append(contour.figure.right[0])
        pictures.append(pixel(contour)[0].astype(int))
    assert bars[1].color_mapper.high == pytest.approx(bars[0].color_mapper.high, rel=0.1)
    assert any(word.startswith("≥") for word in bars[1].major_label_overrides.values())
    assert np.median(np.abs(pictures[0] - pictures[1])) <= 3


def test_colours_can_be_fixed():
    contour = Contour()
    contour.update(slice_of(valley), None, scale="log", limits=(0.01, 100.0))
    mapper = contour.figure.right[0].color_mapper
    assert (mapper.low, mapper.high) == pytest.approx((-2, 2))
    contour.update(slice_of(valley), None, scale="log", limits=(0.0, 100.0))
    assert np.isfinite(mapper.low)
    assert mapper.high == pytest.approx(2)


def test_the_test_split_and_the_accuracy_can_be_shown():
    given_ = slice_of(valley)
    contour = Contour()
    contour.update(given_, None, split="test")
    np.testing.assert_allclose(
        contour.picture.data["values"][0], 2 * given_["loss"].values[0], rtol=1e-6
    )
    assert contour.figure.right[0].title == "test loss"
    contour.update(given_, None, variable="accuracy", scale="linear")
    assert contour.figure.right[0].title == "training accuracy"
    assert "x" not in contour.marks.data["marker"]


def test_an_update_sends_only_what_changed():
    given_, path = slice_of(valley), path_to(1, 1)
    contour = Contour()
    contour.update(given_, path)
    assert sent(contour, lambda: contour.update(given_.copy(deep=True), path.copy(deep=True))) == (
        [],
        0,
    )
    models, _ = sent(contour, lambda: contour.update(given_, path_to(1.1, 1)))
    assert len(models) == 3
    assert set(models) == {contour.path, contour.marks, contour.now}
    moved = slice_of(lambda a, b: valley(a, b + 0.01))
    models, size = sent(contour, lambda: contour.update(moved, path))
    assert len(models) == len(set(models)), "a source was sent twice"
    assert contour.figure.x_range not in models
    assert size < 60_000


def test_arrays_travel_as_small_binary_numbers():
    contour = Contour()
    contour.update(slice_of(valley), path_to(1, 1))
    assert contour.picture.data["shades"][0].dtype == np.uint8
    assert contour.picture.data["values"][0].dtype == np.float32
    for source in (contour.lines, contour.path):
        assert {column.dtype for column in source.data.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("n", [2, 3, 7, 12, 25, 101, 201])
def test_slices_of_any_fineness_are_drawn(n):
    given_ = slice_of(valley, n=n, splits=("train",))
    contour = Contour()
    contour.update(given_, path_to(1, 1))
    shades, x, _ = pixel(contour)
    assert max(n, 100) <= len(x) <= 205
    loss = given_["loss"].values[0]
    low = lowest(loss, given_["alpha"].values, given_["beta"].values)
    assert low[0] in given_["alpha"].values
    assert shades.max() > shades.min()


# --- heights and words ----------------------------------------------------------------------------


@given(arrays(np.float64, (8, 8), elements=st.floats(width=64)))
def test_limits_are_finite_and_hold_the_lowest_value(heights):
    small = heights[np.isfinite(heights) & (np.abs(heights) < 1e100)]
    low, high = theme.limits(small)
    assert np.isfinite([low, high]).all()
    assert low < high
    if small.size:
        assert low <= small.min() + 1e-9 * max(1.0, abs(small.min()))


@given(st.floats(-12, 6), st.floats(0.05, 14), st.sampled_from(["log", "linear"]))
def test_levels_are_about_ten_round_values_within_the_range(low, extent, scale):
    levels = theme.levels(low, low + extent, scale)
    assert 3 <= len(levels) <= 16
    assert (np.diff(levels) > 0).all()
    assert low < levels[0]
    assert levels[-1] < low + extent
    words = theme.words(levels, scale)
    values = 10**levels if scale == "log" else levels
    np.testing.assert_allclose([float(w) for w in words], values, rtol=1e-6, atol=1e-9)


def test_the_decimal_log_keeps_what_is_not_finite():
    values = np.array([100.0, 0.01, 0.0, -5.0, np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(
        theme.decimal_log(values), [2, -2, -2, -2, np.nan, np.inf, -np.inf]
    )


# --- curves ---------------------------------------------------------------------------------------


def test_short_curves_are_drawn_point_by_point():
    given_ = curves_of(60)
    curves = Curves()
    curves.update(given_)
    data = curves.source.data
    for split in ("train", "test"):
        for name in ("loss", "accuracy"):
            np.testing.assert_allclose(
                data[f"{split}_{name}"], given_[name].sel(split=split), rtol=1e-6
            )
            np.testing.assert_array_equal(data[f"{split}_{name}_step"], given_["step"])
    np.testing.assert_allclose(data["batch"], given_["batch_loss"], rtol=1e-6)
    assert curves.accuracy.visible


def test_spikes_of_every_curve_survive_the_thinning():
    given_ = curves_of(20_000)
    given_["loss"][0, 7777] = 55.0
    given_["loss"][1, 1234] = 1e-5
    given_["batch_loss"][4321] = 77.0
    curves = Curves()
    curves.update(given_)
    data = curves.source.data
    assert all(len(column) == LONGEST for column in data.values())
    for column, index, height in (
        ("train_loss", 7777, 55.0),
        ("test_loss", 1234, 1e-5),
        ("batch", 4321, 77.0),
    ):
        drawn = data[f"{column}_step"] == 3 * index
        assert data[column][drawn] == pytest.approx(height)


@given(
    arrays(np.float64, st.integers(0, 900), elements=st.floats(-1e9, 1e9) | st.just(np.nan)),
    st.integers(8, 100),
)
def test_thinning_keeps_the_order_the_ends_and_the_extremes(values, longest):
    kept = decimated(values, longest)
    assert len(kept) <= max(longest, 0)
    assert (np.diff(kept) > 0).all()
    if len(values):
        assert (kept[0], kept[-1]) == (0, len(values) - 1)
    if np.isfinite(values).any():
        assert np.nanmin(values[kept]) == np.nanmin(values)
        assert np.nanmax(values[kept]) == np.nanmax(values)


def test_a_loss_below_zero_has_a_linear_axis_and_a_broken_one_a_gap():
    given_ = curves_of(30, accuracy=False)
    curves = Curves()
    curves.update(given_)
    assert isinstance(curves.loss.y_scale, LogScale)
    assert not curves.accuracy.visible
    given_["loss"][0, 5:8] = [0.0, np.inf, np.nan]
    curves.update(given_)
    assert isinstance(curves.loss.y_scale, LogScale)
    assert np.isnan(curves.source.data["train_loss"][5:8]).all()
    given_["loss"][0, 5] = -1.0
    curves.update(given_)
    assert not isinstance(curves.loss.y_scale, LogScale)
    assert isinstance(curves.loss.yaxis[0].ticker, BasicTicker)  # it gives numbers below zero
    assert curves.source.data["train_loss"][5] == -1


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0.1, 1.2),
        (0.69, 0.7),
        (0.3, 0.9),
        (0.89, 1.12),
        (2, 9),
        (1e-3, 1),
        (1e-9, 10),
        (1e-20, 1e9),
    ],
)
def test_a_logarithmic_axis_of_losses_has_at_least_three_numbers_and_few(low, high):
    given_ = curves_of(30, accuracy=False)
    given_["loss"][:] = np.geomspace(high, low, given_.sizes["step"])
    curves, overlaid = Curves(), Overlaid()
    curves.update(given_.drop_vars("batch_loss", errors="ignore"))
    overlaid.update([(given_, 29)], {"A": "#000000"})
    for plot in (curves.loss, overlaid.figure):
        ticks = np.array(plot.yaxis[0].ticker.ticks)
        assert 3 <= len(ticks) <= 8
        assert (np.diff(ticks) > 0).all()
        assert plot.y_range.start <= ticks[0] < ticks[-1] <= plot.y_range.end
        shares = np.log(ticks[[0, -1]] / plot.y_range.start)
        assert np.ptp(shares) > 0.3 * np.log(plot.y_range.end / plot.y_range.start)


def test_every_curve_lies_within_its_axes():
    given_ = curves_of(500)
    curves = Curves()
    curves.update(given_)
    for plot, name in ((curves.loss, "loss"), (curves.accuracy, "accuracy")):
        assert plot.x_range.start < 0 < 3 * 499 < plot.x_range.end
        low, high = float(given_[name].min()), float(given_[name].max())
        assert plot.y_range.start < low < high < plot.y_range.end
        assert plot.y_range.end - plot.y_range.start < 2 * (high - low) + 0.1


def test_curves_travel_in_one_message_or_none():
    given_ = curves_of(5000)
    curves = Curves()
    curves.update(given_)
    assert sent(curves, lambda: curves.update(given_.copy(deep=True))) == ([], 0)
    models, size = sent(curves, lambda: curves.update(curves_of(4999)))
    assert models.count(curves.source) == 1
    assert {type(model).__name__ for model in models} <= {"ColumnDataSource", "Range1d"}
    assert size < 30_000


def test_the_step_looked_at_is_a_line_that_moves_in_two_small_messages():
    given_ = curves_of(300)
    curves = Curves()
    curves.update(given_, 897)  # the last
    assert not curves.cursor.visible
    curves.update(given_, 300)
    assert (curves.cursor.location, curves.future.left) == (300, 300)
    models, size = sent(curves, lambda: curves.update(given_, 330))
    assert models == [curves.future, curves.cursor]
    assert size < 600
    curves.update(given_)
    assert not curves.cursor.visible
    assert not curves.future.visible


# --- the boundary ---------------------------------------------------------------------------------


def boundary_of(score, classes, confidence=None):
    x, y = np.linspace(-2, 2, 60), np.linspace(-1, 3, 60)
    values = score(*np.meshgrid(x, y))
    certain = np.ones_like(values) if confidence is None else np.full_like(values, confidence)
    return xr.Dataset(
        {"score": (("y", "x"), values), "confidence": (("y", "x"), certain)},
        {"x": x, "y": y},
        {"classes": classes},
    )


def points_of(targets):
    count = len(targets)
    split = np.where(np.arange(count) % 2, "test", "train")
    columns = {"x": np.linspace(-1, 1, count), "y": np.linspace(0, 1, count), "target": targets}
    return xr.Dataset({name: ("point", c) for name, c in (columns | {"split": split}).items()})


def test_the_edge_of_two_classes_lies_where_their_chances_are_equal():
    view = Boundary()
    view.update(boundary_of(lambda x, y: 0.5 + (x - 0.7) / 10, 2), points_of([0, 1, 0, 1]))
    edge = view.edge.data["x"]
    np.testing.assert_allclose(edge[np.isfinite(edge)], 0.7, atol=1e-6)
    shades = view.image.data["image"][0]
    assert shades.dtype == np.uint8
    expected = np.linspace(0.5 - 0.27, 0.5 + 0.13, shades.shape[1]) * SHADES
    np.testing.assert_allclose(shades[0], expected, atol=1.01)


def test_training_points_are_filled_and_test_points_hollow():
    view = Boundary()
    view.update(boundary_of(lambda x, y: 0 * x, 2), points_of([0, 0, 1, 1]))
    blue, orange = theme.CLASSES[:2]
    assert view.points.data["fill"] == [blue, theme.SURFACE, orange, theme.SURFACE]
    assert view.points.data["line"] == [theme.SURFACE, blue, theme.SURFACE, orange]


def test_more_classes_have_a_colour_each_that_fades_with_doubt():
    view = Boundary()
    given_ = boundary_of(lambda x, y: np.digitize(x, [-0.5, 0.5]), 3, confidence=1.0)
    points = points_of([0, 1, 2])
    view.update(given_, points)
    mapper = view.figure.renderers[0].glyph.color_mapper
    shades = view.image.data["image"][0]
    certain = [mapper.palette[i] for i in np.unique(shades)]
    wanted = [theme.mixed(color, "#ffffff", 0.35) for color in theme.CLASSES[:3]]
    assert certain == wanted
    given_["confidence"][:] = 1 / 3
    view.update(given_, points)
    unsure = {mapper.palette[i] for i in np.unique(view.image.data["image"][0])}
    assert unsure == {"#f7f7f5"}


def test_a_boundary_of_a_diverged_network_is_striped():
    view = Boundary()
    for classes in (0, 2, 4):
        view.update(boundary_of(lambda x, y: x * np.nan, classes), points_of([0, 1]))
        mapper = view.figure.renderers[0].glyph.color_mapper
        colors = {mapper.palette[i] for i in np.unique(view.image.data["image"][0])}
        assert colors <= {theme.NOT_FINITE, theme.NOT_FINITE_STRIPE}


def test_numbers_of_one_input_are_points_and_a_curve():
    x = np.linspace(-2, 2, 50)
    view = Boundary()
    points = points_of([0, 0, 0])
    view.update(xr.Dataset({"output": ("x", np.sin(x))}, {"x": x}), points)
    np.testing.assert_allclose(view.curve.data["y"], np.sin(x), rtol=1e-6)
    assert view.figure.y_range.start < 0 < 1 < view.figure.y_range.end
    by_target = points.assign(target=points["y"]).drop_vars("y")
    view.update(xr.Dataset({"output": ("x", np.sin(x))}, {"x": x}), by_target)
    np.testing.assert_allclose(view.points.data["y"], [0, 0.5, 1])


def test_many_points_along_a_curve_have_no_halo():
    x = np.linspace(-2, 2, 50)
    view, answers = Boundary(), xr.Dataset({"output": ("x", np.sin(x))}, {"x": x})
    few, many = points_of(np.zeros(10)), points_of(np.zeros(200))
    view.update(answers, few)
    assert view.points.data["line"][0] == theme.SURFACE
    (dots,) = (one for one in view.figure.renderers if one.data_source is view.points)
    size = dots.glyph.size
    view.update(answers, many)
    assert theme.SURFACE not in view.points.data["line"]
    assert dots.glyph.size < size


def test_the_network_that_is_looked_at_is_named_above_its_boundary():
    boundary = Boundary()
    words = looked_at(0.31, -0.2, {"train_loss": 0.4123, "train_accuracy": 0.825, "test_loss": 1.5})
    boundary.update(boundary_of(lambda x, y: 0 * x, 2), points_of([0, 1]), words)
    (title,) = (one for one in boundary.figure.above if isinstance(one, Title))
    assert title.visible
    assert title.text == (
        "The network at α 0.31, β −0.2\ntraining loss 0.412, accuracy 82.5 %\ntest loss 1.5"
    )
    boundary.update(boundary_of(lambda x, y: 0 * x, 2), points_of([0, 1]))
    assert not title.visible


def test_an_empty_boundary_says_why_and_can_be_drawn_again():
    view = Boundary()
    given_, points = boundary_of(lambda x, y: 0.1 + 0 * x, 2), points_of([0, 1])
    view.update(given_, points)
    view.empty("Too many dimensions.")
    assert len(view.points.data["x"]) == len(view.image.data["image"]) == 0
    assert not view.figure.axis.visible[0]
    assert sent(view, lambda: view.empty("Too many dimensions.")) == ([], 0)
    view.update(given_, points)
    assert len(view.points.data["x"]) == 2
    assert len(view.image.data["image"]) == 1
    assert view.figure.axis.visible[0]
    models, size = sent(view, lambda: view.update(boundary_of(lambda x, y: 0.9 + x / 9, 2), points))
    assert set(models) <= {view.image, view.edge}
    assert size < 60_000


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "beginning"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
@pytest.mark.parametrize("line", [False, True], ids=["plane", "line"])
def test_a_slice_is_written_in_the_format_of_its_name(suffix, beginning, line):
    given_ = slice_of(valley)
    given_["loss"][:, 40:, 40:] = np.nan
    if line:
        given_ = given_.isel(beta=45, drop=True)
    content = picture(given_, suffix)
    assert content.startswith(beginning)
    assert len(content) > 5_000


class Tags(HTMLParser):
    """The addresses that the tags of a page name; what scripts say is no tag."""

    def __init__(self):
        HTMLParser.__init__(self)
        self.addresses = []

    def handle_starttag(self, tag, attrs):
        self.addresses += [given for name, given in attrs if name in ("src", "href", "data")]


@pytest.mark.parametrize("line", [False, True], ids=["plane", "line"])
def test_a_page_names_no_address(line):
    given_ = slice_of(valley)
    page = web_page(given_.isel(beta=5, drop=True) if line else given_, path_to(1, 1))
    tags = Tags()
    tags.feed(page)
    assert tags.addresses == []
    assert "points computed" in page


@pytest.mark.browser
def test_a_page_opens_without_a_network_and_tells_the_loss_under_the_pointer(tmp_path):
    target = tmp_path / "slice.html"
    given_ = slice_of(lambda a, b: 5 + 0 * a * b)
    target.write_text(web_page(given_, path_to(1, 1)), encoding="utf-8")
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 860, "height": 720})
        asked, errors = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(target.as_uri())
        tip = page.get_by_text("PC1 ").first
        places = itertools.cycle(range(300, 400))

        def felt():
            page.mouse.move(next(places), 300)
            return tip.count()

        assert happens_on(page, felt)  # once the page is there to feel the pointer
        words = tip.locator("..").inner_text()
    assert re.match(r"5 (interpolated|computed)", words)
    assert asked == [target.as_uri()]
    assert errors == []


def test_the_caption_tells_the_settings():
    given_ = slice_of(valley)
    given_["loss"][0, 0, 0] = np.inf
    given_.attrs["run"] = (
        '{"optimizer": {"kind": "sgd", "learning_rate": 0.1}, "batch_size": 32, "seed": 4}'
    )
    words = caption(given_)
    for told in (
        "sgd (learning rate 0.1)",
        "batch size 32",
        "seed 4",
        "676 of 2601",
        "1 value not finite",
    ):
        assert told in words


@pytest.mark.parametrize(("seed", "told"), [(-1, False), (0, True), (5, True)])
def test_the_caption_tells_a_data_seed_only_where_it_is_not_that_of_the_run(seed, told):
    given_ = slice_of(valley)
    problem = {"kind": "supervised", "data_seed": seed}
    given_.attrs["run"] = json.dumps({"problem": problem, "seed": 4})
    words = caption(given_)
    assert "problem supervised" in words
    assert ("data seed" in words) == told


@pytest.mark.parametrize(("held", "told"), [(3, True), (0, False), (None, False)])
def test_the_caption_tells_of_variances_that_were_held(held, told):
    given_ = slice_of(valley)
    given_.attrs |= {"batch_norm": "interpolated", "statistics": "of each state at its point"}
    if held is not None:
        given_.attrs["held_variances"] = held
    words = "variances were held above zero at 3 computed points"
    assert (words in caption(given_)) == told


# --- layers ---------------------------------------------------------------------------------------


def test_views_need_neither_the_engine_nor_torch_nor_panel():
    code = (
        "import sys; from landscape_lab.figures.bokeh import boundary, contour, curves;"
        "from landscape_lab.figures.matplotlib import plotting;"
        "print(*{'torch', 'landscape_core', 'panel', 'matplotlib'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


def _legend_words(contour):
    legend = contour.figure.above[0]
    return {item.label.value: item.visible for item in legend.items}


def test_a_legend_is_not_built_anew_with_all_data():
    plot, curves = Contour().figure, Curves()
    for figure, changing in ((plot, plot), (curves.loss, curves.source)):
        items = [item for legend in figure.legend for item in legend.items]
        assert items
        assert all(changing not in item.references() for item in items)
