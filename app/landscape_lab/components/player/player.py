"""The player of recorded runs as text: a module for pages of a server, a script for any page.

It needs no server and no other file: the modules of this folder, those of the surface, and the
colour maps are joined to one.
"""

import json
import re
from pathlib import Path
from typing import Any

from landscape_lab.components.surface import surface_script
from landscape_lab.figures import theme
from landscape_lab.figures.camera import HOME as CAMERA

PARTS = (
    "player_frames.js",
    "player_contours.js",
    "player_plane.js",
    "player_space.js",
    "player_curve.js",
    "player.js",
)
"""Joined to one module, in this order."""

HERE = Path(__file__).parent

CSS = (HERE / "player.css").read_text("utf-8")
"""Its style sheet; every rule is of the class `landscape-player`."""


def _maps() -> dict[str, list[Any]]:
    """The colour maps of heights and of times, and the usual camera, as those of the surface."""
    colors = list(theme.LANDSCAPE[::5])
    times = theme.ramp(theme.TIME, len(colors))
    return {"colors": colors, "times": times, "home": list(CAMERA)}


def _module() -> str:
    inner = surface_script.SCRIPT.replace("export function render", "function render")
    parts = (HERE.joinpath(part).read_text("utf-8") for part in PARTS)
    return "\n".join(
        (
            f"const MAPS = {json.dumps(_maps())};",
            # The names of the surface are its own.
            f"const SURFACE = (() => {{\n{inner}\nreturn {{render, HEADER}};\n}})();",
            *parts,
        )
    )


MODULE = _module()
"""JavaScript module with `createPlayer` and `createThumbnail`, as player.js describes them."""

SCRIPT = (
    "window.landscapePlayer = (() => {\n"
    + re.sub(r"^export ", "", MODULE, flags=re.MULTILINE)
    + "\nreturn {createPlayer, createThumbnail};\n})();\n"
)
"""The same as a classic script, which a page may load from a file: `landscapePlayer`."""
