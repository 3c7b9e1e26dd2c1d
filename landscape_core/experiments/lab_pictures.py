"""Pictures of a lab as declarations: which variables are drawn as which kind.

A lab draws nothing. It declares pictures of variables of its dataset; the declarations travel as
plain values in the dataset's attributes, and the code that draws (the app in Bokeh, `ll.plot` in
Matplotlib) knows each kind once. A variable may have the dimension `seed`: lines then show the
median over seeds with a band of their quartiles, other kinds the seed that is looked at. If
`frame` names a dimension, the picture moves along it, and shows its last computed entry by default.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import xarray as xr

from landscape_core.foundation.errors import FileFormatError

PICTURES = "pictures"
"""The attribute that holds the declarations of a dataset as JSON."""

SEED = "seed"

Scale = Literal["linear", "log", "symlog"]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What every kind of picture has: the words of its axes, their scales, a moving dimension."""

    kind: ClassVar[str]

    title: str
    x_label: str = ""
    y_label: str = ""
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    frame: str = ""
    """The dimension along which the picture moves; empty: it does not."""

    def variables(self) -> tuple[str, ...]:
        """The names of the variables that it shows."""
        raise NotImplementedError

    def plain(self) -> dict[str, Any]:
        """The declaration as plain values."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class Guide:
    """A line to compare with: a slope in the scales of the axes, a level, or a variable (x)."""

    label: str
    level: float | None = None
    """The height of a horizontal line."""
    at: float | None = None
    """The place of a vertical line."""
    slope: float | None = None
    """The power of x on logarithmic axes, or the slope; from the first point of the first line."""
    variable: str = ""
    """A variable over the same x."""


@dataclass(frozen=True, kw_only=True)
class Curves(Picture):
    """Variables over a coordinate, one line for each and for each entry of `by`."""

    kind: ClassVar[str] = "curves"

    x: str
    y: tuple[str, ...]
    by: str = ""
    """A dimension whose entries are lines of their own, named by its coordinate."""
    shaded: str = ""
    """A variable over x: where it is true (not 0), the ground is shaded."""
    shaded_label: str = ""
    markers: bool = False
    guides: tuple[Guide, ...] = ()

    def variables(self) -> tuple[str, ...]:
        """The lines, and what is compared with them."""
        more = [self.shaded, *(guide.variable for guide in self.guides)]
        return (*self.y, *filter(None, more))


@dataclass(frozen=True, kw_only=True)
class HeatMap(Picture):
    """Values over two coordinates; cells that are not computed yet stay empty."""

    kind: ClassVar[str] = "heat_map"

    x: str
    y: str
    value: str
    value_label: str = ""
    value_scale: Scale = "linear"
    guides: tuple[Guide, ...] = ()

    def variables(self) -> tuple[str, ...]:
        """The values, and what is compared with them."""
        return (self.value, *filter(None, (guide.variable for guide in self.guides)))


@dataclass(frozen=True, kw_only=True)
class Bars(Picture):
    """A bar for each entry of a dimension, with the value of theory as a tick."""

    kind: ClassVar[str] = "bars"

    x: str
    value: str
    by: str = ""
    """A second dimension: groups of bars."""
    theory: str = ""
    guides: tuple[Guide, ...] = ()

    def variables(self) -> tuple[str, ...]:
        """The bars and their ticks."""
        return tuple(filter(None, (self.value, self.theory)))


@dataclass(frozen=True, kw_only=True)
class Histogram(Picture):
    """How often values occur, along a dimension `sample`; a density can lie over it."""

    kind: ClassVar[str] = "histogram"

    value: str
    sample: str
    by: str = ""
    bins: int = 40
    density: str = ""
    """A variable over the coordinate `density_x`: the density of theory."""
    density_x: str = ""
    density_label: str = ""

    def variables(self) -> tuple[str, ...]:
        """The values and the density."""
        return tuple(filter(None, (self.value, self.density)))


@dataclass(frozen=True, kw_only=True)
class Ridge(Picture):
    """One curve above the other, for each entry of `by`."""

    kind: ClassVar[str] = "ridge"

    x: str
    value: str
    by: str

    def variables(self) -> tuple[str, ...]:
        """The curves."""
        return (self.value,)


@dataclass(frozen=True, kw_only=True)
class Violin(Picture):
    """The distribution of values along `sample`, for each entry of x."""

    kind: ClassVar[str] = "violin"

    x: str
    value: str
    sample: str
    by: str = ""

    def variables(self) -> tuple[str, ...]:
        """The values."""
        return (self.value,)


@dataclass(frozen=True, kw_only=True)
class Arrows(Picture):
    """Arrows or dots in a plane: neurons, kinks, balls; from the origin or from `x0`, `y0`."""

    kind: ClassVar[str] = "arrows"

    x: str
    y: str
    x0: str = ""
    y0: str = ""
    color: str = ""
    """A variable whose sign or value colours them."""
    size: str = ""
    dots: bool = False
    """Dots instead of arrows from the origin."""
    contour: str = ""
    """A variable over the coordinates `contour_x` and `contour_y`, drawn as lines below."""
    contour_x: str = ""
    contour_y: str = ""
    equal: bool = True
    """Whether both axes have the same unit."""

    def variables(self) -> tuple[str, ...]:
        """Ends, starts, colours, sizes and the ground."""
        return tuple(
            filter(None, (self.x, self.y, self.x0, self.y0, self.color, self.size, self.contour))
        )


@dataclass(frozen=True, kw_only=True)
class Paths(Picture):
    """Paths in a plane over a field of arrows or the contour lines of a function."""

    kind: ClassVar[str] = "paths"

    x: str
    y: str
    along: str
    """The dimension along a path."""
    by: str = ""
    field_x: str = ""
    """Variables over the coordinates `ground_x` and `ground_y`: the field."""
    field_y: str = ""
    contour: str = ""
    ground_x: str = ""
    ground_y: str = ""
    equal: bool = False

    def variables(self) -> tuple[str, ...]:
        """The paths and the ground."""
        return tuple(filter(None, (self.x, self.y, self.field_x, self.field_y, self.contour)))


@dataclass(frozen=True, kw_only=True)
class Graph(Picture):
    """Nodes and edges of a graph; the size of a node is a variable."""

    kind: ClassVar[str] = "graph"

    x: str
    y: str
    node: str
    size: str = ""
    color: str = ""
    source: str = ""
    target: str = ""

    def variables(self) -> tuple[str, ...]:
        """Places, sizes, colours and edges."""
        return tuple(
            filter(None, (self.x, self.y, self.size, self.color, self.source, self.target))
        )


@dataclass(frozen=True, kw_only=True)
class Strip(Picture):
    """Rows of coloured pieces over time: what each worker does, or which value is in force."""

    kind: ClassVar[str] = "strip"

    x: str
    value: str
    by: str
    value_label: str = ""

    def variables(self) -> tuple[str, ...]:
        """The pieces."""
        return (self.value,)


@dataclass(frozen=True, kw_only=True)
class Landscape(Picture):
    """The loss on a plane, with paths over it."""

    kind: ClassVar[str] = "landscape"

    value: str
    x: str = "alpha"
    y: str = "beta"
    by: str = ""
    """A dimension whose entries are pictures of their own, side by side, on one scale."""
    value_label: str = "loss"
    value_scale: Scale = "log"
    path_x: str = ""
    path_y: str = ""
    along: str = ""

    def variables(self) -> tuple[str, ...]:
        """The losses and the paths."""
        return tuple(filter(None, (self.value, self.path_x, self.path_y)))


@dataclass(frozen=True, kw_only=True)
class Matrix(Picture):
    """A matrix by its entries; blocks that are kept stand out."""

    kind: ClassVar[str] = "matrix"

    value: str
    row: str
    column: str
    by: str = ""
    kept: str = ""
    value_label: str = ""
    value_scale: Scale = "log"

    def variables(self) -> tuple[str, ...]:
        """The entries, and which are kept."""
        return tuple(filter(None, (self.value, self.kept)))


@dataclass(frozen=True, kw_only=True)
class Function(Picture):
    """A function of one input: lines over it, with the examples as dots."""

    kind: ClassVar[str] = "function"

    x: str
    y: tuple[str, ...]
    by: str = ""
    points_x: str = ""
    points_y: str = ""
    ticks: str = ""
    """A variable with places on the x axis, for instance kinks."""

    def variables(self) -> tuple[str, ...]:
        """Lines, dots and ticks."""
        return (*self.y, *filter(None, (self.points_x, self.points_y, self.ticks)))


KINDS: Mapping[str, type[Picture]] = {
    kind.kind: kind
    for kind in (
        *(Curves, HeatMap, Bars, Histogram, Ridge, Violin, Arrows, Paths),
        *(Graph, Strip, Landscape, Matrix, Function),
    )
}
"""All kinds of pictures by name."""


def attribute(pictures: Iterable[Picture]) -> dict[str, str]:
    """The attribute by which a dataset carries its pictures."""
    return {PICTURES: json.dumps([picture.plain() for picture in pictures])}


def check(dataset: xr.Dataset, pictures: Iterable[Picture]) -> None:
    """Refuse declarations that the dataset cannot fill.

    Raises:
        FileFormatError: a variable, coordinate or dimension is missing, or values are no numbers.
    """
    for picture in pictures:
        for name in picture.variables():
            if name not in dataset.variables:
                raise FileFormatError(f"{picture.title!r} shows {name!r}, which is not computed.")
            if not np.issubdtype(dataset[name].dtype, np.number) and dataset[name].dtype != bool:
                raise FileFormatError(f"{picture.title!r} shows {name!r}, which is no number.")
        for role in ("frame", "by", "sample", "along", "node", "row", "column"):
            name = getattr(picture, role, "")
            if name and name not in dataset.dims:
                raise FileFormatError(f"{picture.title!r} goes along {name!r}, no dimension here.")
