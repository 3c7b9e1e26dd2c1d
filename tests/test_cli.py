"""The command line: train, slice, plot, list; errors in one line that name what is wrong."""

import os

import numpy as np
import pytest
import xarray as xr

from app.cli import main
from app.storage import user_store
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


def test_a_slice_to_a_tolerance_says_what_it_computed_and_how_sure_it_is(tmp_path, capsys):
    assert main(["train", "--dataset", "moons", "--steps", "20", "-o", "run.nc"]) == 0
    options = ["--tolerance", "0.05", "--measures", "error,class_loss", "-o", "s.nc"]
    assert main(["slice", "run.nc", *options]) == 0
    slice_ = load(tmp_path / "s.nc")
    assert slice_["class_loss"].dims == ("split", "class", "beta", "alpha")
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
    assert capsys.readouterr().out.startswith("nothing is kept: 0 MB of 512 MB at most, in ")
    size = sum(kept(key, points).stat().st_size for key, points in (("a" * 40, 40), ("bpart", 70)))
    assert main(["cache", "list"]) == 0
    head, *rows, total = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == ["unfinished", "slice"]
    for word, cells in {"key": ("bpart", "aaaaaaaaaaaa "), "what": ("ResNet", "ResNet")}.items():
        at = head.index(word)
        assert [row[at : at + len(cell)] for row, cell in zip(rows, cells, strict=True)] == [*cells]
    assert total.startswith(f"2 entries (1 slice, 1 unfinished): {size / 1e6:.2f} MB of 512 MB")
    assert total.endswith(str(user_store().folder))


def test_verifying_the_cache_says_what_was_damaged_and_by_its_exit_code(capsys):
    kept("good")
    assert main(["cache", "verify"]) == 0
    assert "1 entry in order" in capsys.readouterr().out
    path = kept("bad")
    spoilt = bytearray(path.read_bytes())
    spoilt[3000] ^= 255
    path.write_bytes(spoilt)
    assert main(["cache", "verify"]) == 1
    told = capsys.readouterr()
    assert "1 entry in order" in told.out
    assert "1 entry damaged and set aside" in told.err
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
