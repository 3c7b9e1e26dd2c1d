"""Datasets on disk under their keys, for several processes at once.

A store never stops the work that it serves: what cannot be kept is computed again another time. No
lock is needed. An entry is one file, sealed by a digest and put in its place by one renaming; a
reader verifies the checksum, and a killed process leaves a file that the next one removes.
"""

import contextlib
import math
import os
import time
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import xarray as xr

from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.storage import atomic_files, checksum, netcdf, schema

MEGABYTE = 10**6

SLACK = 1 / 64
"""The fraction of the limit that may be written before all files are counted again."""

KEY_LIMIT = 128
"""Letters of the longest key."""

UNFINISHED = "part"
"""What the key of an unfinished slice ends with."""


@dataclass(frozen=True)
class Entry:
    """What a store tells about one dataset: its kind, bytes on disk, last use, and in words."""

    key: str
    kind: str
    size: int
    used: datetime
    about: str


@dataclass(frozen=True)
class Health:
    """What verifying found: good entries, keys of damaged ones quarantined, leftovers removed."""

    good: int
    damaged: tuple[str, ...]
    leftover: tuple[str, ...]


@dataclass(frozen=True)
class Removed:
    """How many entries were removed, and how many bytes they took."""

    number: int
    size: int


class Store:
    """A folder of datasets that stays below a limit: those not asked for longest are dropped."""

    def __init__(self, folder: Path, limit_mb: float = 512) -> None:
        """Open the folder, making it if need be; warn if nothing can be kept in it.

        Args:
            folder: where the files lie; may be shared with other processes. It is the store's own:
                every netCDF file in it counts as an entry, and may be removed.
            limit_mb: megabytes (10^6 bytes) that all files together may take.

        Raises:
            SpecError: a limit that is not positive.
        """
        if not limit_mb > 0:
            raise SpecError("limit_mb", limit_mb, "larger than 0")
        self.folder = Path(folder)
        self.limit_mb = limit_mb
        self.writable = True
        self.checked: set[str] = set()  # keys whose entries were compared with a computation
        self._room = 0.0  # bytes that may be written before all files are counted again
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._give_up(error)

    def get(self, key: str) -> xr.Dataset | None:
        """The dataset of a key, or None; a damaged file is quarantined with a warning."""
        path = self._path(key)
        for _ in range(3):  # once more where another process has just mended what was damaged
            try:
                data = path.read_bytes()
                checksum.check(key, data)
                dataset = netcdf.from_bytes(data)
            except (OSError, schema.SchemaVersionError):
                return None  # that of another release is computed anew and written over
            except FileFormatError as error:
                if self._set_aside(path):
                    told = f"A cached result is damaged and will be computed anew: {error}"
                    warnings.warn(told, stacklevel=2)
                    return None
            else:
                with contextlib.suppress(OSError):  # dropped just now, or on a read-only disk
                    os.utime(path)  # asked for now, so dropped last
                return dataset
        return None

    def put(self, key: str, dataset: xr.Dataset) -> None:
        """Keep a dataset under a key; on a full or read-only disk warn once, then keep nothing."""
        path = self._path(key)
        if not self.writable:
            return
        content = netcdf.to_bytes(dataset)
        footer = checksum.footer(key, content, schema.describe(dataset))
        size = len(content) + len(footer)
        if size > self.limit_mb * MEGABYTE:
            took, limit = f"{size / MEGABYTE:.1f} MB", f"{self.limit_mb:g} MB"
            warnings.warn(f"A result of {took} is not kept: the limit is {limit}.", stacklevel=2)
            return
        try:
            self._make_room(path, size)
            self._write(path, [content, footer])
        except OSError as error:
            self._give_up(error)

    def drop(self, key: str) -> None:
        """Remove the entry of a key, if there is one and the disk lets it go."""
        atomic_files.removed(self._path(key))

    def clear(self) -> int:
        """Remove all datasets; how many there were."""
        atomic_files.tidy(self.folder)
        return sum(atomic_files.removed(file.path) for file in self._kept())

    def entries(self) -> list[Entry]:
        """All entries, the last used first; what they say of themselves is not verified."""
        return [_entry(file) for file in reversed(self._kept())]

    def verify(self) -> Health:
        """Read every entry and check each byte; quarantine damaged ones and remove leftovers."""
        leftover = atomic_files.tidy(self.folder)
        good, damaged = 0, []
        for file in self._kept():
            try:
                sound = _is_sound(file.path)
            except FileNotFoundError:
                continue  # another process has just dropped it
            except OSError:
                sound = False  # the disk cannot read it
            if sound or not self._set_aside(file.path):
                good += 1
            else:
                damaged.append(file.path.stem)
        return Health(good, tuple(sorted(damaged)), tuple(leftover))

    def prune(self, limit_mb: float | None = None, older_than_days: float | None = None) -> Removed:
        """Remove entries not used for some days, then those used least recently above a limit.

        Args:
            limit_mb: megabytes that may stay; by default the store's own limit.
            older_than_days: days since the last use; by default any number.

        Raises:
            SpecError: a number that is negative.
        """
        limit = _not_negative("limit_mb", self.limit_mb if limit_mb is None else limit_mb)
        days = math.inf if older_than_days is None else older_than_days
        before = time.time() - _not_negative("older_than_days", days) * 86400
        atomic_files.tidy(self.folder)
        gone = atomic_files.shrink([file for file in self._kept() if file.used < before], 0)
        gone += atomic_files.shrink(self._kept(), limit * MEGABYTE)
        return Removed(len(gone), sum(file.size for file in gone))

    def _path(self, key: str) -> Path:
        if not (key.isalnum() and key.isascii() and len(key) <= KEY_LIMIT):
            raise SpecError("key", key, f"letters and digits only, at most {KEY_LIMIT}")
        return self.folder / f"{key}.nc"

    def _write(self, path: Path, chunks: list[bytes]) -> None:
        try:
            atomic_files.write(path, chunks)
        except FileNotFoundError:  # somebody has removed the folder
            self.folder.mkdir(parents=True, exist_ok=True)
            atomic_files.write(path, chunks)

    def _make_room(self, path: Path, size: int) -> None:
        """Remove what would be too much once so many bytes are written to a path."""
        self._room -= size
        if self._room >= 0:
            return
        atomic_files.tidy(self.folder)
        limit = self.limit_mb * MEGABYTE
        others = [file for file in self._kept() if file.path != path]
        total = size + sum(file.size for file in others)
        if total > limit:
            gone = atomic_files.shrink(others, limit * (1 - SLACK) - size)
            total -= sum(file.size for file in gone)
        self._room = min(limit * SLACK, limit - total)

    def _kept(self) -> list[atomic_files.File]:
        """All entries that are there, good or damaged, those not used for longest first."""
        return atomic_files.listed(self.folder, ".nc")

    def _set_aside(self, path: Path) -> bool:
        """Whether an entry was damaged, and is now out of the way; a good one stays."""
        aside = path.with_suffix(atomic_files.DAMAGED)
        with contextlib.suppress(OSError):  # another process was faster, or a read-only disk
            if _is_sound(path):
                return False  # another process has written it anew
            path.replace(aside)
            if _is_sound(aside):  # it did so at the last moment
                aside.replace(path)
                return False
            os.utime(aside)  # kept for a while from now on
        return True

    def _give_up(self, error: OSError) -> None:
        self.writable = False
        reason = error.strerror or str(error)
        told = f"Results are not kept: {self.folder} cannot be written to ({reason})."
        warnings.warn(told, stacklevel=3)


def _entry(file: atomic_files.File) -> Entry:
    key = file.path.stem
    try:
        label = checksum.label_in(file.path)
    except OSError:
        label = {}  # dropped just now, or not ours to read
    kind = "unfinished" if key.endswith(UNFINISHED) else label.get("kind", "other")
    about = label.get("about", "without a readable seal")
    return Entry(key, kind, file.size, datetime.fromtimestamp(file.used, UTC), about)


def _is_sound(path: Path) -> bool:
    """Whether a file is as it was written under the name that it has.

    Raises:
        OSError: it cannot be read.
    """
    try:
        checksum.check(path.stem, path.read_bytes())
    except FileFormatError:
        return False
    return True


def _not_negative(field: str, value: float) -> float:
    if not value >= 0:
        raise SpecError(field, value, "0 or more")
    return value


def check_store(given: object) -> None:
    """Refuse what is no store.

    Raises:
        SpecError: a path, for instance, which `Store` makes one of.
    """
    if given is not None and not isinstance(given, Store):
        raise SpecError("store", given, "a Store, for instance Store(path), or None")
