"""A slice as it is asked for: exact or to a tolerance, here or elsewhere, and kept."""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
import xarray as xr

from landscape_core.foundation.errors import SpecError
from landscape_core.slices.adaptive import Tolerance, refine
from landscape_core.slices.backends.base import Backend
from landscape_core.slices.cost import estimate
from landscape_core.slices.grid import Grid
from landscape_core.slices.grid_values import Spread
from landscape_core.slices.interpolation import Floats
from landscape_core.slices.probe import Probe
from landscape_core.slices.slice_key import slice_key
from landscape_core.slices.sweep import exact, sweep
from landscape_core.storage.store import UNFINISHED, Store

KEEP = 2.0
"""Seconds after which an unfinished slice is kept anew."""


def compute_slice(
    read: Probe,
    grid: Grid,
    attrs: Mapping[str, Any] | None = None,
    *,
    tolerance: Tolerance | None = None,
    backend: Backend | None = None,
    store: Store | None = None,
) -> Iterator[xr.Dataset]:
    """The slice from coarse to fine, the last dataset being what was asked; from the store at once.

    An unfinished slice is kept every two seconds, and one that was interrupted goes on from the
    points that are done.

    Args:
        read: what is read at each point.
        grid: at which points.
        attrs: attributes of the datasets.
        tolerance: up to which error points may be interpolated; by default none is.
        backend: where to compute; by default in this process.
        store: where to keep the slice.

    Raises:
        SpecError: its values would not fit into memory; before any work.
        BackendError: the backend cannot be reached.
    """
    if not read.seconds < 1e-3:  # what takes no time needs no memory worth a look
        estimate(read, grid)
    keys = _keys(read, grid, tolerance) if store else []
    for key in keys:
        known = store.get(key) if store else None
        if known is not None:
            yield known.assign_attrs(attrs or {})
            return
    key = keys[-1] if keys else ""
    start = store.get(key + UNFINISHED) if store and key else None
    kept_at, last = time.perf_counter(), None
    for last in _computed(read, grid, attrs, tolerance, backend, start):
        if store and key and time.perf_counter() - kept_at > KEEP:
            store.put(key + UNFINISHED, last)
            kept_at = time.perf_counter()
        yield last
    if store and key and last is not None:
        store.put(key, last)
        store.drop(key + UNFINISHED)


def _keys(read: Probe, grid: Grid, tolerance: Tolerance | None) -> list[str]:
    """The keys under which a slice that serves may be kept, its own last; none, with a warning."""
    try:
        whole = slice_key(read, grid)
        return [whole] if tolerance is None else [whole, slice_key(read, grid, tolerance)]
    except SpecError as error:
        warnings.warn(f"This slice is not kept: {error}", stacklevel=3)
        return []


def _computed(
    read: Probe,
    grid: Grid,
    attrs: Mapping[str, Any] | None,
    tolerance: Tolerance | None,
    backend: Backend | None,
    start: xr.Dataset | None,
) -> Iterator[xr.Dataset]:
    spread: Spread | None = _travelling(backend) if backend else None
    if tolerance is not None:
        return refine(read, grid, tolerance, attrs, start=start, spread=spread)
    quick = backend is None and start is None and read.seconds * grid.resolution**2 < KEEP / 10
    if quick:  # nobody would see a coarse picture
        return exact(read, grid, attrs)
    return sweep(read, grid, attrs, start=start, spread=spread)


def _travelling(backend: Backend) -> Spread:
    """How a backend makes the calls of a probe, on the graphics cards that its workers have."""

    def spread(call: Callable[[Floats], Floats], items: Sequence[Floats]) -> Iterator[Any]:
        travels = Travelling(call.to("cpu")) if isinstance(call, Probe) else call
        return backend.map(travels, items)

    return spread


class Travelling:
    """A probe that computes on the graphics card of the worker it comes to, if there is one."""

    def __init__(self, read: Probe) -> None:
        """Hold a probe whose tensors lie in ordinary memory."""
        self._read = read
        self._arrived: Probe | None = None

    def __call__(self, coords: Floats) -> Floats:
        """The values at coordinates (K, D): (S, R, K)."""
        if self._arrived is None:
            self._arrived = self._read.to("cuda") if torch.cuda.is_available() else self._read
        return self._arrived(coords)

    def __getstate__(self) -> dict[str, Any]:
        """As it was before it arrived."""
        return {"_read": self._read, "_arrived": None}
