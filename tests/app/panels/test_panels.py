"""The figures beside the landscape: what is drawn is what was given, and nothing is sent twice."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from bokeh.core.property.vectorization import Value
from bokeh.models import Label, Text

from figure_cases import explained_in, path_to, sent, slice_of, valley
from landscape_core.analysis.plane_ensemble import spread
from landscape_core.connectivity.restart import another_start
from landscape_core.foundation.registry import entries, from_plain, make
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.run import Run, Training
from landscape_core.training.stability import stability_bound
from landscape_lab.figures.bokeh import planes
from landscape_lab.figures.bokeh.connection import WAITING, Connection
from landscape_lab.figures.bokeh.contour import Contour
from landscape_lab.figures.bokeh.convexity import WAITING as AWAITED
from landscape_lab.figures.bokeh.convexity import Convexity
from landscape_lab.figures.bokeh.curvature import Curvature
from landscape_lab.figures.bokeh.off_plane import OffPlane
from landscape_lab.figures.bokeh.planes import Planes
from landscape_lab.figures.bokeh.runs import Runs
from landscape_lab.figures.matplotlib.plotting import plot
from landscape_lab.figures.pixels import SHADES
from landscape_lab.page.canvas import Canvas
from landscape_lab.panels.base import SidePanel
from landscape_lab.state.link import opening
from landscape_lab.state.scene import Display
from landscape_lab.worker.update import Update


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
            "eigenvalue_axis": (("block", "point"), where),
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


def test_one_record_along_the_run_has_an_axis_from_the_start():
    view = Curvature()
    view.update(None, along_of().isel(step=[5]))
    assert (view.run.x_range.start, view.run.x_range.end) == pytest.approx((-1, 51))


@pytest.mark.parametrize(("bound", "drawn"), [(None, False), (30.0, True), (3000.0, False)])
def test_the_bound_of_stable_steps_is_drawn_where_it_is_near(bound, drawn):
    view = Curvature()
    view.update(None, along_of(), bound=bound)
    assert ("2/η: steps are stable below" in explained_in(view.run)) == drawn
    assert list(view.bound.data["height"]) == [bound] * 2 * drawn
    assert (view.run.y_range.end > 30) == drawn
    assert sent(view, lambda: view.update(None, along_of(), bound=bound)) == ([], 0)


@pytest.mark.parametrize(
    ("optimizer", "bound"),
    [
        ({"kind": "sgd", "learning_rate": 0.2}, 10.0),
        ({"kind": "sgd", "weight_decay": 0.1}, None),
        ({"kind": "heavy_ball"}, None),
        ({"kind": "adam"}, None),
    ],
)
def test_steps_of_plain_gradient_descent_alone_have_a_bound(optimizer, bound):
    assert stability_bound(from_plain(Run, {"optimizer": optimizer})) == bound


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
    assert "far off" in explained_in(contour.figure)
    contour.update(slice_, path)
    assert "far off" not in explained_in(contour.figure)
    assert np.isfinite(contour.path.data["near_x"]).all()


def connection_of(aligned=False, plane=True):
    t = np.linspace(0, 1, 11)
    straight = np.stack([t * (1 - t) * 4, t * (1 - t) * 8])
    table = {
        "loss": (("split", "t"), 0.1 * straight),
        "straight_loss": (("split", "t"), straight),
        "barrier": ("split", [0.1, 0.2]),
        "straight_barrier": ("split", [1.0, 2.0]),
    }
    if aligned:
        table |= {"aligned_loss": (("split", "t"), 0.5 * straight)}
        table |= {"aligned_barrier": ("split", [0.5, 0.75])}
    coords = {"split": ["train", "test"], "t": t}
    if plane:
        alpha, beta = np.linspace(-0.3, 1.3, 9), np.linspace(-0.2, 1.4, 9)
        bowl = 0.1 + (alpha[None, :] - 0.5) ** 2 + (beta[:, None] - 0.5) ** 2
        table |= {
            "plane_loss": (("split", "beta", "alpha"), np.stack([bowl, 2 * bowl])),
            "curve_alpha": ("t", t),
            "curve_beta": ("t", 4 * t * (1 - t)),
        }
        coords |= {"alpha": alpha, "beta": beta}
    return xr.Dataset(table, coords)


def named(view):
    return [item.label.value for item in view.profile.above[0].items if item.visible]


def test_a_connection_is_drawn_with_its_barriers_and_awaited_until_then():
    view, found = Connection(), connection_of(plane=False)
    words = view.profile.select_one(Label)
    assert words.text == WAITING
    assert not view.plane.figure.visible
    view.update(found, "test")
    straight = found["straight_loss"].values[1]
    np.testing.assert_allclose(view.source.data["straight"], straight, rtol=1e-6)
    np.testing.assert_allclose(view.source.data["curve"], 0.1 * straight, rtol=1e-6)
    assert np.isnan(view.source.data["aligned"]).all()
    assert not words.visible
    assert named(view) == ["straight line: barrier 2", "curve: barrier 0.2"]
    assert view.profile.y_range.end > 2
    assert not view.plane.bar.visible
    view.update(None, "test")
    assert words.visible
    assert named(view) == []


def test_a_curve_that_bends_not_is_no_curve():
    view, found = Connection(), connection_of(plane=False)
    view.update(
        found.assign(loss=found["straight_loss"], barrier=found["straight_barrier"]), "test"
    )
    assert named(view) == ["straight line: barrier 2"]
    assert np.isnan(view.source.data["curve"]).all()
    assert not view.plane.figure.visible


def test_the_line_after_aligning_stands_beside_the_others():
    view = Connection()
    view.update(connection_of(aligned=True), "train")
    np.testing.assert_allclose(
        view.source.data["aligned"], connection_of(aligned=True)["aligned_loss"][0], rtol=1e-6
    )
    straight, aligned, curve = named(view)
    assert straight == "straight line: barrier 1"
    assert aligned == "after aligning: barrier 0.5"
    assert curve == "curve: barrier 0.1"
    assert view.plane.figure.visible
    view.update(connection_of(), "train")
    assert named(view) == [straight, curve]


def test_the_curve_lies_in_its_plane():
    view, found = Connection(), connection_of()
    view.update(found, "test", "linear")
    np.testing.assert_allclose(view.curve.data["y"], found["curve_beta"], rtol=1e-6)
    assert view.ends.data["text"] == ["this", "other"]
    assert view.plane.bar.visible
    low, high = view.plane.bar.color_mapper.low, view.plane.bar.color_mapper.high
    assert low <= 0.2
    assert low < high <= 2 * float(found["plane_loss"].max())
    shades = view.plane.image.data["image"][0]
    lowest = np.argwhere(shades == shades.min()).mean(axis=0)
    np.testing.assert_allclose(lowest / shades.shape, [0.44, 0.5], atol=0.02)
    assert sent(view, lambda: view.update(found, "test", "linear")) == ([], 0)
    view.update(None, "test")
    assert len(view.curve.data["x"]) == 0
    assert not view.plane.bar.visible


@pytest.mark.parametrize("plane", [True, False])
def test_a_connection_on_paper_shows_the_same(plane):
    found = connection_of(aligned=True, plane=plane)
    paper = plot(found, split="test").figure
    profile, *rest = [axes for axes in paper.axes if axes.get_label() != "<colorbar>"]
    lines = {line.get_label(): line.get_ydata() for line in profile.lines}
    np.testing.assert_allclose(lines["straight line, barrier 2"], found["straight_loss"][1])
    np.testing.assert_allclose(lines["line after aligning, barrier 0.75"], found["aligned_loss"][1])
    np.testing.assert_allclose(lines["curve, barrier 0.2"], found["loss"][1])
    assert profile.get_ylabel() == "test loss"
    assert len(rest) == plane
    if plane:
        assert any(np.allclose(line.get_ydata(), found["curve_beta"]) for line in rest[0].lines[1:])
        np.testing.assert_allclose(rest[0].images[0].get_extent(), [-0.3, 1.3, -0.2, 1.4])


def ratio_of(known=9):
    ratio = np.full((3, 3), np.nan)
    ratio.flat[:known] = np.linspace(0.0, 0.4, 9)[:known]
    return xr.Dataset(
        {"ratio": (("beta", "alpha"), ratio)},
        {"alpha": [-1.0, 0.0, 1.0], "beta": [-2.0, 0.0, 2.0]},
    )


def test_the_map_of_convexity_fills_and_what_is_not_known_is_no_colour():
    view, path = Convexity(), path_to(0.5, 0.5)
    view.update(None, path)
    assert view.track.words.text == AWAITED
    assert len(view.track.path.data["x"]) == 0
    view.update(ratio_of(4), path)
    shades = view.map.image.data["image"][0]
    assert shades.shape == (3, 3)
    assert (shades.flat[4:] >= SHADES).all()
    assert (shades.flat[:4] < SHADES).all()
    assert view.track.words.text == "above 0.05 at\n50 % of 4 points"
    np.testing.assert_allclose(view.track.path.data["x"], path["alpha"], rtol=1e-6)
    view.update(ratio_of(), path)
    assert view.track.words.text == "above 0.05 at\n78 % of 9 points"  # 0.05 itself is not above
    assert view.map.bar.color_mapper.high == 0.5
    assert view.map.figure.y_range.end == pytest.approx(3.0)  # a point is the middle of its pixel
    assert sent(view, lambda: view.update(ratio_of(), path)) == ([], 0)


def ensemble_of(count):
    planes = [
        slice_of(lambda a, b, k=k: 1 + k + a**2 + b**2 / 4, 9, ((-1, 1), (-2, 2)))
        for k in range(count)
    ]
    joined = xr.concat(planes, dim="plane")
    return joined.assign_coords(seed=("plane", 5 + np.arange(count)))


def test_many_planes_share_their_colours_and_are_named():
    view = Planes()
    view.update(None, None, "train", "linear")
    assert view.words.text == planes.WAITING
    found = ensemble_of(3)
    view.update(found, spread(found), "train", "linear")
    assert len(view.images.data["image"]) == 3
    assert view.names.data["text"] == ["seed 5: 1 to 3", "seed 6: 2 to 4", "seed 7: 3 to 5"]
    lowest = [image.min() for image in view.images.data["image"]]
    assert lowest == sorted(lowest)
    assert lowest[0] < lowest[1] < lowest[2]
    assert (view.bar.color_mapper.low, view.bar.color_mapper.high) == (1.0, 5.0)
    assert "3 planes through one point" in view.words.text
    assert "width" in view.words.text
    # Two in a row, the third below the first.
    x, y = view.images.data["x"], view.images.data["y"]
    assert x[2] == x[0] < x[1]
    assert y[2] < y[0] == y[1]
    assert sent(view, lambda: view.update(found, spread(found), "train", "linear")) == ([], 0)


def test_figures_without_anything_to_show_are_not_there():
    view = Curvature()
    assert view.density.visible
    assert not view.run.visible
    view.update(None, along_of())
    assert not view.density.visible
    assert view.run.visible
    assert not view.blocks.visible
    view.update(spectrum_of(), None, "Gauss-Newton")
    assert view.density.visible
    assert view.blocks.visible
    assert not view.run.visible
    assert view.density.xaxis[0].axis_label == "eigenvalue of the Gauss-Newton"


def test_the_caption_says_whether_eigenvalues_may_have_been_missed():
    view, found = Curvature(), spectrum_of()
    sure = xr.ones_like(found["residual"], dtype=bool)
    view.update(found.assign(leading=sure), None)
    assert view.density.xaxis[0].axis_label.endswith("▼ random search found none beyond these")
    doubtful = sure.copy()
    doubtful[0, -1] = False
    view.update(found.assign(leading=doubtful), None)
    assert view.density.xaxis[0].axis_label.endswith("▼ some beyond these may be missing")


BOKEH = [name for name in entries(SidePanel) if name != "network"]
"""Panels that are Bokeh figures; the frames of the network have tests of their own."""

QUICK = {
    "connection": {"path": {"kind": "bezier", "steps": 20}, "align": True},
    "convexity": {"resolution": 3, "max_examples": 20},
    "curvature": {"max_examples": 20},
    "diagnostics": {"diagnostic": {"kind": "layer_gradients", "max_examples": 20}},
    "field": {"resolution": 5, "max_examples": 20},
    "planes": {"count": 2, "resolution": 5},
    "runs": {"count": 2, "resolution": 5},
    "stability": {"points": 3, "max_examples": 20},
}


@pytest.mark.parametrize("name", BOKEH)
def test_every_side_panel_draws_what_it_studies_and_nothing_twice(name):
    panel = make(SidePanel, name, **QUICK.get(name, {}))
    view = panel.view()
    problem = {"kind": "supervised", "dataset": {"kind": "moons", "points": 30}}
    session = Session(
        from_plain(Run, {"problem": problem, "steps": 4, "batch_size": 8}), SliceSpec(resolution=11)
    )
    session.advance(3)
    shown = [session.picture()]
    panel.draw(view, shown[0], "log")
    before = sent(view, lambda: panel.draw(view, shown[0], "log"))
    assert before == ([], 0)

    def study():
        for picture in session.study(name, panel.study):
            shown.append(picture)
            panel.draw(view, picture, "log")

    _, size = sent(view, study)
    assert (size > 0) == (name in QUICK)
    assert sent(view, lambda: panel.draw(view, shown[-1], "log")) == ([], 0)
    studied = [name] if name in QUICK else []
    assert list(shown[-1].studies) == studied


@pytest.mark.parametrize("name", BOKEH)
def test_no_name_of_a_font_is_taken_for_a_column(name):
    figure = make(SidePanel, name).view().figure
    assert all(isinstance(text.text_font, Value) for text in figure.select({"type": Text}))


def test_several_runs_are_drawn_on_the_plane_of_all():
    view = Runs()
    view.update(None, "train", "log")
    words = view.figure.select_one(Label)
    assert words.visible
    slice_, path = slice_of(valley), path_to(0.5, 0.5)
    steps = path["step"].values
    found = slice_.assign(
        path_alpha=("step", path["alpha"].values),
        path_beta=("step", path["beta"].values),
        other_alpha=(("run", "step"), np.stack([path["beta"].values, np.full(len(steps), np.nan)])),
        other_beta=(("run", "step"), np.stack([path["alpha"].values, np.full(len(steps), np.nan)])),
        path_distance=("step", np.zeros(len(steps))),
        other_distance=(
            ("run", "step"),
            np.stack([np.zeros(len(steps)), np.full(len(steps), 2.5)]),
        ),
    ).assign_coords(step=steps)
    found["other_alpha"][1, :3] = found["other_beta"][1, :3] = [0.1, 0.2, 0.3]  # a shorter run
    view.update(found, "train", "log")
    assert not words.visible
    np.testing.assert_allclose(view.paths.data["xs"][1], path["beta"].values)
    assert [len(xs) for xs in view.paths.data["xs"]] == [len(steps), len(steps), 3]
    assert view.ends.data["text"] == ["this run", "run 2", "run 3, 2.5 off"]
    np.testing.assert_allclose(view.ends.data["x"][-1], 0.3, rtol=1e-6)
    assert sent(view, lambda: view.update(found, "train", "log")) == ([], 0)


def test_runs_beside_this_one_differ_in_their_weights_alone():
    panel = make(SidePanel, "runs", count=2, resolution=5)
    problem = {"kind": "supervised", "dataset": {"kind": "moons", "points": 30}}
    run = from_plain(Run, {"problem": problem, "steps": 4, "batch_size": 8})
    session = Session(run, SliceSpec(resolution=11))
    session.advance(3)
    session.picture()
    found = list(session.study("runs", panel.study))[-1].studies["runs"]
    thetas = torch.from_numpy(session.trajectory()["theta"].values)
    plane = found.attrs["names"]
    assert found["other_alpha"].shape == (2, 4)
    assert len(plane) == 2
    # All paths lie in the picture, and the others begin where their seeds put them.
    for side in ("alpha", "beta"):
        both = np.append(found[f"other_{side}"].values, found[f"path_{side}"].values)
        assert found[side].values[0] < np.nanmin(both)
        assert found[side].values[-1] > np.nanmax(both)
    starts = [another_start(run.replace(steps=3)), another_start(another_start(run))]
    far = [float((Training(one).start().theta - thetas[-1]).norm()) for one in starts]
    at = np.hypot(
        *(
            found["other_distance"].values[:, 0],
            np.hypot(
                *(
                    found[f"other_{side}"].values[:, 0] - found[f"path_{side}"].values[-1]
                    for side in ("alpha", "beta")
                )
            ),
        )
    )
    np.testing.assert_allclose(at, far, rtol=1e-4)


def test_nothing_is_sought_between_two_starts():
    panel = make(SidePanel, "connection")
    session = Session(Run(), SliceSpec(resolution=11))
    session.picture()
    assert not list(session.study("connection", panel.study))


def test_the_landscape_is_not_drawn_anew_for_what_stands_beside_it():
    canvas, session = Canvas(), Session(Run(), SliceSpec(resolution=11))
    picture, drawn = session.picture(), []
    canvas.draw(updated(picture), Display())
    canvas.contour.update = lambda slice_, *_, **__: drawn.append(slice_)
    canvas.draw(updated(replace(picture, studies={"planes": ensemble_of(2)})), Display())
    assert drawn == []
    canvas.draw(updated(picture), Display(scale="log"))
    again = session.picture()
    canvas.draw(updated(again), Display(scale="log"))
    assert [slice_ is picture.slice for slice_ in drawn] == [True, False]


def updated(picture):
    return Update(picture, opening("spirals"))
