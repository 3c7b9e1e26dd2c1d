"""The plane that a slice holds: all that is needed to compute the slice again, bit for bit."""

import copy
import json

import h5py
import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn
from torch.nn.functional import cross_entropy

import cases
import landscape_core as lc
from landscape_core.foundation.errors import FileFormatError, MissingDataError
from landscape_core.foundation.registry import from_plain
from landscape_core.slices import plane_of_slice
from landscape_core.slices.plane_of_slice import with_plane, without_plane
from landscape_core.storage.store import Store

DATA = cases.vectors()
LOOP = {"strategy": "loop", "resolution": 5}


def network(*, seed=0):
    layers = [nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3)]
    return cases.filled(nn.Sequential(*layers), seed=seed)


PATH = [network(seed=seed).state_dict() for seed in (3, 4, 5)] + [network().state_dict()]
OTHER, THIRD = network(seed=1), network(seed=2)
WAYS = {
    "random": {"seed": 3},
    "line": {"dimensions": 1},
    "PCA": {"directions": lc.PCA(), "path": PATH},
    "Hessian": {"directions": lc.HessianEigenvectors()},
    "gradient": {"directions": lc.Gradient(), "dimensions": 1},
    "through modules": {"directions": lc.Plane.through(network(), OTHER, THIRD)},
    "through dictionaries": {
        "directions": lc.Plane.through(network().state_dict(), OTHER.state_dict())
    },
    "statistics anew": {"batch_norm": "reestimated"},
}


def written(slice_, folder):
    """The slice as a file gives it back."""
    lc.save(slice_, folder / "slice.nc")
    return lc.load(folder / "slice.nc")


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize("name", WAYS)
def test_a_slice_on_the_plane_of_a_file_is_bit_for_bit_that_of_the_file(name, kind, tmp_path):
    more = {one: WAYS[name][one] for one in ("batch_norm", "path") if one in WAYS[name]}
    asked = {**LOOP, "dtype": kind}
    first = lc.landscape(network(), cross_entropy, DATA, **WAYS[name], **asked)
    kept = written(first, tmp_path)
    xr.testing.assert_identical(kept, first)
    plane = lc.plane_of(kept)
    again = lc.landscape(network(), cross_entropy, DATA, directions=plane, **asked, **more)
    for measure in ("loss", "accuracy"):
        np.testing.assert_array_equal(again[measure], first[measure])
    same = {"plane_digest", "names", "explained_variance_ratio", "batch_norm", "given_points"}
    for attribute in same & first.attrs.keys():
        assert again.attrs[attribute] == first.attrs[attribute], attribute


def test_the_attributes_alone_say_all_that_was_asked(tmp_path):
    made = lc.landscape(network(), cross_entropy, DATA, span=0.3, resolution=7, dtype="float32")
    kept = written(made, tmp_path)
    grid = from_plain(lc.Grid, json.loads(kept.attrs["grid"]))
    again = lc.landscape(
        network(),
        cross_entropy,
        DATA,
        directions=lc.plane_of(kept),
        span=grid.alpha_high,
        resolution=grid.resolution,
        dtype=kept.attrs["dtype"],
        strategy=kept.attrs["strategy"][0],
        batch_norm=kept.attrs["batch_norm"],
        tf32=bool(kept.attrs["tf32"]),
        seed=kept.attrs["seed"],
        max_examples=kept.attrs["examples"][0],
    )
    np.testing.assert_array_equal(again["loss"], made["loss"])
    assert kept.attrs["schema_version"] == 1
    assert json.loads(kept.attrs["measures"]) == {
        "loss": {"kind": "loss"},
        "accuracy": {"kind": "accuracy"},
    }


def test_the_plane_has_the_buffers_of_its_states_whole_numbers_and_complex_ones_included(tmp_path):
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)
            self.register_buffer("phase", torch.tensor([1 + 2j, 3 - 1j]))
            self.register_buffer("mask", torch.tensor([True, False, True]))

        def forward(self, inputs):
            return self.layer(inputs) * self.mask + self.phase.real.sum()

    one = cases.filled(Odd())
    other = copy.deepcopy(one)
    with torch.no_grad():
        other.layer.weight.add_(1)
        other.phase.mul_(2j)
    slice_ = lc.landscape(one, cross_entropy, DATA, directions=lc.Plane.through(one, other), **LOOP)
    buffers = lc.plane_of(written(slice_, tmp_path)).buffers
    assert buffers.origin["mask"].tolist() == [True, False, True]
    assert buffers.origin["mask"].dtype == torch.bool
    assert torch.equal(buffers.origin["phase"], one.phase)
    assert torch.equal(buffers.axes["phase"][0], other.phase - one.phase)
    assert set(buffers.axes) == {"phase"}


def test_half_precision_is_kept_exactly(tmp_path):
    origin = cases.normal(6).to(torch.bfloat16)
    plane = lc.Plane(origin, cases.normal(2, 6, seed=1).to(torch.bfloat16))
    found = lc.plane_of(written(with_plane(xr.Dataset(), plane), tmp_path))
    assert torch.equal(found.origin, plane.origin)
    assert torch.equal(found.axes, plane.axes)
    assert found.origin.dtype == torch.bfloat16


def test_a_large_plane_lies_in_the_store_and_without_one_only_its_digest_is_told(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(plane_of_slice, "MOST", 10)
    store = Store(tmp_path)
    small = lc.landscape(network(), cross_entropy, DATA, **LOOP)
    assert "plane_origin" not in small.coords
    with pytest.raises(MissingDataError, match="does not hold the vectors of its plane"):
        lc.plane_of(small)
    kept = lc.landscape(network(), cross_entropy, DATA, store=store, **LOOP)
    assert kept.attrs["plane_digest"] == small.attrs["plane_digest"]
    plane = lc.plane_of(kept, store)
    again = lc.landscape(network(), cross_entropy, DATA, directions=plane, **LOOP)
    np.testing.assert_array_equal(again["loss"], kept["loss"])
    with pytest.raises(MissingDataError, match="give that store"):
        lc.plane_of(kept)


def test_a_dataset_without_a_plane_is_refused_as_such():
    with pytest.raises(MissingDataError, match="neither a slice nor a convexity map"):
        lc.plane_of(xr.Dataset({"loss": ("t", [1.0, 2.0])}))


def test_what_the_store_answers_holds_the_plane_as_well(tmp_path):
    store = Store(tmp_path)
    first, again = (
        lc.landscape(network(), cross_entropy, DATA, store=store, **LOOP) for _ in range(2)
    )
    assert first.identical(again)
    assert torch.equal(lc.plane_of(first).axes, lc.plane_of(again).axes)


def test_pictures_on_the_way_do_not_hold_the_plane():
    read = lc.probe_of(
        {"train": lc.from_module(network(), cross_entropy, DATA)}, lc.Random(), strategy="loop"
    )
    for frame in (lc.coarse(read, lc.Grid(resolution=15), 0), *lc.sweep(read, lc.Grid.square())):
        assert not [name for name in frame.variables if str(name).startswith("plane_")]
        assert frame.attrs["schema_version"] == 1
    *_, last = lc.compute_slice(read, lc.Grid(resolution=5))
    assert last["plane_axes"].dims == ("axis", "param")
    assert not last["plane_axes"].values.flags.writeable
    assert "plane_axes" not in without_plane(last).coords


@pytest.mark.parametrize(
    "change",
    [
        {"plane_digest": "0" * 32},
        {"dtype": "load"},
        {"plane_states": "many"},
        {"plane_buffers": '[["a",[100000000000000],"float32",false]]'},
        {"plane_buffers": "no list"},
    ],
    ids=["digest", "dtype", "states", "size", "form"],
)
def test_a_plane_that_was_changed_is_refused(change):
    line = lc.Plane.through(network(), OTHER)
    slice_ = lc.landscape(network(), cross_entropy, DATA, directions=line, **LOOP)
    with pytest.raises(FileFormatError, match="plane"):
        lc.plane_of(slice_.assign_attrs(change))
    with pytest.raises(MissingDataError):
        lc.plane_of(without_plane(slice_).assign_attrs(plane_key="../secret"), None)


def versioned(folder, version):
    """A file as another release would have written it."""
    place = folder / f"{version}.nc"
    lc.save(xr.Dataset({"loss": ("x", [1.0])}, attrs={"engine_version": 6}), place)
    with h5py.File(place, "r+") as file:
        del file.attrs["schema_version"]
        if version is not None:
            file.attrs["schema_version"] = version
    return place


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (0, "older release .schema version 0"),
        (None, "older release .no schema version"),
        (2, "newer release .schema version 2; this one reads 1.: update"),
        ("one", "is no version"),
    ],
    ids=["older", "none", "newer", "text"],
)
def test_a_file_of_another_schema_is_refused_in_one_sentence(version, told, tmp_path):
    with pytest.raises(FileFormatError, match=told) as error:
        lc.load(versioned(tmp_path, version))
    assert "\n" not in str(error.value)


def test_a_file_of_another_program_is_read_as_it_is(tmp_path):
    asked = xr.Dataset({"temperature": ("x", [1.0, 2.0])}, attrs={"source": "a thermometer"})
    asked.to_netcdf(tmp_path / "own.nc", engine="h5netcdf")
    xr.testing.assert_identical(lc.load(tmp_path / "own.nc"), asked)


def test_an_entry_of_the_store_of_another_schema_is_computed_anew(monkeypatch, tmp_path):
    store = Store(tmp_path)
    first = lc.landscape(network(), cross_entropy, DATA, store=store, **LOOP)
    monkeypatch.setattr("landscape_core.storage.schema.SCHEMA_VERSION", 2)
    again = lc.landscape(network(), cross_entropy, DATA, store=Store(tmp_path), **LOOP)
    np.testing.assert_array_equal(again["loss"], first["loss"])
    assert again.attrs["schema_version"] == 2


@pytest.mark.parametrize(
    "said",
    [
        {"names": "ab"},
        {"explained_variance_ratio": [0.5, 0.3, 0.1]},
        {"explained_variance_ratio": [0.5, -0.3]},
        {"plane_states": 0},
        {"given_points": "[[0, 0, 0]]"},
        {"given_points": "[[0, NaN]]"},
    ],
    ids=str,
)
def test_what_attributes_say_of_a_plane_is_refused_where_it_cannot_be_so(said):
    slice_ = lc.landscape(network(), cross_entropy, DATA, **LOOP)
    with pytest.raises(FileFormatError, match="the plane of this dataset cannot be read"):
        lc.plane_of(slice_.assign_attrs(said))
