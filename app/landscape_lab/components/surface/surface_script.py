"""The JavaScript of the surface, without Panel: a page shows it alone, too."""

from pathlib import Path

PARTS = (
    "../scheme_colors.js",
    "../signals.js",
    "surface_scale.js",
    "surface_light.js",
    "surface_shaders.js",
    "surface_shape.js",
    "surface_camera.js",
    "surface_look.js",
    "surface_painter.js",
    "surface_labels.js",
    "surface_key.js",
    "surface_motion.js",
    "surface_ball.js",
    "surface.js",
)
"""Joined to one module, as a Panel component has a single source."""

SCRIPT = "\n".join((Path(__file__).parent / part).read_text("utf-8") for part in PARTS)
