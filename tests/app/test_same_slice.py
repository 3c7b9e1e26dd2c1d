"""App, command line and library compute and draw the same slice of the same run by default."""

import copy
import json

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from torch.nn.functional import cross_entropy

from landscape_core.experiments.slice_of_run import slice_of_run
from landscape_core.experiments.trajectory import record_run
from landscape_core.foundation.progress import result
from landscape_core.foundation.recipes import to_plain
from landscape_core.foundation.registry import find, from_plain
from landscape_core.session.session import Session
from landscape_core.slices.one_call import landscape
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.slices.strategies.base import Strategy
from landscape_core.storage.netcdf import load, save
from landscape_core.training.run import Run, Training
from landscape_lab.cli.main import main
from landscape_lab.exports.base import Shown, content
from landscape_lab.exports.netcdf import NetCDF
from landscape_lab.figures.annotations import own_path
from landscape_lab.figures.matplotlib.base import SCALE
from landscape_lab.figures.matplotlib.paper import sizes
from landscape_lab.figures.matplotlib.plotting import plot
from landscape_lab.state.link import opening
from landscape_lab.state.scene import Display, Scene

DIVERGING = {"kind": "sgd", "learning_rate": 0.3}


def run_of(**changes):
    problem = {"kind": "supervised", "dataset": "moons"}
    return from_plain(Run, {"problem": problem, "steps": 25, "dtype": "float64"} | changes)


def held(run, spec):
    """The slice that a page of the app holds at the end of a run, and its projected trajectory."""
    session = Session(run, spec)
    session.advance_to(run.steps)
    *_, picture = session.refine()
    return picture.slice, picture.path


@pytest.mark.parametrize(
    "spec",
    [
        SliceSpec(resolution=9),
        SliceSpec(resolution=7, span=2.5, max_examples=50),
        SliceSpec(resolution=5, extent="-0.5, 1.5, -1, 1"),
    ],
    ids=["defaults", "span and examples", "extent"],
)
def test_app_and_library_compute_the_same_slice(spec):
    run = run_of()
    library = result(slice_of_run(run, spec))
    app, path = held(run, spec)
    for axis in ("alpha", "beta"):
        np.testing.assert_array_equal(app[axis], library[axis])
        np.testing.assert_array_equal(path[axis], own_path(library)[axis])
    np.testing.assert_allclose(
        app["loss"].sel(split="train"), library["loss"].sel(split="train"), rtol=1e-12
    )
    assert {name: app.attrs[name] for name in ("run", "slice", "step")} == {
        name: library.attrs[name] for name in ("run", "slice", "step")
    }
    assert from_plain(SliceSpec, json.loads(library.attrs["slice"])) == spec


def test_the_command_line_computes_the_slice_of_the_app(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train = ["train", "--dataset", "moons", "--steps", "25", "--set", "run.dtype=float64"]
    assert main([*train, "-o", "run.nc"]) == 0
    assert main(["slice", "run.nc", "-o", "slice.nc"]) == 0
    written, scene = load(tmp_path / "slice.nc"), Scene(run=run_of())
    app, path = held(scene.run, scene.computed_slice)
    np.testing.assert_array_equal(written["alpha"], app["alpha"])
    np.testing.assert_array_equal(own_path(written)["beta"], path["beta"])
    np.testing.assert_allclose(
        written["loss"].sel(split="train"), app["loss"].sel(split="train"), rtol=1e-12
    )
    assert (
        json.loads(written.attrs["slice"])
        == to_plain(scene.computed_slice)
        == to_plain(SliceSpec())
    )
    assert (app["alpha"][0], app["alpha"][-1]) != (-1, 1)  # the extent shows the trajectory
    assert float(path["alpha"].min()) > float(app["alpha"][0])


def test_an_earlier_step_is_the_same_in_app_and_library():
    run, spec = run_of(), SliceSpec(resolution=5)
    library = result(slice_of_run(run, spec, step=10))
    session = Session(run, spec)
    session.advance_to(run.steps)
    session.revisit(10)
    *_, picture = session.refine()
    np.testing.assert_array_equal(picture.slice["alpha"], library["alpha"])
    np.testing.assert_allclose(
        picture.slice["loss"].sel(split="train"), library["loss"].sel(split="train"), rtol=1e-12
    )


def test_a_diverging_run_is_framed_alike():
    run = run_of(
        optimizer=DIVERGING, steps=60, problem={"kind": "supervised", "loss": "squared_error"}
    )
    spec = SliceSpec(resolution=5, max_examples=50)
    library = result(slice_of_run(run, spec))
    app, _ = held(run, spec)
    np.testing.assert_array_equal(app["alpha"], library["alpha"])
    np.testing.assert_array_equal(app["beta"], library["beta"])


def test_the_default_scale_is_one():
    assert Display().scale == SCALE


def test_a_user_s_network_with_its_states_gives_the_slice_of_the_run():
    run = run_of()
    path = result(record_run(run))
    train = Training(run).instance.train
    states = [train.layout.split(torch.from_numpy(theta)) for theta in path["theta"].values]
    model = copy.deepcopy(train.module)
    model.load_state_dict(states[-1])
    data = (train.inputs, train.targets)
    found = landscape(model, cross_entropy, data, path=states, resolution=9)
    app, projected = held(run, SliceSpec(resolution=9))
    for axis in ("alpha", "beta"):
        np.testing.assert_allclose(found[axis], app[axis], atol=1e-12)
        np.testing.assert_allclose(found[f"path_{axis}"], projected[axis], atol=1e-12)
    np.testing.assert_allclose(
        found["loss"].sel(split="train"), app["loss"].sel(split="train"), rtol=1e-10
    )
    np.testing.assert_allclose(found["path_loss"], projected["loss"], rtol=1e-12)


def pixels(dataset):
    """What `ll.plot` draws of a slice, without the caption, which names the run's strategy.

    No thread of another test changes Matplotlib's parameters meanwhile.
    """
    with sizes():
        axes = plot(dataset, caption=False)
        canvas = FigureCanvasAgg(axes.figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())


def test_app_and_library_draw_the_same_picture(tmp_path):
    run, spec = run_of(), SliceSpec(resolution=9)
    library = result(slice_of_run(run, spec))
    save(library, tmp_path / "slice.nc")
    # A trial by time chooses the strategy; that of another one differs in the last digit.
    name = str(np.ravel(library.attrs["strategy"])[0])
    session = Session(run, spec, strategy=find(Strategy, name)())
    session.advance_to(run.steps)
    *_, picture = session.refine()
    expected = pixels(library)
    exported = NetCDF().made(Shown(opening("spirals"), picture))
    (tmp_path / "exported.nc").write_bytes(content(exported))
    np.testing.assert_array_equal(pixels(load(tmp_path / "exported.nc")), expected)
    np.testing.assert_array_equal(pixels(load(tmp_path / "slice.nc")), expected)
