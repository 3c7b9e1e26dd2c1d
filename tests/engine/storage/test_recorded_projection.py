"""Files of projected states: their components, and what is refused."""

import numpy as np
import pytest
import torch
import xarray as xr

import landscape_core as lc
from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.storage import netcdf
from landscape_core.storage.random_projection import RandomProjection
from landscape_core.storage.recorded_projection import (
    RecordedProjection,
    path_components,
    recorded,
)
from landscape_core.storage.recorded_states import StateLayout, recorded_states


def path_of(count=30, size=400):
    """A path (T, P) of two directions that differ in size, and noise."""
    generator = torch.Generator().manual_seed(0)
    times = torch.linspace(-1, 1, count, dtype=torch.float64)[:, None]
    axes = torch.randn(2, size, dtype=torch.float64, generator=generator)
    noise = torch.randn(count, size, dtype=torch.float64, generator=generator)
    return times * axes[0] + 0.6 * (times**2) * axes[1] + 0.02 * noise


def recording(thetas, components=100, seed=0):
    projection = RandomProjection(components, seed)
    layout = StateLayout(("weight",), ((thetas.shape[1],),), ("float64",))
    rows = projection.of_vectors(thetas)
    return RecordedProjection(layout, np.arange(len(thetas)), rows, projection, "run.nc")


def exact(thetas):
    """The explained variance ratios of a path by the decomposition of all of it."""
    moves = thetas - thetas.mean(dim=0)
    left, lengths, _ = torch.linalg.svd(moves, full_matrices=False)
    return (left * lengths)[:, :2].numpy(), (lengths**2 / (lengths**2).sum()).numpy()


def test_components_are_those_of_the_path_within_their_standard_errors():
    thetas = path_of()
    coords, shares = exact(thetas)
    found = [path_components(recording(thetas, seed=seed)) for seed in range(60)]
    errors = np.array([one["explained_variance_ratio"].values for one in found]) - shares[:2]
    stated = np.array([one["explained_variance_ratio_standard_error"].values for one in found])
    assert np.abs(errors.std(axis=0) / stated.mean(axis=0) - 1).max() < 0.25
    assert np.abs(errors.mean(axis=0)).max() < 0.02
    distances = [
        np.hypot(*(one[name].values[[0, -1]] @ [1, -1] for name in NAMES)) for one in found
    ]
    whole = float((thetas[0] - thetas[-1]).norm())
    ratios = np.array(distances) / whole
    assert abs(ratios.mean() - 1) < 0.02
    assert ratios.std() == pytest.approx(found[0].attrs["path_distance_relative_error"], rel=0.25)
    many = path_components(recording(thetas, components=20_000))
    for at, name in enumerate(NAMES):
        sign = np.sign(many[name].values @ coords[:, at])
        np.testing.assert_allclose(sign * many[name], coords[:, at], atol=0.05 * coords.max())


NAMES = ("path_alpha", "path_beta")


def test_a_file_gives_back_its_rows_and_components(tmp_path):
    one = recording(path_of())
    netcdf.save(one.dataset(), tmp_path / "run.nc")
    found = recorded(tmp_path / "run.nc")
    assert found.rows.tolist() == one.rows.tolist()
    assert (found.projection, found.layout) == (one.projection, one.layout)
    assert found.parameters == 400
    xr.testing.assert_identical(lc.load(tmp_path / "run.nc"), path_components(one))
    with pytest.raises(FileFormatError, match="random projections of the states, not the states"):
        recorded_states(tmp_path / "run.nc")
    with pytest.raises(FileFormatError, match="random projections of the states, not the states"):
        lc.landscape(
            torch.nn.Linear(2, 2), torch.nn.functional.mse_loss, (torch.ones(1, 2),) * 2,
            directions=lc.Between(first=str(tmp_path / "run.nc")), dimensions=1,
        )  # fmt: skip


def test_a_path_that_spans_no_plane_has_no_components():
    thetas = path_of()
    with pytest.raises(SpecError, match="at least 3; got '2 states'"):
        path_components(recording(thetas[:2]))
    for still in (thetas[:1].repeat(4, 1), thetas[:1] * torch.arange(4)[:, None]):
        with pytest.raises(
            SpecError, match="one that moves in a plane; got 'on a line or a point'"
        ):
            path_components(recording(still))


def test_damaged_files_and_other_random_numbers_are_refused(tmp_path, monkeypatch):
    file, good = tmp_path / "run.nc", recording(path_of(30, 40), components=12).dataset()
    rows = good["projected_state"]
    damaged = [
        good.drop_vars("tensor_shape"),
        good.assign_attrs(projection_block=0),
        good.assign_attrs(projection_block=2**30),
        good.assign_attrs(projection_seed="x"),
        good.isel(component=slice(9)),
        good.assign(projected_state=rows.astype(np.float32)),
        good.assign(projected_state=rows.isel(component=0)),
        good.assign(projected_state=rows * np.nan),
        good.assign_coords(step=[0] * 30),
        good.assign(tensor_dtype=("tensor", ["os"])),
    ]
    for dataset in damaged:
        netcdf.save(dataset, file)
        with pytest.raises(FileFormatError, match=r"run\.nc is (a )?damaged"):
            recorded(file)
    netcdf.save(good, file)
    monkeypatch.setattr(RandomProjection, "checked", lambda self: [0.0] * 8)
    with pytest.raises(FileFormatError, match="this version of NumPy draws other random numbers"):
        recorded(file)
