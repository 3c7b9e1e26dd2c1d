"""The command line: train, slice, study, plot, list; errors in one line that say what is wrong."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
import xarray as xr

import oracles
from cases import SPECIAL, place_of
from landscape_core import load, save
from landscape_core.analysis.diagnostics.base import Diagnostic
from landscape_core.analysis.explain import explain
from landscape_core.analysis.persistence import persistence
from landscape_core.analysis.slice_metrics import slice_metrics
from landscape_core.experiments.slice_of_run import plan_slice
from landscape_core.experiments.trajectory import run_of
from landscape_core.foundation.registry import entries, from_plain
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.run import Training
from landscape_lab.cli import app, serve
from landscape_lab.cli.main import main, parser
from landscape_lab.figures import captions
from landscape_lab.figures.annotations import others, own_path
from landscape_lab.state.user_store import user_store

COMMAND = r"(?m)^(\w+):.*\n\t@\$\(BIN\)/landscape ([^$\n]*)"
"""A target of the Makefile and the words that it gives to `landscape`."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LANDSCAPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_a_run_is_trained_sliced_and_drawn(tmp_path, capsys):
    train = ["train", "--dataset", "moons", "--optimizer", "adam", "--steps", "30", "--seed", "3"]
    assert main([*train, "--set", "problem.architecture.width=8", "-o", "run.nc"]) == 0
    path = load(tmp_path / "run.nc")
    assert int(path["step"][-1]) == 30
    assert path["loss"].dims == ("split", "step")
    assert main(["slice", "run.nc", "--directions", "pca", "--resolution", "11", "-o", "s.nc"]) == 0
    slice_ = load(tmp_path / "s.nc")
    assert slice_["loss"].shape == (2, 11, 11)
    assert bool(slice_["computed"].all())
    for name in ("s.png", "s.html"):
        assert main(["plot", "s.nc", "-o", name]) == 0
        assert (tmp_path / name).stat().st_size > 5000
    assert "s.png" in capsys.readouterr().out


def test_the_slice_at_the_centre_is_the_loss_of_the_trajectory(tmp_path):
    assert main(["train", "--dataset", "moons", "--steps", "20", "-o", "run.nc"]) == 0
    options = ["--directions", "random", "--normalization", "layer", "--resolution", "5"]
    assert main(["slice", "run.nc", *options, "-o", "s.nc"]) == 0
    path, slice_ = load(tmp_path / "run.nc"), load(tmp_path / "s.nc")
    for split in ("train", "test"):
        end = float(path["loss"].sel(split=split)[-1])
        centre = float(slice_["loss"].sel(split=split, alpha=0, beta=0))
        assert centre == pytest.approx(end, rel=1e-5)


def test_between_the_ends_of_a_run_each_state_has_its_own_statistics(tmp_path, capsys):
    train = ["train", "--dataset", "moons", "--steps", "20", "--seed", "3", "-o", "run.nc"]
    assert main([*train, "--set", "problem.architecture.normalization=batch"]) == 0
    options = ["--dimensions", "1", "--resolution", "3", "--extent=-1, 1"]
    both = [*options, "--directions", "endpoints"]
    for choice, named in (([], "interpolated"), (["--batch-norm", "running"], "running")):
        assert main(["slice", "run.nc", *both, *choice, "-o", "s.nc"]) == 0
        words = captions.caption(load(tmp_path / "s.nc"))
        assert f"batch norm {named} (" in words
        assert ("high losses there may be artefacts" in words) == (named == "interpolated")
        path, slice_ = load(tmp_path / "run.nc"), load(tmp_path / "s.nc")
        ends = slice_["loss"].sel(split="train").values[1:]
        own = path["loss"].sel(split="train").values[[0, -1]]
        assert (abs(ends - own) < 1e-5).all() == (named == "interpolated")
    assert main(["slice", "run.nc", *options, "--batch-norm", "interpolated"]) == 1
    assert "several states" in capsys.readouterr().err


def test_a_slice_to_a_tolerance_is_drawn_as_a_page(tmp_path):
    assert main(["train", "--steps", "5", "-o", "run.nc"]) == 0
    assert main(["slice", "run.nc", "--resolution", "17", "--tolerance", "0.05", "-o", "s.nc"]) == 0
    assert load(tmp_path / "s.nc")["error"].dims == ("beta", "alpha")
    assert main(["plot", "s.nc", "-o", "s.html"]) == 0
    assert (tmp_path / "s.html").stat().st_size > 5000


@pytest.mark.parametrize("extent", [["--extent", "-0.5,1.5"], ["--extent=-0.5,1.5"]], ids=len)
def test_an_extent_may_begin_with_a_negative_number(tmp_path, extent):
    assert main(["train", "--steps", "5", "-o", "run.nc"]) == 0
    assert main(["slice", "run.nc", *extent, "--resolution", "5", "-o", "s.nc"]) == 0
    assert load(tmp_path / "s.nc")["alpha"].values[[0, -1]].tolist() == [-0.5, 1.5]


def test_an_extent_chosen_by_a_rule_is_told_as_an_option_for_other_slices(tmp_path, capsys):
    small = ["--directions", "random", "--resolution", "3"]
    assert main(["train", "--steps", "5", "-o", "run.nc"]) == 0
    assert main(["slice", "run.nc", "--extent", "auto", *small, "-o", "s.nc"]) == 0
    told = capsys.readouterr().out
    (option,) = [line.split(": ")[1] for line in told.splitlines() if "another slice" in line]
    assert "extent: " in told
    assert main(["slice", "run.nc", option, *small, "-o", "t.nc"]) == 0
    first, second = load(tmp_path / "s.nc"), load(tmp_path / "t.nc")
    assert first["alpha"].values.tolist() == second["alpha"].values.tolist()
    assert first["loss"].values.tolist() == second["loss"].values.tolist()


def test_metrics_of_a_run_are_refused_by_what_would_be_a_slice(capsys):
    assert main(["train", "--steps", "2", "-o", "run.nc"]) == 0
    assert main(["metrics", "run.nc"]) == 1
    assert "holds no slice; one is written by `landscape slice`" in capsys.readouterr().err


def test_the_help_of_an_option_states_its_default(capsys):
    with pytest.raises(SystemExit):
        main(["slice", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "directions that span the slice; one of 9, see `landscape list` (default: pca)" in told
    assert "grid points along each axis (default: 51)" in told
    assert "run.problem" not in told  # a recorded run is not changed


def test_the_help_of_a_connection_does_not_list_the_settings_of_both_runs(capsys):
    with pytest.raises(SystemExit):
        main(["connect", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "connection.path.bends" in told
    assert "connection.first.*, connection.second.* (* as `landscape train --help` lists" in told
    assert "connection.first.problem" not in told
    assert told.count("connection.") < 20


def test_a_slice_to_a_tolerance_says_what_it_computed_and_how_sure_it_is(tmp_path, capsys):
    assert main(["train", "--dataset", "moons", "--steps", "20", "-o", "run.nc"]) == 0
    options = ["--tolerance", "0.05", "--measures", "error,class_loss", "-o", "s.nc"]
    assert main(["slice", "run.nc", *options]) == 0
    slice_ = load(tmp_path / "s.nc")
    assert slice_["class_loss"].dims == ("split", "class", "beta", "alpha")
    assert slice_["error"].dims == ("split", "beta", "alpha")
    assert slice_["interpolation_error"].dims == ("beta", "alpha")
    count = int(slice_["computed"].sum())
    assert 100 < count < 1000
    assert slice_.attrs["estimated_error"] <= 0.05
    assert f"{count} of 2601 points computed" in capsys.readouterr().out


def test_what_a_slice_takes_is_told_before_it_is_begun(tmp_path, capsys):
    assert main(["train", "--dataset", "moons", "--steps", "5", "-o", "run.nc"]) == 0
    assert main(["slice", "run.nc", "--estimate", "-o", "s.nc"]) == 0
    told = capsys.readouterr().out
    assert "2601 evaluations" in told
    assert "first picture after 121" in told
    assert not (tmp_path / "s.nc").exists()


def test_a_slice_on_workers_is_the_slice_of_this_process(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    assert main(["train", "--dataset", "moons", "--steps", "5", "-o", "run.nc"]) == 0
    assert main(["slice", "run.nc", "--resolution", "5", "-o", "here.nc"]) == 0
    monkeypatch.setenv("LANDSCAPE_CACHE", str(tmp_path / "other"))
    asked = ["slice", "run.nc", "--resolution", "5", "--workers", "1", "-o", "there.nc"]
    assert main(asked) == 0
    here, there = load(tmp_path / "here.nc"), load(tmp_path / "there.nc")
    np.testing.assert_allclose(there["loss"], here["loss"], rtol=1e-5)


def test_everything_there_is_can_be_listed(capsys):
    assert main(["list"]) == 0
    told = capsys.readouterr().out
    words = ("spirals", "residual_mlp", "adamw", "pca", "accuracy", "gauss_newton", "bezier")
    assert all(word in told for word in (*words, "matrices", "sharpness", "paths"))


def trained(name="run.nc", seed=0, steps=20):
    """Train a small run in float64 and write it."""
    sizes = ["--set", "problem.architecture.width=6", "--set", "dtype=float64"]
    train = ["train", "--dataset", "moons", "--optimizer", "adam", "--steps", str(steps)]
    assert main([*train, "--seed", str(seed), *sizes, "-o", name]) == 0


def test_other_runs_are_taken_into_the_plane(tmp_path):
    for seed, steps in ((0, 20), (1, 20), (2, 30)):
        trained(f"{seed}.nc", seed, steps)
    options = ["--directions", "pca", "--resolution", "5", "-o", "s.nc"]
    assert main(["slice", "0.nc", "1.nc", "2.nc", *options]) == 0
    slice_, paths = load(tmp_path / "s.nc"), [load(tmp_path / f"{i}.nc") for i in range(3)]
    assert slice_["other_alpha"].dims == slice_["other_distance"].dims == ("run", "step")
    together = np.concatenate([path["theta"].values for path in paths])
    first, last = paths[0]["theta"].values[[0, -1]]
    # The components of all points together, by NumPy; signs are free.
    axes = np.linalg.svd(together - together.mean(axis=0), full_matrices=False)[2][:2]
    for i, path in enumerate(paths[1:]):
        found = slice_.isel(run=i).sel(step=path["step"].values)
        coords = (path["theta"].values - first) @ axes.T
        lengths = np.linalg.norm(found[["other_alpha", "other_beta"]].to_array(), axis=0)
        shown = np.abs(found["other_alpha"]) * np.linalg.norm(coords, axis=1) / lengths
        np.testing.assert_allclose(shown, np.abs(coords[:, 0]), rtol=1e-6)
        rest = (path["theta"].values - last) - (path["theta"].values - last) @ axes.T @ axes
        np.testing.assert_allclose(found["other_distance"], np.linalg.norm(rest, axis=1))
    assert slice_["other_alpha"].isel(run=0).sel(step=30).isnull()
    own = own_path(slice_)
    assert own["step"].values.tolist() == paths[0]["step"].values.tolist()
    np.testing.assert_array_equal(own["loss"], paths[0]["loss"].sel(split="train"))
    assert main(["plot", "s.nc", "-o", "s.png"]) == 0


def test_a_slice_moves_the_layers_asked_for(tmp_path):
    trained()
    options = ["--directions", "random", "--resolution", "3"]
    assert main(["slice", "run.nc", *options, "--layers", "0", "-o", "s.nc"]) == 0
    assert '"layers":"0"' in load(tmp_path / "s.nc").attrs["slice"]
    assert main(["slice", "run.nc", *options, "-o", "all.nc"]) == 0
    some, every = (load(tmp_path / name)["loss"].values for name in ("s.nc", "all.nc"))
    assert some[:, 1, 1] == pytest.approx(every[:, 1, 1])
    assert some[:, 0, 0] != pytest.approx(every[:, 0, 0])


def test_the_curvature_is_told_and_written(tmp_path, capsys):
    trained()
    capsys.readouterr()
    options = ["--matrix", "gauss_newton", "--each-layer", "--step", "7", "-o", "c.nc"]
    assert main(["curvature", "run.nc", *options, "--set", "probes=4", "--sharpness"]) == 0
    told, found = capsys.readouterr().out, load(tmp_path / "c.nc")
    first = found.isel(block=0)
    assert "gauss_newton at step 7" in told
    assert f"network, {int(first['parameters'])} parameters" in told
    assert f"{float(first['eigenvalue'][0]):.6g}" in told
    assert f"trace    {float(first['trace']):.6g} ± {float(first['trace_error']):.2g}" in told
    assert "% below -" in told
    assert found["block"].values.tolist() == ["network", *found["block"].values.tolist()[1:]]
    assert found.sizes["block"] > 2
    assert "epsilon_sharpness" in told
    assert "invariant" in told
    assert found["sharpness_value"].dims == ("sharpness",)


def test_the_curvature_along_a_run_is_told_step_by_step(tmp_path, capsys):
    trained()
    capsys.readouterr()
    assert main(["curvature", "run.nc", "--along", "3", "-o", "c.nc"]) == 0
    head, *lines, worst, _ = capsys.readouterr().out.splitlines()
    assert head.split() == ["step", "loss", "λ1", "λ2", "λ3", "trace", "±", "standard", "error"]
    assert [line.split()[0] for line in lines] == ["0", "10", "20"]
    assert worst.startswith("hessian; residuals are at most ")
    found = load(tmp_path / "c.nc")
    assert found["eigenvalue"].dims == ("step", "rank")
    assert f"{float(found['eigenvalue'].sel(step=10, rank=1)):.4g}" in lines[1]


def test_two_runs_are_connected(tmp_path, capsys):
    trained("a.nc", 0)
    trained("b.nc", 1)
    capsys.readouterr()
    options = ["--path", "polygon", "--align", "--set", "path.steps=5", "-o", "c.nc"]
    assert main(["connect", "a.nc", "b.nc", *options]) == 0
    told, found = capsys.readouterr().out.splitlines(), load(tmp_path / "c.nc")
    assert told[0] == "c.nc"
    assert "train barrier  test barrier  length" in told[1]
    starts = ("straight line", "straight line after alignment", "curve")
    assert all(line.startswith(start) for line, start in zip(told[2:], starts, strict=True))
    assert told[4].split()[-1] == f"{float(found['length']):.4g}"
    ends = [load(tmp_path / name)["theta"].values[-1] for name in ("a.nc", "b.nc")]
    np.testing.assert_array_equal(found["nodes"][0], ends[0])
    distance = np.linalg.norm(ends[1] - ends[0])
    assert float(found["straight_length"]) <= distance * (1 + 1e-9)
    assert main(["plot", "c.nc", "-o", "c.png"]) == 0
    assert (tmp_path / "c.png").stat().st_size > 5000
    assert main(["plot", "c.nc", "-o", "c.html"]) == 1


def test_the_frame_holds_all_paths(tmp_path):
    trained("a.nc", 0)
    trained("b.nc", 1)
    options = ["--directions", "pca", "--resolution", "5", "-o", "s.nc"]
    assert main(["slice", "a.nc", "b.nc", *options]) == 0
    slice_ = load(tmp_path / "s.nc")
    for side in ("alpha", "beta"):
        found = np.append(slice_[f"path_{side}"].values, slice_[f"other_{side}"].values.ravel())
        assert slice_[side].values[0] < np.nanmin(found)
        assert slice_[side].values[-1] > np.nanmax(found)
    ((number, other),) = others(slice_)
    assert number == 2
    np.testing.assert_array_equal(other["alpha"], slice_["other_alpha"].isel(run=0))
    assert main(["plot", "s.nc", "-o", "s.html"]) == 0
    assert "run 2" in (tmp_path / "s.html").read_text()


def test_the_convexity_of_a_plane_is_mapped_and_drawn(tmp_path, capsys):
    trained("a.nc", 0)
    capsys.readouterr()
    options = ["--directions", "pca", "--resolution", "3", "--max-examples", "20"]
    assert main(["convexity", "a.nc", *options, "-o", "c.nc"]) == 0
    found, told = load(tmp_path / "c.nc"), capsys.readouterr().out.splitlines()
    path = load(tmp_path / "a.nc")
    plane = plan_slice(path, from_plain(SliceSpec, json.loads(found.attrs["slice"]))).plane
    train = Training(run_of(path)).instance.train.first(20)
    where = [[float(found["alpha"][2]), float(found["beta"][0])]]
    at = plane.points(torch.tensor(where, dtype=torch.float64))[0]
    values = torch.linalg.eigvalsh(oracles.dense_hessian(train, at))
    expected = max(0.0, -float(values[0])) / float(values[-1])
    assert float(found["ratio"][0, 2]) == pytest.approx(expected, rel=0.05)
    known = found["ratio"].values
    assert told[1].startswith(f"|λ min / λ max| is {known.min():.3g} to {known.max():.3g}")
    assert main(["plot", "c.nc", "-o", "c.png"]) == 0
    assert (tmp_path / "c.png").stat().st_size > 5000


def test_a_folder_that_is_not_there_is_told_before_the_work(capsys, monkeypatch):
    monkeypatch.setattr("landscape_core.experiments.trajectory.record_run", None)  # would be called
    assert main(["train", "-o", "nowhere/run.nc"]) == 1
    assert "there is no folder nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("named", [[], ["--force"], ["-o", "run.nc"]])
def test_a_file_under_the_default_name_is_replaced_only_where_that_is_asked(
    named, tmp_path, capsys
):
    (tmp_path / "run.nc").write_text("mine")
    code = main(["train", "--dataset", "moons", "--steps", "1", *named])
    assert (tmp_path / "run.nc").read_bytes().startswith(b"mine") == (not named)
    assert code == (not named)
    told = "run.nc exists and would be replaced: name the output by -o, or add --force."
    assert (told in capsys.readouterr().err) == (not named)


def test_every_command_with_a_default_output_keeps_what_is_there(tmp_path, capsys):
    usual = {"train": "run.nc", "slice": "slice.nc", "plot": "slice.png", "picture": "picture.nc"}
    usual |= {"connect": "connection.nc", "convexity": "convexity.nc", "planes": "planes.png"}
    for command, name in usual.items():
        (tmp_path / name).write_text("mine")
        assert main(WRITING[command]) == 1  # before the input that is missing is looked for
        assert f"{name} exists and would be replaced" in capsys.readouterr().err
        assert (tmp_path / name).read_text() == "mine"


def test_an_estimate_writes_nothing_and_needs_no_free_name(tmp_path, capsys):
    assert main(["train", "--dataset", "moons", "--steps", "5", "-o", "run.nc"]) == 0
    (tmp_path / "slice.nc").write_text("mine")
    assert main(["slice", "run.nc", "--estimate"]) == 0
    assert (tmp_path / "slice.nc").read_text() == "mine"


WRITING = {
    "train": ["train"],
    "slice": ["slice", "a.nc"],
    "plot": ["plot", "s.nc"],
    "curvature": ["curvature", "a.nc"],
    "connect": ["connect", "a.nc", "a.nc"],
    "convexity": ["convexity", "a.nc"],
    "planes": ["planes", "a.nc"],
    "picture": ["picture", "link"],
}


@pytest.mark.skipif(os.name != "posix", reason="has no such places")
@pytest.mark.parametrize("kind", ["named pipe", "dangling link", "link to a file", "device"])
@pytest.mark.parametrize("command", WRITING)
def test_what_is_no_regular_file_is_refused_before_the_work(command, kind, tmp_path, capsys):
    place = place_of(kind, tmp_path)
    before = place.lstat()
    assert main([*WRITING[command], "-o", place.name]) == 1  # not for the input that is missing
    assert f"run.nc is {SPECIAL[kind]}" in capsys.readouterr().err
    assert place.lstat().st_ino == before.st_ino


@pytest.mark.skipif(os.name != "posix", reason="has no such places")
def test_diagnostics_refuse_the_files_that_they_would_write_before_the_work(tmp_path, capsys):
    trained("a.nc", 0)
    name = next(iter(entries(Diagnostic)))
    (tmp_path / f"d_{name}.nc").symlink_to("nothing")
    capsys.readouterr()
    assert main(["diagnose", "a.nc", "-o", "d.nc"]) == 1
    told = capsys.readouterr()
    assert f"d_{name}.nc is a symbolic link" in told.err
    assert told.out == ""


def test_pictures_of_the_catalogue_replace_no_link(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("landscape_lab.cli.catalogue_page.valley_surface", None)  # would be called
    name = list(entries(Optimizer))[-1]
    (tmp_path / f"{name}.png").symlink_to("nothing")
    assert main(["list", "optimizers", "--pictures", "."]) == 1
    assert f"{name}.png is a symbolic link" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["s.png", "s.html"])
def test_a_link_made_while_it_is_drawn_is_not_written_through(name, tmp_path, monkeypatch, capsys):
    trained("a.nc", 0)
    assert main(["slice", "a.nc", "--resolution", "5", "-o", "s.nc"]) == 0
    monkeypatch.setattr("landscape_core.storage.atomic_files.check_output", lambda path: None)
    (tmp_path / "other").write_text("other")
    (tmp_path / name).symlink_to("other")
    assert main(["plot", "s.nc", "-o", name]) == 1
    assert (tmp_path / "other").read_text() == "other"


@pytest.mark.exhaustive
def test_who_ends_the_command_ends_its_server(tmp_path):
    program = f"""import sys; from landscape_lab.cli.main import main
sys.stdout.reconfigure(line_buffering=True)
sys.exit(main(["serve", "--port", "0", "--tours", {str(tmp_path)!r}]))"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert b"Landscape Lab is at" in process.stdout.readline()
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        assert process.wait(30) == 143
    assert children
    assert not psutil.wait_procs(children, timeout=15)[1]


@pytest.mark.exhaustive
def test_commands_work_without_their_documentation():
    program = """from landscape_lab.cli.main import main
for words in (["-h"], ["slice", "-h"], ["cache", "list"]):
    try:
        print(words, main(words))
    except SystemExit as end:
        print(words, end.code)
"""
    command = [sys.executable, "-OO", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    for words in (["-h"], ["slice", "-h"], ["cache", "list"]):
        assert f"{words} 0\n" in done.stdout


def full(file, chunk):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told_before_the_work(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("landscape_core.experiments.trajectory.record_run", None)  # would be called
    with monkeypatch.context() as patch:
        patch.setattr("landscape_core.storage.atomic_files.os.write", full)
        assert main(["train", "--steps", "1", "-o", "run.nc"]) == 1
    told = capsys.readouterr().err
    assert re.search(r"nothing can be written there \(No space left on device\).*run.nc", told)
    assert list(tmp_path.glob("*run.nc*")) == []


def test_a_disk_that_fills_up_is_told_in_one_line(tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr("landscape_core.storage.atomic_files.check_output", lambda path: None)
        patch.setattr("landscape_core.storage.atomic_files.os.write", full)
        with pytest.warns(UserWarning, match="Results are not kept"):
            assert main(["train", "--steps", "1", "-o", "run.nc"]) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert re.search("landscape: .*No space left on device.*run.nc.*is in the cache", told)
    assert list(tmp_path.glob("*run.nc*")) == []


def test_a_folder_that_may_not_be_written_to_is_told_before_the_work(capsys, monkeypatch):
    monkeypatch.setattr("landscape_core.experiments.trajectory.record_run", None)  # would be called
    monkeypatch.setattr("landscape_core.storage.atomic_files.os.access", lambda *_: False)
    assert main(["train", "-o", "run.nc"]) == 1
    assert "the folder . may not be written to" in capsys.readouterr().err


def test_a_reader_who_has_seen_enough_is_no_error(tmp_path):
    program = "import sys; from landscape_lab.cli.main import main; sys.exit(main(['list']))"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""


def test_diagnostics_are_told_and_written(tmp_path, capsys):
    trained("a.nc", 0)
    capsys.readouterr()
    asked = ["dead_units", "distance", "layer_gradients"]
    assert main(["diagnose", "a.nc", *asked, "-o", "d.nc"]) == 0
    told = capsys.readouterr().out
    found = load(tmp_path / "d_layer_gradients.nc")
    norm = float(found["gradient_norm"].sel(block="network"))
    path = load(tmp_path / "a.nc")
    train = Training(run_of(path)).instance.train
    theta = torch.from_numpy(path["theta"].values[-1])
    assert norm == pytest.approx(float(train.gradient(theta.to(train.start)).norm()), rel=1e-5)
    assert f"gradient_norm         {norm:.4g} " in told
    assert "dead_share" in told
    moved = np.linalg.norm(path["theta"].values[-1] - path["theta"].values[0])
    distance = load(tmp_path / "d_distance.nc")["distance"].sel(block="network")
    assert float(distance) == pytest.approx(float(moved), rel=1e-5)
    assert (tmp_path / "d_dead_units.nc").exists()
    assert main(["diagnose", "a.nc", "dead_unit"]) == 1
    assert "did you mean 'dead_units'" in capsys.readouterr().err


def test_diagnostics_that_a_network_cannot_have_are_left_out_with_the_reason(tmp_path, capsys):
    del tmp_path
    graph = ["--set", "problem.nodes=40"]
    assert (
        main(
            [
                "train",
                "--problem",
                "node_classification",
                *graph,
                "--steps",
                "2",
                "--batch-size",
                "8",
                "-o",
                "g.nc",
            ]
        )
        == 0
    )
    capsys.readouterr()
    assert main(["diagnose", "g.nc"]) == 0
    told = capsys.readouterr().out
    assert "input_jacobian: does not apply to this network: " in told
    assert "\ntangent_kernel: " in told
    assert main(["diagnose", "g.nc", "input_jacobian"]) == 1


def test_the_figures_of_a_slice_are_told_with_their_meaning(tmp_path, capsys):
    trained()
    assert main(["slice", "run.nc", "--resolution", "11", "-o", "s.nc"]) == 0
    capsys.readouterr()
    assert main(["metrics", "s.nc", "--scale", "log"]) == 0
    table, *minima = capsys.readouterr().out.split("\n\n")
    head, *lines = table.splitlines()
    assert head.split() == ["metric", "train", "test", "unit", "meaning"]
    expected = slice_metrics(load(tmp_path / "s.nc"), "test", "log")
    assert [line.split()[0] for line in lines] == list(expected)
    for line, (name, column) in zip(lines, expected.items(), strict=True):
        assert line.split()[2] == f"{float(column):.4g}", name
        assert line.endswith(column.attrs["long_name"])
    assert [block.partition(":")[0] for block in minima] == ["train", "test"]


def test_the_significant_minima_of_a_slice_are_listed_from_the_most_persistent(tmp_path, capsys):
    x = np.linspace(-2, 2, 41)
    loss = x**4 - 2 * x**2 + 0.2 * x + 2 + 0.01 * (-1.0) ** np.arange(41)
    slice_ = xr.Dataset(
        {"loss": (("split", "alpha"), loss[None]), "computed": ("alpha", np.ones(41, bool))},
        {"split": ["train"], "alpha": x},
        {"standard_error": 0.02},
    )
    save(slice_, tmp_path / "s.nc")
    assert main(["metrics", "s.nc"]) == 0
    told = capsys.readouterr().out.partition("\n\n")[2].splitlines()
    barcode = persistence(slice_)
    count = barcode.sizes["bar"]
    assert told[0] == f"train: {count} minima, 2 longer than twice the error; error: sampling"
    assert [line.split()[1] for line in told[2:]] == ["-1", "0.9"]
    assert told[2].split()[3:] == ["none", "none", "100", "%"]
    assert float(told[3].split()[4]) == pytest.approx(float(barcode["persistence"][1]), rel=1e-3)


def test_the_findings_of_slices_are_told_with_their_remedies(tmp_path, capsys):
    trained()
    random = ["slice", "run.nc", "--directions", "random", "--resolution", "11"]
    assert main(["slice", "run.nc", "--resolution", "11", "-o", "s.nc"]) == 0
    assert main([*random, "--span", "20", "-o", "far.nc"]) == 0
    capsys.readouterr()
    assert main(["explain", "s.nc"]) == 0
    assert capsys.readouterr().out == "No findings.\n"
    assert main(["explain", "s.nc", "far.nc"]) == 0
    told = capsys.readouterr().out.rstrip("\n").split("\n\n")
    found = explain({name: load(tmp_path / name) for name in ("s.nc", "far.nc")})
    assert told == [str(one) for one in found]
    assert {"far", "not_comparable", "path_off_plane"} <= set(found.names())
    assert any(one.startswith("warning: far (far.nc, train data): The picture") for one in told)


def test_two_slices_have_a_bottleneck_distance(tmp_path, capsys):
    pytest.importorskip("gudhi")
    alpha = np.linspace(0, 1, 5)
    for name, top in (("a.nc", 3.0), ("b.nc", 2.0)):
        loss = np.array([[1.0, top, 1.5, 4.0, 5.0]])
        made = {"loss": (("split", "alpha"), loss), "computed": ("alpha", np.ones(5, bool))}
        save(xr.Dataset(made, {"split": ["train"], "alpha": alpha}), tmp_path / name)
    assert main(["metrics", "a.nc", "b.nc"]) == 0
    assert capsys.readouterr().out.endswith("\nbottleneck distance (train): 0.75 loss\n")


def test_many_planes_are_drawn_with_the_spread_of_their_figures(tmp_path, capsys):
    trained()
    capsys.readouterr()
    asked = ["planes", "run.nc", "--count", "3", "--resolution", "7", "--step", "10", "-o"]
    assert main([*asked, "p.png"]) == 0
    assert (tmp_path / "p.png").stat().st_size > 5000
    named, head, *lines = capsys.readouterr().out.splitlines()
    assert named == "p.png"
    assert head.split() == ["metric", "mean", "standard", "deviation", "standard", "error", "unit"]
    centre = next(line for line in lines if line.startswith("centre")).split()
    loss = float(load(tmp_path / "run.nc")["loss"].sel(split="train", step=10))
    assert float(centre[1]) == pytest.approx(loss, rel=1e-3)
    assert float(centre[2]) < 1e-12


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["curvature", "run.nc", "--layers", "head"], "0.weight"),
        (["curvature", "run.nc", "--matrix", "hesian"], "did you mean 'hessian'"),
        (["curvature", "run.nc", "--along", "1"], "between 2 and"),
        (["curvature", "run.nc", "--along", "3", "--each-layer"], "--along cannot be combined"),
        (["curvature", "other.nc"], "other.nc"),
        (["connect", "run.nc", "wide.nc"], "first one's network; got 'architecture.width 7, not"),
        (["slice", "run.nc", "wide.nc"], "that of the first; got 'architecture.width 7, not"),
        (["slice", "run.nc", "--set", "run.problem.architecture.width=3"], "run must be as"),
        (["slice", "run.nc", "--set", "run.seed=7"], "run must be as recorded"),
        (["convexity", "run.nc", "--set", "run.problem.dataset=circles"], "run must be as"),
        (["metrics", "run.nc"], "holds no slice"),
        (["metrics", "run.nc", "wide.nc"], "holds no slice"),
        (["explain", "run.nc"], "run.nc holds no slice"),
        (["planes", "run.nc", "--count", "0"], "at least 1"),
        (["planes", "run.nc", "-o", "p.txt"], ".png, .svg, .pdf or .nc"),
        (["plot", "run.nc", "--kind", "slice"], "must be a slice of two dimensions"),
        (["plot", "run.nc", "--split", "validation"], "one of train, test"),
        (["plot", "run.nc", "--cmap", "viridi"], "did you mean 'viridis'"),
    ],
)
def test_studies_that_cannot_be_done_are_refused_in_one_line(arguments, said, capsys):
    trained()
    wide = ["--set", "problem.architecture.width=7"]
    assert main(["train", "--dataset", "moons", "--steps", "5", *wide, "-o", "wide.nc"]) == 0
    capsys.readouterr()
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert said in told.err
    assert len(told.err.strip().splitlines()) == 1
    assert told.out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--optimizer", "adamm"], "did you mean 'adam'"),
        (["train", "--batch-size", "5000"], "at most the number of training examples, 300"),
        (["train", "--set", "steps"], "PATH=VALUE"),
        (["train", "--dataset", "mnist"], "train-images-idx3-ubyte"),
        (["slice", "nothing.nc"], "nothing.nc"),
        (
            ["plot", "nothing.nc", "-o", "picture"],
            ".png, .svg, .pdf, .pgf, .gif, .webp, .mp4, .html, .nc, .csv, .json, .vtp or .obj",
        ),
        (["slice", "."], ". is a folder, not a file"),
        (["picture", "preset=spirals", "--threads", "0"], "--threads must be between 1 and"),
        (["app", "--port", "99999"], "the port must be between 0 and 65535; got 99999"),
        (["serve", "--port", "-1"], "the port must be between 0 and 65535; got -1"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments, said, capsys):
    assert main(arguments) == 1
    told = capsys.readouterr().err
    assert said in told
    assert len(told.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["slice.txt", "slice"])
def test_a_slice_is_not_drawn_in_a_format_that_is_not_offered(name, capsys):
    trained()
    assert main(["slice", "run.nc", "--resolution", "3"]) == 0
    capsys.readouterr()
    assert main(["plot", "slice.nc", "-o", name]) == 1
    told = capsys.readouterr().err
    assert "must be a .png, .svg, .pdf, .pgf, .gif, .webp, .mp4, .html, .nc" in told
    assert len(told.strip().splitlines()) == 1


def kept(key, size=40):
    """Keep a slice in the user's store; the file it lies in."""
    dims = ("split", "beta", "alpha")
    side = np.linspace(-1, 1, size)
    dataset = xr.Dataset(
        {
            "loss": (dims, np.ones((1, size, size))),
            "computed": (dims[1:], np.ones((size, size), dtype=bool)),
        },
        {"split": ["train"], "beta": side, "alpha": side},
        {"model": "ResNet"},
    )
    store = user_store()
    store.put(key, dataset)
    return store.folder / f"{key}.nc"


def test_the_cache_is_listed_in_columns_with_its_total(capsys):
    assert main(["cache", "list"]) == 0
    assert capsys.readouterr().out.startswith("the cache is empty: 0 MB of 512 MB at most, in ")
    size = sum(kept(key, points).stat().st_size for key, points in (("a" * 40, 40), ("bpart", 70)))
    assert main(["cache", "list"]) == 0
    head, *rows, total = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == ["unfinished", "slice"]
    for word, cells in {"key": ("bpart", "aaaaaaaaaaaa "), "what": ("ResNet", "ResNet")}.items():
        at = head.index(word)
        assert [row[at : at + len(cell)] for row, cell in zip(rows, cells, strict=True)] == [*cells]
    assert total.startswith(f"2 entries (1 slice, 1 unfinished): {size / 1e6:.2f} MB of 512 MB")
    assert total.endswith(str(user_store().folder))


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ({"slice": 1}, "1 entry (1 slice):"),
        ({"slice": 3}, "3 entries (3 slices):"),
        ({"slice": 1, "trajectory": 2}, "3 entries (1 slice, 2 trajectories):"),
        ({"trajectory": 1, "other": 1}, "2 entries (1 other, 1 trajectory):"),
        ({"other": 2, "slice": 2}, "4 entries (2 others, 2 slices):"),
        ({"part": 2}, "2 entries (2 unfinished):"),
    ],
)
def test_the_total_of_the_cache_counts_in_the_plural(numbers, says, capsys):
    for kind, number in numbers.items():
        for at in range(number):
            if kind in ("slice", "part"):
                kept(f"{at}{'part' if kind == 'part' else ''}")
            else:
                name = "theta" if kind == "trajectory" else "trace"
                found = xr.Dataset({name: (("step", "parameter"), np.zeros((2, 3)))})
                user_store().put(f"{kind}{at}", found)
    assert main(["cache", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(says)


@pytest.mark.parametrize(
    ("preset", "says"), [("spirals", "spirals mlp"), ("curved_valley", "valley")]
)
def test_the_cache_names_the_problem_of_a_picture_of_the_app(preset, says, capsys, tmp_path):
    words = f"preset={preset}&step=1&slice.resolution=11"
    assert main(["picture", words, "-o", str(tmp_path / "one.png")]) == 0
    assert main(["cache", "list"]) == 0
    told = capsys.readouterr().out
    assert says in told
    assert "1 step, 11 x 11 points" in told


def test_a_picture_is_drawn_by_the_strategy_of_its_link(tmp_path):
    losses = {}
    for strategy in ("", "&strategy=loop", "&strategy=vmap"):
        words = f"preset=spirals&step=1&slice.resolution=11{strategy}"
        target = tmp_path / f"one{strategy[-4:]}.nc"
        assert main(["picture", words, "-o", str(target)]) == 0
        losses[strategy] = load(target)
    assert list(losses["&strategy=loop"].attrs["strategy"]) == ["loop"]
    assert list(losses["&strategy=vmap"].attrs["strategy"]) == ["vmap"]


def test_python_runs_the_command_line_by_the_name_of_the_package():
    done = subprocess.run(
        [sys.executable, "-m", "landscape_lab", "list", "strategies"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "loop" in done.stdout


def test_verifying_the_cache_says_what_was_damaged_and_by_its_exit_code(capsys):
    kept("good")
    assert main(["cache", "verify"]) == 0
    assert "1 entry verified" in capsys.readouterr().out
    path = kept("bad")
    spoilt = bytearray(path.read_bytes())
    spoilt[3000] ^= 255
    path.write_bytes(spoilt)
    assert main(["cache", "verify"]) == 1
    told = capsys.readouterr()
    assert "1 entry verified" in told.out
    assert "1 entry damaged and quarantined" in told.err
    assert "bad" in told.err
    assert main(["cache", "verify"]) == 0


def test_the_cache_is_pruned_by_age_by_size_and_cleared(capsys):
    paths = [kept(key) for key in ("a", "b", "c")]
    sizes = [path.stat().st_size for path in paths]
    os.utime(paths[0], (1000, 1000))
    assert main(["cache", "prune", "--older-than", "30"]) == 0
    assert f"removed 1 entry, {sizes[0] / 1e6:.2f} MB" in capsys.readouterr().out
    assert main(["cache", "prune", "--limit-mb", str(1.5 * sizes[1] / 1e6)]) == 0
    assert "removed 1 entry" in capsys.readouterr().out
    assert main(["cache", "clear"]) == 0
    assert "removed 1 entry" in capsys.readouterr().out
    assert user_store().entries() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["prune", "--limit-mb", "-3"], "limit_mb must be 0 or more; got -3"),
        (["prune", "--older-than", "nan"], "older_than_days must be 0 or more"),
    ],
)
def test_amounts_that_are_none_are_refused_and_nothing_is_removed(arguments, said, capsys):
    path = kept("a")
    assert main(["cache", *arguments]) == 1
    assert said in capsys.readouterr().err
    assert path.exists()


def test_the_commands_of_the_cache_are_shown(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["cache", "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("list", "verify", "prune", "clear"))
    with pytest.raises(SystemExit) as ended:
        main(["cache", "prune", "--older-than", "long"])
    assert ended.value.code == 2
    assert "invalid float value: 'long'" in capsys.readouterr().err


def test_the_commands_of_the_makefile_are_understood():
    lines = (Path(__file__).parents[3] / "Makefile").read_text()
    asked = {name: words.split() for name, words in re.findall(COMMAND, lines)}
    found = {name: parser(words).parse_args(words) for name, words in asked.items()}
    assert {name: (options.run, options.browser) for name, options in found.items()} == {
        "app": (app.run, True),
        "voila": (app.run, False),
        "serve": (serve.run, False),
    }


def test_the_page_of_the_catalogue_is_what_there_is(capsys):
    assert main(["list", "--markdown"]) == 0
    page = (Path(__file__).parents[3] / "docs" / "catalogue.md").read_text("utf-8")
    assert page == capsys.readouterr().out, "make catalogue"


def test_a_picture_of_too_long_a_link_is_refused_at_once(tmp_path, capsys):
    link = "preset=spirals&" + "&".join(f"at.{step}.run.batch_size=5" for step in range(12_000))
    assert main(["picture", "http://localhost/#" + link, "-o", str(tmp_path / "a.nc")]) == 1
    assert "a link must be at most" in capsys.readouterr().err


def test_the_module_of_the_command_line_runs_as_a_program():
    command = [sys.executable, "-m", "landscape_lab.cli.main", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("usage: landscape")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("widht=3", "did you mean 'run.problem.architecture.width'?"),
        ("kind=3", "one that --help lists"),
        ("run.optimizer.lr=1", "a setting must be one of"),
        ("=3", "one that --help lists"),
        ("steps=", "whole number"),
    ],
)
def test_a_setting_that_does_not_exist_is_refused_with_the_nearest(setting, said, capsys):
    assert main(["train", "--set", setting]) == 1
    assert said in capsys.readouterr().err


def test_a_setting_is_named_by_its_path_or_by_the_end_of_it(tmp_path):
    for number, name in enumerate(
        ("run.problem.architecture.width", "architecture.width", "width")
    ):
        file = f"{number}.nc"
        assert main(["train", "--steps", "2", "--set", f"{name}=5", "-o", file]) == 0
        assert (
            json.loads(load(tmp_path / file).attrs["run"])["problem"]["architecture"]["width"] == 5
        )


def test_a_run_is_not_connected_with_itself(capsys):
    trained()
    assert main(["connect", "run.nc", "run.nc"]) == 1
    assert "the second run must be another run than the first" in capsys.readouterr().err


def test_the_list_of_commands_is_shown_without_a_library_that_takes_long_to_import():
    code = (
        "import sys; from landscape_lab.cli.main import parser; parser(['--help']).format_help();"
        "print(*{'torch', 'xarray', 'panel', 'numpy', 'matplotlib', 'bokeh'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


@pytest.mark.parametrize(
    "words",
    [
        ("picture", "preset=none"),
        ("plot", "nothing.nc"),
        ("train", "--set", "run.optimizer.nothing=3"),
        ("slice", "nothing.nc"),
        ("lab", "run", "nothing"),
    ],
    ids=" ".join,
)
def test_what_is_refused_is_refused_before_what_draws_is_imported(words):
    code = f"""
import sys
from landscape_lab.cli.main import main
code = main({list(words)})
print(code, *{{"panel", "matplotlib.figure", "bokeh.models", "sklearn"}} & set(sys.modules))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["1"]
    assert found.stderr.startswith("landscape: ")
