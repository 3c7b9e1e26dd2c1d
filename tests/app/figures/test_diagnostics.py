"""What was measured of a network is drawn by its dimensions, whatever the diagnostic."""

import numpy as np
import pytest
import torch
import xarray as xr
from bokeh.models import FactorRange, LogScale

from landscape_core.analysis.diagnostics.base import Diagnostic
from landscape_core.foundation.registry import entries, from_plain
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.run import Run
from landscape_lab.figures import diagnostic_values as drawn
from landscape_lab.figures.bokeh.diagnostics import MEASURING, NOTHING, WAITING, Diagnostics
from landscape_lab.panels.diagnostics import Diagnostics as Panel

RUN = {
    "problem": {"kind": "supervised", "architecture": {"kind": "mlp", "depth": 1, "width": 5}},
    "steps": 20,
}


def made(columns, coords=None, **attrs):
    variables = {
        name: (dims, np.asarray(values, dtype=float), {"units": "m", "long_name": name})
        for name, (dims, values) in columns.items()
    }
    return xr.Dataset(variables, coords or {}, {"title": "made", "examples": 7, **attrs})


def panels(dataset):
    view = Diagnostics()
    view.update(dataset)
    return view.panels.children


def data(plot, count=0):
    return plot.renderers[count].data_source.data


@pytest.fixture(scope="module")
def session():
    session = Session(from_plain(Run, RUN), SliceSpec(resolution=11))
    session.advance(20)
    session.picture()
    return session


@pytest.mark.parametrize("name", entries(Diagnostic))
def test_every_diagnostic_of_a_held_run_is_drawn(session, name):
    panel = Panel(diagnostic=entries(Diagnostic)[name]())
    *_, picture = session.study("diagnostics", panel.study)
    view = Diagnostics()
    panel.draw(view, picture, "log")
    found = picture.studies["diagnostics"]
    several = [v for v in drawn.drawn(found) if found[v].ndim]
    assert len(view.panels.children) == len(several) > 0
    for panel in view.panels.children:
        words = panel.title.text or panel.below[-1].title or panel.below[0].title
        assert words
    assert found.attrs["title"] in view.words.text
    assert view.panels.styles["opacity"] == "1"


def test_distance_is_that_from_the_start_of_the_run(session):
    panel = Panel(diagnostic=entries(Diagnostic)["distance"]())
    *_, picture = session.study("diagnostics", panel.study)
    thetas = torch.from_numpy(session.trajectory()["theta"].values)
    moved = float((thetas[-1].double() - thetas[0].double()).norm())
    found = picture.studies["diagnostics"]["distance"].sel(block="network")
    assert float(found) == pytest.approx(moved, rel=1e-6)
    assert moved > 0.01


def test_numbers_by_name_are_bars_with_their_errors_and_nothing_for_what_is_not_finite():
    values, errors = [3.0, -1.0, np.inf], [0.5, 0.25, np.nan]
    columns = {"v": (["layer"], values), "v_error": (["layer"], errors)}
    (plot,) = panels(made(columns, {"layer": ["a", "b", "c"]}))
    table = data(plot)
    assert isinstance(plot.y_range, FactorRange)
    assert list(plot.y_range.factors) == ["c", "b", "a"]
    np.testing.assert_allclose(table["at"], [3.0, -1.0, 0.0])
    np.testing.assert_allclose(table["high"][:2], [3.5, -0.75])
    assert list(table["text"]) == ["3 ± 0.5", "−1 ± 0.25", "inf"]
    assert not isinstance(plot.x_scale, LogScale)
    assert "v by layer (m)" in plot.title.text


def test_large_spans_are_drawn_on_logarithmic_axes():
    coords = {"layer": ["a", "b"], "rank": [1, 2, 3]}
    bars, curves = panels(
        made({"v": (["layer"], [1e-3, 5.0]), "s": (("layer", "rank"), np.ones((2, 3)))}, coords)
    )
    assert isinstance(bars.x_scale, LogScale)
    assert not isinstance(curves.y_scale, LogScale)
    spectrum = {"s": (["rank"], [100.0, 1.0, 0.0])}
    (plot,) = panels(made(spectrum, {"rank": [1, 2, 3]}))
    assert isinstance(plot.y_scale, LogScale)
    assert "1 not above zero, left out" in plot.title.text.replace("\n", " ")


def test_ranks_are_curves_by_name_with_the_median_over_what_is_between():
    values = np.arange(24.0).reshape(2, 4, 3)
    values[0, 0, 0] = np.nan
    dims = ("layer", "example", "rank")
    (plot,) = panels(made({"s": (dims, values)}, {"layer": ["a", "b"], "rank": [1, 2, 3]}))
    np.testing.assert_allclose(data(plot, 0)["y"], np.nanmedian(values[0], axis=0))
    np.testing.assert_allclose(data(plot, 2)["y"], np.median(values[1], axis=0))
    assert "median over examples" in plot.title.text
    assert plot.xaxis.axis_label == "rank"


def test_what_has_no_order_falls_over_its_share():
    values = [[0.1, 0.9, np.nan, 0.5], [0.0, 1.0, 0.2, 0.3]]
    (plot,) = panels(made({"active": (("layer", "unit"), values)}, {"layer": ["a", "b"]}))
    ends = data(plot, 0)["y"][[0, -1]]
    np.testing.assert_allclose(ends, [0.9, 0.1], rtol=1e-6)
    np.testing.assert_allclose(data(plot, 2)["y"], [1.0, 0.3, 0.2, 0.0])
    np.testing.assert_allclose(data(plot, 2)["x"], [0, 1 / 3, 2 / 3, 1])


def test_a_kernel_is_an_image_of_all_its_pairs():
    kernel = np.arange(36.0).reshape(2, 3, 2, 3)
    dims = ("example", "output", "other_example", "other_output")
    (plot,) = panels(made({"k": (dims, kernel)}))
    shades = np.asarray(data(plot)["image"][0])
    assert shades.shape == (6, 6)
    assert (np.diff(shades.astype(int).ravel()) >= 0).all()
    assert plot.xaxis.axis_label == "example × output"


def test_single_numbers_are_told_in_words_and_an_empty_measurement_says_so():
    view = Diagnostics()
    view.update(made({"t": ((), 2.5), "t_error": ((), 0.25)}))
    assert "t (m): <b>2.5 ± 0.25</b>" in view.words.text
    view.update(made({"v": (["layer"], [])}, {"layer": np.array([], dtype=str)}))
    assert NOTHING in view.words.text
    assert view.panels.children == []


def test_what_is_awaited_pales_what_was_measured_last():
    view = Diagnostics()
    assert view.words.text == WAITING
    view.update(made({"v": (["layer"], [1.0])}, {"layer": ["a"]}))
    kept = view.panels.children[0]
    view.update(None, held=False)
    assert view.words.text == WAITING
    assert view.panels.children[0] is kept
    assert view.panels.styles["opacity"] == "0.3"
    view.update(None)
    assert view.words.text == MEASURING
    view.update(made({"v": (["layer"], [1.0])}, {"layer": ["a"]}))
    assert view.panels.children[0] is kept
