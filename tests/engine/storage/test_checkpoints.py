"""Files and folders of checkpoints as a sequence of state dictionaries."""

import enum
import functools
import importlib.util
import os
import pickle
import random
from argparse import Namespace
from collections import defaultdict, deque
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import hostile_files
from landscape_core.foundation.errors import (
    FileFormatError,
    LandscapeError,
    MissingDataError,
    MissingPackageError,
    SpecError,
)
from landscape_core.storage import bounded_files
from landscape_core.storage.checkpoint_order import in_order
from landscape_core.storage.checkpoint_places import ENDINGS
from landscape_core.storage.checkpoints import checkpoints
from landscape_core.storage.state_entries import MOST, entries_of


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
    "names",
    [
        ("model_1.pt", "model_2.pt", "model_10.pt"),
        ("2.ckpt", "10.ckpt", "100.ckpt"),
        ("m-0.5.pt", "m-1.pt", "m-1.25.pt", "m-10.pt"),
        ("acc0.9_epoch2.pth", "acc0.95_epoch9.pth", "acc0.91_epoch10.pth"),
        ("epoch=0-step=900.ckpt", "epoch=2-step=100.ckpt", "epoch=2-step=1000.ckpt"),
        ("step_900_epoch_0.pt", "step_100_epoch_2.pt", "step_1000_epoch_2.pt"),
        ("resnet18_ep9.pth.tar", "resnet18_ep10.pth.tar"),
        ("iter-5000.T7", "iter-20000.T7"),
        ("global_step99.bin", "global_step100.bin"),
        ("run1_0_100.pt", "run1_0_900.pt", "run1_1_1000.pt"),
        ("alone.pt",),
    ],
    ids=lambda names: names[0],
)
def test_the_files_of_a_folder_are_in_the_order_in_which_they_were_saved(tmp_path, names):
    assert places(written(tmp_path / "run", *names)) == list(range(len(names)))


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("model_1.pt", "model_2.pt", "best.pt"), "differ in more than a number"),
        (("a_1.pt", "b_2.pt"), "a_1.pt and b_2.pt differ in more than a number"),
        (("epoch_3.pt", "epoch_3-v1.pt"), "differ in more than a number"),
        (("model_1.pt", "model_01.pt"), "have the same place"),
        (("model_1.pt", "model_1.pth"), "have the same place"),
        (("epoch1_loss0.5.pt", "epoch1_loss0.4.pt"), "have the same place"),
        (("1_900.pt", "2_100.pt"), "several numbers differ in 1_900.pt and 2_100.pt"),
        (("m_1.9.pt", "m_1.10.pt"), "m_1.10.pt and m_1.9.pt may have fractions, or two numbers"),
        (("epoch_1.9.pt", "epoch_1.10.pt"), "may have fractions, or two numbers"),
        (("loss_0.5.pt", "loss_0.25.pt"), "may have fractions, or two numbers"),
        (("iter_5e2.pt", "iter_1e3.pt"), "several numbers differ"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_names_that_do_not_say_an_order_are_refused(tmp_path, names, says):
    folder = written(tmp_path / "run", *names)
    with pytest.raises(SpecError, match=f"{says}.*; give the files as a list, the latest last"):
        checkpoints(folder)
    assert len(checkpoints([folder / name for name in names])) == len(names)


def test_an_order_does_not_depend_on_that_of_the_folder(tmp_path):
    files = [tmp_path / f"{epoch}_{step}.pt" for epoch in range(3) for step in (100, 1000)]
    files = [file for file in files if file.name != "0_1000.pt"]
    with pytest.raises(SpecError, match="several numbers"):
        in_order(files, ENDINGS)
    rising = [tmp_path / f"{epoch}_{epoch * 3 + step}.pt" for epoch in range(5) for step in (1, 2)]
    for shift in range(len(rising)):
        assert in_order(rising[shift:] + rising[:shift], ENDINGS) == tuple(rising)


def test_a_list_keeps_its_order_and_a_pattern_chooses(tmp_path):
    folder = written(tmp_path / "run", "model_1.pt", "model_2.pt", "model_10.pt", "best.pt")
    assert places([folder / "model_10.pt", str(folder / "best.pt")]) == [2, 3]
    assert places(folder / "model_*.pt") == [0, 1, 2]
    assert places(f"{folder}/b*") == [3]


def test_files_of_other_kinds_and_folders_are_left_out(tmp_path):
    folder = written(tmp_path / "run", "model_1.pt", "model_2.pt")
    for name in ("args.yaml", "log.txt", "run.nc", ".model_3.pt", "model_3.pt.part"):
        (folder / name).write_bytes(b"no checkpoint")
    (folder / "model_4.pt").mkdir()
    assert places(folder) == [0, 1]


@pytest.mark.parametrize("name", ["nowhere", "nowhere.pt", "nowhere/*.pt", "empty", "empty/*.pt"])
def test_where_there_are_no_checkpoints_none_are_read(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("nothing")
    with pytest.raises(MissingDataError, match=r"no such f|no file there ends with \.pt"):
        checkpoints(tmp_path / name)


@pytest.mark.parametrize("path", [3, None, b"a.pt", [], [3], {"a.pt": 1}], ids=repr)
def test_what_is_no_place_is_refused(path):
    with pytest.raises(SpecError, match="path must be a"):
        checkpoints(path)


def test_a_file_of_another_kind_is_refused_by_its_ending(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    for path in (tmp_path / "a.txt", [tmp_path / "a.txt"]):
        with pytest.raises(SpecError, match=r"a file that ends with one of \.pt, .*a\.txt"):
            checkpoints(path)


def test_files_are_read_when_they_are_asked_for(tmp_path):
    folder = written(tmp_path / "run", *(f"model_{number}.pt" for number in range(6)))
    found = checkpoints(folder)
    (folder / "model_3.pt").write_bytes(b"damaged")
    assert len(found) == 6
    assert [int(state["weight"][0]) for state in found[::2]] == [0, 2, 4]
    assert int(found[-1]["weight"][0]) == 5
    with pytest.raises(FileFormatError, match=r"model_3\.pt"):
        _ = found[3]
    with pytest.raises(IndexError):
        _ = found[6]


STATE, OTHER = numbered(1), numbered(2)


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"state_dict": STATE, "epoch": 3},
        {"net": STATE, "acc": 0.9},
        {"state": {"model": STATE, "lr": 0.1}},
        {"model": STATE, "rng": {"cpu": torch.zeros(5)}},
        {"model": STATE, "best_model": dict(STATE)},
        {
            "model_state_dict": STATE,
            "optimizer_state_dict": {"state": {0: {"step": STATE["bias"]}}},
        },
    ],
)
def test_the_state_dictionary_of_a_checkpoint_is_found(tmp_path, content):
    torch.save(content, tmp_path / "a.pt")
    (found,) = checkpoints(tmp_path / "a.pt")
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[key], STATE[key]) for key in STATE)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"state_dict": STATE, "ema_state_dict": OTHER}, "these differ; .*entry='ema_state_dict'"),
        ({"model": STATE, "net": {"a": STATE["bias"]}}, "these differ; .*entry='net'"),
        (
            {"model": STATE, "ema": {f"module.{k}": v for k, v in OTHER.items()}},
            "these differ; .*entry='ema'",
        ),
        ({"ema": STATE}, "another usual name; .*entry='ema'"),
        ({"epoch": 3, "lr": 0.1}, "a state dictionary, from names to tensors; got 'epoch, lr'"),
        ({}, "a state dictionary.*got 'an empty one'"),
        ({"deep": {"er": {"state_dict": STATE}}}, "a state dictionary.*got 'deep'"),
    ],
)
def test_no_state_dictionary_is_guessed(tmp_path, content, says):
    torch.save(content, tmp_path / "a.pt")
    found = checkpoints(tmp_path / "a.pt")
    with pytest.raises(SpecError, match=rf"the entry of a checkpoint in .*a\.pt must be .*{says}"):
        _ = found[0]


def test_an_entry_is_taken_by_its_name(tmp_path):
    content = {
        "state_dict": STATE,
        "ema": {"module": OTHER, "decay": 0.99},
        "both": {"a": STATE, "b": OTHER},
    }
    torch.save(content, tmp_path / "a.pt")
    for name, value in (("state_dict", 1), ("ema", 2), ("ema/module", 2), ("both/a", 1)):
        assert int(checkpoints(tmp_path / "a.pt", entry=name)[0]["weight"][0]) == value
    with pytest.raises(SpecError, match=r"these differ; .*got 'both/a, both/b'"):
        _ = checkpoints(tmp_path / "a.pt", entry="both")[0]
    for name in ("em", "ema/decay", "epoch"):
        with pytest.raises(SpecError, match="there are: state_dict, ema/module, both/a, both/b"):
            _ = checkpoints(tmp_path / "a.pt", entry=name)[0]
    for name in ("", 3):
        with pytest.raises(SpecError, match="entry must be the name of an entry"):
            checkpoints(tmp_path / "a.pt", entry=name)


def test_a_list_in_a_file_is_refused_with_what_to_do(tmp_path):
    torch.save([STATE, OTHER], tmp_path / "a.pt")
    with pytest.raises(FileFormatError, match=r"a\.pt holds list.*path=torch\.load"):
        _ = checkpoints(tmp_path / "a.pt")[0]


@pytest.mark.parametrize("name", hostile_files.TENSORS)
@pytest.mark.parametrize("ending", [".pt", ".ckpt", ".pth.tar"])
def test_a_hostile_file_is_refused_in_a_sentence(name, ending, tmp_path):
    file = tmp_path / f"a{ending}"
    hostile_files.TENSORS[name](file)
    with pytest.raises(LandscapeError, match=rf"a{ending}") as refused:
        _ = checkpoints(file)[0]
    assert "\n" not in str(refused.value)


NUMBERS = [np.float64(0.9), np.float32(-1.5), np.float16(2), np.int64(-(2**40)), np.uint8(200)]


@pytest.mark.parametrize("value", [*NUMBERS, np.bool_(True), np.array(3.0, ">f8")[()]])
def test_arguments_and_numbers_of_numpy_next_to_a_state_are_read(tmp_path, value):
    file = tmp_path / "a.pt"
    torch.save({"model": STATE, "args": Namespace(model="net", best=value)}, file)
    found = checkpoints(file)
    assert list(found[0]) == list(STATE)
    best = found.content(0)["args"].best
    assert best == value.item()
    assert type(best) is type(value.item())
    with pytest.raises(pickle.UnpicklingError):  # others accept no more than they did
        torch.load(file, weights_only=True)


@pytest.mark.parametrize("value", [np.datetime64("2020-01-01"), np.str_("a"), np.complex128(1j)])
def test_what_is_no_real_number_of_numpy_is_refused(tmp_path, value):
    torch.save({"model": STATE, "more": value}, tmp_path / "a.pt")
    with pytest.raises(FileFormatError, match="of the class numpy"):
        _ = checkpoints(tmp_path / "a.pt")[0]


def test_the_tensors_among_arguments_are_counted(tmp_path):
    torch.save({"args": Namespace(w=[torch.zeros(1).expand(2**34)])}, tmp_path / "a.pt")
    with pytest.raises(FileFormatError, match="declares"):
        _ = checkpoints(tmp_path / "a.pt")[0]


class Run(enum.Enum):
    """What a script may hold of its own."""

    FIRST = 1


@pytest.mark.parametrize("content", [Run.FIRST, functools.partial(len)], ids=["own", "partial"])
def test_an_object_of_another_class_is_named_and_not_made(tmp_path, content):
    torch.save({"model": STATE, "more": content}, tmp_path / "a.pt")
    with pytest.raises(FileFormatError, match=r"of the class \S*(Run|partial).*If you tru") as no:
        _ = checkpoints(tmp_path / "a.pt")[0]
    assert "\n" not in str(no.value)


BESIDE = {
    "places": [Path("/a/b"), PurePosixPath("c"), PureWindowsPath("d")],
    "dates": [datetime.now(UTC), date.today(), timedelta(3)],
    "containers": [defaultdict(list, {"a": [1]}), deque([1, 2]), {1, 2}, frozenset([3]), range(4)],
    "generators": [
        *(np.random.get_state(), random.getstate(), np.random.RandomState(0)),
        np.random.default_rng(0),
    ],
    "numbers": [Decimal("1.5"), np.arange(5.0), np.array(["a"]), np.array([{}], dtype=object)],
    "names": [SimpleNamespace(a=1), torch.float32, torch.device("cpu"), slice(1, 2)],
}


@pytest.mark.parametrize("kind", BESIDE)
def test_plain_values_next_to_a_state_do_not_hide_it(tmp_path, kind):
    torch.save({"model": STATE, "more": {"of": BESIDE[kind]}}, tmp_path / "a.pt")
    found = checkpoints(tmp_path / "a.pt")[0]
    assert list(found) == list(STATE)
    assert all(torch.equal(found[name], value) for name, value in STATE.items())


ORDERS = {
    "whole numbers": np.arange(6, dtype="i4").reshape(2, 3),
    "by columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "the other order of bytes": np.arange(6, dtype=">f4").reshape(3, 2),
    "halves": np.arange(3, dtype="f2"),
    "one number": np.array(2.5),
    "none": np.zeros((0, 3)),
    "truths": np.array([True, False]),
}


@pytest.mark.parametrize("name", ORDERS)
def test_arrays_of_numpy_are_read_as_tensors(tmp_path, name):
    array = ORDERS[name]
    torch.save({"model": {"weight": array}}, tmp_path / "a.pt")
    found = checkpoints(tmp_path / "a.pt")[0]["weight"]
    assert found.numpy().dtype == array.dtype.newbyteorder("=")
    assert found.shape == array.shape
    assert np.array_equal(found.numpy(), array)


def test_bytes_that_a_file_names_many_times_are_not_copied_each_time(tmp_path):
    array, text = np.zeros(2**20, "u1"), "a" * 2**12

    class Again:
        """The bytes of one array, in an array of its own."""

        def __reduce__(self):
            make, arguments, state = array.__reduce__()
            return make, arguments, (*state[:-1], data)

    class Long:
        """A path of one text many times."""

        def __reduce__(self):
            return PurePosixPath, (text,) * 2**16

    data = array.tobytes()
    torch.save({"model": {str(number): Again() for number in range(8)}}, tmp_path / "a.pt")
    assert (tmp_path / "a.pt").stat().st_size < 2**22
    with pytest.raises(FileFormatError, match=r"a\.pt is a damaged file"):
        _ = checkpoints(tmp_path / "a.pt")[0]
    torch.save({"model": STATE, "place": Long(), "same": [array, array]}, tmp_path / "b.pt")
    found = checkpoints(tmp_path / "b.pt").content(0)
    assert not isinstance(found["place"], str)
    assert found["same"][0] is found["same"][1]


def test_a_program_of_torchscript_is_named(tmp_path):
    torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)).save(tmp_path / "a.pt")
    with pytest.raises(FileFormatError, match=r"TorchScript.*torch\.jit\.load"):
        _ = checkpoints(tmp_path / "a.pt")[0]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path, share):
    torch.save(nn.Linear(40, 40).state_dict(), tmp_path / "a.pt")
    content = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(content[: int(share * len(content))])
    with pytest.raises(FileFormatError, match=r"a\.pt"):
        _ = checkpoints(tmp_path / "a.pt")[0]


def test_what_memory_does_not_bear_is_not_read(tmp_path, monkeypatch):
    written(tmp_path, "a.pt")
    monkeypatch.setattr(bounded_files, "free_memory", lambda: 100)
    with pytest.raises(FileFormatError, match="may be used"):
        _ = checkpoints(tmp_path / "a.pt")[0]


def test_a_dictionary_that_holds_itself_is_looked_at_once():
    content = {}
    content |= {str(number): content for number in range(10**5)}
    assert entries_of(content) == []
    many = {str(number): STATE for number in range(MOST + 1)}
    with pytest.raises(SpecError, match="at most 100 state dictionaries"):
        entries_of(many)


@pytest.mark.skipif(os.name != "posix", reason="has no such places")
def test_a_pipe_in_a_folder_is_not_opened(tmp_path):
    folder = written(tmp_path / "run", "model_1.pt")
    os.mkfifo(folder / "model_2.pt")
    assert places(folder) == [0]
    with pytest.raises(MissingDataError, match="no regular file"):
        checkpoints(folder / "model_2.pt")


HAS_SAFETENSORS = importlib.util.find_spec("safetensors") is not None


@pytest.mark.skipif(HAS_SAFETENSORS, reason="it is installed")
def test_without_safetensors_its_files_are_refused_with_what_to_install(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(bytes(8))
    with pytest.raises(MissingPackageError, match="pip install safetensors"):
        _ = checkpoints(tmp_path / "a.safetensors")[0]


@pytest.mark.skipif(not HAS_SAFETENSORS, reason="it is not installed")
def test_files_of_safetensors_are_read_and_damaged_ones_refused(tmp_path):
    from safetensors.torch import save_file

    for number in (2, 10):
        save_file(numbered(number), tmp_path / f"model_{number}.safetensors")
    assert places(tmp_path) == [2, 10]
    content = (tmp_path / "model_2.safetensors").read_bytes()
    for damaged in (b"", bytes(8), content[:-1], b"\xff" * 8 + content[8:]):
        (tmp_path / "model_2.safetensors").write_bytes(damaged)
        with pytest.raises(FileFormatError, match=r"model_2\.safetensors cannot be read"):
            _ = checkpoints(tmp_path)[0]


def test_steps_that_a_name_says_rise(tmp_path):
    names = [f"epoch_{epoch}_acc_{0.9 - epoch / 100:.2f}.pt" for epoch in range(1, 30)]
    found = checkpoints(written(tmp_path / "run", *names)).files
    epochs = [int(file.name.split("_")[1]) for file in found]
    assert all(one < other for one, other in pairwise(epochs))
