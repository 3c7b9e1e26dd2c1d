"""State dictionaries in `.npz` files, against NumPy's own reader."""

import zipfile

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import landscape_core as lc
from landscape_core.foundation.errors import FileFormatError
from landscape_core.storage import bounded_files
from landscape_core.storage.npz_states import npz_state


def test_arrays_are_tensors_of_their_own_type(tmp_path):
    arrays = {
        "layer.weight": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "count": np.array(3),
        "half": np.ones(2, "f2"),
        "other": np.arange(3, dtype=">i4"),
        "three": np.zeros((2, 1, 3), "f4"),
    }
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    found = npz_state(tmp_path / "a.npz")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert np.array_equal(found[name].numpy(), array)
        assert found[name].numpy().dtype == array.dtype.newbyteorder("=")


@pytest.mark.parametrize("torchs", [False, True])
def test_a_folder_of_them_is_a_path_unless_it_has_others(tmp_path, torchs):
    models = [nn.Linear(3, 2) for _ in range(4)]
    data = torch.randn(5, 3), torch.tensor([0, 1, 0, 1, 1])
    for number, model in enumerate(models):
        state = model.state_dict()
        np.savez(tmp_path / f"model_{number}.npz", **{k: v.numpy() for k, v in state.items()})
        if torchs:
            torch.save(state, tmp_path / f"epoch_{number}.pt")
    if torchs:
        np.savez(tmp_path / "data.npz", x=data[0].numpy())
    found = lc.landscape(models[-1], cross_entropy, data, path=tmp_path, resolution=3)
    expected = [cross_entropy(model(data[0]), data[1]).item() for model in models]
    assert found["path_loss"].values == pytest.approx(expected, rel=1e-5)


def declaring(path):
    np.savez(path.with_suffix(".whole.npz"), x=np.zeros(3))
    with zipfile.ZipFile(path.with_suffix(".whole.npz")) as whole:
        content = whole.read("x.npy").replace(b"(3,), }  ", b"(999,), }")
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("x.npy", content)


WRONG = {
    "text": (lambda path: np.savez(path, x=np.array(["a"])), "holds text or other objects"),
    "objects": (
        lambda path: np.savez(path, allow_pickle=True, x=np.array([{}], dtype=object)),
        "holds text or other objects",
    ),
    "no archive": (lambda path: path.write_bytes(b"x" * 99), "cannot be read as"),
    "a lie": (declaring, "declares more than it holds"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_state_is_refused(tmp_path, name):
    make, told = WRONG[name]
    make(tmp_path / "a.npz")
    with pytest.raises(FileFormatError, match=rf"a\.npz.*{told}"):
        npz_state(tmp_path / "a.npz")


def test_more_than_memory_holds_is_not_read(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(10**5))
    monkeypatch.setattr(bounded_files, "free_memory", lambda: 10**5)
    with pytest.raises(FileFormatError, match="may be used"):
        npz_state(tmp_path / "a.npz")
