"""Datasets on disk under their keys, for several processes at once.

A store never stops the work that it serves: what cannot be kept is computed again another time.
"""

import contextlib
import os
import time
import warnings
from pathlib import Path

import xarray as xr

from landscape_core import schema
from landscape_core.errors import FileFormatError, MissingDataError, SpecError

MEGABYTE = 10**6

ABANDONED = 3600.0
"""Seconds after which an unfinished or a damaged file is removed."""


class Store:
    """A folder of datasets that stays below a limit: those not asked for longest are dropped."""

    def __init__(self, folder: Path, limit_mb: float = 512) -> None:
        """Open the folder, making it if need be; warn if nothing can be kept in it.

        Args:
            folder: where the files lie; may be shared with other processes.
            limit_mb: megabytes (10^6 bytes) that all files together may take.

        Raises:
            SpecError: a limit that is not positive.
        """
        if not limit_mb > 0:
            raise SpecError("limit_mb", limit_mb, "larger than 0")
        self.folder = Path(folder)
        self.limit_mb = limit_mb
        self.writable = True
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._give_up(error)

    def get(self, key: str) -> xr.Dataset | None:
        """The dataset of a key, or None; a damaged file is set aside with a warning."""
        path = self._path(key)
        try:
            dataset = schema.load(path)
        except MissingDataError:
            return None
        except FileFormatError as error:
            self._set_aside(path, error)
            return None
        try:
            os.utime(path)  # asked for now, so dropped last
        except OSError:
            return dataset  # another process dropped it, or the disk is read-only
        return dataset

    def put(self, key: str, dataset: xr.Dataset) -> None:
        """Keep a dataset under a key; on a full or read-only disk warn once, then keep nothing."""
        if not self.writable:
            return
        try:
            schema.save(dataset, self._path(key))
            self._evict()
        except OSError as error:
            self._give_up(error)

    def clear(self) -> int:
        """Remove all datasets; how many there were."""
        files = list(self.folder.glob("*.nc"))
        for path in files:
            path.unlink(missing_ok=True)
        return len(files)

    def _path(self, key: str) -> Path:
        if not key.isalnum():
            raise SpecError("key", key, "letters and digits only")
        return self.folder / f"{key}.nc"

    def _evict(self) -> None:
        now = time.time()
        for pattern in (".*.part", "*.damaged"):
            for path in self.folder.glob(pattern):
                if now - _stat(path)[0] > ABANDONED:
                    path.unlink(missing_ok=True)
        found = sorted((*_stat(path), path) for path in self.folder.glob("*.nc"))
        excess = sum(size for _, size, _ in found) - self.limit_mb * MEGABYTE
        for _, size, path in found:
            if excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= size

    def _set_aside(self, path: Path, error: FileFormatError) -> None:
        # Another process may have done so first, or the disk may be read-only.
        with contextlib.suppress(OSError):
            path.replace(path.with_suffix(".damaged"))
        warnings.warn(f"A kept result is damaged and will be computed anew. {error}", stacklevel=3)

    def _give_up(self, error: OSError) -> None:
        self.writable = False
        reason = error.strerror or str(error)
        warnings.warn(
            f"Results are not kept: {self.folder} cannot be written to ({reason}).", stacklevel=3
        )


def _stat(path: Path) -> tuple[float, int]:
    """When a file was last asked for, and its size; nothing if another process dropped it."""
    try:
        found = path.stat()
    except OSError:
        return time.time(), 0
    return found.st_mtime, found.st_size
