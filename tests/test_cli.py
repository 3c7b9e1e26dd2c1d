"""The command line: train, slice, plot, list; errors in one line that name what is wrong."""

import pytest

from app.cli import main
from landscape_core import load


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
    options = ["--normalization", "layer", "--resolution", "5", "-o", "s.nc"]
    assert main(["slice", "run.nc", *options]) == 0
    path, slice_ = load(tmp_path / "run.nc"), load(tmp_path / "s.nc")
    for split in ("train", "test"):
        end = float(path["loss"].sel(split=split)[-1])
        centre = float(slice_["loss"].sel(split=split, alpha=0, beta=0))
        assert centre == pytest.approx(end, rel=1e-5)


def test_everything_there_is_can_be_listed(capsys):
    assert main(["list"]) == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("spirals", "residual_mlp", "adamw", "pca", "accuracy"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "--optimizer", "adamm"], "did you mean 'adam'"),
        (["train", "--batch-size", "5000"], "at most the number of training examples, 300"),
        (["train", "--set", "steps"], "FIELD=VALUE"),
        (["train", "--dataset", "mnist"], "train-images-idx3-ubyte"),
        (["slice", "nothing.nc"], "nothing.nc"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments, said, capsys):
    assert main(arguments) == 1
    told = capsys.readouterr().err
    assert said in told
    assert len(told.strip().splitlines()) == 1
