"""`ll.plot`: what is drawn is what the dataset holds; what cannot be drawn is refused by name."""

import json
import pickle
import subprocess
import sys
import threading

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from figure_cases import curves_of, path_to, slice_of, valley
from landscape_core.foundation.errors import SpecError
from landscape_core.storage import netcdf
from landscape_lab.cli.main import main
from landscape_lab.exports.html import web_page
from landscape_lab.figures import captions, dataset_plot, theme
from landscape_lab.figures.matplotlib.base import SCALE, kinds
from landscape_lab.figures.matplotlib.plotting import picture, plot
from landscape_lab.figures.reliability import estimated_path
from landscape_lab.notebook.view import view

NAMES = (
    *("comparison", "connection", "convexity", "curvature", "diagnostic", "ensemble", "line"),
    *("projection", "slice", "spectrum", "surface", "trajectory"),
)


EXHAUSTIVE = pytest.mark.exhaustive


def with_path(slice_, path=None):
    path = path_to(1, 1) if path is None else path
    return slice_.merge(path.rename({name: f"path_{name}" for name in path.data_vars}))


def test_contour_lines_of_losses_below_one_are_solid_on_a_log_scale():
    shown = slice_of(lambda a, b: 0.01 * (1 + a**2 + b**2))
    contours = plot(shown, scale="log", limits=(0.01, 10)).collections
    dashes = [dash for one in contours for _, dash in one.get_linestyle()]
    assert dashes
    assert all(dash is None for dash in dashes)


def line_of(slice_=None, row=25):
    return (slice_of(valley) if slice_ is None else slice_).isel(beta=row, drop=True)


def spectrum_of():
    x = np.linspace(-1, 3, 400)
    density = np.exp(-(x**2) * 20)
    block = xr.Dataset(
        {
            "eigenvalue": (("block", "rank"), [[2.5, 1.0, -0.5], [1.5, 0.2, -0.1]]),
            "residual": (("block", "rank"), np.full((2, 3), 1e-3)),
            "trace": ("block", [7.0, 3.0]),
            "trace_error": ("block", [0.5, 0.2]),
            "eigenvalue_axis": (("block", "point"), [x, x]),
            **{
                name: (("block", "point"), [density * factor] * 2)
                for name, factor in (("density", 1), ("density_low", 0.5), ("density_high", 2))
            },
        },
        {"block": ["network", "0"], "rank": [1, 2, -1]},
        {"matrix": "hessian", "checked_products": 4, "checked_deviation": 0.0},
    )
    sharpness = {"sharpness_value": ("sharpness", [0.1, 2.0])}
    sharpness["sharpness_standard_error"] = ("sharpness", [0.01, 0.0])
    return block.assign(sharpness).assign_coords(sharpness=["a", "b"])


def along_of():
    return xr.Dataset(
        {
            "eigenvalue": (("step", "rank"), [[3.0, 1.0], [4.0, 2.0], [5.0, 2.5]]),
            "trace": ("step", [6.0, 7.0, 9.0]),
            "trace_error": ("step", [0.5, 0.5, 1.0]),
        },
        {"step": [0, 10, 20], "rank": [1, 2]},
        {"matrix": "gauss_newton"},
    )


def connection_of():
    t = np.linspace(0, 1, 21)
    plane = slice_of(lambda a, b: 0.1 + a**2 + b**2, 21)["loss"]
    return xr.Dataset(
        {
            "loss": (("split", "t"), [0.1 + 0 * t, 0.2 + 0 * t]),
            "straight_loss": (("split", "t"), [0.1 + t * (1 - t), 0.2 + t * (1 - t)]),
            "barrier": ("split", [0.0, 0.0]),
            "straight_barrier": ("split", [0.25, 0.25]),
            "curve_alpha": ("t", t),
            "curve_beta": ("t", t * (1 - t)),
            "plane_loss": plane,
        },
        {"t": t, "split": ["train", "test"]},
    )


def convexity_of():
    found = slice_of(valley, 9)
    ratio = found["loss"].isel(split=0, drop=True) / 100
    return with_path(xr.Dataset({"ratio": ratio, "lambda_min": -ratio, "lambda_max": ratio + 1}))


def ensemble_of(planes=5):
    every = [slice_of(lambda a, b, k=k: valley(a, b) + k, 11)["loss"] for k in range(planes)]
    found = xr.Dataset({"loss": xr.concat(every, "plane")})
    return found.assign_coords(plane=np.arange(planes), seed=("plane", np.arange(planes)))


def diagnostic_of():
    named = {"long_name": "norm of the gradient", "units": "loss / weight"}
    return xr.Dataset(
        {
            "norm": ("block", [0.1, 0.2], named),
            "norm_error": ("block", [0.01, 0.01]),
            "singular": (("block", "rank"), [[3.0, 2.0, 1.0], [2.0, 1.0, 0.5]]),
            "kernel": (("example", "other_example"), np.eye(4)),
            "total": ((), 3.0),
        },
        {"block": ["0.weight", "2.weight"]},
        {"title": "gradients by layer", "examples": 60},
    )


def projection_of():
    path = path_to(1, 1)
    return path[["alpha", "beta"]].rename(alpha="path_alpha", beta="path_beta")


MADE = {
    "slice": lambda: with_path(slice_of(valley)),
    "line": line_of,
    "comparison": lambda: [slice_of(valley, 11), slice_of(valley, 13)],
    "connection": connection_of,
    "convexity": convexity_of,
    "spectrum": spectrum_of,
    "curvature": along_of,
    "ensemble": ensemble_of,
    "trajectory": lambda: curves_of(50),
    "diagnostic": diagnostic_of,
    "projection": projection_of,
}


def image_of(axes):
    return axes.images[0]


def signs(axes):
    return axes.get_legend_handles_labels()[1] if axes.get_legend() is None else words_of(axes)


def words_of(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def marked(axes, word):
    (line,) = [line for line in axes.lines if line.get_label() == word]
    return line.get_xydata()


def caption_of(axes):
    return " ".join(text.get_text() for text in axes.figure.texts).replace("\n", " ")


def test_the_key_of_a_slice_is_no_wider_than_its_axes():
    """Constrained layout takes a wider key for a part of the Axes, and makes these narrower."""
    axes = plot(with_path(slice_of(valley), path_to(1, 1)))
    assert len(words_of(axes)) >= 6
    axes.figure.canvas.draw()
    key = axes.get_legend().get_window_extent()
    assert axes.bbox.x0 <= key.x0 < key.x1 <= axes.bbox.x1
    assert axes.bbox.width > axes.figure.bbox.width / 2


def test_the_key_of_a_comparison_lies_over_both_pictures_in_a_row_below_their_titles():
    slice_ = with_path(slice_of(valley), path_to(1, 1))
    axes = plot({"one": slice_, "other": slice_})
    axes.figure.canvas.draw()
    key = axes.get_legend().get_window_extent()
    second = axes.figure.axes[1]
    assert second.bbox.x0 - axes.bbox.x1 < axes.bbox.width / 3
    assert axes.bbox.x1 < key.x1 <= second.bbox.x1
    assert key.height < 25


@pytest.mark.parametrize("count", [2, 5])
def test_a_key_of_two_rows_leaves_the_titles_of_a_comparison_free(count):
    slice_ = with_path(slice_of(valley), path_to(1, 1))
    earlier = slice_.assign_attrs(seen=50)
    axes = plot({"one": slice_} | {f"other {i}": earlier for i in range(1, count)})
    assert len(words_of(axes)) > 7
    axes.figure.canvas.draw()
    key = axes.get_legend().get_window_extent()
    columns = 2 if count == 2 else 3
    for each in axes.figure.axes[:columns]:
        name = each.get_title(loc="left")
        (title,) = (text for text in each.findobj(Text) if text.get_text() == name)
        assert title.get_window_extent().y0 >= key.y1


def test_a_projection_is_drawn_where_it_lies():
    given = projection_of()
    axes = plot(given)
    ends = [marked(axes, word)[0] for word in ("start", "last")]
    places = np.stack([given["path_alpha"], given["path_beta"]], axis=1)
    np.testing.assert_array_equal(ends, places[[0, -1]])
    assert "lowest on path" not in signs(axes)


def test_a_projection_on_principal_components_states_their_shares():
    ratio = "explained_variance_ratio"
    given = projection_of().assign({ratio: ("axis", [0.931, 0.05])})
    given[f"{ratio}_standard_error"] = "axis", [0.01, 0.01]
    axes = plot(given)
    assert axes.get_xlabel() == "PC1 (93.1 % of the variance, estimated)"
    assert axes.get_ylabel() == "PC2 (5 % of the variance, estimated)"


def test_a_path_without_losses_is_drawn_and_said_to_be_estimated():
    slice_ = with_path(slice_of(valley)).drop_vars("path_loss")
    slice_.attrs |= {"path_projection": 200, "path_standard_error": [0.01, 0.034]}
    axes = plot(slice_)
    assert "lowest on path" not in signs(axes)
    assert marked(axes, "last").size
    words = "path estimated from 200 random projections of each state (standard error up to 0.034)"
    assert words in captions.caption(slice_)
    assert list(estimated_path(slice_, brief=True)) == ["path estimated"]
    assert list(estimated_path(xr.Dataset(attrs={"path_projection": "x"}))) == []


def test_the_kinds_are_the_files_of_the_package():
    assert set(NAMES) <= set(kinds())
    for name, kind in kinds().items():
        assert type(kind).__module__.endswith(f".matplotlib.{name}")
        assert kind.needs


@pytest.mark.parametrize("kind", MADE)
def test_every_result_is_known_by_its_variables_and_drawn_in_every_form(kind):
    given = MADE[kind]()
    assert isinstance(plot(given), mpl.axes.Axes)
    assert next(name for name, one in kinds().items() if one.draws(_as_drawn(given))) == kind
    forms = {"png": b"\x89PNG", "svg": b"<?xml"}
    for form, beginning in (forms | {"pdf": b"%PDF"} if kind == "slice" else forms).items():
        content = picture(given, form, kind)
        assert content.startswith(beginning)
        assert len(content) > 3_000


def _as_drawn(given):
    return given if isinstance(given, xr.Dataset) else dict(enumerate(given))


@pytest.mark.parametrize("kind", MADE)
def test_every_result_is_drawn_on_an_axes_of_the_caller(kind):
    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    axes = plot(MADE[kind](), ax=right)
    assert axes.figure is figure
    figure.canvas.draw()
    assert not left.has_data()
    if axes is not right:  # its place was divided
        assert not right.axison


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_the_colours_are_the_values_at_the_points(scale, split):
    given = slice_of(valley)
    image = image_of(plot(given, scale=scale, split=split))
    loss = given["loss"].sel(split=split).values
    expected = np.log10(loss) if scale == "log" else loss
    drawn = image.get_array()
    every = (drawn.shape[0] - 1) // (len(loss) - 1)
    np.testing.assert_allclose(drawn[::every, ::every], expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(image.get_extent(), [-1, 1, -2, 3])


def test_contours_have_their_values_and_the_bar_its_unit():
    axes = plot(slice_of(valley), scale="log")
    labels = [float(text.get_text()) for text in axes.texts]
    assert len(labels) >= 5
    (lines,) = [one for one in axes.collections if hasattr(one, "levels")]
    for value in labels:
        assert np.abs(lines.levels - np.log10(value)).min() < 1e-9
    assert axes.figure.axes[-1].get_ylabel() == "training loss"


def test_path_start_last_best_and_lowest_are_where_they_are():
    given = with_path(slice_of(valley))
    axes = plot(given)
    path = path_to(1, 1)
    at = np.stack([path["alpha"], path["beta"]], axis=1)
    np.testing.assert_allclose(marked(axes, "start"), at[:1])
    np.testing.assert_allclose(marked(axes, "last"), at[-1:])
    np.testing.assert_allclose(
        marked(axes, "lowest on path"), at[[int(np.argmin(path["loss"].data))]]
    )
    loss = given["loss"].sel(split="train")
    lowest = loss.where(loss == loss.min(), drop=True)
    np.testing.assert_allclose(
        marked(axes, "lowest on slice"), [[lowest["alpha"][0], lowest["beta"][0]]]
    )
    assert not {"start", "last", "lowest on path"} & set(signs(plot(given, path=False)))


def test_computed_points_are_marked_and_the_error_of_the_others_is_told():
    asked = {"kind": "tolerance", "relative_tolerance": 0.01, "scale": "linear"}
    given = slice_of(valley).assign_attrs(
        tolerance=json.dumps(asked), estimated_error=0.01, checked_points=6, tolerance_reached=1
    )
    axes = plot(given)
    assert "computed point" in signs(axes)
    dots = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata()) > 1]
    assert sum(len(line.get_xdata()) for line in dots) == int(given["computed"].sum())
    assert "estimated largest error" in caption_of(axes)
    figure = Figure()
    below = plot(given, ax=figure.subplots()).get_xlabel()
    assert "676 of 2601 points computed, others within about" in below
    given["computed"][:] = True
    assert "computed point" not in signs(plot(given))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["slice", "surface", "line"])
def test_what_is_not_finite_is_marked_and_counted(value, kind):
    given = slice_of(valley)
    given["loss"][:, 20:30, 40:] = value
    axes = plot(line_of(given) if kind == "line" else given, kind)
    FigureCanvasAgg(axes.figure).draw()
    assert "not finite" in caption_of(axes)
    if kind == "slice":
        assert "not finite" in signs(axes)
        assert axes.patch.get_hatch()


def test_curves_on_a_sample_have_a_band_of_its_standard_error_and_say_so():
    given = curves_of(20)
    shape = (("split", "step"), np.full(given["loss"].shape, 96.0))
    error = given["loss"] * 0 + 0.25
    found = given.assign(examples=shape, examples_of=(shape[0], shape[1] + 7904))
    axes = plot(found.assign(loss_standard_error=error), "trajectory")
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert any(word.endswith("(96 of 8,000 examples)") for word in words)
    (band, *_) = axes.collections
    heights = band.get_paths()[0].vertices[:, 1]
    first = given["loss"].values[0]
    assert heights.max() == pytest.approx(float(first.max()) + 0.25)
    plain = plot(given, "trajectory")
    assert not list(plain.collections)
    assert not any("examples" in text.get_text() for text in plain.get_legend().get_texts())


HUGE = 1.7e308


def slope_of():
    """A loss from minus to plus the largest numbers, and an accuracy."""
    found = slice_of(valley, 5)
    found["loss"][:] = HUGE * np.linspace(-1, 1, 5)
    return found.assign(accuracy=found["loss"] / HUGE / 2 + 0.5)


@pytest.mark.parametrize("kind", ["slice", "surface", "line", "comparison"])
def test_losses_up_to_the_largest_number_are_drawn_divided_and_say_so(kind):
    small = slope_of().assign(loss=slope_of()["loss"] / HUGE)
    given = {"a": slope_of(), "b": small} if kind == "comparison" else slope_of()
    axes = plot(line_of(given, 2) if kind == "line" else given, kind, limits=(-1e308, 1e308))
    FigureCanvasAgg(axes.figure).draw()
    words = [text.get_text() for text in axes.figure.findobj(Text)]
    assert any(word.endswith("loss / 1e10") for word in words)
    assert not any("accuracy / " in word for word in words)
    if kind == "line":
        np.testing.assert_allclose(axes.lines[0].get_ydata(), HUGE / 1e10 * np.linspace(-1, 1, 5))
        assert axes.get_ylim() == (-1e298, 1e298)
    elif kind != "surface":
        assert axes.images[0].get_clim() == (-1e298, 1e298)
        heights = axes.images[0].get_array()
        np.testing.assert_allclose([heights.min(), heights.max()], [-HUGE / 1e10, HUGE / 1e10])


@pytest.mark.parametrize("dims", [1, 2])
def test_a_page_of_losses_up_to_the_largest_number_says_that_they_are_divided(dims):
    page = web_page(line_of(slope_of(), 2) if dims == 1 else slope_of(), None, scale="linear")
    assert "loss / 1e10" in page


def test_losses_far_below_the_largest_number_are_drawn_as_they_are():
    axes = plot(slice_of(valley, 5), split="train")
    shown = slice_of(valley, 5)["loss"].sel(split="train")
    assert axes.images[0].get_array().max() == pytest.approx(float(shown.max()))
    assert not any("1e10" in text.get_text() for text in axes.figure.findobj(Text))


ONE_VALUE = [
    pytest.param(kind, value, scale, marks=[] if kind == "slice" or few else [EXHAUSTIVE])
    for kind in ("slice", "surface", "line")
    for value, few in ((np.nan, True), (np.inf, False), (0.0, False), (1.0, False), (1e300, True))
    for scale in ("linear", "log")
]


@pytest.mark.parametrize(("kind", "value", "scale"), ONE_VALUE)
def test_a_slice_of_one_value_is_drawn(kind, value, scale):
    given = slice_of(valley, 5)
    given["loss"][:] = value
    axes = plot(line_of(given, 2) if kind == "line" else given, kind, scale=scale)
    FigureCanvasAgg(axes.figure).draw()


@pytest.mark.parametrize("side", ["alpha", "beta", "both"])
def test_a_side_of_one_point_is_left_out(side):
    given = slice_of(valley, 7)
    few = {"alpha": [3]} if side == "alpha" else {"beta": [3]}
    few = {"alpha": [3], "beta": [3]} if side == "both" else few
    axes = plot(given.isel(few))
    (line,) = [one for one in axes.lines if one.get_label() == "training"]
    expected = given["loss"].sel(split="train").isel(few).values.ravel()
    np.testing.assert_allclose(line.get_ydata(), expected)
    FigureCanvasAgg(axes.figure).draw()


def test_a_large_slice_is_drawn():
    given = slice_of(valley, 201)
    axes = plot(given)
    FigureCanvasAgg(axes.figure).draw()
    assert image_of(axes).get_array().shape == (201, 201)


def test_one_split_that_was_chosen_is_drawn_like_that_of_two():
    given = slice_of(valley)
    expected = image_of(plot(given, split="test")).get_array()
    for one in (
        given.sel(split="test"),
        given.sel(split=["test"]),
        given["loss"].sel(split="test"),
    ):
        axes = plot(one)
        np.testing.assert_array_equal(image_of(axes).get_array(), expected)
        assert axes.figure.axes[-1].get_ylabel() == "test loss"


def test_losses_below_zero_have_no_logarithm():
    given = slice_of(lambda a, b: a + 0 * b)
    image_of(plot(given))
    with pytest.raises(SpecError, match=r"scale must be 'linear', since the loss is below zero"):
        plot(given, scale="log")


def test_limits_and_colours_are_those_asked_for():
    image = image_of(plot(slice_of(valley), limits=(0.1, 10.0), cmap="magma", scale="log"))
    np.testing.assert_allclose(image.get_clim(), [-1, 1])
    assert image.cmap.name == "magma"
    own = mpl.colormaps["cividis"]
    assert image_of(plot(slice_of(valley), cmap=own)).cmap.name == "cividis"
    assert plot(line_of(), limits=np.array([0, 3])).get_ylim() == (0.0, 3.0)


def test_another_variable_is_drawn_when_it_is_asked_for():
    given = slice_of(valley)
    axes = plot(given, variable="accuracy")
    np.testing.assert_allclose(image_of(axes).get_array().max(), given["accuracy"].max())
    assert "lowest on slice" not in signs(axes)


def test_compared_slices_share_their_colours():
    one, other = slice_of(valley, 11), slice_of(lambda a, b: 3 * valley(a, b), 11)
    figure = plot({"narrow": one, "wide": other}).figure
    pictures = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title(loc="left") for axes in pictures] == ["narrow", "wide"]
    assert image_of(pictures[0]).get_clim() == image_of(pictures[1]).get_clim()
    lines = plot([line_of(one, 3), line_of(other, 3)])
    assert words_of(lines) == ["A", "B"]


def test_the_caption_of_compared_slices_tells_what_they_share_and_what_differs():
    sizes = {"narrow": 32, "wide": 8}
    recipe = '{{"optimizer": {{"kind": "sgd", "learning_rate": 0.1}}, "batch_size": {}}}'
    slices = {
        name: slice_of(valley, 11).assign_attrs(run=recipe.format(size))
        for name, size in sizes.items()
    }
    told = " ".join(text.get_text().replace("\n", " ") for text in plot(slices).figure.texts)
    assert told.count("sgd (learning rate 0.1)") == told.count("points computed") == 1
    assert "narrow: batch size 32" in told
    assert "wide: batch size 8" in told
    assert not plot(slices, caption=False).figure.texts


REFUSED = {
    "no dataset": ((3,), {}, "the dataset must be an xarray.Dataset"),
    "unknown": ((xr.Dataset({"x": ("y", [1.0])}),), {}, r"a dataset of x \(y\)"),
    "empty": ((xr.Dataset(),), {}, "a dataset without variables"),
    "one of a kind": ((slice_of(valley, 5), "line"), {}, "a slice of one dimension"),
    "kind": ((slice_of(valley, 5), "slize"), {}, "did you mean 'slice'"),
    "scale": ((slice_of(valley, 5),), {"scale": "sqrt"}, "one of linear, log"),
    "split": ((slice_of(valley, 5),), {"split": "validation"}, "one of train, test"),
    "no split": ((convexity_of(),), {"split": "train"}, "has no splits"),
    "variable": ((slice_of(valley, 5),), {"variable": "error"}, "one of loss, accuracy"),
    "cmap": ((slice_of(valley, 5),), {"cmap": "viridi"}, "did you mean 'viridis'"),
    "cmap object": ((slice_of(valley, 5),), {"cmap": 3}, "a Colormap of Matplotlib"),
    "limits": ((slice_of(valley, 5),), {"limits": 3}, "two finite numbers"),
    "limits order": ((slice_of(valley, 5),), {"limits": (2, 1)}, "the smaller one first"),
    "limits nan": ((slice_of(valley, 5),), {"limits": (0, np.nan)}, "two finite numbers"),
    "limits log": ((slice_of(valley, 5),), {"limits": (0, 1), "scale": "log"}, "above zero"),
    "path": ((slice_of(valley, 5),), {"path": "no"}, "True or False"),
    "ax": ((slice_of(valley, 5),), {"ax": "left"}, "an Axes of Matplotlib"),
    "flat": ((slice_of(valley, 5), "surface"), {"ax": Figure().subplots()}, "projection='3d'"),
    "deep": (
        (slice_of(valley, 5),),
        {"ax": Figure().add_subplot(projection="3d")},
        "of two dimensions",
    ),
    "no grid": ((ensemble_of(2),), {"ax": Figure().add_axes((0, 0, 1, 1))}, "made by subplots"),
    "objects": (
        (slice_of(valley, 5).assign(loss=slice_of(valley, 5)["loss"].astype(object)),),
        {},
        "the variable loss must be of numbers",
    ),
    "a few kinds": (([slice_of(valley, 5), line_of()],), {}, "2 to 12 slices"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_drawn_is_refused_with_what_is_accepted(case):
    arguments, options, said = REFUSED[case]
    with pytest.raises(SpecError, match=said):
        plot(*arguments, **options)


def test_the_default_scale_is_the_same_everywhere():
    import argparse
    import inspect

    from landscape_lab.cli import plot as command
    from landscape_lab.figures.bokeh.web_page import web_page
    from landscape_lab.notebook.view import view

    parser = argparse.ArgumentParser()
    command.options(parser)
    assert parser.get_default("scale") == SCALE == "linear"
    for function in (plot, view, web_page):
        assert inspect.signature(function).parameters["scale"].default == SCALE


def test_the_same_picture_is_the_same_bytes_and_holds_no_pyplot():
    code = (
        "import sys; sys.path += ['tests/support'];"
        "from figure_cases import slice_of, valley; import landscape_lab as ll;"
        "from landscape_lab.figures.matplotlib.plotting import picture;"
        "given = slice_of(valley, 11); axes = ll.plot(given);"
        "print(picture(given, 'svg') == picture(given, 'svg'));"
        "print(*{'matplotlib.pyplot', 'torch', 'panel'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["True"]


def test_where_pyplot_is_in_use_it_shows_the_figure():
    from matplotlib import pyplot

    axes = plot(slice_of(valley, 5))
    assert axes.figure.number in pyplot.get_fignums()
    assert pyplot.gcf() is axes.figure


# --- slice_.plot() ------------------------------------------------------------------------------


@pytest.fixture
def hook():
    dataset_plot.install()
    dataset_plot.install()  # once more changes nothing


@pytest.mark.usefixtures("hook")
def test_a_slice_draws_itself_and_stays_a_dataset(tmp_path):
    given = slice_of(valley, 11)
    expected = image_of(plot(given, scale="log")).get_array()
    splits = ("train", "test")
    same = (
        given,
        given.copy(),
        given.assign(loss=given["loss"] * 1.0),
        given.sel(split=["train"]),
        pickle.loads(pickle.dumps(given)),
        xr.concat([given.sel(split=[name]) for name in splits], "split", data_vars="minimal"),
    )  # fmt: skip
    for one in same:
        assert type(one) is xr.Dataset
        np.testing.assert_array_equal(image_of(one.plot(scale="log")).get_array(), expected)
    given.to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    again = xr.load_dataset(tmp_path / "x.nc", engine="h5netcdf")
    np.testing.assert_array_equal(image_of(again.plot(scale="log")).get_array(), expected)
    assert given.plot.scatter(x="alpha", y="loss", ax=Figure().subplots()) is not None
    assert b"landscape_lab" not in pickle.dumps(given)


@pytest.mark.usefixtures("hook")
def test_other_datasets_are_left_to_xarray():
    with pytest.raises(ValueError, match=r"Dataset\.plot cannot be called directly"):
        xr.Dataset({"x": ("y", [1.0])}).plot()


def test_a_line_of_two_splits_has_the_colours_of_the_app():
    axes = plot(line_of())
    colors = {line.get_label(): line.get_color() for line in axes.lines}
    assert colors["training"] == theme.SPLITS["train"]
    assert colors["test"] == theme.SPLITS["test"]


# --- the command line ---------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind, make in MADE.items():
        if kind != "comparison":
            netcdf.save(make(), tmp_path / f"{kind}.nc")
    netcdf.save(slice_of(valley, 9), tmp_path / "other.nc")
    return tmp_path


def test_the_command_line_draws_the_bytes_of_the_library(folder):
    options = {
        "--kind": ("surface",), "--variable": ("accuracy",), "--split": ("test",),
        "--limits": ("0.1", "0.9"), "--cmap": ("magma",), "--no-path": (),
    }  # fmt: skip
    words = [word for name, values in options.items() for word in (name, *values)]
    assert main(["plot", "slice.nc", *words, "-o", "a.png"]) == 0
    expected = picture(
        netcdf.load(folder / "slice.nc"), "png", "surface", variable="accuracy", split="test",
        limits=(0.1, 0.9), cmap="magma", path=False,
    )  # fmt: skip
    assert (folder / "a.png").read_bytes() == expected


def test_the_command_line_draws_every_file(folder):
    for kind in (kind for kind in MADE if kind != "comparison"):
        assert main(["plot", f"{kind}.nc", "-o", f"{kind}.svg"]) == 0
        assert (folder / f"{kind}.svg").stat().st_size > 3_000
    assert main(["plot", "slice.nc", "other.nc", "-o", "both.svg"]) == 0
    assert ">other<" in (folder / "both.svg").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["convexity.nc", "-o", "a.html"], "a .png, .svg, .pdf, .pgf file for a convexity"),
        (["slice.nc", "--cmap", "magma", "-o", "a.html"], "--cmap must be left out"),
        (["slice.nc", "--split", "validation"], "split must be one of train, test"),
        (["slice.nc", "--limits", "2", "1"], "the smaller one first"),
    ],
)
def test_the_command_line_says_in_one_line_what_it_cannot_draw(folder, words, said, capsys):
    assert main(["plot", *words]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert len(told.strip().splitlines()) == 1


def test_pictures_in_several_threads_leave_the_parameters_of_matplotlib_as_they_are():
    before = dict(mpl.rcParams)
    both = threading.Barrier(2)

    def drawn():
        both.wait()
        for _ in range(3):
            picture(slice_of(valley, 11), "png")

    others = [threading.Thread(target=drawn) for _ in range(2)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert {name for name, value in mpl.rcParams.items() if before[name] != value} == set()


@pytest.mark.parametrize(
    ("alpha", "said"),
    [
        (lambda side: side**3, "evenly spaced"),
        (lambda side: side * np.nan, "finite numbers; got 'NaN or infinity'"),
        (lambda side: [f"a{i}" for i in range(len(side))], "finite numbers; got '<U"),
    ],
    ids=["uneven", "NaN", "text"],
)
def test_sides_that_colours_cannot_show_where_they_are_are_refused(alpha, said):
    slice_ = slice_of(valley)
    slice_ = slice_.assign_coords(alpha=alpha(slice_["alpha"].values))
    for draw in (plot, view):
        with pytest.raises(SpecError, match=f"^the coordinate alpha must be {said}"):
            draw(slice_)


def test_a_line_may_have_any_points_and_an_empty_side_is_refused():
    plot(line_of().isel(alpha=[0, 1, 5, 30]))
    with pytest.raises(SpecError, match=r"^the size of alpha must be at least 1"):
        plot(slice_of(valley).isel(alpha=[]))


def test_a_slice_whose_splits_have_lost_their_names_is_drawn():
    for slice_ in (slice_of(valley), line_of()):
        assert plot(slice_.drop_vars("split")).has_data()


@pytest.mark.parametrize("projection", ["polar", None])
def test_polar_and_removed_axes_are_refused(projection):
    from matplotlib import pyplot

    axes = pyplot.figure().add_subplot(projection=projection)
    if projection is None:
        axes.remove()
    with pytest.raises(SpecError, match=r"^ax must be one of"):
        plot(line_of(), ax=axes)


@pytest.mark.parametrize(
    "said",
    [
        {"run": "experiment 5"},
        {"run": '{"problem": 5}'},
        {"tolerance": 5},
        {"tolerance": '{"relative_tolerance": "x"}'},
        {"directions": "{"},
        {"changes": '[{"step": 1}]'},
        {"checked_points": 3, "checked_deviation": "none"},
        {"given_points": '[[0], "a", [0, "b"]]'},
        {"slice": "[" * 100_000},
    ],
    ids=lambda said: next(iter(said)),
)
def test_attributes_that_nobody_of_ours_has_written_do_not_keep_a_slice_from_being_drawn(said):
    slice_ = slice_of(valley)
    slice_.attrs |= said
    assert plot(slice_).images
    view(slice_)


def test_given_states_of_a_plane_are_not_on_a_line_cut_from_it():
    slice_ = slice_of(valley).assign_attrs(given_points="[[0, 0], [1, 0], [0, 1]]")
    assert plot(slice_.isel(beta=25, drop=True)).lines


def test_the_words_of_a_file_are_no_html():
    slice_ = slice_of(valley).assign_attrs(model="<img src=x onerror=alert(1)>")
    assert "<img src=x" not in web_page(slice_, None)
