"""The base classes of detectors, which look at slices for one reason why a picture may mislead.

A detector reads values and attributes of slices alone; what these do not hold it does not guess. It
looks at computed points only, so interpolated or missing ones cause no finding, and where these
could change a finding, it waits until the slice is finished.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, final

import numpy as np
import numpy.typing as npt
import xarray as xr
from torch import nn

from landscape_core.analysis.slice_error import loss_of, relative_rounding
from landscape_core.foundation.recipes import Recipe, name_of
from landscape_core.storage import schema
from landscape_core.storage.slice_paths import paths_on

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

Level = Literal["warning", "note"]
"""`warning`: the picture misleads, or shows nothing; `note`: a reader should know it."""

STILL = 0.1
"""The displacement, in multiples of the norm of the parameters, from which a loss should change."""


@dataclass(frozen=True)
class Finding:
    """One thing seen in slices, and what helps.

    `name` is that of the detector; `where` names the slice, if there are several, and the part of
    the data, if the slice has more than one.
    """

    name: str
    level: Level
    sentence: str
    remedy: str
    figures: Mapping[str, float] = field(default_factory=dict)
    where: str = ""

    def __str__(self) -> str:
        """The finding in one line."""
        where = f" ({self.where})" if self.where else ""
        return f"{self.level}: {self.name}{where}: {self.sentence} Remedy: {self.remedy}"


@dataclass(frozen=True, eq=False)
class Seen:
    """A slice with one part of its data, as detectors look at it; `model` is its network or None.

    Arrays are (beta, alpha) or (alpha,).
    """

    slice_: xr.Dataset
    split: str
    name: str = ""
    model: nn.Module | None = None

    @cached_property
    def loss(self) -> Floats:
        """The loss at all points, interpolated ones included."""
        return loss_of(self.slice_, self.split)

    @cached_property
    def finite(self) -> Mask:
        """The computed points whose loss is finite."""
        return self.computed & np.isfinite(self.loss)

    @property
    def computed(self) -> Mask:
        """The computed points."""
        mask: Mask = self.slice_[schema.COMPUTED].values
        return mask

    @property
    def finished(self) -> bool:
        """Whether no point is to be computed any more: all are, or all that a tolerance needs."""
        return bool(self.computed.all()) or "checked_points" in self.slice_.attrs

    @property
    def values(self) -> Floats:
        """The finite losses of computed points, (K,)."""
        return self.loss[self.finite]

    @cached_property
    def rounding(self) -> float:
        """The arithmetic error of the largest loss, in units of the loss."""
        return relative_rounding(self.slice_) * float(np.abs(self.values).max(initial=0.0))

    @property
    def extent(self) -> float:
        """The range of the finite losses of computed points; 0 without any."""
        return float(np.ptp(self.values)) if self.values.size else 0.0

    @property
    def moves(self) -> bool:
        """Whether the range of the loss is larger than its rounding."""
        return self.extent > self.rounding

    @cached_property
    def sides(self) -> tuple[str, ...]:
        """The dimensions of the grid: ("beta", "alpha"), of a line ("alpha",)."""
        return tuple(str(dim) for dim in self.slice_[schema.COMPUTED].dims)

    def grids(self) -> tuple[Floats, ...]:
        """The coordinate along each of `sides` at all points."""
        axes = [self.slice_[side].values.astype(np.float64) for side in self.sides]
        return tuple(np.meshgrid(*axes, indexing="ij"))

    def centre(self) -> tuple[int, ...] | None:
        """The index of the grid point next to coordinates 0; None where these are off the grid."""
        axes = [self.slice_[side].values for side in self.sides]
        if not all(axis.min() <= 0 <= axis.max() for axis in axes):
            return None
        return tuple(int(np.abs(axis).argmin()) for axis in axes)

    def plane(self) -> tuple[Floats, Floats] | None:
        """Origin (P,) and axes (D, P) of the plane, as far as it moves; None if not in the data."""
        if not {"plane_origin", "plane_axes"} <= set(self.slice_.coords):
            return None
        origin, axes = (self.slice_[f"plane_{one}"].values for one in ("origin", "axes"))
        moving = axes.any(axis=0)
        return origin[moving].astype(np.float64), axes[:, moving].astype(np.float64)

    @cached_property
    def paths(self) -> tuple[tuple[str, xr.Dataset], ...]:
        """The path of each run on all of `sides`, and its name, which is empty if it is alone."""
        names = {f"path_{side}" for side in self.sides}
        return tuple((run, one) for run, one in paths_on(self.slice_) if names <= set(one))

    def path(self) -> Floats:
        """The projections of all runs' iterates, by `sides`, (T, D); (0, D) without a path."""
        found = [self.coords(path) for _, path in self.paths]
        return np.concatenate([np.zeros((0, len(self.sides))), *found])

    def coords(self, path: xr.Dataset) -> Floats:
        """The projections of one path, by `sides`, (T, D)."""
        columns = [path[f"path_{side}"].values for side in self.sides]
        return np.stack(columns, axis=1).astype(np.float64)

    def displacement(self) -> float | None:
        """How far the picture reaches along an axis, in multiples of the norm of the parameters.

        The larger of both axes, from coordinates 0, of the parameters that move. Normalized random
        directions have the norm of the weights; of others it is None if the dataset does not hold
        its plane, or all parameters are 0.
        """
        plane = self.plane()
        reach = np.array([np.abs(self.slice_[side].values).max() for side in self.sides[::-1]])
        if plane is None or len(plane[1]) != len(reach):
            normalized = self.directions.get("normalization") in ("filter", "layer", "weight")
            own = self.directions.get("length") == "own"
            return float(reach.max()) if normalized and own else None
        moved = np.max(reach * np.linalg.norm(plane[1], axis=1))
        norm = float(np.linalg.norm(plane[0]))
        return float(moved) / norm if norm else None

    @cached_property
    def directions(self) -> Mapping[str, Any]:
        """The recipe of the directions; empty where the attributes hold none."""
        own = recipe(self.slice_.attrs, "directions")
        given = own or recipe(self.slice_.attrs, "slice").get("directions", {})
        return given if isinstance(given, dict) else {}


@dataclass(frozen=True, kw_only=True)
class Detector(Recipe, ABC):
    """Looks for one reason why a picture may mislead; `formula` is the criterion."""

    noun: ClassVar[str] = "finding"
    formula: ClassVar[str] = ""
    level: ClassVar[Level] = "warning"
    remedy: ClassVar[str] = ""

    @abstractmethod
    def detect(self, slices: Sequence[Sequence[Seen]]) -> Iterator[Finding]:
        """Yield what is found in slices, each given once for each part of its data."""

    @final
    def finding(self, sentence: str, where: str = "", /, **figures: float | None) -> Finding:
        """A finding with name, level and remedy of this detector; figures of None are left out."""
        name = name_of(type(self))
        told = {key: float(one) for key, one in figures.items() if one is not None}
        return Finding(name, self.level, sentence, self.remedy, told, where)


@dataclass(frozen=True, kw_only=True)
class OfSlice(Detector):
    """A detector that looks at each slice by itself.

    `waits` says whether points still to be computed could change what is found.
    """

    waits: ClassVar[bool] = False

    @abstractmethod
    def in_slice(self, seen: Seen) -> Finding | None:
        """What is found in one part of the data of a slice, or None."""

    def detect(self, slices: Sequence[Sequence[Seen]]) -> Iterator[Finding]:
        """Yield at most one finding of each slice: of the first part of its data that has it."""
        for parts in slices:
            for seen in parts if parts[0].finished or not self.waits else ():
                found = self.in_slice(seen)
                if found is not None:
                    part = f"{seen.split} data" if len(parts) > 1 else ""
                    yield replace(found, where=", ".join(filter(None, (seen.name, part))))
                    break


def recipe(attrs: Mapping[Any, Any], name: str) -> dict[str, Any]:
    """The recipe that an attribute holds as JSON; empty if it holds none."""
    text = attrs.get(name)
    try:
        plain = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}
    return plain if isinstance(plain, dict) else {}


def share(fraction: float) -> str:
    """A fraction in words: `0.31 %`, `12 %`."""
    return f"{100 * fraction:.0f} %" if fraction >= 0.1 else f"{100 * fraction:.2g} %"
