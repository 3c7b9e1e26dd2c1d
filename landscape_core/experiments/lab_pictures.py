"""Pictures of a lab as declarations: which variables are drawn as which kind.

A lab draws nothing. It declares pictures of variables of its dataset; the declarations travel as
plain values in the dataset's attributes, and the code that draws (the app in Bokeh, `ll.plot` in
Matplotlib) knows each kind once. A variable may have the dimension `seed`: lines then show the
median over seeds with a band of their quartiles, other kinds the seed that is looked at. If
`frame` names a dimension, the picture moves along it, and shows its last computed entry by default.
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

Scale = Literal["linear", "log", "symlog"]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What every kind of picture has: the words of its axes, their scales, a moving dimension."""

    kind: ClassVar[str]
    shown: ClassVar[tuple[str, ...]]
    """The fields that name variables whose values are drawn."""

    title: str
    x_label: str = ""
    y_label: str = ""
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    frame: str = ""
    """The dimension along which the picture moves; empty: it does not."""

    def variables(self) -> tuple[str, ...]:
        """The names of the variables that it shows, and of those that guides show."""
        named = [getattr(self, role) for role in self.shown]
        guides = tuple(guide.variable for guide in getattr(self, "guides", ()))
        every = [one if isinstance(one, tuple) else (one,) for one in (*named, guides)]
        return tuple(name for names in every for name in names if name)

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
    shown: ClassVar[tuple[str, ...]] = ("y", "shaded")

    x: str
    y: tuple[str, ...]
    by: str = ""
    """A dimension whose entries are lines of their own, named by its coordinate."""
    shaded: str = ""
    """A variable over x: where it is true (not 0), the ground is shaded."""
    shaded_label: str = ""
    markers: bool = False
    dashed: tuple[str, ...] = ()
    """Entries of `by` whose lines are dashed, so that a line below them is seen."""
    guides: tuple[Guide, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HeatMap(Picture):
    """Values over two coordinates; cells that are not computed yet stay empty.

    A dot marks the place of two variables of one number each, the median over seeds.
    """

    kind: ClassVar[str] = "heat_map"
    shown: ClassVar[tuple[str, ...]] = ("value", "spot_x", "spot_y")

    x: str
    y: str
    value: str
    value_label: str = ""
    value_scale: Scale = "linear"
    guides: tuple[Guide, ...] = ()
    spot_x: str = ""
    spot_y: str = ""
    spot_label: str = ""


@dataclass(frozen=True, kw_only=True)
class Bars(Picture):
    """A bar for each entry of a dimension, with the value of theory as a tick."""

    kind: ClassVar[str] = "bars"
    shown: ClassVar[tuple[str, ...]] = ("value", "theory")

    x: str
    value: str
    by: str = ""
    """A second dimension: groups of bars."""
    theory: str = ""
    guides: tuple[Guide, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Histogram(Picture):
    """How often values occur, along a dimension `sample`; a density can lie over it."""

    kind: ClassVar[str] = "histogram"
    shown: ClassVar[tuple[str, ...]] = ("value", "density")

    value: str
    sample: str
    by: str = ""
    bins: int = 40
    density: str = ""
    """A variable over the coordinate `density_x`: the density of theory."""
    density_x: str = ""
    density_label: str = ""


@dataclass(frozen=True, kw_only=True)
class Ridge(Picture):
    """One curve above the other, for each entry of `by`."""

    kind: ClassVar[str] = "ridge"
    shown: ClassVar[tuple[str, ...]] = ("value",)

    x: str
    value: str
    by: str


@dataclass(frozen=True, kw_only=True)
class Violin(Picture):
    """The distribution of values along `sample`, for each entry of x."""

    kind: ClassVar[str] = "violin"
    shown: ClassVar[tuple[str, ...]] = ("value",)

    x: str
    value: str
    sample: str
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class Arrows(Picture):
    """Arrows or dots in a plane: neurons, kinks, balls; from the origin or from `x0`, `y0`."""

    kind: ClassVar[str] = "arrows"
    shown: ClassVar[tuple[str, ...]] = ("x", "y", "x0", "y0", "color", "size", "contour")

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


@dataclass(frozen=True, kw_only=True)
class Paths(Picture):
    """Paths in a plane over a field of arrows or the contour lines of a function."""

    kind: ClassVar[str] = "paths"
    shown: ClassVar[tuple[str, ...]] = ("x", "y", "field_x", "field_y", "contour")

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


@dataclass(frozen=True, kw_only=True)
class Graph(Picture):
    """Nodes and edges of a graph; the size of a node is a variable."""

    kind: ClassVar[str] = "graph"
    shown: ClassVar[tuple[str, ...]] = ("x", "y", "size", "color", "source", "target")

    x: str
    y: str
    node: str
    size: str = ""
    color: str = ""
    source: str = ""
    target: str = ""


@dataclass(frozen=True, kw_only=True)
class Strip(Picture):
    """Rows of coloured pieces over time: what each worker does, or which value is in force."""

    kind: ClassVar[str] = "strip"
    shown: ClassVar[tuple[str, ...]] = ("value",)

    x: str
    value: str
    by: str
    value_label: str = ""


@dataclass(frozen=True, kw_only=True)
class Landscape(Picture):
    """The loss on a plane, with paths over it."""

    kind: ClassVar[str] = "landscape"
    shown: ClassVar[tuple[str, ...]] = ("value", "path_x", "path_y")

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


@dataclass(frozen=True, kw_only=True)
class Matrix(Picture):
    """A matrix by its entries; blocks that are kept stand out."""

    kind: ClassVar[str] = "matrix"
    shown: ClassVar[tuple[str, ...]] = ("value", "kept")

    value: str
    row: str
    column: str
    by: str = ""
    kept: str = ""
    value_label: str = ""
    value_scale: Scale = "log"


@dataclass(frozen=True, kw_only=True)
class Function(Picture):
    """A function of one input: lines over it, with the examples as dots."""

    kind: ClassVar[str] = "function"
    shown: ClassVar[tuple[str, ...]] = ("y", "points_x", "points_y", "ticks")

    x: str
    y: tuple[str, ...]
    by: str = ""
    points_x: str = ""
    points_y: str = ""
    ticks: str = ""
    """A variable with places on the x axis, for instance kinks."""
