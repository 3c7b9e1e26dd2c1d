"""The JavaScript of the surface and the colours it is given, without Panel: a page shows it alone, too."""

from pathlib import Path
from typing import Any

from landscape_lab.figures import theme
from landscape_lab.figures.camera import HOME

PARTS = (
    "surface_shaders.js",
    "surface_shape.js",
    "surface_painter.js",
    "surface_key.js",
    "surface.js",
)
"""Joined to one module, as a Panel component has a single source."""

SCRIPT = "\n".join(Path(__file__).with_name(part).read_text("utf-8") for part in PARTS)


def color_maps() -> dict[str, list[Any]]:
    """The colour maps of heights and of times, and the usual camera."""
    colors = list(theme.LANDSCAPE[::5])
    return {"colors": colors, "times": theme.ramp(theme.TIME, len(colors)), "home": list(HOME)}
