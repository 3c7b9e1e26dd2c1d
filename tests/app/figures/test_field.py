"""The arrows of the vector field: where they begin and end, and what goes to the browser."""

import numpy as np
import pytest
import xarray as xr

from figure_cases import path_to, sent
from landscape_core.models.problems.bilinear_game import BilinearGame
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.run import Run
from landscape_lab.figures.bokeh.field import REACH, WAITING, Field, arrows
from landscape_lab.panels.field import Field as Panel


def turning(n=7, hole=None):
    """A field that turns around the middle, on a plane with unequal sides."""
    alpha, beta = np.linspace(-1, 1, n), np.linspace(-3, 3, n)
    x, y = np.meshgrid(alpha, beta)
    rates = {"alpha_rate": -y, "beta_rate": x, "length": np.hypot(x, y), "share": 0.25 + 0 * x}
    if hole is not None:
        for values in rates.values():
            values[hole] = np.nan
    return xr.Dataset(
        {name: (("beta", "alpha"), values) for name, values in rates.items()},
        {
            "alpha": ("alpha", alpha, {"long_name": "PC1"}),
            "beta": ("beta", beta, {"long_name": "PC2"}),
        },
    )


def test_arrows_are_centred_on_the_points_and_go_where_the_field_does():
    found = turning()
    data = arrows(found)
    assert len(data["x"]) == 7 * 7 - 1  # none where the field is zero
    x, y = (data["x"] + data["to_x"]) / 2, (data["y"] + data["to_y"]) / 2
    across, up = data["to_x"] - data["x"], data["to_y"] - data["y"]
    np.testing.assert_allclose(across * x + up * y, 0, atol=1e-12)
    assert np.all(x * up - y * across > 0)
    cells = np.hypot(across / (2 / 6), up / (6 / 6))
    np.testing.assert_allclose(cells, REACH)


def test_the_field_its_path_and_its_share_are_shown_once():
    view = Field()
    path = path_to(0.5, 0.5)
    view.update(turning(hole=(0, 0)), path)
    assert len(view.arrows.data["x"]) == 7 * 7 - 2
    assert len(view.track.path.data["x"]) == path.sizes["step"]
    assert view.track.words.text == "here 25 % of it\nlies in this plane"
    assert view.track.words.padding >= 2  # the ground reaches beyond the letters
    assert view.figure.xaxis[0].axis_label == "PC1"
    assert sent(view, lambda: view.update(turning(hole=(0, 0)), path)) == ([], 0)


def test_until_it_is_found_there_are_words():
    view = Field()
    view.update(turning(), path_to(0.5, 0.5))
    view.update(None, path_to(0.5, 0.5))
    assert view.track.words.text == WAITING
    assert all(len(column) == 0 for column in view.arrows.data.values())


@pytest.mark.parametrize("run", [Run(steps=4), Run(problem=BilinearGame(), steps=4)])
def test_the_side_panel_draws_what_it_studies(run):
    session, panel, view = Session(run, SliceSpec(resolution=11)), Panel(resolution=5), Field()
    for picture in session.play(2):
        panel.draw(view, picture, "log")
        assert view.track.words.text == WAITING
    *_, picture = session.study("field", panel.study)
    panel.draw(view, picture, "log")
    assert 0 < len(view.arrows.data["x"]) <= 25
    assert view.track.words.text.startswith("here ")
