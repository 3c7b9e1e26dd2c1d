"""A slice as it is asked for: exact or to a tolerance, here or elsewhere, and kept."""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import xarray as xr

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import canonical, name_of, to_plain
from landscape_core.foundation.registry import entries
from landscape_core.models.measures.base import Measure
from landscape_core.slices.adaptive import refine
from landscape_core.slices.backends.base import Backend
from landscape_core.slices.backends.serial import Serial
from landscape_core.slices.cost import estimate, memory_of_values
from landscape_core.slices.grid import Grid
from landscape_core.slices.grid_values import Spread
from landscape_core.slices.held_variances import with_held
from landscape_core.slices.interpolation import Floats
from landscape_core.slices.last_dataset import stating, with_last
from landscape_core.slices.plane_of_slice import with_plane, without_plane
from landscape_core.slices.probe import Probe
from landscape_core.slices.slice_key import slice_key
from landscape_core.slices.spot_checks import OTHERWISE, Checked, spot_check
from landscape_core.slices.streamed_slice import stating_streams, with_passes
from landscape_core.slices.sweep import exact, sweep
from landscape_core.slices.tolerance import Tolerance
from landscape_core.storage import schema
from landscape_core.storage.store import UNFINISHED, Store, check_store

CONSTANT = (
    "The loss on the {} data is the same at all {} computed points, to rounding, although the "
    "parameters move: perhaps the loss is that of another model, the network is dead here, "
    "or the span is too small."
)

ROUNDED = 4
"""Losses that differ by no more than so many units of rounding are the same."""

UNKEPT = (
    "This slice is not kept: its data are streamed, and what they are is known only when they have"
    " been read."
)

KEEP = 2.0
"""Seconds after which an unfinished slice is kept anew."""


@public_call
def compute_slice(  # noqa: PLR0913 - each choice by its name
    read: Probe,
    grid: Grid,
    attrs: Mapping[str, Any] | None = None,
    *,
    tolerance: Tolerance | None = None,
    backend: Backend | None = None,
    store: Store | None = None,
    device: str | torch.device | None = None,
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
        device: the kind of device on which workers of a backend compute; by default a graphics
            card where they have one.

    Raises:
        SpecError: its values would not fit into memory; before any work.
        BackendError: the backend cannot be reached.
    """
    check_store(store)
    if read.streams:
        _check_streaming(store, backend)
        memory_of_values(read, grid)
        store = None
    elif not read.seconds < 1e-3:  # what takes no time needs no memory worth a look
        estimate(read, grid)
    keys = _keys(read, grid, tolerance) if store else []
    known = _answer(read, grid, tolerance, store, keys)
    if known is not None:
        yield with_plane(known.assign_attrs(attrs or {}), read.plane, store)
        return
    key = keys[-1] if keys else ""
    start = _kept(read, store, key + UNFINISHED) if key else None
    spread = None if backend is None else _travelling(backend, device)
    work = _computed(read, grid, attrs, tolerance, spread, start)
    noted = _noted(work, store, key) if store and key else work
    last = None
    for last in _checked(read, noted, lambda: _plainly(read, grid, attrs, tolerance), store):
        yield last
    if store and key and last is not None:
        store.put(key, without_plane(last))
        store.checked.add(key)
        store.drop(key + UNFINISHED)


def _answer(
    read: Probe, grid: Grid, tolerance: Tolerance | None, store: Store | None, keys: Sequence[str]
) -> xr.Dataset | None:
    """What the store has under one of the keys, by the strategy that is asked for, if one is."""
    for key in keys:
        known = _kept(read, store, key)
        if known is not None and _is_by(read, known):
            return known
    if keys and read.preferred:  # perhaps the strategy was the fastest one before
        unnamed = replace(read, preferred=False)
        return next(
            (
                known
                for key in _keys(unnamed, grid, tolerance)
                if (known := _kept(read, store, key)) is not None and _is_by(read, known)
            ),
            None,
        )
    return None


def _is_by(read: Probe, known: xr.Dataset) -> bool:
    """Whether a cached slice is by the strategies that are asked for by name, if any are."""
    asked = [name_of(type(one)) for one in read.strategies.values()]
    return not (read.named or read.preferred) or list(known.attrs.get("strategy", ())) == asked


def _noted(work: Iterator[xr.Dataset], store: Store, key: str) -> Iterator[xr.Dataset]:
    """The same datasets, one of which is kept every two seconds."""
    kept_at = time.perf_counter()
    for dataset in work:
        if time.perf_counter() - kept_at > KEEP:
            store.put(key + UNFINISHED, dataset)
            kept_at = time.perf_counter()
        yield dataset


def _kept(read: Probe, store: Store | None, key: str) -> xr.Dataset | None:
    """What the store has under a key, if one of its points agrees with the plain evaluation."""
    known = store.get(key) if store else None
    if store is None or known is None or key in store.checked:
        return known
    if not spot_check(read.plainly(), known, most=1, even_plain=True).agree:
        warnings.warn(OTHERWISE.format("A cached slice"), stacklevel=4)
        store.drop(key)
        return None
    store.checked.add(key)
    return known


def _checked(
    read: Probe,
    work: Iterator[xr.Dataset],
    plainly: Callable[[], xr.Dataset],
    store: Store | None,
) -> Iterator[xr.Dataset]:
    """The datasets, of whose last some points agree with the plain evaluation; else that one.

    The last one alone holds its plane: a picture on the way does not need them.
    """
    for dataset, last in with_last(work):
        if not last:
            yield dataset
            continue
        finished = stating_streams(read, dataset, stacklevel=3)
        if finished is None:
            finished = with_passes(read, stating(Checked(), plainly()))
        finished = with_held(read, finished)
        _tell_constant(finished)
        yield with_plane(finished.assign_attrs(_asked(read)), read.plane, store)


def _check_streaming(store: Store | None, backend: Backend | None) -> None:
    """Refuse a backend, and say that nothing is kept: of streamed data no key is known beforehand.

    Raises:
        SpecError: a backend that computes elsewhere.
    """
    if backend is not None and not isinstance(backend, Serial):
        accepted = "None, as the data are streamed: they are read in this process alone"
        raise SpecError("backend", name_of(type(backend)), accepted)
    if store is not None:
        warnings.warn(UNKEPT, stacklevel=4)


def _asked(read: Probe) -> dict[str, Any]:
    """What else of the choices one needs to compute a slice again."""
    known = entries(Measure)
    measures = {
        name: to_plain(one) if known.holds(type(one)) else "own"
        for name, one in read.measures.items()
    }
    return {"measures": canonical(measures), "tf32": int(read.tf32)}


def _plainly(
    read: Probe, grid: Grid, attrs: Mapping[str, Any] | None, tolerance: Tolerance | None
) -> xr.Dataset:
    """The finished slice, all of it by the plain evaluation in this process."""
    *_, last = _computed(read.plainly(), grid, attrs, tolerance, None, None)
    return last


def _tell_constant(dataset: xr.Dataset) -> None:
    """Warn of a loss that does not move with the parameters."""
    losses = dataset[schema.LOSS].values[:, dataset[schema.COMPUTED].values]
    if losses.shape[1] < 2 or not np.isfinite(losses).all():
        return
    rounding = ROUNDED * float(torch.finfo(getattr(torch, dataset.attrs["dtype"])).eps)
    still = np.ptp(losses, axis=1) <= rounding * np.abs(losses).max(axis=1)
    for split in dataset[schema.SPLIT].values[still]:
        warnings.warn(CONSTANT.format(split, losses.shape[1]), stacklevel=4)


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
    spread: Spread | None,
    start: xr.Dataset | None,
) -> Iterator[xr.Dataset]:
    if tolerance is not None:
        return refine(read, grid, tolerance, attrs, start=start, spread=spread)
    points = grid.resolution * grid.shape(2)[0]
    quick = spread is None and start is None and read.seconds * points < KEEP / 10
    if quick or read.streams:  # nobody would see a coarse picture, or it would take another pass
        return exact(read, grid, attrs)
    return sweep(read, grid, attrs, start=start, spread=spread)


def _travelling(backend: Backend, device: str | torch.device | None) -> Spread:
    """How a backend makes the calls of a probe, on the graphics cards that its workers have."""
    on_card = device is None or torch.device(device).type == "cuda"

    def spread(call: Callable[[Floats], Floats], items: Sequence[Floats]) -> Iterator[Any]:
        travels = Travelling(call.to("cpu"), on_card=on_card) if isinstance(call, Probe) else call
        return backend.map(travels, items)

    return spread


class Travelling:
    """A probe that computes on the graphics card of the worker it comes to, if there is one."""

    def __init__(self, read: Probe, *, on_card: bool = True) -> None:
        """Hold a probe whose tensors lie in ordinary memory; `on_card`: it may leave that."""
        self._read, self.on_card = read, on_card
        self.arrived: Probe | None = None

    def __call__(self, coords: Floats) -> Floats:
        """The values at coordinates (K, D): (S, R, K)."""
        if self.arrived is None:
            self.arrived = self._read
            if self.on_card and torch.cuda.is_available():
                self.arrived = self._read.to(f"cuda:{torch.cuda.current_device()}")
        return self.arrived(coords)

    def __getstate__(self) -> dict[str, Any]:
        """As it was before it arrived."""
        return {"_read": self._read, "on_card": self.on_card, "arrived": None}
