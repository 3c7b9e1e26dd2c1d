"""Named data on disk: one netCDF file a dataset."""

from pathlib import Path

import xarray as xr

from landscape_core.errors import FileFormatError, MissingDataError


def save(dataset: xr.Dataset, path: Path) -> None:
    """Write a dataset as one netCDF file."""
    dataset.to_netcdf(path, engine="h5netcdf", invalid_netcdf=True)


def load(path: Path) -> xr.Dataset:
    """Read what `save` wrote, wholly into memory."""
    if not Path(path).is_file():
        raise MissingDataError(f"{path}: no such file.")
    try:
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            return opened.load()
    except (OSError, ValueError, KeyError) as error:
        raise FileFormatError(f"{path} cannot be read as netCDF: {error}") from error
