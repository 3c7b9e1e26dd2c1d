"""Where this user's results are kept."""

import os
from pathlib import Path

import platformdirs

from landscape_core.storage.store import Store


def user_store() -> Store:
    """The store on this machine: in `LANDSCAPE_CACHE`, or in the user's cache folder.

    It has a folder to itself there, as every netCDF file of that folder is its own to remove.
    """
    folder = os.environ.get("LANDSCAPE_CACHE") or platformdirs.user_cache_dir("landscape-lab")
    return Store(Path(folder) / "results")
