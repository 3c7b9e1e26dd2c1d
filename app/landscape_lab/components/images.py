"""The small pictures of the app: SVG files in a folder, written by `make thumbnails`."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path


@cache
def images(folder: Path) -> Mapping[str, str]:
    """The SVG images in a folder, by the names of their files."""
    return {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.svg"))}
