"""What a kind of picture provides: where it is drawn, what the caller chose, and the base class.

A kind is one file of this package with one concrete class of `Drawing`: it is found by being there,
its name is that of its module, and `ll.plot`, `landscape plot`, exports and documentation offer it.
Such a file provides

- `rank`: of several kinds that draw a dataset, `ll.plot` takes the one with the lowest;
- `needs`: which datasets it draws, in words, for the message of an error;
- `draws(dataset)`: whether it draws this one;
- `variables(dataset)`: which of its variables can be asked for; the first is drawn by default;
- `size(dataset)`: inches of a figure of its own, without the caption;
- `draw(place, dataset, options)`: the picture. `place.axes()` is the one Axes to draw on,
  `place.panels(rows, columns)` are several; `options` hold a variable and a split that the dataset
  has. It returns the main Axes.

Matplotlib is imported inside functions, so that looking for kinds takes milliseconds.
"""

import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.camera import HOME, Camera
from landscape_lab.figures.reduced import reduced_limits

SCALE = "linear"
"""The scale of heights where nobody says: of `ll.plot`, of the command line and of pages."""

SCALES = ("linear", "log")

Drawable = xr.Dataset | Mapping[str, xr.Dataset]
"""A result of the engine, or several by name to be compared."""


D = TypeVar("D", xr.Dataset, Mapping[str, xr.Dataset])


@dataclass(frozen=True)
class PlotOptions:
    """What the caller of a picture chose; checked.

    `variable` and `split` are those of the dataset that are shown, empty where it has none.
    `limits` are values of the first and the last colour, or of the ends of the vertical axis.
    `colormap` is one of Matplotlib; None: that of the app. `camera` is that of a surface.
    """

    variable: str = "loss"
    split: str = ""
    path: bool = True
    scale: str = SCALE
    limits: tuple[float, float] | None = None
    colormap: Any = None
    camera: Camera = HOME

    def colors(self) -> Any:
        """The colours from low to high as a colormap of Matplotlib."""
        from matplotlib.colors import ListedColormap  # takes half a second to import

        return self.colormap or ListedColormap(theme.LANDSCAPE)

    def reduced(self, slice_: xr.Dataset) -> "PlotOptions":
        """The options with the limits of a slice as it is drawn, whose values may be divided."""
        limits = reduced_limits(slice_, self.variable or "loss", self.limits)
        return self if limits == self.limits else replace(self, limits=limits)


class Place:
    """Where a picture is drawn: on an Axes of the caller, or all over a figure."""

    def __init__(self, figure: Any, axes: Any = None) -> None:
        """Args: the figure, and the one of its Axes that is to be filled; None: the whole."""
        self.figure = figure
        self._axes = axes

    @property
    def is_whole(self) -> bool:
        """Whether the picture has the figure for itself."""
        return self._axes is None

    def axes(self, *, deep: bool = False) -> Any:
        """The Axes to draw on; of three dimensions, if it is `deep`.

        Raises:
            SpecError: the Axes of the caller has another number of dimensions.
        """
        if self._axes is None:
            return self.figure.add_subplot(projection="3d" if deep else None)
        flat = "top" in self._axes.spines  # those of polar coordinates have other ones
        if deep != (self._axes.name == "3d") or not (deep or flat):
            accepted = "one made with projection='3d'" if deep else "one of two dimensions, x and y"
            raise spec_error("ax", f"an Axes with projection {self._axes.name!r}", accepted)
        return self._axes

    def panels(
        self, rows: int, columns: int, *, deep: bool = False, **ratios: Any
    ) -> npt.NDArray[Any]:
        """Several Axes (rows, columns), which take the place of that of the caller.

        Args:
            rows: of panels.
            columns: of panels.
            deep: whether they have three dimensions.
            ratios: `height_ratios` or `width_ratios`.

        Raises:
            SpecError: the Axes of the caller is no part of a grid, hence cannot be divided.
        """
        look: dict[str, Any] = {"squeeze": False}
        look |= {"subplot_kw": {"projection": "3d"}} if deep else {}
        if self._axes is None:
            return np.asarray(self.figure.subplots(rows, columns, gridspec_kw=ratios, **look))
        spec = self.axes().get_subplotspec()
        if spec is None:
            accepted = "one made by subplots, since this picture has several panels"
            raise spec_error("ax", "an Axes outside of a grid", accepted)
        self._axes.set_axis_off()
        return np.asarray(spec.subgridspec(rows, columns, **ratios).subplots(**look))


class Drawing(ABC, Generic[D]):
    """A kind of picture; the module documentation says what each part is for."""

    rank: ClassVar[int]
    needs: ClassVar[str]

    @abstractmethod
    def draws(self, dataset: object) -> bool:
        """Whether this kind draws a dataset."""

    @abstractmethod
    def variables(self, dataset: D) -> list[str]:
        """The variables that can be asked for, the usual one first; empty: nothing to choose."""

    @abstractmethod
    def size(self, dataset: D) -> tuple[float, float]:
        """Width and height of a figure of its own, in inches."""

    @abstractmethod
    def draw(self, place: Place, dataset: D, options: PlotOptions) -> Any:
        """Draw it, and return the main Axes."""


@cache
def kinds() -> dict[str, Drawing[Any]]:
    """All kinds of pictures by name, in the order in which they are asked whether they draw."""
    package = __name__.rpartition(".")[0]
    path = importlib.import_module(package).__path__
    modules = [
        importlib.import_module(f"{package}.{one.name}") for one in pkgutil.iter_modules(path)
    ]
    found = {
        module.__name__.rpartition(".")[2]: kind()
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if kind.__module__ == module.__name__ and issubclass(kind, Drawing) and kind is not Drawing
    }
    return dict(sorted(found.items(), key=lambda pair: (pair[1].rank, pair[0])))


def spec_error(field: str, value: object, accepted: str) -> Exception:
    """The error of a value that is not accepted."""
    from landscape_core.foundation.errors import SpecError  # no drawing on a page needs the engine

    return SpecError(field, value, accepted)
