"""Which files of a folder, of its folders and of an index are checkpoints, and of which run."""

import json

import pytest
import torch

from landscape_core.foundation.errors import FileFormatError, MissingDataError, SpecError
from landscape_core.storage.checkpoints import checkpoints


def numbered(value):
    return {"weight": torch.full((2,), float(value)), "bias": torch.zeros(1)}


def written(folder, *names):
    """A folder of checkpoints, each of which holds the place of its name in the list."""
    folder.mkdir(exist_ok=True)
    for place, name in enumerate(names):
        torch.save(numbered(place), folder / name)
    return folder


def places(path):
    return [int(state["weight"][0]) for state in checkpoints(path)]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("fold1_epoch5.pt", "fold2_epoch7.pt"), r"fold1 \(1\), fold2 \(1\)"),
        (("fold1_5.pt", "fold1_6.pt", "fold2_7.pt"), r"fold1 \(2\), fold2 \(1\)"),
        (("rank0.pt", "rank1.pt"), r"rank0 \(1\), rank1 \(1\)"),
        (("epoch1_rank_0.pt", "epoch2_rank_1.pt"), r"rank_0 \(1\), rank_1 \(1\)"),
        (("seed=1-step=10.ckpt", "seed=2-step=20.ckpt"), r"seed=1 \(1\), seed=2 \(1\)"),
        (("lr0.1_epoch1.pt", "lr0.01_epoch2.pt"), r"lr0\.01 \(1\), lr0\.1 \(1\)"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_files_of_several_runs_are_no_trajectory(tmp_path, names, says):
    folder = written(tmp_path / "run", *names)
    with pytest.raises(SpecError, match=f"of one run: .*{says}; give a pattern for each"):
        checkpoints(folder)
    assert places([folder / name for name in names]) == list(range(len(names)))
    assert places(folder / f"{names[-1][:-3]}*") == [len(names) - 1]


def test_a_number_besides_the_step_may_rise_or_be_measured(tmp_path):
    for number, names in enumerate(
        [
            ("acc90_epoch2.pth", "acc95_epoch9.pth", "acc91_epoch10.pth"),
            ("2026-01-31_epoch1.pt", "2026-02-01_epoch2.pt"),
            ("run3_epoch1.pt", "run3_epoch2.pt"),
            ("val_loss=0.3-epoch=1.pt", "val_loss=0.5-epoch=2.pt"),
        ]
    ):
        assert places(written(tmp_path / str(number), *names)) == list(range(len(names)))
    folder = written(tmp_path / "x", "x2_epoch1.pt", "x1_epoch2.pt")
    with pytest.raises(SpecError, match=r"falls from x2_epoch1\.pt to x1_epoch2\.pt"):
        checkpoints(folder)


def in_folders(folder, **names):
    """Folders with files, each of which holds the place of its folder."""
    folder.mkdir()
    for place, (name, files) in enumerate(names.items()):
        written(folder / name.replace("_", "-"), *files)
        for file in files:
            torch.save(numbered(place), folder / name.replace("_", "-") / file)
    return folder


BESIDE = ("optimizer.pt", "scheduler.pt", "rng_state_0.pth", "training_args.bin")


def test_a_checkpoint_in_each_folder_is_a_trajectory(tmp_path):
    hf = in_folders(
        tmp_path / "hf",
        checkpoint_500=("pytorch_model.bin", *BESIDE),
        checkpoint_1000=("pytorch_model.bin", *BESIDE),
        checkpoint_20000=("pytorch_model.bin", *BESIDE),
        runs=(),
    )
    assert places(hf) == places(hf / "checkpoint-*") == [0, 1, 2]
    assert places(hf / "checkpoint-1000") == [1]
    own = in_folders(tmp_path / "own", epoch_2=("net.pth",), epoch_10=("net.pth", "optimizer.pt"))
    assert places(own) == [0, 1]
    (own / "best").mkdir()
    torch.save(numbered(2), own / "best" / "net.pth")
    with pytest.raises(SpecError, match="differ in more than a number"):
        checkpoints(own)
    assert places(own / "epoch-*") == [0, 1]


def test_folders_of_which_it_is_not_clear_what_is_meant_are_refused(tmp_path):
    hf = in_folders(tmp_path / "hf", checkpoint_500=("pytorch_model.bin",), runs=())
    torch.save(numbered(7), hf / "pytorch_model.bin")
    with pytest.raises(SpecError, match=r"it has pytorch_model\.bin and checkpoint-500"):
        checkpoints(hf)
    assert places(hf / "pytorch_model.bin") == [7]
    two = in_folders(tmp_path / "two", epoch_1=("a.pt", "b.pt"))
    with pytest.raises(SpecError, match=r"epoch-1 has a\.pt and b\.pt"):
        checkpoints(two)
    parts = in_folders(tmp_path / "parts", x=("model-00001-of-00002.pt", "model-00002-of-00002.pt"))
    with pytest.raises(SpecError, match="is a part of a checkpoint; give its index"):
        checkpoints(parts / "x")


def sharded(folder, weight_map=None, **shards):
    """A checkpoint in several files with its index."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, state in shards.items():
        torch.save(state, folder / f"{name}.bin")
    own = {key: f"{name}.bin" for name, state in shards.items() for key in state}
    index = {"metadata": {"total_size": 1}, "weight_map": own if weight_map is None else weight_map}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    return folder


def test_the_parts_of_a_checkpoint_are_joined(tmp_path):
    for step in (10, 9):
        state = numbered(step)
        sharded(
            tmp_path / f"checkpoint-{step}",
            a={"weight": state["weight"]},
            b={"bias": state["bias"]},
        )
    assert places(tmp_path) == [9, 10]
    found = checkpoints(tmp_path / "checkpoint-9" / "pytorch_model.bin.index.json")[0]
    assert list(found) == ["weight", "bias"]


@pytest.mark.parametrize(
    ("weight_map", "says"),
    [
        ({"weight": "a.bin"}, r"b?a?\.bin holds other tensors|holds other"),
        ({"weight": "a.bin", "bias": "a.bin"}, "holds other tensors"),
        ({"weight": "c.bin"}, "no such"),
        ({"weight": "../a.bin"}, "no file of its folder"),
        ({"weight": "/etc/passwd"}, "no file of its folder"),
        ({"weight": "pytorch_model.bin.index.json"}, "holds no tensors"),
        ({"weight": 3}, "no file of its folder"),
        ({}, "no weight_map"),
        ([], "no weight_map"),
    ],
    ids=str,
)
def test_an_index_that_is_not_right_is_refused(tmp_path, weight_map, says):
    state = numbered(1)
    folder = sharded(
        tmp_path / "x", weight_map, a={"weight": state["weight"], "more": torch.ones(1)}
    )
    with pytest.raises((FileFormatError, MissingDataError), match=says):
        _ = checkpoints(folder)[0]
    (folder / "pytorch_model.bin.index.json").write_text("{")
    with pytest.raises(FileFormatError, match="no index in JSON"):
        _ = checkpoints(folder)[0]
