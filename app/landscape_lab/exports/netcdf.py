"""The numbers themselves, as netCDF."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from landscape_core.storage import netcdf
from landscape_lab.exports._data import dataset
from landscape_lab.exports.base import Export, Making, Shown


@dataclass(frozen=True, kw_only=True)
class NetCDF(Export):
    """The slice and path of the current run as numbers, for xarray and other readers."""

    label: ClassVar[str] = "NetCDF data"
    rank: ClassVar[int] = 9
    suffix: ClassVar[str] = "nc"
    mime: ClassVar[str] = "application/x-netcdf"

    def made(self, shown: Shown) -> Iterator[Making]:
        yield Making(1, 1, netcdf.to_bytes(dataset(shown.place, shown.picture)))
