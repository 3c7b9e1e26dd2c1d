"""Files of the program loss-landscape (Li et al., 2018), written here by h5py as it writes them."""

import time

import h5py
import numpy as np
import pytest
import xarray as xr

import landscape_core as lc
from hostile_files import NETCDF
from landscape_core.analysis.slice_metrics import slice_metrics
from landscape_core.foundation.errors import FileFormatError, LandscapeError, SpecError
from landscape_core.storage.loss_landscape_h5 import read_directions

X = np.linspace(-1, 1, 21)
Y = np.linspace(-0.5, 2, 13)


def height(x, y):
    return 0.1 + x**2 + 2 * y**2 + 0.3 * x * y**2


def surface(path, x=X, y=X, change=None, **more):
    """A surface whose first index is x; three of its points are not computed."""
    z = height(x[:, None], y[None])
    z[0, :3] = -1
    content = {"xcoordinates": x, "ycoordinates": y, "train_loss": z, "train_acc": 100 - 2 * z}
    content |= {"dir_file": "dir.h5", **more}
    with h5py.File(path, "w") as file:
        for name, values in content.items():
            if values is not None:
                file[name] = values
        if change is not None:
            change(file)
    return path


def as_the_program_computes(path, x, y):
    """A surface filled as by `crunch` of plot_surface.py, in the order of its scheduler."""
    losses = -np.ones((len(x), len(y)))
    mesh_x, mesh_y = np.meshgrid(x, y)
    for index in range(losses.size):
        losses.ravel()[index] = height(mesh_x.ravel()[index], mesh_y.ravel()[index])
    with h5py.File(path, "w") as file:
        file["xcoordinates"], file["ycoordinates"], file["train_loss"] = x, y, losses
    return path


@pytest.mark.parametrize("y", [X, Y], ids=["square", "rectangle"])
def test_a_surface_is_a_slice_whose_first_stored_index_is_x(tmp_path, y):
    found = lc.load(surface(tmp_path / "s.h5", y=y), first_index="x")
    assert found["loss"].dims == ("split", "beta", "alpha")
    assert found["computed"].dims == ("beta", "alpha")
    for i, alpha in enumerate(X):
        for j, beta in enumerate(y):
            here = found.isel(split=0, alpha=i, beta=j)
            assert (float(here["alpha"]), float(here["beta"])) == (alpha, beta)
            known = not (i == 0 and j < 3)
            assert bool(here["computed"]) is known
            expected = height(alpha, beta) if known else np.nan
            np.testing.assert_allclose(here["loss"], expected, rtol=1e-15)
            np.testing.assert_allclose(here["accuracy"], 1 - expected / 50, rtol=1e-12)
    assert found.attrs["not_computed"] == [3]
    assert found.attrs["dir_file"] == "dir.h5"


@pytest.mark.parametrize("y", [X, Y], ids=["square", "rectangle"])
def test_a_surface_that_the_program_filled_has_y_as_its_first_index(tmp_path, y):
    found = lc.load(as_the_program_computes(tmp_path / "s.h5", X, y), first_index="y")
    np.testing.assert_allclose(found["loss"][0], height(X[None], y[:, None]), rtol=1e-15)
    assert bool(found["computed"].all())
    assert "not_computed" not in found.attrs


@pytest.mark.parametrize("of_test", [None, "same"])
def test_accuracies_none_of_which_is_above_1_are_taken_for_fractions(tmp_path, of_test):
    accuracy = 1 - 0.3 * height(X[:, None], X[None]) / 4
    accuracy[0, :3] = -1
    more = {} if of_test is None else {"test_loss": X[:, None] + X, "test_acc": accuracy}
    path = surface(tmp_path / "s.h5", train_acc=accuracy, **more)
    with pytest.warns(UserWarning, match="read as fractions") as told:
        found = lc.load(path, first_index="x")
    assert len(told) == 1
    assert told[0].filename == __file__
    known = accuracy != -1
    np.testing.assert_array_equal(found["accuracy"][0].values.T[known], accuracy[known])
    assert found.attrs["accuracies_read_as"] == "fractions"


@pytest.mark.parametrize(("largest", "read_as"), [(1.5, 0.015), (100.0, 1.0), (0.0, 0.0)])
def test_accuracies_above_1_are_percentages(tmp_path, largest, read_as):
    path = surface(tmp_path / "s.h5", train_acc=np.where(X[:, None] * X < 0, 0.0, largest))
    found = lc.load(path, first_index="x")
    assert float(found["accuracy"].max()) == read_as
    assert found.attrs["accuracies_read_as"] == "percentages"


def test_an_order_that_nobody_has_said_is_told_where_it_matters(tmp_path):
    path = surface(tmp_path / "s.h5")
    with pytest.warns(UserWarning, match="first_index='y'"):
        found = lc.load(path)
    xr.testing.assert_identical(found, lc.load(path, first_index="x"))
    x = X**2
    lc.load(surface(tmp_path / "t.h5", train_loss=x[:, None] + x, train_acc=None))  # symmetric
    with pytest.raises(SpecError, match="first_index must be x or y"):
        lc.load(path, first_index="z")


def test_a_line_is_a_slice_of_one_dimension(tmp_path):
    z = X**2
    z[4] = -1
    path = surface(tmp_path / "s.h5", ycoordinates=None, train_loss=z, train_acc=100 * X**2)
    found = lc.load(path)
    assert found["loss"].dims == ("split", "alpha")
    expected = np.where(np.arange(21) == 4, np.nan, X**2)
    np.testing.assert_array_equal(found["loss"][0], expected)
    np.testing.assert_allclose(found["accuracy"][0], expected)


def test_both_splits_are_read_and_a_point_of_one_is_computed(tmp_path):
    z = height(X[:, None], X[None])
    test = np.where(np.arange(21) < 10, 2 * z, -1)
    path = surface(tmp_path / "s.h5", test_loss=test, test_acc=np.where(test == -1, -1, 50.0))
    found = lc.load(path, first_index="x")
    assert list(found["split"].values) == ["train", "test"]
    assert found.attrs["not_computed"] == [3, 21 * 11]
    assert int((~found["computed"]).sum()) == 0
    np.testing.assert_array_equal(np.isnan(found["loss"].sel(split="test")).sum(), 21 * 11)
    assert float(found["accuracy"].sel(split="test", alpha=0, beta=-1)) == 0.5


def test_falling_coordinates_are_sorted_and_other_names_are_told(tmp_path):
    path = surface(tmp_path / "s.h5", x=X[::-1], min_eig=np.zeros(3))
    found = lc.load(path, first_index="x")
    assert (np.diff(found["alpha"]) > 0).all()
    np.testing.assert_allclose(found["loss"].sel(split="train", alpha=-1, beta=1), height(-1, 1))
    assert found.attrs["not_read"] == ["min_eig"]


def test_metrics_take_a_surface(tmp_path):
    found = slice_metrics(lc.load(surface(tmp_path / "s.h5"), first_index="x"))
    assert float(found["lowest"]) == pytest.approx(0.1)
    assert int(found["minima"]) == 1


def test_a_projection_is_a_path_without_losses(tmp_path):
    places = np.linspace(-5, 0, 30), np.sin(np.linspace(-3, 0, 30))
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file["proj_xcoord"], file["proj_ycoord"] = places
    alone = lc.load(tmp_path / "p.h5")
    assert set(alone.data_vars) == {"path_alpha", "path_beta"}
    on = lc.load(surface(tmp_path / "s.h5"), projection=tmp_path / "p.h5", first_index="x")
    for found in (alone, on):
        np.testing.assert_array_equal(found["path_alpha"], places[0])
        np.testing.assert_array_equal(found["path_beta"], places[1])
    assert "path_loss" not in on
    with pytest.raises(SpecError, match="slice of two dimensions"):
        lc.load(tmp_path / "p.h5", projection=tmp_path / "p.h5")
    lc.save(on, tmp_path / "s.nc")
    with pytest.raises(SpecError, match="has a path"):
        lc.load(tmp_path / "s.nc", projection=tmp_path / "p.h5")
    with pytest.raises(SpecError, match="no surface"):
        lc.load(tmp_path / "s.nc", first_index="x")


def test_a_surface_survives_netcdf(tmp_path):
    found = lc.load(surface(tmp_path / "s.h5"), first_index="x")
    lc.save(found, tmp_path / "s.nc")
    xr.testing.assert_equal(lc.load(tmp_path / "s.nc"), found)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"train_loss": np.zeros((21, 20))}, r"train_loss must have the shape \(21, 21\).*21, 20"),
        ({"train_acc": np.zeros(21)}, "train_acc must have the shape"),
        ({"train_loss": None}, "train_loss or test_loss"),
        ({"train_loss": "words"}, "must hold real numbers"),
        ({"xcoordinates": np.zeros(21)}, "each once"),
        ({"xcoordinates": np.full(21, np.nan)}, "finite"),
        ({"xcoordinates": np.zeros((3, 7))}, "must be a list"),
        ({"xcoordinates": np.zeros(0)}, "must be a list"),
        ({"train_acc": np.full((21, 21), 150.0)}, "percentages.*150"),
        ({"train_loss": h5py.Empty("f8")}, "must be an array"),
    ],
)
def test_a_surface_of_other_form_is_refused(tmp_path, more, words):
    with pytest.raises(FileFormatError, match=words):
        lc.load(surface(tmp_path / "s.h5", **more))


def test_projections_and_directions_of_other_form_are_refused(tmp_path):
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file["proj_xcoord"], file["proj_ycoord"] = np.zeros(3), np.zeros(4)
    with pytest.raises(FileFormatError, match="equal length"):
        lc.load(tmp_path / "p.h5")
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["xdirection/0"], file["xdirection/2"] = np.zeros(3), np.zeros(4)
    with pytest.raises(FileFormatError, match=r"named 0, 1, 2"):
        read_directions(tmp_path / "d.h5")
    with pytest.raises(FileFormatError, match="GivenVectors"):
        lc.load(tmp_path / "d.h5")
    with pytest.raises(FileFormatError, match="must hold the group xdirection"):
        read_directions(tmp_path / "p.h5")


def _external_storage(file):
    del file["train_loss"]
    file.create_dataset("train_loss", (21, 21), "f8", external=[("/etc/passwd", 0, 3528)])


def _external_link(file):
    del file["train_loss"]
    file["train_loss"] = h5py.ExternalLink("/etc/passwd", "/")


def _virtual(file):
    del file["train_loss"]
    layout = h5py.VirtualLayout((21, 21), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "a", (21, 21))
    file.create_virtual_dataset("train_loss", layout)


def _declared(**more):
    def change(file):
        for name in ("train_loss", "xcoordinates", "ycoordinates"):
            del file[name]
        file["xcoordinates"] = file["ycoordinates"] = np.arange(60_000.0)
        file.create_dataset("train_loss", (60_000, 60_000), "f8", **more)

    return change


def _declared_by_a_bare_dimension(file):
    del file["xcoordinates"]
    wide = file.create_dataset("xcoordinates", (2**40,), "f8", chunks=(1024,))
    wide.make_scale("This is a netCDF dimension but not a netCDF variable.")


@pytest.mark.parametrize(
    "change",
    [
        *(_external_storage, _external_link, _virtual, _declared_by_a_bare_dimension),
        *(_declared(), _declared(chunks=(100, 100)), _declared(chunks=(100, 100), compression=9)),
    ],
)
def test_a_hostile_surface_is_refused_at_once(tmp_path, change):
    path = surface(tmp_path / "s.h5", change=change)
    began = time.process_time()
    with pytest.raises(FileFormatError, match=r"s\.h5"):
        lc.load(path)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("name", [name for name in NETCDF if not name.startswith("damaged")])
def test_files_that_no_netcdf_may_be_are_refused_by_this_name_as_well(tmp_path, name):
    NETCDF[name](tmp_path / "a.h5")
    if name == "cycle":
        return  # which netCDF reads
    began = time.process_time()
    with pytest.raises(LandscapeError, match=r"a\.h5"):
        lc.load(tmp_path / "a.h5")
    assert time.process_time() - began < 2
