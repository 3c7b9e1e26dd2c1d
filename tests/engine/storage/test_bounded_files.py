"""Files from outside are refused with a sentence, before they take memory or time."""

import os
import pickle
import resource
import sys
import time

import numpy as np
import pytest
import torch
import xarray as xr

import hostile_files
from landscape_core.foundation.errors import LandscapeError
from landscape_core.models.datasets.cifar10 import CIFAR10
from landscape_core.models.datasets.cifar10 import FILES as CIFAR_FILES
from landscape_core.models.datasets.mnist import MNIST
from landscape_core.storage import bounded_files, netcdf
from landscape_core.storage.bounded_files import bounded_bytes, numpy_array, torch_tensors

MOST_SECONDS = 2.0
MOST_MEMORY = 300e6


def _mnist(path):
    return MNIST(folder=str(path.parent)).build(0)


def _cifar(path):
    return CIFAR10(folder=str(path.parent)).build(0)


CASES = [
    (f"{kind}: {name}", make, file, read)
    for kind, made, file, read in (
        ("netCDF", hostile_files.NETCDF, "a.nc", netcdf.load),
        ("npy", hostile_files.ARRAYS, "a.npy", numpy_array),
        ("pt", hostile_files.TENSORS, "a.pt", torch_tensors),
        ("idx", hostile_files.IDX, "train-images-idx3-ubyte", _mnist),
        ("idx", hostile_files.IDX_GZ, "train-images-idx3-ubyte.gz", _mnist),
        ("batch", hostile_files.BATCHES, CIFAR_FILES["train"][0], _cifar),
    )
    for name, make in made.items()
]


def peak():
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.skipif(os.name != "posix", reason="counts the memory of a process")
@pytest.mark.parametrize(("name", "make", "file", "read"), CASES, ids=[case[0] for case in CASES])
def test_a_hostile_file_is_refused_in_a_sentence(name, make, file, read, tmp_path, capfd):
    path = tmp_path / file
    make(path)
    before, began = peak(), time.process_time()
    try:
        found = read(path)
    except LandscapeError as error:
        told = str(error)
    except pickle.UnpicklingError as error:  # which is translated where tensors are read
        told = f"{path.name}: {error}"
    else:
        assert isinstance(found, xr.Dataset), "only damage that HDF5 does not notice is read"
        assert name.startswith("netCDF: damaged") or name == "netCDF: cycle"
        told = path.name
    assert time.process_time() - began < MOST_SECONDS
    assert peak() - before < MOST_MEMORY
    assert path.name.split(".")[0].split("-")[0] in told or str(path.parent) in told
    out = capfd.readouterr()
    assert out.out == out.err == ""


def test_good_files_are_read(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(2, 3))
    assert numpy_array(tmp_path / "a.npy").tolist() == [[0, 1, 2], [3, 4, 5]]
    state = torch.nn.Linear(3, 2).state_dict()
    torch.save(state, tmp_path / "a.pt")
    assert torch.equal(torch_tensors(tmp_path / "a.pt")["weight"], state["weight"])
    numbers = xr.Dataset({"a": ("x", np.zeros(10**5))})
    netcdf.save(numbers, tmp_path / "a.nc")
    xr.testing.assert_identical(netcdf.load(tmp_path / "a.nc").drop_attrs(), numbers)


def test_texts_and_attributes_of_good_files_are_read(tmp_path):
    """Texts of any length, empty ones and dimensions, in the file and beside variables."""
    words = xr.Dataset(
        {
            "word": (("x", "y"), np.array([["a", "bb" * 5000], ["", "ü"]])),
            "empty": ("z", np.array([], dtype=str)),
            "one": ((), "text"),
            "number": (
                "x",
                np.arange(2.0),
                {"units": "", "long_name": "n" * 10_000, "range": [0, 1]},
            ),
        },
        coords={"x": ["first", "second"]},
        attrs={"none": "", "many": ["a", "b"], "title": "t" * 60_000},
    )
    netcdf.save(words, tmp_path / "a.nc")
    found = netcdf.load(tmp_path / "a.nc")
    xr.testing.assert_equal(found, words)
    assert found.number.attrs["long_name"] == "n" * 10_000
    assert found.attrs == {**words.attrs, **found.attrs}


def test_a_dimension_without_coordinates_is_as_long_as_a_large_network_has_parameters(tmp_path):
    many = xr.Dataset({"theta": (("step", "param"), np.zeros((2, 10**6), np.float32))})
    netcdf.save(many, tmp_path / "a.nc")
    assert netcdf.load(tmp_path / "a.nc")["theta"].shape == (2, 10**6)


def test_what_memory_does_not_bear_is_not_read(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.zeros(1000))
    monkeypatch.setattr(bounded_files, "free_memory", lambda: 8000)
    with pytest.raises(LandscapeError, match="declares 8 kB of content, and 4 kB may be used"):
        numpy_array(tmp_path / "a.npy")


@pytest.mark.skipif(os.name != "posix", reason="has no such places")
def test_pipes_and_devices_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", "/dev/zero", tmp_path, tmp_path / "none"):
        with pytest.raises(LandscapeError, match=r"regular file|folder|no such file"):
            bounded_bytes(type(tmp_path)(place), 10)


def test_a_file_longer_than_is_read_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(bytes(11))
    assert len(bounded_bytes(tmp_path / "a", 11)) == 11
    with pytest.raises(LandscapeError, match="at most 10 bytes are read"):
        bounded_bytes(tmp_path / "a", 10)
