"""The files that the laboratory's parts are written in, as they were when they were loaded."""

import functools
import hashlib
import sys
import time
from pathlib import Path

SHIPPED = ("landscape_core", "landscape_lab")
"""The packages whose parts are identified by their files."""

LOADED = time.time_ns()
"""When this was imported, before any part was."""


def is_shipped(module: str) -> bool:
    """Whether a module is one of the laboratory itself."""
    return module.partition(".")[0] in SHIPPED


def written_in(module: str) -> str:
    """A digest of a module's file, and of what the parts of its folder share.

    That is `base.py`, and the files whose names begin with an underscore. A file that is edited
    later is not what this process runs, so the bytes are those from when it was loaded. Empty for a
    module that is no part of the laboratory, or has no file.
    """
    if not is_shipped(module):
        return ""
    place = getattr(sys.modules.get(module), "__file__", None)
    own = _bytes(Path(place)) if place else b""
    if not own:
        return ""
    return hashlib.sha256(own + _shared(Path(place or "").parent)).hexdigest()


@functools.cache
def _shared(folder: Path) -> bytes:
    paths = sorted([*folder.glob("_[!_]*.py"), *folder.glob("base.py")])
    return b"".join(hashlib.sha256(path.name.encode() + _bytes(path)).digest() for path in paths)


def _bytes(path: Path) -> bytes:
    """What a file holds; nothing where there is none, as in a zip archive."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
