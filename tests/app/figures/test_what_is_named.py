"""Figures name the axes, values and signs of their own data, and nothing that is not there."""

import json
import math
import re
import shutil
import subprocess

import numpy as np
import pytest
import xarray as xr
from bokeh.models import HoverTool, Scatter

from figure_cases import curves_of, path_to, slice_of, valley
from landscape_lab.components.surface.surface import Surface
from landscape_lab.figures.annotations import looked_at, short_names
from landscape_lab.figures.bokeh.axes import ends, step_ends
from landscape_lab.figures.bokeh.boundary import Boundary
from landscape_lab.figures.bokeh.contour import Contour
from landscape_lab.figures.bokeh.curves import Curves
from landscape_lab.figures.bokeh.off_plane import OffPlane
from landscape_lab.figures.bokeh.panels import Heights, Panel
from landscape_lab.figures.camera import HOME, Camera, camera_of
from landscape_lab.figures.matplotlib.plotting import plot

LOWEST = {"lowest on path", "lowest on slice"}
GAME = "value of the game"


def game(heights):
    return slice_of(heights).assign_attrs(value=GAME)


def explained(figure):
    """The words of the legends of a figure that are visible."""
    legends = [one for side in ("above", "center") for one in getattr(figure, side)]
    items = [item for one in legends for item in getattr(one, "items", ())]
    return {item.label.value for item in items if item.visible}


def tips(figure):
    return [tool.tooltips for tool in figure.tools if hasattr(tool, "tooltips")]


def panel():
    shown = Panel()
    losses = slice_of(valley)["loss"].isel(split=0)
    heights = Heights(losses, losses.values, (0.0, 1.0), np.array([0.5]))
    shown.update("A", heights, path_to(1, 1), 200)
    return shown


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not there")
@pytest.mark.parametrize("kind", ["the landscape", "a smaller one beside it"])
def test_the_pointer_reads_the_coordinates_of_the_point_whose_value_it_reads(kind):
    slice_ = slice_of(valley)
    if kind == "the landscape":
        drawn = Contour()
        drawn.update(slice_, None)
        picture, figure = drawn.picture, drawn.figure
    else:
        drawn = panel()
        picture, figure = drawn.image, drawn.plot
    shown, (tool,) = picture.data, figure.select({"type": HoverTool})
    data = {name: [float(part[0])] for name, part in shown.items() if name.startswith("values_")}
    data["values"] = [{"shape": shown["values"][0].shape}]
    for side in ("alpha", "beta"):
        places = slice_[side].values
        sought = np.linspace(places[0], places[-1], 57)
        code = tool.formatters["$x" if side == "alpha" else "$y"].code
        script = f"""const source = {{data: {json.dumps(data)}}}, read = value => {{ {code} }};
        console.log(JSON.stringify({sought.tolist()}.map(read)));"""
        done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
        read = [float(one.replace("−", "-")) for one in json.loads(done.stdout)]
        nearest = [places[np.abs(places - one).argmin()] for one in sought]
        away = np.abs(np.subtract(read, nearest))
        halves = np.abs(np.abs(np.subtract(sought, nearest)) - (places[1] - places[0]) / 2) < 1e-9
        assert (away[~halves] <= 1e-3).all()
        assert np.ptp(read) > 0


def test_the_pointer_reads_coordinates_by_the_names_of_the_axes():
    contour = Contour()
    contour.update(slice_of(valley), path_to(1, 1))
    for figure in (contour.figure, panel().plot):
        (tip,) = tips(figure)
        assert re.search(r"PC1 \$x\{custom\} · PC2 \$y\{custom\}", tip)
        assert "α" not in tip
    names = short_names(slice_of(valley))
    assert looked_at(0.3, 0.1, {}, names) == "The network at PC1 0.3, PC2 0.1"
    assert short_names(slice_of(valley).drop_attrs()) == ("α", "β")


def test_a_game_has_neither_a_loss_nor_a_best_or_a_lowest_point():
    contour, surface = Contour(), Surface()
    heights = game(lambda a, b: a * b)
    contour.update(heights, path_to(1, 1), scale="linear")
    surface.update(heights, path_to(1, 1), scale="linear")
    assert contour.figure.right[0].title == surface.view.labels[2] == GAME
    assert not explained(contour.figure) & LOWEST
    assert set(contour.marks.data["marker"]) == {"circle"}
    numbers = np.frombuffer(surface.frame, dtype="<f4")
    assert np.isnan(numbers[9:12]).all()  # the lowest point
    contour.update(slice_of(valley), path_to(1, 1))
    assert contour.figure.right[0].title == "training loss"
    assert explained(contour.figure) >= LOWEST


@pytest.mark.parametrize("kind", ["slice", "surface"])
def test_a_game_on_paper_has_neither_a_loss_nor_a_best_or_a_lowest_point(kind):
    for value, told in ((GAME, False), (None, True)):
        shown = slice_of(valley, 7)
        path = path_to(0.5, 0.5).rename({n: f"path_{n}" for n in path_to(1, 1).data_vars})
        shown = shown.merge(path).assign_attrs({"value": value} if value else {})
        axes = plot(shown, kind)
        words = {text.get_text() for text in axes.get_legend().get_texts()}
        assert (words >= LOWEST) == told
        assert (LOWEST & words != set()) == told
        bar = axes.figure.axes[-1]
        assert bar.get_ylabel() == (value or "training loss")


def test_a_legend_names_the_test_set_only_where_there_is_one():
    curves, with_test = Curves(), curves_of(20)
    alone = with_test.sel(split=["train"]).drop_vars("batch_loss")
    curves.update(with_test)
    assert explained(curves.loss) == {"train", "test", "mini-batch"}
    curves.update(alone)
    assert explained(curves.loss) == {"train"}
    boundary = Boundary()
    for splits in (["train", "test"], ["train", "train"]):
        boundary.update(scores(), points(splits))
        assert explained(boundary.figure) == set(splits)


def scores():
    side = np.linspace(-1, 1, 5)
    half = np.full((5, 5), 0.5)
    columns = {"score": (("y", "x"), half), "confidence": (("y", "x"), half)}
    return xr.Dataset(columns, {"x": side, "y": side}, {"classes": 2})


def points(splits):
    return xr.Dataset(
        {
            "x": ("point", [0.1, 0.2]),
            "y": ("point", [0.3, -0.4]),
            "target": ("point", [0, 1]),
            "split": ("point", splits),
        }
    )


def test_at_the_start_curves_show_their_first_point_on_an_axis_of_steps():
    curves = Curves()
    curves.update(curves_of(1))
    assert -0.1 < curves.loss.x_range.start <= 0
    assert 1 <= curves.loss.x_range.end < 1.1
    drawn = [one for one in curves.loss.renderers if one.visible and isinstance(one.glyph, Scatter)]
    assert {one.glyph.y for one in drawn} == {"train_loss", "test_loss"}
    curves.update(curves_of(5))
    assert not any(one.visible for one in drawn)
    away = OffPlane()
    away.update(path_to(0, 0, count=1).assign(under=("step", [0.5])))
    assert away.loss.x_range.start <= 0 < 1 <= away.loss.x_range.end


@pytest.mark.parametrize("logged", [False, True])
@pytest.mark.parametrize("values", [[0.37], [1.20, 1.21], [5.0, 5.0]])
def test_values_that_hardly_differ_do_not_fill_an_axis(values, logged):
    found = ends(np.array(values), 0.06, logged=logged)
    low, high = found["start"], found["end"]
    assert low < min(values) <= max(values) < high
    if logged:
        assert math.log10(high / low) >= 0.1 - 1e-9
    else:
        assert high - low >= 0.1 * max(values) - 1e-9


def test_an_axis_of_steps_reaches_from_the_first_to_the_last_but_one_step_at_least():
    assert step_ends(np.array([])) == {}
    assert step_ends(np.array([0]), 0.0) == {"start": 0.0, "end": 1.0}
    assert step_ends(np.array([0, 5, 40]), 0.0) == {"start": 0.0, "end": 40.0}


def test_a_brief_picture_of_the_curves_keeps_the_loss_and_names_its_steps():
    curves = Curves()
    curves.update(curves_of(20))
    assert curves.accuracy.visible
    curves.make_brief(brief=True)
    assert not curves.accuracy.visible
    assert curves.loss.xaxis[0].visible
    curves.update(curves_of(25))
    assert not curves.accuracy.visible
    curves.make_brief(brief=False)
    assert curves.accuracy.visible


@pytest.mark.parametrize("text", ["", "1, 2", "a, b, c", "0, 90, 4", "nan, 30, 4", "0, 30, 1"])
def test_what_is_no_camera_is_none(text):
    assert camera_of(text) is None
    assert camera_of("-58, 24, 4.45") == HOME


def test_a_surface_on_paper_is_seen_by_the_camera_of_the_screen_and_has_heights_on_its_axis():
    shown = slice_of(valley, 7)
    axes = plot(shown, "surface")
    assert (axes.azim, axes.elev) == (HOME.azimuth, HOME.elevation)
    told = [text.get_text() for text in axes.get_zticklabels()]
    assert 2 <= len([word for word in told if word]) <= 6
    assert Surface().view.home == list(HOME)


def test_a_surface_tells_and_takes_its_camera():
    turned = []
    surface = Surface(turned=turned.append)
    surface.view.on_message({"action": "turned", "camera": "10, 20, 3"})
    assert turned == [surface.camera] == ["10, 20, 3"]
    surface.look_from("")
    assert surface.camera == ""
    assert camera_of("10, 20, 3") == Camera(10, 20, 3)
