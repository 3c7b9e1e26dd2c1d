"""Declarations and values of a lab's dataset, as pictures need them."""

import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.lab_pictures.marks import Array, Panel

PICTURES = "pictures"
"""The attribute that declares the pictures of a dataset."""

SEED = "seed"
TOOLS = ("marks", "reading")
"""Modules of this package that are no kinds of pictures."""

NARROWEST = 1e-9
"""The least extent of a histogram, relative to the values."""


@cache
def kinds() -> Mapping[str, ModuleType]:
    """The modules that draw a kind each, by its name: `panels(view)` gives its panels."""
    package = importlib.import_module(__name__.rpartition(".")[0])
    names = (info.name for info in pkgutil.iter_modules(package.__path__))
    return {
        name: importlib.import_module(f"{package.__name__}.{name}")
        for name in sorted(names)
        if name not in TOOLS
    }


def declared(dataset: xr.Dataset) -> list[dict[str, Any]]:
    """The declared pictures of a dataset; those of kinds that are not known are left out."""
    try:
        found = json.loads(dataset.attrs.get(PICTURES, "[]"))
    except (TypeError, ValueError):
        return []
    plain = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return [one for one in plain if one.get("kind") in kinds()]


def panels(
    dataset: xr.Dataset, picture: Mapping[str, Any], *, seed: int = 0, frame: int | None = None
) -> list[Panel]:
    """The panels of a declared picture.

    Args:
        dataset: of a lab.
        picture: one of `declared(dataset)`.
        seed: index of the seed that is looked at, where one is.
        frame: index along the moving dimension; None: the last computed one.
    """
    view = View(dataset, picture, seed, frame)
    found: list[Panel] = kinds()[picture["kind"]].panels(view)
    return found


@dataclass(frozen=True, eq=False)
class View:
    """A dataset, a picture of it, and what is looked at."""

    dataset: xr.Dataset
    picture: Mapping[str, Any]
    seed: int = 0
    frame: int | None = None

    def __getitem__(self, role: str) -> Any:
        """What the declaration says of a role."""
        return self.picture.get(role, "")

    def axes(self, **more: Any) -> dict[str, Any]:
        """The arguments of a panel that every declaration has."""
        names = ("title", "x_label", "y_label", "x_scale", "y_scale")
        return {name: self.picture[name] for name in names if name in self.picture} | more

    def all_seeds(self, name: str) -> xr.DataArray:
        """A variable at the frame that is looked at, with its seeds."""
        column = self.dataset[name]
        moving = self["frame"]
        if moving and moving in column.dims:
            column = column.isel({moving: self.frame_index()})
        return column

    def one(self, name: str) -> xr.DataArray:
        """A variable at the frame and of the seed that are looked at."""
        column = self.all_seeds(name)
        return column.isel({SEED: self.seed_index()}) if SEED in column.dims else column

    def seed_index(self) -> int:
        """The seed that is looked at; the last begun one before it, if that is not computed."""
        sizes = self.dataset.sizes.get(SEED, 1)
        return max(0, min(self.seed, sizes - 1))

    def frame_index(self) -> int:
        """The entry of the moving dimension that is looked at."""
        moving = self["frame"]
        last = self.dataset.sizes[moving] - 1
        if self.frame is not None:
            return max(0, min(self.frame, last))
        known = np.zeros(last + 1, bool)
        for name in self._shown():
            column = self.dataset[name]
            if moving not in column.dims:
                continue
            if SEED in column.dims:
                column = column.isel({SEED: self.seed_index()})
            others = [dim for dim in column.dims if dim != moving]
            known |= np.asarray(column.notnull().any(others).values)
        found = np.flatnonzero(known)
        return int(found[-1]) if len(found) else 0

    def _shown(self) -> list[str]:
        """The variables that the declaration names."""
        values = [one for value in self.picture.values() for one in np.ravel(value).tolist()]
        return [one for one in values if isinstance(one, str) and one in self.dataset.data_vars]

    def groups(self, *names: str) -> Iterator[tuple[int, str, dict[str, int]]]:
        """(number, label, index) of each entry of `by` that the variables have; once without."""
        by = self["by"]
        if not by or not any(by in self.dataset[name].dims for name in names):
            yield 0, "", {}
            return
        labels = self.dataset[by].values
        named = f"{by.replace('_', ' ')} " if labels.dtype.kind in "iuf" else ""
        for number, label in enumerate(labels):
            yield number, named + word(label), {by: number}


QUARTILES = (0.25, 0.5, 0.75)


def quartiles(column: xr.DataArray) -> tuple[Array, Array, Array]:
    """The lower quartile, the median and the upper quartile over seeds; NaN without any."""
    values = np.asarray(column.values, float)
    if SEED not in column.dims:
        return values, values, values
    seeds = np.moveaxis(values, column.dims.index(SEED), 0)
    columns = seeds.reshape(len(seeds), -1)
    found = np.full((3, columns.shape[1]), np.nan)
    known = ~np.isnan(columns) & np.isfinite(columns).any(0)
    # Column by column, as `nanquantile` goes, takes a hundred times longer.
    for those in np.unique(known, axis=1).T:
        same = (known == those[:, None]).all(0)
        if those.any():
            with np.errstate(invalid="ignore"):
                found[:, same] = np.quantile(columns[np.ix_(those, same)], QUARTILES, axis=0)
    low, middle, high = found.reshape(3, *seeds.shape[1:])
    return low, middle, high


def color(number: int) -> str:
    """The colour of the n-th group."""
    return theme.CLASSES[number % len(theme.CLASSES)]


def word(value: Any) -> str:
    """A coordinate in words."""
    if isinstance(value, str | np.str_):
        return str(value)
    return f"{float(value):g}"


def edges(centres: Array, scale: str = "linear") -> Array:
    """The edges of cells around centres (N,), halfway between them in the scale: (N+1,)."""
    values = np.log(centres) if scale == "log" else np.asarray(centres, float)
    if len(values) == 1:
        half = 0.5 * (abs(values[0]) or 1.0)
        found = np.array([values[0] - half, values[0] + half])
    else:
        middle = (values[1:] + values[:-1]) / 2
        found = np.concatenate([[2 * values[0] - middle[0]], middle, [2 * values[-1] - middle[-1]]])
    return np.exp(found) if scale == "log" else found


def bins(values: Array, count: int) -> Array:
    """The edges of bins over values (N,), (count + 1,).

    They have some width if all values are equal but for rounding errors.
    """
    low, high = float(values.min()), float(values.max())
    least = NARROWEST * max(abs(low), abs(high))
    ends = (low - least, high + least) if 0 < high - low < least else None
    return np.histogram_bin_edges(values, count, ends)
