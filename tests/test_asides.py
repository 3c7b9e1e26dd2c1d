"""The figures beside the landscape: what is drawn is what was given, and nothing is sent twice."""

import numpy as np
import pytest
import xarray as xr
from test_views import path_to, sent, slice_of, valley

from app.views.connection import WAITING, Connection
from app.views.contour import Contour
from app.views.curvature import Curvature
from app.views.off_plane import OffPlane


def spectrum_of(layers=("0", "2"), density=True):
    """A spectrum as the engine gives it, of a network and its layers."""
    blocks, points = ["network", *layers], 50
    where = np.tile(np.linspace(-1, 4, points), (len(blocks), 1))
    shape = np.exp(-(where**2)) if density else np.full_like(where, np.nan)
    by_block = np.arange(1.0, 1 + len(blocks))
    return xr.Dataset(
        {
            "eigenvalue": (("block", "rank"), by_block[:, None] * np.array([3.0, 1.0, -0.5])),
            "residual": (("block", "rank"), np.full((len(blocks), 3), 1e-4)),
            "trace": ("block", 10 * by_block),
            "trace_error": ("block", 0.5 * by_block),
            "where": (("block", "point"), where),
            "density": (("block", "point"), shape),
            "density_low": (("block", "point"), shape / 2),
            "density_high": (("block", "point"), shape * 2),
        },
        {"block": blocks, "rank": [1, 2, -1]},
    )


def along_of(steps=6, ranks=2):
    values = np.linspace(5, 1, steps)[:, None] * np.linspace(1, 0.5, ranks)
    return xr.Dataset(
        {
            "eigenvalue": (("step", "rank"), values),
            "trace": ("step", np.linspace(20, 4, steps)),
            "trace_error": ("step", np.full(steps, 0.5)),
        },
        {"step": 10 * np.arange(steps), "rank": np.arange(1, ranks + 1)},
    )


def test_the_density_its_band_and_the_eigenvalues_are_drawn_where_they_are():
    view = Curvature()
    view.update(spectrum_of(), None)
    found = spectrum_of().sel(block="network")
    visible = found["density"].values >= found["density"].values.max() / 1e5
    np.testing.assert_allclose(
        view.spectrum.data["density"][visible], found["density"].values[visible], rtol=1e-6
    )
    assert np.isnan(view.spectrum.data["density"][~visible]).all()
    np.testing.assert_allclose(view.ticks.data["at"], [3.0, 1.0, -0.5])
    assert view.ticks.data["text"][0] == "λ = 3 ± 0.0001"
    low, high = view.density.x_range.start, view.density.x_range.end
    assert low < -0.5 < 4 < high


def test_layers_have_their_trace_with_its_error_and_their_largest_eigenvalue():
    view = Curvature()
    view.update(spectrum_of(("first", "second")), None)
    assert view.layers.data["layer"] == ["first", "second"]
    np.testing.assert_allclose(view.layers.data["trace"], [20, 30])
    np.testing.assert_allclose(view.layers.data["error_low"], [19, 28.5])
    np.testing.assert_allclose(view.layers.data["largest"], [6, 9])
    assert list(view.blocks.y_range.factors) == ["second", "first"]
    view.update(spectrum_of(()), None)
    assert not view.blocks.visible


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
def test_eigenvalues_and_trace_along_the_run_lie_within_the_axes(ranks):
    view = Curvature()
    view.update(None, along_of(ranks=ranks))
    np.testing.assert_allclose(view.along.data["first"], along_of()["eigenvalue"][:, 0], rtol=1e-6)
    assert np.isnan(view.along.data["third"]).all() == (ranks < 3)
    assert view.run.y_range.start < 0.5 or ranks == 1
    assert view.run.y_range.end > 20
    assert (view.run.x_range.start, view.run.x_range.end) == pytest.approx((-1, 51))


def test_a_spectrum_that_is_not_finished_has_its_eigenvalues_only():
    view = Curvature()
    view.update(spectrum_of(density=False), None)
    assert len(view.spectrum.data["density"]) == 0
    assert len(view.ticks.data["at"]) == 3
    view.update(None, None)
    assert len(view.ticks.data["at"]) == 0


def test_the_same_curvature_is_not_sent_twice():
    view = Curvature()
    view.update(spectrum_of(), along_of())
    assert sent(view, lambda: view.update(spectrum_of(), along_of())) == ([], 0)


def path_off(count=30):
    steps = 5 * np.arange(count)
    return xr.Dataset(
        {
            "loss": ("step", np.linspace(2.0, 0.0, count)),
            "under": ("step", np.where(steps < 20, np.nan, np.linspace(1.0, 0.1, count))),
            "distance": ("step", np.linspace(3.0, 0.0, count)),
        },
        {"step": steps},
    )


def test_the_true_loss_stands_beside_the_pictures_with_gaps_where_there_is_none():
    view = OffPlane()
    view.update(path_off())
    path = path_off()
    np.testing.assert_allclose(view.source.data["loss"][:-1], path["loss"][:-1], rtol=1e-6)
    assert np.isnan(view.source.data["loss"][-1])  # a loss of zero has no logarithm
    assert np.isnan(view.source.data["under"][:4]).all()
    np.testing.assert_allclose(view.source.data["distance"], path["distance"], rtol=1e-6)
    assert view.distance.y_range.start == 0
    assert view.distance.y_range.end > 3
    assert sent(view, lambda: view.update(path_off())) == ([], 0)


def test_a_path_far_off_the_plane_is_dashed_and_said_so():
    contour, slice_ = Contour(), slice_of(valley)
    path = path_to(0.5, 0.5)
    contour.update(slice_, path.assign(off=("step", np.linspace(0.9, 0.0, len(path["step"])))))
    far = np.linspace(0.9, 0.0, len(path["step"])) > 0.5
    assert np.isnan(contour.path.data["near_x"][far]).all()
    np.testing.assert_array_equal(contour.path.data["near_x"][~far], contour.path.data["x"][~far])
    assert contour._far.visible
    contour.update(slice_, path)
    assert not contour._far.visible
    assert np.isfinite(contour.path.data["near_x"]).all()


def test_a_connection_is_drawn_with_its_barriers_and_awaited_until_then():
    view = Connection()
    assert view._words.text == WAITING
    t = np.linspace(0, 1, 11)
    straight = np.stack([t * (1 - t) * 4, t * (1 - t) * 8])
    found = xr.Dataset(
        {
            "loss": (("split", "t"), 0.1 * straight),
            "straight_loss": (("split", "t"), straight),
            "barrier": ("split", [0.1, 0.2]),
            "straight_barrier": ("split", [1.0, 2.0]),
        },
        {"split": ["train", "test"], "t": t},
    )
    view.update(found, "test")
    np.testing.assert_allclose(view.source.data["straight"], straight[1], rtol=1e-6)
    np.testing.assert_allclose(view.source.data["curve"], 0.1 * straight[1], rtol=1e-6)
    assert view._words.text == "barrier 2 straight, 0.2 along the curve"
    assert view.figure.y_range.end > 2
    view.update(None, "test")
    assert view._words.text == WAITING
