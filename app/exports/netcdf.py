"""The numbers themselves, as netCDF."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from app.exports._data import dataset
from app.exports.base import Beside, Export, Making
from app.places import Place
from landscape_core import schema
from landscape_core.live import Session
from landscape_core.pictures import Picture


@dataclass(frozen=True, kw_only=True)
class NetCDF(Export):
    """The numbers of the current run: its slice and path, for xarray and others."""

    label: ClassVar[str] = "NetCDF data"
    rank: ClassVar[int] = 7
    suffix: ClassVar[str] = "nc"
    mime: ClassVar[str] = "application/x-netcdf"

    def made(
        self,
        place: Place,
        picture: Picture,
        session: Session | None = None,
        *,
        beside: Beside = (),
    ) -> Iterator[Making]:
        del session, beside
        yield Making(1, 1, schema.to_bytes(dataset(place, picture)))
