"""`landscape plot` and `landscape metrics` with files of other programs, read and written."""

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from landscape_core import explain, load, save
from landscape_lab.cli.main import main

X = np.linspace(-1, 1, 9)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.setenv("LANDSCAPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    z = 0.1 + X[:, None] ** 2 + 2 * X[None] ** 2
    z[0, :3] = -1
    with h5py.File("surface.h5", "w") as file:
        file["dir_file"], file["xcoordinates"], file["ycoordinates"] = "dir.h5", X, X
        file["train_loss"], file["train_acc"] = z, 100 - 10 * z
    with h5py.File("projection.h5", "w") as file:
        file["proj_xcoord"], file["proj_ycoord"] = np.linspace(-0.8, 0, 7), np.linspace(0.5, 0, 7)
    with h5py.File("dir.h5", "w") as file:
        file["xdirection/0"] = np.ones(3)
    slice_ = load("surface.h5", first_index="x")
    save(slice_.assign(loss=slice_["loss"].fillna(3.0)), "s.nc")


def fails(capsys, *words):
    assert main(list(words)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize("ending", ["png", "html", "csv", "json", "vtp", "obj"])
def test_a_surface_is_written_in_every_form(ending, tmp_path, capsys):
    assert main(["plot", "surface.h5", "--first-index", "x", "-o", f"s.{ending}"]) == 0
    out = capsys.readouterr()
    assert out.out == f"s.{ending}\n"
    assert out.err == ""
    assert (tmp_path / f"s.{ending}").stat().st_size > 500


def test_the_order_of_a_surface_is_told_unless_it_is_said(capsys):
    with pytest.warns(UserWarning, match="--first-index"):
        assert main(["plot", "surface.h5", "-o", "s.csv"]) == 0
    assert main(["plot", "surface.h5", "--first-index", "y", "-o", "t.csv"]) == 0
    rows = [csv.DictReader(Path(name).read_text().splitlines()) for name in ("s.csv", "t.csv")]
    at = [
        {(float(row["alpha"]), float(row["beta"])): float(row["loss"]) for row in one}
        for one in rows
    ]
    assert at[0][1.0, 0.5] == at[1][0.5, 1.0] == pytest.approx(0.1 + 1 + 0.5)
    assert "left out" in fails(capsys, "plot", "s.nc", "--first-index", "x", "-o", "u.csv")


def test_a_projection_is_drawn_alone_and_on_a_surface(tmp_path, capsys):
    assert main(["plot", "projection.h5", "-o", "alone.png"]) == 0
    both = ["plot", "surface.h5", "projection.h5", "--first-index", "x"]
    assert main([*both, "-o", "both.png"]) == 0
    assert main([*both, "-o", "both.nc"]) == 0
    found = load(tmp_path / "both.nc")
    np.testing.assert_allclose(found["path_beta"], np.linspace(0.5, 0, 7))
    assert main([*both, "-o", "both.obj"]) == 0
    assert "\nl " in (tmp_path / "both.obj").read_text()
    assert main([*both, "--no-path", "-o", "bare.obj"]) == 0
    assert "\nl " not in (tmp_path / "bare.obj").read_text()
    capsys.readouterr()
    three = ("plot", "s.nc", "surface.h5", "projection.h5", "--first-index", "x", "-o", "x.png")
    assert "one slice and the projection" in fails(capsys, *three)


def test_metrics_read_a_surface_and_say_what_is_missing(capsys):
    assert main(["metrics", "surface.h5", "--first-index", "x"]) == 0
    out = capsys.readouterr().out
    assert "78 of 81 points computed, the others missing" in out
    assert "lowest" in out


def test_findings_are_those_of_the_surface_as_it_is_loaded(capsys):
    assert main(["explain", "surface.h5", "--first-index", "x"]) == 0
    expected = explain(load("surface.h5", first_index="x"))
    assert capsys.readouterr().out == f"{expected}\n"
    with h5py.File("surface.h5", "r+") as file:
        del file["train_loss"], file["train_acc"]
        file["train_loss"] = np.ones((len(X), len(X)))
    assert main(["explain", "surface.h5", "s.nc", "--first-index", "x"]) == 0
    assert "does_not_move (surface.h5" in capsys.readouterr().out


def test_a_first_index_is_that_of_the_surfaces_among_the_files(capsys):
    assert main(["metrics", "s.nc", "surface.h5", "--first-index", "x"]) == 0
    for command in ("explain", "metrics", "plot"):
        told = fails(capsys, command, "s.nc", "--first-index", "x")
        assert "--first-index must be left out for what is no surface" in told
    assert "projection.h5 holds no slice" in fails(capsys, "explain", "projection.h5")
    assert "projection.h5 holds no slice" in fails(capsys, "metrics", "projection.h5")
    assert "none.h5: no such file" in fails(capsys, "explain", "none.h5")


def test_a_direction_file_is_told_where_it_belongs(capsys):
    assert "GivenVectors" in fails(capsys, "plot", "dir.h5", "-o", "d.png")


def test_a_slice_is_written_for_other_programs(tmp_path):
    for name in ("s.csv", "s.json", "s.vtp", "s.obj"):
        assert main(["plot", "s.nc", "-o", name]) == 0
    slice_ = load(tmp_path / "s.nc")
    plain = json.loads((tmp_path / "s.json").read_text())
    np.testing.assert_array_equal(plain["data_vars"]["loss"]["data"], slice_["loss"])
    read = np.loadtxt(tmp_path / "s.csv", delimiter=",", skiprows=1)
    np.testing.assert_array_equal(read[:, 2], slice_["loss"].values.ravel())


@pytest.mark.parametrize("name", ["s.h5", "s.ply", "s.bmp", "s"])
def test_an_unknown_ending_is_refused_in_a_sentence_with_all_that_are_known(name, capsys):
    said = fails(capsys, "plot", "s.nc", "-o", name)
    for ending in ("png", "svg", "pdf", "html", "nc", "csv", "json", "vtp", "obj"):
        assert f".{ending}" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--cmap", "viridis"], "--cmap must be left out for a .csv file"),
        (["--limits", "0", "1"], "--limits must be left out"),
        (["--kind", "surface"], "--kind must be left out"),
        (["--scale", "log"], "scale must be left out"),
        (["--no-path"], "--no-path must be left out"),
        (["--split", "test"], "split must be one of train"),
    ],
)
def test_an_option_without_effect_is_refused(words, says, capsys):
    assert says in fails(capsys, "plot", "s.nc", *words, "-o", "s.csv")


def test_several_slices_are_no_table(capsys):
    save(load("s.nc"), "t.nc")
    assert "one for a .csv file" in fails(capsys, "plot", "s.nc", "t.nc", "-o", "t.csv")
