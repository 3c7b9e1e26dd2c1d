"""Several runs on one slice: each picture draws every run in its colour, by its name."""

import json

import numpy as np
import pytest
import xarray as xr

from figure_cases import slice_of, valley
from landscape_core import save
from landscape_core.storage.slice_mesh import mesh_of
from landscape_lab.exports.html import web_page
from landscape_lab.figures import theme
from landscape_lab.figures.matplotlib.plotting import plot
from landscape_lab.notebook.view import PlaneView

RUNS = {"SGD": 4, "_Adam": 3}
"""The runs and how many states each has."""


@pytest.fixture(scope="module")
def slice_():
    """A slice with the paths of two runs, the second of which is shorter."""
    step = np.arange(4)
    rows = np.stack([0.1 * step, np.where(step < 3, -0.2 * step, np.nan)])
    names = ("path_alpha", "path_beta", "path_loss", "path_distance")
    found = slice_of(valley, 11).assign(dict.fromkeys(names, (("run", "step"), rows)))
    return found.assign_coords(run=list(RUNS), step=step)


def as_map(slice_):
    """The same as a map of convexity."""
    ratio = slice_["loss"].isel(split=0, drop=True) / 100
    paths = slice_[[name for name in slice_ if str(name).startswith("path_")]]
    return xr.Dataset({"ratio": ratio, "lambda_min": -ratio, "lambda_max": ratio + 1}).merge(paths)


@pytest.mark.parametrize("kind", ["slice", "surface", "line", "convexity", "comparison"])
def test_each_run_has_its_colour_its_name_and_its_states(slice_, kind):
    given = slice_
    if kind == "line":
        given = slice_.isel(beta=5, drop=True).drop_vars("path_beta")
    elif kind == "convexity":
        given = as_map(slice_)
    elif kind == "comparison":
        given = {"one": slice_, "other": slice_}
    axes = plot(given, kind)
    lines = {line.get_label(): line for line in axes.get_lines()}
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    for number, (name, count) in enumerate(RUNS.items()):
        line = lines[name.lstrip("_")]
        path = slice_.sel(run=name).isel(step=slice(count))
        x, y, *_ = line.get_data_3d() if kind == "surface" else line.get_data()
        np.testing.assert_array_equal(x, path["path_alpha"])
        np.testing.assert_array_equal(y, path["path_loss" if kind == "line" else "path_beta"])
        assert line.get_color() == theme.CLASSES[number]
        assert line.get_label() in named
    bare = plot(given, kind, path=False)
    assert "SGD" not in {line.get_label() for line in bare.get_lines()}


def test_a_page_and_a_view_have_them_too(slice_):
    page = web_page(slice_, None)
    for number, name in enumerate(RUNS):
        assert json.dumps(name) in page
        assert theme.CLASSES[number] in page
    assert json.dumps("SGD") not in web_page(slice_, None, with_runs=False)
    shown = PlaneView(slice_, {"variable": "loss", "split": "train"}, 300)
    legend = shown.contour.figure.legend[0]
    visible = [item.label["value"] for item in legend.items if item.visible]
    assert [name for name in visible if name in RUNS] == list(RUNS)
    assert not {"start", "now"} & set(visible)


def test_a_mesh_has_a_line_for_each_run(slice_, tmp_path):
    mesh = mesh_of(slice_)
    assert [len(line) for line in mesh.lines] == [4, 3]
    first = mesh.points[mesh.lines[1]]
    np.testing.assert_allclose(first[:, 0], slice_["path_alpha"].sel(run="_Adam")[:3])
    save(slice_, tmp_path / "s.vtp")
    assert mesh_of(slice_, path_line=False).lines == ()
