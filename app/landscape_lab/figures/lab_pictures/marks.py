"""Marks: what a picture consists of. Plain arrays and words, no drawing library."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Line:
    """A line through points (N,); NaN breaks it."""

    x: Array
    y: Array
    color: str
    label: str = ""
    width: float = 1.8
    dashed: bool = False
    dots: bool = False
    opacity: float = 1.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Band:
    """The ground between two lines over the same x (N,)."""

    x: Array
    low: Array
    high: Array
    color: str
    opacity: float = 0.18


@dataclass(frozen=True, eq=False, kw_only=True)
class Dots:
    """Points (N,) with diameters in points and colours; values through a colour map if given."""

    x: Array
    y: Array
    color: str | list[str]
    size: Array | float = 6.0
    label: str = ""
    opacity: float = 0.85


@dataclass(frozen=True, eq=False, kw_only=True)
class Arrows:
    """Arrows (N,) from one point to another."""

    x0: Array
    y0: Array
    x1: Array
    y1: Array
    color: str | list[str]
    label: str = ""
    opacity: float = 0.8
    heads: bool = True


@dataclass(frozen=True, eq=False, kw_only=True)
class Bars:
    """Bars (N,) of one width at places on x, from the base up."""

    x: Array
    height: Array
    width: float
    color: str
    label: str = ""
    low: Array | None = None
    """Ends of an error bar, with `high`."""
    high: Array | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Ticks:
    """Short horizontal strokes (N,): values to compare bars with."""

    x: Array
    y: Array
    width: float
    color: str
    label: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Cells:
    """Coloured cells between edges (M+1,) and (N+1,), values (N, M); NaN stays empty."""

    x: Array
    y: Array
    values: Array
    label: str = ""
    scale: str = "linear"
    limits: tuple[float, float] | None = None
    colors: tuple[str, ...] = ()
    """From low to high; empty: those of the landscape."""
    kept: Array | None = None
    """Where the cells stand out (N, M); the others are pale."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Contours:
    """Lines of equal value over points x (M,), y (N,); values (N, M), at these levels."""

    x: Array
    y: Array
    values: Array
    levels: Array
    color: str = ""
    """Empty: the colours of the landscape."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Area:
    """A filled outline (N,)."""

    x: Array
    y: Array
    color: str
    label: str = ""
    opacity: float = 0.6


@dataclass(frozen=True, eq=False, kw_only=True)
class Span:
    """Shaded ground between two places on x, over the whole height."""

    start: float
    end: float
    color: str
    label: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Rule:
    """A straight line over the whole picture: at a height, or at a place on x."""

    color: str
    label: str = ""
    y: float | None = None
    x: float | None = None


Mark = Line | Band | Dots | Arrows | Bars | Ticks | Cells | Contours | Area | Span | Rule


@dataclass(frozen=True, eq=False, kw_only=True)
class Panel:
    """One set of axes with marks, drawn in their order."""

    title: str
    marks: list[Mark]
    x_label: str = ""
    y_label: str = ""
    x_scale: str = "linear"
    y_scale: str = "linear"
    equal: bool = False
    x_ticks: dict[float, str] = field(default_factory=dict)
    """Names at places on x, in place of numbers; likewise for y."""
    y_ticks: dict[float, str] = field(default_factory=dict)
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
