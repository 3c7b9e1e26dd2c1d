"""The JavaScript of the surface, without Panel: a page shows it alone, too."""

from pathlib import Path

PARTS = (
    "surface_shaders.js",
    "surface_shape.js",
    "surface_painter.js",
    "surface_key.js",
    "surface.js",
)
"""Joined to one module, as a Panel component has a single source."""

SCRIPT = "\n".join(Path(__file__).with_name(part).read_text("utf-8") for part in PARTS)
